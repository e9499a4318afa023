"""The one way an order changes: lock its row, decide, write order, history, events and exchanges, commit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heard.domain.ids import EventId, OrderId
from heard.domain.order.commands import Command
from heard.domain.order.decide import Decision, HistoryLine, Moment, Told, decide
from heard.domain.order.model import Order
from heard.domain.order.plan import Task, task_at
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine.hub import WORK_CHANNEL, Hub
from heard.protocols.link.encode import encode_event
from heard.storage import orders
from heard.storage.rows import Claimed, Exchange, OrderRef


class LeaseLost(Exception):
    """Another worker has the order now; what this one learned is for that one to learn again."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The order as committed, what its history got, and the task that is due at once (None: later, or nothing)."""

    order: Order
    history: tuple[HistoryLine, ...]
    task: Task | None
    now: datetime


async def change_order(
    hub: Hub,
    store: Store,
    order_id: OrderId,
    commands: Sequence[Command],
    *,
    exchanges: Sequence[Exchange] = (),
    check: Callable[[Claimed], None] | None = None,
    record: Callable[[Order, datetime], Exchange] | None = None,
    fence: int | None = None,
    announce: bool = False,
    answered: bool = False,
) -> Changed:
    """Carry out commands on one order of a store in one transaction.

    With `fence` (a worker's lease number) it is all or LeaseLost, and the lease is kept while there is a task due at
    once. With `announce`, other processes' workers are woken. `answered`: the store's POS gave a sign of life.
    `check` sees the locked order first, and leaves everything as it was by raising Refused. `record` is the exchange
    that asked for the change, made from what came of it. Raises Refused(unknown_order).
    """
    ref = OrderRef(store.organization_id, order_id)
    async with hub.connection() as connection, connection.transaction():
        locked = await orders.lock(connection, ref)
        if locked is None or locked.order.venue_id != store.venue_id:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {order_id!r} at this store.")
        if fence is not None and locked.lease != fence:
            raise LeaseLost(order_id)
        if check is not None:
            check(locked)
        decision = _decide_all(locked, commands, Moment(locked.now, hub.chance(), store.rules, store.connector))
        recorded = [*exchanges, record(decision.order, locked.now)] if record is not None else exchanges
        task = task_at(decision.order, locked.now)
        await orders.save(
            connection,
            decision,
            locked.now,
            release=fence is not None and task is None,
            events=[_event(hub, told, locked.now) for told in decision.told],
            give_up_at=locked.now + timedelta(seconds=store.rules.accept_within_s),
            exchanges=[(hub.new_id("exc", exchange.at), exchange) for exchange in recorded],
            answered=answered,
        )
        if announce:
            await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
    if decision.told or announce:
        hub.wake()
    return Changed(decision.order, decision.history, task, locked.now)


def _decide_all(locked: Claimed, commands: Sequence[Command], moment: Moment) -> Decision:
    order = locked.order
    history: tuple[HistoryLine, ...] = ()
    told: tuple[Told, ...] = ()
    for command in commands:
        decision = decide(order, command, moment)
        order, history, told = decision.order, history + decision.history, told + decision.told
    return Decision(order, history, told)


def _event(hub: Hub, told: Told, at: datetime) -> orders.NewEvent:
    event_id = EventId(hub.new_id("evt", at))
    return orders.NewEvent(event_id, told.order.sequence, told.kind, encode_event(told.kind, told.order, at))
