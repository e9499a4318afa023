"""What the arguments of several commands have in common, and what is said of them in their help."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token, validators

from heard import limits


def _read_whole(_: Any, tokens: Sequence[Token]) -> int:
    """A whole number as it is written; the library would take 1.5 for 2."""
    text = tokens[0].value
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(text)


def whole(at_least: int | None = None, at_most: int | None = None) -> Parameter:
    """For every argument that is an `int`: a whole number within bounds."""
    return Parameter(converter=_read_whole, validator=validators.Number(gte=at_least, lte=at_most))


def says(text: str) -> Parameter:
    """An argument's line in the help, in place of the one that its kind has."""
    return Parameter(help=text)


Json = Annotated[bool, Parameter(negative="")]
ApiJson = Annotated[bool, Parameter(negative="", help="Print what the admin API answers: one JSON document.")]
Flag = Annotated[bool, Parameter(negative="")]
Page = Annotated[int, whole(1, limits.PAGE_MAX), says("How many at most.")]
OrderId = Annotated[str, says("Our id of the order (ord_...).")]
Venue = Annotated[str, says("The store's venue_id (ven_...).")]
Marketplace = Annotated[str, says("The marketplace's name or id (mkt_...).")]
Application = Annotated[str, says("The application's name or id (app_...).")]
