"""`heard bench console`: the board and an order's page at the server, a change on its way to a reader, and what open
consoles cost the hub. Beside many old orders, and a bare template of the board's size, rendered by the same server.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import asyncpg

from heard.bench.console_clients import Loaded, OpenBoard, load, open_boards
from heard.bench.first_paint import Painted, paints
from heard.bench.past_orders import fill, past_orders
from heard.bench.pelting import pace, pelt
from heard.bench.programs import Say, host_and_port, hub_environment, running, url_of, working
from heard.bench.result import Result, cpu_s, ms, percentile, rss_mb
from heard.bench.shop import ORGANIZATION, Shop, open_shop, other_parties
from heard.bootstrap import House, open_house
from heard.config import load as load_config
from heard.console.gate import SESSION
from heard.domain.ids import MarketplaceId, OrderId
from heard.domain.order import commands as c
from heard.domain.people import Role
from heard.engine import people
from heard.engine.act_on_order import act_on_order
from heard.engine.admin_keys import add_key
from heard.engine.passwords import Passwords
from heard.net.listening import listening
from heard.storage.partitions import Kept
from heard.work.figures import count_what_is_over

BOARD_MS, CHANGE_MS, ORDER_MS, CPU_PERCENT = 300.0, 500.0, 100.0, 10.0
_PAST = MarketplaceId("mkt_bench")
_KEPT = Kept(orders_months=13, exchanges_days=30)
_LOADS, _CHANGES, _PAINTS, _WARM = 40, 40, 40, 3
_AT_ONCE = 32
_CARD_BYTES_MIN = 500
_SETTLE_WITHIN_S = 120.0

_STORES_OF_OLD = """
INSERT INTO stores SELECT (jsonb_populate_record(s, jsonb_build_object(
    'venue_id', 'ven_bench_' || n, 'location_id', 'old-' || n, 'name', 'Old ' || n))).*
FROM stores s, generate_series(0, 199) n WHERE s.venue_id = $1
"""
_OPEN = """
SELECT order_id FROM orders WHERE status = 'confirmed' AND order_id > $1 ORDER BY order_id DESC LIMIT $2
"""
_LET_GO = "UPDATE orders SET next_at = NULL WHERE status = 'confirmed' AND next_at IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is measured: `rounds` of so many `seconds` each with so many `consoles` open, and with none."""

    orders: int
    open_orders: int
    consoles: int
    rate_per_s: float
    seconds: float
    rounds: int


