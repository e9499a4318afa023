"""Paid orders from their receipt to their end, with the provider that is built in: what it did is in its own books."""

import asyncio

import pytest

from builders import ORGANIZATION
from heard.domain.order.commands import RequestCancel
from heard.domain.order.model import Attention, Party, ReasonCode, Status
from heard.domain.payments import PaymentState
from heard.engine.act_on_order import act_on_order
from heard.sandbox.pos import Mood, Pace
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef
from lengths import patience
from parties import a_town
from paying import books, pay_and_order, until_paid, use_test_provider

P = PaymentState
KEPT = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)
AMOUNT = 14_03
_SLOW_KITCHEN = Pace(slow_s=0.1, start_s=60, cook_s=60, hand_over_s=60)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.PAYMENT_RETRY_CAP_S", 0.05)
    monkeypatch.setattr("heard.limits.TEST_PROVIDER_LATE_S", 0.2)


async def test_a_paid_order_is_authorized_placed_and_captured_in_this_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, AMOUNT)
        order = await until_paid(town, order_id)
        assert order.status in KEPT
        assert (order.payment, order.payment_ref) == (P.CAPTURED, order_id.replace("ord_", "test_"))
        assert await books(town, order_id) == (0, AMOUNT, 0)
        notes = [line.note for line in await town.history(order_id) if line.step == "pay"]
        assert notes == [
            "the provider is asked to hold 14.03 USD",
            f"14.03 USD is held for the order: as {order.payment_ref}",
            "the provider is asked to take 14.03 USD",
            "14.03 USD was taken",
        ]
        async with town.house.hub.connection() as connection:
            made = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
        calls = [one.path for one in made if one.direction == "out" and one.peer != "channel"]
        expected = ["/test/authorize", "/posnext/order/validate", "/posnext/order/submit", "/test/capture"]
        assert calls[:4] == expected
        assert [one.status for one in made if one.peer == "payment"] == [200, 200]


@pytest.mark.parametrize("amount", [900_02, 900_03, 900_05, 900_12, 900_13])
async def test_answers_that_are_lost_or_late_cost_the_guest_nothing_twice(dsn: str, amount: int) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, amount)
        order = await until_paid(town, order_id)
        assert (order.payment, order.status in KEPT, order.attention) == (P.CAPTURED, True, None)
        assert await books(town, order_id) == (0, amount, 0)


async def test_a_decline_rejects_the_order_and_no_pos_hears_of_it(dsn: str) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, 900_01)
        order = await until_paid(town, order_id)
        assert (order.status, order.payment) == (Status.REJECTED, P.DECLINED)
        assert order.reason is not None
        assert order.reason.startswith("the payment was declined: ")
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]
        assert town.tickets(order_id) == []
        assert await books(town, order_id) == (0, 0, 0)


@pytest.mark.parametrize("amount", [AMOUNT, 900_22, 900_23])
async def test_an_order_that_the_pos_refuses_holds_no_money(dsn: str, amount: int) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, amount)
        order = await until_paid(town, order_id)
        assert (order.status, order.payment, order.attention) == (Status.REJECTED, P.VOIDED, None)
        assert await books(town, order_id) == (0, 0, 0)


@pytest.mark.parametrize("amount", [AMOUNT, 900_32, 900_33])
async def test_a_cancel_after_the_capture_gives_the_money_back_once(dsn: str, amount: int) -> None:
    async with a_town(dsn, pace=_SLOW_KITCHEN) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, amount)
        await until_paid(town, order_id, P.CAPTURED)
        await act_on_order(town.house.hub, order_id, RequestCancel(Party.STAFF, ReasonCode.OTHER))
        order = await until_paid(town, order_id, P.REFUNDED)
        assert order.status is Status.CANCELLED
        assert await books(town, order_id) == (0, amount, amount)


async def test_an_authorization_that_is_never_answered_ends_with_the_order_s_deadline(dsn: str) -> None:
    """The provider's word on it is waited for on; nothing else happens to the payment before."""
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, 900_04)
        await until_paid(town, order_id, P.AUTHORIZING)
        await town.house.hub.pool.execute("UPDATE orders SET accept_by = business_now(), revision = revision + 1")
        assert (await town.until(order_id, Status.REJECTED)).reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
        async with patience():
            while (await town.order(order_id)).attention is not Attention.PAYMENT:
                await asyncio.sleep(0.05)
        assert (await town.order(order_id)).payment is P.AUTHORIZING
        assert town.tickets(order_id) == []
        assert await books(town, order_id) == (0, 0, 0)


async def test_a_refused_capture_is_shown_to_a_person_and_the_food_goes_on(dsn: str) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id = await pay_and_order(town, 900_11)
        order = await until_paid(town, order_id)
        assert (order.payment, order.status in KEPT, order.attention) == (P.UNCAPTURED, True, Attention.PAYMENT)
        assert await books(town, order_id) == (900_11, 0, 0)


async def test_a_provider_that_raises_is_one_that_does_not_answer(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        with monkeypatch.context() as broken:
            broken.setattr("heard.work.payments.find_account", _fail)
            order_id = await pay_and_order(town, AMOUNT)
            async with patience():
                while (await town.order(order_id)).payment_attempts < 3:
                    await asyncio.sleep(0.02)
        order = await until_paid(town, order_id)
        assert (order.payment, order.parked) == (P.CAPTURED, False)
        assert await books(town, order_id) == (0, AMOUNT, 0)


def _fail(*_: object) -> None:
    raise RuntimeError("a fault of ours")
