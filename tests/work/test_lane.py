"""When a lane looks for more: at each end that may let something go; where a group is full, once half of it is done."""

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence

import pytest

from heard import limits
from heard.domain.order.commands import STAFF, RequestCancel
from heard.domain.order.model import ReasonCode
from heard.engine.act_on_order import act_on_order
from heard.engine.hub import ANY_WORK, DELIVERY_WORK, ORDER_WORK
from heard.work.lane import Lane
from heard.work.worker import Worker
from lengths import PATIENCE_S, patience
from parties import a_town


class Endless:
    """A kind of work of which there is always more of one group; each item takes until it is let go."""

    name = "endless"
    at_once = 100
    patient = False

    def __init__(self) -> None:
        self.claims = self.made = self.under_way = 0
        self.given_back: list[int] = []
        self.let_go = asyncio.Semaphore(0)
        self.ending = 0  # so many end while the next claim is under way
        self.claiming, self.claimed = asyncio.Event(), asyncio.Event()
        self.claimed.set()  # by default a claim is answered at once
        self.renewing, self.renewed = asyncio.Event(), asyncio.Event()
        self.ends_in_s = 0.0  # so long each takes to end, also when it is broken off
        self.broken_off_before_given_back = True

    def per_group(self, room: int) -> int:
        return 8

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[int]:
        self.claims += 1
        room = min(count, per_group - self.under_way)
        self.made, ending, self.ending = self.made + room, self.ending, 0
        for _ in range(ending):
            self.let_go.release()
            await asyncio.sleep(0.005)
        self.claiming.set()
        await self.claimed.wait()
        self.under_way += room
        return list(range(self.made - room, self.made))

    async def renew(self, held: Sequence[int], lease_s: float) -> None:
        if lease_s == 0.0:
            self.given_back += held
            return
        self.renewing.set()
        await self.renewed.wait()
        assert not self.given_back, "what was given back is leased again"

    async def work(self, item: int) -> None:
        try:
            await self.let_go.acquire()
        finally:
            await asyncio.sleep(self.ends_in_s)
            self.broken_off_before_given_back &= not self.given_back
        self.under_way -= 1

    def key(self, item: int) -> Hashable:
        return item

    def group(self, item: int) -> str:
        return "full"

    def names(self, item: int) -> dict[str, str]:
        return {}

    def trace(self, item: int) -> None:
        return None


async def recover() -> None:
    raise AssertionError("there is nothing to recover")


async def wait_for(wake: asyncio.Event) -> None:
    await wake.wait()


@pytest.fixture
async def endless() -> AsyncIterator[tuple[Endless, Lane[int]]]:
    """A lane with its hands full."""
    kind = Endless()
    lane = Lane(kind, recover, 1.0)
    running = asyncio.create_task(lane.run(wait_for))
    await looked(kind, 1)
    assert kind.under_way == 8
    yield kind, lane
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lane.finish(0.0)


async def looked(kind: Endless, times: int) -> None:
    """See that the lane has looked so often by now, and no more often."""
    async with patience():
        while kind.claims < times:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)  # ten times what lies between two looks in a rush
    assert kind.claims == times


async def end(kind: Endless, lane: Lane[int], count: int) -> None:
    """So many come to their end, and each says that there may be more."""
    for _ in range(count):
        kind.let_go.release()
        lane.wake_for({"full"})
        await asyncio.sleep(0)


async def test_a_full_group_is_looked_after_once_half_of_it_is_done_and_not_for_each(
    endless: tuple[Endless, Lane[int]],
) -> None:
    kind, lane = endless
    await end(kind, lane, 3)
    await looked(kind, 1)
    await end(kind, lane, 1)
    await looked(kind, 2)
    assert kind.under_way == 8
    await end(kind, lane, 4)
    await looked(kind, 3)


async def test_a_group_that_a_claim_filled_is_full_though_some_of_it_ended_while_the_claim_was_under_way(
    endless: tuple[Endless, Lane[int]],
) -> None:
    kind, lane = endless
    kind.ending = 1
    await end(kind, lane, 4)
    await looked(kind, 2)
    assert kind.under_way == 7, "it had room for four in the claim's eyes"
    await end(kind, lane, 2)
    await looked(kind, 2)
    await end(kind, lane, 1)
    await looked(kind, 3)


async def test_a_group_of_which_half_ended_while_the_claim_was_under_way_is_looked_after_at_once(
    endless: tuple[Endless, Lane[int]],
) -> None:
    kind, lane = endless
    kind.ending = 4
    await end(kind, lane, 4)
    await looked(kind, 3)
    assert kind.under_way == 8


