"""A POS that is slow, late, or silent: 202 and the outcome later, by read and by callback; one ticket all the same."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from heard import limits
from heard.domain.pos import PosOrder, PosStatus
from heard.pos import KitchenState, Location, Order, OrderRef, Placed, PosApp, Standing, app
from heard.pos.store import open_store
from heard.pos.store.database import Statement
from heard.pos.testing import Heard, Hub, an_item, an_order
from heard.protocols.posnext import auth
from lengths import patience
from ports import keep_port
from pos.ears import HANG, Ear, an_ear
from pos.kits import SHARED_ID, AsyncPos, ScriptedPos, a_kit

MAIN = Location("demo", "main")
LOCAL = ("127.0.0.0/8",)


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return str(tmp_path / "kit.sqlite") if request.param == "sqlite" else request.getfixturevalue("dsn")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds for the sake of others takes less here."""
    monkeypatch.setattr(limits, "KIT_LOOK_S", 0.05)
    monkeypatch.setattr(limits, "CALLBACK_CAP_S", 0.1)
    monkeypatch.setattr(limits, "BACKOFF_CAP_S", 0.1)


@asynccontextmanager
async def a_slow_kit(pos: object, where: str, **given: Any) -> AsyncIterator[tuple[PosApp, Hub]]:
    async with a_kit(pos, where, answer_within_s=0.2, allow=LOCAL, **given) as (kit, hub):
        yield kit, hub


def an_order_for(ear: Ear | None = None, **changes: Any) -> PosOrder:
    return an_order(an_item("BURGER", 999), callback_url=ear.url if ear else None, **changes)


async def until_decided(hub: Hub, order: PosOrder) -> Heard:
    async with patience():
        while (heard := await hub.status(order.request_uid)).json["status"] == "pending":
            await asyncio.sleep(0.02)
    return heard


# --- 202, then the answer ---------------------------------------------------------------------------------


async def test_a_slow_submit_is_told_as_202_and_read_until_it_is_placed(where: str) -> None:
    pos = ScriptedPos()
    async with a_slow_kit(pos, where) as (_, hub):
        pos.held.clear()
        order = an_order_for()
        waiting = await hub.submit(order)
        assert (waiting.status, waiting.json["status"]) == (202, "pending")
        assert waiting.headers["location"] == f"/posnext/orders/{order.request_uid}"
        assert int(waiting.headers["retry-after"]) > 0
        assert auth.DIGEST_HEADER in waiting.headers  # which the hub has verified
        assert "pos_order_id" not in waiting.json["order_details"]
        read = await hub.call("GET", waiting.headers["location"], None)
        assert (read.status, read.json["status"]) == (200, "pending")
        assert (await hub.submit(order)).status == 202
        pos.held.set()
        placed = await until_decided(hub, order)
        assert placed.json["status"] == "placed"
        again = await hub.submit(order)
        assert (again.status, again.body) == (200, placed.body)
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_slow_validate_is_told_as_202_too(where: str) -> None:
    pos = ScriptedPos()
    async with a_slow_kit(pos, where) as (_, hub):
        pos.held.clear()
        order = an_order_for()
        heard = await asyncio.gather(*(hub.validate(order) for _ in range(10)))
        assert {one.status for one in heard} == {202}
        pos.held.set()
        assert (await until_decided(hub, order)).json["status"] == "validated"
        assert (await hub.validate(order)).json["status"] == "validated"
    assert (pos.calls["validate"], pos.calls["place"]) == (1, 0)


async def test_the_outcome_is_called_back_signed(where: str) -> None:
    pos = ScriptedPos()
    async with an_ear(SHARED_ID) as ear, a_slow_kit(pos, where) as (_, hub):
        quick, slow = an_order_for(ear), an_order_for(ear)
        assert (await hub.submit(quick)).status == 200
        pos.held.clear()
        assert (await hub.submit(slow)).status == 202
        pos.held.set()
        (said,) = await ear.until(1)
        assert (said.request_uid, said.status) == (slow.request_uid, PosStatus.PLACED)
        assert said.pos_order_id == pos.tickets[slow.request_uid]
        assert ear.of(quick.request_uid) == [], "it was answered already"


async def test_a_callback_is_brought_until_it_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POS_CALL_TIMEOUT_S", 0.3)
    pos, port = ScriptedPos(), keep_port()
    async with a_slow_kit(pos, str(tmp_path / "kit.sqlite")) as (kit, hub):
        pos.held.clear()
        order = replace(an_order_for(), callback_url=f"http://127.0.0.1:{port}/callbacks")
        assert (await hub.submit(order)).status == 202
        pos.held.set()
        await until_decided(hub, order)
        async with patience():  # nobody listens on the port
            while (await tries_of(kit)) != [2]:
                await asyncio.sleep(0.02)
        async with an_ear(SHARED_ID, 410, 500, HANG, 302, 429, port=port) as ear:
            (said,) = await ear.until(1)
            assert (said.request_uid, said.status) == (order.request_uid, PosStatus.PLACED)
            assert ear.tries == 6
            async with patience():
                while await tries_of(kit):
                    await asyncio.sleep(0.02)


