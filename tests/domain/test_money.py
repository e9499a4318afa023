"""Money: exact between decimals and cents, and nothing that a cent cannot express."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.money import MAX_CENTS, Cents, MoneyError, cents_from_decimal, currency, decimal_from_cents


def test_every_amount_up_to_a_hundred_is_exact() -> None:
    for cents in range(10_001):
        assert cents_from_decimal(Decimal(f"{cents // 100}.{cents % 100:02}")) == cents


@given(st.integers(-MAX_CENTS, MAX_CENTS))
def test_cents_survive_the_way_to_a_decimal_and_back(cents: int) -> None:
    amount = decimal_from_cents(Cents(cents))
    assert cents_from_decimal(amount) == cents
    assert amount.as_tuple().exponent == -2


@given(st.integers(-MAX_CENTS, MAX_CENTS), st.integers(1, 40))
def test_zeros_behind_the_cents_change_nothing(cents: int, zeros: int) -> None:
    assert cents_from_decimal(Decimal(f"{decimal_from_cents(Cents(cents))}{'0' * zeros}")) == cents


@pytest.mark.parametrize(
    ("written", "cents"), [("12.99", 1299), ("5", 500), ("1E+2", 10_000), ("-0.00", 0), ("1e-2", 1)]
)
def test_an_amount_means_the_same_however_it_is_written(written: str, cents: int) -> None:
    assert cents_from_decimal(Decimal(written)) == cents


@given(st.integers(-MAX_CENTS, MAX_CENTS), st.integers(1, 9), st.integers(3, 40))
def test_a_fraction_of_a_cent_is_refused_and_never_rounded(cents: int, digit: int, place: int) -> None:
    amount = Decimal(f"{decimal_from_cents(Cents(cents))}{'0' * (place - 3)}{digit}")
    with pytest.raises(MoneyError, match="more than two decimals"):
        cents_from_decimal(amount)


@pytest.mark.parametrize("written", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(MoneyError, match="not an amount"):
        cents_from_decimal(Decimal(written))


@pytest.mark.parametrize("written", ["1000000000.01", "-1000000000.01", "1e13", "1e999999", "9" * 200])
def test_an_amount_beyond_every_order_is_refused(written: str) -> None:
    with pytest.raises(MoneyError, match="too large"):
        cents_from_decimal(Decimal(written))


def test_the_largest_amount_is_still_let_through() -> None:
    assert cents_from_decimal(Decimal("1000000000.00")) == MAX_CENTS
    assert cents_from_decimal(Decimal("-1000000000.00")) == -MAX_CENTS


@pytest.mark.parametrize(
    ("code", "step"), [("USD", 1), ("EUR", 1), ("GBP", 1), ("JPY", 100), ("KRW", 100), ("ISK", 100)]
)
def test_a_currency_knows_its_smallest_payable_step(code: str, step: int) -> None:
    found = currency(code)
    assert (found.code, found.step) == (code, step)


@pytest.mark.parametrize("code", ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
def test_a_currency_with_three_decimals_is_refused(code: str) -> None:
    with pytest.raises(MoneyError, match="three decimals"):
        currency(code)


@pytest.mark.parametrize("code", ["", "usd", "US", "USDX", "XYZ", " USD", "U$D", "USD\n"])
def test_what_is_no_currency_is_refused_by_its_name(code: str) -> None:
    with pytest.raises(MoneyError) as caught:
        currency(code)
    assert repr(code) in str(caught.value)
