"""The health of stores' POSes and the pauses of stores in their tables. What follows from what: domain/breaker.py."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import asyncpg

from heard.domain.breaker import PosHealth
from heard.domain.ids import EventId, MarketplaceId, OrganizationId, VenueId
from heard.domain.stores import Pause, Store
from heard.storage.orders import Connection
from heard.storage.sql import query

_FIELDS = tuple(field.name for field in fields(PosHealth))


@dataclass(frozen=True, slots=True)
class Watched:
    """A POS's health as it was locked or leased. `lease` fences a probe: only this number may bring its outcome."""

    organization_id: OrganizationId
    venue_id: VenueId
    health: PosHealth
    lease: int
    now: datetime


async def claim_probes(connection: Connection, count: int, busy_venues: Sequence[str], lease_s: float) -> list[Watched]:
    """Lease POSes that are to be probed now."""
    rows = await connection.fetch(query("probe_claim"), count, list(busy_venues), lease_s)
    return [_watched(row) for row in rows]


async def lock(connection: Connection, store: Store) -> Watched:
    """A POS's health, locked until the transaction ends."""
    await connection.execute(
        "INSERT INTO pos_health (organization_id, venue_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        store.organization_id,
        store.venue_id,
    )
    row = await connection.fetchrow(
        "SELECT *, business_now() AS now FROM pos_health WHERE organization_id = $1 AND venue_id = $2 FOR UPDATE",
        store.organization_id,
        store.venue_id,
    )
    assert row is not None  # just seen to
    return _watched(row)


async def save(connection: Connection, store: Store, health: PosHealth, *, release: bool) -> None:
    """Write a locked health; with `release`, the probe's lease ends."""
    await connection.execute(
        "UPDATE pos_health SET failures = $3, failing_since = $4, first_order_id = $5, several_orders = $6,"
        " open_since = $7, probes = $8, probe_at = $9, last_order_id = $10, last_answer_at = $11, last_fault = $12,"
        " last_fault_at = $13, lease_until = CASE WHEN $14 THEN NULL ELSE lease_until END"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        *(getattr(health, name) for name in _FIELDS),
        release,
    )


async def pause(connection: Connection, store: Store, pause: Pause) -> int | None:
    """Hold the store; the number of the event that says so, None when it was held already, by whomever."""
    sequence = await _lock_store(connection, store)
    held = await _is_held(connection, store)
    await connection.execute(
        "INSERT INTO store_pauses (organization_id, venue_id, held_by, reason, since, until)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, venue_id, held_by)"
        " DO UPDATE SET reason = $4, since = $5, until = $6",
        store.organization_id,
        store.venue_id,
        pause.held_by,
        pause.reason,
        pause.since,
        pause.until,
    )
    return None if held else await _count_event(connection, store, sequence)


async def lift(connection: Connection, store: Store, held_by: str) -> int | None:
    """Let go of one's own hold; the number of the event that says the store is open, None when it is not, or was."""
    sequence = await _lock_store(connection, store)
    lifted = await connection.execute(
        "DELETE FROM store_pauses WHERE organization_id = $1 AND venue_id = $2 AND held_by = $3",
        store.organization_id,
        store.venue_id,
        held_by,
    )
    if not lifted.endswith(" 1") or await _is_held(connection, store):
        return None
    return await _count_event(connection, store, sequence)


async def connected_marketplaces(connection: Connection, store: Store) -> list[MarketplaceId]:
    """All who may send orders to a store, and so must know whether it takes any."""
    found: list[MarketplaceId] = await connection.fetchval(
        "SELECT coalesce(array_agg(marketplace_id ORDER BY marketplace_id), '{}') FROM connections"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
    )
    return found


async def tell(
    connection: Connection,
    store: Store,
    events: Sequence[tuple[EventId, MarketplaceId]],
    sequence: int,
    kind: str,
    body: bytes,
    at: datetime,
    give_up_at: datetime,
) -> None:
    """Write an event about a store for each of these marketplaces, with its deliveries."""
    await connection.execute(
        query("store_tell"),
        store.organization_id,
        store.venue_id,
        sequence,
        kind,
        body,
        at,
        [event_id for event_id, _ in events],
        [marketplace_id for _, marketplace_id in events],
        give_up_at,
    )


async def _lock_store(connection: Connection, store: Store) -> int:
    sequence: int = await connection.fetchval(
        "SELECT sequence FROM stores WHERE organization_id = $1 AND venue_id = $2 FOR NO KEY UPDATE",
        store.organization_id,
        store.venue_id,
    )
    return sequence


async def _is_held(connection: Connection, store: Store) -> bool:
    held: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM store_pauses WHERE organization_id = $1 AND venue_id = $2"
        " AND (until IS NULL OR until > business_now()))",
        store.organization_id,
        store.venue_id,
    )
    return held


async def _count_event(connection: Connection, store: Store, sequence: int) -> int:
    await connection.execute(
        "UPDATE stores SET sequence = $3 WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
        sequence + 1,
    )
    return sequence + 1


def _watched(row: asyncpg.Record) -> Watched:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    return Watched(row["organization_id"], row["venue_id"], PosHealth(**values), row["lease"], row["now"])
