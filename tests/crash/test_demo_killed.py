"""The whole demo is killed again and again while it runs; in the end everybody's ledger agrees."""

import asyncio
import random
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from heard.domain.ids import OrderId, id_from_uuid, payment_id_of
from heard.domain.order.model import Attention, Status, Ticket
from heard.storage.embedded import EmbeddedPostgres
from lengths import patience
from shell import Shell

_KILLS = 4
_COOKED = {Status.READY, Status.COMPLETED}
_SETTLED = {*_COOKED, Status.REJECTED, Status.FAILED, Status.CANCELLED}
_LEAVING = {Ticket.WITHDRAWING, Ticket.WITHDRAWAL_PENDING}
_MONEY_AT_REST = {None, "captured", "declined", "dropped", "voided", "refunded"}
_NOT_ANSWERED = "order_id IS NULL AND refused IS NULL"


async def run_and_kill(shell: Shell, after_s: float) -> None:
    """Run the demo, and kill it some time after each channel has placed its first order of this run."""
    known = placed(shell.folder)
    demo = await shell.start("demo", "--rate", "8", "--data", str(shell.folder))
    assert demo.stdout is not None
    async with patience():
        while b"receive" not in (line := await demo.stdout.readline()):
            assert line, await demo.stderr.read()  # type: ignore[union-attr]
        while any(now == before for now, before in zip(placed(shell.folder), known, strict=True)):
            await asyncio.sleep(0.05)
    await asyncio.sleep(after_s)
    demo.send_signal(signal.SIGKILL)
    await demo.communicate()


def rows(path: Path, sql: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def placed(folder: Path) -> tuple[int, int]:
    """How many orders the marketplace has sent, and the loyalty provider."""
    if not (folder / "loyalty.sqlite").exists():
        return 0, 0
    [(sent,)] = rows(folder / "marketplace.sqlite", "SELECT count(*) FROM sent")
    [(wished,)] = rows(folder / "loyalty.sqlite", "SELECT count(*) FROM wishes")
    return sent, wished


async def money(folder: Path) -> dict[str, tuple[int, int]]:
    """What the payment provider's books hold and keep of each order, in cents, by the payment's id."""
    server = await EmbeddedPostgres.start(folder)
    connection = await asyncpg.connect(server.dsn)
    try:
        charges = await connection.fetch("SELECT charge_id, held, taken - given_back AS kept FROM test_charges")
        return {row["charge_id"].replace("test_", "pay_", 1): (row["held"], row["kept"]) for row in charges}
    finally:
        await connection.close()
        await server.close()


def moves(order: dict[str, Any]) -> bool:
    """Whether something about an order is still to happen by itself."""
    at_rest = order["status"] in _SETTLED and order.get("payment") in _MONEY_AT_REST
    return not at_rest or order["ticket"] in _LEAVING


async def settled(shell: Shell) -> list[dict[str, Any]]:
    """All orders, once none moves any more and everything that was sent has been answered."""
    async with patience():
        while True:
            listed: list[dict[str, Any]] = (await shell.json("orders", "list", "--limit", "500"))["orders"]
            moving = [one for one in listed if moves(one)]
            unanswered = rows(shell.folder / "marketplace.sqlite", f"SELECT 1 FROM sent WHERE {_NOT_ANSWERED}")
            unanswered += rows(shell.folder / "loyalty.sqlite", f"SELECT 1 FROM wishes WHERE {_NOT_ANSWERED}")
            unanswered += rows(shell.folder / "marketplace.sqlite", "SELECT 1 FROM called_off WHERE answer IS NULL")
            if not moving and not unanswered:
                return listed
            await asyncio.sleep(0.5)


def sent_by_both(folder: Path) -> Counter[tuple[str, str]]:
    """Number and id of every order that its channel holds for placed."""
    ours = rows(folder / "marketplace.sqlite", "SELECT external_order_id, order_id FROM sent WHERE refused IS NULL")
    wished = rows(folder / "loyalty.sqlite", "SELECT order_id FROM wishes WHERE refused IS NULL")
    assert len(ours) >= _KILLS
    assert len(wished) >= _KILLS
    return Counter([*ours, *((uuid, id_from_uuid("ord", uuid) or "") for (uuid,) in wished)])


def is_agreed_on(folder: Path, order: dict[str, Any]) -> bool:
    """Whether hub and POS say the same of the ticket of an order that its guest called off: it is gone, or kept, and
    then a person is called and nobody cooks on.
    """
    sql = f"SELECT kitchen, next_at IS NULL FROM tickets WHERE online_order_id = '{order['order_id']}'"
    [(kitchen, held)] = rows(folder / "pos.sqlite", sql)
    if order["ticket"] == Ticket.CANCELLED:
        return kitchen == "cancelled" and "attention" not in order
    return order["attention"] == Attention.CANCEL_AT_POS and (bool(held) or kitchen in _COOKED)


async def test_a_demo_killed_at_any_moment_loses_no_order_and_no_money_and_doubles_nothing(shell: Shell) -> None:
    chance = random.Random(7)
    for _ in range(_KILLS):
        await run_and_kill(shell, chance.uniform(0.3, 2.5))
    last = await shell.start("demo", "--rate", "0.001", "--data", str(shell.folder))
    try:
        listed = await settled(shell)
        books = await money(shell.folder)
    finally:
        last.send_signal(signal.SIGINT)
        await last.communicate()
    assert Counter((one["external_order_id"], one["order_id"]) for one in listed) == sent_by_both(shell.folder)
    tickets = Counter(
        order_id for (order_id,) in rows(shell.folder / "pos.sqlite", "SELECT online_order_id FROM tickets")
    )
    assert set(tickets.values()) <= {1}, "a ticket was doubled"
    cooked = {one["order_id"] for one in listed if one["status"] in _COOKED}
    called_off = [one for one in listed if one["status"] == Status.CANCELLED]
    assert called_off, "no guest changed their mind"
    with_ticket = cooked | {one["order_id"] for one in called_off}
    assert with_ticket == set(tickets), "a ticket without its order, or an order without its ticket"
    for order in called_off:
        assert is_agreed_on(shell.folder, order), order
    for order in listed:
        held, kept = books.pop(payment_id_of(OrderId(order["order_id"])), (0, 0))
        due = order["total"] if "payment" in order and order["order_id"] in cooked else 0
        assert (held, kept) == (0, due), order
    assert books == {}, "money of no order"
