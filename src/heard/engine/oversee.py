"""An operator sees an organization's orders, stores and marketplaces; without one, everybody's.

What another organization has is as unknown as what nobody has.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from heard.domain.channels import ChannelKind
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId, OrderId, OrganizationId, VenueId
from heard.domain.menu.index import PriceDifference
from heard.domain.order.by_hand import Action, allowed_actions
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.order.plan import Due, plan
from heard.domain.refusals import Code, FieldError, Refused
from heard.domain.stores import Store
from heard.engine.act_on_order import unknown_order
from heard.engine.add_parties import unknown_venue
from heard.engine.change_client import find_marketplace
from heard.engine.hub import Hub
from heard.engine.resend_events import Replay, enabled_of, find_event
from heard.engine.retell import Retold, known_in, retell, retell_step
from heard.engine.webhook_endpoints import find_endpoint
from heard.protocols.link.decode import decode_content, decode_differences
from heard.protocols.masking import masked
from heard.protocols.proofs import Proof, decode_proof
from heard.protocols.strict_json import invalid_body
from heard.storage import deliveries, endpoints, marketplaces, menus, names, order_pages, orders, stores
from heard.storage.deliveries import Told
from heard.storage.exchanges import read_exchanges
from heard.storage.marketplaces import Marketplace
from heard.storage.menus import MenuVersion
from heard.storage.order_pages import Wanted
from heard.storage.rows import HistoryRow, OrderRef


async def organization_for(hub: Hub, organization_id: OrganizationId | None, named: str | None) -> OrganizationId:
    """Whose a new thing is to be: the asker's own; for who may see all, the one that is named, or the only one.

    Raises Refused: organization_mismatch, or invalid_body where nobody can tell.
    """
    if organization_id is not None:
        if named not in (None, organization_id):
            text = f"The key is one of {organization_id!r}, and makes nothing for {named!r}."
            raise Refused(Code.ORGANIZATION_MISMATCH, text)
        return organization_id
    if named is not None:
        return OrganizationId(named)
    async with hub.connection() as connection:
        known = await stores.organizations(connection)
    if len(known) == 1:
        return known[0]
    text = "there is no organization yet: add a store first, or name one with --organization"
    if known:
        text = f"name one of {', '.join(known[:10])} with --organization"
    raise invalid_body(FieldError("$.organization_id", "not_named", text))


async def orders_page(
    hub: Hub, organization_id: OrganizationId | None, wanted: Wanted, count: int, after: str | None
) -> list[Order]:
    """A page of orders, the newest first. Raises Refused(invalid_body) for an `after` that is no order."""
    async with hub.connection() as connection:
        last = None
        if after is not None:
            last = await orders.find(connection, OrderId(after), organization_id)
            if last is None:
                raise invalid_body(FieldError("after", "unknown_order", "give the `next` of the page before"))
        return await order_pages.page(connection, organization_id, wanted, count, last)


async def names_of(hub: Hub, keys: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """The names of the store and of the channel of each; `keys` of organization, store and channel."""
    if not keys:
        return {}
    async with hub.connection() as connection:
        of_stores = await names.of_stores(connection, {(whose, venue_id) for whose, venue_id, _ in keys})
        of_channels = await names.of_channels(connection, {(whose, channel_id) for whose, _, channel_id in keys})
    return {
        (whose, venue_id, channel_id): (of_stores[whose, venue_id][0], of_channels[whose, channel_id])
        for whose, venue_id, channel_id in keys
    }


@dataclass(frozen=True, slots=True)
class WholeOrder:
    """An order, what was ordered, its steps, and the calls about it with what was said; where its prices differ, what
    may be asked now, and the hub's arithmetic, where it did any. What its channel is told, what the hub does next, and
    the parties' names: of the store, of its location, of the channel.
    """

    order: Order
    content: OrderContent
    price_differences: tuple[PriceDifference, ...]
    history: list[HistoryRow]
    exchanges: list[Retold]
    allowed: tuple[Action, ...]
    proof: Proof | None
    events: list[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]
    planned: tuple[Due, ...]
    names: tuple[str, str, str]


async def whole_order(hub: Hub, organization_id: OrganizationId | None, order_id: OrderId) -> WholeOrder:
    """Everything about an order. Raises Refused(unknown_order)."""
    now = await hub.now()
    async with hub.connection() as connection:
        order = await orders.find(connection, order_id, organization_id)
        if order is None:
            raise unknown_order(order_id)
        ref = OrderRef(order.organization_id, order_id)
        content, differences, proof = await orders.read_body(connection, ref)
        history, exchanges = await orders.read_history(connection, ref), await read_exchanges(connection, ref)
        events = await deliveries.of_order(connection, ref)
        store = (await names.of_stores(connection, [(ref.organization_id, order.venue_id)])).popitem()[1]
        channel = (await names.of_channels(connection, [(ref.organization_id, order.marketplace_id)])).popitem()[1]
    ordered = decode_content(content)
    known = await known_in(hub, order, ordered)
    if order.reason:
        order = replace(order, reason=masked(order.reason.encode(), known))
    return WholeOrder(
        order,
        ordered,
        decode_differences(differences),
        [retell_step(line, known) for line in history],
        await retell(hub, order, ordered, exchanges, known),
        allowed_actions(order, now),
        None if proof is None else decode_proof(proof),
        [(dict(event), [dict(way) for way in ways]) for event, ways in events],
        plan(order),
        (*store, channel),
    )


async def stores_page(
    hub: Hub, organization_id: OrganizationId | None, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of stores, with their menu, their pauses and their POS's health."""
    async with hub.connection() as connection:
        return [dict(row) for row in await stores.list_stores(connection, count, after, organization_id)]


