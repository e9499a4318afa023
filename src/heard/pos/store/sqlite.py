"""SQLite: one file; whatever requests wait at once share one transaction and one flush of the disk.

Statements run in the event loop's own thread: by key they take some 10 us each, where another thread would wait for the
interpreter's lock at every one of them. Only what waits for the disk, or for another process, is done in a thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from heard import limits
from heard.pos.store.database import Dialect, Done, Row, Statement, StoreError

_DIALECT = Dialect("blob", "((julianday('now') - 2440587.5) * 86400.0)", "", "?")
_PRAGMAS = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 0;"

_Outcome = list[Done] | Exception


class _Job:
    """Statements that belong together, and who waits for them."""

    __slots__ = ("answer", "statements")

    def __init__(self, statements: Sequence[Statement]) -> None:
        self.statements = statements
        self.answer: asyncio.Future[list[Done]] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: _Outcome) -> None:
        if self.answer.done():  # whoever asked has given up
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class SqliteDatabase:
    """A file, or memory for ":memory:" (one process, nothing kept). For one event loop."""

    unreachable: tuple[type[Exception], ...] = (sqlite3.OperationalError,)
    faults: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self._reader, self._writer = reader, writer
        self._jobs: list[_Job] = []
        self._flushing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="heard-pos-store")
        self._closing = False

    @classmethod
    async def open(cls, where: str) -> "SqliteDatabase":
        """Open the file, made if it is not there. Raises StoreError."""
        try:
            return cls(*await asyncio.to_thread(_open_two, where))
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StoreError(f"HEARD_POS_STORE: {where} cannot be opened: {why}") from None

    async def read(self, sql: str, *values: Any) -> Sequence[Row]:
        if self._closing:
            raise sqlite3.OperationalError("the store is closed")
        return self._reader.execute(_DIALECT.of(sql), values).fetchall()

    async def write(self, *statements: Statement) -> list[Done]:
        if self._closing:
            raise sqlite3.OperationalError("the store is closed")
        job = _Job(statements)
        self._jobs.append(job)
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await job.answer

    async def prepare(self, statements: Sequence[str]) -> None:
        for sql in statements:
            await self.write(Statement(sql))

    async def close(self) -> None:
        self._closing = True
        if self._flushing is not None:
            await self._flushing
        self._thread.shutdown()
        self._writer.close()
        self._reader.close()

    async def _flush(self) -> None:
        """Until nobody waits: everything that waits by now is one transaction."""
        while self._jobs:
            jobs, self._jobs = self._jobs[: limits.STORE_BATCH_MAX], self._jobs[limits.STORE_BATCH_MAX :]
            outcomes = await self._commit(jobs)
            if outcomes is None:  # one of them failed: each by itself, so that it fails alone
                outcomes = [outcome for job in jobs for outcome in (await self._commit([job]) or ())]
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.settle(outcome)
        self._flushing = None

    async def _commit(self, jobs: Sequence[_Job]) -> list[_Outcome] | None:
        """What came of each; None when one of several failed, and nothing is done."""
        try:
            await self._begin()
        except sqlite3.Error as error:  # somebody else writes and does not end: no job would fare better alone
            return [error] * len(jobs)
        try:
            outcomes: list[_Outcome] = [[self._execute(one) for one in job.statements] for job in jobs]
            await self._in_thread(self._writer.commit)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever asked; the rest must go on
            await self._roll_back()
            return [error] if len(jobs) == 1 else None
        return outcomes

    async def _begin(self) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:  # another process is writing: its turn ends
            await self._in_thread(self._begin_patiently)

    async def _roll_back(self) -> None:
        if self._writer.in_transaction:
            await self._in_thread(self._writer.rollback)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """What may wait. Meanwhile nobody else touches the connection: there is one flush at a time."""
        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _begin_patiently(self) -> None:
        self._writer.execute(f"PRAGMA busy_timeout = {limits.STORE_BUSY_MS}")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        finally:
            self._writer.execute("PRAGMA busy_timeout = 0")

    def _execute(self, statement: Statement) -> Done:
        cursor = self._writer.execute(_DIALECT.of(statement.sql), statement.values)
        rows = cursor.fetchall()  # the count is known only when all of them were fetched
        return Done(rows, cursor.rowcount)


def _open_two(where: str) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    if where == ":memory:":
        both = _connect("file:heard-pos?mode=memory", uri=True)
        return both, both
    path = Path(where).expanduser().absolute()
    if not path.exists():
        path.touch(0o600)  # it holds guests' names and what they ate
    writer = _connect(str(path))
    return _connect(str(path)), writer


def _connect(where: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False, uri=uri)
    connection.row_factory = sqlite3.Row
    connection.executescript(_PRAGMAS)
    return connection
