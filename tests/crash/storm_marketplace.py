"""A marketplace as a party of a storm: it sends orders at a pace to any of a hub's processes, cancels some, and keeps
what it sent and what it was told. It can be killed at any time, and goes on where it was.

What it is to do stands in the environment; it sends no new orders while the file STORM_QUIET is there.
"""

import asyncio
import os
import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from storm_program import now

from builders import a_content, a_line
from heard.clients.link import LinkError
from heard.domain.ids import VenueId
from heard.net.guard import AddressGuard
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.net.serving import serve
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import HubUnreachable, SandboxMarketplace

_MOODS = (None, None, None, "slow", "slow", "deaf", "silent")  # how the POS treats an order: paper_pos.py
_CANCELLED = 0.12


async def main() -> None:
    """Until it is killed."""
    of = os.environ
    ledger = marketplace_ledger(Path(of["STORM_LEDGER"]))
    async with Outbound(AddressGuard(("127.0.0.0/8",))) as outbound:
        keys = of["CLIENT_ID"], of["CLIENT_SECRET"], of["WEBHOOK_SECRET"]
        desks = [SandboxMarketplace(url, *keys, ledger, outbound) for url in of["HUB_URLS"].split()]
        desks[0].clock = now
        with listening("127.0.0.1", int(of["WEBHOOK_PORT"])) as bound:
            await asyncio.gather(serve(desks[0].app, bound), _send(desks), _resend(desks))


async def _send(desks: list[SandboxMarketplace]) -> None:
    under_way: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(random.expovariate(float(os.environ["ORDERS_PER_S"])))
        if not Path(os.environ["STORM_QUIET"]).exists() and len(under_way) < 50:
            task = asyncio.create_task(_live(random.choice(desks)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)


async def _live(desk: SandboxMarketplace) -> None:
    """One order, and perhaps the guest's change of mind."""
    number = f"S-{os.urandom(6).hex()}"
    lines = [a_line(quantity=random.randint(1, 3)) for _ in range(random.randint(1, 2))]
    venue_id = VenueId(random.choice(os.environ["VENUES"].split()))
    content = a_content(
        number,
        *lines,
        venue_id=venue_id,
        placed_at=datetime.now(UTC),
        notes=random.choice(_MOODS),
        tax=random.randint(0, 99),
    )
    order_id = None
    with suppress(HubUnreachable):
        order_id = await desk.send(content)
    if order_id is not None and random.random() < _CANCELLED:
        await asyncio.sleep(random.random() * 2)
        with suppress(LinkError):
            await desk.link.cancel_order(order_id, "cancelled_by_guest")


async def _resend(desks: list[SandboxMarketplace]) -> None:
    while True:
        await asyncio.sleep(0.4)
        with suppress(HubUnreachable):
            await random.choice(desks).resend()


if __name__ == "__main__":
    asyncio.run(main())
