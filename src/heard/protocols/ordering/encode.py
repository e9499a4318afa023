"""Our words as the Ordering API's bytes. The same value, the same bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from heard.domain.hours import ServingTime
from heard.domain.ids import EndpointId, OrderId, VenueId, uuid_of
from heard.domain.order_types import OrderType
from heard.domain.refusals import FieldError
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.protocols.ordering import wire_answers as wire

_encoder = msgspec.json.Encoder()
_CODE_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and no O: they are taken for digits
_CODE_LENGTH: Final = 5


def encode(answer: wire.Answer) -> bytes:
    """A good answer, in its envelope."""
    return _encoder.encode(answer)


def encode_refusal(status: int, code: str, message: str, errors: Sequence[FieldError], retryable: bool) -> bytes:
    """A refusal, in its envelope."""
    told = [wire.FieldError(path=one.path, code=one.code, message=one.message) for one in errors]
    fault = wire.Fault(code=code, message=message, errors=told, retryable=retryable)
    return _encoder.encode(wire.Refusal(status="ERROR", code=status, error=fault))


def encode_token(token: str, expires_in_s: int, scopes: Sequence[str]) -> bytes:
    """The answer to POST /api/oauth/tokens."""
    told = wire.OAuthToken(
        access_token=token,
        token_type="bearer",  # noqa: S106
        scope=" ".join(scopes),
        expires_in=expires_in_s,
    )
    return encode(wire.TokenAnswer(data=wire.TokenData(oauth_token=told)))


def encode_webhook_made(endpoint_id: EndpointId, url: str, secret: str) -> bytes:
    """The answer to POST /api/webhooks."""
    made = wire.WebhookMade(id=uuid_of(endpoint_id), url=url, secret=secret)
    return encode(wire.WebhookMadeAnswer(code=201, data=wire.WebhookMadeData(webhook=made)))


def encode_webhook_gone(endpoint_id: EndpointId, url: str) -> bytes:
    """The answer to DELETE /api/webhooks/{webhook_id}."""
    gone = wire.WebhookGone(id=uuid_of(endpoint_id), url=url)
    return encode(wire.WebhookGoneAnswer(data=wire.WebhookGoneData(webhook=gone)))


def encode_webhooks(rows: Sequence[Mapping[str, Any]], more: bool) -> bytes:
    """The answer to GET /api/webhooks: rows of endpoints, whether or not others follow."""
    found = [
        wire.Webhook(
            id=uuid_of(row["endpoint_id"]),
            url=row["url"],
            enabled=row["disabled_at"] is None,
            created_at=time_text(row["created_at"]),
        )
        for row in rows
    ]
    data = wire.WebhooksData(webhooks=found, next=found[-1].id if more and found else None)
    return encode(wire.WebhooksAnswer(data=data))


def encode_venue(store: Store, is_open: bool, points: Sequence[SingularPoint], now: datetime, *, nested: bool) -> bytes:
    """The answer to GET /api/venues/{venue_id}: a store, and where at it orders are placed to."""
    uuid, offset = uuid_of(store.venue_id), f"{now.astimezone(store.zone):%z}"
    venue = wire.Venue(
        id=uuid,
        uuid=uuid,
        name=store.name,
        code=store.location_id,
        currency=wire.VenueCurrency(code=store.currency),
        timezone=wire.VenueTimezone(name=store.timezone, offset=f"{offset[:3]}:{offset[3:5]}"),
        is_open=is_open,
        pickup_time=store.rules.prep_time_min,
        order_types=_order_types(served_there(points)),
        serving_times=[serving_time(one) for one in store.serving_times],
        areas=[_area(point, nested) for point in points],
    )
    return encode(wire.VenueAnswer(data=wire.VenueData(venue=venue)))


def menus_path(venue_id: VenueId) -> str:
    """Where a venue's menus are read."""
    return f"/api/venues/{uuid_of(venue_id)}/menus"


def served_there(points: Sequence[SingularPoint]) -> tuple[OrderType, ...]:
    """The order types of a venue: those of all the points where one may order."""
    return tuple(one for one in OrderType if any(one in point.order_types for point in points))


def serving_time(time: ServingTime) -> wire.ServingTime:
    return wire.ServingTime(
        days=[day.value for day in time.days], time_from=f"{time.opens:%H:%M}", time_to=f"{time.closes:%H:%M}"
    )


def order_code(order_id: OrderId) -> str:
    """Five letters by which guests and staff call an order. Made from its id: the same each time, and not unique.

    >>> order_code(OrderId("ord_01kdvdna000000000000000000"))
    'PFLQC'
    """
    number = int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:8], "big")
    letters = []
    for _ in range(_CODE_LENGTH):
        number, place = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[place])
    return "".join(letters)


def _area(point: SingularPoint, nested: bool) -> wire.Area:
    uuid = uuid_of(point.singular_point_id)
    return wire.Area(
        id=uuid,
        name=point.name,
        singular_point_id=uuid,
        order_types=_order_types(point.order_types),
        singular_points=[wire.SingularPoint(id=uuid, name=point.name)] if nested else None,
    )


def _order_types(found: Sequence[OrderType]) -> list[wire.OrderTypeView]:
    return [wire.OrderTypeView(type_id=one.value, name=one.word) for one in found]


def time_text(at: datetime) -> str:
    """ISO 8601 in UTC to the millisecond: 2026-03-14T12:00:00.000Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
