"""`heard bench life`: whole orders through a real hub, how many a second it carries and how long it holds on to each.

The rate is of bursts, from the first order's sending to the last webhook; overhead is of orders at a pace, from the
request's leaving to the first byte of the validate at the POS. A bare program beside the hub makes the same calls and
commits with no logic; bursts go to each in turns. What follows after an order is confirmed is left out: nobody cooks.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from heard.bench.past_events import past_events
from heard.bench.peers import SHARED_ID, Counter
from heard.bench.pelting import pelt
from heard.bench.programs import Say, bare_program, host_and_port, hub_environment, running, until, url_of, working
from heard.bench.result import Result, cpu_s, family_cpu_s, median_ratio, ms, note_spent, parent_of, percentile, rss_mb
from heard.bench.rush_parties import Figures
from heard.bench.shop import ORGANIZATION, Shop, age, open_shop, other_parties
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import ExternalOrderId, LocationId, MarketplaceId, VenueId
from heard.domain.menu.model import Menu
from heard.domain.order.content import OrderContent
from heard.domain.stores import Amounts, PosConnection, Store
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.net.call import Answer, Call
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos.testing import a_modifier, an_item, an_order
from heard.protocols.link.encode import encode_new_order
from heard.protocols.posnext.encode import encode_order
from heard.sandbox.demo import demo_menu
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from heard.sandbox.orders import random_order
from heard.work.menus import pull_menu

RATIO = 0.55
RATE_PER_S = 1_500.0
MEMORY_MB = 250.0
_IN_FLIGHT = 32
_CONNECTIONS = 64
_WARM = 100
_WITHIN_S = 300.0
_LOOK_S = 0.05
_FIGURES_BYTES_MAX = 64 * 1024 * 1024

# Sends one order: its key at the POS, and when its request left.
Sender = Callable[[], Coroutine[Any, Any, tuple[str, float]]]


async def life(rate_per_s: float, paced: int, burst: int, rounds: int, say: Say) -> Result:
    """Paced orders for the overhead, then bursts for the rate, each way."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with _sides(Path(name)) as sides:
            idle_cpu_s, idle_mb = await _idle(sides.hub)
            overheads = await sides.counted(sides.market.send_one, rate_per_s, paced)
            bare_overheads = await sides.counted(_bare_sender(sides.market, f"{sides.bare.url}/1"), rate_per_s, paced)
            await sides.let_go()
            say(f"{paced} orders at a pace each way")
            ours, bare = _Bursts(), _Bursts()
            await sides.burst(sides.hub, _WARM, _Bursts())
            await sides.burst(sides.bare, _WARM, _Bursts())
            await age(sides.house)
            for number in range(1, rounds + 1):
                await sides.burst(sides.hub, burst, ours)
                await sides.burst(sides.bare, burst, bare)
                say(f"round {number}: {ours.rates[-1]:,.0f} orders/s beside {bare.rates[-1]:,.0f}")
            memory_mb = [rss_mb(pid) for pid in sides.hub.pids]
    return Result(
        name="life",
        rate_per_s=round(median(ours.rates), 1),
        limit_per_s=round(median(bare.rates), 1),
        ratio=median_ratio(ours.rates, bare.rates),
        p50_ms=ms(percentile(overheads, 50)),
        p99_ms=ms(percentile(overheads, 99)),
        cpu_us_per_unit=round(median(ours.own_us)),
        rss_mb=round(sum(memory_mb), 1),
        details={
            "ratio_limit": RATIO,
            "rate_per_s_limit": RATE_PER_S,
            "server_rss_mb": round(memory_mb[0], 1),
            "server_rss_mb_limit": MEMORY_MB,
            "worker_rss_mb": round(memory_mb[1], 1),
            "worker_rss_mb_limit": MEMORY_MB,
            "orders_per_burst": burst,
            "rounds": rounds,
            "postgres_cpu_us_per_unit": round(median(ours.postgres_us)),
            "others_cpu_us_per_unit": round(median(ours.others_us)),
            "bare_cpu_us_per_unit": round(median(bare.own_us)),
            "bare_postgres_cpu_us_per_unit": round(median(bare.postgres_us)),
            "answered_p50_ms": ms(percentile(ours.answers, 50)),
            "answered_p99_ms": ms(percentile(ours.answers, 99)),
            "orders_at_a_pace": paced,
            "paced_at_per_s": rate_per_s,
            "bare_p50_ms": ms(percentile(bare_overheads, 50)),
            "bare_p99_ms": ms(percentile(bare_overheads, 99)),
            "idle_rss_mb": round(idle_mb, 1),
            "idle_cpu_percent": round(idle_cpu_s * 100, 2),
            "rate_per_s_is": "from a burst's first order to its last webhook, one `heard serve` and one `heard work`",
            "p99_ms_is": "at a pace, from the marketplace's request to the first byte of the validate at the POS",
            "limit": "a bare program: the same body kept, the same calls out, a commit before and after each",
        },
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """Who is sent orders: the programs that carry them, and how a burst for it is made."""

    url: str
    pids: tuple[int, ...]
    requests: Callable[[int], list[bytes]]


@dataclass(slots=True)
class _Bursts:
    """How the bursts to one side went."""

    rates: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    others_us: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The hub and the bare program, and the parties around them."""

    house: House
    market: "_Market"
    counter: Counter
    hub: _Side
    bare: _Side
    postgres: int
    parties: int
    receiver: str

    async def counted(self, send: Sender, rate_per_s: float, count: int) -> list[float]:
        """The overhead of each of so many orders, sent at a pace."""
        await asyncio.gather(*(send() for _ in range(min(count, _IN_FLIGHT))))  # warm connections and caches
        sent: list[asyncio.Task[tuple[str, float]]] = []
        begun = time.perf_counter()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate_per_s - time.perf_counter()))
            sent.append(asyncio.create_task(send()))
        paced = await asyncio.gather(*sent)
        await until(lambda: all(key in self.counter.validated for key, _ in paced))
        return [self.counter.validated[key] - at for key, at in paced]

    async def burst(self, side: _Side, count: int, bursts: _Bursts) -> None:
        """So many orders at once, until the last one's webhook has come."""
        requests, told = side.requests(count), (await self._figures())[0]
        before = self._used_s(side)
        begun = time.monotonic()
        pelted = await pelt(*host_and_port(side.url), requests, _CONNECTIONS, 201, patient=True)
        assert not pelted.refused, f"{pelted.refused} orders of the benchmark were refused"
        last_at = await self._until_told(told + count)
        note_spent((bursts.own_us, bursts.postgres_us, bursts.others_us), before, self._used_s(side), count)
        bursts.rates.append(count / (last_at - begun))
        bursts.answers += pelted.latencies
        await self.let_go()

    async def let_go(self) -> None:
        """The orders are confirmed; the hub would ask after them from now on."""
        async with self.house.hub.connection() as connection:
            await connection.execute("UPDATE orders SET next_at = NULL WHERE next_at IS NOT NULL")

    def _used_s(self, side: _Side) -> tuple[float, float, float]:
        """Processor time of the side's own processes, of PostgreSQL, and of everybody else here."""
        own = sum(cpu_s(pid) for pid in side.pids)
        return own, family_cpu_s(self.postgres), cpu_s(self.parties) + time.process_time()

    async def _until_told(self, count: int) -> float:
        async with asyncio.timeout(_WITHIN_S):
            while True:
                told, last_at = await self._figures()
                if told >= count:
                    return last_at
                await asyncio.sleep(_LOOK_S)

    async def _figures(self) -> tuple[int, float]:
        """How many confirmed orders were told of, and when the last was."""
        answer = await self.house.outbound.send(Call("GET", self.receiver, {}, None, 30.0, _FIGURES_BYTES_MAX))
        assert isinstance(answer, Answer)
        figures = msgspec.json.decode(answer.body, type=Figures)
        return len(figures.ages_s.get("order.confirmed", [])), figures.last_at


@dataclass(frozen=True, slots=True)
class _Market:
    """A store and a marketplace that sends it orders, whose POS and receiver note when each comes by."""

    marketplace: SandboxMarketplace
    venue_id: VenueId
    menu: Menu

    def content(self) -> OrderContent:
        number = ExternalOrderId(os.urandom(8).hex())
        return random_order(self.menu, self.venue_id, number, datetime.now(UTC), random.SystemRandom())

    async def send_one(self) -> tuple[str, float]:
        """The order's id, and when its request left."""
        content = self.content()
        begun = time.perf_counter()
        order_id = await self.marketplace.send(content)
        assert order_id is not None, "the hub refused the benchmark's order"
        return order_id, begun


@asynccontextmanager
async def _sides(folder: Path) -> AsyncIterator[_Sides]:
    order, event = folder / "order.json", folder / "event.json"
    order.write_bytes(_a_pos_order())
    event.write_bytes(past_events(1, MarketplaceId("mkt_bench"), datetime.now(UTC))[0].body)
    counter = Counter()
    with listening("127.0.0.1", 0) as bound:
        hub_url, environment = url_of(bound), hub_environment(folder, bound.getsockname()[1])
    async with AsyncExitStack() as stack:
        pos_url, webhook_url = [await stack.enter_async_context(_served(app)) for app in (counter.pos, counter.webhook)]
        lean_pos, lean_webhook, parties = await stack.enter_async_context(other_parties())
        house = await stack.enter_async_context(open_house(load(environment)))
        market = await _open_market(house, hub_url, pos_url, webhook_url)
        shop = await open_shop(house, lean_pos, lean_webhook)
        postgres = await _postgres(house)
        command = [sys.executable, "-m", "heard", "serve"]
        server = await stack.enter_async_context(running(command, hub_url, environment))
        worker = await stack.enter_async_context(working(environment))
        hub = _Side(hub_url, (server, worker), lambda count: shop.requests(count, hub_url))
        sides = (lean_pos, lean_webhook), (pos_url, webhook_url)
        bare_pid, bare_url = await stack.enter_async_context(bare_program(house.dsn, sides, order, event))
        bare = _Side(bare_url, (bare_pid,), lambda count: _bare_requests(shop, count))
        yield _Sides(house, market, counter, hub, bare, postgres, parties, lean_webhook)


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    """An app in this process; its address."""
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(app, bound))
        try:
            yield url_of(bound)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _open_market(house: House, hub_url: str, pos_url: str, webhook_url: str) -> _Market:
    hub, now = house.hub, await house.hub.now()
    store = Store(
        organization_id=ORGANIZATION,
        venue_id=VenueId(hub.new_id("ven", now)),
        location_id=LocationId(demo_menu().location_id),
        name="At a pace",
        currency="USD",
        timezone="UTC",
        pos=PosConnection(pos_url, SHARED_ID),
    )
    made = await add_marketplace(hub, ORGANIZATION, "at a pace", webhook_url, now)
    await add_store(hub, store)
    await connect_store(hub, store.venue_id, made.marketplace_id)
    await pull_menu(hub, house.outbound, store)
    keys = (made.marketplace_id, made.client_secret, made.webhook_secret)
    return _Market(
        SandboxMarketplace(hub_url, *keys, marketplace_ledger(None), house.outbound), store.venue_id, demo_menu()
    )


