"""People of the console, their sessions and invitations, and what they did. Of secrets there are hashes only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from heard import limits
from heard.domain.ids import OrganizationId, PersonId
from heard.domain.people import EVERYTHING, Role
from heard.storage.orders import Connection
from heard.storage.sql import Values

_LOCK = 4_190_520_417  # of whoever adds somebody: a login is one person's


@dataclass(frozen=True, slots=True)
class Person:
    """Who may come in. `organization_id` EVERYTHING: they see all there are."""

    organization_id: OrganizationId
    person_id: PersonId
    login: str
    role: Role
    password_hash: str = field(repr=False)
    disabled: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    organization_id: OrganizationId
    role: Role
    person_id: PersonId | None  # who sets a new password; None: somebody new
    made_by: str
    first: bool  # good only while there is nobody


_PERSON = "organization_id, person_id, login, role, password_hash, disabled_at IS NOT NULL AS disabled"


async def lock_people(connection: Connection) -> None:
    """Until the transaction ends nobody else adds anybody."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def is_empty(connection: Connection) -> bool:
    """Whether there is nobody yet."""
    found: bool = await connection.fetchval("SELECT NOT EXISTS (SELECT FROM console_people)")
    return found


async def find_login(connection: Connection, login: str) -> Person | None:
    row = await connection.fetchrow(f"SELECT {_PERSON} FROM console_people WHERE login = $1 LIMIT 1", login)  # noqa: S608
    return None if row is None else _person(row)


async def find(connection: Connection, organization_id: OrganizationId, person_id: PersonId) -> Person | None:
    text = f"SELECT {_PERSON} FROM console_people WHERE organization_id = $1 AND person_id = $2"  # noqa: S608
    row = await connection.fetchrow(text, organization_id, person_id)
    return None if row is None else _person(row)


async def find_anywhere(
    connection: Connection, organization_id: OrganizationId | None, person_id: PersonId
) -> Person | None:
    """Somebody of an organization; without one, of any."""
    values = Values(person_id)
    condition = values.equal("organization_id", organization_id)
    row = await connection.fetchrow(
        f"SELECT {_PERSON} FROM console_people WHERE person_id = $1 AND {condition} LIMIT 1",  # noqa: S608
        *values.given,
    )
    return None if row is None else _person(row)


async def add(
    connection: Connection,
    organization_id: OrganizationId,
    person_id: PersonId,
    login: str,
    role: Role,
    password_hash: str,
) -> None:
    await connection.execute(
        "INSERT INTO console_people (organization_id, person_id, login, role, password_hash, seen_at)"
        " VALUES ($1, $2, $3, $4, $5, business_now())",
        organization_id,
        person_id,
        login,
        role,
        password_hash,
    )


async def change(connection: Connection, person: Person, **columns: Any) -> None:
    """Write columns of somebody: role, password_hash, disabled_at, seen_at."""
    values = Values(person.organization_id, person.person_id)
    changes = ", ".join(f"{name} = {values(value)}" for name, value in columns.items())
    await connection.execute(
        f"UPDATE console_people SET {changes} WHERE organization_id = $1 AND person_id = $2",  # noqa: S608
        *values.given,
    )


