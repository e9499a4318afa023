"""A whole order as the admin API's bytes: what was ordered, what was told of it, what comes next."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from heard.domain.channels import ChannelKind, kind_of
from heard.domain.ids import payment_id_of, submit_uid, uuid_of, validate_uid
from heard.domain.order.content import Line, LineModifier, OrderContent
from heard.domain.order.model import Order
from heard.domain.order.plan import Due
from heard.protocols import bodies
from heard.protocols.admin import wire, wire_orders, wire_webhooks
from heard.protocols.admin.encode import order_view, time_text, told
from heard.protocols.carts import as_data
from heard.protocols.proofs import Proof

Row = Mapping[str, Any]


def order_detail(
    order: Order,
    *,
    allowed: Sequence[str],
    content: OrderContent,
    price_differences: Sequence[object],
    history: Sequence[object],
    exchanges: Sequence[object],
    proof: Proof | None,
    events: Sequence[tuple[Row, Sequence[Row]]],
    planned: Sequence[Due],
    names: tuple[str, str, str],
) -> wire_orders.OrderDetail:
    """`events` with their ways; `names` of the store, of its location and of the channel."""
    return wire_orders.OrderDetail(
        order=order_view(order),
        allowed=list(allowed),
        ordered=_ordered(content),
        price_differences=[told(bodies.PriceDifference, one) for one in price_differences],
        history=[told(wire.HistoryLine, line) for line in history],
        exchanges=[told(wire.Exchange, exchange) for exchange in exchanges],
        parties=_parties(order, *names),
        events=[_event(event, ways) for event, ways in events],
        planned=[told(wire_orders.PlannedTask, one) for one in planned],
        arithmetic=None if proof is None else {**as_data(proof.priced), "tax_is_estimate": proof.tax_is_estimate},
    )


def _parties(order: Order, store: str, location_id: str, channel: str) -> wire_orders.OrderParties:
    kind = kind_of(order.marketplace_id)
    is_application = kind is ChannelKind.APPLICATION
    return wire_orders.OrderParties(
        store=store,
        location_id=location_id,
        channel=channel,
        channel_kind=kind.noun,
        submit_uid=submit_uid(order.order_id),
        validate_uid=validate_uid(order.order_id),
        uuid=uuid_of(order.order_id) if is_application else None,
        payment_id=payment_id_of(order.order_id) if is_application else None,
    )


def _event(event: Row, ways: Sequence[Row]) -> wire_orders.OrderEvent:
    return wire_orders.OrderEvent(
        event_id=event["event_id"],
        type=msgspec.json.decode(event["body"])["type"],
        sequence=event["sequence"],
        created_at=time_text(event["created_at"]),
        deliveries=[told(wire_webhooks.EventWay, way) for way in ways],
    )


def _ordered(content: OrderContent) -> wire.Ordered:
    totals = content.totals
    return wire.Ordered(
        placed_at=time_text(content.placed_at),
        type=content.fulfillment.type,
        payment=content.payment,
        guest=told(wire.Guest, content.customer),
        items=[_item(line) for line in content.lines],
        subtotal=totals.subtotal,
        discount=totals.discount,
        tax=totals.tax,
        tip=totals.tip,
        delivery_fee=totals.delivery_fee,
        total=totals.total,
        notes=content.notes,
    )


def _item(line: Line) -> wire.OrderedItem:
    return wire.OrderedItem(
        item_id=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        notes=line.notes,
        modifiers=[_modifier(one) for one in line.modifiers],
    )


def _modifier(modifier: LineModifier) -> wire.OrderedModifier:
    return wire.OrderedModifier(
        modifier_id=modifier.modifier_id,
        name=modifier.name,
        quantity=modifier.quantity,
        unit_price=modifier.unit_price,
        modifiers=[_modifier(below) for below in modifier.modifiers],
    )
