"""The POS kit is killed at every await and commit between a submit's arrival and its answer: one ticket, one answer."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path

import msgspec
from careful_hub import CarefulHub
from paper_pos import PaperPos

from heard.domain.ids import LocationId, OrganizationId
from heard.domain.pos import PosOrder, PosStatus
from heard.domain.stores import PosConnection
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.pos import Location
from heard.pos.store import Mapped, open_store
from heard.pos.testing import an_item, an_order
from pos.ears import Ear, a_free_port, an_ear

_PROGRAM = Path(__file__).with_name("dying_kit.py")
_SHARED_ID = "SharedSecret-123"
_DEATHS_MAX = 120
_MOODS = ("", "slow", "silent", "deaf")


class Kits:
    """A kit after the other on one store, one POS and one port; each dies at a place of its own."""

    def __init__(self, folder: Path, ear: Ear, hub: CarefulHub, port: int) -> None:
        self.pos, self._ear, self._hub, self._port = PaperPos(str(folder / "pos.sqlite")), ear, hub, port
        self.places: list[str] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
        self._environment = {
            **clean,
            "PAPER_POS": str(folder / "pos.sqlite"),
            "HEARD_POS_SHARED_ID": _SHARED_ID,
            "HEARD_POS_STORE": str(folder / "kit.sqlite"),
            "HEARD_POS_ANSWER_WITHIN_S": "0.1",
            "HEARD_POS_ALLOW": "127.0.0.0/8",
        }

    async def live_through(self, order: PosOrder) -> bool:
        """Have an order submitted and answered by one kit after the other; whether any died of it."""
        story = asyncio.create_task(self._story(order))
        died = False
        try:
            while not story.done():
                assert len(self.places) < _DEATHS_MAX, "there is no end of new places"
                async with self._kit(order.request_uid) as end:
                    async with asyncio.timeout(20):
                        await asyncio.wait({story, end}, return_when=asyncio.FIRST_COMPLETED)
                    if not story.done():
                        self.places.append(end.result())
                        died = True
        finally:
            story.cancel()
            await asyncio.gather(story, return_exceptions=True)
        story.result()
        return died

    async def _story(self, order: PosOrder) -> None:
        """The order as its hub lives it, and what must be true in the end."""
        uid = order.request_uid
        said = await self._hub.settle(order)
        tickets = self.pos.tickets(order.online_order_id or "")
        story = f"{order.notes or 'well'} after {self.places[-1:]}: {self.pos.asked(uid)}"
        if said.status is PosStatus.ERRORED:  # the POS failed, and said that there is no ticket
            assert (order.notes, tickets) == ("deaf", []), story
        else:
            assert (said.status, [said.pos_order_id]) == (PosStatus.PLACED, tickets), story
        again = [await self._hub.certain(order) for _ in range(2)]
        read = await self._hub.certain(order, read=True)
        assert {(one.status, one.body) for one in (*again, read)} == {(200, read.body)}, story
        assert self._hub.verified(read).pos_order_id == said.pos_order_id, story
        asked = [what for what in self.pos.asked(uid) if what != "found"]
        assert all(pair != ("place", "place") for pair in pairwise(asked)), story
        if uid in self._hub.promised:
            while not self._ear.of(uid):
                await asyncio.sleep(0.02)
            assert {one.pos_order_id for one in self._ear.of(uid)} == {said.pos_order_id}, story

    @asynccontextmanager
    async def _kit(self, request_uid: str) -> AsyncIterator[asyncio.Task[str]]:
        """A kit; the task's result is its last words."""
        process = self._maker
        assert process.stdin is not None
        assert process.stdout is not None
        errand = {"request_uid": request_uid, "spared": self.places}
        process.stdin.write(msgspec.json.encode(errand) + b"\n")
        kit = int((await process.stdout.readline()).split()[1])
        end = asyncio.create_task(_last_words(process.stdout))
        try:
            yield end
        finally:
            if not end.done():
                os.kill(kit, signal.SIGKILL)
            await end

    async def __aenter__(self) -> "Kits":
        words = ("pos", "serve", "paper_pos:PaperPos", "--port", str(self._port), "--log-level", "error")
        self._maker = await asyncio.create_subprocess_exec(
            *(sys.executable, str(_PROGRAM), *words),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._maker.communicate(b"")
        self.pos.close()


async def _last_words(stdout: asyncio.StreamReader) -> str:
    words = ""
    while (line := (await stdout.readline()).decode().strip()) != "ended":
        assert line, "no kit can be made any more"
        words = line
    return words


@asynccontextmanager
async def kits(folder: Path) -> AsyncIterator[Kits]:
    store = await open_store(str(folder / "kit.sqlite"))
    await store.add_location(Mapped("acme", "LOC-1", Location("acme", "main")))
    await store.close()
    port = a_free_port()
    connection = PosConnection(f"http://127.0.0.1:{port}", _SHARED_ID)
    async with (
        an_ear(_SHARED_ID) as ear,
        Outbound(AddressGuard(("127.0.0.0/8",))) as outbound,
        Kits(folder, ear, CarefulHub(connection, outbound), port) as made,
    ):
        yield made


def an_order_in(mood: str, ear_url: str) -> PosOrder:
    return an_order(
        an_item("BURGER", 999),
        organization_id=OrganizationId("acme"),
        location_id=LocationId("LOC-1"),
        notes=mood or None,
        callback_url=ear_url,
    )


async def test_a_kit_killed_at_every_await_and_commit_makes_one_ticket_and_gives_one_answer(tmp_path: Path) -> None:
    async with kits(tmp_path) as lived:
        unharmed = 0
        for number in count():
            died = await lived.live_through(an_order_in(_MOODS[number % len(_MOODS)], lived._ear.url))
            unharmed = 0 if died else unharmed + 1
            if unharmed == len(_MOODS):
                break
    places = lived.places
    assert len(places) == len(set(places)) >= 20
    for part in (
        "_begin:",
        "place:",
        "_deferred:",
        "finish:",
        "take_over:",
        "_settled:",
        "_bring:",
        "before the commit",
    ):
        assert any(part in place for place in places), f"no kit died in {part}: {places}"
