"""An operator changes what holds for a store's orders and its menu; orders that are there keep what they were given."""

from dataclasses import replace
from typing import Any

from heard.domain.hours import ServingTime
from heard.domain.ids import VenueId
from heard.domain.stores import Store
from heard.engine.add_parties import unknown_venue
from heard.engine.hub import Hub
from heard.storage import store_events, stores
from heard.storage.orders import Connection


async def set_rules(hub: Hub, venue_id: VenueId, **changes: Any) -> Store:
    """Change some of a store's rules, by the names of StoreRules; the store as it is now. Raises Refused.

    Other processes see it within STORE_CACHE_S.
    """
    async with hub.connection() as connection, connection.transaction():
        current = await _locked(hub, connection, venue_id)
        changed = replace(current, rules=replace(current.rules, **changes))
        await stores.set_rules(connection, changed, changed.rules)
    hub.forget_store(changed)
    return changed


async def set_hours(hub: Hub, venue_id: VenueId, serving_times: tuple[ServingTime, ...]) -> Store:
    """When a store is open from now on, in place of what held before; the store as it is now. Raises Refused.

    Other processes see it within STORE_CACHE_S.
    """
    async with hub.connection() as connection, connection.transaction():
        changed = replace(await _locked(hub, connection, venue_id), serving_times=serving_times)
        await stores.set_hours(connection, changed, serving_times)
    hub.forget_store(changed)
    return changed


async def _locked(hub: Hub, connection: Connection, venue_id: VenueId) -> Store:
    """A store as it is until the transaction ends."""
    store = await stores.find_store(connection, venue_id, hub.sealer)
    if store is None:
        raise unknown_venue(venue_id)
    await store_events.lock(connection, store)
    current = await stores.find_store(connection, venue_id, hub.sealer)
    assert current is not None  # a store is never deleted
    return current
