"""Adapters that never return, or do not let themselves be stopped: they hold their own location's places, no others."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asking import problem_of
from heard import limits
from heard.pos import Location, Menu, Order, OrderRef, Placed, Standing
from heard.pos.store import Mapped
from lengths import patience
from pos.kits import ScriptedPos
from pos.strangers import MENUS, Stranger, a_served_kit, an_order, the_log

OTHER = Location("demo", "other")
ASK_MENU = {"organization_id": "demo", "location_id": "demo-1"}


class HungPos(ScriptedPos):
    """Plain methods; at the location main, those in `hangs` wait until they are let go."""

    def __init__(self, *hangs: str) -> None:
        super().__init__()
        self.hangs, self.go = set(hangs), threading.Event()
        self.waiting = 0

    def _hang(self, name: str, location: Location) -> None:
        if name in self.hangs and location != OTHER:
            self.waiting += 1
            assert self.go.wait(20), "a test let nobody go on"

    def menu(self, location: Location) -> Menu:
        self._hang("menu", location)
        return super().menu(location)

    def validate(self, order: Order) -> Any:
        self._hang("validate", order.location)
        return super().validate(order)

    def place(self, order: Order) -> Any:
        self._hang("place", order.location)
        return super().place(order)

    def status(self, ref: OrderRef) -> Standing | None:
        self._hang("status", ref.location)
        return super().status(ref)


class StubbornPos(ScriptedPos):
    """`async` methods that go on when they are told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.told_to_stop = 0

    async def menu(self, location: Location) -> Menu:  # type: ignore[override]
        if location != OTHER:
            await self._sit()
        return super().menu(location)

    async def place(self, order: Order) -> Placed:
        if order.location != OTHER:
            await self._sit()
        return super().place(order)

    async def _sit(self) -> None:
        while not self.go.is_set():
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                self.told_to_stop += 1


@asynccontextmanager
async def a_kit_of_two(pos: HungPos | StubbornPos, **given: Any) -> AsyncIterator[Stranger]:
    """PAR's demo-1 is main, demo-2 is other. On leaving, whatever hangs is let go first."""
    async with a_served_kit(pos, **{"answer_within_s": 0.05, "at_once": 2, **given}) as stranger:
        await stranger.kit.store.add_location(Mapped("demo", "demo-2", OTHER))
        try:
            yield stranger
        finally:
            pos.go.set()


async def until_settled(stranger: Stranger, uid: str) -> dict[str, Any]:
    async with patience():
        while (said := stranger.good(await stranger.status(uid)))["status"] == "pending":
            await asyncio.sleep(0.01)
    return said


async def test_a_place_that_never_returns_is_pending_and_is_asked_once() -> None:
    pos = HungPos("place")
    async with a_kit_of_two(pos) as stranger:
        for _ in range(3):
            answer = await stranger.submit(an_order())
            assert stranger.good(answer, 202)["status"] == "pending"
            assert stranger.good(await stranger.status("U-1"))["status"] == "pending"
        pos.go.set()
        assert (await until_settled(stranger, "U-1"))["status"] == "placed"
        assert pos.calls["place"] == 1


