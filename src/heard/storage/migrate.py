"""Migrations: numbered SQL files, each applied once, in its own transaction, under one lock, with its checksum."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from importlib.abc import Traversable

import asyncpg

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x48656172  # "Hear": the advisory lock that concurrent starts queue up for
_TABLE = """
CREATE TABLE IF NOT EXISTS heard_migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


class MigrationError(Exception):
    """Why the schema cannot be brought up to date, in one line."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str = field(repr=False)
    checksum: str


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """`applied_at` None: still to be applied. `checksum_ok` False: its file was changed after it was applied."""

    number: int
    name: str
    applied_at: datetime | None
    checksum_ok: bool


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The migrations in their order. Raises MigrationError for a bad name, a gap or a number that stands twice."""
    folder = folder or resources.files("heard.storage").joinpath("migrations")
    found: list[Migration] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        match = _NAME.fullmatch(file.name)
        if match is None:
            if file.name.endswith(".sql"):
                raise MigrationError(f"{file.name} is not named NNNN_name.sql")
            continue
        sql = file.read_text("utf-8")
        found.append(Migration(int(match[1]), match[2], sql, hashlib.sha256(sql.encode()).hexdigest()))
    for place, migration in enumerate(found, 1):
        if migration.number != place:
            raise MigrationError(f"migration {place:04d} is missing or stands twice")
    return tuple(found)


async def upgrade(
    connection: "asyncpg.Connection[asyncpg.Record]", migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Apply what is missing; the migrations applied. Processes that start at once queue up. Raises MigrationError."""
    wanted = load_migrations() if migrations is None else tuple(migrations)
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        _refuse_differences(wanted, applied)
        missing = tuple(migration for migration in wanted if migration.number not in applied)
        for migration in missing:
            await _apply(connection, migration)
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
        found.append(MigrationStatus(number, name, row["applied_at"] if row else None, checksum_ok))
    return tuple(found)


async def newest(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """The number of the last migration that is applied; 0: none is. Raises what a database without a table raises."""
    return await connection.fetchval("SELECT coalesce(max(number), 0) FROM heard_migrations") or 0


async def _applied(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[int, asyncpg.Record]:
    rows = await connection.fetch(
        "SELECT number, name, checksum, applied_at FROM heard_migrations ORDER BY number LIMIT 9999"
    )
    return {row["number"]: row for row in rows}


def _refuse_differences(wanted: Sequence[Migration], applied: dict[int, asyncpg.Record]) -> None:
    known = {migration.number: migration for migration in wanted}
    for number, row in applied.items():
        if number not in known:
            raise MigrationError(
                f"the database has migration {number:04d}_{row['name']} of a newer release; start that release"
            )
        if known[number].checksum != row["checksum"]:
            raise MigrationError(
                f"migration {number:04d}_{row['name']} was changed after it was applied; put its file back as it was"
            )


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO heard_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"migration {migration.number:04d}_{migration.name}: {error}") from None
