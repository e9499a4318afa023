"""`heard bench claims`: how many due orders a second the hub's own claim leases, in batches of several sizes.

No network and no decision: each order is leased by `order_claim.sql`, fairly between twenty stores, and read into our
types; its lease is ended by one bare statement a batch, fenced as every end of a lease is. Beside it, in turns: a bare
claim and a bare end of as many rows of a bare table, through the same driver. What it takes to save a step of each
order, with its history, stands apart.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from heard import limits
from heard.bench.programs import Say, hub_environment
from heard.bench.result import Result, family_cpu_s, median_ratio, ms, parent_of, percentile, rss_mb
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import ExchangeId, ExternalOrderId, MarketplaceId, OrderId, OrganizationId, VenueId
from heard.domain.money import Cents
from heard.domain.order.commands import Park
from heard.domain.order.decide import Moment, decide, receive
from heard.domain.order.model import Order
from heard.domain.stores import StoreRules
from heard.storage import orders
from heard.storage.orders import Connection
from heard.storage.rows import Claimed, Exchange

RATE_PER_S = 20_000.0
SIZES = (limits.CLAIM_ORDERS_MAX, limits.CLAIM_BATCH_MAX, 500)  # the worker's, and what there is to gain above it
_CLAIMANTS = 2
_STORES = 20
_LEASE_S = 30.0
_HELD_S = 3_600.0  # the whole benchmark, on the same connections
_LOAD_BATCH = 500
_ORGANIZATION = OrganizationId("bench")

_END = """
UPDATE orders o SET next_at = NULL, lease_until = NULL, stalls = 0
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS held (organization_id, order_id, lease)
WHERE o.organization_id = held.organization_id AND o.order_id = held.order_id AND o.lease = held.lease
"""
_DUE_AGAIN = "UPDATE orders SET next_at = received_at, lease_until = NULL, stalls = 0, parked = false"
_BARE = """
CREATE TABLE bench_due (
    id          bigint PRIMARY KEY,
    next_at     timestamptz,
    lease       bigint NOT NULL DEFAULT 0,
    lease_until timestamptz
) WITH (fillfactor = 80);
CREATE INDEX bench_due_next ON bench_due (next_at) WHERE next_at IS NOT NULL;
"""
_BARE_CLAIM = """
UPDATE bench_due SET lease = lease + 1, lease_until = clock_timestamp() + make_interval(secs => $2)
WHERE id = ANY (ARRAY (
    SELECT id FROM bench_due
    WHERE next_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
))
RETURNING id, lease
"""
_BARE_END = """
UPDATE bench_due b SET next_at = NULL, lease_until = NULL
FROM unnest($1::bigint[], $2::bigint[]) AS held (id, lease) WHERE b.id = held.id AND b.lease = held.lease
"""
_BARE_DUE_AGAIN = "UPDATE bench_due SET next_at = clock_timestamp() - interval '1 hour' + id * interval '1 us'"

Take = Callable[[Connection, int], Awaitable[int]]  # leases up to so many and ends their leases; how many it had


async def claims(count: int, rounds: int, say: Say) -> Result:
    """So many due rows each way, from the first to the last, in each of the rounds; medians."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with open_house(load(hub_environment(Path(name)))) as house, AsyncExitStack() as stack:
            connections = [await stack.enter_async_context(house.hub.connection(_HELD_S)) for _ in range(_CLAIMANTS)]
            await _fill(house, connections[0], count)
            say(f"{count:,} orders are due")
            queue = _Queue(connections, count, parent_of(await connections[0].fetchval("SELECT pg_backend_pid()")))
            ours, bare = ({size: _Drained() for size in SIZES} for _ in range(2))
            saved = _Drained()
            for number in range(1, rounds + 1):
                for size in SIZES:
                    await queue.drain(_hub_take, size, _DUE_AGAIN, ours[size])
                    await queue.drain(_bare_take, size, _BARE_DUE_AGAIN, bare[size])
                await queue.drain(_hub_save, limits.BATCH_MAX, _DUE_AGAIN, saved)
                last = ours[SIZES[-1]], bare[SIZES[-1]]
                say(f"round {number}: {last[0].rates[-1]:,.0f} orders/s beside {last[1].rates[-1]:,.0f} rows/s")
    return _result(count, rounds, ours, bare, saved)


@dataclass(slots=True)
class _Drained:
    """How the rounds went of one way to empty a queue. `takes`: seconds that a claim and its end took together."""

    rates: list[float] = field(default_factory=list)
    takes: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Queue:
    """So many due rows, and who claims them."""

    connections: Sequence[Connection]
    count: int
    postgres: int

    async def drain(self, take: Take, size: int, due_again: str, drained: _Drained) -> None:
        """Make all rows due, and take them until none is."""
        await self.connections[0].execute(due_again)
        await self.connections[0].execute("VACUUM ANALYZE orders, bench_due")
        before = time.process_time(), family_cpu_s(self.postgres)
        begun = time.perf_counter()
        taken = await asyncio.gather(*(self._take_all(one, take, size, drained) for one in self.connections))
        took_s = time.perf_counter() - begun
        assert sum(taken) == self.count, f"{self.count} rows were due, and {sum(taken)} were had"
        drained.rates.append(self.count / took_s)
        drained.own_us.append((time.process_time() - before[0]) / self.count * 1e6)
        drained.postgres_us.append((family_cpu_s(self.postgres) - before[1]) / self.count * 1e6)

    async def _take_all(self, connection: Connection, take: Take, size: int, drained: _Drained) -> int:
        taken = 0
        while True:
            begun = time.perf_counter()
            had = await take(connection, size)
            drained.takes.append(time.perf_counter() - begun)
            taken += had
            if not had:
                return taken


