"""OAuth client credentials of Link: tokens given out, and who a token belongs to. Only hashes are kept."""

import secrets

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.protocols.link import auth
from heard.protocols.link.forms import TokenRequest
from heard.storage import marketplaces, tokens

_NO_HASH = bytes(32)


async def issue_token(hub: Hub, request: TokenRequest) -> tuple[str, tuple[str, ...]]:
    """A new access token and its scopes. Raises auth.OAuthRefused(invalid_client | invalid_scope)."""
    async with hub.connection() as connection:
        marketplace = await marketplaces.find_client(connection, request.client_id)
        # An unknown client costs the same comparison as a known one with a wrong secret.
        right = auth.secret_matches(request.client_secret, marketplace.client_secret_hash if marketplace else _NO_HASH)
        if marketplace is None or not right:
            raise auth.OAuthRefused("invalid_client")
        if not set(request.scope) <= set(auth.SCOPES):
            raise auth.OAuthRefused("invalid_scope")
        scopes = request.scope or auth.SCOPES
        token = auth.new_secret("hat", secrets.token_bytes(32))
        await tokens.add_token(connection, marketplace, auth.hash_secret(token), scopes, limits.TOKEN_TTL_S)
    return token, scopes


async def authenticate(hub: Hub, authorization: str | None, scope: str) -> Client:
    """The client of a Bearer token that may do `scope`. Raises Refused(invalid_token | insufficient_scope)."""
    token_hash = auth.hash_secret(auth.bearer_token(authorization))
    client = hub.tokens.get(token_hash)
    if client is None:
        async with hub.connection() as connection:
            found = await tokens.find_token(connection, token_hash)
        if found is None:
            raise Refused(Code.INVALID_TOKEN, "unknown or expired token")
        organization_id, marketplace_id, scopes, left_s = found
        client = hub.tokens.put(token_hash, Client(organization_id, marketplace_id, scopes), left_s)
    if scope not in client.scopes:
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This needs a token with the scope {scope!r}.")
    return client
