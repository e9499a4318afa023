"""The hub is killed at every await between an order's receipt and its confirmation: nothing is lost or doubled."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import a_content
from heard.domain.order.model import Status
from heard.sandbox.marketplace import HubUnreachable
from heard.sandbox.pos import Mood, Pace
from heard.storage.sealing import new_key
from parties import Town, a_town

_PROGRAM = Path(__file__).with_name("dying_hub.py")
_POINTS_MAX = 200
_PACE = Pace(slow_s=0.4, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
_AFTER_CONFIRMED = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)


class Village:
    """A town whose hub runs as a process of its own, to be killed."""

    def __init__(self, town: Town, dsn: str, key: str, port: int) -> None:
        self.town, self._port = town, port
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
        self._environment = {
            **clean,
            "HEARD_DATABASE_URL": dsn,
            "HEARD_SECRET_KEY": key,
            "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
            "HEARD_WORK_LEASE_S": "0.6",
            "HEARD_WORK_POLL_S": "0.1",
            "HEARD_LOG_LEVEL": "error",
        }

    @asynccontextmanager
    async def hub(self, die_at: int, number: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A hub that dies at its `die_at`th await about the order of this number."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(_PROGRAM), "serve", "--with-worker", "--port", str(self._port)),
            env={**self._environment, "HEARD_TEST_DIE_AT": str(die_at), "HEARD_TEST_ORDER": number},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                assert b"serving" in await process.stdout.readline()
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def send(self, number: str) -> None:
        """Send an order to a hub that may die of it."""
        content = a_content(number, venue_id=self.town.venue_id, placed_at=datetime.now(UTC))
        with suppress(HubUnreachable):
            await self.town.marketplace.send(content)

    async def dies_or_confirms(self, process: asyncio.subprocess.Process, number: str) -> bool:
        """Whether the hub died before it confirmed."""
        try:
            async with asyncio.timeout(30):
                while process.returncode is None:
                    if self._told(number):
                        return False
                    with suppress(TimeoutError):
                        await asyncio.wait_for(process.wait(), 0.02)
        except TimeoutError:
            pytest.fail(f"{number} neither dies nor is confirmed: {await self.history(number)}")
        return True

    async def history(self, number: str) -> list[str]:
        """What happened to an order, for the report."""
        rows = await self.town.house.hub.pool.fetch(
            "SELECT h.step, h.after, h.note FROM orders o JOIN order_history h USING (organization_id, order_id)"
            " WHERE o.external_order_id = $1 ORDER BY h.line",
            number,
        )
        return [f"{row['step']} -> {row['after']} ({row['note']})" for row in rows]

    async def check(self, number: str) -> None:
        """After a restart: one order, one ticket, told as confirmed under one event."""
        async with asyncio.timeout(30):
            while not self._told(number):
                with suppress(HubUnreachable):
                    await self.town.marketplace.resend()
                await asyncio.sleep(0.05)
        rows = await self.town.house.hub.pool.fetch(
            "SELECT order_id, status FROM orders WHERE external_order_id = $1", number
        )
        assert len(rows) == 1, f"{number}: {len(rows)} orders"
        assert Status(rows[0]["status"]) in _AFTER_CONFIRMED
        assert len(self.town.tickets(rows[0]["order_id"])) == 1, f"{number}: {self.town.tickets(rows[0]['order_id'])}"
        told = self.town.marketplace.ledger.rows(
            "SELECT webhook_id FROM told WHERE external_order_id = ? AND type = 'order.confirmed'", number
        )
        assert len(told) == 1, f"{number}: confirmed under {len(told)} events"

    def _told(self, number: str) -> bool:
        sql = "SELECT 1 FROM told WHERE external_order_id = ? AND type = 'order.confirmed'"
        return self.town.marketplace.ledger.row(sql, number) is not None


@asynccontextmanager
async def a_village(dsn: str, mood: Mood) -> AsyncIterator[Village]:
    key = new_key()
    settings = {"HEARD_SECRET_KEY": key}
    async with a_town(dsn, mood=lambda _: mood, pace=_PACE, callbacks=False, worker=False, settings=settings) as town:
        port = await town.stop_hub()
        yield Village(town, dsn, key, port)


async def die_everywhere(village: Village, name: str, points: range) -> int:
    """Each hub first finishes what the one before it left, then dies at the next point; how many points there were."""
    before = None
    for point in points:
        number = f"{name}-{point}"
        async with village.hub(point, number) as process:
            if before is not None:
                await village.check(before)
            await village.send(number)
            died = await village.dies_or_confirms(process, number)
            if not died:
                await village.check(number)
                return point - points.start
        before = number
    async with village.hub(0, "none"):
        assert before is not None
        await village.check(before)
    return len(points)


async def test_a_hub_killed_at_every_await_loses_no_order_and_doubles_no_ticket(dsn: str) -> None:
    async with a_village(dsn, Mood.WELL) as village:
        points = await die_everywhere(village, "WELL", range(1, _POINTS_MAX))
        assert 15 <= points < _POINTS_MAX - 1, "there must be many awaits, and all of them must have been tried"
        tickets = village.town.pos.ledger.rows("SELECT count(*) AS n FROM tickets")[0]["n"]
        assert tickets == points + 1


@pytest.mark.parametrize("mood", [Mood.SLOW, Mood.SILENT, Mood.DEAF])
async def test_a_hub_killed_while_the_pos_is_slow_or_silent_doubles_no_ticket(dsn: str, mood: Mood) -> None:
    async with a_village(dsn, mood) as village:
        await die_everywhere(village, mood, range(24, 40, 3))
