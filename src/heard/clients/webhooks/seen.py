"""What a receiver has seen: repeats by the event's id, late ones by the `sequence` of the order or of the store.

A store's connection, its pauses and its menu are told with one sequence and are three stories: news of one does not
make an event of another late.
"""

import asyncio
import sqlite3
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from heard import limits
from heard.protocols.link.events import Event, MenuEvent, OrderEvent, StoreEvent


class Seen(Protocol):
    """What a receiver needs. One of your own may keep it in your database, in the transaction of what you do."""

    def turn(self, event: Event) -> AbstractAsyncContextManager[bool]:
        """The event's turn: True when it is news. Events about the same order or store take turns. On leaving without
        a fault it is remembered; with one it is not, and will be sent again.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Track:
    """What is remembered of an event. It is no news where as much is known, or, without `once`, only where more is."""

    key: str
    position: int
    once: bool = True

    def is_behind(self, known: int | None) -> bool:
        return known is not None and (known >= self.position if self.once else known > self.position)


def _subject(event: Event) -> str:
    """What an event is about: events about the same are in an order."""
    match event:
        case OrderEvent():
            return f"order:{event.order_id}"
        case StoreEvent(type="store.paused" | "store.resumed"):
            return f"open:{event.venue_id}"
        case StoreEvent():
            return f"store:{event.venue_id}"
        case MenuEvent():
            return f"menu:{event.venue_id}"
        case _:
            return event.id


def _tracks(event: Event) -> tuple[_Track, ...]:
    match event:
        case OrderEvent():  # within an order, the sequence is as good as the id
            return (_Track(_subject(event), event.sequence),)
        case StoreEvent() | MenuEvent():
            return _Track(event.id, 0), _Track(_subject(event), event.sequence, once=False)
        case _:
            return (_Track(event.id, 0),)


class _Turns:
    """One lock for each subject, for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, subject: str) -> AsyncIterator[None]:
        self._users[subject] += 1
        try:
            async with self._locks.setdefault(subject, asyncio.Lock()):
                yield
        finally:
            self._users[subject] -= 1
            if not self._users[subject]:
                del self._users[subject], self._locks[subject]


class MemorySeen:
    """Remembers the last events until the process ends: after that, what is sent again is handled again."""

    def __init__(self, size: int = limits.SEEN_MAX) -> None:
        self._size, self._turns = size, _Turns()
        self._known: OrderedDict[str, int] = OrderedDict()

    @asynccontextmanager
    async def turn(self, event: Event) -> AsyncIterator[bool]:
        async with self._turns.of(_subject(event)):
            news = not any(track.is_behind(self._known.get(track.key)) for track in _tracks(event))
            yield news
            if news:
                self._remember(event)

    def _remember(self, event: Event) -> None:
        for track in _tracks(event):
            self._known[track.key] = track.position
            self._known.move_to_end(track.key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)


class SqliteSeen:
    """Remembers in a SQLite file for a month, over restarts.

    With a path, an event is remembered after it was handled: a crash between the two means that it is handled again.
    With a connection of yours, both are one transaction: what `handle` writes on that connection, without committing,
    is kept together with the event or not at all. Nothing else may write on it meanwhile, so `handle` is called for
    one event at a time.
    """

    def __init__(self, where: str | Path | sqlite3.Connection) -> None:
        self._own = not isinstance(where, sqlite3.Connection)
        if isinstance(where, sqlite3.Connection):
            if getattr(where, "autocommit", None) is False:
                raise ValueError("where: the connection must let transactions be begun (autocommit is False)")
            self._db = where
        else:
            self._db = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA busy_timeout = {limits.STORE_BUSY_MS}")
        with self._transaction():
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS heard_seen (key TEXT PRIMARY KEY, position INTEGER NOT NULL,"
                " seen_at REAL NOT NULL)"
            )
            self._db.execute("CREATE INDEX IF NOT EXISTS heard_seen_at ON heard_seen (seen_at)")
        self._turns, self._remembered = _Turns(), 0

    def close(self) -> None:
        """Close the file; a connection of yours stays open."""
        if self._own:
            self._db.close()

    @asynccontextmanager
    async def turn(self, event: Event) -> AsyncIterator[bool]:
        if not self._own:
            async with self._turns.of("the connection"):
                with self._transaction():
                    news = self._is_news(event)
                    yield news
                    if news:
                        self._remember(event)
            return
        async with self._turns.of(_subject(event)):
            news = self._is_news(event)
            yield news
            if news:
                with self._transaction():
                    self._remember(event)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            if not self._db.in_transaction:
                raise RuntimeError("the transaction was ended by `handle`: leave committing to the receiver")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _is_news(self, event: Event) -> bool:
        sql = "SELECT position FROM heard_seen WHERE key = ?"
        for track in _tracks(event):
            row = self._db.execute(sql, (track.key,)).fetchone()
            if track.is_behind(row and row[0]):
                return False
        return True

    def _remember(self, event: Event) -> None:
        if not self._db.in_transaction:
            return  # told by _transaction
        now = time.time()
        self._db.executemany(
            "INSERT INTO heard_seen VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
            " position = max(position, excluded.position), seen_at = excluded.seen_at",
            [(track.key, track.position, now) for track in _tracks(event)],
        )
        self._remembered += 1
        if self._remembered % limits.SEEN_FORGET_EVERY == 0:
            sql = "DELETE FROM heard_seen WHERE key IN (SELECT key FROM heard_seen WHERE seen_at < ? LIMIT ?)"
            self._db.execute(sql, (now - limits.SEEN_FOR_S, 3 * limits.SEEN_FORGET_EVERY))
