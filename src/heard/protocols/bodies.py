"""What the bodies of Link and of the admin API have in common: the same words within the same bounds."""

from typing import Annotated

import msgspec

from heard import limits

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
