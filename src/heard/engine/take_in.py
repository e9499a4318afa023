"""What every new order passes through, whatever protocol brought it: looked up by its key, kept out by a pause, written
down once. Orders that come at the same moment share a transaction.
"""

import math
from collections.abc import Sequence

from heard import limits
from heard.domain.ids import MarketplaceId
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import HELD_BY_HUB
from heard.engine import metrics
from heard.engine.batching import Batcher
from heard.engine.hub import ORDER_WORK, WORK_CHANNEL, Hub
from heard.net import tracing
from heard.protocols.link.status import is_told_why
from heard.storage import orders


async def look_up(hub: Hub, key: orders.OrderKey) -> orders.KeyLookup:
    """What is known of a channel's order number, and of the store that it is for."""
    batcher: Batcher[orders.OrderKey, orders.KeyLookup] = hub.batcher(_look_up_all, _itself)
    return await batcher.ask(key, limits.DATABASE_WAIT_S)


async def take_in(hub: Hub, new: orders.NewOrder) -> bool:
    """Write an order down; False: its number has just been taken. Raises TimeoutError, and writes nothing, when others
    take too long.
    """
    batcher: Batcher[orders.NewOrder, bool] = hub.batcher(_take_all_in, orders.NewOrder.key)
    with tracing.span("save order"):
        return await batcher.ask(new, limits.DATABASE_WAIT_S)


def refuse_if_paused(channel: MarketplaceId, known: orders.KeyLookup, path: str) -> None:
    """A new order must wait until the pause is over. Raises Refused(store_not_accepting) at `path`."""
    if known.paused_by is None:
        return
    told_why = is_told_why(known.paused_by, channel)
    left_s = (known.paused_until - known.now).total_seconds() if known.paused_until else limits.PAUSE_RETRY_S
    reason = known.pause_reason if told_why else "by another channel"
    why = "its POS does not answer" if known.paused_by == HELD_BY_HUB else reason
    text = f"The store is paused: {why}. Try again later."
    error = FieldError(path, "store_paused", f"paused: {reason}")
    raise Refused(Code.STORE_NOT_ACCEPTING, text, error, retry_after_s=max(1, math.ceil(left_s)))


async def _look_up_all(hub: Hub, keys: Sequence[orders.OrderKey]) -> list[orders.KeyLookup]:
    async with hub.connection() as connection:
        return await orders.find_keys(connection, keys)


def _itself(key: orders.OrderKey) -> orders.OrderKey:
    return key


async def _take_all_in(hub: Hub, news: Sequence[orders.NewOrder]) -> list[bool]:
    # Numbers are taken in one order everywhere, so that no two statements wait for each other.
    in_order = sorted(news, key=orders.NewOrder.key)
    async with hub.connection() as connection:
        created = await orders.accept(connection, in_order, (WORK_CHANNEL, ORDER_WORK))
    if created:
        hub.wake(ORDER_WORK)
    for new in news:
        if new.decision.order.order_id in created:
            metrics.stepped(new.decision.history)
    return [new.decision.order.order_id in created for new in news]
