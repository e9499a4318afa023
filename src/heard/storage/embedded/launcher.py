"""Starting, joining, reviving and stopping the embedded server. Connecting is the only proof that it lives.

Two locks: `starting` is held while someone starts it, `using` is shared by every process that uses it. Whoever leaves
and can have `using` for itself alone was the last, and stops the server while holding it; a starter takes its share
of `using` first, and so waits for that. The kernel lets go of both when a process is killed.
"""

import asyncio
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote

import asyncpg

from heard.storage.embedded import cluster as clusters
from heard.storage.embedded.binaries import Binaries
from heard.storage.embedded.cluster import ROLE, Cluster
from heard.storage.embedded.errors import EmbeddedPostgresError

_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 20.0
_LOG_BYTES_MAX = 10 * 1024 * 1024
_LOG_TAIL_BYTES = 2000
_launched: list["subprocess.Popen[bytes]"] = []  # kept, so that a server which outlives us is no leak to complain of
_CONNECT_FAULTS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class EmbeddedPostgres:
    """A running server that this process uses, until `close`. `dsn` reaches it over its unix socket."""

    def __init__(self, data_dir: Path, cluster: Cluster, using: "_Lock", database: str) -> None:
        self._data_dir, self._cluster, self._using = data_dir, cluster, using
        self._database = database
        self.dsn = _dsn(cluster, database)

    @classmethod
    async def start(cls, data_dir: Path, *, database: str = "heard") -> "EmbeddedPostgres":
        """Start the server or join the one that runs. Raises EmbeddedPostgresError."""
        cluster = await asyncio.to_thread(clusters.locate, data_dir)
        using = await _Lock.take(data_dir / "postgres.using", fcntl.LOCK_SH)
        try:
            server = cls(data_dir, cluster, using, database)
            await server.ensure()
            await _create_database(cluster, database)
        except BaseException:
            using.drop()
            raise
        return server

    async def ensure(self) -> None:
        """Bring the server back if it is not there. Raises EmbeddedPostgresError when it does not come."""
        if await _answers(self._cluster):
            return
        starting = await _Lock.take(self._data_dir / "postgres.starting", fcntl.LOCK_EX)
        try:
            await _start(self._cluster)
        finally:
            starting.drop()

    async def close(self) -> None:
        """Leave; the last one out stops the server."""
        self._using.drop()
        await stop(self._data_dir)


async def stop(data_dir: Path) -> bool:
    """Stop the server if nobody uses it. False: it is in use, or does not run."""
    if not (data_dir / "postgres.using").exists():
        return False
    alone = _Lock.try_now(data_dir / "postgres.using", fcntl.LOCK_EX)
    if alone is None:
        return False
    try:
        cluster = await asyncio.to_thread(clusters.locate, data_dir)
        return await _stop(cluster)
    finally:
        alone.drop()


async def _start(cluster: Cluster) -> None:
    """Start it and wait until it answers. A server that died may leave children that must be gone first."""
    until = time.monotonic() + _START_WITHIN_S
    binaries = await asyncio.to_thread(clusters.programs_for, cluster)
    await asyncio.to_thread(clusters.make, cluster, binaries)
    process: subprocess.Popen[bytes] | None = None
    while not await _answers(cluster):
        if time.monotonic() > until:
            raise EmbeddedPostgresError(f"the embedded PostgreSQL does not start: {_log_tail(cluster)}")
        _take_note_of_ends()
        if process is None or process.returncode is not None:
            if process is not None:
                await asyncio.sleep(0.2)  # it would not start yet: what is left of the last one is still going
            process = await asyncio.to_thread(_launch, cluster, binaries)
        await asyncio.sleep(0.02)


def _launch(cluster: Cluster, binaries: Binaries) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that neither our end nor a Ctrl-C is its end."""
    if cluster.log.exists() and cluster.log.stat().st_size > _LOG_BYTES_MAX:
        cluster.log.replace(cluster.log.with_suffix(".log.1"))
    with cluster.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
            [binaries.bin_dir / "postgres", "-D", cluster.folder, "-k", cluster.socket_dir],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            **cluster.account.switch,
        )
    _launched.append(process)
    return process


async def _answers(cluster: Cluster) -> bool:
    try:
        connection = await asyncpg.connect(_dsn(cluster, "postgres"), timeout=5)
    except asyncpg.TooManyConnectionsError:
        return True  # busy, and alive
    except _CONNECT_FAULTS:
        return False
    try:
        return bool(await connection.fetchval("SELECT NOT pg_is_in_recovery()"))
    except _CONNECT_FAULTS:
        return False
    finally:
        connection.terminate()


async def _create_database(cluster: Cluster, database: str) -> None:
    connection = await asyncpg.connect(_dsn(cluster, "postgres"))
    try:
        known = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database)
        if not known:
            name = '"' + database.replace('"', '""') + '"'
            await connection.execute(f"CREATE DATABASE {name}")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another process was first
    finally:
        await connection.close()


async def _stop(cluster: Cluster) -> bool:
    """A fast shutdown, by the number that the server itself wrote down, and only if it answers at its socket.

    The server takes that note away as the last thing it does.
    """
    if not await _answers(cluster):
        return False
    note = cluster.folder / "postmaster.pid"
    os.kill(int(note.read_text("ascii").splitlines()[0]), signal.SIGINT)
    until = time.monotonic() + _STOP_WITHIN_S
    while note.exists() and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    _take_note_of_ends()
    return True


def _take_note_of_ends() -> None:
    """A killed server whose end its parent has not noted still counts as alive, and the next one would not start."""
    for process in _launched:
        process.poll()


def _dsn(cluster: Cluster, database: str) -> str:
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(cluster.socket_dir), safe='')}"


def _log_tail(cluster: Cluster) -> str:
    try:
        tail = cluster.log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return f"{cluster.log} cannot be read"
    return " | ".join(line.strip() for line in tail.splitlines()[-4:]) or f"{cluster.log} is empty"


class _Lock:
    """A lock on a file, held by an open descriptor that no child inherits."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def try_now(cls, path: Path, kind: int) -> "_Lock | None":
        file = path.open("ab")
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return cls(file)

    @classmethod
    async def take(cls, path: Path, kind: int) -> "_Lock":
        until = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < until:
            lock = cls.try_now(path, kind)
            if lock is not None:
                return lock
            await asyncio.sleep(0.02)
        raise EmbeddedPostgresError(f"another process holds {path} for more than {_START_WITHIN_S:.0f} s")

    def drop(self) -> None:
        self._file.close()
