"""Orders in their tables: accepted, leased, locked, saved, read. What follows from what is decided in the domain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg

from heard import limits
from heard.domain.ids import (
    EventId,
    ExchangeId,
    ExternalOrderId,
    MarketplaceId,
    OrderId,
    OrganizationId,
    VenueId,
)
from heard.domain.menu.off import NOTHING_OFF, Off
from heard.domain.order.decide import Decision, HistoryLine
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Order, Status
from heard.domain.order.plan import next_at
from heard.domain.turns import in_turns, spread
from heard.storage.answers import pack
from heard.storage.rows import Claimed, Exchange, HistoryRow, OrderRef, order_from
from heard.storage.sql import query

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to accept, decided and encoded; nothing of it is written when its key is taken."""

    decision: Decision
    content_hash: bytes
    content: bytes
    raw: bytes
    menu_version: str
    price_differences: str | None  # as JSON
    at: datetime
    exchange_id: ExchangeId
    exchange: Exchange
    proof: bytes | None = None  # its arithmetic, where the hub did it
    trace: str | None = None  # of the request that brought it, as a traceparent

    def key(self) -> tuple[str, str, str]:
        """What makes it the same order when it comes again."""
        order = self.decision.order
        return order.organization_id, order.marketplace_id, order.external_order_id


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to tell, encoded, with the id it keeps over all deliveries. `trace`: where in a trace it came about."""

    event_id: EventId
    sequence: int
    kind: str
    body: bytes
    trace: str | None = None


async def accept(
    connection: Connection, orders: Sequence[NewOrder], announce: tuple[str, str] | None = None
) -> set[OrderId]:
    """Write a batch of new orders in one statement; the ids of those that were new.

    Those that listen at a channel are told: `announce` is its name and the word.
    """
    news = [(new, new.decision.order) for new in orders]
    history = [(new, line, n) for new in orders for n, line in enumerate(new.decision.history, 1)]
    rows = await connection.fetch(
        query("order_accept"),
        [order.organization_id for _, order in news],
        [order.order_id for _, order in news],
        [order.venue_id for _, order in news],
        [order.marketplace_id for _, order in news],
        [order.external_order_id for _, order in news],
        [order.currency for _, order in news],
        [order.total for _, order in news],
        [order.received_at for _, order in news],
        [order.accept_by for _, order in news],
        [order.status for _, order in news],
        [order.version for _, order in news],
        [order.requested_at for _, order in news],
        [order.release_at for _, order in news],
        [next_at(order) for _, order in news],
        [new.content_hash for new, _ in news],
        [new.content for new, _ in news],
        [new.raw for new, _ in news],
        [new.menu_version for new, _ in news],
        [new.decision.order.organization_id for new, _, _ in history],
        [new.decision.order.order_id for new, _, _ in history],
        [n for _, _, n in history],
        [new.at for new, _, _ in history],
        *_history_columns([line for _, line, _ in history]),
        *_exchange_columns([(new.exchange_id, new.exchange) for new, _ in news]),
        [order.validation for _, order in news],
        [order.validate_at for _, order in news],
        *(announce or (None, None)),
        [new.price_differences for new, _ in news],
        [order.payment for _, order in news],
        [new.proof for new, _ in news],
        [new.trace for new, _ in news],
        [new.exchange.request_id for new, _ in news],
    )
    return {row["order_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class KeyLookup:
    """What is known of a marketplace's order number now: the order that has it and its content's hash, or None.

    And of the store that it is for: whether the marketplace is connected to it, its menu and what is off it, whether it
    is for trying out, and a pause that it is under. All as it is in the database: what was ended a moment ago has ended
    in every process, and a new menu holds in each.
    """

    now: datetime
    order_id: OrderId | None
    content_hash: bytes | None
    connected: bool
    menu_version: str | None
    menu_published: bool
    sandbox: bool
    off: Off
    paused_by: str | None
    pause_reason: str | None
    paused_until: datetime | None


OrderKey = tuple[OrganizationId, MarketplaceId, ExternalOrderId, VenueId | None]


async def find_keys(connection: Connection, keys: Sequence[OrderKey]) -> list[KeyLookup]:
    """The orders that have marketplaces' numbers, whether their stores are paused, and the time, in one round trip."""
    rows = await connection.fetch(query("order_keys"), *_columns(list(keys), 4))
    return [_looked_up(row) for row in rows]


