"""OAuth client credentials of Link: tokens given out and revoked, and who a token belongs to. Only hashes are kept."""

import secrets

from heard import limits
from heard.domain.channels import ChannelKind
from heard.engine.hub import Client, Hub
from heard.engine.oauth_clients import authenticated, check_scope, holder_of, keep_token
from heard.protocols.credentials import OAuthRefused, TokenRequest, bearer_token, hash_secret, new_secret
from heard.protocols.link.forms import RevokeRequest
from heard.storage import tokens

_KIND = ChannelKind.MARKETPLACE


async def issue_token(hub: Hub, request: TokenRequest) -> tuple[str, tuple[str, ...]]:
    """A new access token and its scopes. Raises OAuthRefused(invalid_client | invalid_scope)."""
    async with hub.connection() as connection:
        client, secret_hash = await authenticated(connection, _KIND, request.client_id, request.client_secret)
        if not set(request.scope) <= set(client.scopes):
            raise OAuthRefused("invalid_scope")
        scopes = request.scope or client.scopes
        token = new_secret("hat", secrets.token_bytes(32))
        await keep_token(connection, client, secret_hash, token, scopes, limits.TOKEN_TTL_S)
    return token, scopes


async def revoke_token(hub: Hub, request: RevokeRequest) -> None:
    """End one of the client's own tokens, in every process; any other is left alone, and nobody is told which it was.

    Raises OAuthRefused(invalid_client).
    """
    token_hash = hash_secret(request.token)
    async with hub.connection() as connection, connection.transaction():
        client, _ = await authenticated(connection, _KIND, request.client_id, request.client_secret)
        if not await tokens.remove_token(connection, client, token_hash):
            return
        await tokens.announce_revoked(connection, token_hash.hex())
    hub.forget(token_hash.hex())


async def authenticate(hub: Hub, authorization: str | None, scope: str) -> Client:
    """The client of a Bearer token that may do `scope`. Raises Refused(invalid_token | insufficient_scope)."""
    client = await holder_of(hub, bearer_token(authorization), _KIND)
    check_scope(client, scope)
    return client
