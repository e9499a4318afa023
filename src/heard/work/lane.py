"""A lane of a worker: one kind of work, leased in batches, many at once, fairly; given back where it must end early."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import structlog
from structlog.contextvars import bind_contextvars

from heard import limits
from heard.engine import metrics
from heard.engine.change_order import LeaseLost
from heard.net import tracing
from heard.storage.faults import UNREACHABLE
from heard.work.kinds import Kind

log = structlog.get_logger()

T = TypeVar("T")


class Lane(Generic[T]):
    """Keeps one kind of work flowing: as many at once as the bounds allow, fairly between groups."""

    def __init__(
        self,
        kind: Kind[T],
        recover: Callable[[], Awaitable[None]],
        soon_s: float,
        in_flight_max: int = limits.IN_FLIGHT_MAX,
    ) -> None:
        """`soon_s`: so long a lane may sleep; what is due sooner must wake it, to set its alarm anew."""
        self._kind, self._recover, self._soon_s, self._in_flight_max = kind, recover, soon_s, in_flight_max
        self._held: dict[Hashable, T] = {}
        self._groups: Counter[str] = Counter()
        self._full: set[str] = set()  # groups that had no room for more when work was leased last
        self._tasks: set[asyncio.Task[float | None]] = set()
        self._looked_at, self._found = 0.0, 0
        self._turned_at = time.monotonic()
        self._leases = asyncio.Lock()  # what is given back at one moment must not be renewed at the next
        self.wake = asyncio.Event()
        metrics.under_way.labels(kind.name).set_function(lambda: len(self._held))

    async def run(self, wait: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        """Lease and start work for ever; `wait` sleeps until there may be more. Cancel to stop leasing."""
        while True:
            self._turned_at = time.monotonic()
            behind = await self._rest()
            self.wake.clear()
            try:
                full = await self._fill(limits.CLAIM_BEHIND_MAX if behind else self._kind.at_once)
                if not full:
                    await wait(self.wake)
                elif len(self._held) >= self._in_flight_max:
                    await self.wake.wait()
            except UNREACHABLE as error:
                log.warning("the database cannot be reached", lane=self._kind.name, error=str(error))
                await self._recover()
                await asyncio.sleep(limits.RECOVER_S)
            except Exception:
                # Nothing may end a lane: the orders that it would have served are all there is.
                log.exception("a fault of ours", lane=self._kind.name)
                await asyncio.sleep(limits.RECOVER_S)

    def why_late(self) -> str | None:
        """Why nobody should count on this lane; None: it has looked for work lately, or has all that it may have."""
        within_s = limits.LANE_FULL_LATE_S if len(self._held) >= self._in_flight_max else limits.LANE_LATE_S
        late_s = time.monotonic() - self._turned_at - self._soon_s
        return f"the worker has not looked for work ({self._kind.name}) for a while" if late_s > within_s else None

    def wake_for(self, groups: Collection[str]) -> None:
        """There may be more for one of these. A group that is full is seen to once half of it is done."""
        if not self._full.issuperset(groups):
            self.wake.set()

    async def renew(self, lease_s: float) -> None:
        """Keep the leases of what is under way."""
        async with self._leases:
            if self._held:
                await self._kind.renew(list(self._held.values()), lease_s)

    async def finish(self, within_s: float) -> None:
        """Let what is under way end, but not for longer than this; the rest is given back, for others to take up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        left, ending = list(self._held.values()), set(self._tasks)
        self._held.clear()  # whatever renews leases keeps none of these any more
        for task in ending:
            task.cancel()
        if ending:  # a step that is being written keeps its lease; whoever is late writes nothing once another has it
            await asyncio.wait(ending, timeout=limits.BREAK_OFF_S)
        if left:
            await self._give_back(left)

    async def _give_back(self, left: Sequence[T]) -> None:
        try:
            async with asyncio.timeout(limits.GIVE_BACK_WITHIN_S), self._leases:
                await self._kind.renew(left, 0.0)
        except Exception as error:  # noqa: BLE001 - they end by themselves, and other lanes have theirs to give back
            log.warning("leases run on", lane=self._kind.name, count=len(left), error=repr(error))

    async def _rest(self) -> bool:
        """In a rush every commit wakes a lane: looking once in a while finds as much, for less. The more a look found,
        the longer the rest; but not where there is more of it, or will be as soon as some of it is done.

        Whether this process is behind with what it has begun, and waited for that as long as it may.
        """
        more = self._full or self._found >= self._kind.at_once
        rest_s = limits.CLAIM_EVERY_S * (1 if more else max(1, self._found))
        pause_s = self._looked_at + min(rest_s, limits.CLAIM_REST_MAX_S) - time.monotonic()
        behind = False
        if self._kind.patient and self._held:
            until = time.monotonic() + limits.LAG_PATIENCE_S
            behind = await _overslept(max(pause_s, limits.CLAIM_EVERY_S)) > limits.LAG_S
            while behind and time.monotonic() < until:
                behind = await _overslept(limits.LAG_S) > limits.LAG_S
        elif pause_s > 0.0:
            await asyncio.sleep(pause_s)
        self._looked_at = time.monotonic()
        return behind

    async def _fill(self, most: int) -> bool:
        """Lease so many, if there is room for them. True when there may be more at once."""
        room = min(most, self._in_flight_max - len(self._held))
        if room <= 0:
            return True
        per_group, asked = self._per_group(), self._groups.copy()
        items = await self._claim(room, per_group)
        self._found = len(items)
        for item in items:
            self._start(item)
            asked[self._kind.group(item)] += 1
        # What it had room for in the claim's eyes: some of it may have ended while the claim was under way.
        full = {group for group, count in asked.items() if count >= per_group}
        # Woken once half of it is done, not for each: a claim of one costs nearly as much as one of many.
        self._full.update(group for group in full if not self._has_room(group))
        return len(items) == room or not self._full.issuperset(full)

    async def _claim(self, room: int, per_group: int) -> list[T]:
        """Whoever is told to stop meanwhile waits for what the database leased, and gives it back."""
        claim = asyncio.ensure_future(self._kind.claim(room, per_group, self._at(per_group)))
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            leased: list[T] = []
            with suppress(Exception):  # then there is nothing to give back
                async with asyncio.timeout(limits.BREAK_OFF_S):
                    leased = await claim
            if leased:
                await self._give_back(leased)
            raise

    def _per_group(self) -> int:
        return self._kind.per_group(self._in_flight_max - len(self._held))

    def _has_room(self, group: str) -> bool:
        return self._groups[group] <= self._per_group() // 2

    def _at(self, bound: int) -> list[str]:
        return [group for group, count in self._groups.items() if count >= bound]

    def _start(self, item: T) -> None:
        key, group = self._kind.key(item), self._kind.group(item)
        self._held[key] = item
        self._groups[group] += 1
        task = asyncio.create_task(self._work(item))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, key, item, group))

    def _done(self, task: asyncio.Task[float | None], key: Hashable, item: T, group: str) -> None:
        self._tasks.discard(task)
        if self._held.get(key) is item:  # a lost lease may have been had again meanwhile
            del self._held[key]
        self._groups[group] -= 1
        room_again = group in self._full and self._has_room(group)
        if room_again:
            self._full.discard(group)
        if not self._groups[group]:
            del self._groups[group]
        due_s = None if task.cancelled() else task.result()
        soon = due_s is not None and due_s < self._soon_s
        if soon or room_again or len(self._held) == self._in_flight_max // 2:
            self.wake.set()

    async def _work(self, item: T) -> float | None:
        """In a task of its own: what the log's lines are about holds in it alone."""
        names, what = self._kind.names(item), f"work on {self._kind.name}"
        bind_contextvars(lane=self._kind.name, **names)
        about = {f"heard.{name}": value for name, value in names.items()}
        with tracing.span(what, trace=self._kind.trace(item), attributes=about) as span:
            try:
                return await self._kind.work(item)
            except LeaseLost:
                log.info("lease lost")
                span.fail("the lease was lost")
            except UNREACHABLE as error:
                log.warning("the database cannot be reached", error=str(error))
                span.fail("the database cannot be reached")
            except Exception:
                log.exception("a fault of ours")
                span.fail("a fault of ours")
        return None


async def _overslept(pause_s: float) -> float:
    """By how much longer than asked for this process slept: so far it is behind with what it has begun."""
    begun = time.monotonic()
    await asyncio.sleep(pause_s)
    return time.monotonic() - begun - pause_s
