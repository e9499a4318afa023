"""A marketplace reads how its stores are. One that it is not connected to is as unknown as one that does not exist."""

from heard.domain.ids import VenueId
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store, StoreStatus
from heard.engine.hub import Client, Hub
from heard.storage import connections


async def read_store(hub: Hub, client: Client, venue_id: VenueId) -> tuple[Store, StoreStatus]:
    """One of the client's stores. Raises Refused(unknown_venue)."""
    async with hub.connection() as connection:
        status = await connections.status_of(connection, client.organization_id, client.marketplace_id, venue_id)
    store = await hub.store(venue_id) if status else None
    if status is None or store is None:
        raise unknown_to(venue_id)
    return store, status


async def list_stores(hub: Hub, client: Client, count: int, after: str) -> list[StoreStatus]:
    """A page of the client's stores."""
    async with hub.connection() as connection:
        return await connections.page_of(connection, client.organization_id, client.marketplace_id, count, after)


def unknown_to(venue_id: VenueId) -> Refused:
    """For a store that a marketplace is not connected to."""
    return Refused(Code.UNKNOWN_VENUE, f"There is no store {venue_id!r} that is connected to you.")
