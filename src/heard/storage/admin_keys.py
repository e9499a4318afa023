"""Keys of the admin API in their table: only hashes. A revoked key stays, so that one sees that it was there."""

import math
from collections.abc import Sequence

import asyncpg

from heard import limits
from heard.domain.ids import KeyId, OrganizationId
from heard.storage.orders import Connection
from heard.storage.sql import Values


async def add_key(
    connection: Connection,
    organization_id: OrganizationId,
    key_id: KeyId,
    name: str,
    key_hash: bytes,
    scopes: Sequence[str],
    days: int | None,
) -> None:
    """Keep a new key; without `days` it has no end."""
    await connection.execute(
        "INSERT INTO admin_keys (organization_id, key_id, name, key_hash, scopes, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, business_now() + make_interval(days => $6))",
        organization_id,
        key_id,
        name,
        key_hash,
        list(scopes),
        days,
    )


async def find_key(
    connection: Connection, key_hash: bytes
) -> tuple[OrganizationId, KeyId, str, frozenset[str], float] | None:
    """Whose key this is, what it may do, and for how many seconds yet; None when unknown, expired or revoked."""
    row = await connection.fetchrow(
        "SELECT organization_id, key_id, name, scopes,"
        " extract(epoch FROM expires_at - business_now())::double precision AS left_s FROM admin_keys"
        " WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > business_now()) LIMIT 1",
        key_hash,
    )
    if row is None:
        return None
    left_s = math.inf if row["left_s"] is None else row["left_s"]
    return row["organization_id"], row["key_id"], row["name"], frozenset(row["scopes"]), left_s


async def list_keys(connection: Connection, count: int, after: str = "") -> list[asyncpg.Record]:
    """A page of keys for people: what they may do, and whether they still may."""
    return await connection.fetch(
        "SELECT organization_id, key_id, name, scopes, created_at, expires_at, revoked_at,"
        " revoked_at IS NULL AND (expires_at IS NULL OR expires_at > business_now()) AS good"
        " FROM admin_keys WHERE key_id > $2 ORDER BY key_id LIMIT $1",
        min(count, limits.PAGE_MAX),
        after,
    )


async def newest_keys(
    connection: Connection, organization_id: OrganizationId | None, count: int, before: str | None
) -> list[asyncpg.Record]:
    """A page of an organization's keys, or of all, the newest first."""
    values = Values(min(count, limits.PAGE_MAX))
    conditions = ["true"]
    if organization_id is not None:
        conditions.append(f"organization_id = {values(organization_id)}")
    if before is not None:
        conditions.append(f"key_id < {values(before)}")
    return await connection.fetch(
        "SELECT organization_id, key_id, name, scopes, created_at, expires_at, revoked_at,"  # noqa: S608
        " revoked_at IS NULL AND (expires_at IS NULL OR expires_at > business_now()) AS good"
        f" FROM admin_keys WHERE {' AND '.join(conditions)} ORDER BY key_id DESC LIMIT $1",
        *values.given,
    )


async def live_keys(
    connection: Connection, named: str, organization_id: OrganizationId | None = None
) -> list[asyncpg.Record]:
    """Keys that are not revoked, by id or by name; of an organization, or of all. Ids first."""
    values = Values(named, limits.PAGE_MAX)
    condition = values.equal("organization_id", organization_id)
    return await connection.fetch(
        "SELECT organization_id, key_id, name, scopes FROM admin_keys"  # noqa: S608
        f" WHERE (key_id = $1 OR name = $1) AND revoked_at IS NULL AND {condition}"
        " ORDER BY key_id <> $1, key_id LIMIT $2",
        *values.given,
    )


async def revoke_key(connection: Connection, organization_id: OrganizationId, key_id: KeyId) -> None:
    await connection.execute(
        "UPDATE admin_keys SET revoked_at = business_now()"
        " WHERE organization_id = $1 AND key_id = $2 AND revoked_at IS NULL",
        organization_id,
        key_id,
    )