async def list_people(
    connection: Connection, organization_id: OrganizationId | None, count: int, after: str = ""
) -> list[Mapping[str, Any]]:
    """A page of an organization's people, or of all, by login; how many sessions each has."""
    values = Values(min(count, limits.PAGE_MAX), after, limits.SESSION_IDLE_S, EVERYTHING)
    condition = values.equal("p.organization_id", organization_id)
    rows = await connection.fetch(
        "SELECT p.organization_id, p.person_id, p.login, p.role, p.created_at, p.disabled_at, p.seen_at,"  # noqa: S608
        " t.locked_until,"
        " (SELECT count(*) FROM console_sessions s WHERE s.organization_id = p.organization_id"
        " AND s.person_id = p.person_id AND s.expires_at > business_now()"
        " AND s.seen_at > business_now() - make_interval(secs => $3)) AS sessions"
        " FROM console_people p LEFT JOIN console_tries t ON t.organization_id = $4"
        " AND t.login_hash = sha256(convert_to(p.login, 'UTF8')) AND t.locked_until > business_now()"
        f" WHERE p.login > $2 AND {condition} ORDER BY p.login LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


# --- wrong passwords ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong passwords in a row, and for how long the login is locked yet; None: it is not."""

    failures: int
    locked_s: float | None


async def read_tries(connection: Connection, login_hash: bytes) -> Tries:
    """How a login stands; whatever is long ago is forgotten."""
    row = await connection.fetchrow(
        "SELECT CASE WHEN tried_at > business_now() - make_interval(secs => $3) THEN failures ELSE 0 END AS failures,"
        " extract(epoch FROM locked_until - business_now())::double precision AS locked_s FROM console_tries"
        " WHERE organization_id = $1 AND login_hash = $2",
        EVERYTHING,
        login_hash,
        limits.LOGIN_FAILURES_KEPT_S,
    )
    if row is None:
        return Tries(0, None)
    locked_s = row["locked_s"]
    return Tries(row["failures"], locked_s if locked_s is not None and locked_s > 0 else None)


async def hold_tries(connection: Connection, login_hash: bytes) -> Tries:
    """The same, and until the transaction ends nobody else's password for this login is judged."""
    await connection.execute(
        "INSERT INTO console_tries (organization_id, login_hash) VALUES ($1, $2)"
        " ON CONFLICT (organization_id, login_hash) DO UPDATE SET failures = console_tries.failures",
        EVERYTHING,
        login_hash,
    )
    return await read_tries(connection, login_hash)


async def note_tries(connection: Connection, login_hash: bytes, failures: int, lock_s: float | None) -> None:
    """One more was wrong; `lock_s`: for so long the login is locked now."""
    await connection.execute(
        "UPDATE console_tries SET failures = $3, tried_at = business_now(),"
        " locked_until = business_now() + make_interval(secs => $4) WHERE organization_id = $1 AND login_hash = $2",
        EVERYTHING,
        login_hash,
        failures,
        lock_s,
    )


async def forget_tries(connection: Connection, login_hash: bytes) -> None:
    """The password was right, or is another one now."""
    await connection.execute(
        "DELETE FROM console_tries WHERE organization_id = $1 AND login_hash = $2", EVERYTHING, login_hash
    )


# --- sessions -----------------------------------------------------------------------------------------------


async def open_session(connection: Connection, person: Person, session_hash: bytes, agent: str) -> None:
    """One more of somebody's; of too many, the one that was used longest ago ends."""
    await connection.execute(
        "INSERT INTO console_sessions (organization_id, session_hash, person_id, agent, expires_at)"
        " VALUES ($1, $2, $3, $4, business_now() + make_interval(secs => $5))",
        person.organization_id,
        session_hash,
        person.person_id,
        agent,
        limits.SESSION_FOR_S,
    )
    await connection.execute(
        "DELETE FROM console_sessions WHERE organization_id = $1 AND person_id = $2 AND session_hash IN"
        " (SELECT session_hash FROM console_sessions WHERE organization_id = $1 AND person_id = $2"
        " AND session_hash <> $3 ORDER BY seen_at DESC OFFSET $4)",
        person.organization_id,
        person.person_id,
        session_hash,
        limits.SESSIONS_OF_ONE_MAX - 1,
    )
    await connection.execute("DELETE FROM console_sessions WHERE expires_at < business_now()")


async def list_sessions(connection: Connection, person: Person) -> list[Mapping[str, Any]]:
    """Those of somebody that are good, the one that was used last first."""
    rows = await connection.fetch(
        "SELECT session_hash, agent, created_at, seen_at, expires_at FROM console_sessions"
        " WHERE organization_id = $1 AND person_id = $2 AND expires_at > business_now()"
        " AND seen_at > business_now() - make_interval(secs => $3) ORDER BY seen_at DESC, created_at DESC LIMIT $4",
        person.organization_id,
        person.person_id,
        limits.SESSION_IDLE_S,
        limits.SESSIONS_OF_ONE_MAX,
    )
    return [dict(row) for row in rows]


async def find_session(connection: Connection, session_hash: bytes) -> tuple[Person, datetime] | None:
    """Whose session it is, and when it ends at the latest; None when it is over, or its person may not come in."""
    row = await connection.fetchrow(
        "SELECT p.organization_id, p.person_id, p.login, p.role, p.password_hash, false AS disabled, s.expires_at,"
        " s.seen_at < business_now() - make_interval(secs => $3) AS old"
        " FROM console_sessions s JOIN console_people p USING (organization_id, person_id)"
        " WHERE s.session_hash = $1 AND s.expires_at > business_now() AND p.disabled_at IS NULL"
        " AND s.seen_at > business_now() - make_interval(secs => $2) LIMIT 1",
        session_hash,
        limits.SESSION_IDLE_S,
        limits.SESSION_SEEN_S,
    )
    if row is None:
        return None
    person = _person(row)
    if row["old"]:
        await connection.execute(
            "UPDATE console_sessions SET seen_at = business_now() WHERE organization_id = $1 AND session_hash = $2",
            person.organization_id,
            session_hash,
        )
        await connection.execute(
            "UPDATE console_people SET seen_at = business_now() WHERE organization_id = $1 AND person_id = $2",
            person.organization_id,
            person.person_id,
        )
    return person, row["expires_at"]


async def close_session(connection: Connection, session_hash: bytes) -> None:
    await connection.execute("DELETE FROM console_sessions WHERE session_hash = $1", session_hash)


async def close_one_session(connection: Connection, person: Person, session_hash: bytes) -> bool:
    """Whether it was one of theirs; it is over."""
    status: str = await connection.execute(
        "DELETE FROM console_sessions WHERE organization_id = $1 AND person_id = $2 AND session_hash = $3",
        person.organization_id,
        person.person_id,
        session_hash,
    )
    return status != "DELETE 0"


async def close_sessions(connection: Connection, person: Person) -> int:
    """All that somebody has; how many there were."""
    status: str = await connection.execute(
        "DELETE FROM console_sessions WHERE organization_id = $1 AND person_id = $2",
        person.organization_id,
        person.person_id,
    )
    return int(status.rpartition(" ")[2])


# --- invitations --------------------------------------------------------------------------------------------


async def invite(connection: Connection, invitation_hash: bytes, invitation: Invitation) -> None:
    await connection.execute("DELETE FROM console_invitations WHERE expires_at < business_now()")
    await connection.execute(
        "INSERT INTO console_invitations"
        " (organization_id, invitation_hash, role, person_id, made_by, first, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, business_now() + make_interval(hours => $7))",
        invitation.organization_id,
        invitation_hash,
        invitation.role,
        invitation.person_id,
        invitation.made_by,
        invitation.first,
        limits.INVITATION_HOURS,
    )


async def find_invitation(connection: Connection, invitation_hash: bytes) -> Invitation | None:
    """One that is good still. The very first lets nobody in any more once there is somebody."""
    row = await connection.fetchrow(
        "SELECT organization_id, role, person_id, made_by, first FROM console_invitations"
        " WHERE invitation_hash = $1 AND expires_at > business_now()"
        " AND NOT (first AND EXISTS (SELECT FROM console_people)) LIMIT 1",
        invitation_hash,
    )
    if row is None:
        return None
    return Invitation(row["organization_id"], Role(row["role"]), row["person_id"], row["made_by"], row["first"])


async def use_invitation(connection: Connection, invitation_hash: bytes) -> bool:
    """Whether it was good until now; it is not any more."""
    status: str = await connection.execute(
        "DELETE FROM console_invitations WHERE invitation_hash = $1", invitation_hash
    )
    return status != "DELETE 0"


async def list_invitations(connection: Connection, organization_id: OrganizationId | None) -> list[Mapping[str, Any]]:
    """Links that are good still, of an organization or of all, the latest first."""
    values = Values(limits.INVITATIONS_OPEN_MAX)
    condition = values.equal("organization_id", organization_id)
    rows = await connection.fetch(
        "SELECT organization_id, invitation_hash, role, person_id, made_by, expires_at FROM console_invitations"  # noqa: S608
        f" WHERE {condition} AND expires_at > business_now() AND NOT first ORDER BY expires_at DESC LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


async def end_invitation(
    connection: Connection, organization_id: OrganizationId | None, invitation_hash: bytes
) -> bool:
    """Whether there was such a link, of an organization or of any; it is not good any more."""
    values = Values(invitation_hash)
    condition = values.equal("organization_id", organization_id)
    status: str = await connection.execute(
        f"DELETE FROM console_invitations WHERE invitation_hash = $1 AND {condition}",  # noqa: S608
        *values.given,
    )
    return status != "DELETE 0"


async def end_links_to(connection: Connection, person: Person) -> None:
    """Nobody sets a password for somebody any more by a link that was made before."""
    await connection.execute(
        "DELETE FROM console_invitations WHERE organization_id = $1 AND person_id = $2",
        person.organization_id,
        person.person_id,
    )


async def end_links_by(connection: Connection, login: str) -> None:
    """What somebody has invited others with."""
    await connection.execute("DELETE FROM console_invitations WHERE made_by = $1", login)


# --- deeds --------------------------------------------------------------------------------------------------


async def note_deed(
    connection: Connection,
    organization_id: OrganizationId,
    deed_id: str,
    person: str,
    call: str,
    about: str,
    outcome: str = "done",
) -> None:
    await connection.execute(
        "INSERT INTO console_deeds (organization_id, deed_id, person, call, about, outcome)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        organization_id,
        deed_id,
        person,
        call,
        about,
        outcome,
    )


async def list_deeds(
    connection: Connection, organization_id: OrganizationId | None, count: int, before: str | None
) -> list[Mapping[str, Any]]:
    """A page of who did what, the latest first."""
    values = Values(min(count, limits.PAGE_MAX))
    conditions = ["true"]
    if organization_id is not None:
        conditions.append(f"organization_id = {values(organization_id)}")
    if before is not None:
        conditions.append(f"deed_id < {values(before)}")
    rows = await connection.fetch(
        "SELECT deed_id, at, organization_id, person, call, about, outcome FROM console_deeds"  # noqa: S608
        f" WHERE {' AND '.join(conditions)} ORDER BY deed_id DESC LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


def _person(row: asyncpg.Record) -> Person:
    role = Role(row["role"])
    return Person(row["organization_id"], row["person_id"], row["login"], role, row["password_hash"], row["disabled"])
