"""A POS calls back: genuine or not, early, late, twice. Harmless always, and written down whenever it is genuine."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from asking import ask, ask_json, nothing_remains, problem_of
from builders import LOCATION, ORGANIZATION, SHARED_ID
from heard.domain.ids import LocationId, OrderId, OrganizationId, PosOrderId, RequestUid, submit_uid, validate_uid
from heard.domain.money import Cents
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Status, Ticket
from heard.domain.pos import KitchenState, PosAnswer, PosError, PosStatus, PosTotals
from heard.domain.stores import Amounts
from heard.net.call import Answer
from heard.protocols.posnext import auth, encode
from heard.sandbox.pos import Mood, Pace
from heard.storage.rows import HistoryRow
from lengths import patience
from parties import QUICK, Town, a_town

IDLE = replace(QUICK, start_s=600.0)  # the kitchen of the town's own POS never begins
TOTALS = PosTotals(Cents(1149), Cents(0), Cents(0), Cents(0), Cents(0), Cents(1149))


def said(order_id: OrderId, **changes: Any) -> PosAnswer:
    values: dict[str, Any] = {
        "status": PosStatus.PLACED,
        "request_uid": submit_uid(order_id),
        "request_datetime": datetime.now(UTC).replace(microsecond=0),
        "organization_id": ORGANIZATION,
        "location_id": LOCATION,
        "online_order_id": order_id,
        "pos_order_id": PosOrderId("T000001"),
        "totals": TOTALS,
    }
    return PosAnswer(**{**values, **changes})


async def call_back(town: Town, answer: PosAnswer, **headers: str) -> Answer:
    """A callback signed as agreed, unless the test says otherwise."""
    raw = encode.encode_answer(answer, Amounts.MINOR)
    token = auth.make_token(SHARED_ID, ORGANIZATION, datetime.now(UTC), "cb-1")
    signed = {
        "authorization": f"Bearer {token}",
        "x_pch_digest": auth.sign_answer(answer, raw, town.pos.connection),
        **headers,
    }
    return await ask_json(town, f"/posnext/callbacks/{town.venue_id}", raw, **signed)


async def last_line(town: Town, order_id: OrderId) -> HistoryRow:
    return (await town.history(order_id))[-1]


async def a_confirmed_order(town: Town) -> OrderId:
    order_id = await town.send("A-1")
    await town.until(order_id, Status.CONFIRMED)
    return order_id


async def test_a_callback_that_proves_nothing_is_refused_and_not_told_why(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        before = await town.history(order_id)
        now, news = datetime.now(UTC), said(order_id, kitchen=KitchenState.READY)
        tokens = [
            auth.make_token("Other-Secret-1", ORGANIZATION, now, "j"),
            auth.make_token(SHARED_ID, ORGANIZATION, now - timedelta(hours=1), "j"),
            auth.make_token(SHARED_ID, "other-brand", now, "j"),
            "x.y.z",
        ]
        for token in tokens:
            problem_of(await call_back(town, news, authorization=f"Bearer {token}"), 401, "invalid_token")
        raw = encode.encode_answer(news, Amounts.MINOR)
        path = f"/posnext/callbacks/{town.venue_id}"
        problem_of(await ask_json(town, path, raw), 401, "invalid_token")
        other = auth.sign_answer(said(order_id, totals=None), raw, town.pos.connection)
        for wrong in ("", "0" * 64, other, "\u00e9"):
            problem_of(await call_back(town, news, x_pch_digest=wrong), 401, "invalid_digest")
        good = f"Bearer {auth.make_token(SHARED_ID, ORGANIZATION, now, 'j')}"
        problem_of(await ask_json(town, path, raw, authorization=good), 401, "invalid_digest")
        for venue in ("ven_1", "%00", "\u4e16".encode().hex(), "x" * 3000):
            answer = await ask_json(town, f"/posnext/callbacks/{venue}", raw, authorization=good)
            assert answer.status in (401, 404)
        assert await town.history(order_id) == before


async def test_a_callback_that_cannot_be_read_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        path = f"/posnext/callbacks/{town.venue_id}"
        good = f"Bearer {auth.make_token(SHARED_ID, ORGANIZATION, datetime.now(UTC), 'j')}"
        for raw in (b"", b"<html>", b"[" * 10_000, b'{"status": NaN}', b"\xff"):
            problem_of(await ask_json(town, path, raw, authorization=good), 400, "malformed_json")
        body = json.loads(encode.encode_answer(said(OrderId("ord_1")), Amounts.MINOR))
        for changes in ({"status": "done"}, {"status": None}, {"location_id": 1}, {"fulfillment_status": "eaten"}):
            raw = json.dumps({**body, **changes}).encode()
            problem_of(await ask_json(town, path, raw, authorization=good), 422, "invalid_body")
        answer = await ask(town, "POST", path, b"{}", authorization=good, content_type="text/xml")
        problem_of(answer, 415, "unsupported_media_type")
        assert await nothing_remains(town)


async def test_a_callback_about_what_the_store_does_not_have_is_refused(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        before = await town.history(order_id)
        other_brand = said(order_id, organization_id=OrganizationId("other"))
        problem_of(await call_back(town, other_brand), 403, "organization_mismatch")
        for unknown in (
            said(order_id, location_id=LocationId("LOC-2")),
            said(OrderId("ord_00000000000000000000000000")),
            said(order_id, request_uid=validate_uid(order_id)),
            said(order_id, request_uid=RequestUid("sub_")),
            said(order_id, request_uid=RequestUid("\u4e16")),
        ):
            problem_of(await call_back(town, unknown), 404, "unknown_order")
        assert await town.history(order_id) == before


async def test_a_repeated_callback_is_recorded_as_changing_nothing(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        news = said(order_id, kitchen=KitchenState.IN_PREPARATION)
        assert [(await call_back(town, news)).status for _ in range(3)] == [204, 204, 204]
        lines = [line for line in await town.history(order_id) if line.before in (Status.CONFIRMED, Status.IN_PREP)]
        assert [(line.step, line.changed) for line in lines] == [
            (Step.START, True),
            (Step.PLACE, False),
            (Step.PLACE, False),
        ]
        assert await town.told(order_id, "order.in_prep") == ["order.confirmed", "order.in_prep"]


async def test_a_callback_after_the_end_is_recorded_and_ignored(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        assert (await call_back(town, said(order_id, kitchen=KitchenState.COMPLETED))).status == 204
        ended = await town.order(order_id)
        assert ended.status is Status.COMPLETED
        for late in (
            said(order_id),
            said(order_id, kitchen=KitchenState.IN_PREPARATION),
            said(order_id, status=PosStatus.PENDING),
            said(order_id, status=PosStatus.REJECTED),
            said(order_id, status=PosStatus.ERRORED, errors=(PosError("x", "y"),)),
            said(order_id, status=PosStatus.CANCELLED),
            said(order_id, status=PosStatus.VALIDATED),
        ):
            assert (await call_back(town, late)).status == 204
            line = await last_line(town, order_id)
            assert (line.changed, line.after) == (False, Status.COMPLETED), late.status
            assert (await town.order(order_id)).status is Status.COMPLETED


async def test_a_ticket_that_errs_after_it_was_placed_stays_placed(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        erred = said(order_id, status=PosStatus.ERRORED, errors=(PosError("printer_down", "no paper"),))
        assert (await call_back(town, erred)).status == 204
        line, order = await last_line(town, order_id), await town.order(order_id)
        assert (line.step, line.changed, line.note) == (Step.ERROR, False, "no paper")
        assert (order.status, order.ticket) == (Status.CONFIRMED, Ticket.PLACED)


async def test_a_moved_estimate_is_told_on_and_the_same_one_again_is_not(dsn: str) -> None:
    async with a_town(dsn, pace=IDLE) as town:
        order_id = await a_confirmed_order(town)
        later = (datetime.now(UTC) + timedelta(minutes=40)).replace(microsecond=0)
        for _ in range(2):
            assert (await call_back(town, said(order_id, estimated_ready_at=later))).status == 204
        assert (await town.order(order_id)).ready_at == later
        assert await town.told(order_id, "order.eta_updated") == ["order.confirmed", "order.eta_updated"]
        assert (await last_line(town, order_id)).changed is False


async def test_a_callback_before_the_submits_own_answer_counts_and_the_answer_confirms_nothing_twice(dsn: str) -> None:
    pace = Pace(start_s=600.0, silence_s=1.0)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=pace) as town:
        order_id = await town.send("A-1")
        async with patience():
            while not town.tickets(order_id):
                await asyncio.sleep(0.02)
        assert (await call_back(town, said(order_id))).status == 204
        assert (await town.order(order_id)).status is Status.CONFIRMED
        sql = "SELECT count(*) FROM exchanges WHERE path = '/posnext/order/submit' AND status = 200"
        async with patience():
            while not await town.house.hub.pool.fetchval(sql):
                await asyncio.sleep(0.02)
        assert [line.step for line in await town.history(order_id)].count(Step.PLACE) == 1
        # The answer has an estimate that the callback did not: the channel hears of that, and of nothing else.
        assert await town.told(order_id, "order.eta_updated") == ["order.confirmed", "order.eta_updated"]
        assert town.tickets(order_id) == ["T000001"]
        assert (await town.order(order_id)).pos_order_id == "T000001"