def _looked_up(row: asyncpg.Record) -> KeyLookup:
    known = dict(row)
    ids, untils = known.pop("off_ids"), known.pop("off_untils")
    return KeyLookup(**known, off=dict(zip(ids, untils, strict=True)) if ids else NOTHING_OFF)


async def find_key(
    connection: Connection,
    organization_id: OrganizationId,
    marketplace_id: MarketplaceId,
    external_order_id: ExternalOrderId,
) -> KeyLookup:
    """The order that has a marketplace's number, and the time."""
    return (await find_keys(connection, [(organization_id, marketplace_id, external_order_id, None)]))[0]


async def claim(
    connection: Connection, count: int, per_store: int, busy_venues: Sequence[str], lease_s: float
) -> list[Claimed]:
    """Lease up to `count` orders that are due, at most `per_store` of one store.

    A few of the oldest are looked at first: in a rush they are of stores enough. Only where they are not, and more are
    due behind them, is it many. Some more are named than are wanted, since others take some at the same time.
    """
    near, newest = min(limits.CLAIM_NEAR_TIMES * count, count + limits.CLAIM_NEAR_MORE_MAX), limits.CLAIM_NEWEST
    due = await connection.fetch(query("order_due"), near, newest, list(busy_venues))
    if len(due) >= near and not spread(due, _venue_of, count, per_store):
        due = await connection.fetch(query("order_due"), limits.CLAIM_SCAN_MAX, newest, list(busy_venues))
    refs = [OrderRef(row["organization_id"], row["order_id"]) for row in in_turns(due, _venue_of, per_store)[:near]]
    if not refs:
        return []
    rows = await connection.fetch(query("order_claim"), *_keys_of(refs), count, lease_s, *_span(refs))
    return [_claimed(row, row["probe_at"]) for row in rows]


async def renew(connection: Connection, held: Sequence[Claimed], lease_s: float) -> None:
    """Keep the leases of what a worker is still at; 0 gives them back."""
    await connection.execute(
        query("order_renew"),
        *_keys_of([claimed.ref for claimed in held]),
        [claimed.lease for claimed in held],
        lease_s,
        *_span([claimed.ref for claimed in held]),
    )


async def release(connection: Connection, claimed: Claimed) -> None:
    """Give a lease back without a step."""
    await connection.execute(
        "UPDATE orders SET lease_until = NULL, stalls = 0 WHERE organization_id = $1 AND order_id = $2 AND lease = $3",
        claimed.order.organization_id,
        claimed.order.order_id,
        claimed.lease,
    )


async def lock_all(connection: Connection, refs: Sequence[OrderRef]) -> dict[OrderRef, Claimed]:
    """The orders' rows, locked until the transaction ends; those that there are."""
    rows = await connection.fetch(query("orders_lock"), *_keys_of(refs), *_span(refs))
    found = [_claimed(row) for row in rows]
    return {claimed.ref: claimed for claimed in found}


def _venue_of(row: asyncpg.Record) -> tuple[str, str]:
    return row["organization_id"], row["venue_id"]


def _claimed(row: asyncpg.Record, probe_at: datetime | None = None) -> Claimed:
    return Claimed(order_from(row), row["lease"], row["revision"], row["stalls"], row["now"], probe_at, row["trace"])


@dataclass(frozen=True, slots=True)
class Saved:
    """A decision about an order as it was `known`, to be written down with its events and exchanges.

    `fenced`: only under the lease it was known under. `release`: the worker's lease ends. `answered`: the store's POS
    gave a sign of life, which ends a row of failed calls.
    """

    decision: Decision
    known: Claimed
    fenced: bool
    release: bool
    events: Sequence[NewEvent]
    give_up_at: datetime
    exchanges: Sequence[tuple[str, Exchange]]
    answered: bool = False

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return self.known.now


