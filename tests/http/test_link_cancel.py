"""A marketplace cancels over Link, at every stage of an order, over real sockets."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from asking import PROBLEM_MEMBERS, a_token, ask, ask_json, problem_of, read_event
from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.content import Fulfillment, FulfillmentType
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket
from heard.domain.stores import ConnectorKind, StoreRules
from heard.engine.act_on_order import act_on_order
from heard.engine.add_parties import add_marketplace, connect_store
from heard.net.call import Answer
from heard.sandbox.pos import Mood, Pace
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef
from lengths import patience
from parties import Town, a_town

STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
WISH = {"reason_code": "cancelled_by_guest", "note": "changed my mind"}


def path_of(order_id: str) -> str:
    return f"/link/v2/orders/{order_id}/cancel"


async def cancel(town: Town, order_id: OrderId, token: str | None = None, **wish: Any) -> Answer:
    return await ask_json(town, path_of(order_id), json.dumps({**WISH, **wish}).encode(), token or await a_token(town))


async def is_cancelled(town: Town, answer: Answer, order_id: OrderId, *heard_before: str) -> Order:
    """The answer says so, the order is, and the marketplace hears it once, with every word of why."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.body
    order = await town.order(order_id)
    expected = {"order_id": order_id, "external_order_id": order.external_order_id}
    assert json.loads(answer.body) == {**expected, "status": "CANCELLED", "cancelling": False}
    assert order.status is Status.CANCELLED
    assert await town.told(order_id, "order.cancelled") == [*heard_before, "order.cancelled"]
    body = town.marketplace.ledger.rows("SELECT body FROM told WHERE type = 'order.cancelled'")[0]["body"]
    event = read_event(body)
    assert (event.by, event.reason_code, event.reason) == ("channel", "cancelled_by_guest", "changed my mind")
    assert (event.status, event.sequence) == ("CANCELLED", len(heard_before) + 1)
    return order


def too_late(answer: Answer, current: str) -> None:
    """The refusal that names the state and what is allowed in it."""
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    document = json.loads(answer.body)
    assert set(document) == PROBLEM_MEMBERS | {"current", "allowed"}
    assert (document["code"], document["current"], document["allowed"]) == ("illegal_transition", current, [])
    assert document["retryable"] is False


async def calls(town: Town, order_id: OrderId) -> list[tuple[str, int | None]]:
    async with town.house.hub.connection() as connection:
        found = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
    return [(one.path, one.status) for one in found if one.path.endswith("/cancel") and one.direction == "in"]


async def act(town: Town, order_id: OrderId, *commands: c.StaffCommand) -> None:
    for command in commands:
        await act_on_order(town.house.hub, order_id, command)


