"""What was said in an order's exchanges, read by an operator: whole towns, with POSs that answer well and badly."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asking import a_key, ask, ask_json
from builders import LOCATION, ORGANIZATION, SHARED_ID, a_line, a_menu
from heard import limits
from heard.domain.ids import OrderId, PosOrderId, submit_uid
from heard.domain.order.model import Status
from heard.domain.pos import KitchenState, PosAnswer, PosStatus
from heard.domain.stores import Amounts, PosConnection
from heard.net.listening import listening
from heard.net.serving import serve
from heard.protocols.posnext import auth, decode, encode
from heard.sandbox.pos import Pace
from lengths import patience
from parties import QUICK, Town, a_town, put_menu
from receivers import a_receiver, deliveries_of, listen_at

IDLE: Pace = replace(QUICK, start_s=600.0)  # the kitchen never begins
GUEST = ("Ada", "15550100", "+15550100", "ada@guests.example")
Answering = Callable[[Request, bytes], Response]


async def told(town: Town, order_id: OrderId) -> list[dict[str, Any]]:
    """The exchanges as the admin API tells them, none of them with anything of the guest."""
    answer = await ask(town, "GET", f"/admin/v1/orders/{order_id}", token=await a_key(town))
    assert answer.status == 200
    exchanges: list[dict[str, Any]] = json.loads(answer.body)["exchanges"]
    text = json.dumps(exchanges)
    assert [one for one in (*GUEST, SHARED_ID) if one in text] == []
    return exchanges


def found(exchanges: list[dict[str, Any]], path: str, direction: str = "out") -> list[dict[str, Any]]:
    return [one for one in exchanges if one["path"].endswith(path) and one["direction"] == direction]


async def test_an_order_that_went_well_tells_every_word_of_it(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1", a_line(notes="for Ada, no onions"), notes="ring for Ada")
        await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        exchanges = await told(town, order_id)

        (came,) = [one for one in exchanges if one["path"] == "/link/v2/orders"]
        assert json.loads(came["request"])["external_order_id"] == "A-1"
        assert came["request_id"].startswith("req_")
        assert "request_made_again" not in came

        (validate,), (submit,) = found(exchanges, "/validate"), found(exchanges, "/submit")
        for call in (validate, submit):
            assert (call["verdict"], call["request_made_again"]) == ("good", True)
            sent, answered = json.loads(call["request"]), json.loads(call["answer"])
            assert answered["request_uid"] == sent["request_uid"], "made again, it is what was sent"
            assert answered["request_datetime"] == sent["request_datetime"]
            assert sent["order_details"]["menu_items"][0]["name"] == "Burger"
            assert sent["order_details"]["customer"]["name"] == "•••"
            assert not call.get("answer_cut")

        calls_back = [one for one in exchanges if "/posnext/callbacks/" in one["path"]]
        assert calls_back
        for call in calls_back:
            assert (call["verdict"], json.loads(call["request"])["request_uid"]) == ("good", submit_uid(order_id))
            assert call["request_id"].startswith("req_")
        webhooks = [one for one in exchanges if one["direction"] == "out" and one["peer"] == "channel"]
        assert next(json.loads(one["request"])["type"] for one in webhooks) == "order.confirmed"
        assert all(one["event_id"].startswith("evt_") for one in webhooks)
        assert not any("answer" in one for one in webhooks), "of what was taken nobody reads the answer"


def answer_to(raw: bytes, digest: str | None = None, **changes: Any) -> Response:
    """A validate's answer in which the POS says everything it was sent, signed as agreed or otherwise."""
    order = decode.decode_order(raw, Amounts.MINOR)
    said = PosAnswer(
        status=PosStatus.VALIDATED,
        request_uid=order.request_uid,
        request_datetime=order.request_datetime,
        organization_id=order.organization_id,
        location_id=order.location_id,
        online_order_id=order.online_order_id,
        totals=order.totals,
    )
    body = encode.encode_answer(replace(said, **changes), Amounts.MINOR)
    body = json.dumps(json.loads(body) | {"guest": json.loads(raw)["order_details"]["customer"]}).encode()
    header = digest or auth.sign_answer(said, body, PosConnection("http://pos", SHARED_ID))
    return Response(body, media_type="application/json", headers={"x-pch-digest": header})


@asynccontextmanager
async def a_bad_pos(*answers: Answering) -> AsyncIterator[str]:
    """A POS that answers one way after the other, and then the last one for ever; its address."""
    begun = 0

    async def handle(request: Request) -> Response:
        nonlocal begun
        begun += 1
        return answers[min(begun, len(answers)) - 1](request, await request.body())

    with listening("127.0.0.1", 0) as bound:
        app = Starlette(routes=[Route("/{rest:path}", handle, methods=["POST", "GET"])])
        serving = asyncio.create_task(serve(app, bound))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def test_a_pos_that_answers_badly_is_told_with_the_rule_that_failed(dsn: str) -> None:
    long = b"Traceback for Ada " + b"at frame 7, " * 20_000
    answers: list[Answering] = [
        lambda _, raw: answer_to(raw, "0" * 64),
        lambda _, __: Response(long, 503, media_type="text/plain"),
        lambda _, __: Response(b"\xff\xfeno text of ours \xe9", media_type="application/json"),
        lambda _, __: Response(b"", 200),
        lambda _, raw: answer_to(raw, request_uid="val_another"),
        lambda _, raw: answer_to(raw, status=PosStatus.REJECTED),
    ]
    async with a_bad_pos(*answers) as url, a_town(dsn, pos_url=url, pulled=False) as town:
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await put_menu(town.house.hub, store, a_menu())
        order_id = await town.send("A-1")
        for _ in range(len(answers)):  # nobody waits for the next try
            await asyncio.sleep(0.15)
            await town.house.hub.pool.execute(
                "UPDATE orders SET wait_until = NULL, held = false, next_at = now() WHERE lease_until IS NULL"
                " AND status <> 'rejected'"
            )
            town.house.hub.wake()
        await town.until(order_id, Status.REJECTED)
        calls = found(await told(town, order_id), "/validate")
        badly, fault, unread, empty, other, last = calls[:6]
        assert (badly["status"], badly["verdict"]) == (200, "bad: mismatch")
        assert json.loads(badly["answer"])["guest"]["name"] == "•••"
        assert (fault["status"], fault["verdict"], fault["answer_cut"]) == (503, "none", True)
        assert fault["answer"].startswith("Traceback for ••• at frame 7")
        assert len(fault["answer"]) == limits.ANSWER_KEPT_BYTES_MAX
        assert (unread["verdict"], unread["answer"]) == ("bad: unreadable", "ÿþno text of ours é")
        assert (empty["status"], empty["verdict"], "answer" in empty) == (200, "bad: unreadable", False)
        assert other["verdict"] == last["verdict"] == "good" or other["verdict"] == "bad: mismatch"
        assert all(one["request_made_again"] for one in calls), "the same request each time"
        assert len({one["request"] for one in calls}) == 1


