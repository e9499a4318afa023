"""What several benchmarks sell from: stores with a menu, a marketplace with a token, and requests made beforehand."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from heard.bench.peers import SHARED_ID
from heard.bench.programs import running, url_of
from heard.bench.rush_parties import Bare, pos
from heard.bootstrap import House
from heard.domain.ids import ExternalOrderId, LocationId, OrganizationId, VenueId
from heard.domain.stores import PosConnection, Store, StoreRules
from heard.engine.add_parties import NewMarketplace, add_marketplace, add_store, connect_store
from heard.engine.link_tokens import issue_token
from heard.net.listening import listening
from heard.protocols.credentials import TokenRequest
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.demo import demo_menu
from heard.sandbox.orders import random_order
from heard.work.menus import pull_menu

ORGANIZATION = OrganizationId("bench")
_KINDS = 200  # of orders; each is sent under a number of its own
_MARK = b"NUMBER-16-DIGITS"  # where that stands
_STORES = 20


@dataclass(frozen=True, slots=True)
class Shop:
    """Stores, and a marketplace with a token for them."""

    stores: tuple[Store, ...]
    marketplace: NewMarketplace
    token: str
    kinds: tuple[bytes, ...]  # of orders

    def bodies(self, count: int) -> list[bytes]:
        """Orders, each under a number of its own."""
        return [self.kinds[n % _KINDS].replace(_MARK, os.urandom(8).hex().encode()) for n in range(count)]

    def requests(self, count: int, host: str) -> list[bytes]:
        """... as whole HTTP requests."""
        return [self._request(body, host) for body in self.bodies(count)]

    def _request(self, body: bytes, host: str) -> bytes:
        head = (
            f"POST /link/v2/orders HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def open_shop(
    house: House,
    pos_url: str,
    webhook_url: str,
    *,
    name: str = "bench",
    stores: int = _STORES,
    rules: StoreRules = StoreRules(),
) -> Shop:
    """Stores of one marketplace, each with its menu from the POS."""
    hub, now = house.hub, await house.hub.now()
    made = await add_marketplace(hub, ORGANIZATION, name, webhook_url, now)
    opened = []
    for number in range(stores):
        store = Store(
            organization_id=ORGANIZATION,
            venue_id=VenueId(hub.new_id("ven", now)),
            location_id=LocationId(f"{name}-{number}"),
            name=f"{name} {number}",
            currency="USD",
            timezone="UTC",
            pos=PosConnection(pos_url, SHARED_ID),
            rules=rules,
        )
        await add_store(hub, store)
        await connect_store(hub, store.venue_id, made.marketplace_id)
        await pull_menu(hub, house.outbound, store)
        opened.append(store)
    token, _ = await issue_token(hub, TokenRequest(made.marketplace_id, made.client_secret, ("orders",)))
    return Shop(tuple(opened), made, token, _kinds(opened, datetime.now(UTC)))


def _kinds(sold_at: list[Store], now: datetime) -> tuple[bytes, ...]:
    chance, menu, number = random.SystemRandom(), demo_menu(), ExternalOrderId(_MARK.decode())
    return tuple(
        encode_new_order(random_order(menu, chance.choice(sold_at).venue_id, number, now, chance))
        for _ in range(_KINDS)
    )


async def age(house: House) -> None:
    """A database that is a day old knows its tables; a new one is told within a minute of its first rows.

    To be called after these: of empty tables it would learn that reading all of them is cheap.
    """
    async with house.hub.connection() as connection:
        await connection.execute("ANALYZE")


@asynccontextmanager
async def menus_only() -> AsyncIterator[str]:
    """The address of a POS in this process, for as long as the stores fetch their menus."""
    server = await asyncio.get_running_loop().create_server(partial(Bare, pos), "127.0.0.1", 0)
    async with server:
        yield url_of(server.sockets[0])


@asynccontextmanager
async def other_parties() -> AsyncIterator[tuple[str, str, int]]:
    """A program that is a POS and a webhook receiver; their addresses, and its number."""
    with listening("127.0.0.1", 0) as till, listening("127.0.0.1", 0) as webhook:
        for bound in (till, webhook):
            bound.set_inheritable(True)
        numbers = (till.fileno(), webhook.fileno())
        command = [sys.executable, "-m", "heard.bench.rush_parties", *map(str, numbers)]
        async with running(command, url_of(till), dict(os.environ), numbers) as pid:
            yield url_of(till), url_of(webhook), pid
