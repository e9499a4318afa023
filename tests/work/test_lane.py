"""When a lane looks for more: at each end that may let something go; where a group is full, once half of it is done."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence

import pytest

from heard.work.worker import Lane


class Endless:
    """A kind of work of which there is always more of one group; each item takes until it is let go."""

    name = "endless"
    per_group = 8

    def __init__(self) -> None:
        self.claims = self.made = self.under_way = 0
        self.let_go = asyncio.Semaphore(0)

    async def claim(self, count: int, busy: Sequence[str]) -> list[int]:
        self.claims += 1
        room = min(count, self.per_group - self.under_way)
        self.made, self.under_way = self.made + room, self.under_way + room
        return list(range(self.made - room, self.made))

    async def renew(self, held: Sequence[int]) -> None:
        raise AssertionError("nothing is renewed here")

    async def work(self, item: int) -> None:
        await self.let_go.acquire()
        self.under_way -= 1

    def key(self, item: int) -> Hashable:
        return item

    def group(self, item: int) -> str:
        return "full"


@pytest.fixture
async def endless() -> AsyncIterator[tuple[Endless, Lane[int]]]:
    """A lane with its hands full."""
    kind = Endless()

    async def recover() -> None:
        raise AssertionError("there is nothing to recover")

    async def wait(wake: asyncio.Event) -> None:
        await wake.wait()

    lane = Lane(kind, recover, 1.0)
    running = asyncio.create_task(lane.run(wait))
    await looked(kind, 1)
    assert kind.under_way == 8
    yield kind, lane
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await lane.finish(0.0)


async def looked(kind: Endless, times: int) -> None:
    """See that the lane has looked so often by now, and no more often."""
    async with asyncio.timeout(5):
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


async def test_a_full_group_does_not_keep_another_one_waiting(endless: tuple[Endless, Lane[int]]) -> None:
    kind, lane = endless
    lane.wake_for({"full", "other"})
    await looked(kind, 2)
