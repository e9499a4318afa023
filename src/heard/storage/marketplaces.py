"""Marketplaces, which are OAuth clients, in their table. Of their secrets there are hashes only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from heard import limits
from heard.domain.ids import MarketplaceId, OrganizationId
from heard.storage.orders import Connection


@dataclass(frozen=True, slots=True)
class Marketplace:
    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    name: str
    client_secret_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A marketplace as it asks for tokens. `old_secret_hash`: of the secret before this one, while that is good too."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    secret_hash: bytes = field(repr=False)
    old_secret_hash: bytes | None = field(repr=False)
    scopes: tuple[str, ...]
    is_disabled: bool


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


async def find_client(connection: Connection, client_id: str) -> OAuthClient | None:
    """The marketplace that has an OAuth client id."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, client_secret_hash AS secret_hash,"
        " CASE WHEN old_secret_until > business_now() THEN old_secret_hash END AS old_secret_hash,"
        " scopes, disabled_at IS NOT NULL AS is_disabled FROM marketplaces WHERE marketplace_id = $1 LIMIT 1",
        client_id,
    )
    return OAuthClient(**{**dict(row), "scopes": tuple(row["scopes"])}) if row else None


async def lock_marketplace(
    connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId
) -> None:
    """Hold a marketplace's row until the transaction ends: no token is given out meanwhile."""
    await connection.execute(
        "SELECT FROM marketplaces WHERE organization_id = $1 AND marketplace_id = $2 FOR UPDATE",
        organization_id,
        marketplace_id,
    )


async def replace_secret(
    connection: Connection, marketplace: Marketplace, secret_hash: bytes, keep_old_s: float
) -> datetime | None:
    """A new client secret; until when the one before it is good too, None when it no longer is."""
    until: datetime | None = await connection.fetchval(
        "UPDATE marketplaces SET client_secret_hash = $3,"
        " old_secret_hash = CASE WHEN $4 > 0 THEN client_secret_hash END,"
        " old_secret_until = CASE WHEN $4 > 0 THEN business_now() + make_interval(secs => $4) END"
        " WHERE organization_id = $1 AND marketplace_id = $2 RETURNING old_secret_until",
        marketplace.organization_id,
        marketplace.marketplace_id,
        secret_hash,
        keep_old_s,
    )
    return until


async def set_scopes(connection: Connection, marketplace: Marketplace, scopes: Sequence[str]) -> None:
    await connection.execute(
        "UPDATE marketplaces SET scopes = $3 WHERE organization_id = $1 AND marketplace_id = $2",
        marketplace.organization_id,
        marketplace.marketplace_id,
        list(scopes),
    )


async def set_disabled(connection: Connection, marketplace: Marketplace, disabled: bool) -> bool:
    """False when it was so already."""
    done = await connection.execute(
        "UPDATE marketplaces SET disabled_at = CASE WHEN $3 THEN business_now() END"
        " WHERE organization_id = $1 AND marketplace_id = $2 AND (disabled_at IS NULL) = $3",
        marketplace.organization_id,
        marketplace.marketplace_id,
        disabled,
    )
    return done.endswith(" 1")


async def find_marketplaces(connection: Connection, name_or_id: str) -> list[Marketplace]:
    """Marketplaces by id or by name; a name may stand in several organizations."""
    rows = await connection.fetch(
        "SELECT organization_id, marketplace_id, name, client_secret_hash FROM marketplaces"
        " WHERE marketplace_id = $1 OR name = $1 ORDER BY organization_id LIMIT $2",
        name_or_id,
        limits.PAGE_MAX,
    )
    return [Marketplace(**dict(row)) for row in rows]


async def list_marketplaces(
    connection: Connection, count: int, after: str = "", organization_id: OrganizationId | None = None
) -> list[asyncpg.Record]:
    """A page of marketplaces for people: no secret, with endpoints and number of stores."""
    return await connection.fetch(
        "SELECT p.organization_id, p.marketplace_id, p.name, p.scopes, p.disabled_at, p.old_secret_until,"
        " coalesce((SELECT array_agg(url ORDER BY url) FROM endpoints w WHERE w.organization_id = p.organization_id"
        "   AND w.marketplace_id = p.marketplace_id AND w.disabled_at IS NULL), '{}') AS webhook_urls,"
        " (SELECT count(*) FROM connections c WHERE c.organization_id = p.organization_id"
        "   AND c.marketplace_id = p.marketplace_id) AS stores"
        " FROM marketplaces p WHERE p.marketplace_id > $2 AND ($3::text IS NULL OR p.organization_id = $3)"
        " ORDER BY p.marketplace_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
        organization_id,
    )
