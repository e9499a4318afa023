"""A marketplace may send no more orders to a store. What it has sent before goes on, and is told to the end."""

from heard.domain.ids import VenueId
from heard.domain.stores import StoreEvent, StoreNotice
from heard.engine.add_parties import find_both
from heard.engine.hub import Hub
from heard.engine.pause_store import lift
from heard.engine.tell_store import tell_store
from heard.storage import connections, marketplaces


async def disconnect_store(hub: Hub, venue_id: VenueId, marketplace: str) -> tuple[marketplaces.Marketplace, bool]:
    """End a connection, by the marketplace's name or id. False: there was none. Raises Refused.

    A pause that the marketplace holds ends with it: nobody else could lift it.
    """
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        store, found = await find_both(hub, connection, venue_id, marketplace)
        ended = await connections.disconnect(connection, store.organization_id, venue_id, found.marketplace_id)
        if ended:
            notice = StoreNotice(StoreEvent.DISCONNECTED)
            await tell_store(hub, connection, store, notice, now, [found.marketplace_id])
            await lift(hub, connection, store, found.marketplace_id, now)
    hub.wake()
    return found, ended
