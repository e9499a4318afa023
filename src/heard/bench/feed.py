"""`heard bench feed`: a marketplace's whole feed, read page by page over HTTP from `heard serve` by the client that
marketplaces have. Beside it, with the same client: a bare ASGI function that answers the same bytes.

Both are programs of their own, read in turns, so that a noisy machine is noisy to each. The client is this process.
"""

import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from heard import limits
from heard.bench.past_events import an_hour_of_outage, keep, past_events
from heard.bench.programs import Say, hub_environment, running, url_of
from heard.bench.result import Result, cpu_s, ms, percentile, rss_mb
from heard.bootstrap import open_house
from heard.clients.link import LinkClient
from heard.config import load
from heard.domain.ids import OrganizationId
from heard.engine.add_parties import NewMarketplace, add_marketplace
from heard.net.call import Answer, Call, NoAnswer
from heard.net.guard import AddressGuard
from heard.net.listening import listening
from heard.net.outbound import Outbound

WITHIN_S = 5.0  # for as many as AMOUNT
AMOUNT = 100_000
_ROUNDS = 3
_HERE = "127.0.0.0/8"
_ORGANIZATION = OrganizationId("bench")


async def feed(count: int, say: Say) -> Result:
    """So many events, three times each way; medians of the times."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name, listening("127.0.0.1", 0) as hub_socket:
        Path(name).chmod(0o755)
        hub_url, port = url_of(hub_socket), hub_socket.getsockname()[1]
        environment = hub_environment(Path(name), port)
        async with open_house(load(environment)) as house, Outbound(AddressGuard([_HERE])) as outbound:
            nowhere = "http://127.0.0.1:9/"
            made = await add_marketplace(house.hub, _ORGANIZATION, "bench", nowhere, await house.hub.now())
            events = past_events(count, made.marketplace_id, an_hour_of_outage(count))
            await keep(house.hub, _ORGANIZATION, made.marketplace_id, events, dead=False)
            say(f"{count:,} events are written")
            hub_socket.close()  # the hub process takes the port over
            async with running([sys.executable, "-m", "heard", "serve"], hub_url, environment) as pid:
                ours = _Side(hub_url, pid, _Noted(outbound))
                await ours.read(made, count)
                say(f"once read, in {ours.times_s[0]:.2f} s")
                async with _served_bare(Path(name), ours.outbound.pages) as (bare_url, bare_pid):
                    bare = _Side(bare_url, bare_pid, _Noted(outbound))
                    await bare.read(made, count)
                    for _ in range(1, _ROUNDS):
                        await ours.read(made, count)
                        await bare.read(made, count)
                    return _result(count, ours, bare, rss_mb(pid))


class _Noted(Outbound):
    """A way out that keeps each page of the feed, by its query, and how long each took."""

    def __init__(self, inner: Outbound) -> None:
        self._inner = inner
        self.pages: dict[str, bytes] = {}
        self.latencies: list[float] = []

    async def send(self, call: Call) -> Answer | NoAnswer:
        begun = time.perf_counter()
        answer = await self._inner.send(call)
        _, _, query = call.url.partition("?")
        if query and isinstance(answer, Answer):
            self.latencies.append(time.perf_counter() - begun)
            self.pages[query] = answer.body
        return answer


@dataclass(slots=True)
class _Side:
    """One of the two programs, and how long each reading of it took."""

    url: str
    pid: int
    outbound: _Noted
    times_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)
    own_s: list[float] = field(default_factory=list)

    async def read(self, made: NewMarketplace, count: int) -> None:
        """The whole feed, with a client of its own, and so with a token of its own."""
        ids: set[str] = set()
        before, begun, own = cpu_s(self.pid), time.perf_counter(), time.process_time()
        async with LinkClient(
            self.url, made.marketplace_id, made.client_secret, outbound=self.outbound, timeout_s=30.0
        ) as client:
            cursor, more = None, True
            while more:
                page = await client.events(cursor, limits.FEED_PAGE_MAX)
                ids.update(event.id for event in page.events)
                cursor, more = page.next, bool(page.events)
        self.times_s.append(time.perf_counter() - begun)
        self.own_s.append(time.process_time() - own)
        self.cpus_s.append(cpu_s(self.pid) - before)
        assert len(ids) == count, f"the feed gave {len(ids)} of {count} events"


@asynccontextmanager
async def _served_bare(folder: Path, pages: dict[str, bytes]) -> AsyncIterator[tuple[str, int]]:
    file = folder / "pages"
    file.write_bytes(msgspec.msgpack.encode(pages))
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        command = [sys.executable, "-m", "heard.bench.bare_feed", str(bound.fileno()), str(file)]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)) as pid:
            yield url_of(bound), pid


def _result(count: int, ours: _Side, bare: _Side, memory_mb: float) -> Result:
    took_s, bare_s = median(ours.times_s), median(bare.times_s)
    return Result(
        name="feed",
        rate_per_s=round(count / took_s, 1),
        limit_per_s=round(count / bare_s, 1),
        ratio=round(bare_s / took_s, 3),
        p50_ms=ms(percentile(ours.outbound.latencies, 50)),
        p99_ms=ms(percentile(ours.outbound.latencies, 99)),
        cpu_us_per_unit=round(median(ours.cpus_s) / count * 1e6, 1),
        rss_mb=round(memory_mb, 1),
        details={
            "events": count,
            "page": limits.FEED_PAGE_MAX,
            "took_s": round(took_s, 2),
            "took_s_limit": WITHIN_S * max(1.0, count / AMOUNT),
            "slowest_s": round(max(ours.times_s), 2),
            "bare_took_s": round(bare_s, 2),
            "bare_p50_ms": ms(percentile(bare.outbound.latencies, 50)),
            "bare_cpu_us_per_unit": round(median(bare.cpus_s) / count * 1e6, 1),
            "client_cpu_us_per_unit": round(median(ours.own_s) / count * 1e6, 1),
            "p50_ms_is": "of a page, from the client's request to its last byte",
            "limit": "a bare ASGI function that answers the same bytes out of its memory, read by the same client",
        },
    )
