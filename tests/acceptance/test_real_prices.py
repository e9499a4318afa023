"""Real orders price to their real totals, and with any discount still to the exact cent."""

import random
from fractions import Fraction

import pytest

import real_data
from heard.domain.ids import ProductId
from heard.domain.money import Cents, currency
from heard.domain.order.content import Line
from heard.domain.pricing.cart import Cart, CartLine, CartModifier, PricingRules, Rounding, TaxPer, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.proof import prove

ABSENT = "the real menus and orders (shared/data beside the checkout) are not on this machine"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not real_data.FOLDER.is_dir(), reason=ABSENT),
]
USD = currency("USD")
FOOD, DRINK = (TaxRate("Food", 22_500), TaxRate("City", 12_500)), (TaxRate("Food", 22_500), TaxRate("Soda", 88_750))


def cart_line(line: Line, taxes: tuple[TaxRate, ...]) -> CartLine:
    modifiers = tuple(CartModifier(one.modifier_id, one.name, one.quantity, one.unit_price) for one in line.modifiers)
    return CartLine(ProductId(line.product_id), line.name, line.quantity, line.unit_price, modifiers, taxes)


def test_the_real_orders_price_to_their_real_totals() -> None:
    orders = real_data.chipotle_orders()
    assert len(orders) == 1834
    for order in orders:
        priced = price(Cart(tuple(cart_line(line, ()) for line in order.lines), USD), PricingRules())
        prove(priced)
        assert priced.total == order.total, order.number
        assert [line.total for line in priced.lines] == [line.subtotal for line in order.lines]


@pytest.mark.parametrize("per", TaxPer)
@pytest.mark.parametrize("inclusive", [False, True])
def test_the_real_orders_with_a_random_discount_price_to_the_exact_cent(per: TaxPer, inclusive: bool) -> None:
    chance = random.Random(2026)
    rules = PricingRules(chance.choice(list(Rounding)), per, inclusive)
    for order in real_data.chipotle_orders():
        lines = tuple(
            cart_line(line, DRINK if "Soda" in line.name or "Water" in line.name else FOOD) for line in order.lines
        )
        discount = Cents(chance.randint(1, order.total))
        priced = price(Cart(lines, USD, discount), rules)
        prove(priced)
        assert sum(line.discount for line in priced.lines) == discount
        assert all(0 <= line.taxable <= line.subtotal for line in priced.lines)
        assert all(abs(line.discount - Fraction(discount * line.subtotal, order.total)) < 1 for line in priced.lines)
        assert priced.total == order.total - discount + (0 if inclusive else priced.tax_total)
