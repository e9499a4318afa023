"""People come into the console: invited by a link that is good once, then by login and password, for a shift.

What others change of somebody is in engine/change_person.py.
"""

import hmac
import secrets
from dataclasses import dataclass, field

import structlog

from heard import limits
from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role, lock_for, login_of, password_fault
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.deeds import write_deed
from heard.engine.hub import Hub
from heard.engine.passwords import Passwords
from heard.protocols.credentials import hash_secret, new_secret
from heard.protocols.strict_json import invalid_body
from heard.storage import people
from heard.storage.orders import Connection
from heard.storage.people import Invitation, Person, Tries

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


# --- links ----------------------------------------------------------------------------------------------------


async def invite(hub: Hub, organization_id: OrganizationId, role: Role, made_by: str, by: Person | None = None) -> str:
    """The secret of a link that lets one person in once, with a role; `by` whom, where it is an admin in the console.

    Raises Refused: order_conflict (too many), insufficient_scope where they are no admin any more.
    """
    return await _invite(hub, Invitation(organization_id, role, None, made_by, first=False), by)


async def invite_first(hub: Hub) -> str | None:
    """The secret of the link for whoever sets the hub up, as long as there is nobody; None: there is somebody."""
    async with hub.connection() as connection:
        if not await people.is_empty(connection):
            return None
    return await _invite(hub, Invitation(OrganizationId(EVERYTHING), Role.ADMIN, None, "the hub", first=True))


async def invite_again(hub: Hub, person: Person, by: Person) -> str:
    """The secret of a link by which somebody sets a new password; those that were made before are good no more.

    Raises Refused as `invite` does.
    """
    invitation = Invitation(person.organization_id, person.role, person.person_id, by.login, first=False)
    return await _invite(hub, invitation, by)


async def _invite(hub: Hub, invitation: Invitation, by: Person | None = None) -> str:
    secret, whose = new_secret("hci", secrets.token_bytes(32)), invitation.organization_id
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        if by is not None:
            await check_still_admin(connection, by)
        if len(await people.list_invitations(connection, whose)) >= limits.INVITATIONS_OPEN_MAX:
            text = f"There are {limits.INVITATIONS_OPEN_MAX} links that nobody has used: end some, or wait a day."
            raise Refused(Code.ORDER_CONFLICT, text)
        if invitation.person_id is not None:
            person = await people.find(connection, whose, invitation.person_id)
            assert person is not None  # nobody is ever deleted
            await people.end_links_to(connection, person)
        await people.invite(connection, hash_secret(secret), invitation)
        if not invitation.first:
            call = "invite" if invitation.person_id is None else "link_for_a_new_password"
            await write_deed(hub, connection, whose, invitation.made_by, call, invitation.person_id or invitation.role)
    return secret


async def invited(hub: Hub, secret: str) -> tuple[Invitation, str | None]:
    """What a link is good for, and whose password it sets anew. Raises Refused(not_found) when it is not good."""
    async with hub.connection() as connection:
        invitation, person = await invited_within(connection, secret)
    return invitation, None if person is None else person.login


async def check_still_admin(connection: Connection, by: Person) -> None:
    """Somebody may have shut them out a moment ago. In a transaction that has locked people.

    Raises Refused(insufficient_scope).
    """
    acting = await people.find(connection, by.organization_id, by.person_id)
    if acting is None or acting.disabled or not acting.role.covers(Role.ADMIN):
        raise Refused(Code.INSUFFICIENT_SCOPE, "You are no admin any more.")


async def invited_within(connection: Connection, secret: str) -> tuple[Invitation, Person | None]:
    """What a link is good for, and who comes in otherwise than before by it. Raises Refused(not_found)."""
    invitation = await people.find_invitation(connection, hash_secret(secret))
    if invitation is None:
        raise _no_link()
    if invitation.person_id is None:
        return invitation, None
    person = await people.find(connection, invitation.organization_id, invitation.person_id)
    if person is None or person.disabled:
        raise _no_link()
    return invitation, person


async def join(hub: Hub, passwords: Passwords, secret: str, login: str, password: str, agent: str = "") -> str:
    """Come in by a link: the secret of a session. Raises Refused: not_found, invalid_body, rate_limited."""
    _, known = await invited(hub, secret)
    name = known or login_of(login)
    if name is None:
        raise invalid_body(FieldError("login", "invalid", "has 2 to 64 letters of a to z, digits and . _ - + @"))
    check_password(password, name)
    password_hash = await passwords.hash(password)
    session = new_secret("hcs", secrets.token_bytes(32))
    async with hub.connection() as connection, connection.transaction():
        await people.lock_people(connection)
        invitation, _ = await invited_within(connection, secret)  # somebody may have been quicker
        await people.use_invitation(connection, hash_secret(secret))
        person = await people.find_login(connection, name)
        if person is None:
            now = await connection.fetchval("SELECT business_now()")
            person_id = PersonId(hub.new_id("per", now))
            whose = invitation.organization_id
            await people.add(connection, whose, person_id, name, invitation.role, password_hash)
            person = Person(whose, person_id, name, invitation.role, password_hash, disabled=False)
        elif person.person_id != invitation.person_id:
            raise invalid_body(FieldError("login", "taken", "is somebody else's already"))
        else:
            await set_password(connection, person, password_hash)
        await open_session(connection, person, session, agent)
        call = "join" if known is None else "set_password"
        await write_deed(hub, connection, person.organization_id, name, call, person.person_id)
    log.info("somebody joined the console", login=name, role=person.role)
    return session


