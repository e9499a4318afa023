"""Our words as Link's bytes. The same value, the same bytes."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from heard.domain.endpoints import EndpointEvent
from heard.domain.ids import EndpointId, EventId, ExternalOrderId, MarketplaceId, VenueId
from heard.domain.menu.index import PriceDifference
from heard.domain.order.content import Line, LineModifier, OrderContent
from heard.domain.order.events import EventKind
from heard.domain.order.model import Order, ReasonCode, Status
from heard.domain.stores import StoreEvent, StoreNotice
from heard.protocols import bodies
from heard.protocols.credentials import OAuthRefused
from heard.protocols.link import wire
from heard.protocols.link.status import (
    canceller,
    endpoint_event_type,
    event_type,
    is_told_why,
    pauser,
    store_event_type,
)
from heard.protocols.statuses import public_status

_encoder = msgspec.json.Encoder()
_as_it_was_written = msgspec.json.Encoder(decimal_format="number")


class Told(Protocol):
    """An event that was told: its id, and its body as encode_event and its kin made it."""

    @property
    def event_id(self) -> EventId: ...
    @property
    def body(self) -> bytes: ...


def encode_new_order(content: OrderContent) -> bytes:
    """The body of POST /orders."""
    return _encoder.encode(_new_order(content))


def encode_edited(body: Mapping[str, Any], venue_id: VenueId, number: ExternalOrderId) -> bytes:
    """A body of POST /orders that somebody has edited, for this store; with this number unless it has one."""
    own = body.get("external_order_id")
    named = {"venue_id": venue_id, "external_order_id": number if own is None else own}
    return _as_it_was_written.encode({**body, **named})


def encode_content(content: OrderContent) -> bytes:
    """What was ordered, for keeping: the normalised form of the body it came in."""
    order = _new_order(content)
    if content.discount_shares:
        order = wire.KeptOrder(**msgspec.structs.asdict(order), discount_shares=list(content.discount_shares))
    return _encoder.encode(order)


def encode_accepted(order: Order) -> bytes:
    """The answer to POST /orders."""
    return _encoder.encode(
        wire.OrderAccepted(
            order_id=order.order_id,
            external_order_id=order.external_order_id,
            status=public_status(order.status),
            accept_by=time_text(order.accept_by),
        )
    )


def encode_cancelled(order: Order) -> bytes:
    """The answer to POST /orders/{order_id}/cancel."""
    return _encoder.encode(
        wire.CancelAnswer(
            order_id=order.order_id,
            external_order_id=order.external_order_id,
            status=public_status(order.status),
            cancelling=order.status is not Status.CANCELLED,
        )
    )


def encode_order(order: Order, content: OrderContent, differences: Sequence[PriceDifference] = ()) -> bytes:
    """The answer to GET /orders/{order_id}."""
    return _encoder.encode(_view(order, content, differences))


def encode_order_list(found: Sequence[tuple[Order, OrderContent, Sequence[PriceDifference]]]) -> bytes:
    """The answer to GET /orders?external_order_id=."""
    return _encoder.encode(wire.OrderList(orders=[_view(*one) for one in found]))


def encode_differences(differences: Sequence[PriceDifference]) -> str | None:
    """Where an order's prices are not the menu's, for keeping."""
    return _encoder.encode(_differences(differences)).decode() if differences else None


def encode_token(token: str, expires_in_s: int, scopes: Sequence[str]) -> bytes:
    """The answer to POST /oauth/token."""
    scope = " ".join(scopes)
    return _encoder.encode(
        wire.TokenAnswer(access_token=token, token_type="Bearer", expires_in=expires_in_s, scope=scope)  # noqa: S106
    )


def encode_oauth_error(refused: OAuthRefused) -> bytes:
    """The answer to a token request that is not granted."""
    return _encoder.encode(wire.OAuthError(error=refused.error))


def encode_event(kind: EventKind, order: Order, at: datetime) -> bytes:
    """The body of a webhook about an order as it stood when the event came about."""
    extra: dict[str, object] = {}
    match kind:
        case EventKind.CONFIRMED:
            extra = {"prep_time_min": prep_time_min(order), "ready_at": _optional_time(order.ready_at)}
        case EventKind.REJECTED:
            extra = {"reason_code": order.reason_code or ReasonCode.OTHER, "reason": order.reason or ""}
        case EventKind.ETA_UPDATED | EventKind.IN_PREP | EventKind.READY:
            extra = {"ready_at": _optional_time(order.ready_at)}
        case EventKind.CANCELLED:
            by = canceller(order.cancelled_by)
            extra = {"by": by, "reason_code": order.reason_code or ReasonCode.OTHER, "reason": order.reason}
        case EventKind.COMPLETED:
            pass
    data = wire.EventData(
        venue_id=order.venue_id,
        order_id=order.order_id,
        external_order_id=order.external_order_id,
        status=public_status(order.status),
        sequence=order.sequence,
        **extra,  # type: ignore[arg-type]
    )
    return _encoder.encode(wire.Event(type=event_type(kind), timestamp=time_text(at), data=data))


def encode_store_event(
    notice: StoreNotice, venue_id: VenueId, sequence: int, at: datetime, reader: MarketplaceId, menu_url: str
) -> bytes:
    """The body of a webhook about a store, as one marketplace reads it."""
    extra: dict[str, object] = {}
    match notice.kind:
        case StoreEvent.PAUSED:
            reason = notice.reason if is_told_why(notice.by, reader) else None
            extra = {"by": pauser(notice.by), "reason": reason, "until": _optional_time(notice.until)}
        case StoreEvent.RESUMED:
            extra = {"by": pauser(notice.by)}
        case StoreEvent.MENU_PUBLISHED:
            extra = {"menu_url": menu_url, "version": notice.menu_version}
        case StoreEvent.CONNECTED | StoreEvent.DISCONNECTED | StoreEvent.MENU_UNPUBLISHED:
            pass
    data = wire.StoreEventData(venue_id=venue_id, sequence=sequence, **extra)  # type: ignore[arg-type]
    return _encoder.encode(wire.StoreEvent(type=store_event_type(notice.kind), timestamp=time_text(at), data=data))


def encode_endpoint_event(kind: EndpointEvent, endpoint_id: EndpointId, url: str, reason: str, at: datetime) -> bytes:
    """The body of a webhook about an endpoint, for the others of its marketplace."""
    data = wire.EndpointEventData(endpoint_id=endpoint_id, url=url, reason=reason)
    return _encoder.encode(wire.EndpointEvent(type=endpoint_event_type(kind), timestamp=time_text(at), data=data))


def encode_events(events: Sequence[Told], then: str) -> bytes:
    """The answer to GET /events: each event's body byte by byte as its webhook has it, its id set before it."""
    told = b",".join([b'{"id":"%b",%b' % (event.event_id.encode(), event.body[1:]) for event in events])
    return b'{"events":[%b],"next":"%b"}' % (told, then.encode())


