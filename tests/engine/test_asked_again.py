"""An outcome that nobody could tell for a day: a person has the POS asked again, and it is, before it is given up."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from heard import limits
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Order, Status, Ticket
from heard.engine.act_on_order import act_on_order
from heard.sandbox.pos import Mood, Pace
from parties import Town, a_town

STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    monkeypatch.setattr("heard.limits.BACKOFF_CAP_S", 0.2)
    monkeypatch.setattr("heard.limits.PROBE_FIRST_S", 0.5)


async def called_for(town: Town, order_id: OrderId) -> Order:
    """Wait until a person is called because the POS never told."""
    async with asyncio.timeout(30):
        while (order := await town.order(order_id)).attention is not Attention.OUTCOME_UNKNOWN:
            await asyncio.sleep(0.05)
    assert order.parked
    return order


async def failures(town: Town, order_id: OrderId) -> int:
    return Counter(row.step for row in await town.history(order_id))[Step.FAIL_ATTEMPT]


async def test_after_days_a_retry_asks_the_pos_and_tells_what_came_of_it(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False) as town:
        order_id = await town.send("A-1")
        async with asyncio.timeout(20):
            while not town.tickets(order_id):
                await asyncio.sleep(0.01)
        await town.pos_dies()  # with the ticket, and before it could tell
        await town.until(order_id, Status.UNKNOWN)
        await town.house.hub.pool.execute(
            "UPDATE orders SET received_at = received_at - $1::interval, accept_by = accept_by - $1::interval,"
            " next_at = business_now(), revision = revision + 1",
            timedelta(days=3),
        )
        order = await called_for(town, order_id)
        assert (order.status, order.ticket) == (Status.REJECTED, Ticket.SENT)
        before = await failures(town, order_id)
        assert before >= limits.SETTLE_CALLS_MIN

        await act_on_order(town.house.hub, order_id, c.Unpark(c.STAFF))
        order = await called_for(town, order_id)  # it is still gone: what came of each call stands in the history
        assert order.ticket is Ticket.SENT
        assert await failures(town, order_id) - before == limits.SETTLE_CALLS_MIN

        town.pos_returns()
        changed = await act_on_order(town.house.hub, order_id, c.Unpark(c.STAFF))
        assert (changed.order.parked, changed.order.attention) == (False, None)
        async with asyncio.timeout(30):
            while (order := await town.order(order_id)).ticket is not Ticket.CANCELLED:
                await asyncio.sleep(0.05)
        assert (order.status, order.attention, order.parked) == (Status.REJECTED, None, False)
        assert [order.pos_order_id] == town.tickets(order_id)
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]