async def save_all(
    connection: Connection, saved: Sequence[Saved], clock_off_s: float | None = None
) -> dict[OrderRef, datetime]:
    """Write decisions about orders: rows, history, events, deliveries, exchanges. One statement.

    Nothing of those that were changed since they were known, or are no more under the lease; nor, with
    `clock_off_s`, of those decided by a clock that was further off. The others, with the time.
    """
    if not saved:
        return {}
    history = [(one, number, line) for one in saved for number, line in enumerate(one.decision.history, 1)]
    events = [(one, event) for one in saved for event in one.events]
    exchanges = [(one, exchange) for one in saved for exchange in one.exchanges]
    alive = [one for one in saved if one.answered]
    rows = await connection.fetch(
        query("orders_save"),
        *_columns([(*_order_columns(one.decision.order), one.release) for one in saved], _ORDER_COLUMNS + 1),
        *_keys(one for one, _, _ in history),
        [number for _, number, _ in history],
        [one.at for one, _, _ in history],
        *_history_columns([line for _, _, line in history]),
        *_keys(one for one, _ in events),
        [one.decision.order.marketplace_id for one, _ in events],
        [one.at for one, _ in events],
        [one.give_up_at for one, _ in events],
        *_columns([(event.event_id, event.sequence, event.kind, event.body) for _, event in events], 4),
        *_keys(one for one, _ in exchanges),
        *_exchange_columns([exchange for _, exchange in exchanges]),
        *_keys(alive),
        [one.at for one in alive],
        limits.POS_SEEN_S,
        [one.decision.order.pos_ready_at for one in saved],
        *_columns([_payment_columns(one.decision.order) for one in saved], 4),
        [one.known.revision for one in saved],
        [one.known.lease if one.fenced else None for one in saved],
        clock_off_s,
        [one.at for one in saved],
        [one.decision.order.venue_id for one in alive],
        *_span([one.known.ref for one in saved]),
        [event.trace for _, event in events],
        [pack(exchange.answer) for _, (_, exchange) in exchanges],
        [exchange.verdict for _, (_, exchange) in exchanges],
        [exchange.request_id for _, (_, exchange) in exchanges],
    )
    return {OrderRef(row["organization_id"], row["order_id"]): row["now"] for row in rows}


def _keys(saved: Iterable[Saved]) -> tuple[list[str], list[str]]:
    orders = [one.decision.order for one in saved]
    return [order.organization_id for order in orders], [order.order_id for order in orders]


def _keys_of(refs: Sequence[OrderRef]) -> tuple[list[OrganizationId], list[OrderId]]:
    return [ref.organization_id for ref in refs], [ref.order_id for ref in refs]


def _span(refs: Sequence[OrderRef]) -> tuple[OrderId, OrderId]:
    """The least and the greatest order of some: the partitions that they lie in."""
    ids = [ref.order_id for ref in refs]
    return min(ids), max(ids)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Rows turned into columns; so many empty ones of no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


async def next_due_s(connection: Connection) -> float | None:
    """Seconds until any order or delivery is due (0: one is), None when nothing waits for a time."""
    waits: float | None = await connection.fetchval(query("next_due_s"))
    return waits


async def read(connection: Connection, ref: OrderRef) -> Order | None:
    row = await connection.fetchrow(
        "SELECT * FROM orders WHERE organization_id = $1 AND order_id = $2", ref.organization_id, ref.order_id
    )
    return order_from(row) if row else None


async def find(
    connection: Connection, order_id: OrderId, organization_id: OrganizationId | None = None
) -> Order | None:
    """An order by our id, of an organization or, where none is given, whosever it is."""
    row = await connection.fetchrow(
        "SELECT orders.* FROM organizations o JOIN orders ON orders.organization_id = o.organization_id"
        " WHERE orders.order_id = $1 AND ($2::text IS NULL OR o.organization_id = $2) LIMIT 1",
        order_id,
        organization_id,
    )
    return order_from(row) if row else None


async def let_go(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, at: datetime, count: int
) -> int:
    """Up to so many of a store's orders that wait for its POS are due at once: ReleaseCall, for all of them together.

    In a transaction. How many that were; what somebody else is at is left out, so that nobody waits for each other.
    """
    rows = await connection.fetch(query("orders_held"), organization_id, venue_id, count)
    if rows:
        refs = [OrderRef(row["organization_id"], row["order_id"]) for row in rows]
        await connection.execute(query("orders_let_go"), *_keys_of(refs), at, *_span(refs))
    return len(rows)


async def put_off(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, at: datetime, count: int
) -> int:
    """Up to so many of a store's orders that are due, or soon would be, wait for its POS, which is gone: HoldCall, for
    all together.

    In a transaction. How many that were: those that are due within half of a look's time are next looked at after about
    a whole one. What somebody else is at is left out.
    """
    soon = at + timedelta(seconds=limits.HELD_LOOK_S / 2)
    rows = await connection.fetch(query("orders_unsent"), organization_id, venue_id, count, soon)
    if rows:
        refs = [OrderRef(row["organization_id"], row["order_id"]) for row in rows]
        begin, within_s = at + timedelta(seconds=limits.HELD_LOOK_S * 0.75), limits.HELD_LOOK_S / 2
        await connection.execute(query("orders_put_off"), *_keys_of(refs), begin, within_s, *_span(refs))
    return len(rows)


