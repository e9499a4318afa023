"""`heard bench growth`: what accepting, claiming and reading an order cost beside millions of old orders.

The limit beside it is the same on a second database of the same server, with few old orders over the same months. Both
are asked in turns, by the hub's own statements, on one connection each.
"""

import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import asyncpg

from heard.bench.past_orders import PastOrders, fill, past_orders
from heard.bench.programs import Say
from heard.bench.result import Result, median_ratio, ms, percentile
from heard.domain.ids import ExchangeId, ExternalOrderId, MarketplaceId, OrderId, OrganizationId, VenueId, make_id
from heard.domain.money import Cents
from heard.domain.order.course import Moment
from heard.domain.order.decide import receive
from heard.domain.order.model import Order
from heard.domain.stores import ConnectorKind, StoreRules
from heard.storage import migrate, orders
from heard.storage.embedded import EmbeddedPostgres
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import Exchange, OrderRef
from heard.storage.sql import plan_once

COST_LIMIT = 1.2  # times what it costs with few
_ORGANIZATION, _MARKETPLACE = OrganizationId("bench"), MarketplaceId("mkt_bench")
_ROUNDS = 9
_AT_ONCE = 12  # orders of a claim
_STORES = 200


async def growth(many: int, few: int, each: int, say: Say) -> Result:
    """`each`: orders accepted, claimed and read in each of nine rounds on each side."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with AsyncExitStack() as stack:
            server = await EmbeddedPostgres.start(Path(name))
            stack.push_async_callback(server.close)
            sides = [await _side(stack, server, "few", few, say), await _side(stack, server, "many", many, say)]
            for side in sides:
                await side.round(each)  # what everything costs the first time is not meant
                side.forget()
            for number in range(_ROUNDS):
                for side in sides if number % 2 else reversed(sides):
                    await side.round(each)
                say(f"round {number + 1} of {_ROUNDS}")
            return _result(sides[0], sides[1], each)


async def _side(stack: AsyncExitStack, server: EmbeddedPostgres, name: str, count: int, say: Say) -> "_Side":
    """A database with so many old orders."""
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f"CREATE DATABASE bench_{name}")
    await admin.close()
    connection = await asyncpg.connect(server.dsn.replace("/heard?", f"/bench_{name}?"))
    stack.push_async_callback(connection.close)
    await migrate.upgrade(connection)
    await connection.execute("INSERT INTO organizations (organization_id) VALUES ($1)", _ORGANIZATION)
    past = past_orders(_ORGANIZATION, _MARKETPLACE, count)
    begun = time.monotonic()
    await fill(connection, past, say)
    await plan_once(connection)  # from here on as the hub's own connections are
    say(f"{count:,} old orders are written, {time.monotonic() - begun:.0f} s")
    return _Side(connection, past)


@dataclass(slots=True)
class _Side:
    """One of the databases, and how long each statement took: the rounds' medians, and every one of them."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    past: PastOrders
    chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same every time
    medians: dict[str, list[float]] = field(default_factory=dict)
    taken: dict[str, list[float]] = field(default_factory=dict)

    async def round(self, count: int) -> None:
        now: datetime = await self.connection.fetchval("SELECT business_now()")
        news = [self._new_order(now, number) for number in range(count)]
        await self._time("accept", [partial(orders.accept, self.connection, [one]) for one in news])
        claims = -(-count // _AT_ONCE)
        await self._time("claim", [partial(orders.claim, self.connection, _AT_ONCE, 32, [], 60.0)] * claims)
        await self.connection.execute("UPDATE orders SET next_at = NULL, lease_until = NULL WHERE next_at IS NOT NULL")
        wanted = [OrderRef(_ORGANIZATION, self.past.some_order_id(self.chance)) for _ in range(count)]
        await self._time("read", [partial(self._read, ref) for ref in wanted])

    def forget(self) -> None:
        self.medians, self.taken = {}, {}

    async def _time(self, what: str, calls: Sequence[Callable[[], Awaitable[object]]]) -> None:
        took = []
        for call in calls:
            begun = time.perf_counter()
            await call()
            took.append(time.perf_counter() - begun)
        self.medians.setdefault(what, []).append(median(took))
        self.taken.setdefault(what, []).extend(took)

    async def _read(self, ref: OrderRef) -> None:
        """What an operator sees of an order."""
        assert await orders.find(self.connection, ref.order_id) is not None
        await orders.read_body(self.connection, ref)
        assert await orders.read_history(self.connection, ref)
        await read_exchanges(self.connection, ref)

    def _new_order(self, now: datetime, number: int) -> orders.NewOrder:
        order = Order(
            organization_id=_ORGANIZATION,
            order_id=OrderId(make_id("ord", now, self.chance.randbytes(10))),
            venue_id=VenueId(f"ven_bench_{number % _STORES}"),
            marketplace_id=_MARKETPLACE,
            external_order_id=ExternalOrderId(f"NEW-{self.chance.getrandbits(64):x}"),
            currency="USD",
            total=Cents(2_599),
            received_at=now,
            accept_by=now + timedelta(minutes=11),
        )
        decision = receive(order, Moment(now, 0.5, StoreRules(), ConnectorKind.POSNEXT))
        exchange = Exchange(now, "in", "channel", "POST", "/link/v2/orders", 201, 1.0)
        exchange_id = ExchangeId(make_id("exc", now, self.chance.randbytes(10)))
        body = self.past.body
        return orders.NewOrder(decision, b"x" * 32, body, body, "1", None, now, exchange_id, exchange)


def _result(few: _Side, many: _Side, each: int) -> Result:
    costs = {what: median_ratio(times, few.medians[what]) for what, times in many.medians.items()}
    accept_s, few_s = median(many.medians["accept"]), median(few.medians["accept"])
    return Result(
        name="growth",
        rate_per_s=round(1 / accept_s, 1),
        limit_per_s=round(1 / few_s, 1),
        ratio=round(1 / max(costs.values()), 3),
        p50_ms=ms(percentile(many.taken["accept"], 50)),
        p99_ms=ms(percentile(many.taken["accept"], 99)),
        details={
            "orders": many.past.count,
            "orders_few": few.past.count,
            **{f"{what}_cost_times": cost for what, cost in costs.items()},
            "cost_times_limit": COST_LIMIT,
            **{f"{what}_ms": ms(median(times)) for what, times in many.medians.items()},
            **{f"{what}_few_ms": ms(median(times)) for what, times in few.medians.items()},
            "measured_each_way": each * _ROUNDS,
            "ratio_is": "of the dearest: its cost with few old orders over its cost with many",
            "limit": "the same statements on a database of the same server with few old orders",
        },
    )
