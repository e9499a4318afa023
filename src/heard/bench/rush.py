"""`heard bench rush`: so many new orders a second, each with its whole life, on one machine with every party on it.

Measured are the answers to the orders, which are on disk then, from the moment each was due to be sent; and how old an
event is when the first byte of its webhook arrives. The parties are programs of their own; the sender only sends bytes
that were made beforehand, and waits for nobody.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from heard.bench.pelting import Paced, pace
from heard.bench.programs import hub_environment, running, url_of, working
from heard.bench.result import Result, cpu_s, ms, percentile, rss_mb
from heard.bench.rush_parties import Figures
from heard.bench.shop import age, open_shop, other_parties
from heard.bootstrap import House, open_house
from heard.config import load
from heard.net.call import Answer, Call
from heard.net.listening import listening

_KINDS = 200  # of orders; each is sent under a number of its own
_STORES = 20
ANSWER_P99_MS, EVENT_P99_MS = 100.0, 250.0  # at 500 a second
_WARM, _WARM_PER_S = 1_000, 100.0
_CONNECTIONS = 64
_SETTLE_S = 30.0


async def rush(rate_per_s: float, seconds: float) -> Result:
    """Paced orders for so long; percentiles over all of them."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with other_parties() as (pos_url, webhook_url, _):
            return await _measure(Path(name), pos_url, webhook_url, rate_per_s, seconds)


async def _measure(folder: Path, pos_url: str, webhook_url: str, rate_per_s: float, seconds: float) -> Result:
    with listening("127.0.0.1", 0) as hub_socket:
        hub_url, port = url_of(hub_socket), hub_socket.getsockname()[1]
        environment = hub_environment(folder, port)
        async with open_house(load(environment)) as house:
            shop = await open_shop(house, pos_url, webhook_url)
            hub_socket.close()  # the hub process takes the port over
            async with (
                running([sys.executable, "-m", "heard", "serve"], hub_url, environment) as serving,
                working(environment) as worker,
            ):
                await pace("127.0.0.1", port, shop.requests(_WARM, hub_url), _WARM_PER_S, _CONNECTIONS)
                await _told(house, webhook_url, _WARM)
                await age(house)
                requests, before = shop.requests(int(rate_per_s * seconds), hub_url), cpu_s(serving) + cpu_s(worker)
                paced = await pace("127.0.0.1", port, requests, rate_per_s, _CONNECTIONS)
                begun = time.perf_counter()
                ages = await _told(house, webhook_url, _WARM + len(requests))
                behind_s = time.perf_counter() - begun
                used_s = cpu_s(serving) + cpu_s(worker) - before
                memory = rss_mb(serving) + rss_mb(worker)
            waits = await _waits(house, len(requests))
    return _result(rate_per_s, paced, waits, ages[_WARM:], behind_s, used_s, memory)


def _result(
    rate_per_s: float,
    paced: Paced,
    waits: Sequence[float],
    ages: Sequence[float],
    behind_s: float,
    used_s: float,
    memory_mb: float,
) -> Result:
    count = len(paced.latencies)
    return Result(
        name="rush",
        rate_per_s=round(count / paced.took_s, 1),
        p50_ms=ms(percentile(paced.latencies, 50)),
        p99_ms=ms(percentile(paced.latencies, 99)),
        cpu_us_per_unit=round(used_s / count * 1e6),
        rss_mb=round(memory_mb, 1),
        details={
            "orders": count,
            "asked_per_s": rate_per_s,
            "p99_ms_limit": ANSWER_P99_MS,
            "event_p99_ms_limit": EVENT_P99_MS,
            "refused": paced.refused,
            "confirmed_p50_ms": ms(percentile(waits, 50)),
            "confirmed_p99_ms": ms(percentile(waits, 99)),
            "event_p50_ms": ms(percentile(ages, 50)),
            "event_p99_ms": ms(percentile(ages, 99)),
            "confirmed": len(ages),
            "last_event_after_s": round(behind_s, 2),
            "p99_ms_is": "from when an order was due to be sent to its answer, which is on disk",
            "confirmed_ms_is": "from an order's answer to its POS having taken it",
            "event_ms_is": "from an event's own time to the first byte of its webhook",
        },
    )


async def _waits(house: House, count: int) -> list[float]:
    """Of the last orders so many seconds each until it was confirmed."""
    async with house.hub.connection() as connection:
        rows = await connection.fetch(
            "SELECT extract(epoch FROM e.created_at - o.received_at)::float8 AS waited FROM orders o"
            " JOIN events e USING (organization_id, order_id) WHERE e.kind = 'confirmed'"
            " ORDER BY o.received_at DESC LIMIT $1",
            count,
        )
    return [row["waited"] for row in rows]


async def _told(house: House, webhook_url: str, count: int) -> list[float]:
    """The ages of all events of confirmed orders, once so many have come; what has come by then if some never do."""
    deadline = time.perf_counter() + _SETTLE_S
    ages: list[float] = []
    while len(ages) < count and time.perf_counter() < deadline:
        await asyncio.sleep(0.1)
        answer = await house.outbound.send(Call("GET", webhook_url, {}, None, 30.0, 64 * 1024 * 1024))
        assert isinstance(answer, Answer)
        ages = msgspec.json.decode(answer.body, type=Figures).ages_s.get("order.confirmed", [])
    return ages
