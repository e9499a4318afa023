"""`heard bench life`: whole orders through a real hub process, and how long the hub holds on to each.

Overhead is counted from the moment the marketplace's request leaves to the first byte of the validate at the POS, so
it holds the answer's commit, the worker's wake-up and two hops over loopback. The bare program beside it makes the
same calls and commits with no logic.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heard.bench.peers import SHARED_ID, Counter
from heard.bench.programs import bare_program, hub_environment, running, until, url_of
from heard.bench.result import Result, cpu_s, ms, percentile, rss_mb
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import ExternalOrderId, LocationId, OrganizationId, VenueId
from heard.domain.order.content import OrderContent
from heard.domain.stores import PosConnection, Store
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.net.call import Answer, Call
from heard.net.listening import listening
from heard.net.serving import serve
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.demo import demo_menu
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from heard.sandbox.orders import random_order
from heard.work.menus import pull_menu

_BURST_IN_FLIGHT = 32

# Sends one order: its key at the POS, and when its request left.
Sender = Callable[[], Coroutine[Any, Any, tuple[str, float]]]


async def life(rate_per_s: float, count: int) -> Result:
    """Paced orders for the overhead, then a burst for the rate; then the bare program with the same two."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        counter = Counter()
        with listening("127.0.0.1", 0) as pos_socket, listening("127.0.0.1", 0) as webhook_socket:
            servers = [
                asyncio.create_task(serve(counter.pos, pos_socket)),
                asyncio.create_task(serve(counter.webhook, webhook_socket)),
            ]
            try:
                pos_url, webhook_url = (url_of(bound) for bound in (pos_socket, webhook_socket))
                return await _measure(Path(name), counter, pos_url, webhook_url, rate_per_s, count)
            finally:
                for server in servers:
                    server.cancel()
                await asyncio.gather(*servers, return_exceptions=True)


async def _measure(
    folder: Path, counter: Counter, pos_url: str, webhook_url: str, rate_per_s: float, count: int
) -> Result:
    with listening("127.0.0.1", 0) as hub_socket:
        hub_url = url_of(hub_socket)
        environment = hub_environment(folder, hub_socket.getsockname()[1])
        async with open_house(load(environment)) as house:
            shop = await _open_shop(house, hub_url, pos_url, webhook_url)
            hub_socket.close()  # the hub process takes the port over
            command = [sys.executable, "-m", "heard", "serve", "--with-worker"]
            async with running(command, hub_url, environment) as pid:
                idle_cpu_s, idle_mb = await _idle(pid)
                ours = await _two_ways(counter, pid, shop.send_one, rate_per_s, count)
            async with bare_program(house.dsn, pos_url, webhook_url) as (pid, bare_url):
                bare = await _two_ways(counter, pid, _bare_sender(shop, bare_url), rate_per_s, count)
    return Result(
        name="life",
        rate_per_s=round(ours.burst_per_s, 1),
        limit_per_s=round(bare.burst_per_s, 1),
        ratio=round(ours.burst_per_s / bare.burst_per_s, 3),
        p50_ms=ms(percentile(ours.overheads, 50)),
        p99_ms=ms(percentile(ours.overheads, 99)),
        cpu_us_per_unit=round(ours.cpu_us),
        rss_mb=round(ours.rss_mb, 1),
        details={
            "orders": count,
            "paced_at_per_s": rate_per_s,
            "bare_p50_ms": ms(percentile(bare.overheads, 50)),
            "bare_p99_ms": ms(percentile(bare.overheads, 99)),
            "bare_cpu_us_per_unit": round(bare.cpu_us),
            "idle_rss_mb": round(idle_mb, 1),
            "idle_cpu_percent": round(idle_cpu_s * 100, 2),
            "overhead": "from the marketplace's request to the first byte of the validate at the POS",
        },
    )


@dataclass(frozen=True, slots=True)
class Measured:
    overheads: list[float]
    burst_per_s: float
    cpu_us: float
    rss_mb: float


async def _two_ways(counter: Counter, pid: int, send: Sender, rate_per_s: float, count: int) -> Measured:
    """Paced, for the overhead of each; then as many at once as the bound allows, for the rate."""
    counter.validated.clear()
    await asyncio.gather(*(send() for _ in range(_BURST_IN_FLIGHT)))  # warm connections and caches
    sent: list[asyncio.Task[tuple[str, float]]] = []
    begun = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number / rate_per_s - time.perf_counter()))
        sent.append(asyncio.create_task(send()))
    paced = await asyncio.gather(*sent)
    await until(lambda: all(key in counter.validated for key, _ in paced))
    overheads = [counter.validated[key] - at for key, at in paced]
    await asyncio.sleep(1.0)
    bound, told, cpu, begun = asyncio.Semaphore(_BURST_IN_FLIGHT), counter.told, cpu_s(pid), time.perf_counter()

    async def one() -> None:
        async with bound:
            await send()

    await asyncio.gather(*(one() for _ in range(count)))
    await until(lambda: counter.told - told >= count)
    took_s = time.perf_counter() - begun
    return Measured(overheads, count / took_s, (cpu_s(pid) - cpu) / count * 1e6, rss_mb(pid))


@dataclass(frozen=True, slots=True)
class Shop:
    """A store and a marketplace that sends it orders."""

    marketplace: SandboxMarketplace
    venue_id: VenueId

    def content(self) -> OrderContent:
        number = ExternalOrderId(os.urandom(8).hex())
        return random_order(demo_menu(), self.venue_id, number, datetime.now(UTC), random.SystemRandom())

    async def send_one(self) -> tuple[str, float]:
        """The order's id, and when its request left."""
        content = self.content()
        begun = time.perf_counter()
        order_id = await self.marketplace.send(content)
        assert order_id is not None, "the hub refused the benchmark's order"
        return order_id, begun


async def _open_shop(house: House, hub_url: str, pos_url: str, webhook_url: str) -> Shop:
    hub, now = house.hub, await house.hub.now()
    organization = OrganizationId("bench")
    store = Store(
        organization_id=organization,
        venue_id=VenueId(hub.new_id("ven", now)),
        location_id=LocationId(demo_menu().location_id),
        name="Bench",
        currency="USD",
        timezone="UTC",
        pos=PosConnection(pos_url, SHARED_ID),
    )
    await add_store(hub, store)
    made = await add_marketplace(hub, organization, "bench", webhook_url, now)
    await connect_store(hub, store.venue_id, made.marketplace_id)
    await pull_menu(hub, house.outbound, store)
    keys = (made.marketplace_id, made.client_secret, made.webhook_secret)
    return Shop(SandboxMarketplace(hub_url, *keys, marketplace_ledger(None), house.outbound), store.venue_id)


def _bare_sender(shop: Shop, bare_url: str) -> Sender:
    async def send() -> tuple[str, float]:
        body, begun = encode_new_order(shop.content()), time.perf_counter()
        answer = await shop.marketplace.outbound.send(Call("POST", bare_url, {}, body, 10.0, 1024))
        assert isinstance(answer, Answer)
        assert answer.status == 201
        return answer.body.decode(), begun

    return send


async def _idle(pid: int) -> tuple[float, float]:
    """Processor seconds a second, and megabytes, of a hub with nothing to do."""
    await asyncio.sleep(2.0)
    before, span_s = cpu_s(pid), 5.0
    await asyncio.sleep(span_s)
    return (cpu_s(pid) - before) / span_s, rss_mb(pid)
