"""The worker: leases what is due in batches, works on many at once, renews its leases, survives faults.

Any number of workers may run; what one of them does not finish is leased to another when its lease runs out.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from heard import limits
from heard.connectors.contract import MenuUnavailable
from heard.domain.order.commands import Park
from heard.engine.change_order import LeaseLost, change_order
from heard.engine.hub import ANY_WORK, DELIVERY_WORK, ORDER_WORK, Hub
from heard.engine.keep_menu import MenuRefused, note_failure
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
from heard.work.lane import Lane
from heard.work.menus import fetch_menu
from heard.work.orders import OrderWork
from heard.work.pauses import PauseKind
from heard.work.probes import probe
from heard.work.retention import retain
from heard.work.settling import Settler

log = structlog.get_logger()


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
            ended, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*ended)  # none ends by itself, unless for a fault of ours, which is raised
        finally:
            self._hub.readiness.stop()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(asyncio.wait(loops, timeout=limits.SHUTDOWN_S), self._finish())

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
