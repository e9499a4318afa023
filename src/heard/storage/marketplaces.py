"""Marketplaces and applications, which are OAuth clients, in their table. Of their secrets there are hashes only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from heard import limits
from heard.domain.channels import ChannelKind
from heard.domain.ids import MarketplaceId, OrganizationId
from heard.storage.orders import Connection
from heard.storage.sql import Values


@dataclass(frozen=True, slots=True)
class Marketplace:
    """A channel. `application_key`: how an application's calls name it; it is public, and a marketplace has none."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    name: str
    client_secret_hash: bytes = field(repr=False)
    kind: ChannelKind = ChannelKind.MARKETPLACE
    application_key: str | None = None


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A channel as it asks for tokens. `old_secret_hash`: of the secret before this one, while that is good too."""

    organization_id: OrganizationId
    marketplace_id: MarketplaceId
    secret_hash: bytes = field(repr=False)
    old_secret_hash: bytes | None = field(repr=False)
    scopes: tuple[str, ...]
    is_disabled: bool


async def add_marketplace(connection: Connection, marketplace: Marketplace, scopes: Sequence[str]) -> bool:
    """False when the organization has a channel of that name already."""
    done = await connection.execute(
        "INSERT INTO marketplaces"
        " (organization_id, marketplace_id, name, client_secret_hash, protocol, application_key, scopes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        marketplace.organization_id,
        marketplace.marketplace_id,
        marketplace.name,
        marketplace.client_secret_hash,
        marketplace.kind,
        marketplace.application_key,
        list(scopes),
    )
    return done.endswith(" 1")


async def find_client(connection: Connection, client_id: str, kind: ChannelKind) -> OAuthClient | None:
    """The channel of a kind that has an OAuth client id."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, client_secret_hash AS secret_hash,"
        " CASE WHEN old_secret_until > business_now() THEN old_secret_hash END AS old_secret_hash,"
        " scopes, disabled_at IS NOT NULL AS is_disabled FROM marketplaces"
        " WHERE marketplace_id = $1 AND protocol = $2 LIMIT 1",
        client_id,
        kind,
    )
    return OAuthClient(**{**dict(row), "scopes": tuple(row["scopes"])}) if row else None


async def find_application(connection: Connection, application_key: str) -> tuple[OrganizationId, MarketplaceId] | None:
    """The application that has a key, unless it is shut out."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id FROM marketplaces"
        " WHERE application_key = $1 AND disabled_at IS NULL LIMIT 1",
        application_key,
    )
    return (row["organization_id"], row["marketplace_id"]) if row else None


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
    """Channels of every kind by id or by name; a name may stand in several organizations."""
    rows = await connection.fetch(
        "SELECT organization_id, marketplace_id, name, client_secret_hash, protocol AS kind, application_key"
        " FROM marketplaces"
        " WHERE marketplace_id = $1 OR name = $1 ORDER BY organization_id LIMIT $2",
        name_or_id,
        limits.PAGE_MAX,
    )
    return [Marketplace(**{**dict(row), "kind": ChannelKind(row["kind"])}) for row in rows]


async def list_marketplaces(
    connection: Connection,
    kind: ChannelKind,
    count: int,
    after: str = "",
    organization_id: OrganizationId | None = None,
) -> list[asyncpg.Record]:
    """A page of the channels of a kind, for people: no secret, with endpoints and number of stores."""
    values = Values(min(count, limits.PAGE_MAX))
    where = f"p.marketplace_id > {values(after)} AND p.protocol = {values(kind)}"
    if organization_id is not None:
        where += f" AND p.organization_id = {values(organization_id)}"
    return await connection.fetch(
        "SELECT p.organization_id, p.marketplace_id, p.name, p.scopes, p.disabled_at, p.old_secret_until,"  # noqa: S608
        " p.application_key,"
        " coalesce((SELECT array_agg(url ORDER BY url) FROM endpoints w WHERE w.organization_id = p.organization_id"
        "   AND w.marketplace_id = p.marketplace_id AND w.disabled_at IS NULL), '{}') AS webhook_urls,"
        " (SELECT count(*) FROM connections c WHERE c.organization_id = p.organization_id"
        "   AND c.marketplace_id = p.marketplace_id) AS stores"
        f" FROM marketplaces p WHERE {where} ORDER BY p.marketplace_id LIMIT $1",
        *values.given,
    )
