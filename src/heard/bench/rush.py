"""`heard bench rush`: so many new orders a second, each with its whole life, on one machine with every party on it.

Measured are the answers to the orders, which are on disk then, from the moment each was due to be sent; and how old an
event is when the first byte of its webhook arrives. The parties are programs of their own; the sender only sends bytes
that were made beforehand, and waits for nobody.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from heard import limits
from heard.bench.peers import SHARED_ID
from heard.bench.pelting import Paced, pace
from heard.bench.programs import hub_environment, running, url_of, working
from heard.bench.result import Result, cpu_s, ms, percentile, rss_mb
from heard.bench.rush_parties import Figures
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.ids import ExternalOrderId, LocationId, OrganizationId, VenueId
from heard.domain.stores import PosConnection, Store
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.engine.link_tokens import issue_token
from heard.net.call import Answer, Call
from heard.net.listening import listening
from heard.protocols.credentials import TokenRequest
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.demo import demo_menu
from heard.sandbox.orders import random_order
from heard.work.menus import pull_menu

_KINDS = 200  # of orders; each is sent under a number of its own
_STORES = 20
_WARM, _WARM_PER_S = 1_000, 100.0
_CONNECTIONS = 64
_SETTLE_S = 30.0


async def rush(rate_per_s: float, seconds: float) -> Result:
    """Paced orders for so long; percentiles over all of them."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with _parties() as (pos_url, webhook_url):
            return await _measure(Path(name), pos_url, webhook_url, rate_per_s, seconds)


@dataclass(frozen=True, slots=True)
class _Shop:
    """Stores, and a marketplace with a token for them."""

    venues: tuple[VenueId, ...]
    token: str

    def requests(self, count: int, host: str) -> list[bytes]:
        """Whole HTTP requests, each an order of its own."""
        chance, now = random.SystemRandom(), datetime.now(UTC)
        mark = b"NUMBER-16-DIGITS"
        number = ExternalOrderId(mark.decode())
        kinds = [
            encode_new_order(random_order(demo_menu(), chance.choice(self.venues), number, now, chance))
            for _ in range(_KINDS)
        ]
        return [
            self._request(kinds[n % _KINDS].replace(mark, os.urandom(8).hex().encode()), host) for n in range(count)
        ]

    def _request(self, body: bytes, host: str) -> bytes:
        head = (
            f"POST /link/v2/orders HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def _measure(folder: Path, pos_url: str, webhook_url: str, rate_per_s: float, seconds: float) -> Result:
    with listening("127.0.0.1", 0) as hub_socket:
        hub_url, port = url_of(hub_socket), hub_socket.getsockname()[1]
        environment = hub_environment(folder, port)
        async with open_house(load(environment)) as house:
            shop = await _open_shop(house, pos_url, webhook_url)
            hub_socket.close()  # the hub process takes the port over
            async with (
                running([sys.executable, "-m", "heard", "serve"], hub_url, environment) as serving,
                working(environment) as worker,
            ):
                await pace("127.0.0.1", port, shop.requests(_WARM, hub_url), _WARM_PER_S, _CONNECTIONS)
                await _told(house, webhook_url, _WARM)
                await _age(house)
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


async def _age(house: House) -> None:
    """A database that is a day old knows its tables; a new one is told within a minute of its first rows."""
    async with house.hub.connection() as connection:
        await connection.execute("ANALYZE", timeout=limits.LONG_STATEMENT_S)


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


async def _open_shop(house: House, pos_url: str, webhook_url: str) -> _Shop:
    hub, now = house.hub, await house.hub.now()
    organization = OrganizationId("bench")
    made = await add_marketplace(hub, organization, "bench", webhook_url, now)
    venues = []
    for number in range(_STORES):
        store = Store(
            organization_id=organization,
            venue_id=VenueId(hub.new_id("ven", now)),
            location_id=LocationId(f"bench-{number}"),
            name=f"Bench {number}",
            currency="USD",
            timezone="UTC",
            pos=PosConnection(pos_url, SHARED_ID),
        )
        await add_store(hub, store)
        await connect_store(hub, store.venue_id, made.marketplace_id)
        await pull_menu(hub, house.outbound, store)
        venues.append(store.venue_id)
    token, _ = await issue_token(hub, TokenRequest(made.marketplace_id, made.client_secret, ("orders",)))
    return _Shop(tuple(venues), token)


@asynccontextmanager
async def _parties() -> AsyncIterator[tuple[str, str]]:
    """The POS's and the webhook receiver's addresses."""
    with listening("127.0.0.1", 0) as pos, listening("127.0.0.1", 0) as webhook:
        for bound in (pos, webhook):
            bound.set_inheritable(True)
        numbers = (pos.fileno(), webhook.fileno())
        command = [sys.executable, "-m", "heard.bench.rush_parties", *map(str, numbers)]
        async with running(command, url_of(pos), dict(os.environ), numbers):
            yield url_of(pos), url_of(webhook)
