"""A whole hub in the test's own process: real sockets, a real database, a sandbox POS and a sandbox marketplace."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from socket import socket
from typing import Any

from builders import LOCATION, ORGANIZATION, SHARED_ID, a_content, a_menu, a_store
from heard.bootstrap import House, open_house, serve_hub
from heard.config import load
from heard.domain.ids import ExternalOrderId, OrderId, VenueId
from heard.domain.menu.model import Menu
from heard.domain.order.content import Line, OrderContent
from heard.domain.order.model import Order, Status
from heard.domain.pos import PosOrder
from heard.domain.stores import Amounts, ConnectorKind, PosConnection, SignatureScheme, Store, StoreRules
from heard.engine.add_parties import NewMarketplace, add_marketplace, add_store, connect_store
from heard.engine.hub import Hub
from heard.net.listening import listening
from heard.net.serving import serve
from heard.protocols.posnext import encode
from heard.sandbox.ledger import marketplace_ledger, pos_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from heard.sandbox.pos import Mood, Pace, SandboxPos
from heard.storage import orders
from heard.storage.rows import HistoryRow, OrderRef
from heard.storage.sealing import new_key
from heard.work.menus import import_menu, pull_menu
from lengths import patience
from ports import keep_port

QUICK = Pace(slow_s=0.3, start_s=0.05, cook_s=0.05, hand_over_s=0.05, silence_s=1.5)


@dataclass(slots=True)
class Town:
    """A hub with its worker, one store with its POS, one marketplace with its receiver."""

    house: House
    hub_url: str
    venue_id: VenueId
    pos: SandboxPos
    marketplace: SandboxMarketplace
    serving: asyncio.Task[None]
    pos_serving: asyncio.Task[None]
    pos_port: int
    running: list[asyncio.Task[None]]  # all that ends with the town
    stack: ExitStack  # what is closed after that: a socket that is closed under its server is never let go by the loop

    async def stop_hub(self) -> int:
        """Stop serving, so that another process can take the hub's port; the port."""
        self.serving.cancel()
        await asyncio.gather(self.serving, return_exceptions=True)
        return keep_port(int(self.hub_url.rpartition(":")[2]))

    async def pos_dies(self) -> None:
        """Its port is closed."""
        self.pos_serving.cancel()
        await asyncio.gather(self.pos_serving, return_exceptions=True)
        keep_port(self.pos_port)

    def pos_returns(self) -> None:
        """On the port that it had."""
        bound = self.stack.enter_context(listening("127.0.0.1", self.pos_port))
        self.pos_serving = asyncio.create_task(serve(self.pos.app, bound))
        self.running.append(self.pos_serving)

    def content(self, number: str, *lines: Line, **changes: Any) -> OrderContent:
        """An order for the town's store, placed now."""
        return a_content(number, *lines, **{"venue_id": self.venue_id, "placed_at": datetime.now(UTC), **changes})

    async def send(self, number: str, *lines: Line, **changes: Any) -> OrderId:
        """Send an order that must be accepted."""
        order_id = await self.marketplace.send(self.content(number, *lines, **changes))
        assert order_id is not None, self.marketplace.ledger.rows("SELECT refused FROM sent")[-1]["refused"]
        return OrderId(order_id)

    async def copy_row(self, order_id: OrderId, count: int) -> None:
        """So many more orders that stand as one does, for long pages: their rows alone, without what was ordered."""
        await self.house.hub.pool.execute(
            "INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object("
            "   'order_id', left(o.order_id, -4) || lpad(n::text, 4, '0'), 'external_order_id', 'COPY-' || n))).*"
            " FROM orders o, generate_series(1, $2::integer) n WHERE o.order_id = $1",
            order_id,
            count,
        )

    async def order(self, order_id: OrderId) -> Order:
        async with self.house.hub.connection() as connection:
            order = await orders.read(connection, OrderRef(ORGANIZATION, order_id))
        assert order is not None
        return order

    async def history(self, order_id: OrderId) -> list[HistoryRow]:
        async with self.house.hub.connection() as connection:
            return await orders.read_history(connection, OrderRef(ORGANIZATION, order_id))

    async def until(self, order_id: OrderId, *statuses: Status) -> Order:
        """Wait until an order stands at one of these."""
        async with patience():
            while (order := await self.order(order_id)).status not in statuses:
                await asyncio.sleep(0.02)
        return order

    async def told(self, order_id: OrderId, kind: str) -> list[str]:
        """Wait until the marketplace heard an event; all it heard about the order so far, in sequence."""
        sql = "SELECT type FROM told WHERE order_id = ? ORDER BY sequence"
        async with patience():
            while kind not in (heard := [row["type"] for row in self.marketplace.ledger.rows(sql, order_id)]):
                await asyncio.sleep(0.02)
        return heard

    async def told_of_store(self, *kinds: str) -> None:
        """Wait until the marketplace heard these events about the store, and see that it heard no other."""
        sql = "SELECT type FROM told WHERE order_id IS NULL ORDER BY rowid"
        async with patience():
            while len(heard := [row["type"] for row in self.marketplace.ledger.rows(sql)]) < len(kinds):
                await asyncio.sleep(0.02)
        assert heard == list(kinds)

    async def pass_time(self, **time: float) -> None:
        """Business time moves on at once, for the marketplace too."""
        before, span = self.marketplace.clock, timedelta(**time)
        self.marketplace.clock = lambda: before() + span
        await self.house.hub.pool.execute('UPDATE clock SET "offset" = "offset" + $1', span)

    @asynccontextmanager
    async def workers(self, count: int) -> AsyncIterator[None]:
        """So many more workers, in this process."""
        async with at_work(*(self.house.worker().run() for _ in range(count))):
            yield

    def tickets(self, order_id: OrderId) -> list[str]:
        """The numbers of an order's tickets in the POS."""
        sql = "SELECT pos_order_id FROM tickets WHERE online_order_id = ?"
        return [row["pos_order_id"] for row in self.pos.ledger.rows(sql, order_id)]

    def external(self, number: str) -> ExternalOrderId:
        return ExternalOrderId(number)


