"""What a hub tells a marketplace, as the marketplace reads it: one event, from a webhook or out of the feed.

Our reading: a type that this version does not know is a plain Event with its `data`, since a hub may be newer than
whoever listens to it. One of a known type must have what belongs to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from heard.protocols.link import wire
from heard.protocols.statuses import read_public_status
from heard.protocols.strict_json import read, shape
from heard.protocols.times import read_time


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
    """`store.connected`, `store.disconnected`, `store.paused`, `store.resumed`. `sequence` grows, with gaps."""

    venue_id: str
    sequence: int
    by: str | None = None
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEvent(Event):
    """`menu.published`, with its address and version, and `menu.unpublished`. `sequence` grows, with gaps."""

    venue_id: str
    sequence: int
    menu_url: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointEvent(Event):
    """`endpoint.disabled`: a webhook endpoint of yours hears nothing any more. In the feed, and to your others."""

    endpoint_id: str
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of the feed. `next` is the cursor behind it, also when nothing is new."""

    events: tuple[Event, ...]
    next: str


_ORDERS: Final = frozenset(
    """order.confirmed order.rejected order.in_prep order.eta_updated order.ready order.completed
    order.cancelled""".split()
)
_STORES: Final = frozenset("store.connected store.disconnected store.paused store.resumed".split())
_MENUS: Final = frozenset("menu.published menu.unpublished".split())
_ENDPOINTS: Final = frozenset({"endpoint.disabled"})


class _Body(msgspec.Struct, kw_only=True, frozen=True):
    """Any webhook's body."""

    type: str
    timestamp: str
    data: dict[str, Any]


class _Told(_Body, kw_only=True, frozen=True):
    """The same in the feed."""

    id: str


class _Page(msgspec.Struct, kw_only=True, frozen=True):
    events: list[_Told]
    next: str


def decode_event(event_id: str, raw: bytes) -> Event:
    """The body of a verified webhook; its id stands in the headers. Raises Refused(malformed_json | invalid_body)."""
    return _event(event_id, read(raw, _Body))


def decode_event_page(raw: bytes) -> EventPage:
    """A page of the feed. Raises Refused(malformed_json | invalid_body)."""
    page = read(raw, _Page)
    return EventPage(tuple(_event(one.id, one) for one in page.events), page.next)


def _event(event_id: str, body: _Body) -> Event:
    at, data = read_time(body.timestamp, "$.timestamp"), body.data
    common: dict[str, Any] = {"id": event_id, "type": body.type, "timestamp": at, "data": data}
    if body.type in _ORDERS:
        order = msgspec.structs.asdict(shape(data, wire.EventData))
        order["status"] = read_public_status(order["status"], "$.data.status")
        order["ready_at"] = _optional(order["ready_at"], "$.data.ready_at")
        return OrderEvent(**common, **order)
    if body.type in _STORES:
        store = shape(data, wire.StoreEventData)
        until = _optional(store.until, "$.data.until")
        return StoreEvent(
            **common,
            venue_id=store.venue_id,
            sequence=store.sequence,
            by=store.by,
            reason=store.reason,
            until=until,
        )
    if body.type in _MENUS:
        menu = shape(data, wire.StoreEventData)
        return MenuEvent(
            **common,
            venue_id=menu.venue_id,
            sequence=menu.sequence,
            menu_url=menu.menu_url,
            version=menu.version,
        )
    if body.type in _ENDPOINTS:
        return EndpointEvent(**common, **msgspec.structs.asdict(shape(data, wire.EndpointEventData)))
    return Event(**common)


def _optional(text: str | None, path: str) -> datetime | None:
    return None if text is None else read_time(text, path)
