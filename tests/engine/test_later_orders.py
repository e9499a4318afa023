"""Orders for later: held until their requested time less the prep time, then sent with the time they have left."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from heard.domain.ids import OrderId
from heard.domain.order.commands import STAFF, RequestCancel
from heard.domain.order.model import ReasonCode, Status
from heard.domain.pos import PosOrder, RequestType
from heard.domain.stores import StoreRules
from heard.engine.change_order import change_order
from heard.sandbox.pos import Mood, Pace
from parties import Town, a_town

STILL = Pace(start_s=60, cook_s=60, hand_over_s=60)
RULES = StoreRules(prep_time_min=30, accept_within_s=300)
REACHED = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)


async def move_clocks(town: Town, by: timedelta) -> None:
    """Business time moves on for every party."""
    town.pos.clock = town.marketplace.clock = lambda: datetime.now(UTC) + by
    await town.house.hub.pool.execute('UPDATE clock SET "offset" = $1', by)


async def send_for(town: Town, number: str, requested_at: datetime) -> OrderId:
    fulfillment = replace(town.content(number).fulfillment, requested_at=requested_at)
    return await town.send(number, fulfillment=fulfillment)


async def test_an_order_for_later_is_sent_at_its_requested_time_less_the_prep_time(dsn: str) -> None:
    seen: list[PosOrder] = []

    def mood(order: PosOrder) -> Mood:
        seen.append(order)
        return Mood.WELL

    async with a_town(dsn, rules=RULES, mood=mood, pace=STILL) as town:
        requested_at = (await town.house.hub.now()).replace(microsecond=0) + timedelta(hours=5)
        order_id = await send_for(town, "A-1", requested_at)
        order = await town.order(order_id)
        assert (order.status, order.release_at) == (Status.SCHEDULED, requested_at - timedelta(minutes=30))
        assert order.accept_by == requested_at - timedelta(minutes=25)
        await move_clocks(town, timedelta(hours=4, minutes=29, seconds=30))
        await asyncio.sleep(0.5)
        assert (await town.order(order_id)).status is Status.SCHEDULED
        assert seen == []
        await move_clocks(town, timedelta(hours=4, minutes=30, seconds=1))
        order = await town.until(order_id, *REACHED)
        assert [one.request_type for one in seen] == [RequestType.VALIDATE, RequestType.PLACE]
        for one in seen:
            assert one.requested_at == requested_at
            assert one.request_datetime >= requested_at - timedelta(minutes=30)
            assert one.ttl_s is not None
            assert timedelta(0) <= order.accept_by - one.request_datetime - timedelta(seconds=one.ttl_s)
            assert 290 <= one.ttl_s <= 300


async def test_an_order_whose_time_is_near_is_sent_at_once(dsn: str) -> None:
    async with a_town(dsn, rules=RULES, pace=STILL) as town:
        order_id = await send_for(town, "A-1", (await town.house.hub.now()) + timedelta(minutes=20))
        order = await town.until(order_id, *REACHED)
        assert order.accept_by - order.received_at == timedelta(seconds=300)


async def test_a_hub_that_was_away_at_the_release_sends_the_order_when_it_is_back(dsn: str) -> None:
    async with a_town(dsn, rules=RULES, pace=STILL, worker=False) as town:
        order_id = await send_for(town, "A-1", (await town.house.hub.now()) + timedelta(hours=5))
        await move_clocks(town, timedelta(hours=4, minutes=32))
        assert (await town.order(order_id)).status is Status.SCHEDULED
        worker = asyncio.create_task(town.house.worker().run())
        try:
            await town.until(order_id, *REACHED)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        assert len(town.tickets(order_id)) == 1


@pytest.mark.parametrize("away", [timedelta(hours=1), timedelta(hours=4, minutes=36)], ids=["in time", "too late"])
async def test_an_order_for_later_ends_without_a_ticket_when_cancelled_or_too_late(dsn: str, away: timedelta) -> None:
    async with a_town(dsn, rules=RULES, pace=STILL, worker=False) as town:
        order_id = await send_for(town, "A-1", (await town.house.hub.now()) + timedelta(hours=5))
        await move_clocks(town, away)
        if away < timedelta(hours=4):
            store = await town.house.hub.store(town.venue_id)
            assert store is not None
            wish = RequestCancel(STAFF, ReasonCode.STORE_CLOSED)
            assert (await change_order(town.house.hub, store, order_id, [wish])).order.status is Status.CANCELLED
        worker = asyncio.create_task(town.house.worker().run())
        try:
            end = "order.cancelled" if away < timedelta(hours=4) else "order.rejected"
            assert await town.told(order_id, end) == [end]
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        assert town.tickets(order_id) == []