async def test_an_order_that_no_worker_has_seen_yet_is_cancelled_at_once(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        answer = await cancel(town, order_id)
        assert answer.status == 200
        assert json.loads(answer.body)["status"] == "CANCELLED"
        assert (await town.order(order_id)).reason == "changed my mind"
        assert await calls(town, order_id) == [(path_of(order_id), 200)]


async def test_an_order_that_waits_for_staff_is_cancelled_at_once(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        order_id = await town.send("A-1")
        order = await is_cancelled(town, await cancel(town, order_id), order_id)
        assert order.attention is None


async def test_an_order_for_later_is_cancelled_at_once_and_never_sent(dsn: str) -> None:
    tomorrow = Fulfillment(FulfillmentType.PICKUP, datetime.now(UTC) + timedelta(days=1))
    async with a_town(dsn) as town:
        order_id = await town.send("A-1", fulfillment=tomorrow)
        assert (await town.order(order_id)).status is Status.SCHEDULED
        await is_cancelled(town, await cancel(town, order_id), order_id)
        assert town.tickets(order_id) == []


async def test_a_cancel_while_the_pos_has_still_to_answer_is_202_and_carried_out_and_told_once(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.SLOW, pace=replace(STILL, slow_s=2.0), callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.AWAITING_POS)
        token = await a_token(town)
        for _ in range(3):  # a repeat is answered like the first time
            answer = await cancel(town, order_id, token)
            assert answer.status == 202
            body = json.loads(answer.body)
            assert (body["status"], body["cancelling"]) == ("PENDING", True)
        view = json.loads((await ask(town, "GET", f"/link/v2/orders/{order_id}", token=token)).body)
        assert (view["status"], "reason" in view, "reason_code" in view) == ("PENDING", False, False)
        await town.until(order_id, Status.CANCELLED)
        await is_cancelled(town, await cancel(town, order_id, token), order_id)
        assert [status for _, status in await calls(town, order_id)] == [202, 202, 202, 200]


async def test_a_cancel_races_the_poses_answer_and_one_of_them_is_first(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        token, sent = await a_token(town), await asyncio.gather(*(town.send(f"A-{n}") for n in range(6)))

        async def soon(order_id: OrderId, after_s: float) -> Answer:
            await asyncio.sleep(after_s)
            return await cancel(town, order_id, token)

        answers = await asyncio.gather(*(soon(order_id, n * 0.02) for n, order_id in enumerate(sent)))
        assert {answer.status for answer in answers} <= {200, 202}
        for order_id in sent:
            await town.until(order_id, Status.CANCELLED)
            heard = await town.told(order_id, "order.cancelled")
            assert heard in (["order.cancelled"], ["order.confirmed", "order.cancelled"])
            async with patience():
                while (order := await town.order(order_id)).ticket not in (Ticket.CANCELLED, Ticket.NOT_SENT):
                    await asyncio.sleep(0.02)
            assert order.attention is None


@pytest.mark.parametrize("stage", [Status.CONFIRMED, Status.IN_PREP])
async def test_a_confirmed_order_is_cancelled_at_the_pos_as_well(dsn: str, stage: Status) -> None:
    pace = STILL if stage is Status.CONFIRMED else replace(STILL, start_s=0.05)
    async with a_town(dsn, pace=pace) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, stage)
        before = ["order.confirmed"] if stage is Status.CONFIRMED else ["order.confirmed", "order.in_prep"]
        await is_cancelled(town, await cancel(town, order_id), order_id, *before)
        async with patience():
            while (order := await town.order(order_id)).ticket is not Ticket.CANCELLED:
                await asyncio.sleep(0.02)
        assert order.attention is None


async def test_a_cancel_after_staff_accepted_has_them_tell_the_kitchen(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        order_id = await town.send("A-1")
        await act(town, order_id, c.AcceptOrder(20))
        order = await is_cancelled(town, await cancel(town, order_id), order_id, "order.confirmed")
        assert order.attention is Attention.TELL_KITCHEN


@pytest.mark.parametrize(
    ("steps", "current"),
    [
        ((c.AcceptOrder(), c.FinishOrder()), "READY"),
        ((c.AcceptOrder(), c.CompleteOrder()), "COMPLETED"),
        ((c.RejectOrder(ReasonCode.STORE_CLOSED, "we close"),), "REJECTED"),
    ],
)
async def test_what_is_ready_or_has_ended_is_not_cancelled_and_the_attempt_is_recorded(
    dsn: str, steps: tuple[c.StaffCommand, ...], current: str
) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        order_id = await town.send("A-1")
        await act(town, order_id, *steps)
        before, heard = await town.order(order_id), len(await town.history(order_id))
        too_late(await cancel(town, order_id), current)
        assert await town.order(order_id) == before
        assert [line.changed for line in (await town.history(order_id))[heard:]] == [False]
        assert await calls(town, order_id) == [(path_of(order_id), 409)]


async def test_a_cancel_of_what_the_store_has_cancelled_is_answered_with_that(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        order_id = await town.send("A-1")
        await act(town, order_id, c.RequestCancel(c.STAFF, ReasonCode.STORE_CLOSED, "water in the kitchen"))
        for _ in range(2):
            answer = await cancel(town, order_id)
            assert (answer.status, json.loads(answer.body)["status"]) == (200, "CANCELLED")
        assert await town.told(order_id, "order.cancelled") == ["order.cancelled"]
        view = json.loads((await ask(town, "GET", f"/link/v2/orders/{order_id}", token=await a_token(town))).body)
        assert (view["reason_code"], view["reason"], view["sequence"]) == ("store_closed", "water in the kitchen", 1)


async def test_an_order_that_the_pos_refused_cannot_be_cancelled(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.REJECTED)
        too_late(await cancel(town, order_id), "REJECTED")


async def test_a_cancel_races_the_deadline_and_the_channel_hears_one_end(dsn: str) -> None:
    rules = StoreRules(accept_within_s=1)
    async with a_town(dsn, connector=ConnectorKind.MANUAL, rules=rules) as town:
        sent = await asyncio.gather(*(town.send(f"A-{n}") for n in range(5)))
        await asyncio.sleep(0.85)
        token = await a_token(town)
        answers = []
        for order_id in sent:
            answers.append(await cancel(town, order_id, token))
            await asyncio.sleep(0.05)
        for order_id, answer in zip(sent, answers, strict=True):
            order = await town.until(order_id, Status.CANCELLED, Status.REJECTED)
            end = "order.cancelled" if answer.status == 200 else "order.rejected"
            assert answer.status in (200, 409)
            assert await town.told(order_id, end) == [end]
            assert order.sequence == 1


async def test_another_marketplaces_order_is_unknown(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        order_id = await town.send("A-1")
        other = await add_marketplace(hub, ORGANIZATION, "dine", town.hub_url, await hub.now())
        await connect_store(hub, town.venue_id, other.marketplace_id)
        town.marketplace._client_id, town.marketplace._client_secret = other.marketplace_id, other.client_secret
        before = await town.order(order_id)
        foreign = problem_of(await cancel(town, order_id), 404, "unknown_order")
        nobody = problem_of(await cancel(town, OrderId("ord_none")), 404, "unknown_order")
        assert foreign["detail"].replace(order_id, "ord_none") == nobody["detail"]
        assert await town.order(order_id) == before
        assert await calls(town, order_id) == []


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        (b"", 400, "malformed_json", None),
        (b"[]", 422, "invalid_body", "$"),
        (b"{}", 422, "invalid_body", "$.reason_code"),
        (b'{"reason_code": "bored"}', 422, "invalid_body", "$.reason_code"),
        (b'{"reason_code": 1}', 422, "invalid_body", "$.reason_code"),
        (b'{"reason_code": "other", "note": "a\\u0000b"}', 400, "malformed_json", None),
        (b'{"reason_code": "other", "reason_code": "other"}', 400, "malformed_json", None),
        (json.dumps({"reason_code": "other", "note": "x" * 501}).encode(), 422, "invalid_body", "$.note"),
        (b" " * (limits.SMALL_BODY_BYTES_MAX + 1), 413, "body_too_large", None),
    ],
)
async def test_a_cancel_that_does_not_say_what_is_needed_leaves_no_trace(
    dsn: str, body: bytes, status: int, code: str, path: str | None
) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        before = await town.order(order_id)
        document = problem_of(await ask_json(town, path_of(order_id), body, await a_token(town)), status, code)
        assert path is None or path in [error["path"] for error in document["errors"]]
        assert await town.order(order_id) == before
        assert await calls(town, order_id) == []


async def test_every_reason_of_the_list_is_taken_and_the_longest_note(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town)
        for number, reason_code in enumerate(ReasonCode):
            order_id = await town.send(f"A-{number}")
            note = "\U0001f354" * limits.REASON_MAX
            answer = await ask_json(
                town, path_of(order_id), json.dumps({"reason_code": reason_code, "note": note}).encode(), token
            )
            assert answer.status == 200, answer.body
            order = await town.order(order_id)
            assert (order.reason_code, order.reason) == (reason_code, note)