async def _postgres(house: House) -> int:
    async with house.hub.connection() as connection:
        return parent_of(await connection.fetchval("SELECT pg_backend_pid()"))


def _a_pos_order() -> bytes:
    """Such an order as the hub sends to the POS: two lines with choices."""
    lines = [an_item(f"item-{number}", 899, a_modifier("sauce", 75), a_modifier("no-onions", 0)) for number in range(2)]
    order = an_order(*lines, tax_cents=150, organization_id=ORGANIZATION, location_id=LocationId("bench-0"))
    return encode_order(order, Amounts.MINOR)


def _bare_requests(shop: Shop, count: int) -> list[bytes]:
    head = b"POST /0 HTTP/1.1\r\nhost: bare\r\ncontent-length: %d\r\n\r\n"
    return [head % len(body) + body for body in shop.bodies(count)]


def _bare_sender(market: _Market, bare_url: str) -> Sender:
    async def send() -> tuple[str, float]:
        body, begun = encode_new_order(market.content()), time.perf_counter()
        answer = await market.marketplace.outbound.send(Call("POST", bare_url, {}, body, 10.0, 1024))
        assert isinstance(answer, Answer)
        assert answer.status == 201
        return answer.body.decode(), begun

    return send


async def _idle(side: _Side) -> tuple[float, float]:
    """Processor seconds a second, and megabytes, of a hub with nothing to do."""
    await asyncio.sleep(2.0)
    before, span_s = _cpu_of(side.pids), 5.0
    await asyncio.sleep(span_s)
    return (_cpu_of(side.pids) - before) / span_s, sum(rss_mb(pid) for pid in side.pids)


def _cpu_of(pids: Sequence[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)
