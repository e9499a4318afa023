"""Marketplaces and their webhook endpoints in their tables. Secrets stay hashed or sealed here."""

from dataclasses import dataclass, field

import asyncpg

from heard import limits
from heard.domain.ids import EndpointId, MarketplaceId, OrganizationId
from heard.storage.orders import Connection
from heard.storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Marketplace:
    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    name: str
    client_secret_hash: bytes = field(repr=False)


async def add_marketplace(connection: Connection, marketplace: Marketplace) -> bool:
    """False when the organization has a marketplace of that name already."""
    done = await connection.execute(
        "INSERT INTO marketplaces (organization_id, marketplace_id, name, client_secret_hash)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        marketplace.organization_id,
        marketplace.marketplace_id,
        marketplace.name,
        marketplace.client_secret_hash,
    )
    return done.endswith(" 1")


async def find_client(connection: Connection, client_id: str) -> Marketplace | None:
    """The marketplace that has an OAuth client id."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, name, client_secret_hash FROM marketplaces"
        " WHERE marketplace_id = $1 LIMIT 1",
        client_id,
    )
    return Marketplace(**dict(row)) if row else None


async def find_marketplaces(connection: Connection, name_or_id: str) -> list[Marketplace]:
    """Marketplaces by id or by name; a name may stand in several organizations."""
    rows = await connection.fetch(
        "SELECT organization_id, marketplace_id, name, client_secret_hash FROM marketplaces"
        " WHERE marketplace_id = $1 OR name = $1 ORDER BY organization_id LIMIT $2",
        name_or_id,
        limits.PAGE_MAX,
    )
    return [Marketplace(**dict(row)) for row in rows]


async def list_marketplaces(connection: Connection, count: int, after: str = "") -> list[asyncpg.Record]:
    """A page of marketplaces for people: no secret, with endpoints and number of stores."""
    return await connection.fetch(
        "SELECT p.organization_id, p.marketplace_id, p.name,"
        " coalesce((SELECT array_agg(url ORDER BY url) FROM endpoints w WHERE w.organization_id = p.organization_id"
        "   AND w.marketplace_id = p.marketplace_id AND w.disabled_at IS NULL), '{}') AS webhook_urls,"
        " (SELECT count(*) FROM connections c WHERE c.organization_id = p.organization_id"
        "   AND c.marketplace_id = p.marketplace_id) AS stores"
        " FROM marketplaces p WHERE p.marketplace_id > $2 ORDER BY p.marketplace_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
    )


async def add_endpoint(
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


async def move_endpoints(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId, url: str
) -> None:
    await connection.execute(
        "UPDATE endpoints SET url = $3 WHERE organization_id = $1 AND marketplace_id = $2",
        organization_id,
        marketplace_id,
        url,
    )
