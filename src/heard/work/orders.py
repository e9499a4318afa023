"""One claimed order: do what its plan says is due, call by call, until it must wait. Each outcome is one commit."""

import time
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

from heard.connectors.contract import Occasion
from heard.domain.menu.index import MenuIndex
from heard.domain.order import commands as c
from heard.domain.order.content import OrderContent
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Order
from heard.domain.order.plan import PAYMENT_CALLS, Task, next_at, task_at
from heard.domain.payments import UNDER_WAY
from heard.domain.stores import Store
from heard.engine import metrics
from heard.engine.change_order import Changed, change_order
from heard.engine.hear_pos import callback_url
from heard.engine.hub import Hub
from heard.engine.read_order import read_content
from heard.engine.watch_pos import hold_until, let_go_if_back, pos_answered, pos_failed
from heard.net import tracing
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.storage import orders
from heard.storage.rows import Claimed, Exchange
from heard.work.payments import ask_provider

_HOUSE_COMMANDS: dict[Task, c.Command] = {
    Task.DISPATCH: c.Dispatch(),
    Task.EXPIRE: c.PassDeadline(),
    Task.GIVE_UP: c.GiveUp(),
    Task.LOSE: c.FailAttempt("the worker stopped while the submit was under way", ticket_may_exist=True),
}


class OrderWork:
    """Works on one order under one lease."""

    def __init__(self, hub: Hub, outbound: Outbound, claimed: Claimed, store: Store) -> None:
        self._hub, self._outbound, self._held, self._store = hub, outbound, claimed, store
        self._probe_at = claimed.probe_at
        self._ordered: tuple[OrderContent, MenuIndex] | None = None

    async def run(self) -> float | None:
        """Until nothing is due at once; the seconds until something is, None when nothing waits for a time.

        Raises LeaseLost when another worker has taken over.
        """
        order, now = self._held.order, self._held.now
        task = task_at(order, now)
        if task is None:  # it changed between being found and being leased
            async with self._hub.connection() as connection:
                await orders.release(connection, self._held)
        while task is not None:
            if task is Task.DISPATCH and self._probe_at is not None:
                changed = await self._hold(c.Dispatch(), now=now)
            elif task in _HOUSE_COMMANDS:
                changed = await self._change(_HOUSE_COMMANDS[task])
            elif task in PAYMENT_CALLS:
                changed = await self._pay(task, order, now)
            elif self._must_wait(task, order):
                changed = await self._hold(now=now)
            elif task is Task.SUBMIT:
                changed = await self._change(c.SendTicket())
            else:
                changed = await self._ask(task, order, now)
            if _goes_out(changed):
                changed = await self._submit(changed)
            order, task, now = changed.order, changed.task, changed.now
        due_at = next_at(order)
        return None if due_at is None else (due_at - now).total_seconds()

    def _must_wait(self, task: Task, order: Order) -> bool:
        """While the POS is gone, calls wait for its probe; an open outcome is asked about, at the probe's pace."""
        return self._probe_at is not None and not (task is Task.READ_TICKET and order.ticket.is_open)

    async def _hold(self, *before: c.Command, now: datetime) -> Changed:
        """Its next call, if there is one, waits for the POS."""
        changed = await self._change(*before, c.HoldCall(hold_until(now, self._hub.chance())))
        await let_go_if_back(self._hub, self._store, changed.order.order_id)
        return changed

    async def _submit(self, sent: Changed) -> Changed:
        """The ticket goes out, as was just written down: a crash between leaves an unknown outcome, never a second."""
        return await self._ask(Task.SUBMIT, sent.order, sent.now)

    async def _ask(self, task: Task, order: Order, now: datetime) -> Changed:
        content, menu = await self._content()
        occasion = Occasion(now, self._hub.new_id("call", now), callback_url(self._hub, self._store))
        call = self._hub.connector.order_call(task, order, content, menu, self._store, occasion)
        begun = time.perf_counter()
        answer = await self._outbound.send(call)
        ms = (time.perf_counter() - begun) * 1000
        read = self._hub.connector.read_order(task, order, self._store, answer)
        command = read.command
        fault = self._hub.connector.fault(command, answer)
        commands = (command, c.SendTicket()) if isinstance(command, c.PassValidation) else (command,)
        exchange = exchange_of(call, answer, now, ms, "pos", _body_of(answer), read.verdict)
        metrics.made(exchange)
        changed = await self._change(*commands, exchanges=[exchange], answered=fault is None)
        if fault is not None:
            await pos_failed(self._hub, self._store, order.order_id, fault)
        elif self._probe_at is not None:
            await pos_answered(self._hub, self._store)
        return changed

    async def _pay(self, task: Task, order: Order, now: datetime) -> Changed:
        """Ask the payment provider. That the call goes out is written down before it does."""
        step = PAYMENT_CALLS[task]
        if order.payment not in UNDER_WAY:
            sent = await self._change(c.SendPayment(step))
            if UNDER_WAY.get(sent.order.payment) is not step:  # somebody was faster: it is not wanted any more
                return sent
            order, now = sent.order, sent.now
        with tracing.span(f"payment {step}") as span:
            command, made = await ask_provider(self._hub, self._outbound, order, step)
            span.note({"heard.outcome": type(command).__name__})
        exchanges = [Exchange(now, "out", "payment", *astuple(one)) for one in made]
        for exchange in exchanges:
            metrics.made(exchange)
        return await self._change(command, exchanges=exchanges)

    async def _change(
        self, *commands: c.Command, exchanges: Sequence[Exchange] = (), answered: bool = False
    ) -> Changed:
        order_id, held = self._held.order.order_id, self._held
        changed = await change_order(
            self._hub, self._store, order_id, commands, exchanges=exchanges, held=held, answered=answered
        )
        self._held = changed.known
        return changed

    async def _content(self) -> tuple[OrderContent, MenuIndex]:
        if self._ordered is None:
            content, version = await read_content(self._hub, self._held.ref)
            self._ordered = content, await self._hub.menu(self._store, version)
        return self._ordered


def _goes_out(changed: Changed) -> bool:
    """Whether it was just written down that the ticket goes out."""
    return any(line.step is Step.SEND and line.changed for line in changed.history)


def exchange_of(
    call: Call,
    answer: Answer | NoAnswer,
    at: datetime,
    ms: float,
    peer: str,
    said: bytes | None = None,
    verdict: str | None = None,
) -> Exchange:
    """A call and what came of it, for the record: no header, no host, and of bodies what is given as `said`. What went
    out is not kept: it can be made again (engine/retell.py).
    """
    path = "/" + call.url.split("://", 1)[-1].partition("/")[2]
    if isinstance(answer, NoAnswer):
        return Exchange(at, "out", peer, call.method, path, None, ms, answer.reason)
    return Exchange(at, "out", peer, call.method, path, answer.status, ms, None, said, verdict)


def _body_of(answer: Answer | NoAnswer) -> bytes | None:
    return answer.body if isinstance(answer, Answer) else None
