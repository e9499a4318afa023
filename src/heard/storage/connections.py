"""Which marketplace is connected to which store, how its stores are now, and which of them are for trying out."""

from dataclasses import dataclass

from heard import limits
from heard.domain.channels import ChannelKind
from heard.domain.ids import MarketplaceId, OrganizationId, VenueId
from heard.domain.stores import StoreStatus
from heard.storage import pauses
from heard.storage.orders import Connection


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A store that is for trying out, and a marketplace that may send orders to it; both with their names."""

    venue_id: VenueId
    store: str
    marketplace_id: MarketplaceId
    marketplace: str


async def connect(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, marketplace_id: MarketplaceId
) -> bool:
    """False when they were connected already."""
    done = await connection.execute(
        "INSERT INTO connections (organization_id, venue_id, marketplace_id) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        organization_id,
        venue_id,
        marketplace_id,
    )
    return done.endswith(" 1")


async def disconnect(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, marketplace_id: MarketplaceId
) -> bool:
    """False when they were not connected."""
    done = await connection.execute(
        "DELETE FROM connections WHERE organization_id = $1 AND venue_id = $2 AND marketplace_id = $3",
        organization_id,
        venue_id,
        marketplace_id,
    )
    return done.endswith(" 1")


async def is_connected(
    connection: Connection, organization_id: OrganizationId, venue_id: VenueId, marketplace_id: MarketplaceId
) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM connections"
        " WHERE organization_id = $1 AND venue_id = $2 AND marketplace_id = $3)",
        organization_id,
        venue_id,
        marketplace_id,
    )
    return found


async def sandboxes(connection: Connection, organization_id: OrganizationId) -> list[Sandbox]:
    """Every store of an organization that is for trying out, with each marketplace that is connected to it."""
    rows = await connection.fetch(
        "SELECT s.venue_id, s.name AS store, p.marketplace_id, p.name AS marketplace FROM stores s"
        " JOIN connections c ON c.organization_id = s.organization_id AND c.venue_id = s.venue_id"
        " JOIN marketplaces p ON p.organization_id = c.organization_id AND p.marketplace_id = c.marketplace_id"
        " WHERE s.organization_id = $1 AND s.sandbox AND p.protocol = $2 ORDER BY s.name, s.venue_id, p.name LIMIT $3",
        organization_id,
        ChannelKind.MARKETPLACE,
        limits.PAGE_MAX,
    )
    return [Sandbox(**dict(row)) for row in rows]


async def status_of(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, venue_id: VenueId
) -> StoreStatus | None:
    """How a store is; None when the marketplace is not connected to it, as when there is none."""
    rows = await _read(connection, organization_id, marketplace_id, 1, "=", venue_id)
    return rows[0] if rows else None


async def page_of(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, count: int, after: str
) -> list[StoreStatus]:
    """A page of a marketplace's stores by their ids; `after` is the last one of the page before."""
    return await _read(connection, organization_id, marketplace_id, min(count, limits.PAGE_MAX), ">", after)


async def _read(
    connection: Connection,
    organization_id: OrganizationId,
    marketplace_id: MarketplaceId,
    count: int,
    which: str,
    venue_id: str,
) -> list[StoreStatus]:
    """`which` compares a store's id with `venue_id`."""
    rows = await connection.fetch(
        "SELECT s.venue_id, s.name, s.currency, s.timezone, s.prep_time_min, m.version AS menu_version,"  # noqa: S608
        " m.kept_at AS menu_kept_at,"
        " coalesce((SELECT array_agg(i.item_id) FROM items_off i"
        "   WHERE i.organization_id = s.organization_id AND i.venue_id = s.venue_id"
        "   AND (i.off_until IS NULL OR i.off_until > business_now())), '{}') AS off"
        " FROM connections c JOIN stores s ON s.organization_id = c.organization_id AND s.venue_id = c.venue_id"
        " LEFT JOIN menus m ON m.organization_id = s.organization_id AND m.venue_id = s.venue_id"
        " AND m.version = s.menu_version AND s.menu_unpublished_at IS NULL"
        f" WHERE c.organization_id = $1 AND c.marketplace_id = $2 AND c.venue_id {which} $4"
        " ORDER BY c.venue_id LIMIT $3",
        organization_id,
        marketplace_id,
        count,
        venue_id,
    )
    held = await pauses.of_stores(connection, organization_id, [row["venue_id"] for row in rows])
    return [
        StoreStatus(**{**dict(row), "off": frozenset(row["off"])}, pauses=tuple(held[row["venue_id"]])) for row in rows
    ]
