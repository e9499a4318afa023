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
    "names",
    [
        ("0002_b",),
        ("0001_a", "0002_b.post"),
        ("0001_a", "0001_b.post"),
        ("0001_a", "0003_c"),
        ("0001_a", "0001_b"),
        ("1_a",),
        ("0001-a",),
        ("0001_A",),
    ],
)
def test_a_gap_a_double_and_a_bad_name_are_refused(names: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, **dict.fromkeys(names, "SELECT 1"))
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)


async def test_a_first_half_leaves_the_release_before_running_and_the_second_does_not(
    empty: asyncpg.Connection, tmp_path: Path
) -> None:
    """Two releases in turn: what each adds at once, and takes away later."""
    (ours := tmp_path / "ours").mkdir()
    (theirs := tmp_path / "theirs").mkdir()
    before = load_migrations(write(ours, **{"0001_a": "CREATE TABLE a (old int)"}))
    await upgrade(empty, before, whole=False)
    write(theirs, **{"0001_a": "CREATE TABLE a (old int)", "0002_b": "ALTER TABLE a ADD new int"})
    after = load_migrations(write(theirs, **{"0002_b.post": "ALTER TABLE a DROP old"}))
    assert [one.name for one in await upgrade(empty, after, whole=False)] == ["b"]
    await empty.execute("INSERT INTO a (old, new) VALUES (1, 2)")
    assert await upgrade(empty, before, whole=False) == (), "the release before starts again"
    assert [one.closed_at is not None for one in await migrate.status(empty, after)] == [True, False]
    assert await upgrade(empty, after) == ()
    assert await empty.fetch("SELECT * FROM a") == [(2,)]
    assert [one.closed_at is not None for one in await migrate.status(empty, after)] == [True, True]
    with pytest.raises(MigrationError, match="newer release"):
        await upgrade(empty, before, whole=False)


async def test_what_was_left_for_a_release_is_closed_before_the_next_but_one_begins(
    empty: asyncpg.Connection, tmp_path: Path
) -> None:
    first = {"0001_a": "CREATE TABLE a (old int, new int)", "0001_a.post": "ALTER TABLE a DROP old"}
    await upgrade(empty, load_migrations(write(tmp_path, **first)), whole=False)
    await upgrade(empty, load_migrations(write(tmp_path, **{"0002_b": "ALTER TABLE a ADD old text"})), whole=False)
    assert [one.closed_at is not None for one in await migrate.status(empty, load_migrations(tmp_path))] == [
        True,
        False,
    ]


async def test_a_second_half_that_fails_is_tried_again(empty: asyncpg.Connection, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (n int)", "0001_a.post": "ALTER TABLE b ADD m int"})
    with pytest.raises(MigrationError, match="0001_a"):
        await upgrade(empty, load_migrations(tmp_path))
    await empty.execute("CREATE TABLE b (n int)")
    assert await upgrade(empty, load_migrations(tmp_path)) == ()
    assert await empty.fetchval("SELECT count(m) FROM b") == 0


async def test_status_changes_nothing(empty: asyncpg.Connection) -> None:
    found = await migrate.status(empty)
    assert found
    assert all(one.applied_at is None for one in found)
    assert await empty.fetchval("SELECT to_regclass('heard_migrations')") is None
