"""Who calls the Ordering API: which application, by its public key, and what its token lets it do beyond that."""

import re
import secrets
from dataclasses import dataclass

from heard import limits
from heard.domain.channels import ChannelKind
from heard.domain.ids import MarketplaceId
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Client, Hub
from heard.engine.oauth_clients import authenticated, check_scope, holder_of, keep_token
from heard.protocols.credentials import OAuthRefused, TokenRequest, new_hex_token
from heard.protocols.ordering.auth import SCOPES
from heard.storage import marketplaces

_KIND = ChannelKind.APPLICATION
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Caller:
    """An application that calls. `client` has the scopes of its token, and none without one."""

    client: Client
    has_token: bool

    @property
    def application_id(self) -> MarketplaceId:
        return self.client.marketplace_id

    def require(self, scope: str, why: str) -> None:
        """Raises Refused(token_required | insufficient_scope). `why` says what needs it."""
        if not self.has_token:
            raise Refused(Code.TOKEN_REQUIRED, f"{why} needs an access token with the scope {scope!r}.")
        check_scope(self.client, scope)


async def find_application(hub: Hub, stated_key: str | None) -> Client:
    """The application of an Application header. Raises Refused(unknown_application)."""
    if stated_key is None:
        raise Refused(Code.UNKNOWN_APPLICATION, "Name your application by its key, in the header Application.")
    key = stated_key.strip().lower()

    async def look_up() -> tuple[Client, float] | None:
        async with hub.connection() as connection:
            found = await marketplaces.find_application(connection, key)
        return (Client(*found, frozenset(), _KIND), limits.PASS_CACHE_S) if found else None

    known = await hub.applications.holder(bytes.fromhex(key), look_up) if _KEY.fullmatch(key) else None
    if known is None:
        raise Refused(Code.UNKNOWN_APPLICATION, "No application that may call has the key in the header Application.")
    return known


async def let_in(hub: Hub, stated_key: str | None, token: str | None) -> Caller:
    """Who calls. A token that is sent must be good, and the application's own, whatever it is needed for.

    Raises Refused(unknown_application | invalid_token).
    """
    application = await find_application(hub, stated_key)
    if token is None:
        return Caller(application, has_token=False)
    holder = await holder_of(hub, token, _KIND)
    if holder.marketplace_id != application.marketplace_id:
        raise Refused(Code.INVALID_TOKEN, "a token of another application")
    return Caller(holder, has_token=True)


async def issue_token(hub: Hub, application: Client, request: TokenRequest) -> tuple[str, tuple[str, ...]]:
    """A new access token and its scopes, for the application's own client alone.

    Our reading: of the scopes that are asked for, those that the client may have are granted; if that leaves none, or
    one of them is no scope at all, none is. Raises OAuthRefused(invalid_client | invalid_scope).
    """
    async with hub.connection() as connection:
        client, secret_hash = await authenticated(connection, _KIND, request.client_id, request.client_secret)
        if client.marketplace_id != application.marketplace_id:
            raise OAuthRefused("invalid_client")
        asked = request.scope or client.scopes
        scopes = tuple(scope for scope in asked if scope in client.scopes)
        if not scopes or not set(asked) <= set(SCOPES):
            raise OAuthRefused("invalid_scope")
        token = new_hex_token(secrets.token_bytes(32))
        await keep_token(connection, client, secret_hash, token, scopes, limits.ORDERING_TOKEN_TTL_S)
    return token, scopes