def prep_time_min(order: Order) -> int | None:
    """Whole minutes from confirmation to the estimate, rounded up; None before there is one."""
    if order.confirmed_at is None or order.ready_at is None:
        return None
    return max(0, math.ceil((order.ready_at - order.confirmed_at).total_seconds() / 60))


def time_text(at: datetime) -> str:
    """ISO 8601 in UTC to the millisecond: 2026-03-14T12:00:00.000Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _optional_time(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _differences(differences: Sequence[PriceDifference]) -> list[bodies.PriceDifference]:
    return [bodies.PriceDifference(path=one.path, menu=one.menu, order=one.order) for one in differences]


def _view(order: Order, content: OrderContent, differences: Sequence[PriceDifference]) -> wire.OrderView:
    return wire.OrderView(
        order_id=order.order_id,
        external_order_id=order.external_order_id,
        venue_id=order.venue_id,
        status=public_status(order.status),
        sequence=order.sequence,
        accept_by=time_text(order.accept_by),
        received_at=time_text(order.received_at),
        order=_new_order(content),
        prep_time_min=prep_time_min(order),
        ready_at=_optional_time(order.ready_at),
        reason_code=order.reason_code,
        reason=order.reason if order.reason_code else None,  # not that of a cancel which is only wanted yet
        price_differences=_differences(differences),
    )


def _new_order(content: OrderContent) -> wire.NewOrder:
    totals, requested_at = content.totals, content.fulfillment.requested_at
    return wire.NewOrder(
        external_order_id=content.external_order_id,
        venue_id=content.venue_id,
        placed_at=_exact_time(content.placed_at),
        fulfillment=wire.Fulfillment(
            type=content.fulfillment.type,
            asap=requested_at is None,
            requested_at=None if requested_at is None else _exact_time(requested_at),
        ),
        customer=wire.Customer(name=content.customer.name, phone=content.customer.phone, email=content.customer.email),
        items=[_item(line) for line in content.lines],
        subtotal=totals.subtotal,
        discount=totals.discount,
        tax=totals.tax,
        tip=totals.tip,
        delivery_fee=totals.delivery_fee,
        total=totals.total,
        currency=content.currency,
        payment=wire.Payment(method=content.payment),
        notes=content.notes,
    )


def _exact_time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _item(line: Line) -> wire.Item:
    return wire.Item(
        item_id=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        notes=line.notes,
        modifiers=[_modifier(modifier) for modifier in line.modifiers],
    )


def _modifier(modifier: LineModifier) -> wire.Modifier:
    return wire.Modifier(
        modifier_id=modifier.modifier_id,
        name=modifier.name,
        quantity=modifier.quantity,
        unit_price=modifier.unit_price,
        modifiers=[_modifier(below) for below in modifier.modifiers],
    )
