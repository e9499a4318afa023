"""What a hub answers, as an application reads it: times with their zone, amounts in whole cents.

Every reader raises Refused(malformed_json | invalid_body) for what is not as agreed.
"""

from dataclasses import dataclass, field
from datetime import datetime

from heard.protocols.ordering import wire_answers as wire
from heard.protocols.strict_json import read
from heard.protocols.times import read_time


@dataclass(frozen=True, slots=True)
class Payment:
    """What pays for one order of this amount at this singular point, until it expires. Who has the hash can use it."""

    payment_init_hash: str = field(repr=False)
    singular_point_id: str
    amount: int
    currency: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands now. `code`: five letters for the counter. `sequence` is that of its last event.

    `payment_status`: `PENDING`, `AUTHORIZED` (held), `CAPTURED` once the store has confirmed, `DECLINED`, or given back
    (`RETURNING`, `VOIDED`, `REFUNDED`). `customer_info` is only told to who has a client and its secret; never shown.
    """

    id: str
    code: str
    status: str
    sequence: int
    venue_id: str
    singular_point_id: str
    order_type: int
    pickup_at: datetime | None
    currency: str
    subtotal: int
    discount_total: int
    tax_total: int
    tip: int
    fees: int
    total: int
    payment_status: str
    payment_amount: int
    created_at: datetime
    accept_by: datetime
    ready_at: datetime | None
    reason_code: str | None
    reason: str | None
    lines: tuple[wire.LinePrice, ...] = field(repr=False)
    customer_info: wire.CustomerView | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where you are told. `enabled` False: it failed for too long, or an operator turned it off."""

    id: str
    url: str
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookPage:
    webhooks: tuple[Webhook, ...]
    next: str | None


def read_token(raw: bytes) -> tuple[str, int]:
    """An access token, and for how many seconds it is good."""
    told = read(raw, wire.TokenAnswer).data.oauth_token
    return told.access_token, told.expires_in


def read_venue(raw: bytes) -> wire.Venue:
    """A venue."""
    return read(raw, wire.VenueAnswer).data.venue


def read_menus(raw: bytes) -> tuple[wire.MenuView, ...]:
    """A venue's menus."""
    return tuple(read(raw, wire.MenusAnswer).data.menus)


def read_calculation(raw: bytes) -> wire.Calculation:
    """What a cart costs."""
    return read(raw, wire.CalculationAnswer).data.calculation


def read_payment(raw: bytes) -> Payment:
    """A payment that has begun."""
    told = read(raw, wire.PaymentAnswer).data.payment
    expires_at = read_time(told.expires_at, "$.data.payment.expires_at")
    return Payment(told.payment_init_hash, told.singular_point_id, told.amount, told.currency, expires_at)


def read_order(raw: bytes) -> Order:
    """An order."""
    told, path = read(raw, wire.OrderAnswer).data.order, "$.data.order"
    return Order(
        id=told.id,
        code=told.code,
        status=told.status,
        sequence=told.sequence,
        venue_id=told.venue_id,
        singular_point_id=told.singular_point_id,
        order_type=told.order_type.id,
        pickup_at=_optional(told.order_type.pickup_at, f"{path}.order_type.pickup_at"),
        currency=told.currency,
        subtotal=told.subtotal,
        discount_total=told.discount_total,
        tax_total=told.tax_total,
        tip=told.tip,
        fees=told.fees,
        total=told.total,
        payment_status=told.payment.status,
        payment_amount=told.payment.amount,
        created_at=read_time(told.created_at, f"{path}.created_at"),
        accept_by=read_time(told.accept_by, f"{path}.accept_by"),
        ready_at=_optional(told.ready_at, f"{path}.ready_at"),
        reason_code=told.reason_code,
        reason=told.reason,
        lines=tuple(told.lines),
        customer_info=told.customer_info,
    )


def read_webhook_made(raw: bytes) -> wire.WebhookMade:
    """A webhook that was registered, with the secret that signs what is sent there."""
    return read(raw, wire.WebhookMadeAnswer).data.webhook


def read_webhooks(raw: bytes) -> WebhookPage:
    """A page of webhooks."""
    told = read(raw, wire.WebhooksAnswer).data
    found = tuple(
        Webhook(one.id, one.url, one.enabled, read_time(one.created_at, f"$.data.webhooks[{place}].created_at"))
        for place, one in enumerate(told.webhooks)
    )
    return WebhookPage(found, told.next)


def _optional(text: str | None, path: str) -> datetime | None:
    return None if text is None else read_time(text, path)
