"""Who asks for a token, and who has one: the same for every protocol whose channels are OAuth clients."""

from heard.domain.channels import ChannelKind
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.protocols.credentials import OAuthRefused, hash_secret, matching_hash
from heard.storage import marketplaces, tokens
from heard.storage.marketplaces import OAuthClient
from heard.storage.orders import Connection


async def authenticated(
    connection: Connection, kind: ChannelKind, client_id: str, client_secret: str
) -> tuple[OAuthClient, bytes]:
    """The client of a kind with this secret, and which of its hashes it was.

    Whatever is wrong (no such client, one of the other kind, its secret, an old one past its time, a client that is
    shut out) looks the same and costs the same two comparisons. Raises OAuthRefused(invalid_client).
    """
    client = await marketplaces.find_client(connection, client_id, kind)
    hashes = (client.secret_hash, client.old_secret_hash) if client else (None, None)
    secret_hash = matching_hash(client_secret, hashes)
    if client is None or client.is_disabled or secret_hash is None:
        raise OAuthRefused("invalid_client")
    return client, secret_hash


async def keep_token(
    connection: Connection, client: OAuthClient, secret_hash: bytes, token: str, scopes: tuple[str, ...], ttl_s: int
) -> None:
    """Keep a new token's hash. Raises OAuthRefused(invalid_client) when the client was shut out meanwhile."""
    if not await tokens.add_token(connection, client, secret_hash, hash_secret(token), scopes, ttl_s):
        raise OAuthRefused("invalid_client")


async def holder_of(hub: Hub, token: str, kind: ChannelKind) -> Client:
    """The client of an access token that was given out for a protocol. Raises Refused(invalid_token)."""
    token_hash = hash_secret(token)

    async def look_up() -> tuple[Client, float] | None:
        async with hub.connection() as connection:
            found = await tokens.find_token(connection, token_hash)
        if found is None:
            return None
        organization_id, marketplace_id, scopes, its_kind, left_s = found
        return Client(organization_id, marketplace_id, scopes, its_kind), left_s

    client = await hub.tokens.holder(token_hash, look_up)
    if client is None or client.kind is not kind:
        raise Refused(Code.INVALID_TOKEN, "unknown, expired or revoked token")
    return client


def check_scope(client: Client, scope: str) -> None:
    """Raises Refused(insufficient_scope)."""
    if scope not in client.scopes:
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This needs a token with the scope {scope!r}.")
