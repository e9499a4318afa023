"""Everybody's ledger after a storm, held against each other: what was lost, doubled or wrong, in words."""

import asyncio
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from storm_parties import StormTown

from heard.domain.order.model import Status

_TAKEN = {Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED}
_ENDED = {Status.REJECTED, Status.FAILED, Status.CANCELLED}
_MOVING = "SELECT count(*) FROM orders WHERE attention IS NULL AND NOT (status = ANY ($1) AND ticket = ANY ($2))"
# What is told of a store that nobody hears of has steps of minutes and hours; what is told of an order has not.
_DUE = "SELECT count(*) FROM deliveries WHERE state = 'due' AND order_id IS NOT NULL"
_UNANSWERED = "SELECT external_order_id FROM sent WHERE order_id IS NULL AND refused IS NULL"
_AT_REST = ["not_sent", "placed", "refused", "cancelled"]


async def moving(town: StormTown) -> list[str]:
    """What is still under way, in words; nothing, once everybody has come to rest."""
    connection = await town.database()
    try:
        orders = await connection.fetchval(_MOVING, [*_TAKEN, *_ENDED], _AT_REST)
        events = await connection.fetchval(_DUE)
    finally:
        await connection.close()
    unanswered = len(_rows(town.folder / "marketplace.sqlite", _UNANSWERED))
    counts = ((orders, "orders move"), (events, "events are due"), (unanswered, "orders are not answered"))
    return [f"{count} {what}" for count, what in counts if count]


async def settle(town: StormTown, within_s: float) -> list[str]:
    """Wait until nothing moves any more; what still does after so long."""
    until = time.monotonic() + within_s
    left = ["nobody could be asked"]
    while left and time.monotonic() < until:
        await town.recover()
        await asyncio.sleep(0.5)
        with suppress(OSError):
            left = await moving(town)
    return left


async def wrongs(town: StormTown) -> tuple[list[str], Counter[str]]:
    """What the ledgers do not agree on, and how many orders ended how."""
    connection = await town.database()
    try:
        orders = await connection.fetch("SELECT * FROM orders")
        events = await connection.fetch("SELECT order_id, sequence, event_id FROM events WHERE order_id IS NOT NULL")
        dead = await connection.fetch("SELECT event_id FROM deliveries WHERE state = 'dead' AND order_id IS NOT NULL")
    finally:
        await connection.close()
    sent = _rows(town.folder / "marketplace.sqlite", "SELECT external_order_id, order_id, refused FROM sent")
    told = _rows(
        town.folder / "marketplace.sqlite",
        "SELECT order_id, sequence, webhook_id FROM told WHERE order_id IS NOT NULL ORDER BY rowid",
    )
    tickets = _rows(town.folder / "pos.sqlite", "SELECT online_order_id, cancelled, total FROM tickets")
    found = [
        *_of_channel(sent, orders, {row["order_id"] for row in told}),
        *_of_pos(orders, tickets),
        *_of_events(orders, events, told, {row["event_id"] for row in dead}),
    ]
    ends = Counter(f"{row['status']}{'!' if row['attention'] else ''}" for row in orders)
    return found, ends


def _of_channel(sent: list[Any], orders: list[Any], told: set[str]) -> Iterator[str]:
    """Each order that the channel holds for accepted is in the hub once, and none is there that it did not send.

    One that was refused while its store was paused may be taken when an older copy of it arrives, out of a frozen
    process or a second time: its channel must then have been told of it.
    """
    ids = {row["external_order_id"]: row["order_id"] for row in orders}
    held = Counter((row["external_order_id"], row["order_id"]) for row in orders)
    numbers = {row["external_order_id"] for row in sent}
    for number, order_id, refused in sent:
        if order_id is None and refused is None:
            yield f"{number} was never answered"
        elif refused is not None:
            if number in ids and ids[number] not in told:
                yield f"{number} was refused, is in the hub, and nobody was told"
            if "store_not_accepting" not in refused:  # while its POS is gone, a store is paused
                yield f"{number} was refused: {refused}"
        elif held[number, order_id] != 1:
            yield f"{number} was accepted as {order_id}, and is {held[number, order_id]} times in the hub"
    for number, count in Counter(row["external_order_id"] for row in orders).items():
        if number not in numbers:
            yield f"{number} is in the hub, and nobody sent it"
        if count != 1:
            yield f"{number} is {count} times in the hub"


def _of_pos(orders: list[Any], tickets: list[Any]) -> Iterator[str]:
    """A ticket at most for each order, of its amount; one that cooks for each that was accepted, none for others."""
    of: defaultdict[str, list[Any]] = defaultdict(list)
    for ticket in tickets:
        of[ticket["online_order_id"]].append(ticket)
    for order in orders:
        mine = of.pop(order["order_id"], [])
        cooking = [one for one in mine if not one["cancelled"]]
        what = f"{order['order_id']} ({order['status']}, ticket {order['ticket']}, {order['attention']})"
        if len(mine) > 1:
            yield f"{what} has {len(mine)} tickets"
        if any(one["total"] != order["total"] for one in mine):
            yield f"{what} costs {order['total']}, its ticket {[one['total'] for one in mine]}"
        if order["status"] in _TAKEN and len(cooking) != 1:
            yield f"{what} has {len(cooking)} tickets that cook"
        if order["status"] in _ENDED and cooking and order["attention"] is None:
            yield f"{what} has a ticket that cooks, and nobody is told"
        if order["status"] not in _TAKEN | _ENDED and order["attention"] is None:
            yield f"{what} never came to an end"
    for order_id in of:
        yield f"{order_id} has a ticket and is not in the hub"


def _of_events(orders: list[Any], events: list[Any], told: list[Any], dead: set[str]) -> Iterator[str]:
    """Each event was heard, an order's in their order; only one that was given up, and says so, may be missing."""
    heard: defaultdict[str, list[int]] = defaultdict(list)
    for row in told:
        heard[row["order_id"]].append(row["sequence"])
    made: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in events:
        made[row["order_id"]].append((row["sequence"], row["event_id"]))
    for order_id, mine in made.items():
        numbers = sorted(number for number, _ in mine)
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{order_id} has the events {numbers}"
        due = [number for number, event_id in sorted(mine) if event_id not in dead]
        if [number for number in heard[order_id] if number in due] != due:
            yield f"{order_id} has the events {due}, and was told {heard[order_id]}"
    for order in orders:
        if order["sequence"] != len(made[order["order_id"]]):
            yield f"{order['order_id']} has {len(made[order['order_id']])} events, and its last is {order['sequence']}"
    for order_id in heard.keys() - made.keys():
        yield f"{order_id} was told, and has no event"


def _rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(sql).fetchall()
