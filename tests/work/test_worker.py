"""The worker outlives its database's faults, parks what makes it fail, and hears of work that others wrote."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from heard import limits
from heard.domain.ids import OrderId
from heard.domain.order.commands import STAFF, Unpark
from heard.domain.order.model import Attention, Order, Status
from heard.engine.change_order import change_order
from heard.sandbox.marketplace import HubUnreachable
from heard.sandbox.pos import Mood, Pace
from heard.storage import gauges, orders
from lengths import patience
from parties import Town, a_town

REACHED = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)


async def test_an_order_that_makes_us_fail_is_parked_and_can_be_woken(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.STALLS_MAX", 2)
    async with a_town(dsn, settings={"HEARD_WORK_LEASE_S": "0.2", "HEARD_WORK_POLL_S": "0.1"}) as town:
        hub = town.house.hub
        with monkeypatch.context() as broken:
            broken.setattr("heard.work.orders.read_content", _fail)  # a fault of ours, not of the POS
            order_id = await town.send("A-1")
            async with patience():
                while not (order := await town.order(order_id)).parked:
                    await asyncio.sleep(0.05)
        assert order.attention is Attention.PARKED
        async with hub.connection() as connection:
            shown = [(one.name, one.labels[-1], one.value) for one in await gauges.read(connection)]
        assert ("heard_orders_attention", "parked", 1) in shown
        store = await hub.store(town.venue_id)
        assert store is not None
        await change_order(hub, store, order_id, [Unpark(STAFF)], announce=True)
        await town.until(order_id, *REACHED)
        assert len(town.tickets(order_id)) == 1


def _fail(*_: object) -> None:
    raise RuntimeError("a fault of ours")


async def test_an_order_whose_worker_died_of_it_each_time_is_parked_by_the_next(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        await town.house.hub.pool.execute("UPDATE orders SET stalls = $1", limits.STALLS_MAX)
        await with_worker(town, order_id, until=lambda order: order.parked)
        assert town.tickets(order_id) == [], "it was not tried again"


async def test_an_order_is_not_parked_for_what_was_the_database_s_trouble(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.RECOVER_S", 0.1)
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        await town.house.hub.pool.execute("UPDATE orders SET stalls = $1", limits.STALLS_MAX)
        claim = orders.claim
        lost = iter([asyncpg.ConnectionDoesNotExistError("the answer of a claim was lost")])

        async def claim_late(*given: Any) -> Any:
            for error in lost:
                raise error
            return await claim(*given)

        monkeypatch.setattr(orders, "claim", claim_late)
        await with_worker(town, order_id, until=lambda order: order.status in REACHED)
        assert len(town.tickets(order_id)) == 1


async def with_worker(town: Town, order_id: OrderId, until: Callable[[Order], bool]) -> None:
    """Work until an order is so."""
    working = asyncio.create_task(town.house.worker().run())
    try:
        async with patience():
            while not until(await town.order(order_id)):
                await asyncio.sleep(0.05)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_menu_that_makes_us_fail_is_shown_and_comes_again_later(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_town(dsn, pulled=False, scheduled=True, worker=False) as town:
        monkeypatch.setattr("heard.work.menus.keep_menu", _fail)
        working = asyncio.create_task(town.house.worker().run())
        sql = "SELECT outcome, failures, next_at > business_now() AS later, faults FROM menu_fetches"
        async with patience():
            while not (row := await town.house.hub.pool.fetchrow(sql))["failures"]:
                await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert (row["failures"], row["later"]) == (1, True)
        assert "a fault of the hub's own" in row["faults"]


async def test_a_delivery_that_never_came_to_an_end_is_dead_once_its_time_is_over(dsn: str) -> None:
    async with a_town(dsn, introduced=True, worker=False) as town:
        pool = town.house.hub.pool
        await pool.execute(
            "UPDATE deliveries SET attempts = $1, give_up_at = business_now() - interval '1 s'",
            limits.DELIVERY_TRIES_MAX,
        )
        working = asyncio.create_task(town.house.worker().run())
        async with patience():
            while await pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'due'"):
                await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        [row] = await pool.fetch("SELECT DISTINCT state, last_error FROM deliveries")
        assert row["state"] == "dead"
        assert "came to no end" in row["last_error"]


async def test_a_worker_outlives_its_connections(dsn: str) -> None:
    async with a_town(dsn) as town:
        await town.until(await town.send("A-1"), *REACHED)
        admin = await asyncpg.connect(dsn)
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await admin.close()
        with suppress(HubUnreachable):
            await town.marketplace.send(town.content("A-2"))
        async with patience():
            while not (
                row := town.marketplace.ledger.row(
                    "SELECT order_id FROM sent WHERE order_id IS NOT NULL AND external_order_id = 'A-2'"
                )
            ):
                with suppress(HubUnreachable):
                    await town.marketplace.resend()
                await asyncio.sleep(0.1)
        await town.until(row["order_id"], *REACHED)


async def test_a_retry_that_is_due_soon_does_not_wait_for_a_poll(dsn: str) -> None:
    settings = {"HEARD_WORK_POLL_S": "600"}
    async with a_town(dsn, settings=settings, callbacks=False, pulled=True) as town:
        town.house.hub.chance = lambda: 0.3  # type: ignore[method-assign]
        await town.house.hub.pool.execute("UPDATE stores SET pos_url = 'http://127.0.0.1:1'")
        await asyncio.sleep(2.1)  # the hub may use a store's settings for two seconds
        order_id = await town.send("A-1")
        async with patience():  # after 0.3 s, 0.6 s and 1.2 s; a poll comes after ten minutes
            while (await town.order(order_id)).attempts < 4:
                await asyncio.sleep(0.02)


async def test_work_that_another_process_wrote_is_heard_of(dsn: str) -> None:
    settings = {"HEARD_WORK_POLL_S": "600"}  # polling alone would take too long
    async with a_town(dsn, settings=settings) as town:
        await asyncio.sleep(0.5)
        woken = asyncio.Event()
        town.house.hub._wakers.clear()  # this process's own announcements do not reach the worker now
        other = await asyncpg.connect(dsn)
        await other.add_listener("heard_work", lambda *_: woken.set())
        order_id = await town.send("A-1")
        await town.until(order_id, *REACHED)
        assert woken.is_set()
        await other.close()


async def test_what_a_stopped_worker_could_not_finish_is_taken_up_at_once(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when its lease ends: that would be in ten minutes."""
    monkeypatch.setattr("heard.limits.SHUTDOWN_S", 0.2)
    settings = {"HEARD_WORK_LEASE_S": "600", "HEARD_WORK_POLL_S": "0.1"}
    silent = Pace(silence_s=60, start_s=60, cook_s=60, hand_over_s=60)
    moods = iter([Mood.SILENT])
    async with a_town(dsn, mood=lambda _: next(moods, Mood.WELL), pace=silent, settings=settings, worker=False) as town:
        first = asyncio.create_task(town.house.worker().run())
        order_id = await town.send("A-1")
        async with patience():
            while not town.tickets(order_id):  # the POS has it, and does not say so
                await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = asyncio.create_task(town.house.worker().run())
        try:
            order = await town.until(order_id, *REACHED)
        finally:
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
        assert order.status is Status.CONFIRMED
        assert len(town.tickets(order_id)) == 1
