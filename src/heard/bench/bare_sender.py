"""The limit beside `heard bench replay` and `webhooks`: the same posts, signed, as many at once, to the same receiver.

`python -m heard.bench.bare_sender URL COUNT MARKETPLACE BEGUN [OF_EACH]`; the endpoint's secret is in WEBHOOK_SECRET.
It prints how long that took and its own processor time, as JSON. It cares for no order. Where BARE_DSN is given, a row
of that database is updated and committed after each post; else there is none.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import msgspec
from pyreqwest.client import ClientBuilder

from heard import limits
from heard.bench.past_events import PastEvent, past_events
from heard.domain.ids import MarketplaceId
from heard.net.serving import spare_the_collector
from heard.protocols.webhooks import encode

_CONNECTIONS = 10  # as the bare program of `heard bench life` has


class Sent(msgspec.Struct):
    """How it went."""

    took_s: float
    cpu_s: float
    refused: int


Sending = Callable[[PastEvent], Awaitable[int]]  # one event; the status of the answer


async def send_all(events: list[PastEvent], send: Sending) -> Sent:
    pending = iter(events)
    used, begun = _cpu_s(), time.perf_counter()
    refused = await asyncio.gather(*(_send(pending, send) for _ in range(limits.IN_FLIGHT_PER_ENDPOINT_MAX)))
    return Sent(time.perf_counter() - begun, _cpu_s() - used, sum(refused))


async def _send(pending: Iterator[PastEvent], send: Sending) -> int:
    refused = 0
    for event in pending:
        refused += await send(event) != 204
    return refused


def poster(url: str, secret: str) -> Sending:
    """Posts, signed."""
    client = ClientBuilder().no_proxy().build()

    async def post(event: PastEvent) -> int:
        headers = encode.headers_for(event.event_id, datetime.now(UTC), event.body, [secret])
        return (await client.post(url).headers(headers).body_bytes(event.body).build().send()).status

    return post


@asynccontextmanager
async def noting(dsn: str, events: list[PastEvent], post: Sending) -> AsyncIterator[Sending]:
    """Posts, each noted in a row of its own with a commit of its own."""
    async with asyncpg.create_pool(dsn, min_size=_CONNECTIONS, max_size=_CONNECTIONS) as pool:
        await pool.execute("CREATE TABLE IF NOT EXISTS bare_sent (event_id text PRIMARY KEY, state integer NOT NULL)")
        await pool.execute("TRUNCATE bare_sent")
        await pool.copy_records_to_table("bare_sent", records=[(one.event_id, 0) for one in events])

        async def post_and_note(event: PastEvent) -> int:
            status = await post(event)
            await pool.execute("UPDATE bare_sent SET state = $2 WHERE event_id = $1", event.event_id, status)
            return status

        yield post_and_note


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    url, count, marketplace_id, begun, *of_each = sys.argv[1:]
    each = int(of_each[0]) if of_each else None
    events = past_events(int(count), MarketplaceId(marketplace_id), datetime.fromisoformat(begun), each)
    spare_the_collector()
    post, dsn = poster(url, os.environ["WEBHOOK_SECRET"]), os.environ.get("BARE_DSN")
    if dsn is None:
        sent = await send_all(events, post)
    else:
        async with noting(dsn, events, post) as post_and_note:
            sent = await send_all(events, post_and_note)
    sys.stdout.buffer.write(msgspec.json.encode(sent))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
