"""`heard bench menu`: a long menu from a POS into use, and how long the hub's event loop was held up meanwhile.

The menu is made up, served by an ASGI program in another process, and fetched by the hub as a worker would do it. The
limit beside it is the bare decoding of the same bytes, with no check at all.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from heard.bench.programs import running, url_of
from heard.bench.result import Result, percentile
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import ExternalOrderId, LocationId, OrganizationId, ProductId, VenueId
from heard.domain.menu.index import hold_against
from heard.domain.money import Cents
from heard.domain.order.content import (
    Customer,
    Fulfillment,
    FulfillmentType,
    Line,
    OrderContent,
    PaymentMethod,
    Totals,
)
from heard.domain.stores import PosConnection, Store
from heard.engine.add_parties import add_store
from heard.engine.keep_menu import KeptMenu
from heard.net.call import Answer, Call, NoAnswer
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.work.menus import pull_menu

LOCATION = "bench"
_TICK_S = 0.001
T = TypeVar("T")


async def menu(items: int, rounds: int) -> Result:
    """A first menu, one that differs in every hundredth product, and then one changed price a round."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        body = make_menu(items)
        served = folder / "menu.json"
        served.write_bytes(body)
        bare_ms = _bare_ms(body)
        settings = {"HEARD_DATA_FOLDER": name, "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8", "HEARD_LOG_LEVEL": "warning"}
        async with open_house(load(settings)) as house, _a_pos(served) as pos_url:
            store = await _a_store(house, pos_url)
            bench = _Bench(house, store, served, body)
            whole = [await bench.pull("first"), await bench.pull("after a restart", every=100, forget=True)]
            single = [await bench.pull("one price", every=items) for _ in range(rounds)]
    slowest, prices = max(one.total_ms for one in whole), [one.total_ms for one in single]
    return Result(
        name="menu",
        rate_per_s=round(items / slowest * 1000),
        limit_per_s=round(items / bare_ms * 1000),
        ratio=round(bare_ms / slowest, 3),
        p50_ms=percentile(prices, 50),
        p99_ms=percentile(prices, 99),
        details={
            "items": items,
            "megabytes": round(len(body) / 1e6, 1),
            "bare_decode_ms": round(bare_ms, 1),
            "whole_ms": slowest,
            "one_price_ms": max(prices),
            "longest_stall_ms": max(one.stall_ms for one in (*whole, *single)),
            "phases": [one.as_row() for one in (*whole, *single)],
            "whole": "fetched, read, checked, compared with the version before, indexed, stored; the slower of two",
            "one_price": "from the request for the menu to an order held against the new index; p50 and p99 are of it",
        },
    )


@dataclass(frozen=True, slots=True)
class _Pull:
    """One menu from the request to its use."""

    name: str
    total_ms: float
    fetch_ms: float
    stall_ms: float
    kept: KeptMenu

    def as_row(self) -> dict[str, object]:
        judged = dict(self.kept.took_ms)
        rest_ms = self.total_ms - self.fetch_ms - sum(judged.values())
        return {
            "menu": self.name,
            "total_ms": self.total_ms,
            "fetch_ms": self.fetch_ms,
            **{f"{phase}_ms": ms for phase, ms in judged.items()},
            "hand_over_and_store_ms": round(rest_ms, 1),
            "longest_stall_ms": self.stall_ms,
            "changes": dict(self.kept.changes),
        }


class _Timed(Outbound):
    """Outbound calls, and how long the last one took."""

    def __init__(self, inner: Outbound) -> None:
        self._inner, self.took_ms = inner, 0.0

    async def send(self, call: Call) -> Answer | NoAnswer:
        begun = time.perf_counter()
        answer = await self._inner.send(call)
        self.took_ms = round((time.perf_counter() - begun) * 1000, 1)
        return answer


