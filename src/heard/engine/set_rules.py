"""An operator changes what holds for a store's orders and its menu; orders that are there keep what they were given."""

from dataclasses import replace
from typing import Any

from heard.domain.hours import ServingTime
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.refusals import FieldError
from heard.domain.stores import Store, TaxRules
from heard.engine.add_parties import unknown_venue
from heard.engine.hub import Hub
from heard.protocols.strict_json import invalid_body
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


async def set_taxes(hub: Hub, organization_id: OrganizationId, **changes: Any) -> TaxRules:
    """Change how an organization counts its taxes, by the names of TaxRules. Other processes see it within
    STORE_CACHE_S. Raises Refused(invalid_body) for one that there is not.
    """
    async with hub.connection() as connection:
        taxes = await stores.set_taxes(connection, organization_id, changes)
    if taxes is None:
        text = f"there is no organization {organization_id!r}"
        raise invalid_body(FieldError("$.organization_id", "unknown", text))
    hub.forget_stores_of(organization_id)
    return taxes


async def _locked(hub: Hub, connection: Connection, venue_id: VenueId) -> Store:
    """A store as it is until the transaction ends."""
    store = await stores.find_store(connection, venue_id, hub.sealer)
    if store is None:
        raise unknown_venue(venue_id)
    await store_events.lock(connection, store)
    current = await stores.find_store(connection, venue_id, hub.sealer)
    assert current is not None  # a store is never deleted
    return current
