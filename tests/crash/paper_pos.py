"""A POS on a SQLite file that keeps the request_uid with its ticket, in one commit. It numbers what it is given, twice
if it is given twice: whoever doubles an order finds two tickets. It writes down who asked what, too.
"""

import asyncio
import os
import sqlite3
from typing import Any

from builders import a_menu
from heard.pos import Cancelled, Location, Menu, Order, OrderRef, Placed, Rejected, Standing, Validated

TABLES = """
CREATE TABLE IF NOT EXISTS tickets (number INTEGER PRIMARY KEY, request_uid TEXT, online_order_id TEXT, cancelled INT,
    total INT);
CREATE TABLE IF NOT EXISTS asked (line INTEGER PRIMARY KEY, request_uid TEXT, what TEXT);
"""


class PaperPos:
    """An order's notes say how it is treated: slow, deaf (it raises before it has placed), or silent (after)."""

    def __init__(self, file: str = "") -> None:
        self._db = sqlite3.connect(file or os.environ["PAPER_POS"], isolation_level=None, timeout=10)
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES)

    def menu(self, location: Location) -> Menu:
        return a_menu()

    async def validate(self, order: Order) -> Validated:
        await asyncio.sleep(0)
        return Validated()

    async def place(self, order: Order) -> Placed:
        self._note(order.request_uid, "place")
        await asyncio.sleep(0.2 if order.notes == "slow" else 0)
        if order.notes == "deaf" and len(self.asked(order.request_uid)) < 3:
            raise TimeoutError("the till is off")
        sql = (
            "INSERT INTO tickets (request_uid, online_order_id, cancelled, total) VALUES (?, ?, 0, ?) RETURNING number"
        )
        (number,) = self._run(sql, order.request_uid, order.online_order_id, order.totals.grand_total)[0]
        await asyncio.sleep(0.2 if order.notes == "slow" else 0)
        if order.notes == "silent":
            raise TimeoutError("the till is off")
        return Placed(f"P{number}")

    async def status(self, ref: OrderRef) -> Standing | None:
        await asyncio.sleep(0)
        rows = self._run("SELECT number, cancelled FROM tickets WHERE request_uid = ?", ref.request_uid)
        self._note(ref.request_uid, "found" if rows else "none")
        return Standing(f"P{rows[0][0]}", cancelled=bool(rows[0][1])) if rows else None

    async def cancel(self, ref: OrderRef) -> Cancelled | Rejected:
        await asyncio.sleep(0)
        self._run("UPDATE tickets SET cancelled = 1 WHERE request_uid = ?", ref.request_uid)
        await asyncio.sleep(0)
        return Cancelled()

    def tickets(self, online_order_id: str) -> list[str]:
        rows = self._run("SELECT number FROM tickets WHERE online_order_id = ?", online_order_id)
        return [f"P{number}" for (number,) in rows]

    def asked(self, request_uid: str) -> list[str]:
        """What it was asked about an order, and said: place, found, none."""
        return [
            what for (what,) in self._run("SELECT what FROM asked WHERE request_uid = ? ORDER BY line", request_uid)
        ]

    def count(self) -> int:
        return int(self._run("SELECT count(*) FROM tickets")[0][0])

    def close(self) -> None:
        self._db.close()

    def _note(self, request_uid: str, what: str) -> None:
        self._run("INSERT INTO asked (request_uid, what) VALUES (?, ?)", request_uid, what)

    def _run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()