def check_password(password: str, login: str) -> None:
    """Raises Refused(invalid_body) for one that is not taken."""
    fault = password_fault(password, login)
    if fault is not None:
        raise invalid_body(FieldError("password", "invalid", fault))


async def set_password(connection: Connection, person: Person, password_hash: str) -> None:
    """From now on it is this one. Whoever came in by the one before is out, and no link to another is good."""
    await people.change(connection, person, password_hash=password_hash)  # first: who is coming in meanwhile waits
    await people.close_sessions(connection, person)
    await people.end_links_to(connection, person)
    await people.forget_tries(connection, hash_secret(person.login))


# --- by login and password --------------------------------------------------------------------------------------


async def sign_in(hub: Hub, passwords: Passwords, login: str, password: str, agent: str = "") -> str:
    """The secret of a session. Raises Refused(invalid_client | rate_limited): which of both was wrong is not said."""
    session = new_secret("hcs", secrets.token_bytes(32))
    person = await prove(hub, passwords, login_of(login) or "", password)
    async with hub.connection() as connection, connection.transaction():
        await people.change(connection, person, seen_at=await connection.fetchval("SELECT business_now()"))
        if await people.find(connection, person.organization_id, person.person_id) != person:
            raise Refused(Code.INVALID_CLIENT, _WRONG)  # shut out, or given another password, in this very moment
        await open_session(connection, person, session, agent)
        await write_deed(hub, connection, person.organization_id, person.login, "sign_in", person.person_id)
    return session


async def prove(hub: Hub, passwords: Passwords, login: str, password: str) -> Person:
    """Who has this login and this password. Raises Refused(invalid_client | rate_limited).

    What nobody has takes the same way, to the last write, and is locked alike. Tries are counted in the database, so
    that trying at several processes gains nothing; they are judged one after the other, after the password was looked
    at, so that of a hundred at once none is heard that came after the lock.
    """
    async with hub.connection() as connection:
        person = await people.find_login(connection, login)
        tried_as = _tried_as(login, person)
        _refuse_locked(await people.read_tries(connection, tried_as))
    given = password[: limits.PASSWORD_LENGTH_MAX + 1]
    right = await passwords.matches(None if person is None else person.password_hash, given)
    async with hub.connection() as connection, connection.transaction():
        tries = await people.hold_tries(connection, tried_as)
        _refuse_locked(tries)
        if person is not None and right and not person.disabled:
            await people.forget_tries(connection, tried_as)
            return person
        lock = lock_for(tries.failures + 1)
        lock_s = None if lock is None else lock.total_seconds()
        await people.note_tries(connection, tried_as, tries.failures + 1, lock_s)
        if person is not None and lock is not None:
            outcome = f"{tries.failures + 1} wrong passwords in a row"
            await write_deed(hub, connection, person.organization_id, person.login, "locked", person.person_id, outcome)
    # Not what was typed: some type their password there.
    log.info("somebody did not come in", login=None if person is None else person.login, locked_for_s=lock_s)
    raise Refused(Code.INVALID_CLIENT, _WRONG)


def _tried_as(login: str, person: Person | None) -> bytes:
    login_hash = hash_secret(login)
    return login_hash if person is not None else login_hash[: limits.LOGIN_UNKNOWN_BYTES]


def _refuse_locked(tries: Tries) -> None:
    if tries.locked_s is not None:
        text = f"Too many wrong passwords: this login is locked for {_about(tries.locked_s)}."
        raise Refused(Code.RATE_LIMITED, text, retry_after_s=int(tries.locked_s) + 1)


# --- sessions ---------------------------------------------------------------------------------------------------


async def open_session(connection: Connection, person: Person, session: str, agent: str) -> None:
    shown = "".join(one for one in agent if one.isprintable())[: limits.AGENT_MAX]
    await people.open_session(connection, person, hash_secret(session), shown)


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


def _no_link() -> Refused:
    return Refused(Code.NOT_FOUND, "This link is not good any more: it was used, or its time is over. Ask for another.")


def _about(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
