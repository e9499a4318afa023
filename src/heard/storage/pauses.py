"""Who keeps a store from taking orders, in its table. A row is held until it is lifted, by its owner or by time.

What channels were told last is "paused" exactly while there is a row: one whose time has come counts until a worker
has lifted it, so that nobody is told twice. An order is refused only while a row's time has not come yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from heard import limits
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.stores import Pause, Store
from heard.storage.orders import Connection
from heard.storage.sql import query
from heard.storage.store_events import lock


@dataclass(frozen=True, slots=True)
class EndedPause:
    """A pause whose time has come, leased to a worker that lifts it."""

    organization_id: OrganizationId
    venue_id: VenueId
    held_by: str


async def hold(connection: Connection, store: Store, pause: Pause) -> bool:
    """Hold the store, in place of an earlier hold of one's own. True when nobody held it until now."""
    await lock(connection, store)
    held = await _is_held(connection, store)
    await connection.execute(
        "INSERT INTO store_pauses (organization_id, venue_id, held_by, reason, since, until)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, venue_id, held_by)"
        " DO UPDATE SET reason = $4, since = $5, until = $6, lease_until = NULL",
        store.organization_id,
        store.venue_id,
        pause.held_by,
        pause.reason,
        pause.since,
        pause.until,
    )
    return not held


async def lift(connection: Connection, store: Store, held_by: str, *, ended: bool = False) -> bool:
    """Let go of one's own hold, with `ended` only if its time has come. True when that opens the store."""
    await lock(connection, store)
    lifted = await connection.execute(
        "DELETE FROM store_pauses WHERE organization_id = $1 AND venue_id = $2 AND held_by = $3"
        " AND (NOT $4 OR until <= business_now())",
        store.organization_id,
        store.venue_id,
        held_by,
        ended,
    )
    return lifted.endswith(" 1") and not await _is_held(connection, store)


async def of_store(connection: Connection, store: Store) -> list[Pause]:
    """The holds a store is under now, the oldest first."""
    return (await of_stores(connection, store.organization_id, [store.venue_id]))[store.venue_id]


async def of_stores(
    connection: Connection, organization_id: OrganizationId, venue_ids: Sequence[VenueId]
) -> dict[VenueId, list[Pause]]:
    """The same of each of these stores."""
    rows = await connection.fetch(
        "SELECT venue_id, held_by, reason, since, until FROM store_pauses"
        " WHERE organization_id = $1 AND venue_id = ANY ($2::text[]) AND (until IS NULL OR until > business_now())"
        " ORDER BY venue_id, since, held_by LIMIT $3",
        organization_id,
        list(venue_ids),
        len(venue_ids) * limits.PAUSES_PER_STORE_MAX,
    )
    held: dict[VenueId, list[Pause]] = {venue_id: [] for venue_id in venue_ids}
    for row in rows:
        held[row["venue_id"]].append(Pause(row["held_by"], row["reason"], row["since"], row["until"]))
    return held


async def claim_ended(
    connection: Connection, count: int, busy_venues: Sequence[str], lease_s: float
) -> list[EndedPause]:
    """Lease pauses whose time has come."""
    rows = await connection.fetch(query("pause_claim"), count, list(busy_venues), lease_s)
    return [EndedPause(**dict(row)) for row in rows]


async def _is_held(connection: Connection, store: Store) -> bool:
    held: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM store_pauses WHERE organization_id = $1 AND venue_id = $2)",
        store.organization_id,
        store.venue_id,
    )
    return held
