"""What a sandbox party must not forget when it is killed: one small SQLite file each, every write on disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POS = """
CREATE TABLE IF NOT EXISTS answers (
    request_type TEXT, request_uid TEXT, body_hash BLOB, status INTEGER, body BLOB, digest TEXT, settles_at REAL,
    PRIMARY KEY (request_type, request_uid));
CREATE TABLE IF NOT EXISTS tickets (
    pos_order_id TEXT PRIMARY KEY, request_uid TEXT, online_order_id TEXT, grand_total INTEGER, kitchen TEXT,
    next_at REAL, callback_url TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS cancels (
    request_uid TEXT PRIMARY KEY, body_hash BLOB, status TEXT, settles_at REAL);
"""
_TOLD = """
CREATE TABLE IF NOT EXISTS told (
    webhook_id TEXT PRIMARY KEY, order_id TEXT, external_order_id TEXT, type TEXT, status TEXT, sequence INTEGER,
    body BLOB, heard_at REAL);
"""
_MARKETPLACE = f"""
CREATE TABLE IF NOT EXISTS sent (
    external_order_id TEXT PRIMARY KEY, body BLOB, sent_at REAL, order_id TEXT, refused TEXT);
CREATE TABLE IF NOT EXISTS called_off (
    external_order_id TEXT PRIMARY KEY, order_id TEXT, answer TEXT);
{_TOLD}"""
_LOYALTY = f"""
CREATE TABLE IF NOT EXISTS wishes (
    number TEXT PRIMARY KEY, wish BLOB, wished_at REAL, cart BLOB, amount INTEGER, payment_init_hash TEXT,
    order_id TEXT, refused TEXT);
{_TOLD}"""


class Ledger:
    """A SQLite file, or memory when `path` is None. For one thread."""

    def __init__(self, schema: str, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        self._connection.executescript(schema)

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def write(self, sql: str, *values: object) -> int:
        """Carry out one statement; how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def together(self) -> Iterator[None]:
        """Writes that are on disk together or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def pos_ledger(path: Path | None) -> Ledger:
    return Ledger(_POS, path)


def marketplace_ledger(path: Path | None) -> Ledger:
    return Ledger(_MARKETPLACE, path)


def loyalty_ledger(path: Path | None) -> Ledger:
    return Ledger(_LOYALTY, path)
