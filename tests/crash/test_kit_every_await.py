"""The POS kit is killed at every await and commit between a submit's arrival and its answer: one ticket, one answer."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, closing
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from careful_hub import CarefulHub
from paper_pos import PaperPos

from builders import LOCATION, ORGANIZATION, SHARED_ID
from heard import limits
from heard.domain.ids import OrderId, submit_uid
from heard.domain.order.model import Status
from heard.domain.pos import PosOrder, PosStatus
from heard.domain.stores import PosConnection
from heard.net.call import NoAnswer
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.pos import Location
from heard.pos.store import Mapped, open_store
from heard.pos.testing import an_item, an_order
from lengths import ONE_IN, patience
from parties import Town, a_town
from ports import keep_port
from pos.ears import Ear, an_ear
from shell import forked

_PROGRAM = Path(__file__).with_name("dying_kit.py")
_DEATHS_MAX = 120
_MOODS = ("", "slow", "silent", "deaf", "taken back")
_SLOW_MOODS = ("slow",)  # the longest road: PostgreSQL has three times as many awaits


class Kits:
    """A kit after the other on one store, one POS and one port; each dies at a place of its own."""

    def __init__(self, folder: Path, store: str, ear: Ear, hub: CarefulHub, port: int, pos: PaperPos) -> None:
        self._ear, self._hub, self._port, self.pos = ear, hub, port, pos
        self.callback_url, self.pos_url = ear.url, hub.connection.url
        self.places: list[str] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
        self._environment = {
            **clean,
            "PAPER_POS": str(folder / "pos.sqlite"),
            "HEARD_POS_SHARED_ID": SHARED_ID,
            "HEARD_POS_STORE": store,
            "HEARD_POS_ANSWER_WITHIN_S": "0.1",
            "HEARD_POS_ALLOW": "127.0.0.0/8",
        }

    async def live_through(self, request_uid: str, living: Coroutine[Any, Any, None]) -> bool:
        """Have an order live its life with one kit after the other; whether any died of it."""
        story = asyncio.create_task(living)
        died = False
        try:
            while not story.done():
                assert len(self.places) < _DEATHS_MAX, "there is no end of new places"
                async with self.kit(request_uid) as end:
                    async with patience():
                        await asyncio.wait({story, end}, return_when=asyncio.FIRST_COMPLETED)
                    if not story.done():
                        self.places.append(end.result())
                        died = True
        finally:
            story.cancel()
            await asyncio.gather(story, return_exceptions=True)
        story.result()
        return died

    async def story(self, order: PosOrder) -> None:
        """The order as its hub lives it, and what must be true in the end."""
        uid = order.request_uid
        said = await self._hub.settle(order)
        tickets = self.pos.tickets(order.online_order_id or "")
        story = f"{order.notes or 'well'} after {self.places[-1:]}: {self.pos.asked(uid)}"
        if said.status is PosStatus.ERRORED:  # the POS failed, and said that there is no ticket
            assert (order.notes, tickets) == ("deaf", []), story
        else:
            assert (said.status, [said.pos_order_id]) == (PosStatus.PLACED, tickets), story
        if order.notes == "taken back":
            assert (await self._hub.take_back(order)).status is PosStatus.CANCELLED, story
        again = [await self._hub.certain(order) for _ in range(2)]
        read = await self._hub.certain(order, read=True)
        assert {(one.status, one.body) for one in (*again, read)} == {(200, read.body)}, story
        last = self._hub.verified(read)
        assert last.pos_order_id == said.pos_order_id, story
        assert last.status is (PosStatus.CANCELLED if order.notes == "taken back" else said.status), story
        asked = [what for what in self.pos.asked(uid) if what != "found"]
        assert all(pair != ("place", "place") for pair in pairwise(asked)), story
        if uid in self._hub.promised:
            while last.status not in {one.status for one in self._ear.of(uid)}:
                await asyncio.sleep(0.02)
            assert {one.pos_order_id for one in self._ear.of(uid)} == {said.pos_order_id}, story

    @asynccontextmanager
    async def kit(self, request_uid: str = "") -> AsyncIterator[asyncio.Task[str]]:
        """A kit that dies of an order, or of none; the task's result is its last words."""
        errand = {"request_uid": request_uid, "spared": self.places, "one_in": ONE_IN}
        words = ("pos", "serve", "paper_pos:PaperPos", "--port", str(self._port), "--log-level", "error")
        async with forked(_PROGRAM, json.dumps(errand), *words, environment=self._environment) as (_, said):
            end = asyncio.create_task(_last_words(said))
            try:
                yield end
            finally:
                end.cancel()

    async def serves(self) -> None:
        """Wait until a kit serves."""
        while isinstance(await self._hub.read("nothing", an_order_in("", self.callback_url)), NoAnswer):
            await asyncio.sleep(0.02)


