"""A marketplace's new order: checked, held against the menu, on disk before it is answered."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from heard import limits
from heard.domain.ids import ExchangeId, ExternalOrderId, MarketplaceId, OrderId, OrganizationId
from heard.domain.menu.index import unavailable
from heard.domain.order.commands import RepeatOrder
from heard.domain.order.content import OrderContent
from heard.domain.order.decide import Moment, receive
from heard.domain.order.model import Order
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import HELD_BY_HUB, Store
from heard.engine.batching import Batcher
from heard.engine.change_order import change_order
from heard.engine.hub import WORK_CHANNEL, Client, Hub
from heard.protocols.link.decode import content_hash, decode_new_order
from heard.protocols.link.encode import encode_content
from heard.storage import orders
from heard.storage.rows import Exchange

_PATH = "/link/v2/orders"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order as it is on disk; `created` False: it had been sent before, with the same content."""

    order: Order
    created: bool


async def accept_order(hub: Hub, client: Client, raw: bytes) -> Accepted:
    """Accept an order, once. Raises Refused, and then nothing of the order remains."""
    begun = time.perf_counter()
    content = decode_new_order(raw)
    store = await _store_for(hub, client, content)
    offer = _Offer(client, store, content, raw, begun, *await _check_against_store(hub, store, content))
    batcher: Batcher[_Offer, Order | orders.KeyLookup] = hub.batcher(_accept_all, _Offer.about)
    taken = await batcher.ask(offer)
    if isinstance(taken, orders.KeyLookup):
        return await _repeated(hub, store, content, taken)
    return Accepted(taken, created=True)


@dataclass(frozen=True, slots=True)
class _Offer:
    """An order that a marketplace sends, with what the store's menu says of it: a version, or why it cannot be."""

    client: Client
    store: Store
    content: OrderContent
    raw: bytes = field(repr=False)
    begun: float
    menu_version: str | None
    objection: Refused | None

    def about(self) -> tuple[str, ...]:
        """Its key, and where it goes."""
        return (*self.key, self.store.venue_id)

    @property
    def key(self) -> tuple[OrganizationId, MarketplaceId, ExternalOrderId]:
        return self.client.organization_id, self.client.marketplace_id, self.content.external_order_id


async def _accept_all(hub: Hub, offers: Sequence[_Offer]) -> list[Order | orders.KeyLookup | Exception]:
    """Take orders in, in one statement; of each the order, what its number was used for before, or why not."""
    async with hub.connection() as connection:
        known = await orders.find_keys(connection, [(*offer.key, offer.store.venue_id) for offer in offers])
        considered = [_considered(hub, offer, one) for offer, one in zip(offers, known, strict=True)]
        # Numbers are taken in one order everywhere, so that no two transactions wait for each other.
        news = sorted((one for one in considered if isinstance(one, orders.NewOrder)), key=orders.NewOrder.key)
        created = await orders.accept(connection, news, WORK_CHANNEL) if news else set()
    outcomes = [await _outcome(hub, offer, one, created) for offer, one in zip(offers, considered, strict=True)]
    if created:
        hub.wake()
    return outcomes


def _considered(hub: Hub, offer: _Offer, known: orders.KeyLookup) -> orders.NewOrder | orders.KeyLookup | Refused:
    """What is to become of an offer. What was accepted before is answered, whatever the store says now."""
    if known.order_id is not None:
        return known
    refused = _paused(known) or offer.objection
    if refused is not None:
        return refused
    try:
        new = _new_order(hub, offer.client, offer.store, offer.content, known.now)
    except Refused as error:
        return error
    assert offer.menu_version is not None  # else there were an objection
    ms = (time.perf_counter() - offer.begun) * 1000
    return orders.NewOrder(
        receive(new, Moment(known.now, hub.chance(), offer.store.rules, offer.store.connector)),
        content_hash(offer.content),
        encode_content(offer.content),
        offer.raw,
        offer.menu_version,
        known.now,
        ExchangeId(hub.new_id("exc", known.now)),
        Exchange(known.now, "in", "channel", "POST", _PATH, 201, ms),
    )


async def _outcome(
    hub: Hub, offer: _Offer, one: orders.NewOrder | orders.KeyLookup | Refused, created: set[OrderId]
) -> Order | orders.KeyLookup | Exception:
    if not isinstance(one, orders.NewOrder):
        return one
    order = one.decision.order
    if order.order_id in created:
        hub.contents.put(order.order_id, (offer.content, one.menu_version))
        return order
    async with hub.connection() as connection:  # the same number came twice at once, and the other was first
        return (await orders.find_keys(connection, [(*offer.key, offer.store.venue_id)]))[0]


async def _store_for(hub: Hub, client: Client, content: OrderContent) -> Store:
    """A store that is not connected to this marketplace is as unknown to it as one that does not exist."""
    connected = await hub.is_connected(client, content.venue_id)
    store = await hub.store(content.venue_id) if connected else None
    if store is None or store.organization_id != client.organization_id:
        path = FieldError("$.venue_id", "unknown_venue", "no store of this id is connected to you")
        raise Refused(Code.UNKNOWN_VENUE, f"There is no store {content.venue_id!r} that you may send orders to.", path)
    return store


def _paused(known: orders.KeyLookup) -> Refused | None:
    """Why a new order must wait until a pause is over; None when nobody holds one."""
    if known.paused_by is None:
        return None
    left_s = (known.paused_until - known.now).total_seconds() if known.paused_until else limits.PAUSE_RETRY_S
    why = "its POS does not answer" if known.paused_by == HELD_BY_HUB else known.pause_reason
    text = f"The store is paused: {why}. Try again later."
    error = FieldError("$.venue_id", "store_paused", f"paused: {known.pause_reason}")
    return Refused(Code.STORE_NOT_ACCEPTING, text, error, retry_after_s=max(1, math.ceil(left_s)))


async def _check_against_store(hub: Hub, store: Store, content: OrderContent) -> tuple[str | None, Refused | None]:
    """The menu version that the order is held against, or why the store cannot take it."""
    if content.currency != store.currency:
        text = f"the store sells in {store.currency}"
        error = FieldError("$.currency", "other_currency", text)
        return None, Refused(Code.INVALID_BODY, f"$.currency: {text}", error)
    if store.menu_version is None:
        return None, Refused(Code.MENU_NOT_SYNCED, "The store's menu has not been fetched from its POS yet.")
    errors = unavailable(content, await hub.menu(store, store.menu_version))
    if errors:
        return None, Refused(Code.ITEM_UNAVAILABLE, f"{errors[0].path}: {errors[0].message}", *errors)
    return store.menu_version, None


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


async def _repeated(hub: Hub, store: Store, content: OrderContent, known: orders.KeyLookup) -> Accepted:
    """The same again is answered like the first time, and recorded; other content under the same number is refused."""
    if known.order_id is None or known.content_hash != content_hash(content):
        text = f"external_order_id {content.external_order_id!r} was used for an order with other content"
        raise Refused(Code.ORDER_CONFLICT, text, FieldError("$.external_order_id", "reused", text))
    exchange = Exchange(known.now, "in", "channel", "POST", _PATH, 200, 0.0)
    changed = await change_order(hub, store, known.order_id, [RepeatOrder()], exchanges=[exchange])
    return Accepted(changed.order, created=False)
