"""Faults that a storm must find: each takes away one thing that keeps orders from being lost or doubled."""

import asyncio
import os
import shutil
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import heard.engine.accept_order
import heard.pos.desk
from heard.storage import orders, sql

_LATER_S = 0.3
_beside: set[asyncio.Task[None]] = set()  # the loop alone would let go of them


def answer_before_commit() -> None:
    """An order is answered, and written down in a moment."""
    take_in = heard.engine.accept_order.take_in

    async def later(hub: Any, new: Any) -> None:
        await asyncio.sleep(_LATER_S)
        await take_in(hub, new)

    async def at_once(hub: Any, new: Any) -> bool:
        _beside.add(asyncio.create_task(later(hub, new)))
        return True

    heard.engine.accept_order.take_in = at_once  # type: ignore[attr-defined]


def no_fencing() -> None:
    """Whoever had a lease once writes what it thinks, whoever has it now."""

    def unfenced(name: str) -> str:
        text = sql.query(name)
        if name == "orders_save":
            for condition, instead in (
                ("AND p.revision = i.revision AND (i.lease IS NULL OR p.lease = i.lease)", ""),
                ("revision = i.revision + 1", "revision = o.revision + 1"),
                ("make_interval(secs => -$70) AND make_interval(secs => $70)", "'-1 day' AND '1 day'"),
            ):
                assert condition in text
                text = text.replace(condition, instead)
        return text

    orders.query = unfenced


def resend_without_probing() -> None:
    """A `place` whose process died is carried out again without asking what became of it."""
    place, settled = heard.pos.desk.Desk._place, heard.pos.desk.Desk._settled
    unasked: ContextVar[bool] = ContextVar("unasked", default=False)

    async def place_again(self: Any, work: Any, order: Any) -> Any:
        unasked.set(work.attempt > 1)
        return await place(self, work, order)

    async def not_there(self: Any, ref: Any) -> Any:
        if unasked.get():
            unasked.set(False)
            return None
        return await settled(self, ref)

    heard.pos.desk.Desk._place = place_again  # type: ignore[method-assign]
    heard.pos.desk.Desk._settled = not_there  # type: ignore[method-assign]


def event_outside_the_transaction() -> None:
    """What happened is on disk; what is to be told of it follows in a moment."""
    save_all = orders.save_all

    async def tell(pool: Any, saved: Any) -> None:
        await asyncio.sleep(_LATER_S)
        async with pool.acquire() as connection:
            for one in saved:
                order = one.decision.order
                for event in one.events:
                    await connection.execute(
                        "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body,"
                        " created_at, xid) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_current_xact_id())",
                        *(order.organization_id, event.event_id, order.marketplace_id, order.order_id),
                        *(event.sequence, event.kind, event.body, one.at),
                    )
                    await connection.execute(
                        "INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence,"
                        " give_up_at, next_at) SELECT $1, $2, endpoint_id, $3, $3, $4, $5, $6 FROM endpoints"
                        " WHERE marketplace_id = $7",
                        *(order.organization_id, event.event_id, order.order_id, event.sequence),
                        *(one.give_up_at, one.at, order.marketplace_id),
                    )

    async def in_two(connection: Any, saved: Any, *clock: Any) -> Any:
        saved = list(saved)
        done = await save_all(connection, [replace(one, events=()) for one in saved], *clock)
        late = [one for one in saved if one.events and one.known.ref in done]
        _beside.add(asyncio.create_task(tell(connection._holder._pool, late)))
        return done

    orders.save_all = in_two  # type: ignore[assignment]


def dedupe_in_memory() -> None:
    """The kit forgets with its process what it was asked."""
    shared = os.environ.get("HEARD_POS_STORE")  # nobody writes to it: it holds whose locations are whose
    if shared is not None:
        os.environ["HEARD_POS_STORE"] = shutil.copy(shared, f"{shared}.{os.getpid()}")


def leases_never_expire() -> None:
    os.environ["HEARD_WORK_LEASE_S"] = "86400"


PLANTED: dict[str, Callable[[], None]] = {
    "answer before commit": answer_before_commit,
    "no fencing": no_fencing,
    "resend without probing": resend_without_probing,
    "event outside the transaction": event_outside_the_transaction,
    "dedupe kept in memory": dedupe_in_memory,
    "lease never expiring": leases_never_expire,
}
