"""Webhook endpoints in their table: found, listed, added, disabled, enabled, removed. Secrets stay sealed here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from heard import limits
from heard.domain.ids import EndpointId, EventId, MarketplaceId, OrganizationId
from heard.storage.marketplaces import Marketplace
from heard.storage.orders import Connection
from heard.storage.sealing import Sealer
from heard.storage.sql import query

_COLUMNS = (
    "w.organization_id, w.endpoint_id, w.marketplace_id, w.url, w.created_at, w.failures, w.failing_since,"
    " w.disabled_at, w.disabled_why, w.old_secret_until"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a marketplace wants its events. `failures` in a row, `failing_since` the first of them; no secret."""

    organization_id: OrganizationId
    endpoint_id: EndpointId
    marketplace_id: MarketplaceId
    url: str
    created_at: datetime
    failures: int
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_why: str | None
    old_secret_until: datetime | None

    @property
    def trouble_since(self) -> datetime | None:
        """When the trouble began that it is in, or was disabled for; None: it is well."""
        return min((at for at in (self.failing_since, self.disabled_at) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Turned:
    """What a change of an endpoint that is told needs: whose it is, and its next number."""

    marketplace_id: MarketplaceId
    url: str
    sequence: int
    now: datetime


async def find(connection: Connection, endpoint_id: EndpointId) -> Endpoint | None:
    """An endpoint by its id; None for one that was removed."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM endpoints w WHERE endpoint_id = $1 AND removed_at IS NULL LIMIT 1",  # noqa: S608
        endpoint_id,
    )
    return Endpoint(**dict(row)) if row else None


async def of_marketplace(
    connection: Connection, marketplace_id: MarketplaceId | None = None, organization_id: OrganizationId | None = None
) -> list[Endpoint]:
    """A marketplace's endpoints, or everybody's in an organization, or anywhere."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM endpoints w WHERE removed_at IS NULL AND ($1::text IS NULL OR marketplace_id = $1)"  # noqa: S608
        " AND ($2::text IS NULL OR organization_id = $2) ORDER BY organization_id, endpoint_id LIMIT $3",
        marketplace_id,
        organization_id,
        limits.ENDPOINTS_MAX,
    )
    return [Endpoint(**dict(row)) for row in rows]


async def list_endpoints(
    connection: Connection,
    count: int,
    after: str = "",
    marketplace_id: MarketplaceId | None = None,
    organization_id: OrganizationId | None = None,
) -> list[asyncpg.Record]:
    """A page of endpoints for people: whose each is, how it does, what waits for it and what is dead."""
    return await connection.fetch(
        f"SELECT {_COLUMNS}, p.name AS marketplace,"  # noqa: S608
        " (SELECT count(*) FROM deliveries d WHERE d.organization_id = w.organization_id"
        "   AND d.endpoint_id = w.endpoint_id AND d.next_at IS NOT NULL) AS due,"
        " (SELECT count(*) FROM deliveries d WHERE d.organization_id = w.organization_id"
        "   AND d.endpoint_id = w.endpoint_id AND d.state = 'dead') AS dead"
        " FROM endpoints w JOIN marketplaces p USING (organization_id, marketplace_id)"
        " WHERE w.removed_at IS NULL AND w.endpoint_id > $2 AND ($3::text IS NULL OR w.marketplace_id = $3)"
        " AND ($4::text IS NULL OR w.organization_id = $4) ORDER BY w.endpoint_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
        marketplace_id,
        organization_id,
    )


async def add(
    connection: Connection, marketplace: Marketplace, endpoint_id: EndpointId, url: str, secret: str, sealer: Sealer
) -> None:
    await connection.execute(
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " VALUES ($1, $2, $3, $4, $5)",
        marketplace.organization_id,
        endpoint_id,
        marketplace.marketplace_id,
        url,
        sealer.seal(secret, f"endpoint {endpoint_id}"),
    )


async def move(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, url: str
) -> None:
    """All of a marketplace's are there from now on."""
    await connection.execute(
        "UPDATE endpoints SET url = $3 WHERE organization_id = $1 AND marketplace_id = $2",
        organization_id,
        marketplace_id,
        url,
    )


async def count_of(connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId) -> int:
    """How many endpoints a marketplace has; its row is locked, so that two that are added know of each other."""
    await connection.execute(
        "SELECT FROM marketplaces WHERE organization_id = $1 AND marketplace_id = $2 FOR NO KEY UPDATE",
        organization_id,
        marketplace_id,
    )
    count: int = await connection.fetchval(
        "SELECT count(*) FROM endpoints WHERE organization_id = $1 AND marketplace_id = $2 AND removed_at IS NULL",
        organization_id,
        marketplace_id,
    )
    return count


async def disable(
    connection: Connection, organization_id: OrganizationId, endpoint_id: EndpointId, why: str
) -> Turned | None:
    """None when it was disabled already."""
    row = await connection.fetchrow(
        "UPDATE endpoints SET disabled_at = business_now(), disabled_why = $3, sequence = sequence + 1"
        " WHERE organization_id = $1 AND endpoint_id = $2 AND disabled_at IS NULL"
        " RETURNING marketplace_id, url, sequence, disabled_at AS now",
        organization_id,
        endpoint_id,
        why,
    )
    return Turned(**dict(row)) if row else None


async def enable(connection: Connection, endpoint: Endpoint) -> None:
    await connection.execute(
        "UPDATE endpoints SET disabled_at = NULL, disabled_why = NULL, failures = 0, failing_since = NULL"
        " WHERE organization_id = $1 AND endpoint_id = $2 AND removed_at IS NULL",
        endpoint.organization_id,
        endpoint.endpoint_id,
    )


async def remove(connection: Connection, endpoint: Endpoint) -> None:
    """It is not there any more for anybody; its secrets are gone."""
    await connection.execute(
        "UPDATE endpoints SET removed_at = business_now(), secret_sealed = '', old_secret_sealed = NULL,"
        " old_secret_until = NULL WHERE organization_id = $1 AND endpoint_id = $2",
        endpoint.organization_id,
        endpoint.endpoint_id,
    )


async def rotate(connection: Connection, endpoint: Endpoint, sealed: bytes, keep_old_s: float) -> datetime | None:
    """A new secret; until when the one before it counts too, None for no longer."""
    until: datetime | None = await connection.fetchval(
        "UPDATE endpoints SET secret_sealed = $3, old_secret_sealed = CASE WHEN $4 > 0 THEN secret_sealed END,"
        " old_secret_until = CASE WHEN $4 > 0 THEN business_now() + make_interval(secs => $4) END"
        " WHERE organization_id = $1 AND endpoint_id = $2 RETURNING old_secret_until",
        endpoint.organization_id,
        endpoint.endpoint_id,
        sealed,
        keep_old_s,
    )
    return until


async def tell(
    connection: Connection,
    organization_id: OrganizationId,
    endpoint_id: EndpointId,
    turned: Turned,
    event_id: EventId,
    kind: str,
    body: bytes,
    give_up_at: datetime,
) -> None:
    """Write an event about an endpoint, with its deliveries to the marketplace's other ones."""
    values: list[Any] = [organization_id, event_id, turned.marketplace_id, endpoint_id, turned.sequence, kind, body]
    await connection.execute(query("endpoint_tell"), *values, turned.now, give_up_at)


async def bury(
    connection: Connection, organization_id: OrganizationId, endpoint_id: EndpointId, why: str, count: int
) -> int:
    """Dead-letter up to `count` of what is due to a disabled endpoint; how many it were."""
    buried: int = await connection.fetchval(query("delivery_bury"), organization_id, endpoint_id, why, count)
    return buried
