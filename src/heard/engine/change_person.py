"""What is changed of somebody who may come into the console, by an admin or by themselves.

An admin of one organization knows its people only; nobody gives more than they have.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role
from heard.domain.refusals import Code, Refused
from heard.engine.deeds import write_deed
from heard.engine.hub import Hub
from heard.engine.passwords import Passwords
from heard.engine.people import (
    Visitor,
    check_password,
    check_still_admin,
    invite,
    invite_again,
    open_session,
    prove,
    set_password,
)
from heard.protocols.credentials import new_secret
from heard.storage import people, stores
from heard.storage.orders import Connection
from heard.storage.people import Person


async def people_page(hub: Hub, by: Visitor, count: int, after: str = "") -> list[Mapping[str, Any]]:
    """Whom the visitor may see, by login."""
    async with hub.connection() as connection:
        return await people.list_people(connection, by.organization_id, count, after)


async def organizations_of(hub: Hub, by: Visitor) -> list[OrganizationId]:
    """For whom somebody may be invited, or a key be made."""
    if by.organization_id is not None:
        return [by.organization_id]
    async with hub.connection() as connection:
        return await stores.organizations(connection)


async def open_links(hub: Hub, by: Visitor) -> list[Mapping[str, Any]]:
    """Links that nobody has used yet."""
    async with hub.connection() as connection:
        return await people.list_invitations(connection, by.organization_id)


async def invite_to(hub: Hub, by: Visitor, role: Role, whose: str | None) -> str:
    """The secret of a link for somebody new, of the organization `whose`; None: they see all there are.

    Raises Refused(insufficient_scope | not_found | order_conflict).
    """
    _check_reach(by, role)
    if by.organization_id is not None and whose != by.organization_id:
        raise Refused(Code.INSUFFICIENT_SCOPE, f"You invite people of {by.organization_id} only.")
    if whose is not None and not await _is_organization(hub, whose):
        raise Refused(Code.NOT_FOUND, f"There is no organization {whose[:100]!r}.")
    return await invite(hub, OrganizationId(whose or EVERYTHING), role, by.login, by.person)


async def _is_organization(hub: Hub, named: str) -> bool:
    async with hub.connection() as connection:
        return await stores.is_organization(connection, named)


async def end_link(hub: Hub, by: Visitor, invitation_hash: bytes) -> None:
    """Raises Refused(not_found)."""
    async with hub.connection() as connection, connection.transaction():
        if not await people.end_invitation(connection, by.organization_id, invitation_hash):
            raise Refused(Code.NOT_FOUND, "This link was used meanwhile, or its time is over.")
        await write_deed(hub, connection, by.person.organization_id, by.login, "end_link")


async def link_for(hub: Hub, by: Visitor, person_id: PersonId) -> str:
    """The secret of a link by which somebody sets a new password. Raises Refused."""
    person = await person_of(hub, by, person_id)
    if person.disabled:
        raise Refused(Code.ORDER_CONFLICT, f"{person.login} is shut out: let them in first.")
    return await invite_again(hub, person, by.person)


async def set_role(hub: Hub, by: Visitor, person_id: PersonId, role: Role) -> Person:
    """Give somebody another role; it holds from their next click on. Links they have made end. Raises Refused."""
    _check_reach(by, role)
    return await _change(hub, by, person_id, "set_role", str(role), role=role)


async def set_disabled(hub: Hub, by: Visitor, person_id: PersonId, disabled: bool) -> Person:
    """Shut somebody out at once, with whatever links they have made; or let them in again. Raises Refused."""
    at, call = (await hub.now(), "disable_person") if disabled else (None, "enable_person")
    return await _change(hub, by, person_id, call, "done", disabled_at=at)


async def end_sessions(hub: Hub, by: Visitor, person_id: PersonId) -> int:
    """Sign somebody out wherever they are signed in; how many sessions that were. Raises Refused."""
    person = await person_of(hub, by, person_id)
    async with hub.connection() as connection, connection.transaction():
        ended = await people.close_sessions(connection, person)
        await write_deed(hub, connection, person.organization_id, by.login, "end_sessions", person_id)
    return ended


async def person_of(hub: Hub, by: Visitor, person_id: PersonId) -> Person:
    """Somebody whom the visitor may see and has no less than. Raises Refused(not_found | insufficient_scope)."""
    async with hub.connection() as connection:
        return await _person_of(connection, by, person_id)


async def _person_of(connection: Connection, by: Visitor, person_id: PersonId) -> Person:
    person = await people.find_anywhere(connection, by.organization_id, person_id)
    if person is None:
        raise Refused(Code.NOT_FOUND, f"There is nobody {person_id[:100]!r}.")
    _check_reach(by, person.role)
    return person


async def _change(hub: Hub, by: Visitor, person_id: PersonId, call: str, outcome: str, **columns: object) -> Person:
    if person_id == by.person.person_id:
        raise Refused(Code.ORDER_CONFLICT, "That is you: somebody else must do it, or nobody might be left.")
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        await check_still_admin(connection, by.person)
        person = await _person_of(connection, by, person_id)
        await people.change(connection, person, **columns)
        await people.end_links_by(connection, person.login)
        if "disabled_at" in columns:  # also on the way back: nothing comes alive that was
            await people.end_links_to(connection, person)
            await people.close_sessions(connection, person)
        await write_deed(hub, connection, person.organization_id, by.login, call, person_id, outcome)
        changed = await people.find(connection, person.organization_id, person_id)
    assert changed is not None  # nobody is ever deleted
    return changed


def _check_reach(by: Visitor, role: Role) -> None:
    if not (by.role.covers(Role.ADMIN) and by.role.covers(role)):
        raise Refused(Code.INSUFFICIENT_SCOPE, f"You are {by.role}, and give nobody the role {role}.")


# --- oneself ----------------------------------------------------------------------------------------------------


async def own_sessions(hub: Hub, by: Visitor) -> list[Mapping[str, Any]]:
    async with hub.connection() as connection:
        return await people.list_sessions(connection, by.person)


async def change_password(hub: Hub, passwords: Passwords, by: Visitor, old: str, new: str, agent: str = "") -> str:
    """Another password, for who knows the one before; all sessions end but this new one, whose secret it is.

    Raises Refused: invalid_client, rate_limited (a wrong one counts as one at the door does), invalid_body.
    """
    check_password(new, by.login)
    person = await prove(hub, passwords, by.login, old)
    password_hash, session = await passwords.hash(new), new_secret("hcs", secrets.token_bytes(32))
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        known = await people.find(connection, person.organization_id, person.person_id)
        if known is None or known.password_hash != person.password_hash:
            raise Refused(Code.INVALID_CLIENT, "The password was changed meanwhile.")
        await set_password(connection, person, password_hash)
        await open_session(connection, person, session, agent)
        await write_deed(hub, connection, person.organization_id, by.login, "change_password", person.person_id)
    return session


async def end_own_session(hub: Hub, by: Visitor, session_hash: bytes) -> None:
    """Raises Refused(not_found)."""
    async with hub.connection() as connection:
        if not await people.close_one_session(connection, by.person, session_hash):
            raise Refused(Code.NOT_FOUND, "This session is over already.")


async def sign_out_everywhere(hub: Hub, by: Visitor) -> None:
    async with hub.connection() as connection, connection.transaction():
        await people.close_sessions(connection, by.person)
        await write_deed(hub, connection, by.person.organization_id, by.login, "sign_out_everywhere")
