"""What a cart must not be, what a proof must find, and the currency's step in every share."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, currency
from heard.domain.pricing.allocate import allocate, spread
from heard.domain.pricing.cart import (
    Cart,
    CartComponent,
    CartError,
    CartLine,
    CartModifier,
    DiscountExceedsSubtotal,
    PricingRules,
    TaxPer,
    TaxRate,
)
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced
from heard.domain.pricing.proof import NotProven, prove
from heard.protocols.carts import millionths, percent

USD, JPY = currency("USD"), currency("JPY")
SALES = TaxRate("Sales", 82_500)
BURGER = CartLine(ProductId("burger"), "Burger", 2, Cents(999), (), (SALES,))
SODA = CartLine(ProductId("soda"), "Soda", 1, Cents(250), (CartModifier(ModifierId("ice"), "Ice", 1, Cents(0)),))
LUNCH = CartLine(
    ProductId("lunch"),
    "Lunch",
    1,
    Cents(1200),
    components=(
        CartComponent(ProductId("soup"), "Soup", 1, Cents(800), (SALES,)),
        CartComponent(ProductId("bread"), "Bread", 1, Cents(500)),
    ),
)
CART = Cart((BURGER, SODA, LUNCH), USD, Cents(500), Cents(200), Cents(99))


def test_more_than_the_subtotal_cannot_be_taken_off_and_both_are_told() -> None:
    with pytest.raises(DiscountExceedsSubtotal) as told:
        price(CART._replace(discount=Cents(3449)), PricingRules())
    assert (told.value.discount, told.value.subtotal) == (3449, 3448)
    assert price(CART._replace(discount=Cents(3448)), PricingRules()).total == 299


def bad_carts() -> dict[str, Cart]:
    odd: Any = 1.5
    modifier = CartModifier(ModifierId("m"), "m", 1, Cents(5))
    below_zero = CartModifier(ModifierId("m"), "m", 1, Cents(-5))
    lines = {
        "a price that is a float": BURGER._replace(unit_price=odd),
        "a quantity that is a float": BURGER._replace(quantity=2.0),
        "a price below zero": BURGER._replace(unit_price=Cents(-1)),
        "a quantity of none": BURGER._replace(quantity=0),
        "a choice below zero": BURGER._replace(modifiers=(below_zero,)),
        "a nested choice below zero": BURGER._replace(modifiers=(modifier._replace(modifiers=(below_zero,)),)),
        "a choice that is a float": BURGER._replace(modifiers=(modifier._replace(unit_price=odd),)),
        "a rate that is a float": BURGER._replace(taxes=(TaxRate("Sales", odd),)),
        "a rate above 100 %": BURGER._replace(taxes=(TaxRate("Sales", 1_000_001),)),
        "a rate below zero": BURGER._replace(taxes=(TaxRate("Sales", -1),)),
        "the same tax twice": BURGER._replace(taxes=(SALES, SALES)),
        "a combo with taxes of its own": LUNCH._replace(taxes=(SALES,)),
        "a part below zero": LUNCH._replace(components=(LUNCH.components[0]._replace(list_price=Cents(-1)),)),
        "a part that is a float": LUNCH._replace(components=(LUNCH.components[0]._replace(list_price=odd),)),
        "a part of none": LUNCH._replace(components=(LUNCH.components[0]._replace(quantity=0),)),
        "a part's rate above 100 %": LUNCH._replace(
            components=(LUNCH.components[0]._replace(taxes=(TaxRate("Sales", 2_000_000),)),)
        ),
    }
    amounts = {
        "a discount below zero": CART._replace(discount=Cents(-1)),
        "a discount that is a float": CART._replace(discount=odd),
        "a tip that is a float": CART._replace(tip=odd),
        "fees below zero": CART._replace(fees=Cents(-1)),
    }
    return {**{name: CART._replace(lines=(SODA, line)) for name, line in lines.items()}, **amounts}


@pytest.mark.parametrize("name", bad_carts())
@pytest.mark.parametrize("per", TaxPer)
def test_a_cart_that_has_no_price_is_refused(name: str, per: TaxPer) -> None:
    with pytest.raises(CartError):
        price(bad_carts()[name], PricingRules(per=per))


def forgeries(good: Priced) -> dict[str, Priced]:
    burger, soda, lunch = good.lines
    soup, bread = lunch.components
    cent = Cents(1)

    def with_lines(*lines: Any) -> Priced:
        return good._replace(lines=lines)

    return {
        "another total": good._replace(total=Cents(good.total + 1)),
        "another tax": good._replace(tax_total=Cents(good.tax_total + 1), total=Cents(good.total + 1)),
        "another discount": good._replace(discount_total=Cents(499), total=Cents(good.total + 1)),
        "a cent moved between shares": with_lines(
            burger._replace(discount=Cents(burger.discount + 1), taxable=Cents(burger.taxable - 1)),
            soda._replace(discount=Cents(soda.discount - 1), taxable=Cents(soda.taxable + 1)),
            lunch,
        ),
        "an odd cent that was not said": with_lines(burger._replace(odd=not burger.odd), soda, lunch),
        "a tax on another base": with_lines(burger._replace(taxes=(burger.taxes[0]._replace(base=cent),)), soda, lunch),
        "a tax left out": with_lines(burger._replace(taxes=(), tax=Cents(0), total=burger.taxable), soda, lunch),
        "a line left out": with_lines(burger, soda),
        "lines in another order": with_lines(soda, burger, lunch),
        "a part left out": with_lines(burger, soda, lunch._replace(components=(soup,))),
        "money moved between parts": with_lines(
            burger,
            soda,
            lunch._replace(
                components=(
                    soup._replace(subtotal=Cents(soup.subtotal - 1), taxable=Cents(soup.taxable - 1)),
                    bread._replace(subtotal=Cents(bread.subtotal + 1), taxable=Cents(bread.taxable + 1)),
                )
            ),
        ),
        "a rate that stands twice": good._replace(
            taxes=(good.taxes[0]._replace(amount=Cents(good.taxes[0].amount - 1)), good.taxes[0]._replace(amount=cent))
        ),
        "a float": good._replace(total=float(good.total)),
    }


@pytest.mark.parametrize("name", forgeries(price(CART, PricingRules())))
def test_a_result_that_was_tampered_with_is_not_proven(name: str) -> None:
    good = price(CART, PricingRules())
    prove(good)
    with pytest.raises(NotProven):
        prove(forgeries(good)[name])


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.data())
def test_where_amount_and_weights_are_whole_steps_so_are_the_shares(units: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(units)))
    shares = allocate(Cents(amount * 100), [Cents(unit * 100) for unit in units], 100)
    assert [share // 100 for share in shares] == list(allocate(Cents(amount), [Cents(unit) for unit in units]))
    assert all(share % 100 == 0 for share in shares)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.data())
def test_where_a_weight_is_no_whole_step_shares_are_exact_in_cents_and_none_exceeds_its_weight(
    weights: list[int], data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = allocate(Cents(amount), [Cents(weight) for weight in weights], 100)
    assert sum(shares) == amount
    assert all(share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.integers(0, 10**7), st.lists(st.integers(0, 100), min_size=1).filter(any))
def test_an_amount_may_be_spread_over_smaller_weights(amount: int, weights: list[int]) -> None:
    shares = spread(Cents(amount), weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1


def test_the_yen_is_priced_in_whole_yen_only() -> None:
    lines = (BURGER._replace(unit_price=Cents(33_300)), LUNCH._replace(unit_price=Cents(99_900)))
    priced = price(Cart(lines, JPY, Cents(10_000)), PricingRules())
    amounts = [amount for line in priced.lines for amount in (line.discount, line.tax, line.total)]
    amounts += [part.subtotal for part in priced.lines[1].components] + [priced.total]
    assert [amount % 100 for amount in amounts] == [0] * len(amounts)


@given(st.integers(0, 1_000_000))
def test_a_rate_is_read_as_it_is_written(rate: int) -> None:
    assert millionths(percent(rate)) == rate


@pytest.mark.parametrize("text", ["", "8,25", "-1", "1e1", "100.0001", "8.12345", "٨", ".5", "5.", " 5", "nan"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no percentage"):
        millionths(text)