async def held(connection: Connection, organization_id: OrganizationId, venue_id: VenueId) -> list[OrderId]:
    """Orders of a store whose calls wait for its POS, the oldest first, so many as a claim looks at."""
    rows = await connection.fetch(
        "SELECT order_id FROM orders WHERE organization_id = $1 AND venue_id = $2 AND held"
        " ORDER BY received_at, order_id LIMIT $3",
        organization_id,
        venue_id,
        limits.CLAIM_SCAN_MAX,
    )
    return [row["order_id"] for row in rows]


async def read_contents(connection: Connection, refs: Sequence[OrderRef]) -> dict[OrderRef, tuple[bytes, str]]:
    """What was ordered, as it was encoded on receipt, and the version of the menu it was ordered from."""
    rows = await connection.fetch(query("order_contents"), *_keys_of(refs))
    return {OrderRef(row["organization_id"], row["order_id"]): (row["content"], row["menu_version"]) for row in rows}


async def read_body(connection: Connection, ref: OrderRef) -> tuple[bytes, str | None, bytes | None]:
    """What was ordered, as it was encoded on receipt; where its prices were not the menu's, and the hub's arithmetic,
    both as JSON.
    """
    row = await connection.fetchrow(
        "SELECT content, price_differences, proof FROM order_bodies WHERE organization_id = $1 AND order_id = $2",
        ref.organization_id,
        ref.order_id,
    )
    assert row is not None  # written with the order, in one statement
    return row["content"], row["price_differences"], row["proof"]


async def read_placed(connection: Connection, ref: OrderRef) -> tuple[bytes, bytes] | None:
    """The request of an order as it came, and the hub's arithmetic of it; None where it did none."""
    row = await connection.fetchrow(
        "SELECT raw, proof FROM order_bodies WHERE organization_id = $1 AND order_id = $2 AND proof IS NOT NULL",
        ref.organization_id,
        ref.order_id,
    )
    return (row["raw"], row["proof"]) if row else None


async def read_history(connection: Connection, ref: OrderRef) -> list[HistoryRow]:
    rows = await connection.fetch(
        'SELECT at, step, before, after, "by", changed, note FROM order_history'
        " WHERE organization_id = $1 AND order_id = $2 ORDER BY line LIMIT $3",
        ref.organization_id,
        ref.order_id,
        limits.HISTORY_MAX,
    )
    return [
        HistoryRow(
            row["at"],
            Step(row["step"]),
            Status(row["before"]) if row["before"] else None,
            Status(row["after"]),
            row["by"],
            row["changed"],
            row["note"],
        )
        for row in rows
    ]


_ORDER_COLUMNS = 27


def _order_columns(order: Order) -> tuple[Any, ...]:
    return (
        order.organization_id,
        order.order_id,
        order.accept_by,
        order.status,
        order.version,
        order.sequence,
        order.release_at,
        order.validation,
        order.ticket,
        order.validate_at,
        order.submit_at,
        order.pos_order_id,
        order.pos_total,
        order.confirmed_at,
        order.ready_at,
        order.cancel_wanted,
        order.cancelled_by,
        order.cancel_at,
        order.withdraw_until,
        order.reason_code,
        order.reason,
        order.attention,
        order.attempts,
        order.wait_until,
        order.held,
        order.parked,
        next_at(order),
    )


def _payment_columns(order: Order) -> tuple[Any, ...]:
    return order.payment, order.payment_ref, order.payment_attempts, order.payment_wait_until


def _history_columns(lines: Sequence[HistoryLine]) -> tuple[list[Any], ...]:
    return (
        [line.step for line in lines],
        [line.before for line in lines],
        [line.after for line in lines],
        [line.by for line in lines],
        [line.changed for line in lines],
        [line.note for line in lines],
    )


def _exchange_columns(exchanges: Sequence[tuple[str, Exchange]]) -> tuple[list[Any], ...]:
    return (
        [exchange_id for exchange_id, _ in exchanges],
        [exchange.at for _, exchange in exchanges],
        [exchange.direction for _, exchange in exchanges],
        [exchange.peer for _, exchange in exchanges],
        [exchange.method for _, exchange in exchanges],
        [exchange.path for _, exchange in exchanges],
        [exchange.status for _, exchange in exchanges],
        [exchange.ms for _, exchange in exchanges],
        [exchange.error for _, exchange in exchanges],
    )
