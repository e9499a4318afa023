"""Cancelling: who is told what, and how a ticket is taken back from the POS. Every road of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_moment, an_order
from heard import limits
from heard.domain.ids import PosOrderId
from heard.domain.order import commands as c
from heard.domain.order.decide import decide
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Order, Party, ReasonCode, Status, Ticket
from heard.domain.order.plan import Task, plan, task_at
from heard.domain.pos import KitchenState

PLACED = c.PlaceTicket(PosOrderId("T1"), None, NOW + timedelta(minutes=12))
LOST = c.FailAttempt("timed out", ticket_may_exist=True)
NO_ANSWER = c.FailAttempt("timed out", ticket_may_exist=False)
CANCEL = c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST, "changed my mind")
BY_STAFF = c.RequestCancel(c.STAFF, ReasonCode.STORE_CLOSED)


def follow(order: Order, *commands: c.Command, after_s: float = 1.0) -> Order:
    for command in commands:
        order = decide(order, command, a_moment(after_s)).order
    return order


def submitting() -> Order:
    return follow(an_order(), c.Dispatch(), c.PassValidation(), c.SendTicket())


def confirmed() -> Order:
    return follow(submitting(), PLACED)


def in_prep() -> Order:
    return follow(confirmed(), replace(PLACED, kitchen=KitchenState.IN_PREPARATION, asked=False))


def orphan() -> Order:
    """Rejected at its deadline, and then the ticket turned up."""
    return follow(follow(submitting(), LOST, c.PassDeadline(), after_s=661), PLACED, after_s=700)


@pytest.mark.parametrize("order", [confirmed(), in_prep()], ids=["confirmed", "in_prep"])
def test_a_cancel_of_a_placed_order_ends_it_at_once_and_asks_the_pos_to_take_the_ticket_back(order: Order) -> None:
    decision = decide(order, CANCEL, a_moment(60))
    cancelled = decision.order
    assert (cancelled.status, cancelled.ticket) == (Status.CANCELLED, Ticket.WITHDRAWING)
    assert [told.kind for told in decision.told] == [EventKind.CANCELLED]
    assert [due.task for due in plan(cancelled)] == [Task.GIVE_UP, Task.WITHDRAW]
    assert task_at(cancelled, NOW + timedelta(seconds=60)) is Task.WITHDRAW
    assert cancelled.attention is None
    assert cancelled.cancelled_by is Party.CHANNEL


@pytest.mark.parametrize("by", [c.CHANNEL, c.STAFF])
def test_the_event_knows_who_cancelled_even_when_it_was_only_wished(by: Party) -> None:
    wish = replace(CANCEL, by=by)
    assert decide(confirmed(), wish, a_moment(60)).told[0].order.cancelled_by is by
    decision = decide(follow(submitting(), LOST, wish), PLACED, a_moment(60))
    assert [told.order.cancelled_by for told in decision.told] == [by]
    assert decide(confirmed(), c.CancelTicket("at the till"), a_moment()).told[0].order.cancelled_by is Party.POS


def test_the_first_wish_counts() -> None:
    wanted = follow(submitting(), LOST, CANCEL, BY_STAFF)
    assert (wanted.cancelled_by, wanted.cancel_wanted) == (Party.CHANNEL, ReasonCode.CANCELLED_BY_GUEST)
    assert follow(confirmed(), CANCEL, BY_STAFF).cancelled_by is Party.CHANNEL


def test_a_wish_carried_out_when_the_ticket_turns_up_takes_it_back_and_is_told_once() -> None:
    decision = decide(follow(submitting(), LOST, CANCEL), PLACED, a_moment(60))
    assert (decision.order.status, decision.order.ticket) == (Status.CANCELLED, Ticket.WITHDRAWING)
    assert [told.kind for told in decision.told] == [EventKind.CANCELLED]


def test_an_orphan_is_taken_back_and_its_order_stays_as_it_was() -> None:
    order = orphan()
    assert (order.status, order.ticket, order.attention) == (Status.REJECTED, Ticket.WITHDRAWING, None)
    back = decide(order, c.CancelTicket("taken back"), a_moment(710))
    assert (back.order.status, back.order.ticket, back.order.attention) == (Status.REJECTED, Ticket.CANCELLED, None)
    assert back.told == ()
    assert plan(back.order) == ()


def test_an_orphan_of_an_order_that_failed_is_taken_back_too() -> None:
    failed = follow(submitting(), c.ErrorOrder(ReasonCode.OTHER, "printer"), replace(PLACED, asked=False))
    assert (failed.status, failed.ticket) == (Status.FAILED, Ticket.WITHDRAWING)


@pytest.mark.parametrize(
    ("order", "attention"),
    [(follow(confirmed(), CANCEL), Attention.CANCEL_AT_POS), (orphan(), Attention.ORPHAN_TICKET)],
    ids=["cancelled", "orphan"],
)
def test_only_what_the_pos_keeps_is_raised_to_staff(order: Order, attention: Attention) -> None:
    kept = decide(order, c.RefuseCancel("the food is made"), a_moment(800))
    assert (kept.order.ticket, kept.order.attention) == (Ticket.PLACED, attention)
    assert [line.step for line in kept.history] == [Step.KEEP]
    assert plan(kept.order) == ()
    assert kept.told == ()
    late = order.withdraw_until
    assert late is not None
    assert task_at(order, late) is Task.GIVE_UP
    assert follow(order, c.GiveUp(), after_s=2000).attention is attention


def test_a_pos_that_does_not_answer_is_asked_again_with_the_same_request() -> None:
    order = follow(confirmed(), CANCEL, after_s=60)
    again = follow(order, NO_ANSWER, NO_ANSWER, after_s=65)
    assert again.cancel_at == order.cancel_at == NOW + timedelta(seconds=60)
    assert again.withdraw_until == NOW + timedelta(seconds=60 + limits.WITHDRAW_FOR_S)
    assert (again.attempts, again.ticket) == (2, Ticket.WITHDRAWING)
    assert again.wait_until is not None
    assert again.wait_until > NOW + timedelta(seconds=65)
    assert plan(again)[1].task is Task.WITHDRAW


def test_a_202_to_the_cancel_is_read_until_the_pos_knows() -> None:
    pending = follow(confirmed(), CANCEL, c.DeferCancel(3.0), after_s=60)
    assert pending.ticket is Ticket.WITHDRAWAL_PENDING
    assert plan(pending)[1].task is Task.READ_WITHDRAWAL
    assert decide(pending, c.DeferCancel(), a_moment(64)).history == (), "a poll that brings nothing new is no step"
    assert follow(pending, NO_ANSWER).ticket is Ticket.WITHDRAWAL_PENDING
    assert follow(pending, c.CancelTicket("taken back")).ticket is Ticket.CANCELLED
    assert follow(pending, c.RefuseCancel("no")).attention is Attention.CANCEL_AT_POS


def test_a_ticket_still_there_after_a_202_is_asked_for_again() -> None:
    pending = follow(confirmed(), CANCEL, c.DeferCancel(), after_s=60)
    there = follow(pending, PLACED, after_s=64)
    assert (there.status, there.ticket) == (Status.CANCELLED, Ticket.WITHDRAWING)
    assert there.wait_until is not None
    assert there.wait_until > NOW + timedelta(seconds=64)


@pytest.mark.parametrize("late", [replace(PLACED, asked=False), PLACED, c.MissTicket(), c.DeferTicket(), CANCEL,
    c.RefuseOrder(ReasonCode.OTHER, "no"), replace(PLACED, kitchen=KitchenState.READY, asked=False)])  # fmt: skip
def test_what_comes_late_does_not_keep_the_ticket_from_being_taken_back(late: c.Command) -> None:
    order = follow(confirmed(), CANCEL)
    decision = decide(order, late, a_moment(61))
    assert decision.order == order
    assert [line.changed for line in decision.history] == [False]
    assert decision.told == ()


def test_what_the_till_took_off_by_hand_needs_nobodys_attention_any_more() -> None:
    kept = follow(confirmed(), CANCEL, c.RefuseCancel("not served"))
    done = follow(kept, c.CancelTicket("by the till"))
    assert (done.ticket, done.attention) == (Ticket.CANCELLED, None)
    assert [line.changed for line in decide(done, c.CancelTicket("again"), a_moment()).history] == [False]


def test_staff_may_have_the_pos_asked_once_more() -> None:
    order = follow(confirmed(), CANCEL, after_s=60)
    kept = follow(order, c.GiveUp(), after_s=661)
    again = follow(kept, c.Unpark(c.STAFF), after_s=900)
    assert (again.ticket, again.attention, again.cancel_at) == (Ticket.WITHDRAWING, None, order.cancel_at)
    assert task_at(again, NOW + timedelta(seconds=900)) is Task.WITHDRAW


def test_a_parked_order_that_is_cancelled_is_worked_on_again() -> None:
    cancelled = follow(confirmed(), c.Park("a fault of ours"), CANCEL)
    assert [due.task for due in plan(cancelled)] == [Task.GIVE_UP, Task.WITHDRAW]


def test_the_answer_to_a_cancel_that_nobody_asked_for_changes_nothing() -> None:
    for answer in (c.DeferCancel(), c.RefuseCancel("no")):
        decision = decide(confirmed(), answer, a_moment(60))
        assert decision.order == confirmed()
        assert [line.changed for line in decision.history] == [False]
