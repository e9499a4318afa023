"""`heard bench noisy`: what a store with a dead POS and thousands of waiting orders costs the others.

Their orders come in at a pace, through a real hub and worker, in turns beside the waiting orders and without: then time
stands still for these, the probe of their POS too. The hub itself brings about in what states they wait: they are taken
in while no worker runs, and one that starts finds the POS dead.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from heard.bench.pelting import pelt
from heard.bench.programs import Say, host_and_port, hub_environment, running, until, url_of, working
from heard.bench.result import Result, cpu_s, median_ratio, ms, percentile, rss_mb
from heard.bench.rush_parties import Bare, pos
from heard.bench.shop import Shop, age, menus_only, open_shop
from heard.bootstrap import House, open_house
from heard.clients.link import LinkClient
from heard.config import load
from heard.domain.ids import ExternalOrderId, VenueId
from heard.domain.stores import StoreRules
from heard.net.listening import listening
from heard.sandbox.demo import demo_menu
from heard.sandbox.orders import random_order

P99_TIMES = 1.5  # what it takes without the waiting orders
_WAIT_FOR = StoreRules(accept_within_s=86_400)  # the orders that wait do so until the end
_AT_ONCE = 64
_WARM = 100  # at most, in a second before each round
_FOUND_WITHIN_S = 300.0
_LOOK_S = 0.25
_FAR = timedelta(days=1)

_COUNT = """
SELECT count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE attempts > 0) AS tried,
    coalesce(sum(attempts), 0)::bigint AS calls, coalesce(sum(lease), 0)::bigint AS leases,
    (SELECT h.probes FROM pos_health h WHERE h.venue_id = $1 AND h.open_since IS NOT NULL) AS probes
FROM orders WHERE venue_id = $1
"""
# What a worker holds is left out: it is put off once the worker is done with it.
_PUT_OFF = """
WITH free AS (
    SELECT organization_id, order_id FROM orders
    WHERE venue_id = $1 AND next_at < business_now() + $2::interval / 2
        AND (lease_until IS NULL OR lease_until < clock_timestamp())
    FOR UPDATE SKIP LOCKED
)
UPDATE orders o SET next_at = o.next_at + $2, wait_until = o.wait_until + $2, accept_by = o.accept_by + $2
FROM free f WHERE o.organization_id = f.organization_id AND o.order_id = f.order_id
"""
_BRING_BACK = """
UPDATE orders SET next_at = next_at - $2::interval, wait_until = wait_until - $2::interval,
    accept_by = accept_by - $2::interval
WHERE venue_id = $1 AND next_at IS NOT NULL
"""
_SOONEST = "SELECT greatest(min(next_at) - business_now(), interval '0') FROM orders WHERE venue_id = $1"
_PROBE_LATER = "UPDATE pos_health SET probe_at = probe_at + $2::interval WHERE venue_id = $1"
_LEFT = "SELECT count(*) FROM orders WHERE venue_id = $1 AND next_at < business_now() + $2::interval / 2"
_LET_GO = "UPDATE orders SET next_at = NULL WHERE venue_id <> $1 AND next_at IS NOT NULL"


async def noisy(waiting: int, rate_per_s: float, orders: int, rounds: int, say: Say) -> Result:
    """So many orders at a pace in each round, with so many waiting and without."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with AsyncExitStack() as stack:
            street = await _open_street(stack, Path(name))
            await street.fill(waiting, say)
            pids = street.server, await stack.enter_async_context(working(street.environment))
            found = _Round()
            found_s = await street.find_out(rate_per_s, waiting, found)
            say(f"{waiting:,} orders wait for the dead POS, {found_s:.0f} s")
            await street.leap()
            alone, beside, spent = _Round(), _Round(), _Spent()
            for number in range(1, rounds + 1):
                for aside in (True, False) if number % 2 else (False, True):
                    async with street.put_off() if aside else spent.by(street):
                        await street.settle(rate_per_s)
                        used_s, begun = cpu_s(pids[1]), time.monotonic()
                        this = await street.pace(rate_per_s, orders)
                        this.worker_share = [(cpu_s(pids[1]) - used_s) / (time.monotonic() - begun)]
                    (alone if aside else beside).add(this)
                say(f"round {number} of {rounds}")
            memory_mb = sum(map(rss_mb, pids))
            return _result(waiting, rate_per_s, (alone, beside, found), found_s, spent, memory_mb)


@dataclass(slots=True)
class _Round:
    """Seconds from each order's sending to its validate at the POS, and to the webhook that it is confirmed."""

    at_pos_s: list[float] = field(default_factory=list)
    told_s: list[float] = field(default_factory=list)
    at_pos_p99_s: list[float] = field(default_factory=list)  # of each round
    told_p99_s: list[float] = field(default_factory=list)
    worker_share: list[float] = field(default_factory=list)

    def add(self, other: "_Round") -> None:
        self.at_pos_s += other.at_pos_s
        self.told_s += other.told_s
        self.at_pos_p99_s.append(percentile(other.at_pos_s, 99) or 0.0)
        self.told_p99_s.append(percentile(other.told_s, 99) or 0.0)
        self.worker_share += other.worker_share


