"""What Link and the admin API ask and say in common: the same words within the same bounds."""

from typing import Annotated

import msgspec

from heard import limits
from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_MAX)]
Word = Annotated[str, msgspec.Meta(max_length=limits.WORD_MAX)]  # one of few, or a time
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.REASON_MAX)]
Note = Annotated[str, msgspec.Meta(max_length=limits.REASON_MAX)]


class PauseRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST .../stores/{venue_id}/pause. Without a duration, until it is lifted."""

    reason: Reason
    duration_minutes: Annotated[int, msgspec.Meta(ge=1, le=limits.PAUSE_MINUTES_MAX)] | None = None


class PriceDifference(msgspec.Struct, kw_only=True, frozen=True):
    """A place of an order whose price is not the menu's, by its JSON path in the order. In cents."""

    path: str
    menu: int
    order: int


def page_size(text: str | None, usual: int, most: int) -> int:
    """How many rows of a page are wanted, as `limit` says in a query. Raises Refused(invalid_body)."""
    if text is None:
        return usual
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= limits.NUMBER_DIGITS_MAX else 0
    if not 1 <= number <= most:
        raise invalid_body(FieldError("limit", "out_of_range", f"must be a whole number from 1 to {most}"))
    return number
