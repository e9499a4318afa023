"""A POS's tax in place of the estimate: what it adds up to, and what of it may be in a price."""

import random

import pytest

from heard.domain.ids import ProductId
from heard.domain.money import Cents, currency
from heard.domain.pricing.accurate import POS_TAX, says_tax, with_tax
from heard.domain.pricing.cart import Cart, CartLine, PricingRules, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced
from random_carts import random_cart

FOOD, DRINK = (TaxRate("Food", 70_000),), (TaxRate("Drink", 190_000),)


def item(name: str, cents: int, taxes: tuple[TaxRate, ...]) -> CartLine:
    return CartLine(ProductId(name), name, 1, Cents(cents), (), taxes)


def adds_up(priced: Priced, tax: int) -> None:
    """Every level of it: rates, lines, parts, the total."""
    assert priced.tax_total == tax == sum(line.tax for line in priced.lines) == sum(one.amount for one in priced.taxes)
    inclusive = priced.rules.inclusive
    for line in priced.lines:
        assert line.tax == sum(one.amount for one in line.taxes)
        for piece in (line, *line.components):
            assert type(piece.tax) is int
            assert piece.tax >= 0
            assert piece.total == piece.taxable + (0 if inclusive else piece.tax)
            assert not inclusive or piece.tax <= piece.taxable
        assert not line.components or line.tax == sum(part.tax for part in line.components)
    assert priced.total == sum(line.total for line in priced.lines) + priced.tip + priced.fees


@pytest.mark.parametrize("seed", range(300))
def test_any_cart_at_any_tax_that_it_may_have_adds_up(seed: int) -> None:
    chance = random.Random(seed)
    cart, rules = random_cart(chance)
    priced, step = price(cart, rules), cart.currency.step
    left = sum(line.taxable for line in priced.lines)
    for tax in (0, step, left // 3, chance.randint(0, left), left, 2 * left):
        if tax and says_tax(priced, Cents(tax)):
            adds_up(with_tax(priced, Cents(tax)), tax)


def test_a_tax_that_is_in_the_prices_leaves_the_total_as_it_was() -> None:
    cart = Cart((item("soup", 1070, FOOD), item("beer", 1190, DRINK)), currency("EUR"), tip=Cents(100))
    priced = price(cart, PricingRules(inclusive=True))
    assert (priced.tax_total, priced.total) == (260, 2360)
    known = with_tax(priced, Cents(261))
    assert [line.tax for line in known.lines] == [70, 191]
    assert (known.tax_total, known.total) == (261, 2360)
    adds_up(known, 261)


def test_a_pos_that_says_nothing_of_a_tax_in_the_prices_or_more_than_was_paid_says_none() -> None:
    priced = price(Cart((item("soup", 1070, FOOD),), currency("EUR"), tip=Cents(500)), PricingRules(inclusive=True))
    assert not says_tax(priced, Cents(0))
    assert says_tax(priced, Cents(1070))
    assert not says_tax(priced, Cents(1071))
    assert says_tax(priced._replace(rules=PricingRules()), Cents(0)), "a tax that is added is none, then"


def test_a_tax_that_would_not_fit_where_the_estimate_put_it_goes_by_what_is_paid() -> None:
    lines = item("soup", 100, (TaxRate("Food", 1_000_000),)), item("beer", 900, (TaxRate("Drink", 0),))
    priced = price(Cart(lines, currency("EUR")), PricingRules(inclusive=True))
    assert [line.tax for line in priced.lines] == [50, 0]
    known = with_tax(priced, Cents(200))
    assert [line.tax for line in known.lines] == [20, 180]
    adds_up(known, 200)


def test_a_tax_where_nothing_was_estimated_is_the_pos_s_own() -> None:
    priced = price(Cart((item("soup", 300, ()), item("beer", 600, ())), currency("USD")), PricingRules())
    known = with_tax(priced, Cents(90))
    assert [(one.name, one.amount) for one in known.taxes] == [(POS_TAX, 90)]
    assert [line.tax for line in known.lines] == [30, 60]
    adds_up(known, 90)
