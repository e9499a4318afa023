"""OAuth client credentials of Link: tokens given out and revoked, and who a token belongs to. Only hashes are kept."""

import secrets

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.protocols.link import auth
from heard.protocols.link.forms import RevokeRequest, TokenRequest
from heard.storage import marketplaces, tokens
from heard.storage.marketplaces import OAuthClient
from heard.storage.orders import Connection


async def issue_token(hub: Hub, request: TokenRequest) -> tuple[str, tuple[str, ...]]:
    """A new access token and its scopes. Raises auth.OAuthRefused(invalid_client | invalid_scope)."""
    async with hub.connection() as connection:
        client, secret_hash = await _authenticated(connection, request.client_id, request.client_secret)
        if not set(request.scope) <= set(client.scopes):
            raise auth.OAuthRefused("invalid_scope")
        scopes = request.scope or client.scopes
        token = auth.new_secret("hat", secrets.token_bytes(32))
        token_hash = auth.hash_secret(token)
        if not await tokens.add_token(connection, client, secret_hash, token_hash, scopes, limits.TOKEN_TTL_S):
            raise auth.OAuthRefused("invalid_client")
    return token, scopes


async def revoke_token(hub: Hub, request: RevokeRequest) -> None:
    """End one of the client's own tokens, in every process; any other is left alone, and nobody is told which it was.

    Raises auth.OAuthRefused(invalid_client).
    """
    token_hash = auth.hash_secret(request.token)
    async with hub.connection() as connection, connection.transaction():
        client, _ = await _authenticated(connection, request.client_id, request.client_secret)
        if not await tokens.remove_token(connection, client, token_hash):
            return
        await tokens.announce_revoked(connection, token_hash.hex())
    hub.forget(token_hash.hex())


async def authenticate(hub: Hub, authorization: str | None, scope: str) -> Client:
    """The client of a Bearer token that may do `scope`. Raises Refused(invalid_token | insufficient_scope)."""
    token_hash = auth.hash_secret(auth.bearer_token(authorization))

    async def look_up() -> tuple[Client, float] | None:
        async with hub.connection() as connection:
            found = await tokens.find_token(connection, token_hash)
        if found is None:
            return None
        organization_id, marketplace_id, scopes, left_s = found
        return Client(organization_id, marketplace_id, scopes), left_s

    client = await hub.tokens.holder(token_hash, look_up)
    if client is None:
        raise Refused(Code.INVALID_TOKEN, "unknown, expired or revoked token")
    if scope not in client.scopes:
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This needs a token with the scope {scope!r}.")
    return client


async def _authenticated(connection: Connection, client_id: str, client_secret: str) -> tuple[OAuthClient, bytes]:
    """The client with this secret, and which of its hashes it was.

    Whatever is wrong (no such client, its secret, an old one past its time, a client that is shut out) looks the same
    and costs the same two comparisons. Raises auth.OAuthRefused(invalid_client).
    """
    client = await marketplaces.find_client(connection, client_id)
    hashes = (client.secret_hash, client.old_secret_hash) if client else (None, None)
    secret_hash = auth.matching_hash(client_secret, hashes)
    if client is None or client.is_disabled or secret_hash is None:
        raise auth.OAuthRefused("invalid_client")
    return client, secret_hash
