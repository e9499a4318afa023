"""The health of stores' POSes in its table. What follows from what: domain/breaker.py."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import asyncpg

from heard.domain.breaker import PosHealth
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.stores import Store
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


async def is_open(connection: Connection, store: Store) -> bool:
    """Whether a store's POS counts as gone."""
    found = await connection.fetchval(
        "SELECT open_since IS NOT NULL FROM pos_health WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
    )
    return bool(found)


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


def _watched(row: asyncpg.Record) -> Watched:
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    return Watched(row["organization_id"], row["venue_id"], PosHealth(**values), row["lease"], row["now"])
