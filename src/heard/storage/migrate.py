"""Migrations: numbered SQL files, each applied once, in its own transaction, under one lock, with its checksum.

A migration has one half or two. With the first, `NNNN_name.sql`, processes of the release before can go on; the second,
`NNNN_name.post.sql`, takes away what only they needed, and comes when they are gone. A migration is closed once nothing
of it is left to come: the release before does not start any more. docs/guides/scale.md.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from importlib.abc import Traversable

import asyncpg

from heard import limits
from heard.domain.ids import ALPHABET

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)(\.post)?\.sql")
_LOCK = 0x48656172  # "Hear": the advisory lock that concurrent starts queue up for
_TABLE = """
CREATE TABLE IF NOT EXISTS heard_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE heard_migrations ADD COLUMN IF NOT EXISTS closed_at timestamptz
"""


class MigrationError(Exception):
    """Why the schema cannot be brought up to date, in one line."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str = field(repr=False)
    checksum: str
    post: str = field(repr=False, default="")  # its second half


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`applied_at` None: still to be applied. `closed_at` None: the release before may still run.

    `checksum_ok` False: its file was changed after it was applied.
    """

    number: int
    name: str
    applied_at: datetime | None
    closed_at: datetime | None
    checksum_ok: bool


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations in their order. Raises MigrationError for a bad name, a gap or a number that stands twice."""
    folder = folder or resources.files("heard.storage").joinpath("migrations")
    texts: dict[tuple[int, str], str] = {}
    posts: dict[tuple[int, str], str] = {}
    for file in folder.iterdir():
        match = _NAME.fullmatch(file.name)
        if match is None:
            if file.name.endswith(".sql"):
                raise MigrationError(f"{file.name} is not named NNNN_name.sql or NNNN_name.post.sql")
            continue
        (posts if match[3] else texts)[int(match[1]), match[2]] = file.read_text("utf-8")
    if lone := posts.keys() - texts.keys():
        number, name = min(lone)
        raise MigrationError(f"{number:04d}_{name}.post.sql has no first half")
    found = [_migration(*key, sql, posts.get(key, "")) for key, sql in sorted(texts.items())]
    for place, migration in enumerate(found, 1):
        if migration.number != place:
            raise MigrationError(f"migration {place:04d} is missing or stands twice")
    return tuple(found)


def _migration(number: int, name: str, sql: str, post: str) -> Migration:
    return Migration(number, name, sql, hashlib.sha256((sql + post).encode()).hexdigest(), post)


async def upgrade(
    connection: "asyncpg.Connection[asyncpg.Record]",
    migrations: Sequence[Migration] | None = None,
    *,
    whole: bool = True,
) -> tuple[Migration, ...]:
    """Apply what is missing; the migrations that were begun. Processes that start at once queue up.

    Not `whole`: first halves alone, so that the release before goes on; the one before that is gone by now, and what
    was left for its sake is closed before anything new begins. Raises MigrationError.
    """
    wanted = load_migrations() if migrations is None else tuple(migrations)
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute("SET client_min_messages = warning")
        await _refuse_other_order(connection)
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        _refuse_differences(wanted, applied)
        missing = tuple(migration for migration in wanted if migration.number not in applied)
        whole = whole or not applied  # a new database has no release before
        if whole or missing:
            for migration in wanted:
                if migration.number in applied and applied[migration.number]["closed_at"] is None:
                    await _apply(connection, migration, migration.post, _CLOSE)
        for migration in missing:
            await _apply(connection, migration, migration.sql, _OPEN)
            if whole:
                await _apply(connection, migration, migration.post, _CLOSE)
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def status(
    connection: "asyncpg.Connection[asyncpg.Record]", migrations: Sequence[Migration] | None = None
) -> tuple[MigrationStatus, ...]:
    """Each migration, those of a newer release included, and whether it is applied. Changes nothing."""
    known = {migration.number: migration for migration in (load_migrations() if migrations is None else migrations)}
    there = await connection.fetchval("SELECT to_regclass('heard_migrations') IS NOT NULL")
    applied = await _applied(connection) if there else {}
    found: list[MigrationStatus] = []
    for number in sorted(known.keys() | applied.keys()):
        row, migration = applied.get(number), known.get(number)
        name = migration.name if migration else applied[number]["name"]
        checksum_ok = row is None or (migration is not None and migration.checksum == row["checksum"])
        applied_at, closed_at = (row["applied_at"], row["closed_at"]) if row else (None, None)
        found.append(MigrationStatus(number, name, applied_at, closed_at, checksum_ok))
    return tuple(found)


async def newest(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """The number of the last migration that is applied; 0: none is. Raises what a database without a table raises."""
    return await connection.fetchval("SELECT coalesce(max(number), 0) FROM heard_migrations") or 0


async def _refuse_other_order(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Ids are compared here and there: the database must put them in the order of their characters' codes."""
    as_ours = await connection.fetchval(
        'SELECT array_agg(pair ORDER BY pair) = array_agg(pair ORDER BY pair COLLATE "C") FROM ('
        "  SELECT 'ord_' || one || two AS pair"
        "  FROM regexp_split_to_table($1, '') AS one, regexp_split_to_table($1, '') AS two"
        ") AS pairs",
        ALPHABET,
    )
    if not as_ours:
        raise MigrationError(
            "the database sorts letters by a language's rules, and our ids by their codes: make one with LC_COLLATE 'C'"
        )


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, asyncpg.Record]:
    rows = await connection.fetch(
        "SELECT number, name, checksum, applied_at, (to_jsonb(m) ->> 'closed_at')::timestamptz AS closed_at"
        " FROM heard_migrations m ORDER BY number LIMIT 9999"  # the column is as new as the second halves
    )
    return {row["number"]: row for row in rows}


def _refuse_differences(wanted: Sequence[Migration], applied: dict[int, asyncpg.Record]) -> None:
    known = {migration.number: migration for migration in wanted}
    for number, row in applied.items():
        if number not in known:
            if row["closed_at"] is None:
                continue  # of the release after this one, which leaves this one room
            raise MigrationError(
                f"the database has migration {number:04d}_{row['name']} of a newer release; start that release"
            )
        if known[number].checksum != row["checksum"]:
            raise MigrationError(
                f"migration {number:04d}_{row['name']} was changed after it was applied; put its file back as it was"
            )


_OPEN = "INSERT INTO heard_migrations (number, name, checksum) VALUES ($1, $2, $3)"
_CLOSE = (
    "UPDATE heard_migrations SET closed_at = clock_timestamp()"
    " WHERE number = $1 AND name = $2 AND checksum = $3 AND closed_at IS NULL"
)


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration, half: str, note: str) -> None:
    """One half of a migration, and the note that it is done.

    Whoever waits for a table that somebody reads for long keeps all others waiting: it is let go soon, and tried again.
    """
    for left in reversed(range(limits.TABLE_LOCK_TRIES)):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{limits.TABLE_LOCK_S}s'")
                if half:
                    await connection.execute(half)
                await connection.execute(note, migration.number, migration.name, migration.checksum)
        except asyncpg.LockNotAvailableError as error:
            if not left:
                raise _failed(migration, error) from None
            await asyncio.sleep(limits.RECOVER_S)
        except asyncpg.PostgresError as error:
            raise _failed(migration, error) from None
        else:
            return


def _failed(migration: Migration, error: Exception) -> MigrationError:
    return MigrationError(f"migration {migration.number:04d}_{migration.name}: {error}")
