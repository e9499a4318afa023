"""What operators see as the admin API's bytes. A source is a value of ours or a row, told member by member."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from heard.domain.ids import uuid_of
from heard.domain.menu.off import ItemOff
from heard.domain.order.model import Order
from heard.domain.order_types import OrderType
from heard.domain.payments import PaymentState
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import ConnectorKind
from heard.protocols import typed
from heard.protocols.admin import wire, wire_items, wire_places, wire_webhooks

S = TypeVar("S", bound=msgspec.Struct)

_encoder = msgspec.json.Encoder()


def encode(body: msgspec.Struct) -> bytes:
    """The bytes of an answer."""
    return _encoder.encode(body)


def order_view(order: Order) -> wire.OrderView:
    """An order that is not paid through the hub says nothing of a payment."""
    paid = {} if order.payment is not PaymentState.NONE else {"payment": None}
    return told(wire.OrderView, {**members_of(order), **paid})


def store_view(row: Mapping[str, Any]) -> wire.StoreView:
    members = {**row, "open": not row["pauses"], "pos": _pos_word(row)}
    if row["connector"] == ConnectorKind.MANUAL:
        members |= {"amounts": None, "signature": None}
    members["rules"] = told(wire.Rules, row)
    members["serving_times"] = typed.decode(row["serving_times"], list[wire_places.ServingTime])
    members["taxes"] = wire_places.Taxes(rounding=row["tax_rounding"], per=row["tax_per"])
    held = ("held_by", "reason", "since", "until")
    members["pauses"] = [told(wire.StorePause, dict(zip(held, one, strict=True))) for one in row["pauses"]]
    return told(wire.StoreView, members)


def item_off(item: ItemOff) -> wire_items.ItemOff:
    return told(wire_items.ItemOff, item)


def point_view(point: SingularPoint) -> wire_places.PointView:
    words = [order_type_word(one) for one in point.order_types]
    uuid = uuid_of(point.singular_point_id)
    return told(wire_places.PointView, {**members_of(point), "uuid": uuid, "order_types": words})


def order_type_word(order_type: OrderType) -> str:
    """`takeout`, `dine_in_pickup`."""
    return order_type.name.lower()


def pos_health(row: Mapping[str, Any]) -> wire.PosHealth:
    health = {name.removeprefix("pos_"): value for name, value in row.items() if name.startswith("pos_")}
    return told(wire.PosHealth, {**health, "venue_id": row["venue_id"], "name": row["name"], "pos": _pos_word(row)})


def menu_version(version: object, current: str | None) -> wire.MenuVersion:
    source = members_of(version)
    return told(wire.MenuVersion, {**source, "current": source["version"] == current})


def marketplace_view(row: Mapping[str, Any]) -> wire.MarketplaceView:
    return told(wire.MarketplaceView, {**row, "enabled": row["disabled_at"] is None})


def application_view(row: Mapping[str, Any]) -> wire.ApplicationView:
    members = {**row, "application_id": row["marketplace_id"], "enabled": row["disabled_at"] is None}
    return told(wire.ApplicationView, members)


def endpoint_view(row: Mapping[str, Any]) -> wire_webhooks.EndpointView:
    return told(wire_webhooks.EndpointView, {**row, "enabled": row["disabled_at"] is None})


def delivery_view(row: Mapping[str, Any]) -> wire_webhooks.DeliveryView:
    return told(wire_webhooks.DeliveryView, {**row, "type": msgspec.json.decode(row["body"])["type"]})


def event_detail(
    event: object, ways: Sequence[Mapping[str, Any]], attempts: Sequence[Mapping[str, Any]]
) -> wire_webhooks.EventDetail:
    members = members_of(event)
    body = msgspec.json.decode(members["body"])
    return wire_webhooks.EventDetail(
        event=told(wire_webhooks.EventView, {**members, "type": body["type"], "body": body}),
        deliveries=[told(wire_webhooks.EventWay, one) for one in ways],
        attempts=[told(wire_webhooks.EventAttempt, one) for one in attempts],
    )


def told(struct: type[S], source: object) -> S:
    """A wire struct of the members that a source has under the same names; a time is told in UTC, a word as text."""
    members = members_of(source)
    names = [field.name for field in msgspec.structs.fields(struct)]
    return struct(**{name: _plain(members[name]) for name in names if name in members})


def time_text(at: datetime) -> str:
    """ISO 8601 in UTC to the millisecond: 2026-03-14T12:00:00.000Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def members_of(source: object) -> dict[str, Any]:
    """What a row or a value of ours holds, by name."""
    if isinstance(source, Mapping):
        return dict(source)
    return {name: getattr(source, name) for name in getattr(source, "__slots__", ())}


def _plain(value: object) -> Any:
    match value:
        case datetime():
            return time_text(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def _pos_word(row: Mapping[str, Any]) -> str:
    """None: staff accept by hand. Gone: it is looked for. Failing: its last call did. Or well."""
    if row["connector"] == ConnectorKind.MANUAL:
        return "none"
    return "gone" if row["pos_gone_since"] else "failing" if row["pos_failures"] else "well"
