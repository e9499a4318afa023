"""`heard bench accept`: new orders over Link into a real `heard serve`, each on disk before its answer.

Nobody works on them meanwhile. Beside it, in turns: the single rows that pgbench inserts into the same PostgreSQL.

The rate is a closed loop's, with as many connections as do best; the latency is an open loop's, at half of that rate,
from when an order was due to be sent. Hub, database and sender share the machine.
"""

import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from heard.bench.pelting import Paced, Pelted, pace, pelt
from heard.bench.pgbench import RawInserts
from heard.bench.programs import Say, host_and_port, hub_environment, running, url_of
from heard.bench.result import Result, cpu_s, family_cpu_s, median_ratio, ms, note_spent, parent_of, percentile, rss_mb
from heard.bench.shop import Shop, age, menus_only, open_shop
from heard.bootstrap import House, open_house
from heard.config import load
from heard.net.listening import listening

RATIO = 0.55
HALF_P99_MS = 50.0
MEMORY_MB = 250.0
_CONNECTIONS = (32, 64, 128, 256)  # one of them is the best for the machine
_TRIED_S = 0.5  # of a round's time: for each number of connections
_ROWS_TRIED_PER_S = 5_000
_ORDERS_TRIED_PER_S = 1_000
_PACED_CONNECTIONS = 256


async def accept(seconds: float, rounds: int, say: Say) -> Result:
    """Rounds of so many seconds, hub and limit in turns; medians."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with _hub(Path(name)) as hub:
            raw = await RawInserts.make(hub.house.dsn, Path(name), _usual(hub.shop))
            clients, raw_rate = await raw.best_clients(int(_ROWS_TRIED_PER_S * seconds * _TRIED_S))
            connections, rate = await hub.best_connections(int(_ORDERS_TRIED_PER_S * seconds * _TRIED_S))
            say(f"best: {connections} connections to the hub, {clients} clients of pgbench")
            ours, limits = _Rounds(), []
            for number in range(1, rounds + 1):
                await hub.round(int(rate * seconds), connections, ours)
                limits.append(await raw.rate_per_s(clients, int(raw_rate * seconds)))
                say(f"round {number}: {ours.rates[-1]:,.0f} orders/s beside {limits[-1]:,.0f} rows/s")
            half_per_s = median(ours.rates) / 2
            half = await hub.paced(half_per_s, seconds * rounds)
            memory_mb = rss_mb(hub.pid)
            lost = hub.answered - await hub.stored()
    return Result(
        name="accept",
        rate_per_s=round(median(ours.rates), 1),
        limit_per_s=round(median(limits), 1),
        ratio=median_ratio(ours.rates, limits),
        p50_ms=ms(percentile(half.latencies, 50)),
        p99_ms=ms(percentile(half.latencies, 99)),
        cpu_us_per_unit=round(median(ours.hub_us)),
        rss_mb=round(memory_mb, 1),
        details={
            "ratio_limit": RATIO,
            "p99_ms_limit": HALF_P99_MS,
            "rss_mb_limit": MEMORY_MB,
            "rounds": rounds,
            "seconds_per_round": seconds,
            "orders": hub.answered,
            "answered_and_not_stored": lost,
            "refused": ours.refused + half.refused,
            "connections": connections,
            "full_p50_ms": ms(percentile(ours.latencies, 50)),
            "full_p99_ms": ms(percentile(ours.latencies, 99)),
            "half_per_s": round(half_per_s, 1),
            "postgres_cpu_us_per_unit": round(median(ours.postgres_us)),
            "sender_cpu_us_per_unit": round(median(ours.sender_us)),
            "pgbench_clients": clients,
            "body_bytes": len(_usual(hub.shop)),
            "p99_ms_is": "at half of the rate, from when an order was due to be sent to its answer, which is on disk",
            "cpu_us_per_unit_is": "of the hub's process at its full rate; PostgreSQL's and the sender's stand apart",
            "limit": "pgbench: a row with as long a body, a commit each, the best number of clients, the same server",
        },
    )


@dataclass(slots=True)
class _Rounds:
    """How each round at the full rate went."""

    rates: list[float] = field(default_factory=list)
    hub_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    sender_us: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: int = 0


@dataclass(slots=True)
class _Hub:
    """`heard serve` and what it stands on."""

    house: House
    shop: Shop
    pid: int
    postgres: int
    url: str
    answered: int = 0

    async def best_connections(self, count: int) -> tuple[int, float]:
        """With how many connections most orders are taken in a second, and how many; so many are tried with each."""
        await self._pelt(count, _CONNECTIONS[0])  # caches and connections are warm after that
        await age(self.house)
        rates = {number: count / (await self._pelt(count, number)).took_s for number in _CONNECTIONS}
        best = max(rates, key=rates.__getitem__)
        return best, rates[best]

    async def round(self, count: int, connections: int, rounds: _Rounds) -> None:
        """So many orders, as fast as they are taken."""
        requests = self._requests(count)
        before = cpu_s(self.pid), family_cpu_s(self.postgres), time.process_time()
        pelted = await pelt(*self._where, requests, connections, 201)
        after = cpu_s(self.pid), family_cpu_s(self.postgres), time.process_time()
        note_spent((rounds.hub_us, rounds.postgres_us, rounds.sender_us), before, after, count)
        rounds.rates.append(count / pelted.took_s)
        rounds.latencies += pelted.latencies
        rounds.refused += pelted.refused
        self.answered += count - pelted.refused

    async def paced(self, rate_per_s: float, seconds: float) -> Paced:
        """So many orders a second, however long each takes."""
        requests = self._requests(max(1, int(rate_per_s * seconds)))
        paced = await pace(*self._where, requests, rate_per_s, _PACED_CONNECTIONS)
        self.answered += len(requests) - paced.refused
        return paced

    async def stored(self) -> int:
        """How many orders there are."""
        async with self.house.hub.connection() as connection:
            count: int = await connection.fetchval("SELECT count(*) FROM orders")
        return count

    async def _pelt(self, count: int, connections: int) -> Pelted:
        pelted = await pelt(*self._where, self._requests(count), connections, 201)
        self.answered += count - pelted.refused
        return pelted

    def _requests(self, count: int) -> list[bytes]:
        return self.shop.requests(count, self.url)

    @property
    def _where(self) -> tuple[str, int]:
        return host_and_port(self.url)


@asynccontextmanager
async def _hub(folder: Path) -> AsyncIterator[_Hub]:
    with listening("127.0.0.1", 0) as bound:
        url, environment = url_of(bound), hub_environment(folder, bound.getsockname()[1])
    async with open_house(load(environment)) as house:
        async with menus_only() as pos_url:
            shop = await open_shop(house, pos_url, pos_url)  # nobody works: no event will come about
        async with house.hub.connection() as connection:
            postgres = parent_of(await connection.fetchval("SELECT pg_backend_pid()"))
        async with running([sys.executable, "-m", "heard", "serve"], url, environment) as pid:
            yield _Hub(house, shop, pid, postgres, url)


def _usual(shop: Shop) -> bytes:
    """An order of the median length."""
    return sorted(shop.kinds, key=len)[len(shop.kinds) // 2]
