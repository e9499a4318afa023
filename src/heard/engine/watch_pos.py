"""A store's POS gave a sign of life, or none: counted, and where it turns, the store is paused or goes on, and told.

One transaction a turn, on the POS's own row: of any number of processes one takes it, and only that one tells.
"""

from datetime import datetime, timedelta

import structlog

from heard import limits
from heard.domain.breaker import Answered, Failed, Outcome, PosHealth, ProbeFailed, Turn, decide
from heard.domain.ids import OrderId
from heard.domain.order.commands import HoldCall, ReleaseCall
from heard.domain.order.model import ReasonCode
from heard.domain.stores import HELD_BY_HUB, Pause, Store
from heard.engine.change_order import change_order
from heard.engine.hub import WORK_CHANNEL, Hub
from heard.engine.pause_store import hold, lift
from heard.storage import health, orders
from heard.storage.orders import Connection

log = structlog.get_logger()

_REASON = ReasonCode.POS_UNREACHABLE


async def pos_failed(hub: Hub, store: Store, order_id: OrderId, reason: str) -> None:
    """An order's call brought no sign of life. While the POS is gone the order waits for it."""
    known = await _hear(hub, store, Failed(order_id, reason))
    if known is not None and known.probe_at is not None:
        await change_order(hub, store, order_id, [HoldCall(hold_until(known.probe_at))])


async def pos_answered(hub: Hub, store: Store) -> None:
    """An order's call was answered while the POS counted as gone."""
    await _hear(hub, store, Answered())


async def pos_probed(hub: Hub, store: Store, fault: str | None, lease: int) -> None:
    """The outcome of a probe: why there was no sign of life, or None. One whose lease was lost changes nothing."""
    await _hear(hub, store, Answered() if fault is None else ProbeFailed(fault), lease)


async def is_gone(hub: Hub, store: Store) -> bool:
    """Whether the POS has not answered for so long that only its probe asks it."""
    async with hub.connection() as connection:
        return await health.is_open(connection, store)


def hold_until(probe_at: datetime) -> datetime:
    """Until when an order's call waits at most: by then the next probe has brought an answer or none."""
    return probe_at + timedelta(seconds=limits.PROBE_HOLD_S)


async def _hear(hub: Hub, store: Store, outcome: Outcome, lease: int | None = None) -> PosHealth | None:
    """The health after an outcome; None when a probe's lease was lost."""
    async with hub.connection() as connection, connection.transaction():
        known = await health.lock(connection, store)
        if lease is not None and known.lease != lease:
            return None
        after, turn = decide(known.health, outcome, known.now, hub.chance())
        await health.save(connection, store, after, release=lease is not None)
        if turn is not None:
            await _turn(hub, connection, store, turn, known.now)
    if turn is not None:
        log.warning("a POS turned", venue_id=store.venue_id, turn=turn, fault=after.last_fault)
        hub.wake()
    if turn is Turn.RECOVER:
        await _release(hub, store)
    return after


async def _turn(hub: Hub, connection: Connection, store: Store, turn: Turn, now: datetime) -> None:
    if turn is Turn.TRIP:
        await hold(hub, connection, store, Pause(HELD_BY_HUB, _REASON, now))
    else:
        await lift(hub, connection, store, HELD_BY_HUB, now)


async def _release(hub: Hub, store: Store) -> None:
    """Let the orders that waited go on at once, each on its own. Should this process die here, they go on by time."""
    async with hub.connection() as connection:
        waiting = await orders.held(connection, store.organization_id, store.venue_id)
    for order_id in waiting:
        await change_order(hub, store, order_id, [ReleaseCall()])
    if waiting:
        async with hub.connection() as connection:
            await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
        hub.wake()
