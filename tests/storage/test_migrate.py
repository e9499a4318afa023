"""Migrations: each once, in order, all or nothing, and never one that was changed."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from databases import Databases
from heard.storage import migrate
from heard.storage.migrate import MigrationError, load_migrations, upgrade


@pytest.fixture
async def empty(databases: Databases) -> asyncpg.Connection:  # type: ignore[misc]
    """A database with nothing in it."""
    admin = await asyncpg.connect(databases.dsn("postgres"))
    await admin.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
    await admin.execute("CREATE DATABASE empty")
    await admin.close()
    connection = await asyncpg.connect(databases.dsn("empty"))
    yield connection
    await connection.close()


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


async def test_each_is_applied_once_and_in_order(empty: asyncpg.Connection, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (n int)", "0002_b": "ALTER TABLE a ADD m int"})
    found = load_migrations(tmp_path)
    assert [one.number for one in await upgrade(empty, found)] == [1, 2]
    assert await upgrade(empty, found) == ()
    write(tmp_path, **{"0003_c": "INSERT INTO a VALUES (1, 2)"})
    assert [one.name for one in await upgrade(empty, load_migrations(tmp_path))] == ["c"]


async def test_ten_processes_that_start_at_once_apply_each_once(
    empty: asyncpg.Connection, databases: Databases, tmp_path: Path
) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (n int); SELECT pg_sleep(0.2)"})
    connections = await asyncio.gather(*(asyncpg.connect(databases.dsn("empty")) for _ in range(10)))
    applied = await asyncio.gather(*(upgrade(one, load_migrations(tmp_path)) for one in connections))
    assert sum(len(one) for one in applied) == 1
    for one in connections:
        await one.close()


async def test_a_failed_one_leaves_nothing_of_itself(empty: asyncpg.Connection, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (n int)", "0002_b": "CREATE TABLE b (n int); SELECT 1/0"})
    with pytest.raises(MigrationError, match="0002_b: division by zero"):
        await upgrade(empty, load_migrations(tmp_path))
    assert await empty.fetchval("SELECT to_regclass('b')") is None
    assert [one.applied_at is not None for one in await migrate.status(empty, load_migrations(tmp_path))] == [
        True,
        False,
    ]


async def test_one_that_was_changed_after_it_was_applied_is_refused(empty: asyncpg.Connection, tmp_path: Path) -> None:
    await upgrade(empty, load_migrations(write(tmp_path, **{"0001_a": "CREATE TABLE a (n int)"})))
    changed = load_migrations(write(tmp_path, **{"0001_a": "CREATE TABLE a (n bigint)"}))
    with pytest.raises(MigrationError, match="0001_a was changed"):
        await upgrade(empty, changed)
    assert [one.checksum_ok for one in await migrate.status(empty, changed)] == [False]


async def test_a_database_of_a_newer_release_is_refused(empty: asyncpg.Connection, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "SELECT 1", "0002_b": "SELECT 2"})
    await upgrade(empty, load_migrations(tmp_path))
    (tmp_path / "0002_b.sql").unlink()
    with pytest.raises(MigrationError, match="newer release"):
        await upgrade(empty, load_migrations(tmp_path))


@pytest.mark.parametrize(
    "names", [("0002_b",), ("0001_a", "0003_c"), ("0001_a", "0001_b"), ("1_a",), ("0001-a",), ("0001_A",)]
)
def test_a_gap_a_double_and_a_bad_name_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, **dict.fromkeys(names, "SELECT 1"))
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)


async def test_status_changes_nothing(empty: asyncpg.Connection) -> None:
    found = await migrate.status(empty)
    assert found
    assert all(one.applied_at is None for one in found)
    assert await empty.fetchval("SELECT to_regclass('heard_migrations')") is None
