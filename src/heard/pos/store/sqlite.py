"""SQLite: one file, one writing thread that commits whatever waits in one go, reads beside it.

Every commit is flushed to the disk (synchronous = FULL); many requests share one flush.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heard import limits
from heard.pos.store.database import Dialect, Row, Statement, StoreError

_DIALECT = Dialect("blob", "((julianday('now') - 2440587.5) * 86400.0)", "")
_PRAGMAS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;"


class _Job:
    """Statements that belong together, and who waits for them."""

    __slots__ = ("answer", "loop", "statements")

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[list[Sequence[Row]]] = self.loop.create_future()


class SqliteDatabase:
    """A file, or memory for ":memory:" (one process, nothing kept)."""

    unreachable: tuple[type[Exception], ...] = (sqlite3.OperationalError,)
    faults: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self._reader, self._writer = reader, writer
        self._jobs: list[_Job] = []
        self._waiting = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="heard-pos-store", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, where: str) -> "SqliteDatabase":
        """Open the file, made if it is not there. Raises StoreError."""
        try:
            return cls(*await asyncio.to_thread(_open_two, where))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"HEARD_POS_STORE: {where} cannot be opened: {error}") from None

    async def read(self, sql: str, *values: Any) -> Sequence[Row]:
        # In the caller's own thread: a look-up by key takes some 10 us, a handover to another thread five times that.
        if self._closing:
            raise sqlite3.OperationalError("the store is closed")
        return self._reader.execute(_DIALECT.of(sql), _named(values)).fetchall()

    async def write(self, *statements: Statement) -> list[Sequence[Row]]:
        job = _Job(statements)
        with self._waiting:
            if self._closing:
                raise sqlite3.OperationalError("the store is closed")
            self._jobs.append(job)
            self._waiting.notify()
        return await job.answer

    async def prepare(self, statements: Sequence[str]) -> None:
        for sql in statements:
            await self.write(Statement(sql))

    async def close(self) -> None:
        with self._waiting:
            self._closing = True
            self._waiting.notify()
        await asyncio.to_thread(self._thread.join)
        self._writer.close()
        self._reader.close()

    def _work(self) -> None:
        """The writing thread: everything that waits is one transaction."""
        while not self._closing or self._jobs:
            with self._waiting:
                while not self._jobs and not self._closing:
                    self._waiting.wait()
                jobs, self._jobs = self._jobs[: limits.STORE_BATCH_MAX], self._jobs[limits.STORE_BATCH_MAX :]
            outcomes = self._commit(jobs)
            if outcomes is None:  # one of them failed: each by itself, so that it fails alone
                outcomes = [self._alone(job) for job in jobs]
            _tell(jobs, outcomes)

    def _commit(self, jobs: Sequence[_Job]) -> "list[list[Sequence[Row]] | Exception] | None":
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:  # somebody else writes and does not end: no job would fare better alone
            return [error] * len(jobs)
        try:
            outcomes: list[list[Sequence[Row]] | Exception] = [
                [self._execute(statement) for statement in job.statements] for job in jobs
            ]
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever asked; the thread must go on
            self._roll_back()
            return [error] if len(jobs) == 1 else None
        return outcomes

    def _alone(self, job: _Job) -> "list[Sequence[Row]] | Exception":
        outcomes = self._commit([job])
        assert outcomes is not None  # a single job always has an outcome
        return outcomes[0]

    def _execute(self, statement: Statement) -> Sequence[Row]:
        return self._writer.execute(_DIALECT.of(statement.sql), _named(statement.values)).fetchall()

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")


def _tell(jobs: Sequence[_Job], outcomes: "Sequence[list[Sequence[Row]] | Exception]") -> None:
    """Wake everyone of one event loop with one call into it."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[_Job, list[Sequence[Row]] | Exception]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        loops.setdefault(job.loop, []).append((job, outcome))
    for loop, told in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, told)


def _settle(told: "Sequence[tuple[_Job, list[Sequence[Row]] | Exception]]") -> None:
    for job, outcome in told:
        if job.answer.done():  # whoever asked has given up
            continue
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)


def _open_two(where: str) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    if where == ":memory:":
        both = _connect("file:heard-pos?mode=memory", uri=True)
        return both, both
    path = Path(where).expanduser().absolute()
    new = not path.exists()
    writer = _connect(str(path))
    if new:
        path.chmod(0o600)  # it holds guests' names and what they ate
    return _connect(str(path)), writer


def _connect(where: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False, uri=uri)
    connection.row_factory = sqlite3.Row
    connection.executescript(_PRAGMAS)
    return connection


def _named(values: Sequence[Any]) -> dict[str, Any]:
    return {str(place): value for place, value in enumerate(values, 1)}
