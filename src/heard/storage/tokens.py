"""Access tokens in their table: only hashes, and nothing of one that was revoked."""

from collections.abc import Sequence

from heard.domain.ids import MarketplaceId, OrganizationId
from heard.storage.marketplaces import Marketplace
from heard.storage.orders import Connection


async def add_token(
    connection: Connection, marketplace: Marketplace, token_hash: bytes, scopes: Sequence[str], lifetime_s: int
) -> None:
    """Keep a token's hash, and sweep a few that have expired."""
    await connection.execute(
        "INSERT INTO access_tokens (organization_id, token_hash, marketplace_id, scopes, expires_at)"
        " VALUES ($1, $2, $3, $4, business_now() + make_interval(secs => $5))",
        marketplace.organization_id,
        token_hash,
        marketplace.marketplace_id,
        list(scopes),
        float(lifetime_s),
    )
    await connection.execute(
        "DELETE FROM access_tokens WHERE (organization_id, token_hash) IN (SELECT organization_id, token_hash"
        " FROM access_tokens WHERE expires_at < business_now() - interval '1 hour' LIMIT 100)"
    )


async def find_token(
    connection: Connection, token_hash: bytes
) -> tuple[OrganizationId, MarketplaceId, frozenset[str], float] | None:
    """Whose token this is, what it may do, and for how many seconds yet; None when unknown or expired."""
    row = await connection.fetchrow(
        "SELECT organization_id, marketplace_id, scopes,"
        " extract(epoch FROM expires_at - business_now())::double precision AS left_s FROM access_tokens"
        " WHERE token_hash = $1 AND expires_at > business_now() LIMIT 1",
        token_hash,
    )
    if row is None:
        return None
    return row["organization_id"], row["marketplace_id"], frozenset(row["scopes"]), row["left_s"]
