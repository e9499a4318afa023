"""A menu's tax rates: percent as its document writes them, and as pricing counts them. No float touches them."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

# One rate, percent as text ("8.25"), or several, each with its name.
Rates: TypeAlias = "str | tuple[tuple[str, str], ...]"

_PERCENT: Final = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?")
_MILLIONTHS_MAX: Final = 1_000_000  # the whole price


def millionths(percent: str) -> int:
    """A rate in millionths, exactly. Raises ValueError: no number, more than four decimals, above 100.

    >>> millionths("8.25")
    82500
    """
    found = _PERCENT.fullmatch(percent)
    count = int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0")) if found else None
    if count is None or count > _MILLIONTHS_MAX:
        raise ValueError('must be percent as text, from 0 to 100 with at most four decimals, such as "8.25"')
    return count


def rates_of(tax_rates: Sequence[tuple[str, Rates]]) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """By category, each rate with its name, in millionths.

    Our reading: a rate that stands alone is called as its category is.
    """
    return {
        category: ((category, millionths(rates)),)
        if isinstance(rates, str)
        else tuple((name, millionths(percent)) for name, percent in rates)
        for category, rates in tax_rates
    }
