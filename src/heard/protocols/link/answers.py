"""What a hub answers, as a marketplace reads it: times with their zone, amounts in whole cents. Events: events.py.

Every reader raises Refused(malformed_json | invalid_body) for what is not as agreed.
"""

from dataclasses import dataclass
from datetime import datetime

from heard.domain.order.content import OrderContent
from heard.protocols.link import wire
from heard.protocols.link.decode import content_of
from heard.protocols.statuses import read_public_status
from heard.protocols.strict_json import read
from heard.protocols.times import read_time


@dataclass(frozen=True, slots=True)
class AcceptedOrder:
    """The hub has it on disk. It is confirmed or rejected by `accept_by`."""

    order_id: str
    external_order_id: str
    status: str
    accept_by: datetime


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as it stands now. `sequence` is that of its last event; `content` is what was ordered."""

    order_id: str
    external_order_id: str
    venue_id: str
    status: str
    sequence: int
    accept_by: datetime
    received_at: datetime
    content: OrderContent
    prep_time_min: int | None = None
    ready_at: datetime | None = None
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What came of a cancel. `cancelling`: it is carried out, and told by `order.cancelled`, as soon as it can be."""

    order_id: str
    external_order_id: str
    status: str
    cancelling: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Who holds the store paused: `hub`, `store`, `channel` (another one, whose reason is not told) or `you`."""

    by: str
    since: datetime
    reason: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishedMenu:
    """Which menu is published, and where."""

    version: str
    url: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Store:
    """A store that is connected to you. It is `open` when nobody holds it paused."""

    venue_id: str
    name: str
    currency: str
    timezone: str
    open: bool
    pauses: tuple[Pause, ...]
    prep_time_min: int
    menu: PublishedMenu | None


@dataclass(frozen=True, slots=True)
class StorePage:
    stores: tuple[Store, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Menu:
    """A store's menu. Prices are whole cents; `etag` is what to ask with next time."""

    venue_id: str
    version: str
    currency: str
    published_at: datetime
    categories: tuple[wire.MenuCategory, ...]
    items: tuple[wire.MenuItem, ...]
    modifier_groups: tuple[wire.MenuGroup, ...]
    etag: str | None


def read_accepted(raw: bytes) -> AcceptedOrder:
    """The answer to a new order."""
    body = read(raw, wire.OrderAccepted)
    at = read_time(body.accept_by, "$.accept_by")
    return AcceptedOrder(body.order_id, body.external_order_id, read_public_status(body.status), at)


def read_order(raw: bytes) -> OrderState:
    """An order."""
    return _order(read(raw, wire.OrderView))


def read_orders(raw: bytes) -> tuple[OrderState, ...]:
    """The orders that were found."""
    return tuple(_order(view) for view in read(raw, wire.OrderList).orders)


def read_cancelled(raw: bytes) -> Cancelled:
    """The answer to a cancel."""
    body = read(raw, wire.CancelAnswer)
    return Cancelled(body.order_id, body.external_order_id, read_public_status(body.status), body.cancelling)


def read_store(raw: bytes) -> Store:
    """A store."""
    return _store(read(raw, wire.StoreView), "$")


def read_store_page(raw: bytes) -> StorePage:
    """A page of stores."""
    body = read(raw, wire.StoreList)
    stores = tuple(_store(view, f"$.stores[{place}]") for place, view in enumerate(body.stores))
    return StorePage(stores, body.next)


def read_menu(raw: bytes, etag: str | None) -> Menu:
    """A menu document."""
    body = read(raw, wire.MenuDocument)
    return Menu(
        venue_id=body.venue_id,
        version=body.version,
        currency=body.currency,
        published_at=read_time(body.published_at, "$.published_at"),
        categories=tuple(body.categories),
        items=tuple(body.items),
        modifier_groups=tuple(body.modifier_groups),
        etag=etag,
    )


def _order(view: wire.OrderView) -> OrderState:
    return OrderState(
        order_id=view.order_id,
        external_order_id=view.external_order_id,
        venue_id=view.venue_id,
        status=read_public_status(view.status),
        sequence=view.sequence,
        accept_by=read_time(view.accept_by, "$.accept_by"),
        received_at=read_time(view.received_at, "$.received_at"),
        content=content_of(view.order),
        prep_time_min=view.prep_time_min,
        ready_at=_optional(view.ready_at, "$.ready_at"),
        reason_code=view.reason_code,
        reason=view.reason,
    )


def _store(view: wire.StoreView, path: str) -> Store:
    pauses = tuple(
        Pause(
            one.by,
            read_time(one.since, f"{path}.pauses[{place}].since"),
            one.reason,
            _optional(one.until, f"{path}.pauses[{place}].until"),
        )
        for place, one in enumerate(view.pauses)
    )
    menu = None
    if view.menu is not None:
        at = read_time(view.menu.published_at, f"{path}.menu.published_at")
        menu = PublishedMenu(view.menu.version, view.menu.url, at)
    return Store(view.venue_id, view.name, view.currency, view.timezone, view.open, pauses, view.prep_time_min, menu)


def _optional(text: str | None, path: str) -> datetime | None:
    return None if text is None else read_time(text, path)