async def test_a_location_whose_pos_hangs_takes_no_places_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again and again, with four threads in all: each call given up keeps its place until it really ends."""
    monkeypatch.setattr(limits, "ADAPTER_THREADS_MAX", 4)
    monkeypatch.setattr(limits, "MENU_CALL_TIMEOUT_S", 0.03)
    pos = HungPos()
    async with a_kit_of_two(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
        pos.hangs |= {"status", "menu", "validate", "place"}
        for number in range(6):
            assert stranger.good(await stranger.status("U-1"))["status"] == "placed"
            problem_of(await stranger.call("POST", MENUS, ASK_MENU), 503, "unavailable")
            stranger.good(await stranger.validate(an_order(f"V-{number}", place=False)), 202)
            stranger.good(await stranger.submit(an_order(f"W-{number}")), 202)
        assert pos.waiting == 2
        theirs = an_order("U-2", location_id="demo-2")
        assert stranger.good(await stranger.submit(theirs))["status"] == "placed"
        assert stranger.good(await stranger.status("U-2"))["status"] == "placed"
        monkeypatch.setattr(limits, "MENU_CALL_TIMEOUT_S", 10.0)
        assert (await stranger.call("POST", MENUS, {**ASK_MENU, "location_id": "demo-2"})).status == 200
        pos.go.set()
        for number in range(6):  # and once it comes back, nothing was lost or doubled
            assert (await until_settled(stranger, f"W-{number}"))["status"] == "placed"
        assert pos.calls["place"] == 8
        assert (await stranger.call("POST", MENUS, ASK_MENU)).status == 200


async def test_more_than_may_wait_for_one_location_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WAITING_MAX", 5)
    pos = HungPos("place")
    async with a_kit_of_two(pos, answer_within_s=0.01) as stranger:
        for number in range(5):
            stranger.good(await stranger.submit(an_order(f"U-{number}")), 202)
        before = await stranger.rows()
        answer = await stranger.submit(an_order("U-9"))
        assert problem_of(answer, 503, "unavailable")["retryable"] is True
        assert answer.headers["retry-after"] == "2"
        assert await stranger.rows() == before
        stranger.good(await stranger.submit(an_order("U-0")), 202)  # a repeat is no more
        pos.go.set()
        for number in range(5):
            await until_settled(stranger, f"U-{number}")
        assert (await stranger.submit(an_order("U-9"))).status in (200, 202)  # there is room for it again
        assert (await until_settled(stranger, "U-9"))["status"] == "placed"


async def test_what_does_not_let_itself_be_stopped_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MENU_CALL_TIMEOUT_S", 0.03)
    pos = StubbornPos()
    async with a_kit_of_two(pos) as stranger:
        for _ in range(3):
            problem_of(await stranger.call("POST", MENUS, ASK_MENU), 503, "unavailable")
        assert pos.told_to_stop == 2  # two places, and the third call never got one
        assert (await stranger.call("POST", MENUS, {**ASK_MENU, "location_id": "demo-2"})).status == 200
        pos.go.set()
        async with patience():
            while (await stranger.call("POST", MENUS, ASK_MENU)).status != 200:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", [lambda: HungPos("place"), StubbornPos])
async def test_a_kit_closes_whatever_its_adapter_is_at_and_the_order_is_settled_by_the_next(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    monkeypatch.setattr(limits, "SHUTDOWN_S", 0.05)
    monkeypatch.setattr(limits, "KIT_LEASE_S", 0.3)
    pos, store = kind(), str(tmp_path / "kit.sqlite")
    async with patience(), a_served_kit(pos, store, answer_within_s=0.05) as stranger:
        stranger.good(await stranger.submit(an_order()), 202)
    pos.go.set()
    async with patience():
        while not pos.tickets:  # the old process's call comes through after all
            await asyncio.sleep(0.01)
    async with a_served_kit(pos, store) as stranger:
        said = await until_settled(stranger, "U-1")
        assert (said["status"], said["order_details"]["pos_order_id"]) == ("placed", "T1")
        assert pos.calls["place"] == 1


def test_a_process_ends_though_a_thread_of_the_adapter_hangs() -> None:
    program = """
import asyncio, threading
from pos.kits import ScriptedPos, a_kit
from heard import limits
from heard.pos.testing import a_modifier, an_item, an_order
limits.SHUTDOWN_S = 0.05

class Hung(ScriptedPos):
    def place(self, order):
        threading.Event().wait()

async def main():
    async with a_kit(Hung(), ":memory:", answer_within_s=0.05) as (kit, hub):
        print((await hub.submit(an_order(an_item("BURGER", 999)))).status)

asyncio.run(main())
print("ended")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert ended.stdout.split()[-2:] == ["202", "ended"], ended


# --- beginning and ending -------------------------------------------------------------------------------------


class LivePos(ScriptedPos):
    """Told when the kit starts and ends; fails as often as a test wants."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures, self.begun, self.ended = failures, 0, 0
        self.reported: bool | None = None

    async def started(self, kit: Any) -> None:
        self.begun += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the till is off: password hunter2")
        self.reported = await kit.report(Location("demo", "main"), Standing("T9"))

    async def stopped(self) -> None:
        self.ended += 1
        raise SystemError("no")


async def test_an_adapter_may_report_while_it_is_told_of_the_start_and_fail_when_told_of_the_end() -> None:
    pos = LivePos()
    async with patience(), a_served_kit(pos) as stranger:
        stranger.good(await stranger.submit(an_order()))
    assert (pos.begun, pos.ended, pos.reported) == (1, 1, False)


async def test_a_kit_that_cannot_start_answers_503_until_it_can(tmp_path: Any) -> None:
    pos, store = LivePos(), str(tmp_path / "kit.sqlite")
    async with a_served_kit(pos, store) as stranger:
        await stranger.kit.close()  # from now on it starts with a request, as a mounted one does
        pos.failures = 2
        for _ in range(2):
            with the_log() as entries:
                answer = await stranger.submit(an_order())
            problem_of(answer, 503, "unavailable")
            assert b"hunter2" not in answer.body
            assert any(entry.get("exc_info") for entry in entries)
            assert "retry-after" in answer.headers
        assert stranger.good(await stranger.submit(an_order()))["status"] == "placed"
        assert (pos.begun, pos.calls["place"]) == (4, 1)
