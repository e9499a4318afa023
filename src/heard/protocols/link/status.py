"""Our statuses and events in Link's words, exhaustively, and Link's words read back."""

from typing import assert_never

from heard.domain.endpoints import EndpointEvent
from heard.domain.ids import MarketplaceId
from heard.domain.menu.model import Availability
from heard.domain.order.events import EventKind
from heard.domain.order.model import Party
from heard.domain.stores import HELD_BY_HUB, StoreEvent


def event_type(kind: EventKind) -> str:
    """The type of an event. Our reading: `order.completed`, which the documentation does not name."""
    match kind:
        case EventKind.CONFIRMED:
            return "order.confirmed"
        case EventKind.REJECTED:
            return "order.rejected"
        case EventKind.IN_PREP:
            return "order.in_prep"
        case EventKind.READY:
            return "order.ready"
        case EventKind.COMPLETED:
            return "order.completed"
        case EventKind.ETA_UPDATED:
            return "order.eta_updated"
        case EventKind.CANCELLED:
            return "order.cancelled"
        case _:
            assert_never(kind)


def store_event_type(kind: StoreEvent) -> str:
    """The type of an event about a store."""
    match kind:
        case StoreEvent.CONNECTED:
            return "store.connected"
        case StoreEvent.DISCONNECTED:
            return "store.disconnected"
        case StoreEvent.PAUSED:
            return "store.paused"
        case StoreEvent.RESUMED:
            return "store.resumed"
        case StoreEvent.MENU_PUBLISHED:
            return "menu.published"
        case StoreEvent.MENU_UNPUBLISHED:
            return "menu.unpublished"
        case _:
            assert_never(kind)


def endpoint_event_type(kind: EndpointEvent) -> str:
    """The type of an event about a webhook endpoint. Our reading: the documentation has none."""
    match kind:
        case EndpointEvent.DISABLED:
            return "endpoint.disabled"
        case _:
            assert_never(kind)


def pauser(held_by: str | None) -> str:
    """Who paused a store, in an event. Our reading: a marketplace need not know which other one it was."""
    return {HELD_BY_HUB: "hub", Party.STAFF: "store"}.get(held_by or "", "channel")


def is_told_why(held_by: str | None, reader: MarketplaceId) -> bool:
    """Whether a marketplace reads the reason of a pause. Our reading: never another marketplace's own words."""
    return held_by in (HELD_BY_HUB, Party.STAFF, reader)


def availability_word(availability: Availability) -> str:
    """Whether something can be had, in a menu."""
    match availability:
        case Availability.AVAILABLE:
            return "available"
        case Availability.UNAVAILABLE:
            return "unavailable"
        case Availability.HIDDEN:
            return "hidden"
        case _:
            assert_never(availability)


def canceller(party: Party | None) -> str:
    """Who cancelled, in an event. Our reading: a marketplace knows a store, not its staff."""
    match party:
        case Party.CHANNEL:
            return "channel"
        case Party.STAFF:
            return "store"
        case Party.POS:
            return "pos"
        case Party.HUB | Party.PROVIDER | None:
            return "hub"
        case _:
            assert_never(party)