async def test_a_full_group_does_not_keep_another_one_waiting(endless: tuple[Endless, Lane[int]]) -> None:
    kind, lane = endless
    lane.wake_for({"full", "other"})
    await looked(kind, 2)


class Patient(Endless):
    """Each item is done as soon as it is let go; no more are begun while the process is behind."""

    patient = True


async def test_while_a_process_is_behind_with_what_it_has_begun_it_begins_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "LAG_PATIENCE_S", 60.0)  # patience itself is not in question
    kind, busy = Patient(), True

    async def keep_the_loop() -> None:
        while busy:
            time.sleep(2 * limits.LAG_S)  # noqa: ASYNC251 - what a loop that is behind is like
            await asyncio.sleep(0)

    lane = Lane(kind, recover, 1.0)
    running = asyncio.create_task(lane.run(wait_for))
    await looked(kind, 1)
    keeping = asyncio.create_task(keep_the_loop())
    await asyncio.sleep(0.1)
    for _ in range(8 // 2):
        kind.let_go.release()
    for _ in range(20):
        lane.wake.set()
        await asyncio.sleep(0.02)
    assert kind.claims == 1
    busy = False
    await keeping
    await looked(kind, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lane.finish(0.0)


async def test_a_lane_that_ends_gives_back_what_it_could_not_finish(endless: tuple[Endless, Lane[int]]) -> None:
    kind, lane = endless
    kind.let_go.release()
    await asyncio.sleep(0.05)
    await lane.finish(0.05)
    assert sorted(kind.given_back) == list(range(1, 8))


async def test_what_is_broken_off_has_ended_before_it_is_given_back(endless: tuple[Endless, Lane[int]]) -> None:
    kind, lane = endless
    kind.ends_in_s = 0.2  # a step that is being written: it would keep the lease
    await lane.finish(0.0)
    assert sorted(kind.given_back) == list(range(8))
    assert kind.broken_off_before_given_back


async def test_what_the_database_leases_to_a_lane_that_is_told_to_stop_is_given_back() -> None:
    kind = Endless()
    kind.claimed.clear()
    lane = Lane(kind, recover, 1.0)
    running = asyncio.create_task(lane.run(wait_for))
    async with patience():
        await kind.claiming.wait()
    running.cancel()
    await asyncio.sleep(0.05)
    kind.claimed.set()
    async with patience():
        await asyncio.gather(running, return_exceptions=True)
    await lane.finish(0.0)
    assert running.cancelled()
    assert kind.given_back == list(range(8))


async def test_a_renewal_under_way_is_waited_for_and_what_is_given_back_is_not_renewed(
    endless: tuple[Endless, Lane[int]],
) -> None:
    kind, lane = endless
    renewing = asyncio.create_task(lane.renew(30.0))
    async with patience():
        await kind.renewing.wait()
    finishing = asyncio.create_task(lane.finish(0.0))
    await asyncio.sleep(0.05)
    assert kind.given_back == []
    kind.renewed.set()
    async with patience():
        await asyncio.gather(renewing, finishing)
    assert sorted(kind.given_back) == list(range(8))
    await lane.renew(30.0)


class Heard:
    """Writes down which lanes a worker wakes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def of(self, kind: str) -> list[str]:
        lanes = {"orders": self._worker._orders, "deliveries": self._worker._deliveries}
        for lane in lanes.values():
            lane.wake.clear()
        self._worker._wake(kind)
        return [name for name, lane in lanes.items() if lane.wake.is_set()]


async def test_a_lane_is_woken_by_its_own_kind_of_work_and_by_any_that_is_not_named(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        heard = Heard(town.house.worker())
        assert heard.of(ORDER_WORK) == ["orders"]
        assert heard.of(DELIVERY_WORK) == ["deliveries"]
        assert heard.of(ANY_WORK) == ["orders", "deliveries"]
        assert heard.of("a word of a later version") == ["orders", "deliveries"]


async def test_a_new_order_is_announced_as_such_here_and_in_other_processes(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        here: list[str] = []
        elsewhere: asyncio.Queue[str] = asyncio.Queue()
        town.house.hub.on_work(here.append)
        listening = asyncio.create_task(town.house.hub.listen(elsewhere.put_nowait))
        await asyncio.sleep(0.2)
        order_id = await town.send("A-1")
        assert here == [ORDER_WORK]
        assert await asyncio.wait_for(elsewhere.get(), PATIENCE_S) == ORDER_WORK
        await act_on_order(town.house.hub, order_id, RequestCancel(STAFF, ReasonCode.OTHER, None))
        assert here == [ORDER_WORK, ANY_WORK], "staff's act may be about the ticket too"
        assert await asyncio.wait_for(elsewhere.get(), PATIENCE_S) == ANY_WORK
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
