"""A store without a POS: its orders wait for staff, and nothing of the hub ever looks for a POS."""

import asyncio
from datetime import UTC, datetime, timedelta

from asking import ask_json
from builders import ORGANIZATION, a_menu
from heard.connectors.contract import MenuUnavailable
from heard.domain.order import commands as c
from heard.domain.order.content import Fulfillment, FulfillmentType
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import ReasonCode, Status, Ticket
from heard.domain.stores import ConnectorKind, StoreRules
from heard.engine.act_on_order import act_on_order
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef
from heard.work.menus import pull_menu
from parties import Town, a_town, put_menu

MANUAL = ConnectorKind.MANUAL


async def nobody_was_called(town: Town) -> None:
    """No order's call, no probe, no menu fetch: none was made and none is due."""
    pool = town.house.hub.pool
    assert await pool.fetchval("SELECT count(*) FROM exchanges WHERE peer = 'pos'") == 0
    assert await pool.fetchval("SELECT count(*) FROM pos_health WHERE failures > 0 OR probe_at IS NOT NULL") == 0
    assert await pool.fetchval("SELECT count(*) FROM menu_fetches WHERE next_at IS NOT NULL") == 0


async def test_an_order_waits_for_staff_and_is_pending_for_its_marketplace(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, scheduled=True) as town:
        order_id = await town.send("A-1")
        await asyncio.sleep(0.5)
        order = await town.order(order_id)
        assert (order.status, order.ticket) == (Status.AWAITING_STAFF, Ticket.NOT_SENT)
        assert (await town.marketplace.link.order(order_id)).status == "PENDING"
        assert [row.step for row in await town.history(order_id)] == [Step.RECEIVE, Step.SHOW]
        await nobody_was_called(town)


async def test_an_order_that_nobody_accepts_is_rejected_when_its_time_is_over(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, rules=StoreRules(accept_within_s=1)) as town:
        order_id = await town.send("A-1")
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]
        order = await town.order(order_id)
        assert (order.status, order.reason_code) == (Status.REJECTED, ReasonCode.NOT_ACCEPTED_IN_TIME)
        await nobody_was_called(town)


async def test_an_order_for_later_is_shown_to_staff_at_its_release_and_then_has_its_time(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, rules=StoreRules(prep_time_min=1)) as town:
        soon = datetime.now(UTC) + timedelta(minutes=1, seconds=3)
        order_id = await town.send("A-1", fulfillment=Fulfillment(FulfillmentType.PICKUP, soon))
        scheduled = await town.order(order_id)
        assert scheduled.status is Status.SCHEDULED
        shown = await town.until(order_id, Status.AWAITING_STAFF)
        assert shown.accept_by == scheduled.accept_by > soon
        accepted = (await act_on_order(town.house.hub, order_id, c.AcceptOrder())).order
        assert accepted.ready_at is not None
        assert accepted.ready_at >= soon.replace(microsecond=soon.microsecond // 1000 * 1000)
        await nobody_was_called(town)


async def test_an_accepted_order_is_followed_by_nobody_but_staff(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, scheduled=True) as town:
        order_id = await town.send("A-1")
        await act_on_order(town.house.hub, order_id, c.AcceptOrder(5))
        await town.told(order_id, "order.confirmed")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders WHERE next_at IS NOT NULL") == 0
        await nobody_was_called(town)
        async with town.house.hub.connection() as connection:
            calls = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
        assert {(call.direction, call.peer) for call in calls} <= {("in", "channel"), ("out", "channel")}


async def test_its_menu_is_put_in_and_never_fetched(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, pulled=False, scheduled=True) as town:
        hub = town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        try:
            await pull_menu(hub, town.house.outbound, store)
        except MenuUnavailable as no:
            assert "no POS" in str(no)
        else:
            raise AssertionError("a menu came from nowhere")
        await put_menu(hub, store, a_menu())
        await asyncio.sleep(0.4)
        await nobody_was_called(town)
        assert (await town.order(await town.send("A-1"))).status is Status.AWAITING_STAFF


async def test_a_callback_for_a_store_without_a_pos_is_believed_from_nobody(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL) as town:
        order_id = await town.send("A-1")
        before = await town.order(order_id)
        for path in (town.venue_id, "ven_none"):
            assert (await ask_json(town, f"/posnext/callbacks/{path}", b"{}")).status == 401
        assert await town.order(order_id) == before
