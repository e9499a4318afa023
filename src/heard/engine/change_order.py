"""The one way an order changes: decide, write order, history, events and exchanges, commit.

Who holds the order's lease knows it as it is, but for a cancel or a callback now and then: what follows is saved in one
statement if nobody has changed the order since. Everybody else, and who was wrong, locks the row and reads it first.
Changes that are wanted at the same time share a transaction and its flush of the disk; each is decided by itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from heard import limits
from heard.domain.ids import EventId, OrderId
from heard.domain.order.commands import Command
from heard.domain.order.decide import Decision, HistoryLine, Moment, Told, decide
from heard.domain.order.model import Order
from heard.domain.order.plan import Task, task_at
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine import metrics
from heard.engine.hub import DELIVERY_WORK, WORK_CHANNEL, Hub
from heard.net import tracing
from heard.protocols.link.encode import encode_event
from heard.storage import orders
from heard.storage.rows import Claimed, Exchange, OrderRef


class LeaseLost(Exception):
    """Another worker has the order now; what this one learned is for that one to learn again."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The order as committed, what its history got, and the task that is due at once (None: later, or nothing)."""

    known: Claimed
    history: tuple[HistoryLine, ...]
    task: Task | None

    @property
    def order(self) -> Order:
        return self.known.order

    @property
    def now(self) -> datetime:
        return self.known.now


async def change_order(
    hub: Hub,
    store: Store,
    order_id: OrderId,
    commands: Sequence[Command],
    *,
    exchanges: Sequence[Exchange] = (),
    check: Callable[[Claimed], None] | None = None,
    record: Callable[[Order, datetime], Exchange] | None = None,
    held: Claimed | None = None,
    announce: bool = False,
    answered: bool = False,
    acting: str | None = None,
) -> Changed:
    """Carry out commands on one order of a store in one transaction, up to one that comes late.

    With `held` (under a worker's lease) it is all or LeaseLost, and the lease is kept while there is a task due at
    once. With `announce`, other processes' workers are woken. `answered`: the store's POS gave a sign of life.
    `acting`: by whose hand the staff act.
    `check` sees the locked order first, and leaves everything as it was by raising Refused. `record` is the exchange
    that asked for the change, made from what came of it. Raises Refused(unknown_order).
    """
    ref = OrderRef(store.organization_id, order_id)
    tracing.about_order(order_id)
    # A worker waits for as long as it takes: what it has learned is worth more than its place.
    within_s = limits.DATABASE_WAIT_S if held is None else None
    with tracing.span("save order", attributes={"heard.order_id": order_id}) as span:
        here = tracing.current()
        wish = _Wish(ref, store, commands, exchanges, held, announce, answered, acting, check, record, here)
        changed = await hub.batcher(_change_held, _Wish.about).ask(wish) if held is not None else None
        if changed is None:
            changed = await hub.batcher(_change_locked, _Wish.about).ask(wish, within_s)
        tracing.link(changed.known.trace)
        steps = ",".join(line.step for line in changed.history)
        span.note({"heard.order_status": changed.order.status, "heard.order_steps": steps})
    return changed


@dataclass(frozen=True, slots=True)
class _Wish:
    """A change that is wanted of one order."""

    ref: OrderRef
    store: Store
    commands: Sequence[Command]
    exchanges: Sequence[Exchange] = field(repr=False)
    held: Claimed | None
    announce: bool
    answered: bool
    acting: str | None
    check: Callable[[Claimed], None] | None
    record: Callable[[Order, datetime], Exchange] | None
    here: str | None  # where it is in a trace

    def about(self) -> OrderRef:
        return self.ref


async def _change_held(hub: Hub, wishes: Sequence[_Wish]) -> list[Changed | Exception | None]:
    """Carry out changes of orders as they were when last seen; None for those that were changed since."""
    decided = [_decided(hub, wish, wish.held.by_now()) for wish in wishes if wish.held is not None]
    async with hub.connection() as connection:
        saved = await orders.save_all(connection, [to_save for _, to_save in decided], limits.CLOCK_OFF_S)
    for _, to_save in decided:
        if to_save.known.ref in saved:
            metrics.stepped(to_save.decision.history)
    if any(to_save.events for _, to_save in decided):
        hub.wake(DELIVERY_WORK)
    return [
        replace(changed, known=changed.known.seen(saved[changed.known.ref])) if changed.known.ref in saved else None
        for changed, _ in decided
    ]


async def _change_locked(hub: Hub, wishes: Sequence[_Wish]) -> list[Changed | Exception]:
    """Carry out changes of as many orders, in one transaction that locks them first."""
    outcomes: list[Changed | Exception] = []
    saved: list[orders.Saved] = []
    async with hub.connection() as connection, connection.transaction():
        known = await orders.lock_all(connection, [wish.ref for wish in wishes])
        for wish in wishes:
            try:
                changed, to_save = _decided(hub, wish, known.get(wish.ref))
            except (Refused, LeaseLost) as refused:
                outcomes.append(refused)
            else:
                outcomes.append(changed)
                saved.append(to_save)
        if saved:
            written = await orders.save_all(connection, saved)
            assert len(written) == len(saved)  # they are locked: nobody else can have changed them
        announce = any(wish.announce for wish in wishes)
        if announce:
            await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
    for one in saved:
        metrics.stepped(one.decision.history)
    if announce:
        hub.wake()
    elif any(one.events for one in saved):
        hub.wake(DELIVERY_WORK)
    return outcomes


def _decided(hub: Hub, wish: _Wish, known: Claimed | None) -> tuple[Changed, orders.Saved]:
    """What follows from one wish about an order. Raises Refused, LeaseLost."""
    if known is None or known.order.venue_id != wish.store.venue_id:
        raise Refused(Code.UNKNOWN_ORDER, f"There is no order {wish.ref.order_id!r} at this store.")
    if wish.held is not None and known.lease != wish.held.lease:
        raise LeaseLost(wish.ref.order_id)
    if wish.check is not None:
        wish.check(known)
    now, rules = known.now, wish.store.rules
    decision = _decide_all(known, wish.commands, Moment(now, hub.chance(), rules, wish.store.connector, wish.acting))
    task = task_at(decision.order, now)
    exchanges = [*wish.exchanges, *([wish.record(decision.order, now)] if wish.record is not None else [])]
    saved = orders.Saved(
        decision,
        known,
        fenced=wish.held is not None,
        release=wish.held is not None and task is None,
        events=[_event(hub, told, now, tracing.within(known.trace, wish.here)) for told in decision.told],
        give_up_at=now + timedelta(seconds=rules.accept_within_s),
        exchanges=[(hub.new_id("exc", exchange.at), exchange) for exchange in exchanges],
        answered=wish.answered,
    )
    after = replace(known, order=decision.order, revision=known.revision + 1, stalls=0)
    return Changed(after, decision.history, task), saved


def _decide_all(locked: Claimed, commands: Sequence[Command], moment: Moment) -> Decision:
    order = locked.order
    history: tuple[HistoryLine, ...] = ()
    told: tuple[Told, ...] = ()
    for command in commands:
        decision = decide(order, command, moment)
        order, history, told = decision.order, history + decision.history, told + decision.told
        if not all(line.changed for line in decision.history):  # it came late: what was to follow it does not
            break
    return Decision(order, history, told)


def _event(hub: Hub, told: Told, at: datetime, trace: str | None) -> orders.NewEvent:
    event_id = EventId(hub.new_id("evt", at))
    return orders.NewEvent(event_id, told.order.sequence, told.kind, encode_event(told.kind, told.order, at), trace)
