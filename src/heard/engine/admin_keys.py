"""Keys of the admin API: made, revoked, and who one belongs to. Only hashes are kept."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heard import limits
from heard.domain.ids import KeyId, OrganizationId
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub, KeyHolder
from heard.protocols.admin.auth import SCOPES, read_scopes
from heard.protocols.credentials import bearer_token, hash_secret, new_secret
from heard.protocols.strict_json import invalid_body
from heard.storage import admin_keys, stores, tokens


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key, shown this once."""

    organization_id: OrganizationId
    key_id: KeyId
    scopes: tuple[str, ...]
    key: str = field(repr=False)


async def add_key(
    hub: Hub, organization_id: OrganizationId, name: str, scopes: Sequence[str], days: int | None = None
) -> NewKey:
    """Make a key to an organization's part of the hub; without `days` it has no end. Raises Refused(invalid_body)."""
    granted = read_scopes(scopes)
    if days is not None and not 1 <= days <= limits.KEY_DAYS_MAX:
        raise invalid_body(FieldError("$.days", "out_of_range", f"from 1 to {limits.KEY_DAYS_MAX} days, not {days}"))
    key = new_secret("hak", secrets.token_bytes(32))
    key_id = KeyId(hub.new_id("key", await hub.now()))
    async with hub.connection() as connection, connection.transaction():
        await stores.add_organization(connection, organization_id)
        await admin_keys.add_key(connection, organization_id, key_id, name, hash_secret(key), granted, days)
    return NewKey(organization_id, key_id, granted, key)


async def revoke_key(hub: Hub, named: str, organization_id: OrganizationId | None = None) -> KeyId:
    """End a key, by its id or its name, in every process at once; one of an organization, or of any.

    Raises Refused(not_found | order_conflict).
    """
    async with hub.connection() as connection, connection.transaction():
        found = await admin_keys.live_keys(connection, named, organization_id)
        found = [row for row in found if row["key_id"] == named] or found  # whoever calls theirs by another's id
        if not found:
            raise Refused(Code.NOT_FOUND, f"There is no key {named!r} that is not revoked; see `heard keys list`.")
        if len(found) > 1:
            ids = ", ".join(row["key_id"] for row in found[:10])
            raise Refused(Code.ORDER_CONFLICT, f"Several keys are called {named!r}: name it by its id ({ids}).")
        key_id: KeyId = found[0]["key_id"]
        await admin_keys.revoke_key(connection, found[0]["organization_id"], key_id)
        await tokens.announce_revoked(connection, key_id)
    hub.forget(key_id)
    return key_id


async def keys_page(
    hub: Hub, organization_id: OrganizationId | None, count: int, before: str | None
) -> list[Mapping[str, Any]]:
    """A page of keys, revoked ones too, the newest first; of an organization, or of all."""
    async with hub.connection() as connection:
        return [dict(row) for row in await admin_keys.newest_keys(connection, organization_id, count, before)]


async def find_key(hub: Hub, organization_id: OrganizationId | None, key_id: KeyId) -> Mapping[str, Any]:
    """One key, of an organization or of any. Raises Refused(not_found)."""
    async with hub.connection() as connection:
        found = [
            row for row in await admin_keys.live_keys(connection, key_id, organization_id) if row["key_id"] == key_id
        ]
    if not found:
        raise Refused(Code.NOT_FOUND, "There is no such key that is not revoked.")
    return dict(found[0])


def local_operator() -> KeyHolder:
    """Whoever runs commands where the hub's database and its key are: all may be done, of every organization."""
    return KeyHolder(None, KeyId("local"), "local", frozenset(SCOPES))


async def authenticate_key(hub: Hub, authorization: str | None, scope: str) -> KeyHolder:
    """The holder of a key that may do `scope`. Raises Refused(invalid_token | insufficient_scope)."""
    key_hash = hash_secret(bearer_token(authorization))

    async def look_up() -> tuple[KeyHolder, float] | None:
        async with hub.connection() as connection:
            found = await admin_keys.find_key(connection, key_hash)
        if found is None:
            return None
        organization_id, key_id, name, scopes, left_s = found
        return KeyHolder(organization_id, key_id, name, scopes), left_s

    holder = await hub.keys.holder(key_hash, look_up)
    if holder is None:
        raise Refused(Code.INVALID_TOKEN, "unknown, expired or revoked key")
    if scope not in holder.scopes:
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This needs a key with the scope {scope!r}.")
    return holder
