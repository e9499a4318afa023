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
        until = known.probe_at + timedelta(seconds=limits.PROBE_HOLD_S)  # an open outcome goes on at the probe's pace
        await change_order(hub, store, order_id, [HoldCall(until)])


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


def hold_until(now: datetime, chance: float) -> datetime:
    """Until when an order's call waits for its POS at most. Its return lets it go: this is the net, should that fail.

    Spread, since thousands that began to wait together are not to be looked at together.
    """
    return now + timedelta(seconds=limits.HELD_LOOK_S * (0.75 + chance / 2))


async def let_go_if_back(hub: Hub, store: Store, order_id: OrderId) -> None:
    """An order was held: if the POS came back at that moment, whoever let the others go did not see this one."""
    if not await is_gone(hub, store):
        await change_order(hub, store, order_id, [ReleaseCall()])
        hub.wake()


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
        await _release_more(hub, store, known.now)
    elif turn is Turn.TRIP or isinstance(outcome, ProbeFailed):
        await _put_off(hub, store, known.now)
    return after


async def _turn(hub: Hub, connection: Connection, store: Store, turn: Turn, now: datetime) -> None:
    if turn is Turn.TRIP:
        await hold(hub, connection, store, Pause(HELD_BY_HUB, _REASON, now))
    else:
        await lift(hub, connection, store, HELD_BY_HUB, now)
        await orders.let_go(connection, store.organization_id, store.venue_id, now, limits.LET_GO_MAX)


async def _put_off(hub: Hub, store: Store, now: datetime) -> None:
    """All that is due, or waits for the POS already and would be looked at before the probe after the next: thousands
    of orders of one store are then neither begun before those of others nor looked at beside them. Should this process
    die meanwhile, whoever looks at one of the others puts it off.
    """
    key, count = (store.organization_id, store.venue_id), limits.LET_GO_MAX
    while count == limits.LET_GO_MAX:
        async with hub.connection() as connection, connection.transaction():
            known = await health.lock(connection, store)  # nobody lets go meanwhile what is put off here
            if known.health.open_since is None:
                return
            count = await orders.put_off(connection, *key, now, limits.LET_GO_MAX)


async def _release_more(hub: Hub, store: Store, now: datetime) -> None:
    """What the return itself did not let go: those beyond its bound, and each that somebody was at."""
    key = store.organization_id, store.venue_id
    count = limits.LET_GO_MAX
    while count == limits.LET_GO_MAX:
        async with hub.connection() as connection, connection.transaction():
            count = await orders.let_go(connection, *key, now, limits.LET_GO_MAX)
    async with hub.connection() as connection:
        left = await orders.held(connection, *key)
    for order_id in left:
        await change_order(hub, store, order_id, [ReleaseCall()])
    async with hub.connection() as connection:
        await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
    hub.wake()
