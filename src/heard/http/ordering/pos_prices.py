"""What a POS computes for a cart that nobody has ordered yet: one validate, which commits nothing, and its polling.

The one place where a request waits for another party: the caller asked for the POS's own numbers.
"""

import asyncio
import time
from datetime import datetime, timedelta

from heard import limits
from heard.connectors.contract import Computed, NothingComputed, NotYet, Occasion, WouldRefuse
from heard.domain.money import currency
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.order.plan import Task
from heard.domain.pos_totals import PosComputed
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import ConnectorKind, Store
from heard.engine.hub import Hub
from heard.engine.quote_cart import Quote
from heard.engine.watch_pos import is_gone
from heard.net.call import Carrier

_PATH = "$.calculate_accurate_tax"


async def ask_pos(hub: Hub, carrier: Carrier, quote: Quote, content: OrderContent, order: Order) -> PosComputed:
    """The POS's numbers for a cart. `order` was never written down: its ids are good for this question only.

    Raises Refused: invalid_body where there is no POS, pos_refused, pos_unavailable.
    """
    store = quote.store
    if store.connector is ConnectorKind.MANUAL:
        text = "the store has no POS to compute it: its staff take the orders; ask for an estimate"
        raise Refused(Code.INVALID_BODY, f"{_PATH}: {text}", FieldError(_PATH, "no_pos", text))
    if await is_gone(hub, store):
        raise _silent(store, "it does not answer; it is asked again every few seconds")
    under_way = hub.pos_prices_under_way
    if under_way[store.venue_id] >= limits.POS_PRICES_AT_ONCE_MAX:
        raise _silent(store, "it is asked by many others")
    under_way[store.venue_id] += 1
    try:
        return await _asked(hub, carrier, quote, content, order)
    finally:
        under_way[store.venue_id] -= 1
        if not under_way[store.venue_id]:
            del under_way[store.venue_id]


async def _asked(hub: Hub, carrier: Carrier, quote: Quote, content: OrderContent, order: Order) -> PosComputed:
    store = quote.store
    menu = await hub.menu(store, quote.menu_version)
    ends, task, wait_s = time.monotonic() + limits.POS_CALL_TIMEOUT_S, Task.VALIDATE, limits.POS_PRICE_POLL_FIRST_S
    while True:
        occasion = Occasion(order.received_at, hub.new_id("call", order.received_at), None)
        call = hub.connector.order_call(task, order, content, menu, store, occasion)
        try:
            async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                answer = await carrier.send(call)
        except TimeoutError:
            raise _silent(store, f"no answer within {limits.POS_CALL_TIMEOUT_S:.0f} s") from None
        computed = hub.connector.read_computed(task, order, store, answer)
        if not isinstance(computed, NotYet):
            return _good(computed, store)
        task, wait_s = Task.READ_VALIDATION, max(wait_s * 2, computed.retry_after_s or 0.0)
        if time.monotonic() + wait_s >= ends:
            raise _silent(store, f"it needs longer than {limits.POS_CALL_TIMEOUT_S:.0f} s")
        await asyncio.sleep(wait_s)


def accept_by(now: datetime) -> datetime:
    """Until when the question is good for anything."""
    return now + timedelta(seconds=limits.POS_CALL_TIMEOUT_S)


def _good(computed: Computed, store: Store) -> PosComputed:
    match computed:
        case PosComputed(totals) if totals.tax % currency(store.currency).step:
            raise _silent(store, f"it computes a tax of {totals.tax} cents of {store.currency}, which nobody can pay")
        case PosComputed():
            return computed
        case WouldRefuse(reason):
            error = FieldError("$", "pos_refused", reason)
            raise Refused(Code.POS_REFUSED, f"The store's POS would not take this order: {reason}", error)
        case NothingComputed(reason):
            raise _silent(store, reason)
        case NotYet():
            raise AssertionError("asked again before")


def _silent(store: Store, reason: str) -> Refused:
    text = f"The POS of {store.name} gives no prices now: {reason}. Try again, or ask for an estimate."
    return Refused(Code.POS_UNAVAILABLE, text, FieldError(_PATH, "pos_unavailable", reason))