class _Counted(msgspec.Struct):
    """How the waiting orders stand. `calls` to their POS that failed, `leases` they were given, both so far."""

    held: int
    tried: int
    calls: int
    leases: int
    probes: int | None


@dataclass(slots=True)
class _Spent:
    """What the hub did about the waiting orders while the others were measured beside them."""

    calls: int = 0
    leases: int = 0
    probes: int = 0

    @asynccontextmanager
    async def by(self, street: "_Street") -> AsyncIterator[None]:
        before = await street.count()
        yield
        after = await street.count()
        self.calls += after.calls - before.calls
        self.leases += after.leases - before.leases
        self.probes += (after.probes or 0) - (before.probes or 0)


class _EventData(msgspec.Struct):
    order_id: str = ""


class _Event(msgspec.Struct):
    type: str
    data: _EventData


class _Submitted(msgspec.Struct):
    online_order_id: str


class _AtPos(msgspec.Struct):
    request_type: str
    order_details: _Submitted


_event, _at_pos = msgspec.json.Decoder(_Event), msgspec.json.Decoder(_AtPos)


@dataclass(slots=True)
class _Watch:
    """A POS and a receiver that note when an order came by first."""

    at_pos: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    def pos(self, path: bytes, body: bytes) -> bytes:
        arrived = time.perf_counter()
        if body and not path.endswith(b"menus"):
            self.at_pos.setdefault(_at_pos.decode(body).order_details.online_order_id, arrived)
        return pos(path, body)

    def webhook(self, path: bytes, body: bytes) -> bytes:
        arrived = time.perf_counter()
        event = _event.decode(body)
        if event.type == "order.confirmed":
            self.told.setdefault(event.data.order_id, arrived)
        return b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Street:
    """A hub with stores whose POS answers, and one whose POS does not."""

    house: House
    environment: dict[str, str]
    hub_url: str
    server: int
    watch: _Watch
    live: Shop
    dead: Shop
    link: LinkClient

    @property
    def _venue_id(self) -> VenueId:
        return self.dead.stores[0].venue_id

    async def fill(self, waiting: int, say: Say) -> None:
        """Orders for the dead POS, taken in as all are; nobody has asked it yet."""
        pelted = await pelt(
            *host_and_port(self.hub_url), self.dead.requests(waiting, self.hub_url), _AT_ONCE, 201, patient=True
        )
        assert not pelted.refused, f"{pelted.refused} orders of the benchmark were refused"
        await age(self.house)
        say(f"{waiting:,} orders are taken in for a dead POS, {pelted.took_s:.0f} s")

    async def find_out(self, rate_per_s: float, waiting: int, found: _Round) -> float:
        """Until the worker has found the POS dead and each waiting order waits for it; how long that took.

        The other stores' orders come in meanwhile.
        """
        begun = time.monotonic()
        async with asyncio.timeout(_FOUND_WITHIN_S):
            while True:
                found.add(await self.pace(rate_per_s, max(1, round(rate_per_s))))
                counted = await self.count()
                if counted.probes is not None and counted.held == waiting:
                    return time.monotonic() - begun

    async def pace(self, rate_per_s: float, count: int) -> _Round:
        """So many orders of the others, one by one at their pace."""
        sent: list[asyncio.Task[tuple[str, float]]] = []
        begun = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate_per_s - time.perf_counter()))
            sent.append(asyncio.create_task(self._send_one()))
        keys = await asyncio.gather(*sent)
        await until(lambda: all(key in self.watch.told for key, _ in keys))
        await self._let_go()
        at_pos, told = self.watch.at_pos, self.watch.told
        return _Round([at_pos[key] - at for key, at in keys], [told[key] - at for key, at in keys])

    async def count(self) -> _Counted:
        async with self.house.hub.connection() as connection:
            row = await connection.fetchrow(_COUNT, self._venue_id)
            return msgspec.convert(dict(row), _Counted)

    async def leap(self) -> None:
        """To when the first of the waiting orders is looked at again: the hub's own spread of them, some minutes on."""
        async with self.house.hub.connection() as connection:
            soonest = await connection.fetchval(_SOONEST, self._venue_id)
            await connection.execute(_BRING_BACK, self._venue_id, soonest)

    async def settle(self, rate_per_s: float) -> None:
        """That rows were moved is not to be measured, nor what is slow the first time after that."""
        async with self.house.hub.connection() as connection:
            await connection.execute("VACUUM orders")
            await connection.execute("CHECKPOINT")
        await self.pace(rate_per_s, min(_WARM, round(rate_per_s) + 1))

    @asynccontextmanager
    async def put_off(self) -> AsyncIterator[None]:
        """For the store with the dead POS, time stands still meanwhile."""
        async with self.house.hub.connection() as connection:
            begun: datetime = await connection.fetchval("SELECT business_now()")
            await connection.execute(_PROBE_LATER, self._venue_id, _FAR)
            while True:
                await connection.execute(_PUT_OFF, self._venue_id, _FAR)
                if not await connection.fetchval(_LEFT, self._venue_id, _FAR):
                    break
                await asyncio.sleep(_LOOK_S)
        yield
        async with self.house.hub.connection() as connection:
            back = _FAR - (await connection.fetchval("SELECT business_now()") - begun)
            await connection.execute(_BRING_BACK, self._venue_id, back)
            await connection.execute(_PROBE_LATER, self._venue_id, -back)

    async def _send_one(self) -> tuple[str, float]:
        """The order's id, and when its request left."""
        chance = random.SystemRandom()
        store, number = chance.choice(self.live.stores), ExternalOrderId(os.urandom(8).hex())
        content = random_order(demo_menu(), store.venue_id, number, datetime.now(UTC), chance)
        begun = time.perf_counter()
        return (await self.link.send_order(content)).order_id, begun

    async def _let_go(self) -> None:
        """The orders are confirmed; the hub would ask after them half a minute later, in another round."""
        async with self.house.hub.connection() as connection:
            await connection.execute(_LET_GO, self._venue_id)


