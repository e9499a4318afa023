"""An operator makes stores and marketplaces known, and connects them."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from heard.domain.channels import APPLICATION_PREFIX, ChannelKind
from heard.domain.ids import EndpointId, MarketplaceId, OrganizationId, VenueId
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import HELD_BY_HUB, PosConnection, Store, StoreEvent, StoreNotice
from heard.engine.change_client import SCOPES
from heard.engine.hub import Hub
from heard.engine.tell_store import tell_store
from heard.protocols.credentials import hash_secret, new_secret
from heard.protocols.webhooks.auth import new_endpoint_secret
from heard.storage import connections, endpoints, marketplaces, menus, pauses, store_events, stores
from heard.storage.orders import Connection


@dataclass(frozen=True, slots=True)
class NewMarketplace:
    """What a marketplace needs to begin. The secrets are shown this once."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewApplication:
    """What an application needs to begin. The secret is shown this once; the key is public."""

    organization_id: OrganizationId
    application_id: MarketplaceId
    application_key: str
    client_secret: str = field(repr=False)


async def add_store(hub: Hub, store: Store) -> Store:
    """Make a store known. Raises Refused(order_conflict) when its location has one."""
    async with hub.connection() as connection, connection.transaction():
        await stores.add_organization(connection, store.organization_id)
        added = await stores.add_store(connection, store, hub.sealer)
        if not added:
            raise _taken("location", f"location {store.location_id!r} of {store.organization_id!r} has a store already")
    return store


async def add_marketplace(
    hub: Hub, organization_id: OrganizationId, name: str, webhook_url: str, now: datetime
) -> NewMarketplace:
    """Make a marketplace known, with its OAuth client and its webhook endpoint. Raises Refused for a taken name."""
    client_secret = new_secret("hcs", secrets.token_bytes(32))
    webhook_secret = new_endpoint_secret(secrets.token_bytes(32))
    marketplace_id = MarketplaceId(hub.new_id("mkt", now))
    marketplace = marketplaces.Marketplace(organization_id, marketplace_id, name, hash_secret(client_secret))
    async with hub.connection() as connection, connection.transaction():
        await stores.add_organization(connection, organization_id)
        if not await marketplaces.add_marketplace(connection, marketplace, SCOPES[marketplace.kind]):
            raise _taken("name", f"{organization_id!r} has a marketplace or an application {name!r} already")
        endpoint_id = EndpointId(hub.new_id("whk", now))
        await endpoints.add(connection, marketplace, endpoint_id, webhook_url, webhook_secret, hub.sealer)
    return NewMarketplace(organization_id, marketplace_id, client_secret, webhook_secret)


async def add_application(hub: Hub, organization_id: OrganizationId, name: str) -> NewApplication:
    """Make an application known, with its OAuth client and the key that its calls name it by. It registers its own
    webhook endpoints. Raises Refused for a taken name.
    """
    made = NewApplication(
        organization_id,
        MarketplaceId(hub.new_id(APPLICATION_PREFIX, await hub.now())),
        secrets.token_hex(16),
        new_secret("hcs", secrets.token_bytes(32)),
    )
    application = marketplaces.Marketplace(
        organization_id,
        made.application_id,
        name,
        hash_secret(made.client_secret),
        ChannelKind.APPLICATION,
        made.application_key,
    )
    async with hub.connection() as connection, connection.transaction():
        await stores.add_organization(connection, organization_id)
        if not await marketplaces.add_marketplace(connection, application, SCOPES[application.kind]):
            raise _taken("name", f"{organization_id!r} has a marketplace or an application {name!r} already")
    return made


async def connect_store(hub: Hub, venue_id: VenueId, marketplace: str) -> tuple[marketplaces.Marketplace, bool]:
    """Let a marketplace (its name or id) send orders to a store. False: it already could. Raises Refused.

    It is told, and told how the store is: paused or not, and where its menu is.
    """
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        store, found = await find_both(hub, connection, venue_id, marketplace)
        new = await connections.connect(connection, store.organization_id, venue_id, found.marketplace_id)
        if new:
            await _introduce(hub, connection, store, found.marketplace_id, now)
    hub.wake()
    return found, new


async def _introduce(
    hub: Hub, connection: Connection, store: Store, marketplace_id: MarketplaceId, now: datetime
) -> None:
    """Whoever knew the store before is told that it is open and has no menu, too: it may have heard otherwise."""
    knows_it = await store_events.was_told(connection, store, marketplace_id)
    held = await pauses.of_store(connection, store)
    version = await menus.published_version(connection, store)
    notices = [StoreNotice(StoreEvent.CONNECTED)]
    if held:
        notices.append(held[0].notice)
    elif knows_it:
        notices.append(StoreNotice(StoreEvent.RESUMED, HELD_BY_HUB))
    if version is not None:
        notices.append(StoreNotice(StoreEvent.MENU_PUBLISHED, menu_version=version))
    elif knows_it:
        notices.append(StoreNotice(StoreEvent.MENU_UNPUBLISHED))
    for notice in notices:
        await tell_store(hub, connection, store, notice, now, [marketplace_id])


async def find_both(
    hub: Hub, connection: Connection, venue_id: VenueId, marketplace: str
) -> tuple[Store, marketplaces.Marketplace]:
    """A store, its row locked, and a marketplace of its organization, by name or id. Raises Refused."""
    store = await stores.find_store(connection, venue_id, hub.sealer)
    if store is None:
        raise unknown_venue(venue_id)
    await store_events.lock(connection, store)  # what is told now is how the store is until this has been committed
    named = await marketplaces.find_marketplaces(connection, marketplace)
    ours = [one for one in named if one.organization_id == store.organization_id]
    if not ours:
        text = f"{store.organization_id!r} has no marketplace {marketplace!r}"
        raise Refused(Code.UNKNOWN_MARKETPLACE, f"{text}; see `heard marketplaces list`.")
    return store, ours[0]


async def move_parties(
    hub: Hub, venue_id: VenueId, pos: PosConnection, marketplace_id: MarketplaceId, webhook_url: str
) -> None:
    """A store's POS and a marketplace's endpoints are reached in another way now."""
    store = await hub.store(venue_id)
    if store is None:
        raise unknown_venue(venue_id)
    async with hub.connection() as connection, connection.transaction():
        await stores.move_store(connection, store, pos, hub.sealer)
        await endpoints.move(connection, store.organization_id, marketplace_id, webhook_url)
    hub.forget_store(store)


def unknown_venue(venue_id: VenueId) -> Refused:
    """What an operator is told of a store that there is not, or that is not theirs."""
    return Refused(Code.UNKNOWN_VENUE, f"There is no store {venue_id!r}; see `heard stores list`.")


def _taken(field_name: str, text: str) -> Refused:
    return Refused(Code.ORDER_CONFLICT, f"{text}.", FieldError(f"$.{field_name}", "taken", text))
