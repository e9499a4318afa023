"""A request that comes again is answered as before, and its POS is not asked again: one ticket, whatever happens."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heard import limits
from heard.pos import KitchenState, Location, Placed, Rejected, Standing
from heard.pos.testing import an_item, an_order
from heard.protocols.posnext import auth, encode
from heard.protocols.posnext.operations import SUBMIT
from lengths import patience
from pos.kits import AsyncPos, ScriptedPos, a_kit
from pos.strangers import the_log

MAIN = Location("demo", "main")


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return str(tmp_path / "kit.sqlite") if request.param == "sqlite" else request.getfixturevalue("dsn")


@pytest.mark.parametrize("kind", [ScriptedPos, lambda: AsyncPos(ScriptedPos())])
async def test_a_repeated_submit_gets_the_same_bytes_and_no_second_ticket(where: str, kind: type) -> None:
    pos = kind()
    inner: ScriptedPos = getattr(pos, "_inner", pos)
    async with a_kit(pos, where) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        first, *others = [await hub.submit(order) for _ in range(4)]
        assert first.json["status"] == "placed"
        assert {(one.status, one.body) for one in others} == {(200, first.body)}
        assert (await hub.status(order.request_uid)).body == first.body
    assert (inner.calls["place"], len(inner.tickets)) == (1, 1)


async def test_a_hundred_submits_at_once_reach_the_pos_once(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where, answer_within_s=10.0) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        heard = await asyncio.gather(*(hub.submit(order) for _ in range(100)))
        assert {(one.status, one.body) for one in heard} == {(200, heard[0].body)}
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_hundred_submits_at_two_processes_reach_the_pos_once(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, one), a_kit(pos, where) as (_, other):
        order = an_order(an_item("BURGER", 999))
        heard = await asyncio.gather(*(hub.submit(order) for hub in (one, other) * 50))
        assert {one.status for one in heard} <= {200, 202}
        async with patience():
            while (await other.submit(order)).status == 202:
                await asyncio.sleep(0.02)
        final = {(await hub.submit(order)).body for hub in (one, other)}
        assert len(final) == 1
        assert {one.body for one in heard if one.status == 200} <= final
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_validate_is_asked_once_too_and_is_another_request_than_its_submit(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        validated = await asyncio.gather(*(hub.validate(order) for _ in range(20)))
        assert {(one.status, one.body) for one in validated} == {(200, validated[0].body)}
        placed = await hub.submit(order)
        assert (await hub.validate(order)).body == validated[0].body
        assert (placed.json["status"], validated[0].json["status"]) == ("placed", "validated")
        assert (await hub.status(order.request_uid)).body == placed.body
    assert (pos.calls["validate"], pos.calls["place"]) == (1, 1)


async def test_repeats_survive_a_restart(where: str) -> None:
    pos = ScriptedPos()
    order = an_order(an_item("BURGER", 999))
    refused = an_order(an_item("BURGER", 999))
    async with a_kit(pos, where) as (_, hub):
        validated, placed = await hub.validate(order), await hub.submit(order)
        pos.placing = Rejected("store_closed", "Closed")
        no = await hub.submit(refused)
    pos.placing = None
    async with a_kit(pos, where) as (_, hub):
        assert (await hub.validate(order)).body == validated.body
        assert (await hub.submit(order)).body == placed.body
        assert (await hub.submit(refused)).body == no.body
        assert no.json["status"] == "rejected"
    assert (pos.calls["validate"], pos.calls["place"], len(pos.tickets)) == (1, 2, 1)


async def test_the_same_uid_with_another_body_is_refused_in_sequence_and_at_the_same_time(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, one), a_kit(pos, where) as (_, two):
        order = an_order(an_item("BURGER", 999))
        other = replace(an_order(an_item("COLA", 250)), request_uid=order.request_uid)
        heard = await asyncio.gather(*(hub.submit(sent) for sent in (order, other) * 5 for hub in (one, two)))
        taken = [sent for sent, said in zip((order, order, other, other) * 5, heard, strict=True) if said.status < 300]
        refused = [said for said in heard if said.status >= 300]
        assert len(taken) == len(refused) == 10
        assert set(taken) in ({order}, {other})
        assert {(said.status, said.json["code"]) for said in refused} == {(409, "request_uid_reused")}
        loser = other if order in taken else order
        for hub in (one, two):
            again = await hub.submit(loser)
            assert (again.status, again.json["code"]) == (409, "request_uid_reused")
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)


async def test_a_repeat_with_other_spaces_is_another_body(where: str) -> None:
    async with a_kit(ScriptedPos(), where) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        assert (await hub.submit(order)).status == 200
        named = replace(order, organization_id=hub.organization_id, location_id=hub.location_id)  # type: ignore[arg-type]
        raw = encode.encode_order(named, hub.connection.amounts) + b" "
        digest = auth.sign_order(named, raw, hub.connection)
        again = await hub.call("POST", SUBMIT.path, raw, {auth.DIGEST_HEADER: digest})
        assert (again.status, again.json["code"]) == (409, "request_uid_reused")


# --- cancel -----------------------------------------------------------------------------------------------


async def test_a_cancel_that_comes_again_is_answered_as_before(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        await hub.submit(order)
        heard = await asyncio.gather(*(hub.cancel(order) for _ in range(20)))
        assert {(one.status, one.json["status"], one.body) for one in heard} == {(200, "cancelled", heard[0].body)}
        for later in (await hub.status(order.request_uid), await hub.submit(order)):
            assert later.json["status"] == "cancelled"
    async with a_kit(pos, where) as (_, hub):
        assert (await hub.cancel(order)).body == heard[0].body
        other = await hub.cancel(order, "store_closed")
        assert (other.status, other.json["code"]) == (409, "request_uid_reused")
    assert (pos.calls["cancel"], pos.calls["place"]) == (1, 1)


async def test_a_cancel_of_what_is_not_placed_changes_nothing(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where, answer_within_s=0.05) as (_, hub):
        order, unknown = an_order(an_item("BURGER", 999)), an_order(an_item("BURGER", 999))
        never = await hub.cancel(unknown)
        assert (never.status, never.json["code"]) == (404, "unknown_order")
        pos.held.clear()
        assert (await hub.submit(order)).status == 202
        early = await hub.cancel(order)
        assert (early.status, early.json["code"]) == (409, "illegal_transition")
        pos.held.set()
        async with patience():
            while (await hub.status(order.request_uid)).json["status"] == "pending":
                await asyncio.sleep(0.02)
        async with patience():
            while (taken_back := await hub.cancel(order)).status == 202:
                await asyncio.sleep(0.02)
        assert taken_back.json["status"] == "cancelled"
        pos.placing = Rejected("store_closed", "Closed")
        refused = an_order(an_item("BURGER", 999))
        await hub.submit(refused)
        late = await hub.cancel(refused)
        assert (late.status, late.json["code"]) == (409, "illegal_transition")


async def test_a_pos_that_cannot_take_back_has_no_such_call(tmp_path: Path) -> None:
    class NoCancel(ScriptedPos):
        cancel = None  # type: ignore[assignment]

    async with a_kit(NoCancel(), str(tmp_path / "kit.sqlite")) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        await hub.submit(order)
        heard = await hub.cancel(order)
        assert (heard.status, heard.json["code"]) == (404, "not_found")
        assert (await hub.status(order.request_uid)).json["status"] == "placed"


async def test_a_cancel_cut_short_by_a_crash_is_carried_out(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KIT_LEASE_S", 0.2)
    monkeypatch.setattr(limits, "KIT_LOOK_S", 0.05)
    pos = ScriptedPos()
    order = an_order(an_item("BURGER", 999))
    async with a_kit(pos, where, answer_within_s=0.05) as (_, hub):
        while (await hub.submit(order)).status == 202:
            await asyncio.sleep(0.05)
        pos.held_cancel.clear()
        assert (await hub.cancel(order)).status == 202
        monkeypatch.setattr(limits, "SHUTDOWN_S", 0.01)
    pos.held_cancel.set()
    async with a_kit(pos, where) as (_, hub):
        async with patience():
            while (await hub.cancel(order)).status == 202:
                await asyncio.sleep(0.05)
        assert (await hub.cancel(order)).json["status"] == "cancelled"
        assert (await hub.status(order.request_uid)).json["status"] == "cancelled"


# --- what changes an answer -------------------------------------------------------------------------------


async def test_only_news_changes_an_answer_and_cancelled_is_final(where: str) -> None:
    async with a_kit(ScriptedPos(), where) as (kit, hub):
        order = an_order(an_item("BURGER", 999))
        first = await hub.submit(order)
        number = first.json["order_details"]["pos_order_id"]
        assert await kit.report(MAIN, Standing(number))
        assert (await hub.submit(order)).body == first.body, "it was no news"
        assert await kit.report(MAIN, Standing(number, KitchenState.IN_PREPARATION))
        assert (await hub.submit(order)).json["fulfillment_status"] == "in_preparation"
        assert await kit.report(MAIN, Standing(number, cancelled=True))
        assert await kit.report(MAIN, Standing(number, KitchenState.READY))
        for last in (await hub.submit(order), await hub.status(order.request_uid)):
            assert last.json["status"] == "cancelled"
        assert not await kit.report(Location("demo", "other"), Standing(number))
        assert not await kit.report(MAIN, Standing("T-unknown"))


async def test_a_cancelled_ticket_that_a_read_saw_stays_cancelled_when_the_pos_is_silent(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        await hub.submit(order)
        pos.cancelled.add(order.request_uid)  # somebody did it at the till
        assert (await hub.status(order.request_uid)).json["status"] == "cancelled"
        pos.asking = TimeoutError("the till is off")
        assert (await hub.status(order.request_uid)).json["status"] == "cancelled"
        assert (await hub.submit(order)).json["status"] == "cancelled"


async def test_news_of_one_ticket_at_the_same_time_is_all_kept(where: str) -> None:
    at = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
    async with a_kit(ScriptedPos(), where) as (one, hub), a_kit(ScriptedPos(), where) as (two, _):
        order = an_order(an_item("BURGER", 999))
        number = (await hub.submit(order)).json["order_details"]["pos_order_id"]
        await asyncio.gather(
            *(kit.report(MAIN, Standing(number, KitchenState.READY)) for kit in (one, two) * 5),
            *(kit.report(MAIN, Standing(number, estimated_ready_at=at)) for kit in (one, two) * 5),
            *(kit.report(MAIN, Standing(number, cancelled=True)) for kit in (one, two) * 5),
        )
        last = (await hub.submit(order)).json
        assert (last["status"], last["fulfillment_status"]) == ("cancelled", "ready")
        assert last["estimated_ready_at"] == "2026-03-14T12:00:00.000Z"


async def test_a_kitchen_that_is_quicker_than_the_answer_is_heard(where: str) -> None:
    pos = ScriptedPos()
    pos.raises_after_placing = True  # the ticket is there, the answer is not
    async with a_kit(pos, where, answer_within_s=0.05) as (kit, hub):
        pos.asking = TimeoutError("not now")
        order = an_order(an_item("BURGER", 999))
        assert (await hub.submit(order)).status == 202
        async with patience():
            while not pos.calls["status"]:
                await asyncio.sleep(0.02)
        assert await kit.report(MAIN, Standing("T1", KitchenState.READY))
        pos.asking = None
        async with patience():
            while (heard := await hub.submit(order)).status == 202:
                await asyncio.sleep(0.05)
            while heard.json.get("fulfillment_status") != "ready":
                heard = await hub.submit(order)
        assert heard.json["order_details"]["pos_order_id"] == "T1"
        async with patience():  # nothing is under way any more, once the last call has gone
            while await kit.report(MAIN, Standing("T2")):
                await asyncio.sleep(0.02)
    assert pos.calls["place"] == 1


async def test_a_number_that_is_another_orders_uid_misleads_nobody(tmp_path: Path) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, str(tmp_path / "kit.sqlite")) as (_, hub):
        order = an_order(an_item("BURGER", 999))
        first = await hub.submit(order)
        pos.placing = Placed(order.request_uid)
        other = an_order(an_item("COLA", 250))
        await hub.submit(other)
        assert (await hub.status(order.request_uid)).body == first.body
        assert (await hub.cancel(order)).json["request_uid"] == order.request_uid
        assert (await hub.status(other.request_uid)).json["status"] == "placed"


async def test_every_decision_of_the_pos_is_logged_with_its_reason(where: str) -> None:
    pos = ScriptedPos()
    pos.validation = Rejected("item_unavailable", "Out of burgers", "$.order_details.menu_items[0]")
    with the_log() as entries:
        async with a_kit(pos, where) as (_, hub):
            order = an_order(an_item("BURGER", 999))
            await hub.validate(order)
            await hub.submit(order)
    decided = [entry for entry in entries if entry["event"] == "decided"]
    assert [(one["request_uid"], one["status"]) for one in decided] == [
        (order.request_uid, "rejected"),
        (order.request_uid, "placed"),
    ]
    assert decided[0]["why"] == [
        {"code": "item_unavailable", "message": "Out of burgers", "path": "$.order_details.menu_items[0]"}
    ]
