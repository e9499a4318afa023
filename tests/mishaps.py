"""How tests bring about what a person is called for: a POS that keeps a ticket, and one that never told."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from heard.domain.ids import OrderId
from heard.domain.order.model import Attention, Order, Status
from heard.sandbox.pos import CancelMood, Mood, Pace
from lengths import patience
from parties import Town

STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)


def come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub waits for at a POS that is gone comes within moments."""
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    monkeypatch.setattr("heard.limits.BACKOFF_CAP_S", 0.2)
    monkeypatch.setattr("heard.limits.PROBE_FIRST_S", 0.5)


async def order_that(town: Town, order_id: OrderId, true: Callable[[Order], bool]) -> Order:
    """Wait until something is true of an order."""
    async with patience():
        while not true(order := await town.order(order_id)):
            await asyncio.sleep(0.02)
    return order


async def kept(town: Town, number: str, mood: CancelMood) -> OrderId:
    """A cancelled order whose ticket the POS did not give back."""
    town.pos.cancel_mood = lambda _: mood
    order_id = await town.send(number)
    await town.until(order_id, Status.CONFIRMED)
    await town.marketplace.link.cancel_order(order_id, "cancelled_by_guest", "the guest changed their mind")
    await order_that(town, order_id, lambda order: order.attention is Attention.CANCEL_AT_POS)
    return order_id


async def called_for(town: Town, order_id: OrderId) -> Order:
    """Wait until a person is called because the POS never told."""
    order = await order_that(town, order_id, lambda order: order.attention is Attention.OUTCOME_UNKNOWN)
    assert order.parked
    return order


async def lost(town: Town, number: str) -> Order:
    """An order of days ago whose ticket the POS has taken; it is gone since, and never told."""
    town.pos.mood = lambda _: Mood.SILENT
    order_id = await town.send(number)
    async with patience():
        while not town.tickets(order_id):
            await asyncio.sleep(0.01)
    await town.pos_dies()
    await town.until(order_id, Status.UNKNOWN)
    await town.house.hub.pool.execute(
        "UPDATE orders SET received_at = received_at - $2::interval, accept_by = accept_by - $2::interval,"
        " next_at = business_now(), revision = revision + 1 WHERE order_id = $1",
        order_id,
        timedelta(days=3),
    )
    return await called_for(town, order_id)
