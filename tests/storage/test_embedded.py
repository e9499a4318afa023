"""The embedded server: started, shared, killed and brought back, and no folder of others' touched."""

import asyncio
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from heard.storage import embedded
from heard.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError, find_binaries
from lengths import patience

_USER = """
import asyncio, sys
from pathlib import Path
from heard.storage.embedded import EmbeddedPostgres

async def main():
    server = await EmbeddedPostgres.start(Path(sys.argv[1]))
    print(server.dsn, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await server.close()

asyncio.run(main())
"""


@pytest.fixture
def folder(run_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A data folder of the test's own; whatever server is left in it is stopped, dead or alive."""
    path = run_folder / re.sub(r"\W+", "-", request.node.name)[:40]
    path.mkdir()
    yield path
    _kill(path)
    shutil.rmtree(path, ignore_errors=True)


def _postmaster(data: Path) -> int | None:
    place = Path((data / "postgres.location").read_text().strip()) if (data / "postgres.location").exists() else data
    try:
        return int((place / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _kill(data: Path, number: int = signal.SIGQUIT) -> None:
    pid = _postmaster(data)
    if pid is not None:
        with _gone():
            os.kill(pid, number)


class _gone:  # noqa: N801 - reads as a word at its one place
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, ProcessLookupError)


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@asynccontextmanager
async def another_process(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that uses the server until it reads a line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _USER, str(data)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with patience():
            assert b"postgresql://" in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_starts_serves_and_stops(folder: Path) -> None:
    server = await EmbeddedPostgres.start(folder)
    assert await ask(server.dsn, "SELECT current_user || current_database()") == "heardheard"
    assert await ask(server.dsn, "SHOW synchronous_commit") == "on"
    assert await ask(server.dsn, "SHOW fsync") == "on"
    assert await ask(server.dsn, "SHOW data_checksums") == "on"
    assert await ask(server.dsn, "SHOW listen_addresses") == ""
    assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    await server.close()
    assert _postmaster(folder) is None
    with pytest.raises(OSError):  # noqa: PT011
        await ask(server.dsn, "SELECT 1")


async def test_two_processes_share_it_and_the_last_one_out_stops_it(folder: Path) -> None:
    ours = await EmbeddedPostgres.start(folder)
    async with another_process(folder) as theirs:
        first = _postmaster(folder)
        await ours.close()
        assert _postmaster(folder) == first, "one of two left, and the server went with it"
        assert await embedded.stop(folder) is False, "a server in use must not be stopped"
        assert theirs.stdin is not None
        theirs.stdin.write(b"\n")
        await theirs.stdin.drain()
        async with patience():
            await theirs.wait()
    assert _postmaster(folder) is None


async def test_many_that_start_at_once_get_one_server(folder: Path) -> None:
    servers = await asyncio.gather(*(EmbeddedPostgres.start(folder) for _ in range(6)))
    assert len({await ask(one.dsn, "SELECT pg_postmaster_start_time()") for one in servers}) == 1
    for one in servers:
        await one.close()
    assert _postmaster(folder) is None


async def test_it_outlives_a_killed_user_and_keeps_what_was_committed(folder: Path) -> None:
    async with another_process(folder) as user:
        ours = await EmbeddedPostgres.start(folder)
        await ask(ours.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        before = _postmaster(folder)
        user.kill()
        await user.wait()
        assert await ask(ours.dsn, "SELECT n FROM kept") == 7
        assert _postmaster(folder) == before
    await ours.close()
    assert _postmaster(folder) is None, "a killed user must not keep the server for ever"


async def test_a_server_left_over_by_a_killed_user_can_be_joined_or_stopped(folder: Path) -> None:
    async with another_process(folder) as user:
        user.kill()
        await user.wait()
    left = _postmaster(folder)
    assert left is not None
    ours = await EmbeddedPostgres.start(folder)
    assert _postmaster(folder) == left
    await ours.close()
    async with another_process(folder) as user:
        user.kill()
        await user.wait()
    assert await embedded.stop(folder) is True
    assert await embedded.stop(folder) is False


async def test_a_killed_server_is_brought_back_with_what_was_committed(folder: Path) -> None:
    server = await EmbeddedPostgres.start(folder)
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    connection = await asyncpg.connect(server.dsn)  # a backend that has to notice
    for _ in range(2):
        dead = _postmaster(folder)
        _kill(folder, signal.SIGKILL)
        await server.ensure()
        assert await ask(server.dsn, "SELECT n FROM kept") == 7
        assert _postmaster(folder) != dead
    connection.terminate()
    await server.ensure()
    await server.close()


async def _recovering(dsn: str) -> bool:
    try:
        return await ask(dsn, "SELECT 1") != 1
    except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, OSError):
        return True


async def test_a_killed_backend_does_not_end_the_service(folder: Path) -> None:
    server = await EmbeddedPostgres.start(folder)
    connection = await asyncpg.connect(server.dsn)
    os.kill(connection.get_server_pid(), signal.SIGKILL)
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.execute("SELECT 1")
    while await _recovering(server.dsn):
        await asyncio.sleep(0.05)
    await server.ensure()
    assert await ask(server.dsn, "SELECT 1") == 1
    connection.terminate()
    await server.close()


async def test_a_start_that_was_killed_half_way_is_made_anew(folder: Path) -> None:
    half = folder / "postgres-new-abcdef"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = await EmbeddedPostgres.start(folder)
    assert await ask(server.dsn, "SELECT 1") == 1
    assert not half.exists()
    await server.close()


async def test_a_stale_number_of_another_process_is_not_believed(folder: Path) -> None:
    server = await EmbeddedPostgres.start(folder)
    await server.close()
    stale = folder / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{folder / 'postgres'}\n1\n5432\n{folder / 'socket'}\n\n 0 0\nready   \n")
    assert await embedded.stop(folder) is False, "we would have stopped ourselves"
    server = await EmbeddedPostgres.start(folder)
    assert await ask(server.dsn, "SELECT 1") == 1
    await server.close()


@pytest.mark.parametrize("text", ["nonsense", "", "99999"])
async def test_a_cluster_of_no_known_version_is_refused_in_one_line(folder: Path, text: str) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text(text)
    with pytest.raises(EmbeddedPostgresError) as caught:
        await EmbeddedPostgres.start(folder)
    assert "\n" not in str(caught.value)


async def test_a_folder_with_a_long_name_works(folder: Path) -> None:
    deep = folder / ("long-" * 12) / ("name-" * 12)
    server = await EmbeddedPostgres.start(deep)
    try:
        assert await ask(server.dsn, "SELECT 1") == 1
    finally:
        await server.close()


async def test_a_folder_that_cannot_be_written_is_one_line(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError) as caught:
        await EmbeddedPostgres.start(folder / "file" / "data")
    assert "data.folder" in str(caught.value)
    assert "\n" not in str(caught.value)


def _modes(path: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for one in (path, *path.parents):
        seen = one.stat()
        found[str(one)] = (seen.st_mode, seen.st_uid, seen.st_gid)
    return found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_as_root_no_folder_of_others_is_touched_even_where_the_server_cannot_go() -> None:
    closed = Path(tempfile.mkdtemp(prefix="heard-closed-"))  # 0700, root's alone
    data = closed / "data"
    data.mkdir()
    programs = find_binaries().root
    before = {**_modes(data), **_modes(programs)}
    server = await EmbeddedPostgres.start(data)
    place = Path((data / "postgres.location").read_text().strip())
    try:
        assert {**_modes(data), **_modes(programs)} == before
        assert await ask(server.dsn, "SELECT 1") == 1
        pid = _postmaster(data)
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert stat.S_IMODE((place / "postgres").stat().st_mode) == 0o700
    finally:
        await server.close()
        shutil.rmtree(closed)
        shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_as_root_a_user_that_is_none_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nobody-of-that-name", "root"):
        monkeypatch.setenv("HEARD_POSTGRES_USER", name)
        with pytest.raises(EmbeddedPostgresError, match="HEARD_POSTGRES_USER"):
            await EmbeddedPostgres.start(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_programs_that_the_servers_user_cannot_reach_are_copied_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Path(tempfile.mkdtemp(prefix="heard-closed-"))
    package = find_binaries().root.parent
    libraries = package.with_name(f"{package.name}.libs")
    for folder_of_wheel in (package, libraries):
        shutil.copytree(folder_of_wheel, closed / folder_of_wheel.name, symlinks=True)
    bin_dir = closed / package.name / find_binaries().root.name / "bin"
    monkeypatch.setattr("heard.storage.embedded.binaries._of_wheel", lambda: iter([bin_dir]))
    server = await EmbeddedPostgres.start(folder)
    try:
        assert await ask(server.dsn, "SELECT 1") == 1
        running = Path(f"/proc/{_postmaster(folder)}/exe").resolve()
        assert closed not in running.parents
    finally:
        await server.close()
        shutil.rmtree(closed)
    shutil.rmtree(running.parents[3])
