"""A cancelled order's ticket is taken back from the POS, over real sockets; only what it keeps is raised to staff."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from asking import read_event
from heard.domain.ids import OrderId
from heard.domain.order.commands import CHANNEL, STAFF, RequestCancel, Unpark
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket
from heard.domain.stores import Amounts, SignatureScheme, StoreRules
from heard.engine.change_order import change_order
from heard.sandbox.pos import CancelMood, Mood, Pace
from lengths import patience
from parties import QUICK, Town, a_town

STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
CANCEL = RequestCancel(CHANNEL, ReasonCode.CANCELLED_BY_GUEST, "changed my mind")


async def ask(town: Town, order_id: OrderId, command: RequestCancel | Unpark = CANCEL) -> Order:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return (await change_order(town.house.hub, store, order_id, [command], announce=True)).order


async def until(town: Town, order_id: OrderId, true: Callable[[Order], bool]) -> Order:
    async with patience():
        while not true(order := await town.order(order_id)):
            await asyncio.sleep(0.02)
    return order


async def settled(town: Town, order_id: OrderId) -> Order:
    """Wait until the ticket is gone or raised to staff."""
    return await until(town, order_id, lambda order: order.ticket is Ticket.CANCELLED or order.attention is not None)


def kitchen(town: Town, order_id: OrderId) -> list[str]:
    sql = "SELECT kitchen FROM tickets WHERE online_order_id = ?"
    return [row["kitchen"] for row in town.pos.ledger.rows(sql, order_id)]


@pytest.mark.parametrize("amounts", list(Amounts))
@pytest.mark.parametrize("signature", list(SignatureScheme))
async def test_a_cancelled_orders_ticket_is_taken_back_and_the_marketplace_hears_who_cancelled(
    dsn: str, amounts: Amounts, signature: SignatureScheme
) -> None:
    async with a_town(dsn, pace=STILL, amounts=amounts, signature=signature) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        assert (await ask(town, order_id, replace(CANCEL, by=STAFF))).status is Status.CANCELLED
        order = await settled(town, order_id)
        assert (order.status, order.ticket, order.attention) == (Status.CANCELLED, Ticket.CANCELLED, None)
        assert kitchen(town, order_id) == ["cancelled"]
        assert await town.told(order_id, "order.cancelled") == ["order.confirmed", "order.cancelled"]
        body = town.marketplace.ledger.rows("SELECT body FROM told WHERE type = 'order.cancelled'")[0]["body"]
        assert b'"by":"store"' in body
        assert read_event(body).status == "CANCELLED"


async def test_a_wish_while_the_outcome_is_open_is_carried_out_and_told_once(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False) as town:
        order_id = await town.send("A-1")
        await until(town, order_id, lambda order: order.ticket is Ticket.SENT)
        assert (await ask(town, order_id)).status is not Status.CANCELLED
        order = await settled(town, order_id)
        assert (order.status, order.ticket) == (Status.CANCELLED, Ticket.CANCELLED)
        assert await town.told(order_id, "order.cancelled") == ["order.cancelled"]
        assert kitchen(town, order_id) == ["cancelled"]


@pytest.mark.parametrize("serves", [True, False], ids=["taken back", "raised to staff"])
async def test_an_orphan_is_taken_back_or_raised_and_its_order_stays_rejected(
    dsn: str, monkeypatch: pytest.MonkeyPatch, serves: bool
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 30.0)
    rules = StoreRules(accept_within_s=1)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False, rules=rules) as town:
        town.pos.cancel_mood = lambda _: CancelMood.WELL if serves else CancelMood.UNSERVED
        order_id = await town.send("A-1")
        await town.told(order_id, "order.rejected")
        order = await settled(town, order_id)
        assert order.status is Status.REJECTED
        expected = (Ticket.CANCELLED, None) if serves else (Ticket.PLACED, Attention.ORPHAN_TICKET)
        assert (order.ticket, order.attention) == expected
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]


@pytest.mark.parametrize("mood", [CancelMood.UNSERVED, CancelMood.FAIL])
async def test_a_pos_that_does_not_take_tickets_back_is_raised_to_staff_who_may_ask_again(
    dsn: str, mood: CancelMood
) -> None:
    async with a_town(dsn, pace=STILL) as town:
        town.pos.cancel_mood = lambda _: mood
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        await ask(town, order_id)
        order = await settled(town, order_id)
        assert (order.status, order.ticket) == (Status.CANCELLED, Ticket.PLACED)
        assert order.attention is Attention.CANCEL_AT_POS
        assert Step.KEEP in [row.step for row in await town.history(order_id)]
        if mood is CancelMood.UNSERVED:
            town.pos.cancel_mood = lambda _: CancelMood.WELL
            await ask(town, order_id, Unpark(STAFF))
            assert (await until(town, order_id, lambda one: one.ticket is Ticket.CANCELLED)).attention is None


async def test_a_locked_till_keeps_the_ticket_and_the_kitchen_waits_until_it_is_asked_again(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        town.pos.cancel_mood = lambda _: CancelMood.LOCKED
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        await ask(town, order_id)
        order = await settled(town, order_id)
        assert (order.status, order.ticket) == (Status.CANCELLED, Ticket.PLACED)
        assert order.attention is Attention.CANCEL_AT_POS
        assert "the till is locked" in [row.note for row in await town.history(order_id)]

        town.pos.pace = QUICK
        town.pos.ledger.write("UPDATE tickets SET next_at = 0 WHERE next_at IS NOT NULL")  # the time to cook has come
        await town.until(await town.send("A-2"), Status.COMPLETED)
        assert kitchen(town, order_id) == [""]

        await ask(town, order_id, Unpark(STAFF))
        order = await until(town, order_id, lambda one: one.ticket is Ticket.CANCELLED)
        assert (order.status, order.attention) == (Status.CANCELLED, None)
        assert kitchen(town, order_id) == ["cancelled"]
        assert await town.told(order_id, "order.cancelled") == ["order.confirmed", "order.cancelled"]


@pytest.mark.parametrize("mood", [CancelMood.WELL, CancelMood.LOCKED])
async def test_a_pos_that_made_the_food_refuses_and_staff_are_told(dsn: str, mood: CancelMood) -> None:
    async with a_town(dsn, pace=replace(STILL, start_s=0.05, cook_s=0.05), callbacks=False) as town:
        town.pos.cancel_mood = lambda _: mood
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        async with patience():
            while kitchen(town, order_id) != ["ready"]:
                await asyncio.sleep(0.02)
        await ask(town, order_id)
        order = await settled(town, order_id)
        assert order.attention is Attention.CANCEL_AT_POS
        assert "the food is made" in [row.note for row in await town.history(order_id)]


async def test_a_slow_cancel_is_read_until_the_pos_knows(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        town.pos.cancel_mood = lambda _: CancelMood.SLOW
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        await ask(town, order_id)
        assert (await settled(town, order_id)).ticket is Ticket.CANCELLED
        assert Step.DEFER_CANCEL in [row.step for row in await town.history(order_id)]


async def test_a_cancel_without_an_answer_is_sent_again_byte_for_byte(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_town(dsn, pace=STILL) as town:
        town.pos.cancel_mood = lambda _: CancelMood.SILENT
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 0.5)
        await ask(town, order_id)
        order = await settled(town, order_id)  # the POS refuses the same uid with other bytes
        assert (order.ticket, order.attention) == (Ticket.CANCELLED, None)
        assert Step.FAIL_ATTEMPT in [row.step for row in await town.history(order_id)]
