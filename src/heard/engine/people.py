"""People come into the console: invited by a link that is good once, then by login and password, for a shift."""

import hmac
import secrets
from dataclasses import dataclass, field

import structlog

from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role, lock_for, login_of, password_fault
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub
from heard.engine.passwords import Passwords
from heard.protocols.credentials import hash_secret, new_secret
from heard.protocols.strict_json import invalid_body
from heard.storage import people
from heard.storage.people import Invitation, Person

log = structlog.get_logger()

_WRONG = "The login or the password is wrong."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in, as one session of theirs says. `form_key`: what a form of theirs must bring along."""

    person: Person
    form_key: str = field(repr=False)
    session_hash: bytes = field(repr=False)

    @property
    def login(self) -> str:
        return self.person.login

    @property
    def role(self) -> Role:
        return self.person.role

    @property
    def organization_id(self) -> OrganizationId | None:
        """Whose things they see; None: all there are."""
        return None if self.person.organization_id == EVERYTHING else self.person.organization_id

    def may(self, scope: str) -> bool:
        return scope in self.person.role.scopes


async def invite(hub: Hub, organization_id: OrganizationId, role: Role, made_by: str) -> str:
    """The secret of a link that lets one person in once, with a role."""
    return await _invite(hub, Invitation(organization_id, role, None, made_by, first=False))


async def invite_first(hub: Hub) -> str | None:
    """The secret of the link for whoever sets the hub up, as long as there is nobody; None: there is somebody."""
    async with hub.connection() as connection:
        if not await people.is_empty(connection):
            return None
    return await _invite(hub, Invitation(OrganizationId(EVERYTHING), Role.ADMIN, None, "the hub", first=True))


async def invite_again(hub: Hub, person: Person, made_by: str) -> str:
    """The secret of a link by which somebody who has forgotten their password sets a new one."""
    return await _invite(hub, Invitation(person.organization_id, person.role, person.person_id, made_by, first=False))


async def _invite(hub: Hub, invitation: Invitation) -> str:
    secret = new_secret("hci", secrets.token_bytes(32))
    async with hub.connection() as connection, connection.transaction():
        await people.invite(connection, hash_secret(secret), invitation)
    return secret


async def invited(hub: Hub, secret: str) -> tuple[Invitation, str | None]:
    """What a link is good for, and whose password it sets anew. Raises Refused(not_found) when it is not good."""
    async with hub.connection() as connection:
        invitation = await people.find_invitation(connection, hash_secret(secret))
        if invitation is None:
            raise _no_link()
        if invitation.person_id is None:
            return invitation, None
        person = await people.find(connection, invitation.organization_id, invitation.person_id)
    if person is None or person.disabled:
        raise _no_link()
    return invitation, person.login


async def join(hub: Hub, passwords: Passwords, secret: str, login: str, password: str) -> str:
    """Come in by a link: the secret of a session. Raises Refused: not_found, invalid_body, rate_limited."""
    invitation, known = await invited(hub, secret)
    name = known or login_of(login)
    if name is None:
        text = "has 2 to 64 letters, digits and . _ - + @"
        raise invalid_body(FieldError("login", "invalid", text))
    fault = password_fault(password, name)
    if fault is not None:
        raise invalid_body(FieldError("password", "invalid", fault))
    password_hash = await passwords.hash(password)
    session = new_secret("hcs", secrets.token_bytes(32))
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        if await people.find_invitation(connection, hash_secret(secret)) is None:
            raise _no_link()  # somebody was quicker
        await people.use_invitation(connection, hash_secret(secret))
        person = await people.find_login(connection, name)
        if person is None:
            person_id = PersonId(hub.new_id("per", now))
            whose = invitation.organization_id
            await people.add(connection, whose, person_id, name, invitation.role, password_hash)
            person = await people.find_login(connection, name)
            assert person is not None  # it was just added
        elif person.person_id != invitation.person_id:
            raise invalid_body(FieldError("login", "taken", "is somebody else's already"))
        else:
            await people.close_sessions(connection, person)
            await people.change(connection, person, password_hash=password_hash, failures=0, locked_until=None)
        await people.open_session(connection, person, hash_secret(session))
    log.info("somebody joined the console", login=name, role=person.role)
    return session


async def sign_in(hub: Hub, passwords: Passwords, login: str, password: str) -> str:
    """The secret of a session. Raises Refused(invalid_client | rate_limited): which of both was wrong is not said."""
    name = login_of(login) or ""
    async with hub.connection() as connection:
        person = await people.find_login(connection, name)
    if person is not None and person.locked_s is not None:
        text = f"Too many wrong passwords: this login is locked for {_about(person.locked_s)}."
        raise Refused(Code.RATE_LIMITED, text, retry_after_s=int(person.locked_s) + 1)
    right = await passwords.matches(None if person is None else person.password_hash, password[:1000])
    if person is None or person.disabled or not right:
        if person is not None:
            await _note_failure(hub, person)
        log.info("somebody did not come in", login=name[:64])
        raise Refused(Code.INVALID_CLIENT, _WRONG)
    session = new_secret("hcs", secrets.token_bytes(32))
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await people.change(connection, person, failures=0, locked_until=None, seen_at=now)
        await people.open_session(connection, person, hash_secret(session))
    return session


async def _note_failure(hub: Hub, person: Person) -> None:
    """Counted in the database, so that trying at several processes gains nothing."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        known = await people.find(connection, person.organization_id, person.person_id)
        if known is None:
            return
        failures = known.failures + 1
        lock = lock_for(failures)
        await people.change(connection, known, failures=failures, locked_until=None if lock is None else now + lock)


