"""A marketplace's new order: checked, held against the menu, on disk before it is answered."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from heard import limits
from heard.domain.ids import ExchangeId, OrderId
from heard.domain.menu.index import PriceDifference, hold_against
from heard.domain.order.commands import RepeatOrder
from heard.domain.order.content import OrderContent
from heard.domain.order.decide import Moment, receive
from heard.domain.order.model import Order
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import PriceCheck, Store
from heard.engine.change_order import change_order
from heard.engine.hub import Client, Hub
from heard.engine.take_in import look_up, refuse_if_paused, take_in
from heard.net import tracing
from heard.protocols.link.decode import content_hash, decode_new_order
from heard.protocols.link.encode import encode_content, encode_differences
from heard.storage import orders
from heard.storage.rows import Exchange


@dataclass(frozen=True, slots=True)
class Way:
    """How an order comes: the path that it was sent to, and what its history says of that. `to_sandbox`: a store that
    is not for trying out does not get it.
    """

    path: str
    note: str | None = None
    to_sandbox: bool = False


LINK: Final = Way("/link/v2/orders")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order as it is on disk; `created` False: it had been sent before, with the same content."""

    order: Order
    created: bool


async def accept_order(hub: Hub, client: Client, raw: bytes, way: Way = LINK) -> Accepted:
    """Accept an order, once. Raises Refused, and then nothing of the order remains."""
    begun = time.perf_counter()
    content = decode_new_order(raw)
    key = (client.organization_id, client.marketplace_id, content.external_order_id, content.venue_id)
    known = await look_up(hub, key)
    _hold_to_sandbox(way, content, known)
    kept = encode_content(content)
    digest = content_hash(kept)
    if known.order_id is not None:
        return await _repeated(hub, way, content, known, digest)
    store = await _store_for(hub, client, content, known)
    refuse_if_paused(client.marketplace_id, known, "$.venue_id")  # one accepted before was answered above
    version, differences = await _check_against_store(hub, store, content, known)
    new = _new_order(hub, client, store, content, known.now)
    tracing.about_order(new.order_id)
    row = orders.NewOrder(
        receive(new, Moment(known.now, hub.chance(), store.rules, store.connector), way.note),
        digest,
        kept,
        raw,
        version,
        encode_differences(differences),
        known.now,
        ExchangeId(hub.new_id("exc", known.now)),
        Exchange(
            known.now,
            "in",
            "channel",
            "POST",
            way.path,
            201,
            (time.perf_counter() - begun) * 1000,
            request_id=tracing.request_id(),
        ),
        trace=tracing.current(),
    )
    if not await take_in(hub, row):  # the same number arrived twice at once, and the other was first
        return await _repeated(hub, way, content, await look_up(hub, key), digest)
    if len(raw) <= limits.CONTENT_CACHE_BYTES_MAX:
        hub.contents.put(new.order_id, (content, version))
    return Accepted(row.decision.order, created=True)


def _hold_to_sandbox(way: Way, content: OrderContent, known: orders.KeyLookup) -> None:
    """As the store is in the database at this moment. Raises Refused(order_conflict)."""
    if way.to_sandbox and not known.sandbox:
        path = FieldError("$.venue_id", "no_sandbox", "the store is not for trying out")
        text = f"Store {content.venue_id} is no sandbox: no order is tried out there"
        raise Refused(Code.ORDER_CONFLICT, f"{text} (`heard stores set VENUE --sandbox` makes it one).", path)


async def _store_for(hub: Hub, client: Client, content: OrderContent, known: orders.KeyLookup) -> Store:
    """A store that is not connected to this marketplace is as unknown to it as one that does not exist."""
    store = await hub.store(content.venue_id) if known.connected else None
    if store is None or store.organization_id != client.organization_id:
        path = FieldError("$.venue_id", "unknown_venue", "no store of this id is connected to you")
        raise Refused(Code.UNKNOWN_VENUE, f"There is no store {content.venue_id!r} that you may send orders to.", path)
    return store


