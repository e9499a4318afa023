"""An order of the Ordering API: checked, held against its payment and the menu, on disk before it is answered.

Its payment comes first in its life: nothing goes to the POS before the guest's money is held (domain/order/paying.py).
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from heard import limits
from heard.domain.hours import check_pickup
from heard.domain.ids import ExchangeId, ExternalOrderId, paid_order_id, uuid_of
from heard.domain.order.commands import RepeatOrder
from heard.domain.order.content import Customer, Fulfillment, OrderContent, PaymentMethod
from heard.domain.order.decide import Moment, receive
from heard.domain.order.model import Order
from heard.domain.payments import UNDECIDED, PaymentState
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.begin_payment import find_payment, hold_to_amount, hold_to_point
from heard.engine.change_order import change_order
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.engine.price_changed import refuse_if_price_changed
from heard.engine.quote_cart import (
    Quote,
    find_place,
    no_such_point,
    quote_at,
    refuse_discount_of_strangers,
    refuse_order_type,
)
from heard.engine.take_in import look_up, refuse_if_paused, take_in
from heard.net import tracing
from heard.protocols.link.encode import encode_content
from heard.protocols.ordering.asked import AskedCart, AskedCustomer, AskedOrder
from heard.protocols.ordering.kept import order_hash
from heard.protocols.proofs import encode_proof
from heard.storage import orders
from heard.storage.faults import UNREACHABLE
from heard.storage.payments import Payment
from heard.storage.rows import Exchange, OrderRef

_PATH = "/api/orders"


@dataclass(frozen=True, slots=True)
class Placed:
    """The order as it is on disk; `created` False: it had been placed before, with the same content."""

    order: Order
    created: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """An order that may be placed, for all that the hub can say; only its POS may have another word in it."""

    asked: AskedOrder
    quote: Quote
    payment: Payment
    order: Order
    digest: bytes
    now: datetime
    begun: float

    def at(self, quote: Quote) -> "Ready":
        """The same order at another price."""
        return replace(self, quote=quote, order=replace(self.order, total=quote.totals.total))


async def check_order(hub: Hub, caller: Caller, asked: AskedOrder) -> Ready | Placed:
    """Hold an order against its payment, its store and the menu. Raises Refused, and then nothing of it remains.

    One that was placed before with the same payment is answered as it was then.
    """
    begun = time.perf_counter()
    refuse_discount_of_strangers(caller, asked.cart)
    organization_id, application_id = caller.client.organization_id, caller.application_id
    payment = await find_payment(hub, organization_id, application_id, asked.payment_init_hash)
    order_id = paid_order_id(payment.payment_id)
    number = ExternalOrderId(uuid_of(order_id))
    known = await look_up(hub, (organization_id, application_id, number, payment.venue_id))
    digest = order_hash(asked)
    if known.order_id is not None:
        return await _repeated(hub, payment, known, digest)
    store, point = await find_place(hub, application_id, asked.cart.singular_point_id)
    hold_to_point(payment, point.singular_point_id)
    if not known.connected:  # what was remembered of it is over
        raise no_such_point()
    refuse_order_type(point, asked.cart)
    refuse_if_paused(application_id, known, "$.singular_point_id")
    if known.menu_version is None or not known.menu_published:
        raise Refused(Code.MENU_NOT_SYNCED, "The store has no menu, or it is not published.")
    cart = asked.cart
    requested_at = check_pickup(
        cart.order_type, cart.pickup_asap, cart.pickup_at, known.now, store.zone, store.serving_times
    )
    quote = await quote_at(hub, store, point, cart, known.menu_version, known.off)
    release_at = requested_at - timedelta(minutes=store.rules.prep_time_min) if requested_at else None
    begins = max(known.now, release_at) if release_at else known.now
    order = Order(
        organization_id=organization_id,
        order_id=order_id,
        venue_id=store.venue_id,
        marketplace_id=application_id,
        external_order_id=number,
        currency=store.currency,
        total=quote.totals.total,
        received_at=known.now,
        accept_by=begins + timedelta(seconds=store.rules.accept_within_s),
        requested_at=requested_at,
        release_at=release_at,
        payment=PaymentState.DUE,
    )
    return Ready(asked, quote, payment, order, digest, known.now, begun)


async def place_order(hub: Hub, ready: Ready, raw: bytes) -> Placed:
    """Write an order down, once, if its payment is for what it costs. Raises Refused."""
    quote, now = ready.quote, ready.now
    # Our reading: an order that a discount makes free needs a payment of nothing, and no provider is asked about it.
    order = ready.order if quote.totals.total else replace(ready.order, payment=PaymentState.NONE)
    try:
        hold_to_amount(ready.payment, quote.totals.total, quote.store.currency)
    except Refused as refused:
        if refused.code is Code.PAYMENT_AMOUNT_MISMATCH:
            await refuse_if_price_changed(hub, quote, ready.payment)
        raise
    exchange_ms = (time.perf_counter() - ready.begun) * 1000
    tracing.about_order(order.order_id)
    new = orders.NewOrder(
        receive(order, Moment(now, hub.chance(), quote.store.rules, quote.store.connector)),
        ready.digest,
        encode_content(content_of(ready.asked, quote, order)),
        raw,
        quote.menu_version,
        None,
        now,
        ExchangeId(hub.new_id("exc", now)),
        Exchange(now, "in", "channel", "POST", _PATH, 201, exchange_ms, request_id=tracing.request_id()),
        encode_proof(quote.priced, tax_is_estimate=quote.tax_is_estimate),
        tracing.current(),
    )
    if not await take_in(hub, new):  # the same payment came twice at once, and the other was first
        key = (order.organization_id, order.marketplace_id, order.external_order_id, order.venue_id)
        return await _repeated(hub, ready.payment, await look_up(hub, key), ready.digest)
    return Placed(new.decision.order, created=True)


async def wait_for_payment(hub: Hub, order: Order) -> Order:
    """The order once its payment is decided, or as it stands when a caller has waited long enough.

    Any worker may decide it, in whatever process: the row is read until it says so. The order is on disk, so that a
    database that goes away meanwhile is no reason to call it failed.
    """
    ends, pause_s = time.monotonic() + limits.PAYMENT_ANSWER_WITHIN_S, limits.PAYMENT_LOOK_FIRST_S
    ref = OrderRef(order.organization_id, order.order_id)
    while order.payment in UNDECIDED and time.monotonic() + pause_s < ends:
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, limits.PAYMENT_LOOK_CAP_S)
        with suppress(*UNREACHABLE):
            async with hub.connection() as connection:
                order = await orders.read(connection, ref) or order
    return order


def refuse_if_declined(order: Order) -> None:
    """Raises Refused(payment_declined): the order is rejected, nothing was charged."""
    if order.payment is not PaymentState.DECLINED:
        return
    text = order.reason or "the payment was declined"
    error = FieldError("$.payment_info.payment_init_hash", "declined", text)
    raise Refused(Code.PAYMENT_DECLINED, f"{text}. Nothing was charged.", error)


def content_of(asked: AskedOrder, quote: Quote, order: Order) -> OrderContent:
    """What was ordered, as the POS and the staff get it."""
    return content_of_cart(quote, order, _guest(asked.customer))


def content_of_cart(quote: Quote, order: Order, customer: Customer) -> OrderContent:
    cart = quote.asked
    return OrderContent(
        external_order_id=order.external_order_id,
        venue_id=order.venue_id,
        placed_at=order.received_at,
        fulfillment=Fulfillment(cart.order_type.fulfillment, order.requested_at),
        customer=customer,
        lines=quote.filled.lines,
        totals=quote.totals,
        currency=quote.store.currency,
        payment=PaymentMethod.PREPAID,
        notes=_notes(cart, quote),
        discount_shares=tuple(line.discount for line in quote.priced.lines) if cart.wanted.discount else (),
    )


def _guest(customer: AskedCustomer) -> Customer:
    name = " ".join(part for part in (customer.first_name, customer.last_name) if part)
    return Customer(name or None, customer.phone_number or None, customer.email or None)


def _notes(cart: AskedCart, quote: Quote) -> str | None:
    """Our reading: a POS has one place for what its people must read: where to, and what the guest says."""
    table = quote.point.name if cart.order_type.asap_only else None
    to = f"Deliver to: {cart.delivery_address}" if cart.delivery_address else None
    parts = [part for part in (table, to, cart.delivery_comment, cart.notes) if part]
    return "; ".join(parts)[: limits.TEXT_MAX] or None


async def _repeated(hub: Hub, payment: Payment, known: orders.KeyLookup, digest: bytes) -> Placed:
    """The same again is answered like the first time, and recorded; another order cannot be paid with it."""
    if known.order_id is None or known.content_hash != digest:
        text = "this payment was used for an order with other content"
        error = FieldError("$.payment_info.payment_init_hash", "reused", text)
        raise Refused(Code.PAYMENT_REUSED, f"{error.path}: {text}", error)
    store = await hub.store(payment.venue_id)
    assert store is not None  # an order's store is never deleted
    exchange = Exchange(known.now, "in", "channel", "POST", _PATH, 200, 0.0, request_id=tracing.request_id())
    changed = await change_order(hub, store, known.order_id, [RepeatOrder()], exchanges=[exchange])
    return Placed(changed.order, created=False)