async def visitor(hub: Hub, session: str | None) -> Visitor | None:
    """Who a session's secret belongs to, if it is good."""
    if not session or len(session) > 100 or not session.isascii():
        return None
    session_hash = hash_secret(session)
    async with hub.connection() as connection:
        found = await people.find_session(connection, session_hash)
    return None if found is None else Visitor(found[0], form_key_of(session), session_hash)


def form_key_of(session: str) -> str:
    """What the forms of a session bring along: who knows it has read a page of theirs."""
    return hmac.digest(session.encode(), b"a form of the console", "sha256").hex()


async def sign_out(hub: Hub, session: str) -> None:
    async with hub.connection() as connection:
        await people.close_session(connection, hash_secret(session))


async def set_role(hub: Hub, by: Visitor, person_id: PersonId, role: Role) -> Person:
    """Give somebody another role; it holds from their next click on. Raises Refused."""
    return await _change(hub, by, person_id, role=role)


async def set_disabled(hub: Hub, by: Visitor, person_id: PersonId, disabled: bool) -> Person:
    """Shut somebody out, or let them in again. Raises Refused."""
    return await _change(hub, by, person_id, disabled_at=await hub.now() if disabled else None)


async def person_of(hub: Hub, by: Visitor, person_id: PersonId) -> Person:
    """Somebody whom the visitor may see. Raises Refused(not_found)."""
    async with hub.connection() as connection:
        for listed in await people.list_people(connection, by.organization_id):
            if listed["person_id"] == person_id:
                found = await people.find(connection, listed["organization_id"], person_id)
                if found is not None:
                    return found
    raise Refused(Code.NOT_FOUND, f"There is nobody {person_id!r}.")


async def _change(hub: Hub, by: Visitor, person_id: PersonId, **columns: object) -> Person:
    person = await person_of(hub, by, person_id)
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        await people.change(connection, person, **columns)
        if person.organization_id == EVERYTHING and await people.count_admins(connection) == 0:
            raise Refused(Code.ORDER_CONFLICT, "Somebody must be left who may do everything.")
        if columns.get("disabled_at") is not None:
            await people.close_sessions(connection, person)
        changed = await people.find(connection, person.organization_id, person_id)
    assert changed is not None  # nobody is ever deleted
    return changed


def _no_link() -> Refused:
    return Refused(Code.NOT_FOUND, "This link is not good any more: it was used, or its time is over. Ask for another.")


def _about(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
