"""Every road of an order, over real sockets and a real database."""

import asyncio

import pytest

from heard.domain.ids import OrderId
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import ReasonCode, Status
from heard.domain.pos import PosOrder, RequestType
from heard.domain.stores import Amounts, SignatureScheme, StoreRules
from heard.sandbox.pos import Mood
from parties import a_town


async def test_an_order_travels_to_the_pos_and_the_marketplace_hears_every_turn(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        assert await town.told(order_id, "order.completed") == [
            "order.confirmed",
            "order.in_prep",
            "order.ready",
            "order.completed",
        ]
        assert town.tickets(order_id) == ["T000001"]
        assert (await town.order(order_id)).pos_order_id == "T000001"


@pytest.mark.parametrize("amounts", list(Amounts))
@pytest.mark.parametrize("signature", list(SignatureScheme))
async def test_every_kind_of_pos_connection_works(dsn: str, amounts: Amounts, signature: SignatureScheme) -> None:
    async with a_town(dsn, amounts=amounts, signature=signature) as town:
        order_id = await town.send("A-1", discount=100, tax=85, tip=200)
        await town.until(order_id, Status.READY, Status.COMPLETED)
        ticket = town.pos.ledger.rows("SELECT grand_total FROM tickets")
        assert [row["grand_total"] for row in ticket] == [(await town.order(order_id)).total]


async def test_an_order_sent_twice_is_one_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        content = town.content("A-1")
        first, *others = await asyncio.gather(*(town.marketplace.send(content) for _ in range(8)))
        assert set(others) == {first}
        await town.told(first, "order.ready")  # type: ignore[arg-type]
        assert len(town.pos.ledger.rows("SELECT * FROM tickets")) == 1
        repeats = [row for row in await town.history(OrderId(first)) if row.step is Step.RECEIVE]  # type: ignore[arg-type]
        assert [row.changed for row in repeats] == [True] + [False] * 7


async def test_a_refusal_by_the_pos_reaches_the_marketplace_with_its_reason(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        order_id = await town.send("A-1")
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]
        order = await town.order(order_id)
        assert (order.status, order.reason_code) == (Status.REJECTED, ReasonCode.ITEM_UNAVAILABLE)
        assert town.tickets(order_id) == []


async def test_a_pos_that_fails_for_good_ends_the_order_as_failed(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.FAIL) as town:
        order_id = await town.send("A-1")
        await town.told(order_id, "order.rejected")
        assert (await town.order(order_id)).status is Status.FAILED


@pytest.mark.parametrize("callbacks", [True, False], ids=["callbacks", "polling"])
async def test_a_slow_pos_is_waited_for(dsn: str, callbacks: bool) -> None:
    async with a_town(dsn, mood=lambda _: Mood.SLOW, callbacks=callbacks) as town:
        order_id = await town.send("A-1")
        await town.told(order_id, "order.confirmed")
        assert Step.DEFER in [row.step for row in await town.history(order_id)]
        assert len(town.tickets(order_id)) == 1


async def test_a_submit_that_was_carried_out_but_not_answered_makes_no_second_ticket(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.told(order_id, "order.confirmed")
        assert Step.LOSE in [row.step for row in await town.history(order_id)]
        assert len(town.tickets(order_id)) == 1


async def test_a_submit_that_never_arrived_is_sent_again_after_a_404(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    calls: list[str] = []

    def deaf(order: PosOrder) -> Mood:
        calls.append(order.request_type)
        return Mood.DEAF

    async with a_town(dsn, mood=deaf) as town:
        order_id = await town.send("A-1")
        await town.told(order_id, "order.confirmed")
        steps = [row.step for row in await town.history(order_id)]
        assert [step for step in steps if step in (Step.LOSE, Step.MISS)] == [Step.LOSE, Step.MISS]
        assert calls.count(RequestType.PLACE) >= 2
        assert len(town.tickets(order_id)) == 1


async def test_the_deadline_rejects_an_order_whose_pos_cannot_be_reached(dsn: str) -> None:
    rules = StoreRules(accept_within_s=2)
    async with a_town(dsn, rules=rules) as town:
        await town.house.hub.pool.execute("UPDATE stores SET pos_url = 'http://127.0.0.1:1'")
        await asyncio.sleep(2.1)  # the hub may use a store's settings for two seconds
        order_id = await town.send("A-1")
        await town.told(order_id, "order.rejected")
        order = await town.order(order_id)
        assert order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
        failures = [row for row in await town.history(order_id) if row.step is Step.FAIL_ATTEMPT]
        assert failures
        assert all("no connection" in (row.note or "") for row in failures)