async def test_a_callback_outlives_its_process(where: str) -> None:
    pos, port = ScriptedPos(), keep_port()
    order = replace(an_order_for(), callback_url=f"http://127.0.0.1:{port}/callbacks")
    async with a_slow_kit(pos, where) as (_, hub):
        pos.held.clear()
        assert (await hub.submit(order)).status == 202
        pos.held.set()
        await until_decided(hub, order)
    between = await open_store(where)
    await between._database.write(due_now())
    await between.close()
    async with an_ear(SHARED_ID, port=port) as ear, a_slow_kit(pos, where):
        assert [said.request_uid for said in await ear.until(1)] == [order.request_uid]


async def test_a_hub_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    pos = ScriptedPos()
    async with (
        an_ear(SHARED_ID, *[HANG] * 50) as hanging,
        an_ear(SHARED_ID) as ear,
        a_slow_kit(pos, str(tmp_path / "kit.sqlite")) as (_, hub),
    ):
        pos.held.clear()
        first, second = an_order_for(hanging), an_order_for(ear)
        for order in (first, second):
            assert (await hub.submit(order)).status == 202
            pos.held.set()
            await until_decided(hub, order)
            async with patience():
                while not hanging.tries:
                    await asyncio.sleep(0.02)
            pos.held.clear()
        pos.held.set()
        assert len(await ear.until(1)) == 1
        assert hanging.heard == []


async def test_a_private_address_is_not_called_unless_it_is_allowed(tmp_path: Path) -> None:
    pos = ScriptedPos()
    store = str(tmp_path / "kit.sqlite")
    async with an_ear(SHARED_ID) as ear:
        order = an_order_for(ear)
        async with a_kit(pos, store, answer_within_s=0.05) as (kit, hub):
            pos.held.clear()
            assert (await hub.submit(order)).status == 202
            pos.held.set()
            await until_decided(hub, order)
            async with patience():
                while await tries_of(kit) != [2]:
                    await asyncio.sleep(0.02)
            assert ear.tries == 0
        async with a_slow_kit(pos, store) as (kit, _):
            await kit.store._database.write(due_now())
            assert len(await ear.until(1)) == 1


async def test_the_kitchen_is_called_back_and_read(where: str) -> None:
    pos = ScriptedPos()
    async with an_ear(SHARED_ID) as ear, a_slow_kit(pos, where) as (kit, hub):
        order = an_order_for(ear)
        number = (await hub.submit(order)).json["order_details"]["pos_order_id"]
        at = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
        for count, state in enumerate((KitchenState.IN_PREPARATION, KitchenState.READY, KitchenState.COMPLETED), 1):
            pos.kitchen = state
            assert await kit.report(MAIN, Standing(number, state, at))
            said = (await ear.until(count))[-1]
            assert (said.kitchen, said.estimated_ready_at, said.pos_order_id) == (state, at, number)
            assert (await hub.status(order.request_uid)).json["fulfillment_status"] == state.value
            assert (await hub.status(number)).json["fulfillment_status"] == state.value
        assert await kit.report(MAIN, Standing(number, cancelled=True))
        assert (await ear.until(4))[-1].status is PosStatus.CANCELLED


# --- how many at once -------------------------------------------------------------------------------------


