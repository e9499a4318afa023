"""Link's bodies about stores: how one is, and the wish to pause it."""

from collections.abc import Sequence

import msgspec

from heard.domain.ids import MarketplaceId
from heard.domain.refusals import FieldError
from heard.domain.stores import Pause, StoreStatus
from heard.protocols import bodies
from heard.protocols.link import wire
from heard.protocols.link.encode import time_text
from heard.protocols.link.status import is_told_why, pauser
from heard.protocols.strict_json import invalid_body, parse, read

_encoder = msgspec.json.Encoder()


def encode_store(status: StoreStatus, reader: MarketplaceId, hub_url: str) -> bytes:
    """The answer to GET /stores/{venue_id}, and to a pause or a resume."""
    return _encoder.encode(_view(status, reader, hub_url))


def encode_store_list(page: Sequence[StoreStatus], reader: MarketplaceId, hub_url: str, *, more: bool) -> bytes:
    """The answer to GET /stores. `more`: another page may follow."""
    views = [_view(one, reader, hub_url) for one in page]
    return _encoder.encode(wire.StoreList(stores=views, next=page[-1].venue_id if more and page else None))


def decode_pause(raw: bytes) -> tuple[str, int | None]:
    """The reason of a pause and its minutes; None: until it is lifted. Raises Refused(malformed_json, invalid_body)."""
    body = read(raw, bodies.PauseRequest)
    return body.reason, body.duration_minutes


def check_resume(raw: bytes) -> None:
    """A resume needs no body; one that is there is an object. Raises Refused(malformed_json, invalid_body)."""
    if raw and not isinstance(parse(raw), dict):
        raise invalid_body(FieldError("$", "wrong_type", "send nothing, or an object"))


def menu_path(venue_id: str) -> str:
    """Where a store's menu is read."""
    return f"/link/v2/stores/{venue_id}/menu"


def _view(status: StoreStatus, reader: MarketplaceId, hub_url: str) -> wire.StoreView:
    menu = None
    if status.menu_shown is not None and status.menu_kept_at is not None:
        url = hub_url + menu_path(status.venue_id)
        menu = wire.MenuView(version=status.menu_shown, url=url, published_at=time_text(status.menu_kept_at))
    return wire.StoreView(
        venue_id=status.venue_id,
        name=status.name,
        currency=status.currency,
        timezone=status.timezone,
        open=status.is_open,
        pauses=[_pause(one, reader) for one in status.pauses],
        prep_time_min=status.prep_time_min,
        menu=menu,
    )


def _pause(pause: Pause, reader: MarketplaceId) -> wire.PauseView:
    return wire.PauseView(
        by="you" if pause.held_by == reader else pauser(pause.held_by),
        since=time_text(pause.since),
        reason=pause.reason if is_told_why(pause.held_by, reader) else None,
        until=time_text(pause.until) if pause.until else None,
    )
