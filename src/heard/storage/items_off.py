"""What is off a store's menu, in its table. A row stays until the item is put back, by a person or by time.

A row whose time has come takes nothing off any more, whoever asks; it stays until a worker, or whoever changes what is
off next, has deleted it and told so. Whoever writes has the store's row locked (store_events.lock).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from heard import limits
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.menu.off import ItemOff
from heard.domain.stores import Store
from heard.storage.orders import Connection
from heard.storage.sql import query


@dataclass(frozen=True, slots=True)
class EndedItems:
    """A store where something is off whose time has come, leased to a worker that ends it."""

    organization_id: OrganizationId
    venue_id: VenueId


async def take_off(connection: Connection, store: Store, item: ItemOff) -> None:
    """From now on, in place of what was said of the item before."""
    await connection.execute(
        "INSERT INTO items_off (organization_id, venue_id, item_id, name, taken_by, off_since, off_until)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization_id, venue_id, item_id)"
        " DO UPDATE SET name = $4, taken_by = $5, off_since = $6, off_until = $7, lease_until = NULL",
        store.organization_id,
        store.venue_id,
        item.item_id,
        item.name,
        item.by,
        item.since,
        item.until,
    )


async def put_back(connection: Connection, store: Store, item_id: str) -> str | None:
    """What the item was called when it was taken off; None: it was not off."""
    name: str | None = await connection.fetchval(
        "DELETE FROM items_off WHERE organization_id = $1 AND venue_id = $2 AND item_id = $3 RETURNING name",
        store.organization_id,
        store.venue_id,
        item_id,
    )
    return name


async def end(connection: Connection, store: Store) -> bool:
    """Delete what is off and whose time has come. False: there was nothing."""
    done = await connection.execute(
        "DELETE FROM items_off WHERE organization_id = $1 AND venue_id = $2 AND off_until <= business_now()",
        store.organization_id,
        store.venue_id,
    )
    return not done.endswith(" 0")


async def page(connection: Connection, store: Store, count: int, after: str = "") -> list[ItemOff]:
    """A page of what is off now, by the ids of the items."""
    rows = await connection.fetch(
        "SELECT item_id, name, taken_by AS by, off_since AS since, off_until AS until FROM items_off"
        " WHERE organization_id = $1 AND venue_id = $2 AND item_id > $4"
        " AND (off_until IS NULL OR off_until > business_now()) ORDER BY item_id LIMIT $3",
        store.organization_id,
        store.venue_id,
        min(count, limits.PAGE_MAX),
        after,
    )
    return [ItemOff(**dict(row)) for row in rows]


async def ids_of(connection: Connection, store: Store) -> frozenset[str]:
    """The ids of all that is off now."""
    found: list[str] = await connection.fetchval(
        "SELECT coalesce(array_agg(item_id), '{}') FROM items_off WHERE organization_id = $1 AND venue_id = $2"
        " AND (off_until IS NULL OR off_until > business_now())",
        store.organization_id,
        store.venue_id,
    )
    return frozenset(found)


async def claim_ended(
    connection: Connection, count: int, busy_venues: Sequence[str], lease_s: float
) -> list[EndedItems]:
    """Lease what is off and whose time has come; the stores that it is off in."""
    rows = await connection.fetch(query("items_off_claim"), count, list(busy_venues), lease_s)
    return [EndedItems(**dict(row)) for row in rows]