async def _open_street(stack: AsyncExitStack, folder: Path) -> _Street:
    watch, loop = _Watch(), asyncio.get_running_loop()
    pos_server = await loop.create_server(partial(Bare, watch.pos), "127.0.0.1", 0)
    receiver = await loop.create_server(partial(Bare, watch.webhook), "127.0.0.1", 0)
    for server in (pos_server, receiver):
        await stack.enter_async_context(server)
    pos_url, webhook_url = url_of(pos_server.sockets[0]), url_of(receiver.sockets[0])
    with listening("127.0.0.1", 0) as bound:
        hub_url, environment = url_of(bound), hub_environment(folder, bound.getsockname()[1])
    house = await stack.enter_async_context(open_house(load(environment)))
    live = await open_shop(house, pos_url, webhook_url)
    async with menus_only() as dead_url:  # a POS that has given its menu, and is gone then
        dead = await open_shop(house, dead_url, webhook_url, name="dead", stores=1, rules=_WAIT_FOR)
    command = [sys.executable, "-m", "heard", "serve"]
    server_pid = await stack.enter_async_context(running(command, hub_url, environment))
    keys = live.marketplace.marketplace_id, live.marketplace.client_secret
    link = LinkClient(hub_url, *keys, outbound=house.outbound, retry=False)
    return _Street(house, environment, hub_url, server_pid, watch, live, dead, link)


def _result(
    waiting: int,
    rate_per_s: float,
    measured: tuple[_Round, _Round, _Round],
    found_s: float,
    spent: _Spent,
    memory_mb: float,
) -> Result:
    alone, beside, found = measured
    times = {
        "at_pos_p99_times": median_ratio(beside.at_pos_p99_s, alone.at_pos_p99_s),
        "told_p99_times": median_ratio(beside.told_p99_s, alone.told_p99_s),
    }
    dearest = max(times.values())
    return Result(
        name="noisy",
        rate_per_s=rate_per_s,
        ratio=round(1 / dearest, 3),
        p50_ms=ms(percentile(beside.at_pos_s, 50)),
        p99_ms=ms(percentile(beside.at_pos_s, 99)),
        rss_mb=round(memory_mb, 1),
        details={
            "p99_times": dearest,
            "p99_times_limit": P99_TIMES,
            **times,
            "waiting": waiting,
            "orders_each_way": len(beside.at_pos_s),
            **_shown("alone", alone),
            **_shown("beside", beside),
            **_shown("found_dead", found),
            "alone_told_p99_ms_by_round": [ms(one) for one in alone.told_p99_s],
            "beside_told_p99_ms_by_round": [ms(one) for one in beside.told_p99_s],
            "found_dead_after_s": round(found_s, 1),
            "waiting_called": spent.calls,
            "waiting_looked_at": spent.leases,
            "waiting_probes": spent.probes,
            "alone_worker_cpu_percent": _percent(alone.worker_share),
            "beside_worker_cpu_percent": _percent(beside.worker_share),
            "p99_ms_is": "beside the waiting orders, from the marketplace's request to the validate at the POS",
            "told_is": "... to the first byte of the webhook that the order is confirmed",
            "found_dead_is": "of orders while the worker finds out, from the first call until each waiting order waits",
            "p99_times_is": "the greater of the two: p99 beside them over that without them, the median of the rounds",
            "limit": "the same in turns without the waiting orders: their store's time stands still",
        },
    )


def _shown(name: str, of: _Round) -> dict[str, float | None]:
    return {
        f"{name}_{what}_p{percent}_ms": ms(percentile(seconds, percent))
        for what, seconds in (("at_pos", of.at_pos_s), ("told", of.told_s))
        for percent in (50, 99)
    }


def _percent(shares: list[float]) -> float:
    return round(100 * sum(shares) / len(shares), 1)
