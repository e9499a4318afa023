"""What stores and channels are called, for whoever reads a list of their ids."""

from collections.abc import Collection

from heard import limits
from heard.storage.orders import Connection

Key = tuple[str, str]  # an organization, and the id of something of it


async def of_stores(connection: Connection, stores: Collection[Key]) -> dict[Key, tuple[str, str]]:
    """The name of each store, and what its POS calls it."""
    rows = await connection.fetch(
        "SELECT organization_id, venue_id, name, location_id FROM stores"
        " WHERE organization_id = ANY ($1) AND venue_id = ANY ($2) LIMIT $3",
        [organization_id for organization_id, _ in stores],
        [venue_id for _, venue_id in stores],
        limits.PAGE_MAX,
    )
    return {(row["organization_id"], row["venue_id"]): (row["name"], row["location_id"]) for row in rows}


async def of_channels(connection: Connection, channels: Collection[Key]) -> dict[Key, str]:
    """The name of each marketplace and application."""
    rows = await connection.fetch(
        "SELECT organization_id, marketplace_id, name FROM marketplaces"
        " WHERE organization_id = ANY ($1) AND marketplace_id = ANY ($2) LIMIT $3",
        [organization_id for organization_id, _ in channels],
        [marketplace_id for _, marketplace_id in channels],
        limits.PAGE_MAX,
    )
    return {(row["organization_id"], row["marketplace_id"]): row["name"] for row in rows}
