"""The worker: leases what is due in batches, works on many at once, renews its leases, survives faults.

Any number of workers may run; what one of them does not finish is leased to another when its lease runs out.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

import structlog
from structlog.contextvars import bind_contextvars

from heard import limits
from heard.connectors.contract import MenuUnavailable
from heard.domain.order.commands import Park
from heard.engine import metrics
from heard.engine.change_order import LeaseLost, change_order
from heard.engine.hub import ANY_WORK, DELIVERY_WORK, ORDER_WORK, Hub
from heard.engine.keep_menu import MenuRefused, note_failure
from heard.net import tracing
from heard.net.outbound import Outbound
from heard.storage import deliveries, health, menus, orders
from heard.storage.deliveries import Delivery
from heard.storage.faults import UNREACHABLE
from heard.storage.health import Watched
from heard.storage.menus import Fetch
from heard.storage.partitions import Kept
from heard.storage.rows import Claimed
from heard.work.deliveries import deliver
from heard.work.figures import count_hours
from heard.work.items_off import ItemsOffKind
from heard.work.kinds import Kind
from heard.work.menus import fetch_menu
from heard.work.orders import OrderWork
from heard.work.pauses import PauseKind
from heard.work.probes import probe
from heard.work.retention import retain
from heard.work.settling import Settler

log = structlog.get_logger()

T = TypeVar("T")


class OrderKind(Kind[Claimed]):
    name = "order"
    at_once = limits.CLAIM_ORDERS_MAX
    patient = True  # each ends in an event that somebody waits for: those go first

    def __init__(self, hub: Hub, outbound: Outbound, lease_s: float) -> None:
        self._hub, self._outbound, self._lease_s = hub, outbound, lease_s
        self._troubled_until = 0.0  # the database's trouble: claims that came to nothing were no fault of the orders

    def per_group(self, room: int) -> int:
        return limits.IN_FLIGHT_PER_STORE_MAX

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[Claimed]:
        with self._noting_trouble():
            async with self._hub.connection() as connection:
                return await orders.claim(connection, count, per_group, busy, self._lease_s)

    async def renew(self, held: Sequence[Claimed], lease_s: float) -> None:
        async with self._hub.connection() as connection:
            await orders.renew(connection, held, lease_s)

    async def work(self, item: Claimed) -> float | None:
        store = await self._hub.store(item.order.venue_id)
        assert store is not None  # an order's store is never deleted
        if item.stalls > limits.STALLS_MAX and time.monotonic() >= self._troubled_until:
            reason = f"{limits.STALLS_MAX} attempts ended in no step; see the hub's log"
            await change_order(self._hub, store, item.order.order_id, [Park(reason)], held=item)
            log.error("order parked", reason=reason)
            return None
        with self._noting_trouble():
            return await OrderWork(self._hub, self._outbound, item, store).run()

    @contextmanager
    def _noting_trouble(self) -> Iterator[None]:
        """A step that could not be written down is no sign of a poison order, nor a claim whose answer was lost."""
        try:
            yield
        except UNREACHABLE:
            self._troubled_until = time.monotonic() + limits.STALLS_MAX * self._lease_s
            raise

    def key(self, item: Claimed) -> Hashable:
        return item.order.organization_id, item.order.order_id

    def group(self, item: Claimed) -> str:
        return item.order.venue_id

    def names(self, item: Claimed) -> Mapping[str, str]:
        return {"order_id": item.order.order_id, "venue_id": item.order.venue_id}

    def trace(self, item: Claimed) -> str | None:
        return item.trace


class DeliveryKind(Kind[Delivery]):
    name = "delivery"

    def __init__(self, hub: Hub, outbound: Outbound, lease_s: float) -> None:
        self._hub, self._outbound, self._lease_s = hub, outbound, lease_s
        self.settler = Settler(hub)
        self._under_way: Counter[str] = Counter()

    def per_group(self, room: int) -> int:
        """Half of the room there is: one endpoint in a rush may have much, and however many hang, they leave some."""
        return max(1, min(limits.IN_FLIGHT_PER_ENDPOINT_MAX, room // 2))

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[Delivery]:
        """How many of an endpoint are under way says more than which are at their bound: a failing one has less."""
        async with self._hub.connection() as connection:
            found = await deliveries.claim(connection, count, per_group, self._under_way, self._lease_s)
        self._under_way.update(one.endpoint_id for one in found)
        return found

    async def renew(self, held: Sequence[Delivery], lease_s: float) -> None:
        async with self._hub.connection() as connection:
            await deliveries.renew(connection, held, lease_s)

    async def work(self, item: Delivery) -> None:
        try:
            await deliver(self._hub, self._outbound, item, self.settler.settle)
        finally:
            self._under_way[item.endpoint_id] -= 1
            if not self._under_way[item.endpoint_id]:
                del self._under_way[item.endpoint_id]

    def key(self, item: Delivery) -> Hashable:
        return item.organization_id, item.event_id, item.endpoint_id

    def group(self, item: Delivery) -> str:
        return item.endpoint_id

    def names(self, item: Delivery) -> Mapping[str, str]:
        about = {"order_id": item.order_id} if item.order_id is not None else {}
        return {"event_id": item.event_id, "endpoint_id": item.endpoint_id, **about}

    def trace(self, item: Delivery) -> str | None:
        return item.trace


class MenuKind(Kind[Fetch]):
    name = "menu"

    def __init__(self, hub: Hub, outbound: Outbound, lease_s: float) -> None:
        self._hub, self._outbound, self._lease_s = hub, outbound, lease_s

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[Fetch]:
        """Few at once: each may be long, and all of them are held in memory."""
        room = limits.MENU_FETCHES_MAX - len(busy)
        if room <= 0:
            return []
        async with self._hub.connection() as connection:
            return await menus.claim(connection, min(count, room), busy, self._lease_s)

    async def renew(self, held: Sequence[Fetch], lease_s: float) -> None:
        async with self._hub.connection() as connection:
            await menus.renew(connection, held, lease_s)

    async def work(self, item: Fetch) -> None:
        store = await self._hub.store(item.venue_id)
        assert store is not None  # a store is never deleted
        try:
            kept = await fetch_menu(self._hub, self._outbound, store, item)
        except (MenuUnavailable, MenuRefused) as error:
            log.warning("no menu was kept", why=str(error))
            return
        except (*UNREACHABLE, LeaseLost):
            raise
        except Exception:  # a menu that makes us fail comes again with the usual pause, and is shown
            await note_failure(self._hub, store, item, "a fault of the hub's own; its log says which")
            raise
        if kept.changed:
            log.info("menu kept", version=kept.version, changes=dict(kept.changes))

    def key(self, item: Fetch) -> Hashable:
        return item.organization_id, item.venue_id

    def group(self, item: Fetch) -> str:
        return item.venue_id

    def names(self, item: Fetch) -> Mapping[str, str]:
        return {"venue_id": item.venue_id}


class ProbeKind(Kind[Watched]):
    name = "probe"

    def __init__(self, hub: Hub, outbound: Outbound) -> None:
        self._hub, self._outbound = hub, outbound

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[Watched]:
        async with self._hub.connection() as connection:
            return await health.claim_probes(connection, count, busy, limits.PROBE_LEASE_S)

    async def work(self, item: Watched) -> None:
        await probe(self._hub, self._outbound, item)

    def key(self, item: Watched) -> Hashable:
        return item.organization_id, item.venue_id

    def group(self, item: Watched) -> str:
        return item.venue_id

    def names(self, item: Watched) -> Mapping[str, str]:
        return {"venue_id": item.venue_id}


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
        if self._held:
            await self._kind.renew(list(self._held.values()), lease_s)

    async def finish(self, within_s: float) -> None:
        """Let what is under way end, but not for longer than this; the rest is given back, for others to take up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        left, ending = list(self._held.values()), set[asyncio.Task[Any]](self._tasks)
        for task in ending:
            task.cancel()
        if left:  # whoever is still at a statement writes nothing once another has the lease
            ending.add(asyncio.create_task(self._give_back(left)))
        if ending:
            await asyncio.wait(ending, timeout=limits.GIVE_BACK_WITHIN_S)

    async def _give_back(self, left: Sequence[T]) -> None:
        try:
            async with asyncio.timeout(limits.GIVE_BACK_WITHIN_S / 2):
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
        items = await self._kind.claim(room, per_group, self._at(per_group))
        self._found = len(items)
        for item in items:
            self._start(item)
            asked[self._kind.group(item)] += 1
        # What it had room for in the claim's eyes: some of it may have ended while the claim was under way.
        full = {group for group, count in asked.items() if count >= per_group}
        # Woken once half of it is done, not for each: a claim of one costs nearly as much as one of many.
        self._full.update(group for group in full if not self._has_room(group))
        return len(items) == room or not self._full.issuperset(full)

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


