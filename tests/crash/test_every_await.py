"""The hub is killed at every await between an order's receipt and its confirmation: nothing is lost or doubled."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paper_pos import PaperPos

from builders import LOCATION, ORGANIZATION, SHARED_ID, a_content
from heard.domain.ids import OrderId
from heard.domain.order.events import EventKind
from heard.domain.order.model import Status
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos import Location, app
from heard.pos.store import Mapped
from heard.sandbox.marketplace import HubUnreachable
from heard.sandbox.pos import Mood, Pace
from heard.storage.sealing import new_key
from lengths import ONE_IN, long, patience
from parties import Town, a_town
from shell import Running, forked

_PROGRAM = Path(__file__).with_name("dying_hub.py")
_POINTS_MAX = 200
_SUBMITTING = r"_submit:|_change_held:"  # the submit, and what is written down about it
_PACE = Pace(slow_s=0.4, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
_AFTER_CONFIRMED = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)


class Village:
    """A town whose hub runs as a process of its own, to be killed."""

    def __init__(self, town: Town, dsn: str, key: str, port: int, paper: PaperPos | None) -> None:
        self.town, self._port, self._paper = town, port, paper
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
    async def hub(
        self, number: str, *, spared: list[str], within: str = "", passing: int = 0, one_in: int = 1
    ) -> AsyncIterator[Running]:
        """A hub that dies of the order of this number, but at no place that is spared."""
        errand = {"number": number, "spared": spared, "within": within, "passing": passing, "one_in": one_in}
        words = (json.dumps(errand), "serve", "--with-worker", "--port", str(self._port))
        async with forked(_PROGRAM, *words, environment=self._environment) as (process, said):
            async with patience():
                assert b"serving" in await said.readline()
            yield process, said

    async def send(self, number: str) -> None:
        """Send an order to a hub that may die of it."""
        content = a_content(number, venue_id=self.town.venue_id, placed_at=datetime.now(UTC))
        with suppress(HubUnreachable):
            await self.town.marketplace.send(content)

    async def died_at(self, dying: Running, number: str) -> str | None:
        """Where the hub died, or None when it confirmed the order."""
        process, said = dying
        try:
            async with patience():
                while process.returncode is None:
                    if self._told(number):
                        return None
                    with suppress(TimeoutError):
                        await asyncio.wait_for(process.wait(), 0.02)
        except TimeoutError:
            pytest.fail(f"{number} neither dies nor is confirmed: {await self.history(number)}")
        assert process.returncode == -signal.SIGKILL
        while (last := (await said.readline()).decode().strip()).startswith("heard: "):
            continue  # what it said of itself when it started
        return last

    async def history(self, number: str) -> list[str]:
        """What happened to an order, for the report."""
        rows = await self.town.house.hub.pool.fetch(
            "SELECT h.step, h.after, h.note FROM orders o JOIN order_history h USING (organization_id, order_id)"
            " WHERE o.external_order_id = $1 ORDER BY h.line",
            number,
        )
        return [f"{row['step']} -> {row['after']} ({row['note']})" for row in rows]

    async def settled(self, number: str) -> None:
        """After a restart: the order is answered, and told as confirmed."""
        try:
            async with patience():
                while not self._told(number):
                    with suppress(HubUnreachable):
                        await self.town.marketplace.resend()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{number} is not confirmed after a restart: {await self.history(number)}")
        await self.check(number)

    async def check(self, number: str) -> None:
        """One order, the one that was answered; one ticket; confirmed once, under one event."""
        rows = await self.town.house.hub.pool.fetch(
            "SELECT order_id, status, (SELECT count(*) FROM events e WHERE e.organization_id = o.organization_id"
            " AND e.order_id = o.order_id AND e.kind = $2) AS confirmed FROM orders o WHERE external_order_id = $1",
            number,
            EventKind.CONFIRMED,
        )
        assert len(rows) == 1, f"{number}: {len(rows)} orders"
        order_id, status, confirmed = rows[0]
        story = f"{number}: {await self.history(number)}"
        assert Status(status) in _AFTER_CONFIRMED, story
        assert confirmed == 1, story
        assert len(self.tickets(order_id)) == 1, f"{self.tickets(order_id)} of {story}"
        ledger = self.town.marketplace.ledger
        answered = ledger.row("SELECT order_id FROM sent WHERE external_order_id = ?", number)
        assert answered is not None
        assert answered["order_id"] == order_id, story
        told = ledger.rows(
            "SELECT webhook_id FROM told WHERE external_order_id = ? AND type = 'order.confirmed'", number
        )
        assert len(told) == 1, f"confirmed under {len(told)} ids: {story}"

    def tickets(self, order_id: OrderId) -> list[str]:
        """An order's tickets in the POS, whichever it is."""
        return self._paper.tickets(order_id) if self._paper else self.town.tickets(order_id)

    def tickets_in_all(self) -> int:
        count: int = self.town.pos.ledger.rows("SELECT count(*) AS n FROM tickets")[0]["n"]
        return self._paper.count() if self._paper else count

    def _told(self, number: str) -> bool:
        """Whether the marketplace has its answer and has heard of the confirmation."""
        sql = (
            "SELECT 1 FROM told JOIN sent USING (external_order_id)"
            " WHERE external_order_id = ? AND type = 'order.confirmed' AND sent.order_id IS NOT NULL"
        )
        return self.town.marketplace.ledger.row(sql, number) is not None