async def console(wanted: Wanted, say: Say) -> Result:
    """Everything in one run, on a hub of its own."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with AsyncExitStack() as stack:
            house = await _open_house(stack, Path(name), wanted, say)
            return await house.measure(wanted, Path(name), say)


@dataclass(slots=True)
class _Measured:
    """Seconds, and shares of a core."""

    board: list[Loaded] = field(default_factory=list)
    bare: list[Loaded] = field(default_factory=list)
    painted: Sequence[Painted] = ()
    blank: Sequence[Painted] = ()
    order: list[Loaded] = field(default_factory=list)
    activity: dict[str, float] = field(default_factory=dict)
    changes_s: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)  # bytes, to each open board in each round
    board_cpu_s: float = 0.0
    order_page_is: str = ""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A hub with its worker, and somebody who is signed in."""

    house: House
    shop: Shop
    url: str
    server: int
    cookie: str

    async def measure(self, wanted: Wanted, folder: Path, say: Say) -> Result:
        order_ids = await self._open(wanted.open_orders)
        say(f"{len(order_ids):,} orders are open")
        began = time.monotonic()
        hours = await count_what_is_over(self.house.hub, _KEPT)
        counted_s = time.monotonic() - began
        say(f"{hours:,} hours are counted, {counted_s:.0f} s")
        measured = _Measured()
        used_s = cpu_s(self.server)
        measured.board = await self._load("/console")
        measured.board_cpu_s = (cpu_s(self.server) - used_s) / (_WARM + _LOADS)
        page = measured.board[-1].body
        async with _served_bare(folder, page, wanted.open_orders) as bare_url:
            measured.bare = await _loaded(bare_url, "/")
            name, _, value = self.cookie.partition("=")
            cards_at = {f"{self.url}/console": len(order_ids), f"{bare_url}/blank": 0}
            painted = await paints(cards_at, (name, value), _WARM + _PAINTS)
            measured.painted, measured.blank = (one[_WARM:] for one in painted.values())
        measured.order_page_is, measured.order = await self._order_page(order_ids[0])
        for over in ("hour", "day", "month"):
            pages = await self._load(f"/console/activity?over={over}", 5)
            measured.activity[f"activity_{over}_ms"] = ms(median(one.whole_s for one in pages)) or 0.0
        say("pages are loaded" + ("" if measured.painted else "; no browser here, so nothing is painted"))
        whole = wanted.open_orders * _CARD_BYTES_MIN
        async with open_boards(self.url, self.cookie, 1, whole) as [board]:
            measured.changes_s = [await self._change(board, one) for one in order_ids[:_CHANGES]]
        say(f"{len(measured.changes_s)} orders were changed")
        for number in range(wanted.rounds):
            for with_consoles in (True, False) if number % 2 else (False, True):
                shares = measured.beside if with_consoles else measured.alone
                async with open_boards(self.url, self.cookie, wanted.consoles * with_consoles, whole) as open_:
                    before = [board.bytes for board in open_]
                    shares.append(await self._share(wanted.rate_per_s, wanted.seconds))
                    measured.told += [board.bytes - heard for board, heard in zip(open_, before, strict=True)]
            say(f"round {number + 1} of {wanted.rounds}")
        return _result(wanted, measured, counted_s, len(page), rss_mb(self.server))

    async def _open(self, count: int) -> list[OrderId]:
        """So many orders that their POS has confirmed; no kitchen goes on with them."""
        async with self.house.hub.connection() as connection:
            newest = await connection.fetchval("SELECT coalesce(max(order_id), '') FROM orders")
        pelted = await pelt(*host_and_port(self.url), self.shop.requests(count, self.url), _AT_ONCE, 201, patient=True)
        assert not pelted.refused, f"{pelted.refused} orders of the benchmark were refused"
        async with asyncio.timeout(_SETTLE_WITHIN_S):
            while True:
                async with self.house.hub.connection() as connection:
                    rows = await connection.fetch(_OPEN, newest, count)
                if len(rows) == count:
                    break
                await asyncio.sleep(0.1)
        await self._let_go()
        await _age(self.house)
        return [row["order_id"] for row in rows]

    async def _load(self, path: str, count: int = _LOADS) -> list[Loaded]:
        return await _loaded(self.url, path, count, cookie=self.cookie)

    async def _order_page(self, order_id: OrderId) -> tuple[str, list[Loaded]]:
        """What is loaded of an order: its page, else what that is made of, as the admin API tells it."""
        path = f"/console/orders/{order_id}"
        [first] = await load(self.url, path, 1, cookie=self.cookie)
        if first.status == 200:
            return "the console's page of it", await self._load(path)
        key = await add_key(self.house.hub, ORGANIZATION, "bench", ("read",))
        told = await _loaded(self.url, f"/admin/v1/orders/{order_id}", authorization=f"Bearer {key.key}")
        return "the order as the admin API tells it: the console has no page of it", told

    async def _change(self, board: OpenBoard, order_id: OrderId) -> float:
        """Seconds from the commit of an order's change to the message that tells of it."""
        await asyncio.sleep(0.05 + 0.3 * random.SystemRandom().random())
        told = board.wait_for(order_id)
        await act_on_order(self.house.hub, order_id, c.StartOrder())
        committed = time.perf_counter()
        async with asyncio.timeout(_SETTLE_WITHIN_S):
            return max(0.0, await told - committed)

    async def _share(self, rate_per_s: float, seconds: float) -> float:
        """Of a core that the hub's server takes while orders come in at a pace."""
        host, port = host_and_port(self.url)
        requests = self.shop.requests(max(1, round(rate_per_s * seconds)), self.url)
        used_s, begun = cpu_s(self.server), time.monotonic()
        paced = await pace(host, port, requests, rate_per_s, _AT_ONCE)
        share = (cpu_s(self.server) - used_s) / (time.monotonic() - begun)
        assert not paced.refused, f"{paced.refused} orders of the benchmark were refused"
        await asyncio.sleep(1.0)
        await self._let_go()
        return share

    async def _let_go(self) -> None:
        """Nobody asks after what is confirmed: that would come about in another round."""
        async with self.house.hub.connection() as connection:
            await connection.execute(_LET_GO)


async def _open_house(stack: AsyncExitStack, folder: Path, wanted: Wanted, say: Say) -> _Watched:
    pos_url, webhook_url, _ = await stack.enter_async_context(other_parties())
    with listening("127.0.0.1", 0) as bound:
        url, environment = url_of(bound), hub_environment(folder, bound.getsockname()[1])
    house = await stack.enter_async_context(open_house(load_config(environment)))
    await _fill(house, wanted.orders, say)
    shop = await open_shop(house, pos_url, webhook_url)
    async with house.hub.connection() as connection:
        await connection.execute(_STORES_OF_OLD, shop.stores[0].venue_id)
    await _age(house)
    secret = await people.invite(house.hub, ORGANIZATION, Role.ADMIN, "the benchmark")
    session = await people.join(house.hub, Passwords(), secret, "bench", "a password for a benchmark")
    server = await stack.enter_async_context(running([sys.executable, "-m", "heard", "serve"], url, environment))
    await stack.enter_async_context(working(environment))
    return _Watched(house, shop, url, server, f"{SESSION}={session}")


