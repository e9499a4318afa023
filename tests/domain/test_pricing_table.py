"""Two hundred worked carts: every number of each is what the table says, and what paper says of it."""

import pytest

import slow_pricing
from heard.domain.pricing.price import price
from heard.domain.pricing.proof import prove
from worked_carts import Worked, worked_carts

CARTS = worked_carts()


@pytest.mark.parametrize("worked", CARTS, ids=[one.number for one in CARTS])
def test_a_cart_comes_to_what_the_table_says(worked: Worked) -> None:
    priced = price(worked.cart, worked.rules)
    prove(priced)
    assert (priced.subtotal, priced.tax_total, priced.total) == (worked.subtotal, worked.tax, worked.total)
    assert worked.lines == [
        (
            (line.subtotal, line.discount, line.taxable, line.tax),
            [(part.subtotal, part.discount, part.taxable, part.tax) for part in line.components],
        )
        for line in priced.lines
    ]


@pytest.mark.parametrize("worked", CARTS, ids=[one.number for one in CARTS])
def test_the_table_says_what_paper_says(worked: Worked) -> None:
    paper = slow_pricing.on_paper(worked.cart, worked.rules)
    assert (paper.subtotal, paper.tax, paper.total) == (worked.subtotal, worked.tax, worked.total)
    assert worked.lines == [
        (
            (line.subtotal, line.discount, line.left, line.tax),
            [(part.subtotal, part.discount, part.left, part.tax) for part in line.components],
        )
        for line in paper.lines
    ]


def test_there_are_two_hundred_of_them_and_each_kind_is_among_them() -> None:
    assert len(CARTS) == len({one.number for one in CARTS}) == 200
    carts = [one.cart for one in CARTS]
    assert {one.rules for one in CARTS} >= {
        one.rules._replace(rounding=rounding, per=per, inclusive=inclusive)
        for one in CARTS[:1]
        for rounding in ("half_up", "half_even")
        for per in ("line", "order")
        for inclusive in (True, False)
    }
    assert {cart.currency.code for cart in carts} == {"USD", "EUR", "JPY"}
    lines = [line for cart in carts for line in cart.lines]
    assert any(line.components for line in lines)
    assert any(below.modifiers for line in lines for below in line.modifiers)
    assert any(len(line.taxes) > 2 for line in lines)
    assert any(line.unit_price == 0 for line in lines)
    assert any(one.cart.discount == one.subtotal > 0 for one in CARTS)
