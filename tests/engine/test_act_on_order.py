"""Staff act on orders: what makes no sense is refused and leaves no trace, and of two at once the first counts."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest

from asking import read_event
from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order import commands as c
from heard.domain.order.by_hand import action_of, allowed_actions
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket
from heard.domain.refusals import Code, Refused
from heard.domain.stores import ConnectorKind, StoreRules
from heard.engine.act_on_order import act_on_order
from heard.engine.change_order import Changed, change_order
from heard.engine.watch_pos import pos_failed
from heard.sandbox.pos import Mood, Pace
from lengths import patience
from parties import Town, a_town

MANUAL = ConnectorKind.MANUAL
STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
REJECT = c.RejectOrder(ReasonCode.ITEM_UNAVAILABLE, "out of buns")
CANCEL = c.RequestCancel(c.STAFF, ReasonCode.STORE_CLOSED, "water in the kitchen")


async def act(town: Town, order_id: OrderId, command: c.StaffCommand, version: int | None = None) -> Order:
    return (await act_on_order(town.house.hub, order_id, command, version=version)).order


async def refused(doing: Awaitable[object], code: Code = Code.ILLEGAL_TRANSITION) -> Refused:
    with pytest.raises(Refused) as caught:
        await doing
    assert caught.value.code is code, caught.value
    return caught.value


async def in_ten(town: Town) -> c.MoveEta:
    return c.MoveEta(await town.house.hub.now() + timedelta(minutes=10))


@pytest.mark.parametrize("status", list(Status))
async def test_every_step_that_is_not_allowed_is_refused_with_the_state_and_what_is(dsn: str, status: Status) -> None:
    async with a_town(dsn, connector=MANUAL, worker=False) as town:
        order_id = await town.send("A-1")
        await town.house.hub.pool.execute("UPDATE orders SET status = $1, confirmed_at = received_at", status)
        before, history = await town.order(order_id), await town.history(order_id)
        allowed = allowed_actions(before, await town.house.hub.now())
        retry, seen = c.Unpark(c.STAFF), c.ResolveAttention("seen to")
        eta = await in_ten(town)
        commands = (
            c.AcceptOrder(),
            REJECT,
            c.StartOrder(),
            eta,
            c.FinishOrder(),
            c.CompleteOrder(),
            CANCEL,
            retry,
            seen,
        )
        for command in commands:
            repeats = command is CANCEL and status is Status.CANCELLED
            if action_of(command) in allowed or repeats:
                continue
            no = await refused(act(town, order_id, command))
            assert (no.current, no.allowed) == (status, allowed)
            assert f"is {status}" in no.detail
            assert f"Allowed now: {', '.join(allowed) or 'nothing'}." in no.detail
        assert await town.order(order_id) == before
        assert await town.history(order_id) == history


async def test_staff_bring_an_order_to_its_end_and_the_marketplace_hears_every_state_in_order(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL) as town:
        order_id = await town.send("A-1")
        for command in (c.AcceptOrder(20), c.StartOrder(), await in_ten(town), c.FinishOrder(), c.CompleteOrder()):
            await act(town, order_id, command)
        heard = await town.told(order_id, "order.completed")
        assert heard == [f"order.{kind}" for kind in ("confirmed", "in_prep", "eta_updated", "ready", "completed")]
        rows = town.marketplace.ledger.rows("SELECT body FROM told ORDER BY sequence")
        events = [read_event(row["body"]) for row in rows]
        assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
        assert [event.status for event in events] == ["CONFIRMED", "IN_PREP", "IN_PREP", "READY", "COMPLETED"]
        order = await town.order(order_id)
        assert events[0].prep_time_min == 20
        assert order.confirmed_at is not None
        assert all(event.ready_at is not None for event in events[:4])
        assert (events[0].ready_at or order.confirmed_at) - order.confirmed_at <= timedelta(minutes=20)
        assert [row.by for row in await town.history(order_id)][2:] == ["staff"] * 5


async def test_a_pos_brings_an_order_to_its_end_and_the_marketplace_hears_the_same(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        heard = await town.told(order_id, "order.completed")
        assert [kind for kind in heard if kind != "order.eta_updated"] == [
            f"order.{kind}" for kind in ("confirmed", "in_prep", "ready", "completed")
        ]
        rows = town.marketplace.ledger.rows("SELECT body FROM told ORDER BY sequence")
        assert [read_event(row["body"]).sequence for row in rows] == list(range(1, len(heard) + 1))


async def test_staff_speak_for_a_kitchen_that_its_pos_says_nothing_of(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.CONFIRMED)
        no = await refused(act(town, order_id, c.AcceptOrder()))
        assert (no.current, no.allowed) == ("confirmed", ("start", "eta", "ready", "complete", "cancel"))
        for command in (c.StartOrder(), await in_ten(town), c.FinishOrder(), c.CompleteOrder()):
            await act(town, order_id, command)
        heard = await town.told(order_id, "order.completed")
        assert heard == [f"order.{kind}" for kind in ("confirmed", "in_prep", "eta_updated", "ready", "completed")]
        assert len(town.tickets(order_id)) == 1


async def test_accepting_and_rejecting_is_the_poses_while_it_decides(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.SLOW, pace=replace(STILL, slow_s=2.0), callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.AWAITING_POS)
        for command in (c.AcceptOrder(), REJECT):
            no = await refused(act(town, order_id, command))
            assert (no.current, no.allowed) == ("awaiting_pos", ("cancel",))
            assert "its POS decides" in no.detail
        await town.until(order_id, Status.CONFIRMED)


async def test_an_order_held_for_a_pos_that_is_gone_may_be_typed_in_by_hand_and_is_never_sent(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        await town.pos_dies()
        hub, sent = town.house.hub, [await town.send(f"A-{n}") for n in range(2)]
        store = await hub.store(town.venue_id)
        assert store is not None
        for number in range(limits.BREAKER_FAILURES):
            await pos_failed(hub, store, sent[number % 2], "no connection")
            await asyncio.sleep(limits.BREAKER_ROW_S / 4)
        async with patience():
            while not all([(await town.order(order_id)).held for order_id in sent]):
                await asyncio.sleep(0.02)
        accepted = await act(town, sent[0], c.AcceptOrder(20))
        assert (accepted.status, accepted.ticket) == (Status.CONFIRMED, Ticket.BY_HAND)
        rejected = await act(town, sent[1], REJECT)
        assert (rejected.status, rejected.reason_code) == (Status.REJECTED, ReasonCode.ITEM_UNAVAILABLE)
        town.pos_returns()
        await town.told(sent[0], "order.confirmed")
        await town.told_of_store("store.paused", "store.resumed")
        assert [town.tickets(order_id) for order_id in sent] == [[], []]
        assert (await act(town, sent[0], c.FinishOrder())).status is Status.READY


async def test_a_ticket_that_the_pos_had_after_all_is_told_to_those_who_typed_it_in(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    monkeypatch.setattr("heard.limits.FOLLOW_FIRST_S", 0.2)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.UNKNOWN)
        assert (await act(town, order_id, c.AcceptOrder())).ticket is Ticket.BY_HAND
        async with patience():
            while (order := await town.order(order_id)).attention is not Attention.SECOND_TICKET:
                await asyncio.sleep(0.02)
        assert (order.status, order.ticket) == (Status.CONFIRMED, Ticket.BOTH)
        assert [order.pos_order_id] == town.tickets(order_id)
        assert (await act(town, order_id, c.ResolveAttention("typed nothing in"))).attention is None


async def test_an_unknown_outcome_that_staff_reject_is_taken_back_when_it_turns_up(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 1.0)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.UNKNOWN)
        assert (await act(town, order_id, REJECT)).status is Status.REJECTED
        async with patience():
            while (order := await town.order(order_id)).ticket is not Ticket.CANCELLED:
                await asyncio.sleep(0.02)
        assert (order.status, order.attention) == (Status.REJECTED, None)
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]


async def test_of_two_staff_who_act_at_once_on_what_they_saw_the_second_is_told_how_it_stands(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL) as town:
        order_id = await town.send("A-1")
        seen = (await town.order(order_id)).version
        both = await asyncio.gather(
            act(town, order_id, c.AcceptOrder(20), seen), act(town, order_id, REJECT, seen), return_exceptions=True
        )
        [done] = [one for one in both if isinstance(one, Order)]
        [no] = [one for one in both if isinstance(one, Refused)]
        assert (no.code, no.current) == (Code.ORDER_CONFLICT, done.status)
        assert no.allowed == allowed_actions(done, await town.house.hub.now())
        end = "order.confirmed" if done.status is Status.CONFIRMED else "order.rejected"
        assert await town.told(order_id, end) == [end]
        assert await town.order(order_id) == done


async def test_looking_at_the_pos_again_makes_nobodys_view_of_an_order_old(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        seen, store = await town.order(order_id), await town.house.hub.store(town.venue_id)
        assert store is not None
        hold = c.HoldCall(seen.received_at + timedelta(seconds=20))
        held = await change_order(town.house.hub, store, order_id, [hold])
        assert held.order.held
        released = await change_order(town.house.hub, store, order_id, [c.ReleaseCall()])
        assert (await act(town, order_id, CANCEL, released.order.version)).status is Status.CANCELLED
        assert released.order.version == held.order.version == seen.version


async def test_the_deadline_races_an_accept_and_the_marketplace_hears_one_of_them(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, rules=StoreRules(accept_within_s=1)) as town:
        sent = await asyncio.gather(*(town.send(f"A-{n}") for n in range(8)))

        async def late(order_id: OrderId, after_s: float) -> Order | Refused:
            await asyncio.sleep(after_s)
            try:
                return await act(town, order_id, c.AcceptOrder())
            except Refused as no:
                return no

        outcomes = await asyncio.gather(*(late(order_id, 0.7 + n * 0.07) for n, order_id in enumerate(sent)))
        for order_id, outcome in zip(sent, outcomes, strict=True):
            accepted = isinstance(outcome, Order)
            end = "order.confirmed" if accepted else "order.rejected"
            order = await town.until(order_id, Status.CONFIRMED if accepted else Status.REJECTED)
            assert await town.told(order_id, end) == [end]
            assert order.confirmed_at is None or order.confirmed_at < order.accept_by
            if isinstance(outcome, Refused):
                assert outcome.code is Code.ILLEGAL_TRANSITION
                assert order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME


async def test_nobody_confirms_what_was_rejected(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL) as town:
        order_id = await town.send("A-1")
        await act(town, order_id, REJECT)
        no = await refused(act(town, order_id, c.AcceptOrder()))
        assert (no.current, no.allowed) == ("rejected", ())
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]


async def test_what_is_asked_with_wrong_values_is_refused_by_the_name_of_the_field(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, worker=False) as town:
        order_id, now = await town.send("A-1"), await town.house.hub.now()
        before, day = await town.order(order_id), timedelta(minutes=limits.PREP_TIME_MIN_MAX)
        wrong = [
            (c.AcceptOrder(-1), "$.prep_time_min"),
            (c.AcceptOrder(limits.PREP_TIME_MIN_MAX + 1), "$.prep_time_min"),
            (c.AcceptOrder(5, now + timedelta(minutes=5)), "$.ready_at"),
            (c.AcceptOrder(ready_at=now - timedelta(minutes=5)), "$.ready_at"),
            (c.AcceptOrder(ready_at=now + 2 * day), "$.ready_at"),
            (c.RejectOrder(ReasonCode.OTHER, "x" * (limits.REASON_MAX + 1)), "$.note"),
            (c.MoveEta(now), "$.ready_at"),
        ]
        for command, path in wrong:
            no = await refused(act(town, order_id, command), Code.INVALID_BODY)
            assert [error.path for error in no.errors] == [path]
        assert await town.order(order_id) == before


async def test_an_order_of_another_organization_is_unknown(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL, worker=False) as town:
        order_id, hub = await town.send("A-1"), town.house.hub

        def accepting(whose: OrganizationId, which: OrderId = order_id) -> Awaitable[Changed]:
            return act_on_order(hub, which, c.AcceptOrder(), organization_id=whose)

        await refused(accepting(OrganizationId("other")), Code.UNKNOWN_ORDER)
        await refused(accepting(ORGANIZATION, OrderId("ord_none")), Code.UNKNOWN_ORDER)
        assert (await accepting(ORGANIZATION)).order.status is Status.CONFIRMED