class _Bench:
    def __init__(self, house: House, store: Store, served: Path, body: bytes) -> None:
        self._house, self._store, self._served, self._body = house, store, served, body
        self._outbound = _Timed(house.outbound)
        self._chance = random.Random(7)  # noqa: S311 - the same menus every time

    async def pull(self, name: str, every: int = 0, *, forget: bool = False) -> _Pull:
        """Fetch the menu, after changing the price of one product in `every` first."""
        hub = self._house.hub
        if every:
            self._body = self._changed(every)
            await asyncio.to_thread(self._served.write_bytes, self._body)
        if forget:
            await hub.close()
        content = _an_order(self._store)
        begun = time.perf_counter()
        (kept, index), stall_ms = await _watched(self._into_use())
        assert hold_against(content, index).faults == ()
        total_ms = round((time.perf_counter() - begun) * 1000, 1)
        assert index.version == kept.version
        assert kept.changed, "the benchmark's menu did not change"
        return _Pull(name, total_ms, self._outbound.took_ms, stall_ms, kept)

    async def _into_use(self) -> tuple[KeptMenu, Any]:
        kept = await pull_menu(self._house.hub, self._outbound, self._store)
        return kept, await self._house.hub.menu(self._store, kept.version)

    def _changed(self, every: int) -> bytes:
        """Other prices, in the bytes themselves."""
        pieces = self._body.split(b'"price":')
        products = [place for place, piece in enumerate(pieces) if piece.partition(b"}")[0].find(b'"description"') > 0]
        for place in products[self._chance.randrange(every) :: every]:
            price, _, rest = pieces[place].partition(b",")
            pieces[place] = f"{Decimal(price.decode()) + Decimal('0.01')}".encode() + b"," + rest
        return b'"price":'.join(pieces)


async def _watched(work: Awaitable[T]) -> tuple[T, float]:
    """What comes of it, and the longest time in which the loop did not come to a coroutine that wanted to go on."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            longest = max(longest, time.perf_counter() - before - _TICK_S)

    done = asyncio.Event()
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(_TICK_S)
    try:
        found = await work
    finally:
        done.set()
        await ticking
    return found, round(longest * 1000, 1)


def make_menu(items: int) -> bytes:
    """A menu of so many products, most with modifier groups, as a POS writes it."""
    chance = random.Random(2026)  # noqa: S311 - the same menu every time

    def price(least: int, most: int) -> Decimal:
        return Decimal(chance.randint(least, most)) / 100

    def group(number: int, place: int) -> dict[str, Any]:
        return {
            "id": f"G{number}-{place}",
            "name": f"Choice {place}",
            "min_selected": 0,
            "max_selected": 2,
            "modifiers": [
                {"id": f"M{number}-{place}-{n}", "name": f"Extra {n} of {number}", "price": price(0, 300)}
                for n in range(3)
            ],
        }

    products = [
        {
            "id": f"P{number}",
            "name": f"Dish number {number}",
            "price": price(100, 3_000),
            "state": "available",
            "description": f"Dish {number} of the house, made this morning and served as long as there is some of it.",
            "item_type": "Item",
            "tax_category": "food",
            "image_url": f"https://images.example/menu/{number}.jpg",
            "modifier_groups": [group(number, place) for place in range(chance.randint(0, 2))],
        }
        for number in range(items)
    ]
    size = max(1, items // 20)
    sections = [
        {"id": f"S{start}", "name": f"Part {start}", "products": products[start : start + size]}
        for start in range(0, items, size)
    ]
    whole = {"location_id": LOCATION, "currency": "USD", "tax_rates": {"food": "8.25"}, "menus": sections}
    return msgspec.json.Encoder(decimal_format="number").encode(whole)


def _bare_ms(body: bytes) -> float:
    """The quickest of three bare decodings."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        msgspec.json.decode(body)
        times.append((time.perf_counter() - begun) * 1000)
    return min(times)


@asynccontextmanager
async def _a_pos(served: Path) -> AsyncIterator[str]:
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        command = [sys.executable, "-m", "heard.bench.menu_pos", str(served), str(bound.fileno())]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)):
            yield url_of(bound)


async def _a_store(house: House, pos_url: str) -> Store:
    store = Store(
        organization_id=OrganizationId("bench"),
        venue_id=VenueId(house.hub.new_id("ven", await house.hub.now())),
        location_id=LocationId(LOCATION),
        name="Bench",
        currency="USD",
        timezone="UTC",
        pos=PosConnection(pos_url, "bench-shared-id"),
    )
    return await add_store(house.hub, store)


def _an_order(store: Store) -> OrderContent:
    line = Line(ProductId("P7"), "Dish number 7", 1, Cents(100))
    return OrderContent(
        external_order_id=ExternalOrderId("B-1"),
        venue_id=store.venue_id,
        placed_at=datetime.now(UTC),
        fulfillment=Fulfillment(FulfillmentType.PICKUP),
        customer=Customer(),
        lines=(line,),
        totals=Totals(Cents(100), Cents(0), Cents(0), Cents(0), Cents(0), Cents(100)),
        currency="USD",
        payment=PaymentMethod.PREPAID,
    )