async def _age(house: House) -> None:
    """As `shop.age`, by a connection that nobody cuts for taking long: there are many old orders."""
    connection = await asyncpg.connect(house.dsn)
    await connection.execute("ANALYZE")
    await connection.close()


async def _fill(house: House, count: int, say: Say) -> None:
    """Old orders, by a connection that nobody cuts for taking long."""
    connection = await asyncpg.connect(house.dsn)
    await connection.execute("INSERT INTO organizations (organization_id) VALUES ($1)", ORGANIZATION)
    begun = time.monotonic()
    await fill(connection, past_orders(ORGANIZATION, _PAST, count), say)
    await connection.close()
    say(f"{count:,} old orders are written, {time.monotonic() - begun:.0f} s")


async def _loaded(url: str, path: str, count: int = _LOADS, **headers: str) -> list[Loaded]:
    """... but for the first few, which find nothing prepared."""
    loaded = await load(url, path, _WARM + count, **headers)
    assert {one.status for one in loaded} == {200}, f"{path} was answered with {loaded[0].status}"
    return loaded[_WARM:]


@asynccontextmanager
async def _served_bare(folder: Path, page: bytes, parts: int) -> AsyncIterator[str]:
    file = folder / "page"
    file.write_bytes(page)
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        command = [sys.executable, "-m", "heard.bench.bare_page", str(bound.fileno()), str(file), str(parts)]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)):
            yield url_of(bound)


def _result(wanted: Wanted, measured: _Measured, counted_s: float, size: int, memory_mb: float) -> Result:
    whole, bare = [one.whole_s for one in measured.board], [one.whole_s for one in measured.bare]
    first, blank = [one.first_s for one in measured.painted], [one.first_s for one in measured.blank]
    cost = median(beside - alone for beside, alone in zip(measured.beside, measured.alone, strict=True))
    return Result(
        name="console",
        rate_per_s=round(1 / median(whole), 1),
        limit_per_s=round(1 / median(bare), 1),
        ratio=round(median(bare) / median(whole), 3),
        p50_ms=ms(percentile(whole, 50)),
        p99_ms=ms(percentile(whole, 99)),
        cpu_us_per_unit=round(1e6 * measured.board_cpu_s),
        rss_mb=round(memory_mb, 1),
        details={
            "board_ms": ms(percentile(whole, 95)),
            "board_ms_limit": BOARD_MS,
            "first_paint_ms": ms(percentile(first, 95)),
            "first_paint_ms_limit": BOARD_MS,
            "first_paint_p50_ms": ms(percentile(first, 50)),
            "blank_paint_ms": ms(percentile(blank, 95)),
            "blank_paint_p50_ms": ms(percentile(blank, 50)),
            "all_cards_ms": ms(percentile([one.whole_s for one in measured.painted], 95)),
            "board_first_byte_ms": ms(percentile([one.first_s for one in measured.board], 95)),
            "board_bytes": size,
            "bare_ms": ms(percentile(bare, 95)),
            "change_ms": ms(percentile(measured.changes_s, 95)),
            "change_ms_limit": CHANGE_MS,
            "change_p50_ms": ms(percentile(measured.changes_s, 50)),
            "change_slowest_ms": ms(max(measured.changes_s)),
            "order_page_ms": ms(percentile([one.whole_s for one in measured.order], 95)),
            "order_page_ms_limit": ORDER_MS,
            "consoles_cpu_percent": round(100 * cost, 1),
            "consoles_cpu_percent_limit": CPU_PERCENT,
            "hub_cpu_percent_with": round(100 * median(measured.beside), 1),
            "hub_cpu_percent_without": round(100 * median(measured.alone), 1),
            "told_each_console_bytes": round(median(measured.told)),
            **measured.activity,
            "hours_counted_s": round(counted_s, 1),
            "orders": wanted.orders,
            "open_orders": wanted.open_orders,
            "consoles": wanted.consoles,
            "orders_per_s": wanted.rate_per_s,
            "order_page_is": measured.order_page_is,
            "first_paint_ms_is": "from the request to the board's first content in a Chromium, at the 95th percentile",
            "blank_paint_ms_is": "the same of a page of one word, in turns with the board",
            "all_cards_ms_is": "from the request until every open order's card is on the page, at the 95th percentile",
            "board_ms_is": "from a request to its answer's last byte, at the 95th percentile; so is the order's page",
            "change_ms_is": "from the commit to the message at an open board, at the 95th percentile",
            "consoles_cpu_percent_is": "of a core: what the server takes with them open less what it takes without",
            "limit": "a bare template of as many bytes, rendered anew each time by the same kind of server",
        },
    )