async def _check_against_store(
    hub: Hub, store: Store, content: OrderContent, known: orders.KeyLookup
) -> tuple[str, tuple[PriceDifference, ...]]:
    """The menu version the order is held against, and where it has other prices, if the store takes such orders."""
    if content.currency != store.currency:
        text = f"the store sells in {store.currency}"
        raise Refused(Code.INVALID_BODY, f"$.currency: {text}", FieldError("$.currency", "other_currency", text))
    version = known.menu_version
    if version is None:
        raise Refused(Code.MENU_NOT_SYNCED, "The store's menu has not been fetched from its POS yet.")
    if not known.menu_published:
        raise Refused(Code.MENU_NOT_SYNCED, "The store's menu is not published.")
    held = hold_against(content, await hub.menu(store, version))
    if held.faults:
        raise _refused(Code.ITEM_UNAVAILABLE, held.faults)
    if held.differences and store.rules.price_check is PriceCheck.REFUSE:
        differing = [
            FieldError(one.path, "other_price", f"the menu says {one.menu}, the order {one.order}")
            for one in held.differences
        ]
        raise _refused(Code.PRICE_MISMATCH, differing)
    return version, held.differences


def _refused(code: Code, errors: Sequence[FieldError]) -> Refused:
    return Refused(code, f"{errors[0].path}: {errors[0].message}", *errors[: limits.FIELD_ERRORS_MAX])


def _new_order(hub: Hub, client: Client, store: Store, content: OrderContent, now: datetime) -> Order:
    requested_at = content.fulfillment.requested_at
    if requested_at is not None and requested_at > now + timedelta(days=limits.SCHEDULE_AHEAD_DAYS_MAX):
        text = f"more than {limits.SCHEDULE_AHEAD_DAYS_MAX} days ahead"
        path = "$.fulfillment.requested_at"
        raise Refused(Code.INVALID_BODY, f"{path}: {text}", FieldError(path, "too_far_ahead", text))
    release_at = requested_at - timedelta(minutes=store.rules.prep_time_min) if requested_at else None
    # Our reading: the acceptance time of an order for later runs from its release, not from its receipt.
    begins = max(now, release_at) if release_at else now
    return Order(
        organization_id=client.organization_id,
        order_id=OrderId(hub.new_id("ord", now)),
        venue_id=store.venue_id,
        marketplace_id=client.marketplace_id,
        external_order_id=content.external_order_id,
        currency=content.currency,
        total=content.totals.total,
        received_at=now,
        accept_by=begins + timedelta(seconds=store.rules.accept_within_s),
        requested_at=requested_at,
        release_at=release_at,
    )


async def _repeated(hub: Hub, way: Way, content: OrderContent, known: orders.KeyLookup, digest: bytes) -> Accepted:
    """The same again is answered like the first time, and recorded; other content under the same number is refused.

    Also when the store is closed to this marketplace by now: the order is its own.
    """
    if known.order_id is None or known.content_hash != digest:
        text = f"external_order_id {content.external_order_id!r} was used for an order with other content"
        raise Refused(Code.ORDER_CONFLICT, text, FieldError("$.external_order_id", "reused", text))
    store = await hub.store(content.venue_id)
    assert store is not None  # an order's store is never deleted
    exchange = Exchange(known.now, "in", "channel", "POST", way.path, 200, 0.0, request_id=tracing.request_id())
    try:
        changed = await change_order(hub, store, known.order_id, [RepeatOrder()], exchanges=[exchange])
    except Refused as refused:
        if refused.code is not Code.UNKNOWN_ORDER:
            raise
        text = f"external_order_id {content.external_order_id!r} was used for an order that is no longer kept"
        raise Refused(Code.ORDER_CONFLICT, text, FieldError("$.external_order_id", "reused", text)) from None
    return Accepted(changed.order, created=False)