async def _hub_take(connection: Connection, size: int) -> int:
    held = await _hub_claim(connection, size)
    keys = [one.order.organization_id for one in held], [one.order.order_id for one in held]
    await connection.execute(_END, *keys, [one.lease for one in held])
    return len(held)


async def _hub_save(connection: Connection, size: int) -> int:
    """... and each with a step and its line of history, as the worker saves them: under the lease, at the revision."""
    held = await _hub_claim(connection, size)
    saved = [_step(claimed) for claimed in held]
    written = await orders.save_all(connection, saved, limits.CLOCK_OFF_S)
    assert len(written) == len(held), "the lease of an order was lost"
    return len(held)


def _hub_claim(connection: Connection, size: int) -> Awaitable[list[Claimed]]:
    return orders.claim(connection, size, max(limits.IN_FLIGHT_PER_STORE_MAX, size // _STORES), [], _LEASE_S)


def _step(claimed: Claimed) -> orders.Saved:
    decision = decide(claimed.order, Park("benchmark"), Moment(claimed.now, 0.5, StoreRules()))
    return orders.Saved(decision, claimed, True, True, [], claimed.now + timedelta(hours=1), [])


async def _bare_take(connection: Connection, size: int) -> int:
    held = await connection.fetch(_BARE_CLAIM, size, _LEASE_S)
    await connection.execute(_BARE_END, [row["id"] for row in held], [row["lease"] for row in held])
    return len(held)


async def _fill(house: House, connection: Connection, count: int) -> None:
    """So many orders of twenty stores by turns, due now, as the hub takes them in; and as many bare rows."""
    now = await house.hub.now() - timedelta(hours=1)
    for start in range(0, count, _LOAD_BATCH):
        numbers = range(start, min(count, start + _LOAD_BATCH))
        await orders.accept(connection, [_order(house, number, now) for number in numbers])
    await connection.execute(_BARE)
    await connection.execute("INSERT INTO bench_due (id) SELECT n FROM generate_series(1, $1::bigint) AS n", count)


def _order(house: House, number: int, now: datetime) -> orders.NewOrder:
    at = now + timedelta(microseconds=number)
    order = Order(
        organization_id=_ORGANIZATION,
        order_id=OrderId(house.hub.new_id("ord", at)),
        venue_id=VenueId(f"ven_bench_{number % _STORES}"),
        marketplace_id=MarketplaceId("mkt_bench"),
        external_order_id=ExternalOrderId(f"BENCH-{number}"),
        currency="USD",
        total=Cents(2_599),
        received_at=at,
        accept_by=at + timedelta(days=1),
    )
    exchange = Exchange(at, "in", "channel", "POST", "/link/v2/orders", 201, 1.0)
    decision = receive(order, Moment(at, 0.5, StoreRules()))
    exchange_id = ExchangeId(house.hub.new_id("exc", at))
    return orders.NewOrder(decision, b"", b"", b"", "bench", None, at, exchange_id, exchange)


def _result(count: int, rounds: int, ours: dict[int, _Drained], bare: dict[int, _Drained], saved: _Drained) -> Result:
    best = SIZES[-1]
    by_size: dict[str, object] = {}
    for size in SIZES[:-1]:
        by_size[f"by_{size}_per_s"] = round(median(ours[size].rates), 1)
        by_size[f"by_{size}_limit_per_s"] = round(median(bare[size].rates), 1)
        by_size[f"by_{size}_p99_ms"] = ms(percentile(ours[size].takes, 99))
    return Result(
        name="claims",
        rate_per_s=round(median(ours[best].rates), 1),
        limit_per_s=round(median(bare[best].rates), 1),
        ratio=median_ratio(ours[best].rates, bare[best].rates),
        p50_ms=ms(percentile(ours[best].takes, 50)),
        p99_ms=ms(percentile(ours[best].takes, 99)),
        cpu_us_per_unit=round(median(ours[best].own_us)),
        rss_mb=round(rss_mb(os.getpid()), 1),
        details={
            "rate_per_s_limit": RATE_PER_S,
            "orders": count,
            "rounds": rounds,
            "claimants": _CLAIMANTS,
            "stores": _STORES,
            **by_size,
            "saved_per_s": round(median(saved.rates), 1),
            "saved_cpu_us_per_unit": round(median(saved.own_us)),
            "saved_postgres_cpu_us_per_unit": round(median(saved.postgres_us)),
            "postgres_cpu_us_per_unit": round(median(ours[best].postgres_us)),
            "bare_cpu_us_per_unit": round(median(bare[best].own_us)),
            "bare_postgres_cpu_us_per_unit": round(median(bare[best].postgres_us)),
            "rate_per_s_is": f"of orders leased {best} at a time, and their leases ended by one bare statement a batch",
            "p99_ms_is": "of one claim and its end",
            "by_is": "the same with fewer at a time; the worker takes the least",
            "saved_per_s_is": f"leased {limits.BATCH_MAX} at a time, and a step of each saved with its line of history",
            "limit": "a bare claim (FOR UPDATE SKIP LOCKED) and end of as many rows of a bare table, same driver",
        },
    )
