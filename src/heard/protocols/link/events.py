"""What a hub tells a marketplace, as the marketplace reads it: one event, from a webhook or out of the feed.

Our reading: a type that this version does not know is a plain Event with its `data`, since a hub may be newer than
whoever listens to it. One of a known type must have what belongs to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from heard.protocols.link import wire
from heard.protocols.link.decode import read_time
from heard.protocols.link.status import read_public_status
from heard.protocols.strict_json import read, shape

W = TypeVar("W")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`id` is the same in every delivery and in the feed. `data` is what was sent, as JSON values."""

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent(Event):
    """`order.*`: how the order stands since. `sequence` grows by one per order: what is behind is late."""

    venue_id: str
    order_id: str
    external_order_id: str
    status: str
    sequence: int
    prep_time_min: int | None = None
    ready_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEvent(Event):
    """`store.connected`, `store.disconnected`, `store.paused`, `store.resumed`."""

    venue_id: str
    by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEvent(Event):
    """`menu.published`, with its address and version, and `menu.unpublished`."""

    venue_id: str
    menu_url: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEvent(Event):
    """`endpoint.disabled`: a webhook endpoint of yours hears nothing any more. Only in the feed."""

    endpoint_id: str
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of the feed. `next` is the cursor behind it, also when nothing is new."""

    events: tuple[Event, ...]
    next: str


_KINDS: Final[dict[str, tuple[type[Event], type[msgspec.Struct]]]] = {
    "order": (OrderEvent, wire.EventData),
    "store": (StoreEvent, wire.StoreEventData),
    "menu": (MenuEvent, wire.MenuEventData),
    "endpoint": (EndpointEvent, wire.EndpointEventData),
}
_KNOWN: Final = frozenset(
    """order.confirmed order.rejected order.in_prep order.eta_updated order.ready order.completed order.cancelled
    store.connected store.disconnected store.paused store.resumed menu.published menu.unpublished
    endpoint.disabled""".split()
)


class _Body(msgspec.Struct, kw_only=True, frozen=True):
    """Any webhook's body."""

    type: str
    timestamp: str
    data: dict[str, Any]


def decode_event(event_id: str, raw: bytes) -> Event:
    """The body of a verified webhook; its id stands in the headers. Raises Refused(malformed_json | invalid_body)."""
    body = read(raw, _Body)
    return _event(event_id, body.type, body.timestamp, body.data)


def decode_event_page(raw: bytes) -> EventPage:
    """A page of the feed. Raises Refused(malformed_json | invalid_body)."""
    page = read(raw, wire.EventPage)
    return EventPage(tuple(_event(one.id, one.type, one.timestamp, one.data) for one in page.events), page.next)


def _event(event_id: str, type_: str, timestamp: str, data: dict[str, Any]) -> Event:
    common: dict[str, Any] = {
        "id": event_id,
        "type": type_,
        "timestamp": read_time(timestamp, "$.timestamp"),
        "data": data,
    }
    if type_ not in _KNOWN:
        return Event(**common)
    kind, struct = _KINDS[type_.partition(".")[0]]
    more = msgspec.structs.asdict(shape(data, struct))
    if kind is OrderEvent:
        more["status"] = read_public_status(more["status"], "$.data.status")
        if more["ready_at"] is not None:
            more["ready_at"] = read_time(more["ready_at"], "$.data.ready_at")
    return kind(**common, **more)