class Crowded(ScriptedPos):
    """Counts who is inside at the same time, for each location."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.inside: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def place(self, order: Order) -> Any:
        self._enter(order.location, 1)
        try:
            if order.location.location_id == "quick":
                return Placed("Q1")
            return super().place(order)
        finally:
            self._enter(order.location, -1)

    def status(self, ref: OrderRef) -> Standing | None:
        self._enter(ref.location, 1)
        try:
            assert self.held.wait(20)
            return super().status(ref)
        finally:
            self._enter(ref.location, -1)

    def _enter(self, location: Location, change: int) -> None:
        with self._lock:
            name = location.location_id
            self.inside[name] = self.inside.get(name, 0) + change
            self.most[name] = max(self.most.get(name, 0), self.inside[name])


async def test_a_location_has_so_many_places_and_delays_no_other(tmp_path: Path) -> None:
    pos = Crowded()
    async with a_slow_kit(pos, str(tmp_path / "kit.sqlite"), at_once=3) as (kit, hub):
        other = Hub(kit, SHARED_ID, "demo", "demo-2")
        await other.know("quick")
        pos.held.clear()
        orders = [an_order_for() for _ in range(20)]
        heard = await asyncio.gather(*(hub.submit(order) for order in orders))
        assert {one.status for one in heard} == {202}
        assert (await other.submit(an_order_for())).status == 200
        assert pos.inside["main"] == pos.most["main"] == 3
        pos.held.set()
        for order in orders:
            assert (await until_decided(hub, order)).json["status"] == "placed"
        assert pos.most["main"] == 3
    assert len(pos.tickets) == 20


async def test_reads_that_gave_up_still_hold_their_places_until_the_pos_lets_them_go(tmp_path: Path) -> None:
    pos = Crowded()
    async with a_slow_kit(pos, str(tmp_path / "kit.sqlite"), at_once=3) as (_, hub):
        order = an_order_for()
        placed = await hub.submit(order)
        pos.held.clear()
        reads = await asyncio.gather(*(hub.status(order.request_uid) for _ in range(30)))
        assert {read.body for read in reads} == {placed.body}
        assert pos.inside["main"] == pos.most["main"] == 3
        pos.held.set()
        assert (await until_decided(hub, order)).json["status"] == "placed"
        next_order = an_order_for()
        await hub.submit(next_order)
        assert (await until_decided(hub, next_order)).json["status"] == "placed"


# --- too late ---------------------------------------------------------------------------------------------


def an_hour_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


async def test_what_comes_after_its_time_is_rejected_without_asking_the_pos(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, hub):
        late = an_order_for(request_datetime=an_hour_ago(), ttl_s=60)
        for call in (hub.submit, hub.validate):
            heard = await call(late)
            assert (heard.status, heard.json["status"]) == (200, "rejected")
            assert heard.json["errors"][0]["code"] == "order_expired"
            assert (await call(late)).body == heard.body
        assert (await hub.submit(an_order_for(request_datetime=an_hour_ago(), ttl_s=7200))).json["status"] == "placed"
    assert pos.calls["validate"] == 0
    assert pos.calls["place"] == 1


async def test_what_waits_for_the_pos_beyond_its_time_is_rejected(tmp_path: Path) -> None:
    pos = ScriptedPos()
    async with a_slow_kit(pos, str(tmp_path / "kit.sqlite"), at_once=1) as (_, hub):
        pos.held.clear()
        first = an_order_for()
        await hub.submit(first)
        soon = an_order_for(ttl_s=1)
        assert (await hub.submit(soon)).status == 202
        late = an_order_for(request_datetime=an_hour_ago(), ttl_s=60)
        assert (await hub.submit(late)).json["status"] == "rejected", "it waits for nobody"
        await asyncio.sleep(2.1 - datetime.now(UTC).timestamp() % 1)
        pos.held.set()
        assert (await until_decided(hub, first)).json["status"] == "placed"
        assert (await until_decided(hub, soon)).json["errors"][0]["code"] == "order_expired"
    assert set(pos.tickets) == {first.request_uid}


# --- what became of it ------------------------------------------------------------------------------------


async def test_a_place_that_raises_after_it_placed_is_settled_by_asking(where: str) -> None:
    pos = ScriptedPos()
    pos.raises_after_placing = True
    async with a_kit(pos, where) as (_, hub):
        order = an_order_for()
        heard = await hub.submit(order)
        assert (heard.status, heard.json["status"]) == (200, "placed")
        assert heard.json["order_details"]["pos_order_id"] == pos.tickets[order.request_uid]
    assert (pos.calls["place"], pos.calls["status"], len(pos.tickets)) == (1, 1, 1)


@pytest.mark.parametrize("kind", [ScriptedPos, lambda: AsyncPos(ScriptedPos())])
@pytest.mark.parametrize("fault", [OSError("the till is off"), SystemExit(3), asyncio.CancelledError()])
async def test_a_place_that_raises_before_it_placed_is_an_error_that_may_be_tried_again(
    tmp_path: Path, kind: type, fault: Any
) -> None:
    pos = kind()
    inner: ScriptedPos = getattr(pos, "_inner", pos)

    def failing(order: Order) -> Any:
        inner.calls["place"] += 1
        raise fault

    inner.place = failing  # type: ignore[method-assign]
    async with a_kit(pos, str(tmp_path / "kit.sqlite")) as (_, hub):
        heard = await hub.submit(an_order_for())
        assert (heard.status, heard.json["status"]) == (200, "errored")
        assert heard.json["errors"][0]["retryable"] is True
    assert (inner.calls["place"], inner.calls["status"], inner.tickets) == (1, 1, {})


async def test_a_status_that_fails_first_is_asked_until_it_says(where: str) -> None:
    pos = ScriptedPos()
    pos.raises_after_placing = True
    pos.asking = TimeoutError("the till is off")
    async with a_slow_kit(pos, where) as (_, hub):
        order = an_order_for()
        assert (await hub.submit(order)).status == 202
        async with patience():
            while pos.calls["status"] < 3:
                await asyncio.sleep(0.02)
        assert (await hub.status(order.request_uid)).json["status"] == "pending"
        pos.asking = None
        assert (await until_decided(hub, order)).json["status"] == "placed"
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_status_that_never_says_is_told_as_unknown_and_placed_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SETTLE_TRIES_MAX", 3)
    pos = ScriptedPos()
    pos.raises_after_placing = True
    pos.asking = TimeoutError("the till is off")
    async with a_slow_kit(pos, str(tmp_path / "kit.sqlite")) as (_, hub):
        order = an_order_for()
        await hub.submit(order)
        heard = await until_decided(hub, order)
        error = heard.json["errors"][0]
        assert (heard.json["status"], error["code"], error["retryable"]) == ("errored", "outcome_unknown", False)
        assert (await hub.submit(order)).body == heard.body
    assert pos.calls["place"] == 1


async def test_a_place_cut_short_by_the_end_of_its_process_is_settled_by_the_next(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KIT_LEASE_S", 0.3)
    monkeypatch.setattr(limits, "SHUTDOWN_S", 0.05)
    pos = ScriptedPos()
    pos.kitchen = KitchenState.READY
    async with an_ear(SHARED_ID) as ear:
        order = an_order_for(ear)
        async with a_slow_kit(pos, where) as (_, hub):
            pos.held.clear()
            assert (await hub.submit(order)).status == 202
        pos.held.set()
        async with patience():
            while not pos.tickets:
                await asyncio.sleep(0.02)
        async with a_slow_kit(pos, where) as (_, hub):
            heard = await until_decided(hub, order)
            assert (heard.json["status"], heard.json["fulfillment_status"]) == ("placed", "ready")
            (said,) = await ear.until(1)
            assert (said.status, said.kitchen) == (PosStatus.PLACED, KitchenState.READY)
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_process_that_was_held_up_beyond_its_lease_still_answers_once(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pos = ScriptedPos()
    async with a_slow_kit(pos, where) as (kit, hub):
        pos.held.clear()
        order = an_order_for()
        assert (await hub.submit(order)).status == 202
        await kit.store._database.write(lease_ended())
        async with patience():
            while (record := await kit.store.find_order("demo", order.request_uid)) is None or record.attempt < 2:
                await asyncio.sleep(0.02)
        pos.held.set()
        assert (await until_decided(hub, order)).json["status"] == "placed"
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


# --- an adapter that lives --------------------------------------------------------------------------------


async def test_an_adapter_may_report_while_the_kit_starts_and_while_it_ends(tmp_path: Path) -> None:
    reported: list[bool] = []

    class Kitchens(ScriptedPos):
        async def started(self, kit: Any) -> None:
            self.kit = kit
            reported.append(await kit.report(MAIN, Standing("T1", KitchenState.IN_PREPARATION)))

        async def stopped(self) -> None:
            reported.append(await self.kit.report(MAIN, Standing("T1", KitchenState.READY)))

    pos, store = Kitchens(), str(tmp_path / "kit.sqlite")
    order = an_order_for()
    async with patience():
        async with a_kit(pos, store) as (_, hub):
            await hub.submit(order)
        async with a_kit(pos, store) as (_, hub):
            assert (await hub.submit(order)).json["fulfillment_status"] == "in_preparation"
    assert reported == [False, True, True, True]


async def test_an_adapter_that_cannot_start_is_started_by_the_next_request(tmp_path: Path) -> None:
    class Shy(ScriptedPos):
        starts = 0

        async def started(self, kit: Any) -> None:
            self.starts += 1
            if self.starts == 1:
                raise OSError("the till is off")

        async def stopped(self) -> None: ...

    pos = Shy()
    kit = app(pos, shared_id=SHARED_ID, store=str(tmp_path / "kit.sqlite"))
    hub = Hub(kit, SHARED_ID)
    refused = await hub.submit(an_order_for())
    assert (refused.status, refused.json["code"]) == (503, "unavailable")
    await hub.know("main")
    assert (await hub.submit(an_order_for())).status == 200
    await kit.close()


async def tries_of(kit: PosApp) -> list[int]:
    """The failed tries of every callback that is not heard."""
    rows = await kit.store._database.read("SELECT attempts FROM pos_callbacks")
    return [min(row["attempts"], 2) for row in rows]


def due_now() -> Statement:
    return Statement("UPDATE pos_callbacks SET next_at = 0 RETURNING 1")


def lease_ended() -> Statement:
    return Statement("UPDATE pos_requests SET lease_until = 0 WHERE status IS NULL RETURNING 1")
