"""An operator changes what a channel's OAuth client may do: its secret, its tokens, its scopes, whether it may in.

What is taken away is taken at once, in every process.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from heard import limits
from heard.domain.channels import ChannelKind
from heard.domain.ids import OrganizationId
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub
from heard.protocols.credentials import hash_secret, new_secret
from heard.protocols.link.auth import SCOPES as LINK_SCOPES
from heard.protocols.ordering.auth import SCOPES as ORDERING_SCOPES
from heard.protocols.strict_json import invalid_body
from heard.storage import marketplaces, tokens
from heard.storage.marketplaces import Marketplace
from heard.storage.orders import Connection

# What each kind of client may be allowed, in the usual order.
SCOPES: Mapping[ChannelKind, tuple[str, ...]] = MappingProxyType(
    {ChannelKind.MARKETPLACE: LINK_SCOPES, ChannelKind.APPLICATION: ORDERING_SCOPES}
)
_MARKETPLACE = ChannelKind.MARKETPLACE


@dataclass(frozen=True, slots=True)
class Rotated:
    """A client's new secret, shown this once. `old_until`: so long the one before it is good too."""

    marketplace: Marketplace
    client_secret: str = field(repr=False)
    old_until: datetime | None


async def rotate_secret(
    hub: Hub,
    organization_id: OrganizationId | None,
    named: str,
    keep_old_hours: int,
    kind: ChannelKind = _MARKETPLACE,
) -> Rotated:
    """A new client secret. Tokens that were given out stay good. Raises Refused(unknown_marketplace, invalid_body).

    The secret before the one that is replaced now is good no more, whatever it was promised.
    """
    if not 0 <= keep_old_hours <= limits.OLD_SECRET_HOURS_MAX:
        text = f"from 0 to {limits.OLD_SECRET_HOURS_MAX} hours, not {keep_old_hours}"
        raise invalid_body(FieldError("$.keep_old_hours", "out_of_range", text))
    secret = new_secret("hcs", secrets.token_bytes(32))
    async with hub.connection() as connection, connection.transaction():
        marketplace = await find_marketplace(connection, organization_id, named, kind)
        secret_hash = hash_secret(secret)
        old_until = await marketplaces.replace_secret(connection, marketplace, secret_hash, keep_old_hours * 3600.0)
    return Rotated(marketplace, secret, old_until)


async def revoke_tokens(
    hub: Hub, organization_id: OrganizationId | None, named: str, kind: ChannelKind = _MARKETPLACE
) -> tuple[Marketplace, int]:
    """End every token of a marketplace; how many there were. Raises Refused(unknown_marketplace)."""
    async with _taking_away(hub, organization_id, named, kind) as (connection, marketplace):
        count = await tokens.remove_tokens(connection, marketplace.organization_id, marketplace.marketplace_id)
    return marketplace, count


async def disable_client(
    hub: Hub, organization_id: OrganizationId | None, named: str, kind: ChannelKind = _MARKETPLACE
) -> tuple[Marketplace, bool]:
    """Refuse all calls of a marketplace, and end its tokens; its orders go on and its events are delivered.

    False when it was so already. Raises Refused(unknown_marketplace).
    """
    async with _taking_away(hub, organization_id, named, kind) as (connection, marketplace):
        new = await marketplaces.set_disabled(connection, marketplace, True)
        await tokens.remove_tokens(connection, marketplace.organization_id, marketplace.marketplace_id)
    return marketplace, new


async def enable_client(
    hub: Hub, organization_id: OrganizationId | None, named: str, kind: ChannelKind = _MARKETPLACE
) -> tuple[Marketplace, bool]:
    """Let a marketplace in again; it asks for a token anew. False when it was in. Raises Refused."""
    async with hub.connection() as connection, connection.transaction():
        marketplace = await find_marketplace(connection, organization_id, named, kind)
        new = await marketplaces.set_disabled(connection, marketplace, False)
    return marketplace, new


async def set_scopes(
    hub: Hub,
    organization_id: OrganizationId | None,
    named: str,
    wanted: Sequence[str],
    kind: ChannelKind = _MARKETPLACE,
) -> tuple[Marketplace, tuple[str, ...]]:
    """What a marketplace may do from now on, with the tokens it has too. Raises Refused(invalid_body)."""
    unknown = sorted(set(wanted) - set(SCOPES[kind]))
    if unknown or not wanted:
        text = f"{unknown[0]!r} is no scope" if unknown else "name one scope at least"
        raise invalid_body(FieldError("$.scopes", "unknown_scope", f"{text}; there are {', '.join(SCOPES[kind])}"))
    scopes = tuple(scope for scope in SCOPES[kind] if scope in wanted)
    async with _taking_away(hub, organization_id, named, kind) as (connection, marketplace):
        await marketplaces.set_scopes(connection, marketplace, scopes)
    return marketplace, scopes


async def find_marketplace(
    connection: Connection, organization_id: OrganizationId | None, named: str, kind: ChannelKind | None = None
) -> Marketplace:
    """A channel by its id or its name, of any organization and any kind where none is given. Raises Refused."""
    found = [
        one
        for one in await marketplaces.find_marketplaces(connection, named)
        if organization_id in (None, one.organization_id) and kind in (None, one.kind)
    ]
    if not found:
        noun = (kind or _MARKETPLACE).noun
        text = f"There is no {noun} {named!r}; see `heard {noun}s list`."
        raise Refused(Code.UNKNOWN_MARKETPLACE, text)
    if len(found) > 1:
        ids = ", ".join(one.marketplace_id for one in found[:10])
        raise Refused(Code.ORDER_CONFLICT, f"Several marketplaces are called {named!r}: name it by its id ({ids}).")
    return found[0]


@asynccontextmanager
async def _taking_away(
    hub: Hub, organization_id: OrganizationId | None, named: str, kind: ChannelKind
) -> AsyncIterator[tuple[Connection, Marketplace]]:
    """One transaction in which a marketplace gets no token, and after which every process looks its tokens up anew."""
    async with hub.connection() as connection, connection.transaction():
        marketplace = await find_marketplace(connection, organization_id, named, kind)
        await marketplaces.lock_marketplace(connection, marketplace.organization_id, marketplace.marketplace_id)
        yield connection, marketplace
        await tokens.announce_revoked(connection, marketplace.marketplace_id)
    hub.forget(marketplace.marketplace_id)
