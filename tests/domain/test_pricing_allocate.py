"""Spreading a discount: exact to the cent for any cart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.money import Cents
from heard.domain.pricing.allocate import allocate

CARTS = st.lists(st.integers(0, 10**7), min_size=1, max_size=40)


@given(CARTS, st.data())
def test_shares_sum_exactly_and_no_line_falls_below_zero(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = allocate(Cents(amount), [Cents(weight) for weight in weights])
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(CARTS, st.data())
def test_a_share_is_within_a_cent_of_its_exact_proportion(weights: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(weights)))
    shares = allocate(Cents(amount), [Cents(weight) for weight in weights])
    whole = sum(weights)
    assert all(
        abs(share * whole - amount * weight) < max(whole, 1) for share, weight in zip(shares, weights, strict=True)
    )


def test_ties_go_to_the_earlier_line() -> None:
    assert allocate(Cents(1), [Cents(5), Cents(5)]) == (1, 0)
    assert allocate(Cents(1000), [Cents(333), Cents(333), Cents(334)]) == (333, 333, 334)


@pytest.mark.parametrize(("amount", "weights"), [(11, [10]), (-1, [10]), (0, [-1, 5]), (1, [])])
def test_what_cannot_be_spread_is_refused(amount: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot be spread"):
        allocate(Cents(amount), [Cents(weight) for weight in weights])
