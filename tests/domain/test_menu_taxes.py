"""Percent as a menu writes it, to millionths: exactly, and nothing that is no percent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.menu.taxes import millionths, rates_of


@pytest.mark.parametrize(
    ("percent", "expected"),
    [("0", 0), ("7", 70_000), ("8.25", 82_500), ("08.2500", 82_500), ("0.0001", 1), ("100", 1_000_000)],
)
def test_a_rate_is_read_exactly(percent: str, expected: int) -> None:
    assert millionths(percent) == expected


@given(st.decimals(0, 100, places=4))
def test_every_rate_there_is_means_what_its_text_says(percent: Decimal) -> None:
    assert Decimal(millionths(str(percent))) == percent * 10_000


@pytest.mark.parametrize("percent", ["", "8,25", "-1", "1e1", "100.0001", "8.25001", "8%", "NaN", "8.", "\u0668"])
def test_what_is_no_percent_is_refused(percent: str) -> None:
    with pytest.raises(ValueError, match="percent"):
        millionths(percent)


def test_a_rate_that_stands_alone_is_called_as_its_category_is() -> None:
    rates = rates_of((("food", "8.25"), ("wine", (("State", "6"), ("City", "2.25")))))
    assert rates == {"food": (("food", 82_500),), "wine": (("State", 60_000), ("City", 22_500))}
