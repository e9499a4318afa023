"""An operator's program sees one organization's orders, stores and marketplaces.

What another organization has is as unknown as what nobody has.
"""

from collections.abc import Mapping
from typing import Any

from heard.domain.ids import EndpointId, EventId, OrderId, OrganizationId, VenueId
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import Store
from heard.engine.hub import Hub
from heard.protocols.link.decode import decode_content
from heard.protocols.strict_json import invalid_body
from heard.storage import deliveries, endpoints, marketplaces, menus, order_pages, orders, stores
from heard.storage.deliveries import DeliveryState, Told
from heard.storage.endpoints import Endpoint
from heard.storage.menus import MenuVersion
from heard.storage.order_pages import Wanted
from heard.storage.rows import Exchange, HistoryRow, OrderRef


async def orders_page(
    hub: Hub, organization_id: OrganizationId, wanted: Wanted, count: int, after: str | None
) -> list[Order]:
    """A page of orders, the newest first. Raises Refused(invalid_body) for an `after` that is no order."""
    async with hub.connection() as connection:
        last = OrderId(after) if after is not None else None
        found = await order_pages.page(connection, organization_id, wanted, count, last)
    if found is None:
        raise invalid_body(FieldError("after", "unknown_order", "give the `next` of the page before"))
    return found


async def order_with_history(
    hub: Hub, organization_id: OrganizationId, order_id: OrderId
) -> tuple[Order, OrderContent, list[HistoryRow], list[Exchange]]:
    """An order, what was ordered, its steps and the calls about it. Raises Refused(unknown_order)."""
    ref = OrderRef(organization_id, order_id)
    async with hub.connection() as connection:
        order = await orders.read(connection, ref)
        if order is None:
            raise _unknown_order(order_id)
        content, _ = await orders.read_body(connection, ref)
        history, exchanges = await orders.read_history(connection, ref), await orders.read_exchanges(connection, ref)
    return order, decode_content(content), history, exchanges


async def stores_page(
    hub: Hub, organization_id: OrganizationId, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of stores, with their menu, their pauses and their POS's health."""
    async with hub.connection() as connection:
        return [dict(row) for row in await stores.list_stores(connection, count, after, organization_id)]


async def one_store(hub: Hub, organization_id: OrganizationId, venue_id: VenueId) -> Mapping[str, Any]:
    """A store as in a page of them. Raises Refused(unknown_venue)."""
    async with hub.connection() as connection:
        found = await stores.list_stores(connection, 1, "", organization_id, venue_id)
    if not found:
        raise _unknown_venue(venue_id)
    return dict(found[0])


async def store_of(hub: Hub, organization_id: OrganizationId, venue_id: VenueId) -> Store:
    """A store that is to be changed. Raises Refused(unknown_venue)."""
    store = await hub.store(venue_id)
    if store is None or store.organization_id != organization_id:
        raise _unknown_venue(venue_id)
    return store


async def menu_versions(
    hub: Hub, organization_id: OrganizationId, venue_id: VenueId, count: int, before: str | None
) -> tuple[list[MenuVersion], str | None]:
    """A page of a store's menu versions, and the one in use. Raises Refused(unknown_venue)."""
    async with hub.connection() as connection:
        store = await stores.find_store(connection, venue_id, hub.sealer)
        if store is None or store.organization_id != organization_id:
            raise _unknown_venue(venue_id)
        return await menus.versions(connection, store, count, before), store.menu_version


async def marketplaces_page(
    hub: Hub, organization_id: OrganizationId, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of marketplaces and what they may do."""
    async with hub.connection() as connection:
        return [dict(row) for row in await marketplaces.list_marketplaces(connection, count, after, organization_id)]


async def endpoints_page(
    hub: Hub, organization_id: OrganizationId, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of webhook endpoints: how each does, what waits for it and what is dead."""
    async with hub.connection() as connection:
        rows = await endpoints.list_endpoints(connection, count, after, organization_id=organization_id)
    return [dict(row) for row in rows]


async def deliveries_page(
    hub: Hub,
    organization_id: OrganizationId,
    state: DeliveryState | None,
    endpoint_id: EndpointId | None,
    count: int,
    before: tuple[str, str] | None,
) -> list[Mapping[str, Any]]:
    """A page of deliveries, those of the newest events first; `before`: an event and an endpoint."""
    async with hub.connection() as connection:
        rows = await deliveries.newest(
            connection, count, state=state, endpoint_id=endpoint_id, before=before, organization_id=organization_id
        )
    return [dict(row) for row in rows]


async def endpoint_of(hub: Hub, organization_id: OrganizationId, endpoint_id: EndpointId) -> Endpoint:
    """An endpoint that is to be changed. Raises Refused(unknown_endpoint)."""
    async with hub.connection() as connection:
        found = await endpoints.find(connection, endpoint_id)
    if found is None or found.organization_id != organization_id:
        raise Refused(Code.UNKNOWN_ENDPOINT, f"There is no webhook endpoint {endpoint_id!r}.")
    return found


async def event_of(hub: Hub, organization_id: OrganizationId, event_id: EventId) -> Told:
    """An event that is to go out again. Raises Refused(unknown_event)."""
    async with hub.connection() as connection:
        found = await deliveries.find_event(connection, event_id)
    if found is None or found.organization_id != organization_id:
        raise Refused(Code.UNKNOWN_EVENT, f"There is no event {event_id!r}.")
    return found


def _unknown_order(order_id: OrderId) -> Refused:
    return Refused(Code.UNKNOWN_ORDER, f"There is no order {order_id!r}.")


def _unknown_venue(venue_id: VenueId) -> Refused:
    return Refused(Code.UNKNOWN_VENUE, f"There is no store {venue_id!r}.")
