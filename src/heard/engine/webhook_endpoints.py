"""A marketplace's webhook endpoints come, go, are disabled and enabled; their secrets rotate. Nothing is lost by it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from heard import limits
from heard.domain.endpoints import IS_DISABLED, EndpointEvent
from heard.domain.ids import EndpointId, EventId, OrganizationId
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.change_client import find_marketplace
from heard.engine.hub import WORK_CHANNEL, Client, Hub
from heard.protocols.link.encode import encode_endpoint_event
from heard.protocols.webhooks.auth import new_endpoint_secret
from heard.storage import endpoints
from heard.storage.endpoints import Endpoint
from heard.storage.marketplaces import Marketplace

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint's secret, shown this once. `old_until`: until when the one before it counts too."""

    endpoint_id: EndpointId
    secret: str = field(repr=False)
    old_until: datetime | None = None


async def add_endpoint(hub: Hub, marketplace: Marketplace, url: str) -> NewSecret:
    """One more endpoint; it gets what comes about from now on. Raises Refused when there are as many as may be."""
    secret = new_endpoint_secret(secrets.token_bytes(32))
    async with hub.connection() as connection, connection.transaction():
        known = await endpoints.count_of(connection, marketplace.organization_id, marketplace.marketplace_id)
        if known >= limits.ENDPOINTS_PER_MARKETPLACE_MAX:
            text = f"{marketplace.name} has {known} endpoints, and may have no more; remove one first"
            raise Refused(Code.ORDER_CONFLICT, f"{text}.", FieldError("$.url", "too_many", text))
        endpoint_id = EndpointId(hub.new_id("whk", await connection.fetchval("SELECT business_now()")))
        await endpoints.add(connection, marketplace, endpoint_id, url, secret, hub.sealer)
    return NewSecret(endpoint_id, secret)


async def find_endpoint(hub: Hub, endpoint_id: EndpointId, organization_id: OrganizationId | None = None) -> Endpoint:
    """An endpoint of an organization, or of any where none is given. Raises Refused(unknown_endpoint)."""
    async with hub.connection() as connection:
        found = await endpoints.find(connection, endpoint_id)
    if found is None or organization_id not in (None, found.organization_id):
        text = f"There is no webhook endpoint {endpoint_id!r}; see `heard webhooks endpoints`."
        raise Refused(Code.UNKNOWN_ENDPOINT, text)
    return found


async def own_endpoints(hub: Hub, client: Client, count: int, after: str) -> list[Mapping[str, Any]]:
    """A page of a channel's own endpoints."""
    async with hub.connection() as connection:
        rows = await endpoints.list_endpoints(connection, count, after, client.marketplace_id, client.organization_id)
    return [dict(row) for row in rows]


async def add_own_endpoint(hub: Hub, client: Client, url: str) -> NewSecret:
    """One more endpoint of the channel that calls. Raises Refused when it has as many as may be."""
    async with hub.connection() as connection:
        own = await find_marketplace(connection, client.organization_id, client.marketplace_id, client.kind)
    return await add_endpoint(hub, own, url)


async def remove_own_endpoint(hub: Hub, client: Client, endpoint_id: EndpointId) -> Endpoint:
    """As remove_endpoint; another channel's is as unknown as none. Raises Refused(unknown_endpoint)."""
    async with hub.connection() as connection:
        found = await endpoints.find(connection, endpoint_id)
    whose = (client.organization_id, client.marketplace_id)
    if found is None or (found.organization_id, found.marketplace_id) != whose:
        raise Refused(Code.UNKNOWN_ENDPOINT, "You have no such webhook.")
    return await remove_endpoint(hub, endpoint_id, client.organization_id)


async def rotate_secret(
    hub: Hub, endpoint_id: EndpointId, keep_old_s: float, organization_id: OrganizationId | None = None
) -> NewSecret:
    """A new secret. Deliveries carry a signature of the old one too for so long. Raises Refused(unknown_endpoint)."""
    endpoint = await find_endpoint(hub, endpoint_id, organization_id)
    secret = new_endpoint_secret(secrets.token_bytes(32))
    sealed = hub.sealer.seal(secret, f"endpoint {endpoint_id}")
    async with hub.connection() as connection:
        until = await endpoints.rotate(connection, endpoint, sealed, keep_old_s)
    log.info("an endpoint's secret was rotated", endpoint_id=endpoint_id, old_until=until)
    return NewSecret(endpoint_id, secret, until)


async def disable_endpoint(hub: Hub, organization_id: OrganizationId, endpoint_id: EndpointId, why: str) -> bool:
    """Send nothing there any more. Its marketplace is told, by its feed and its other endpoints. False: it was so.

    What waits for it is dead-lettered, some at a time: one long transaction would hold up every feed. Should this
    process die meanwhile, any worker goes on with the rest, whatever its time (delivery_claim.sql).
    """
    async with hub.connection() as connection, connection.transaction():
        turned = await endpoints.disable(connection, organization_id, endpoint_id, why)
        if turned is not None:
            body = encode_endpoint_event(EndpointEvent.DISABLED, endpoint_id, turned.url, why, turned.now)
            event_id = EventId(hub.new_id("evt", turned.now))
            give_up_at = turned.now + timedelta(seconds=limits.STORE_EVENT_FOR_S)
            kind = EndpointEvent.DISABLED
            await endpoints.tell(connection, organization_id, endpoint_id, turned, event_id, kind, body, give_up_at)
            await connection.execute("SELECT pg_notify($1, '')", WORK_CHANNEL)
    if turned is not None:
        log.warning("a webhook endpoint is disabled", endpoint_id=endpoint_id, url=turned.url, why=why)
        await _bury(hub, organization_id, endpoint_id, f"{IS_DISABLED}: {why}")
        hub.wake()
    return turned is not None


async def enable_endpoint(hub: Hub, endpoint_id: EndpointId, organization_id: OrganizationId | None = None) -> Endpoint:
    """Send there again, what comes about from now on; how it stood before. Raises Refused(unknown_endpoint)."""
    endpoint = await find_endpoint(hub, endpoint_id, organization_id)
    async with hub.connection() as connection:
        await endpoints.enable(connection, endpoint)
    if endpoint.disabled_at is not None:
        log.info("a webhook endpoint is enabled", endpoint_id=endpoint_id, url=endpoint.url)
    return endpoint


async def remove_endpoint(hub: Hub, endpoint_id: EndpointId, organization_id: OrganizationId | None = None) -> Endpoint:
    """As disabling, and it cannot be enabled again. Raises Refused(unknown_endpoint)."""
    endpoint = await find_endpoint(hub, endpoint_id, organization_id)
    await disable_endpoint(hub, endpoint.organization_id, endpoint_id, "it was removed")
    async with hub.connection() as connection:
        await endpoints.remove(connection, endpoint)
    return endpoint


async def _bury(hub: Hub, organization_id: OrganizationId, endpoint_id: EndpointId, why: str) -> None:
    buried = limits.BURY_BATCH_MAX
    while buried == limits.BURY_BATCH_MAX:
        async with hub.connection(limits.LONG_STATEMENT_S) as connection:
            buried = await endpoints.bury(connection, organization_id, endpoint_id, why, limits.BURY_BATCH_MAX)