@asynccontextmanager
async def a_village(
    dsn: str, mood: Mood = Mood.WELL, paper: PaperPos | None = None, pos_url: str | None = None
) -> AsyncIterator[Village]:
    """`paper`: the POS behind a kit that serves at `pos_url`, in the sandbox's place."""
    key = new_key()
    settings = {"HEARD_SECRET_KEY": key}
    async with a_town(
        dsn,
        mood=lambda _: mood,
        pace=_PACE,
        callbacks=False,
        worker=False,
        settings=settings,
        pos_url=pos_url,
    ) as town:
        port = await town.stop_hub()
        yield Village(town, dsn, key, port, paper)


async def die_everywhere(
    village: Village, deaths_max: int, *, within: str = "", passing: int = 0, one_in: int = 1
) -> list[str]:
    """Each hub first finishes what the one before it left, then dies at the next place; where they died.

    Fewer than `deaths_max`: the last hub passed no place at which none had died.
    """
    places: list[str] = []
    numbers: list[str] = []
    while len(places) < deaths_max:
        number = f"N-{len(numbers)}"
        async with village.hub(number, spared=places, within=within, passing=passing, one_in=one_in) as dying:
            if numbers:
                await village.settled(numbers[-1])
            await village.send(number)
            place = await village.died_at(dying, number)
            numbers.append(number)
            if place is None:
                break
            assert place, "it died, but not where it was to"
            places.append(place)
    async with village.hub("none", spared=[]):
        await village.settled(numbers[-1])
    for number in numbers:
        await village.check(number)
    assert village.tickets_in_all() == len(numbers)
    return places


async def test_a_hub_killed_at_every_await_loses_no_order_and_doubles_no_ticket(dsn: str) -> None:
    async with a_village(dsn, Mood.WELL) as village:
        places = await die_everywhere(village, _POINTS_MAX, one_in=ONE_IN)
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    assert len(places) == len(set(places)) >= 15
    for part in ("accept_order:", "_take_all_in:", "claim:", "_change_held:", "_ask:"):
        assert any(part in place for place in places), f"no hub died in {part} {places}"


@pytest.mark.parametrize(
    "mood", [pytest.param(Mood.SLOW, marks=long), Mood.SILENT, pytest.param(Mood.DEAF, marks=long)]
)
async def test_a_hub_killed_while_the_pos_is_slow_or_silent_doubles_no_ticket(dsn: str, mood: Mood) -> None:
    async with a_village(dsn, mood) as village:
        places = await die_everywhere(village, 5, within=_SUBMITTING, passing=1)
    assert len(places) == 5, "there must be awaits about the submit"


@pytest.mark.parametrize("answer_within_s", [5.0, 0.01])
async def test_a_hub_killed_while_a_kit_places_doubles_no_ticket(
    dsn: str, tmp_path: Path, answer_within_s: float
) -> None:
    paper = PaperPos(str(tmp_path / "pos.sqlite"))
    kit = app(paper, shared_id=SHARED_ID, store=str(tmp_path / "kit.sqlite"), answer_within_s=answer_within_s)
    with listening("127.0.0.1", 0) as bound:
        async with kit:
            await kit.store.add_location(Mapped(ORGANIZATION, LOCATION, Location("acme", "main")))
            serving = asyncio.create_task(serve(kit, bound))
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            async with a_village(dsn, paper=paper, pos_url=url) as village:
                places = await die_everywhere(village, 4, within=_SUBMITTING if answer_within_s > 1 else "")
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    assert len(places) == 4
    paper.close()
