"""Whatever happens to a kit, in whatever order: one ticket a request, and nothing that was said is taken back."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from builders import a_menu
from heard import limits
from heard.domain.pos import PosOrder
from heard.pos import (
    Cancelled,
    KitchenState,
    Location,
    Menu,
    Order,
    OrderRef,
    Placed,
    PosApp,
    Rejected,
    Standing,
    Validated,
    app,
)
from heard.pos.testing import Heard, Hub, an_item, an_order
from lengths import patience
from pos.ears import Ear, an_ear
from pos.kits import SHARED_ID

MAIN = Location("demo", "main")
_LEASE_S = 0.05
_ORDERS = 3


class MoodyPos:
    """Numbers what it is given, twice if it is given twice. What dies while it waits has done no more than it did."""

    def __init__(self) -> None:
        self.mood = "well"
        self.silent = False  # `status` raises
        self.tickets: dict[str, list[str]] = {}
        self.cancelled: set[str] = set()
        self.kitchen: dict[str, KitchenState] = {}
        self.asked: dict[str, list[str]] = {}
        self.gate = asyncio.Event()

    def menu(self, location: Location) -> Menu:
        return a_menu()

    async def validate(self, order: Order) -> Validated | Rejected:
        mood = self.mood
        if mood in ("slow before", "slow after"):
            await self.gate.wait()
        if mood == "raises before":
            raise OSError("the till is off")
        return Rejected("store_closed", "Closed") if mood == "refuses" else Validated()

    async def place(self, order: Order) -> Placed | Rejected:
        self.asked.setdefault(order.request_uid, []).append("place")
        mood = self.mood
        if mood == "slow before":
            await self.gate.wait()
        if mood == "raises before":
            raise OSError("the till is off")
        if mood == "refuses":
            return Rejected("store_closed", "Closed")
        numbers = self.tickets.setdefault(order.request_uid, [])
        numbers.append(f"T{sum(map(len, self.tickets.values())) + 1}")
        if mood == "slow after":
            await self.gate.wait()
        if mood == "raises after":
            raise TimeoutError("the till does not answer")
        return Placed(numbers[-1])

    async def status(self, ref: OrderRef) -> Standing | None:
        if self.silent:
            raise TimeoutError("the till does not answer")
        numbers = self.tickets.get(ref.request_uid)
        self.asked.setdefault(ref.request_uid, []).append("found" if numbers else "none")
        if not numbers:
            return None
        cancelled = ref.request_uid in self.cancelled
        return Standing(numbers[-1], self.kitchen.get(ref.request_uid), cancelled=cancelled)

    async def cancel(self, ref: OrderRef) -> Cancelled | Rejected:
        if self.kitchen.get(ref.request_uid) is KitchenState.READY and ref.request_uid not in self.cancelled:
            return Rejected("too_late", "The food is made")
        self.cancelled.add(ref.request_uid)
        return Cancelled()


_MOODS = ("well", "slow before", "slow after", "raises before", "raises after", "refuses")
_KINDS = st.sampled_from(["submit", "validate"])
_WHICH = st.integers(0, _ORDERS - 1)


class AnyInterleaving(RuleBasedStateMachine):
    """`said` is the last answer to each request; `changed`, those that news may have changed since."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="heard-kit-"))
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.ear: Ear = self.run(self.stack.enter_async_context(an_ear(SHARED_ID)))
        self.pos = MoodyPos()
        self.orders = [an_order(an_item("BURGER", 999), callback_url=self.ear.url) for _ in range(_ORDERS)]
        self.known: dict[tuple[str, int], bool] = {}  # to the body that was taken: whether it was the other one
        self.maybe: dict[tuple[str, int], bool] = {}  # sent to a kit that died of it
        self.said: dict[tuple[str, int], bytes] = {}
        self.changed: set[int] = set()
        self.taken_back: set[int] = set()
        self.promised: set[int] = set()
        self.run(self.open())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def open(self) -> None:
        self.kit: PosApp = app(
            self.pos,
            shared_id=SHARED_ID,
            store=str(self.folder / "kit.sqlite"),
            answer_within_s=0.01,
            allow=("127.0.0.0/8",),
        )
        self.hub = Hub(self.kit, SHARED_ID)
        await self.hub.know("main")

    def body(self, which: int, other: bool) -> PosOrder:
        order = self.orders[which]
        return replace(order, online_order_id="another") if other else order

    # --- what the hub does --------------------------------------------------------------------------------

    @rule(kind=_KINDS, which=_WHICH, other=st.sampled_from([False, False, False, True]), times=st.integers(1, 4))
    def send(self, kind: str, which: int, other: bool, times: int) -> None:
        for heard in self.run(self.at_once(kind, self.body(which, other), times)):
            self.check_answer(kind, which, other, heard)

    async def at_once(self, kind: str, order: PosOrder, times: int) -> list[Heard]:
        call = self.hub.submit if kind == "submit" else self.hub.validate
        return list(await asyncio.gather(*(call(order) for _ in range(times))))

    def check_answer(self, kind: str, which: int, other: bool, heard: Heard) -> None:
        key = (kind, which)
        if heard.status == 409:
            taken = self.known.get(key, self.maybe.get(key))
            assert taken is not None, "refused for a body that nobody sent"
            assert taken is not other, "the body that was taken is refused"
            return
        assert heard.status in (200, 202), heard
        assert self.known.setdefault(key, other) is other, "another body is taken"
        if heard.status == 202:
            assert key not in self.said, "an answer was taken back"
            if kind == "submit":
                self.promised.add(which)
        else:
            self.check_final(kind, which, heard)

    def check_final(self, kind: str, which: int, heard: Heard) -> None:
        before = self.said.get((kind, which))
        if before is not None and not (kind == "submit" and which in self.changed):
            assert heard.body == before, "a stored answer changed by itself"
        self.said[kind, which] = heard.body
        if kind == "submit" and which in self.taken_back:
            assert heard.json["status"] == "cancelled"

    @rule(which=_WHICH, by_number=st.booleans())
    def read(self, which: int, by_number: bool) -> None:
        said = self.hub_said(which)
        number = said["order_details"].get("pos_order_id") if said else None
        heard = self.run(self.hub.status(number if by_number and number else self.orders[which].request_uid))
        kinds = [kind for kind in ("submit", "validate") if (kind, which) in self.known]
        if heard.status == 404:
            assert not kinds, "what was answered is not known"
            return
        assert heard.status == 200
        if said:
            ends = {said["status"]} | ({"cancelled"} if said["status"] == "placed" else set())
            assert heard.json["status"] in ends, "a final answer is contradicted"

    def hub_said(self, which: int) -> Any:
        """What the hub knows of a submit."""
        raw = self.said.get(("submit", which))
        return Heard(200, {}, raw).json if raw else None

    @rule(which=_WHICH, times=st.integers(1, 3))
    def take_back(self, which: int, times: int) -> None:
        async def at_once() -> list[Heard]:
            return list(await asyncio.gather(*(self.hub.cancel(self.orders[which]) for _ in range(times))))

        said = self.hub_said(which)
        self.changed.add(which)
        for heard in self.run(at_once()):
            assert heard.status in (200, 202, 404, 409), heard
            if said is None or said["status"] not in ("placed", "cancelled"):
                assert heard.status != 202 or said is None
            if heard.status == 200 and heard.json["status"] == "cancelled":
                self.taken_back.add(which)

    # --- what the POS does --------------------------------------------------------------------------------

    @rule(mood=st.sampled_from(_MOODS), silent=st.booleans())
    def mood(self, mood: str, silent: bool) -> None:
        self.pos.mood, self.pos.silent = mood, silent

    @rule()
    def let_go(self) -> None:
        async def let_go() -> None:
            self.pos.gate.set()
            await asyncio.sleep(0.01)
            self.pos.gate = asyncio.Event()

        self.run(let_go())

    @rule(which=_WHICH, state=st.sampled_from(list(KitchenState)), cancelled=st.sampled_from([False, False, True]))
    def kitchen(self, which: int, state: KitchenState, cancelled: bool) -> None:
        uid = self.orders[which].request_uid
        if not (numbers := self.pos.tickets.get(uid)):
            return
        self.pos.kitchen[uid] = state
        if cancelled:
            self.pos.cancelled.add(uid)
        self.changed.add(which)
        known = self.run(self.kit.report(MAIN, Standing(numbers[-1], state, cancelled=cancelled)))
        if (said := self.hub_said(which)) and said["status"] == "placed":
            assert known, "news of a placed ticket is not taken"

    @rule(statuses=st.lists(st.sampled_from([500, 410, 302]), max_size=3))
    def ear_does_badly(self, statuses: list[int]) -> None:
        self.ear.badly += statuses

    @rule(seconds=st.sampled_from([0.0, 0.005, _LEASE_S]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    # --- what happens to the kit --------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        async def restart() -> None:
            await self.kit.close()
            await self.open()

        self.run(restart())
        self.check_known()

    @rule()
    def die(self) -> None:
        self.run(self.die_and_rise())
        self.check_known()

    @rule(kind=_KINDS, which=_WHICH, steps=st.integers(0, 40))
    def die_of(self, kind: str, which: int, steps: int) -> None:
        """The kit dies so many steps into a request."""

        async def die_amid() -> Heard | None:
            sending = asyncio.create_task(self.at_once(kind, self.orders[which], 1))
            for _ in range(steps):
                await asyncio.sleep(0 if steps < 20 else 0.0005)
            answered = sending.result()[0] if sending.done() else None
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await self.die_and_rise()
            return answered

        heard = self.run(die_amid())
        if heard is not None:
            self.check_answer(kind, which, False, heard)
        elif (kind, which) not in self.known:
            self.maybe.setdefault((kind, which), False)

    async def die_and_rise(self) -> None:
        """What waits waits no longer; only what is on its way to the disk arrives there."""
        running = self.kit._running
        assert running is not None
        working = [work.task for work in running.desk._under_way.values() if work.task]
        tasks = [*running._beside, *running._callbacks._under_way, *working]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await running.store.close()
        await self.open()

    def check_known(self) -> None:
        for kind, which in self.known:
            heard = self.run(self.hub.status(self.orders[which].request_uid))
            assert heard.status == 200, f"the {kind} was answered, and is not known after a restart"

    # --- what is always true ------------------------------------------------------------------------------

    @invariant()
    def one_ticket_a_request(self) -> None:
        for uid, numbers in self.pos.tickets.items():
            assert len(numbers) == 1, f"{uid} has {numbers}: {self.pos.asked[uid]}"
        for uid, asked in self.pos.asked.items():
            placed = [what for what in asked if what != "found"]
            assert ("place", "place") not in pairwise(placed), f"{uid} was placed again unasked: {asked}"

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.run(self.end())
            self.one_ticket_a_request()
        finally:
            self.run(self.kit.close())
            self.run(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    async def end(self) -> None:
        """All is well again: everything that was asked is decided, and everybody agrees."""
        self.pos.mood, self.pos.silent = "well", False
        self.pos.gate.set()
        self.ear.badly.clear()
        async with patience():
            for (kind, which), other in {**self.maybe, **self.known}.items():
                while (heard := (await self.at_once(kind, self.body(which, other), 1))[0]).status == 202:
                    await asyncio.sleep(0.01)
                self.known[kind, which] = other
                self.check_answer(kind, which, other, heard)
            for kind, which in self.known:
                if kind == "submit":
                    await self.agreed(which)

    async def agreed(self, which: int) -> None:
        said, uid = self.hub_said(which), self.orders[which].request_uid
        numbers = self.pos.tickets.get(uid, [])
        if said["status"] in ("placed", "cancelled"):
            assert [said["order_details"]["pos_order_id"]] == numbers
        else:
            assert numbers == [], f"a ticket that was told as {said['status']}"
        if which in self.promised:
            while said["status"] not in {one.status.value for one in self.ear.of(uid)}:
                await asyncio.sleep(0.01)


def test_any_interleaving_ends_with_one_ticket_and_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KIT_LEASE_S", _LEASE_S)
    monkeypatch.setattr(limits, "KIT_LOOK_S", 0.01)
    monkeypatch.setattr(limits, "SHUTDOWN_S", 0.01)
    monkeypatch.setattr(limits, "BACKOFF_BASE_S", 0.01)
    monkeypatch.setattr(limits, "BACKOFF_CAP_S", 0.02)
    monkeypatch.setattr(limits, "CALLBACK_CAP_S", 0.02)
    monkeypatch.setattr(limits, "SETTLE_TRIES_MAX", 10_000)
    monkeypatch.setattr("heard.pos.callbacks._LEASE_S", 0.1)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        AnyInterleaving,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # its steps wait for real time: what failed is shown as it was
        ),
    )