async def _last_words(stdout: asyncio.StreamReader) -> str:
    words = ""
    while line := (await stdout.readline()).decode().strip():
        words = line
    return words


@asynccontextmanager
async def kits(folder: Path, where: str) -> AsyncIterator[Kits]:
    store = await open_store(where)
    await store.add_location(Mapped(ORGANIZATION, LOCATION, Location("acme", "main")))
    await store.close()
    port = keep_port()
    connection = PosConnection(f"http://127.0.0.1:{port}", SHARED_ID)
    async with (
        an_ear(SHARED_ID) as ear,
        Outbound(AddressGuard(("127.0.0.0/8",))) as outbound,
    ):
        with closing(PaperPos(str(folder / "pos.sqlite"))) as pos:
            yield Kits(folder, where, ear, CarefulHub(connection, outbound), port, pos)


def an_order_in(mood: str, ear_url: str) -> PosOrder:
    return an_order(
        an_item("BURGER", 999),
        organization_id=ORGANIZATION,
        location_id=LOCATION,
        notes=mood or None,
        callback_url=ear_url,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return str(tmp_path / "kit.sqlite") if request.param == "sqlite" else request.getfixturevalue("dsn")


async def test_a_kit_killed_at_every_await_and_commit_makes_one_ticket_and_gives_one_answer(
    where: str, tmp_path: Path
) -> None:
    moods = _MOODS if where.endswith(".sqlite") else _SLOW_MOODS
    async with kits(tmp_path, where) as lived:
        unharmed = 0
        for number in count():
            order = an_order_in(moods[number % len(moods)], lived.callback_url)
            died = await lived.live_through(order.request_uid, lived.story(order))
            unharmed = 0 if died else unharmed + 1
            if unharmed == len(moods):
                break
    places = lived.places
    assert len(places) == len(set(places)) >= 20
    for part in ("_begin:", "place:", "_deferred:", "finish:", "take_over:", "_settled:", "_bring:"):
        assert any(part in place for place in places), f"no kit died in {part} {places}"


async def test_a_hub_confirms_every_order_once_whatever_its_kit_dies_of(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BREAKER_FAILURES", 1_000)  # a kit that dies so often would be left alone for a while
    monkeypatch.setattr(limits, "BACKOFF_CAP_S", 2.0)  # and the order of one that dies over and over tried more seldom
    async with kits(tmp_path, str(tmp_path / "kit.sqlite")) as lived, AsyncExitStack() as stack:
        async with lived.kit():
            await lived.serves()
            town = await stack.enter_async_context(a_town(dsn, pos_url=lived.pos_url))
        for number in range(3):
            order_id = await town.send(f"N-{number}")
            await lived.live_through(submit_uid(order_id), confirmed(town, lived, order_id))
    assert len(lived.places) >= 10


async def confirmed(town: Town, lived: Kits, order_id: OrderId) -> None:
    """The order as the guests see it."""
    order = await town.until(order_id, Status.CONFIRMED, Status.REJECTED, Status.FAILED)
    story = [f"{row.step} -> {row.after} ({row.note})" for row in await town.history(order_id)]
    assert order.status is Status.CONFIRMED, story
    assert lived.pos.tickets(order_id) == [order.pos_order_id], story
    assert (await town.told(order_id, "order.confirmed")).count("order.confirmed") == 1
