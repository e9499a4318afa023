"""The limit beside `heard bench replay`: the same posts, signed, as many at once, to the same receiver; no database.

`python -m heard.bench.bare_sender URL COUNT MARKETPLACE BEGUN`; the endpoint's secret is in WEBHOOK_SECRET. It prints
how long that took and its own processor time, as JSON. It cares for no order.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
from pyreqwest.client import Client, ClientBuilder

from heard import limits
from heard.bench.past_events import PastEvent, past_events
from heard.domain.ids import MarketplaceId
from heard.net.serving import spare_the_collector
from heard.protocols.webhooks import encode


class Sent(msgspec.Struct):
    """How it went."""

    took_s: float
    cpu_s: float
    refused: int


async def send_all(url: str, events: list[PastEvent], secret: str) -> Sent:
    pending = iter(events)
    client = ClientBuilder().no_proxy().build()
    used, begun = _cpu_s(), time.perf_counter()
    refused = await asyncio.gather(
        *(_send(client, url, pending, secret) for _ in range(limits.IN_FLIGHT_PER_ENDPOINT_MAX))
    )
    return Sent(time.perf_counter() - begun, _cpu_s() - used, sum(refused))


async def _send(client: Client, url: str, pending: Iterator[PastEvent], secret: str) -> int:
    refused = 0
    for event in pending:
        headers = encode.headers_for(event.event_id, datetime.now(UTC), event.body, [secret])
        response = await client.post(url).headers(headers).body_bytes(event.body).build().send()
        refused += response.status != 204
    return refused


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    url, count, marketplace_id, begun = sys.argv[1:]
    events = past_events(int(count), MarketplaceId(marketplace_id), datetime.fromisoformat(begun))
    spare_the_collector()
    sent = await send_all(url, events, os.environ["WEBHOOK_SECRET"])
    sys.stdout.buffer.write(msgspec.json.encode(sent))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
