"""Access tokens in their table: only hashes, and nothing of one that was revoked."""

from collections.abc import Sequence

from heard.domain.channels import ChannelKind
from heard.domain.ids import MarketplaceId, OrganizationId
from heard.storage.marketplaces import OAuthClient
from heard.storage.orders import Connection

FORGET_CHANNEL = "heard_forget"
_GREETING = "hello:"  # no hash in hex and no id of ours has a colon


async def add_token(
    connection: Connection,
    client: OAuthClient,
    secret_hash: bytes,
    token_hash: bytes,
    scopes: Sequence[str],
    lifetime_s: int,
) -> bool:
    """Keep a token's hash, and sweep a few that have expired.

    False when the client was shut out, or its secret replaced, since it was read. Its row is held meanwhile, so that
    whoever revokes all its tokens sees this one.
    """
    done = await connection.execute(
        "INSERT INTO access_tokens (organization_id, token_hash, marketplace_id, scopes, expires_at)"
        " SELECT organization_id, $3, marketplace_id, $4, business_now() + make_interval(secs => $5)"
        " FROM marketplaces WHERE organization_id = $1 AND marketplace_id = $2 AND disabled_at IS NULL"
        " AND (client_secret_hash = $6 OR (old_secret_hash = $6 AND old_secret_until > business_now())) FOR SHARE",
        client.organization_id,
        client.marketplace_id,
        token_hash,
        list(scopes),
        float(lifetime_s),
        secret_hash,
    )
    await connection.execute(
        "DELETE FROM access_tokens WHERE (organization_id, token_hash) IN (SELECT organization_id, token_hash"
        " FROM access_tokens WHERE expires_at < business_now() - interval '1 hour' LIMIT 100)"
    )
    return done.endswith(" 1")


async def find_token(
    connection: Connection, token_hash: bytes
) -> tuple[OrganizationId, MarketplaceId, frozenset[str], ChannelKind, float] | None:
    """Whose token this is, what it may do, in which protocol, and for how many seconds yet; None when unknown or
    expired.

    A token may do what both it and its client may: a scope that the client lost is lost to its tokens too.
    """
    row = await connection.fetchrow(
        "SELECT t.organization_id, t.marketplace_id,"
        " ARRAY(SELECT unnest(t.scopes) INTERSECT SELECT unnest(m.scopes)) AS scopes, m.protocol,"
        " extract(epoch FROM t.expires_at - business_now())::double precision AS left_s"
        " FROM access_tokens t JOIN marketplaces m USING (organization_id, marketplace_id)"
        " WHERE t.token_hash = $1 AND t.expires_at > business_now() AND m.disabled_at IS NULL LIMIT 1",
        token_hash,
    )
    if row is None:
        return None
    scopes, kind = frozenset(row["scopes"]), ChannelKind(row["protocol"])
    return row["organization_id"], row["marketplace_id"], scopes, kind, row["left_s"]


async def remove_token(connection: Connection, client: OAuthClient, token_hash: bytes) -> bool:
    """False when the client has no such token."""
    done = await connection.execute(
        "DELETE FROM access_tokens WHERE organization_id = $1 AND marketplace_id = $2 AND token_hash = $3",
        client.organization_id,
        client.marketplace_id,
        token_hash,
    )
    return done.endswith(" 1")


async def remove_tokens(connection: Connection, organization_id: OrganizationId, marketplace_id: MarketplaceId) -> int:
    """Remove every token of a marketplace whose row is locked; how many there were."""
    done: str = await connection.execute(
        "DELETE FROM access_tokens WHERE organization_id = $1 AND marketplace_id = $2", organization_id, marketplace_id
    )
    return int(done.rpartition(" ")[2])


async def announce_revoked(connection: Connection, word: str) -> None:
    """Have every process forget a pass by its hash in hex, or a holder's by its id, when this transaction commits."""
    await connection.execute("SELECT pg_notify($1, $2)", FORGET_CHANNEL, word)


async def announce_greeting(connection: Connection, text: str) -> None:
    """Say something that revokes nothing, to find out whether it is heard."""
    await connection.execute("SELECT pg_notify($1, $2)", FORGET_CHANNEL, _GREETING + text)


def is_greeting(word: str) -> bool:
    return word.startswith(_GREETING)
