"""A payment begins: an amount, a currency and where to order, under a hash that is good for one order and not long.

Nothing is asked of the provider here. Whoever knows the hash may order with it, so it is made of 128 bits of chance.
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from heard import limits
from heard.domain.ids import MarketplaceId, OrganizationId, PaymentId, SingularPointId, VenueId
from heard.domain.money import Cents
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub
from heard.storage import payments
from heard.storage.payments import Payment

_HASH = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class WantedPayment:
    """What a payment is to be for. `menu_version`: the menu that its cart was priced from."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    venue_id: VenueId
    singular_point_id: SingularPointId
    amount: Cents
    currency: str
    menu_version: str | None = None
    payment_method: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    payment_id: PaymentId
    hash: str = field(repr=False)
    expires_at: datetime


async def begin_payment(hub: Hub, wanted: WantedPayment) -> Begun:
    """Write a payment down. Its order's id is made from its own (ids.paid_order_id), so that it pays for one at most.

    Raises Refused(payments_not_set_up).
    """
    async with hub.connection() as connection:
        settings = await payments.read_provider(connection, wanted.organization_id)
        if settings is None or settings.kind is None:
            raise Refused(Code.PAYMENTS_NOT_SET_UP, "The brand takes no payments here: it has no payment provider yet.")
        now: datetime = await connection.fetchval("SELECT business_now()")
        payment = Payment(
            organization_id=wanted.organization_id,
            payment_id=PaymentId(hub.new_id("pay", now)),
            marketplace_id=wanted.marketplace_id,
            venue_id=wanted.venue_id,
            singular_point_id=wanted.singular_point_id,
            hash=secrets.token_hex(16),
            amount=wanted.amount,
            currency=wanted.currency,
            menu_version=wanted.menu_version,
            payment_method=wanted.payment_method,
            provider=settings.kind,
            created_at=now,
            expires_at=now + timedelta(seconds=limits.PAYMENT_GOOD_FOR_S),
        )
        await payments.add(connection, payment)
        await payments.sweep(connection)
    return Begun(payment.payment_id, payment.hash, payment.expires_at)


async def find_payment(hub: Hub, organization_id: OrganizationId, marketplace_id: MarketplaceId, hash_: str) -> Payment:
    """The payment that a hash stands for, if it was begun by this very application.

    Raises Refused: unknown_payment; payment_expired, unless its order is there already: a repeat is answered alike.
    """
    async with hub.connection() as connection:
        known = _HASH.fullmatch(hash_) is not None
        found = await payments.find(connection, organization_id, hash_) if known else None
    if found is None or found.payment.marketplace_id != marketplace_id:
        text = "There is no payment of this hash; POST /api/payments/initialize begins one."
        raise Refused(Code.UNKNOWN_PAYMENT, text, _at("unknown_payment", "no payment of yours"))
    if found.now >= found.payment.expires_at and not found.is_used:
        text = "The payment has expired; begin another. Nothing was charged."
        raise Refused(Code.PAYMENT_EXPIRED, text, _at("payment_expired", "expired"))
    return found.payment


def hold_to_point(payment: Payment, point: SingularPointId) -> None:
    """An order must be placed where its payment was begun for. Raises Refused(unknown_payment)."""
    if payment.singular_point_id != point:
        text = "The payment was begun for another singular point."
        raise Refused(Code.UNKNOWN_PAYMENT, text, _at("other_singular_point", "begun for another singular point"))


def hold_to_amount(payment: Payment, total: Cents, currency: str) -> None:
    """An order must cost what its payment was begun for. Raises Refused(payment_amount_mismatch)."""
    if (payment.amount, payment.currency) != (total, currency):
        text = f"begun for {payment.amount} cents of {payment.currency}, the order comes to {total} cents of {currency}"
        raise Refused(Code.PAYMENT_AMOUNT_MISMATCH, f"The payment was {text}.", _at("other_amount", text))


def _at(code: str, text: str) -> FieldError:
    return FieldError("$.payment_info.payment_init_hash", code, text)