class Worker:
    """All lanes, their leases and their alarm clock, in one process."""

    def __init__(
        self,
        hub: Hub,
        outbound: Outbound,
        kept: Kept,
        *,
        lease_s: float,
        poll_s: float,
        recover: Callable[[], Awaitable[None]],
    ) -> None:
        self._hub, self._kept, self._lease_s, self._poll_s = hub, kept, lease_s, poll_s
        self._orders = Lane(OrderKind(hub, outbound, lease_s), recover, poll_s)
        delivery_kind = DeliveryKind(hub, outbound, lease_s)
        self._deliveries = Lane(delivery_kind, recover, poll_s, limits.IN_FLIGHT_DELIVERIES_MAX)
        delivery_kind.settler.wake = self._deliveries.wake_for  # the other lanes have nothing to do with it
        self._menus = Lane(MenuKind(hub, outbound, lease_s), recover, poll_s)
        self._probes = Lane(ProbeKind(hub, outbound), recover, poll_s)
        self._pauses = Lane(PauseKind(hub), recover, poll_s)
        self._items_off = Lane(ItemsOffKind(hub), recover, poll_s)
        others = self._menus, self._probes, self._pauses, self._items_off
        self._lanes: tuple[Lane[Any], ...] = (self._orders, self._deliveries, *others)

    async def run(self) -> None:
        """Until cancelled; then calls under way may end within SHUTDOWN_S, and what did not is given back."""
        self._hub.on_work(self._wake)
        self._hub.readiness.add(self._why_late)
        loops = [
            asyncio.create_task(lane)
            for lane in (
                self._orders.run(self._wait),
                self._deliveries.run(self._wait),
                self._menus.run(self._pause),
                self._probes.run(self._pause),
                self._pauses.run(self._pause),
                self._items_off.run(self._pause),
                self._renew(),
                self._listen(),
                retain(self._hub, self._kept),
                count_hours(self._hub, self._kept),
            )
        ]
        try:
            await asyncio.gather(*loops)
        finally:
            self._hub.readiness.stop()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(asyncio.wait(loops, timeout=2 * limits.BREAK_OFF_S), self._finish())

    async def _finish(self) -> None:
        renewing = asyncio.create_task(self._renew())
        await asyncio.gather(*(lane.finish(limits.SHUTDOWN_S) for lane in self._lanes))
        renewing.cancel()
        await asyncio.wait({renewing}, timeout=limits.BREAK_OFF_S)

    def _why_late(self) -> str | None:
        return next((why for lane in self._lanes if (why := lane.why_late()) is not None), None)

    def _wake(self, kind: str = ANY_WORK) -> None:
        if kind != DELIVERY_WORK:
            self._orders.wake.set()
        if kind != ORDER_WORK:
            self._deliveries.wake.set()

    async def _wait(self, wake: asyncio.Event) -> None:
        """Until woken, until something is due, or for a poll's time: announcements are hints, polling suffices.

        When the next thing is due is asked in a lull only: in a rush the next commit wakes a lane before.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.LULL_S):
                await wake.wait()
                return
        async with self._hub.connection() as connection:
            due_s = await orders.next_due_s(connection)
        pause_s = self._poll_s if due_s is None else min(self._poll_s, due_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(pause_s, limits.IDLE_S_MIN)):
                await wake.wait()

    async def _pause(self, wake: asyncio.Event) -> None:
        """For a poll's time: menus, probes and what ends by itself may be as late as that, and no order wakes them."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(self._poll_s, limits.IDLE_S_MIN)):
                await wake.wait()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                for lane in (self._orders, self._deliveries, self._menus):
                    await lane.renew(self._lease_s)
            except UNREACHABLE as error:
                log.warning("leases could not be renewed", error=str(error))
            except Exception:
                log.exception("a fault of ours", lane="renew")

    async def _listen(self) -> None:
        """Hear of work that other processes wrote."""
        while True:
            try:
                await self._hub.listen(self._wake)
            except UNREACHABLE as error:
                log.debug("not listening", error=str(error))
            except Exception:
                log.exception("a fault of ours", lane="listen")
            await asyncio.sleep(limits.RECOVER_S)
