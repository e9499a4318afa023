"""A marketplace that was dead for ten minutes comes back and ends with the hub's state, by feed or by webhook."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest

from builders import ORGANIZATION
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order import commands as c
from heard.domain.order.model import ReasonCode, Status
from heard.domain.stores import ConnectorKind
from heard.engine.act_on_order import act_on_order
from heard.engine.add_parties import NewMarketplace, add_marketplace, connect_store
from heard.net.listening import listening
from heard.protocols.statuses import public_status
from heard.sandbox.marketplace import SandboxMarketplace
from lengths import patience
from parties import Town, a_town

PROGRAM = Path(__file__).with_name("away_marketplace.py")
ORDERS = 12


class Away:
    """The program, its file, and the orders that were sent in its name."""

    def __init__(self, town: Town, made: NewMarketplace, folder: Path, port: int, mode: str) -> None:
        self._folder, self._port, self._mode = folder, port, mode
        self._environment = {
            **os.environ,
            "HUB_URL": town.hub_url,
            "CLIENT_ID": made.marketplace_id,
            "CLIENT_SECRET": made.client_secret,
            "WEBHOOK_SECRET": made.webhook_secret,
            "WEBHOOK_PORT": str(port),
            "MODE": mode,
        }

    @asynccontextmanager
    async def alive(self, ahead: timedelta = timedelta()) -> AsyncIterator[None]:
        """It runs, and hears if it is to be told, its clock so far ahead; then it is killed."""
        environment = {**self._environment, "AHEAD_S": str(ahead.total_seconds())}
        process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), cwd=self._folder, env=environment)
        try:
            if self._mode == "webhooks":
                await listens(self._port)
            yield
        finally:
            assert process.returncode is None, "it ended by itself"
            process.kill()
            await process.wait()

    def holds(self) -> dict[str, tuple[str, int]]:
        """Each order's status and sequence, as it was told."""
        with closing(sqlite3.connect(self._folder / "marketplace.sqlite")) as database:
            try:
                return {row[0]: (row[1], row[2]) for row in database.execute("SELECT id, status, sequence FROM orders")}
            except sqlite3.OperationalError:  # not made yet
                return {}


async def as_the_hub_has_it(town: Town, order_ids: list[OrderId]) -> dict[str, tuple[str, int]]:
    orders = [await town.order(order_id) for order_id in order_ids]
    return {order.order_id: (public_status(order.status), order.sequence) for order in orders if order.sequence}


async def staff_at_work(town: Town, order_ids: list[OrderId], minute: int) -> None:
    """What a kitchen does in a minute: some orders move on, some end."""
    for number, order_id in enumerate(order_ids):
        order = await town.order(order_id)
        command: c.Command | None = None
        if order.status is Status.AWAITING_STAFF and number % 3 == minute % 3:
            refused = c.RejectOrder(ReasonCode.ITEM_UNAVAILABLE, "no buns")
            command = refused if number % 5 == 0 else c.AcceptOrder(prep_time_min=20)
        elif order.status is Status.CONFIRMED:
            command = c.RequestCancel(c.STAFF, ReasonCode.STORE_CLOSED) if number % 4 == 0 else c.StartOrder()
        elif order.status is Status.IN_PREP:
            command = c.FinishOrder()
        elif order.status is Status.READY and number % 2:
            command = c.CompleteOrder()
        if command is not None:
            await act_on_order(town.house.hub, order_id, command, organization_id=OrganizationId(ORGANIZATION))


async def send_orders(town: Town, made: NewMarketplace) -> list[OrderId]:
    """In the marketplace's name; its own receiver is elsewhere."""
    keys = made.marketplace_id, made.client_secret, made.webhook_secret
    sender = SandboxMarketplace(town.hub_url, *keys, town.marketplace.ledger, town.house.outbound)
    sent = [await sender.send(town.content(f"AWAY-{number}")) for number in range(ORDERS)]
    return [OrderId(order_id) for order_id in sent if order_id is not None]


@pytest.mark.parametrize("mode", ["webhooks", "feed"])
async def test_ten_minutes_dead_and_nothing_is_missed(dsn: str, tmp_path: Path, mode: str) -> None:
    with listening("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "away", f"http://127.0.0.1:{port}/", await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        marketplace = Away(town, made, tmp_path, port, mode)
        order_ids = await send_orders(town, made)
        assert len(order_ids) == ORDERS
        async with marketplace.alive():
            await staff_at_work(town, order_ids, 0)
            await until_equal(town, marketplace, order_ids)
        before = marketplace.holds()
        for minute in range(1, 11):
            await town.pass_time(minutes=1)
            await staff_at_work(town, order_ids, minute)
            await asyncio.sleep(0.3)  # workers try, and fail, to tell it
        after = await as_the_hub_has_it(town, order_ids)
        assert marketplace.holds() == before != after
        assert {status for status, _ in after.values()} >= {"REJECTED", "CANCELLED", "READY", "COMPLETED"}
        async with marketplace.alive(timedelta(minutes=10)):
            if mode == "webhooks":
                await town.pass_time(seconds=31)  # the longest that a retry waits
            await until_equal(town, marketplace, order_ids)


async def listens(port: int) -> None:
    """Until somebody answers there: what is told before fails, and waits for its next turn."""
    async with patience():
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def until_equal(town: Town, marketplace: Away, order_ids: list[OrderId]) -> None:
    """Until it holds every order for what the hub does."""
    wanted = await as_the_hub_has_it(town, order_ids)
    assert wanted
    try:
        async with patience():
            while marketplace.holds() != wanted:
                await asyncio.sleep(0.05)
    except TimeoutError:
        assert marketplace.holds() == wanted