async def one_store(hub: Hub, organization_id: OrganizationId | None, venue_id: VenueId) -> Mapping[str, Any]:
    """A store as in a page of them. Raises Refused(unknown_venue)."""
    async with hub.connection() as connection:
        found = await stores.list_stores(connection, 1, "", organization_id, venue_id)
    if not found:
        raise unknown_venue(venue_id)
    return dict(found[0])


async def store_of(hub: Hub, organization_id: OrganizationId | None, venue_id: VenueId) -> Store:
    """A store that is to be changed. Raises Refused(unknown_venue)."""
    store = await hub.store(venue_id)
    if store is None or organization_id not in (None, store.organization_id):
        raise unknown_venue(venue_id)
    return store


async def menu_versions(
    hub: Hub, organization_id: OrganizationId | None, venue_id: VenueId, count: int, before: str | None
) -> tuple[list[MenuVersion], str | None]:
    """A page of a store's menu versions, and the one in use. Raises Refused(unknown_venue)."""
    async with hub.connection() as connection:
        store = await stores.find_store(connection, venue_id, hub.sealer)
        if store is None or organization_id not in (None, store.organization_id):
            raise unknown_venue(venue_id)
        return await menus.versions(connection, store, count, before), store.menu_version


async def marketplaces_page(
    hub: Hub, kind: ChannelKind, organization_id: OrganizationId | None, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of the channels of a kind, and what they may do."""
    async with hub.connection() as connection:
        return [
            dict(row) for row in await marketplaces.list_marketplaces(connection, kind, count, after, organization_id)
        ]


async def marketplace_of(hub: Hub, organization_id: OrganizationId | None, named: str) -> Marketplace:
    """A marketplace by its name or id. Raises Refused(unknown_marketplace | order_conflict)."""
    async with hub.connection() as connection:
        return await find_marketplace(connection, organization_id, named)


async def endpoints_page(
    hub: Hub, organization_id: OrganizationId | None, marketplace: str | None, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of webhook endpoints, or of one marketplace's: how each does, what waits for it and what is dead.

    Raises Refused(unknown_marketplace | order_conflict).
    """
    async with hub.connection() as connection:
        whose = None
        if marketplace is not None:
            whose = (await find_marketplace(connection, organization_id, marketplace)).marketplace_id
        rows = await endpoints.list_endpoints(connection, count, after, whose, organization_id)
    return [dict(row) for row in rows]


async def replays_for(
    hub: Hub,
    organization_id: OrganizationId | None,
    endpoint_id: EndpointId | None,
    marketplace: str | None,
    since: datetime,
    **span: Any,
) -> list[Replay]:
    """A replay for each organization that has an enabled endpoint among those that are meant; `span` as Replay's.

    Raises Refused: unknown_endpoint, unknown_marketplace, order_conflict when none is enabled.
    """
    if endpoint_id is not None:
        found = [await find_endpoint(hub, endpoint_id, organization_id)]
    else:
        async with hub.connection() as connection:
            whose = None
            if marketplace is not None:
                whose = (await find_marketplace(connection, organization_id, marketplace)).marketplace_id
            found = await endpoints.of_marketplace(connection, whose, organization_id)
    return [Replay(whose, ids, since, **span) for whose, ids in enabled_of(found).items()]


async def deliveries_page(
    hub: Hub,
    organization_id: OrganizationId | None,
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


async def whole_event(
    hub: Hub, organization_id: OrganizationId | None, event_id: EventId
) -> tuple[Told, list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """An event, where it goes, and every attempt to deliver it. Raises Refused(unknown_event)."""
    told = await find_event(hub, event_id, organization_id)
    async with hub.connection() as connection:
        ways, attempts = await deliveries.of_event(connection, told), await deliveries.attempts_at(connection, told)
    return told, [dict(row) for row in ways], [dict(row) for row in attempts]