@asynccontextmanager
async def at_work(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """All of it, until the test is done with it."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        await end(tasks)


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Stop them, the last first. What they died of is raised."""
    for task in reversed(tasks):
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [fault for fault in ended if isinstance(fault, Exception)]  # a CancelledError is none
    if faults:
        raise ExceptionGroup("what ran beside the test failed", faults)


@asynccontextmanager
async def cooking(pos: SandboxPos, bound: socket) -> AsyncIterator[SandboxPos]:
    """A POS that answers there, and its kitchen; closed with its ledger on leaving."""
    try:
        async with at_work(serve(pos.app, bound), pos.cook()):
            try:
                yield pos
            finally:
                pos.close()
    finally:
        pos.ledger.close()


@asynccontextmanager
async def a_town(
    dsn: str,
    *,
    menu: Menu | None = None,
    mood: Callable[[PosOrder], Mood] = lambda _: Mood.WELL,
    pace: Pace = QUICK,
    rules: StoreRules | None = None,
    amounts: Amounts = Amounts.MINOR,
    signature: SignatureScheme = SignatureScheme.DIGEST,
    callbacks: bool = True,
    worker: bool = True,
    pulled: bool = True,
    scheduled: bool = False,
    settings: dict[str, str] | None = None,
    pos_url: str | None = None,
    connector: ConnectorKind = ConnectorKind.POSNEXT,
    introduced: bool = False,
    pos_tax: bool = False,
) -> AsyncIterator[Town]:
    """Everything running on free ports; all of it stopped on leaving. The menu is fetched once (`pulled`), and by the
    worker when it is due (`scheduled`). `pos_url`: the store's POS is there instead. A manual store (`connector`)
    has no POS: its menu is put in. What the marketplace is told of the store while the town is built is no part of
    the test, unless it is to be `introduced`.
    """
    values = {"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": new_key(), "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8"}
    config = load({**values, "HEARD_WORK_LEASE_S": "2", "HEARD_WORK_POLL_S": "0.2", **(settings or {})})
    host = "127.0.0.1"
    with ExitStack() as stack:
        hub_socket, pos_socket, webhook_socket = (stack.enter_context(listening(host, 0)) for _ in range(3))
        hub_url, sandbox_url, webhook_url = (
            f"http://{host}:{bound.getsockname()[1]}" for bound in (hub_socket, pos_socket, webhook_socket)
        )
        async with open_house(config, public_url=hub_url if callbacks else None) as house:
            hub, now = house.hub, await house.hub.now()
            connection = PosConnection(pos_url or sandbox_url, SHARED_ID, amounts, signature)
            line = None if connector is ConnectorKind.MANUAL else connection
            venue_id = VenueId(hub.new_id("ven", now))
            store = a_store(venue_id=venue_id, pos=line, connector=connector, rules=rules or StoreRules())
            await add_store(hub, store)
            if not scheduled:
                await hub.pool.execute("UPDATE menu_fetches SET next_at = NULL")
            made = await add_marketplace(hub, ORGANIZATION, "nosh", webhook_url + "/webhooks", now)
            await connect_store(hub, store.venue_id, made.marketplace_id)
            pos = SandboxPos(
                connection, menu or a_menu(), pos_ledger(None), house.outbound, mood, pace, computes_tax=pos_tax
            )
            assert pos.menu.location_id == LOCATION
            marketplace = _a_marketplace(hub_url, made, house)
            stack.callback(pos.ledger.close)
            stack.callback(marketplace.ledger.close)
            serving = asyncio.create_task(serve_hub(house, hub_socket))
            pos_serving = asyncio.create_task(serve(pos.app, pos_socket))
            pos_port = pos_socket.getsockname()[1]
            running = [
                serving,
                pos_serving,
                asyncio.create_task(serve(marketplace.app, webhook_socket)),
                asyncio.create_task(pos.cook()),
            ]
            try:
                if pulled:
                    await (pull_menu(hub, house.outbound, store) if line else put_menu(hub, store, pos.menu))
                if not introduced:
                    await hub.pool.execute("DELETE FROM deliveries")
                    await hub.pool.execute("DELETE FROM events")
                if worker:
                    running.append(asyncio.create_task(house.worker().run()))
                yield Town(house, hub_url, venue_id, pos, marketplace, serving, pos_serving, pos_port, running, stack)
            finally:
                pos.close()
                await end(running)


async def put_menu(hub: Hub, store: Store, menu: Menu) -> None:
    """Give a store its menu without asking any POS for it."""
    await import_menu(hub, store, encode.encode_menu(menu))


def _a_marketplace(hub_url: str, made: NewMarketplace, house: House) -> SandboxMarketplace:
    ledger = marketplace_ledger(None)
    secrets = made.client_secret, made.webhook_secret
    return SandboxMarketplace(hub_url, made.marketplace_id, *secrets, ledger, house.outbound)
