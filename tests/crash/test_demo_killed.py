"""The whole demo is killed again and again while it runs; in the end everybody's ledger agrees."""

import asyncio
import random
import signal
import sqlite3
from collections import Counter
from pathlib import Path

from heard.domain.order.model import Status
from shell import Shell

_KILLS = 4
_SETTLED = {Status.READY, Status.COMPLETED, Status.REJECTED, Status.FAILED}


async def run_and_kill(shell: Shell, after_s: float) -> None:
    """Run the demo, and kill it some time after its first order of this run."""
    demo = await shell.start("demo", "--rate", "8", "--data", str(shell.folder))
    assert demo.stdout is not None
    async with asyncio.timeout(60):
        while b"receive" not in (line := await demo.stdout.readline()):
            assert line, await demo.stderr.read()  # type: ignore[union-attr]
    await asyncio.sleep(after_s)
    demo.send_signal(signal.SIGKILL)
    await demo.communicate()


def rows(path: Path, sql: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def test_a_demo_killed_at_any_moment_loses_no_order_and_doubles_no_ticket(shell: Shell) -> None:
    chance = random.Random(7)
    for _ in range(_KILLS):
        await run_and_kill(shell, chance.uniform(0.3, 2.5))
    last = await shell.start("demo", "--rate", "0.001", "--data", str(shell.folder))
    try:
        async with asyncio.timeout(90):
            while True:
                listed = (await shell.json("orders", "list", "--limit", "500"))["orders"]
                waiting = [one for one in listed if one["status"] not in _SETTLED]
                unanswered = rows(
                    shell.folder / "marketplace.sqlite",
                    "SELECT external_order_id FROM sent WHERE order_id IS NULL AND refused IS NULL",
                )
                if not waiting and not unanswered:
                    break
                await asyncio.sleep(0.5)
    finally:
        last.send_signal(signal.SIGINT)
        await last.communicate()
    sent = rows(
        shell.folder / "marketplace.sqlite", "SELECT external_order_id, order_id FROM sent WHERE refused IS NULL"
    )
    assert len(sent) >= _KILLS
    assert Counter(one["external_order_id"] for one in listed) == Counter(number for number, _ in sent)
    assert {(one["external_order_id"], one["order_id"]) for one in listed} == set(sent)
    tickets = Counter(
        order_id for (order_id,) in rows(shell.folder / "pos.sqlite", "SELECT online_order_id FROM tickets")
    )
    assert set(tickets.values()) <= {1}, "a ticket was doubled"
    ready = {one["order_id"] for one in listed if one["status"] in (Status.READY, Status.COMPLETED)}
    assert ready == set(tickets), "a ticket without its order, or an order without its ticket"