async def test_a_pos_that_does_not_answer_has_no_verdict(dsn: str) -> None:
    async with a_town(dsn) as town:
        await town.pos_dies()
        order_id = await town.send("A-1")
        async with patience():
            while not (calls := found(await told(town, order_id), "/validate")):
                await asyncio.sleep(0.05)
        assert "status" not in calls[0]
        assert "verdict" not in calls[0]
        assert "answer" not in calls[0]
        assert json.loads(calls[0]["request"])["request_type"]
        town.pos_returns()


async def call_back(town: Town, answer: PosAnswer, digest: str | None = None, token: str | None = None) -> int:
    raw = encode.encode_answer(answer, Amounts.MINOR)
    signed = digest or auth.sign_answer(answer, raw, town.pos.connection)
    token = token or auth.make_token(SHARED_ID, ORGANIZATION, datetime.now(UTC), "cb-1")
    path = f"/posnext/callbacks/{town.venue_id}"
    return (await ask_json(town, path, raw, authorization=f"Bearer {token}", x_pch_digest=signed)).status


async def test_a_callback_that_is_signed_badly_stands_with_its_order_and_a_stranger_s_does_not(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        before = len(await town.history(order_id))
        news = PosAnswer(
            status=PosStatus.PLACED,
            request_uid=submit_uid(order_id),
            request_datetime=datetime.now(UTC).replace(microsecond=0),
            organization_id=ORGANIZATION,
            location_id=LOCATION,
            pos_order_id=PosOrderId("T000001"),
            kitchen=KitchenState.IN_PREPARATION,
        )
        assert await call_back(town, news, "0" * 64) == 401
        strange = auth.make_token("Other-Secret-1", ORGANIZATION, datetime.now(UTC), "j")
        assert await call_back(town, news, token=strange) == 401
        assert await call_back(town, replace(news, request_uid=submit_uid(OrderId("ord_none"))), "0" * 64) == 401
        assert len(await town.history(order_id)) == before, "nothing of it is believed"
        assert await call_back(town, news) == 204
        calls = [one for one in await told(town, order_id) if "/posnext/callbacks/" in one["path"]]
        assert [(one["status"], one["verdict"]) for one in calls] == [(401, "bad: mismatch"), (204, "good")]
        assert json.loads(calls[0]["request"])["fulfillment_status"] == "in_preparation"
        count = await town.house.hub.pool.fetchval("SELECT count(*) FROM exchanges WHERE path LIKE '%callbacks%'")
        assert count == 2, "nothing is kept for a stranger, nor of an order that there is not"


async def test_what_an_endpoint_said_when_it_failed_and_what_is_older_than_the_columns(dsn: str) -> None:
    fault = Response(b"<h1>Bad gateway</h1> order of Ada", 502, media_type="text/html")
    async with a_receiver(lambda _: fault) as receiver, a_town(dsn, pace=IDLE) as town:
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        async with patience():
            while not (tries := [one for one in await told(town, order_id) if one.get("event_id")]):
                await asyncio.sleep(0.05)
        assert tries[0]["answer"] == "<h1>Bad gateway</h1> order of •••"
        assert (tries[0]["status"], tries[0]["error"]) == (502, "the endpoint answered 502")
        assert json.loads(tries[0]["request"])["type"] == "order.confirmed"
        assert (await deliveries_of(town, order_id, "due"))[0][0] == "due"

        sql = "UPDATE exchanges SET answer = NULL, verdict = NULL, request_id = NULL"
        await town.house.hub.pool.execute(sql)
        await town.house.hub.pool.execute("UPDATE exchanges SET at = at - interval '1 hour' WHERE path LIKE '%submit'")
        exchanges = await told(town, order_id)
        (submit,), (validate,) = found(exchanges, "/submit"), found(exchanges, "/validate")
        assert "request" not in submit, "what the order's row does not know of any more is not made up"
        assert validate["request_made_again"]
        assert not any("answer" in one or "verdict" in one or "request_id" in one for one in (submit, validate))


async def test_the_request_id_of_a_call_is_the_caller_s_own_and_of_each_call_another(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        placed_at = datetime.now(UTC)
        order_id = await town.send("A-1", placed_at=placed_at)
        assert await town.send("A-1", placed_at=placed_at) == order_id
        exchanges = await told(town, order_id)
        assert [one["status"] for one in exchanges] == [201, 200]
        assert len({one["request_id"] for one in exchanges}) == 2
        assert "request" not in exchanges[1], "what came again is what came first"
