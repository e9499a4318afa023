"""An order and its payment: who waits for whom, what each end gives back, and when a person is called."""

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_moment, an_order
from heard import limits
from heard.domain.order import commands as c
from heard.domain.order.by_hand import Action, allowed_actions
from heard.domain.order.decide import Moment, decide, receive
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket
from heard.domain.order.plan import Task, next_at, plan, task_at
from heard.domain.payments import PaymentState, PaymentStep
from heard.domain.stores import ConnectorKind, StoreRules

P = PaymentState
S = PaymentStep
A_DAY = NOW + timedelta(days=1)


def after(order: Order, *commands: c.Command, after_s: float = 0.0) -> Order:
    for command in commands:
        order = decide(order, command, a_moment(after_s)).order
    return order


def a_paid_order(**changes: object) -> Order:
    return receive(an_order(payment=P.DUE, **changes), a_moment()).order


def authorized(**changes: object) -> Order:
    return after(a_paid_order(**changes), c.SendPayment(S.AUTHORIZE), c.PassPayment(S.GRANT, "ref-1"))


PLACED = (c.PassValidation(), c.SendTicket(), c.PlaceTicket(None))


def test_no_pos_hears_of_an_order_before_its_payment_is_authorized() -> None:
    order = a_paid_order()
    assert order.status is Status.SUBMITTING
    assert [due.task for due in plan(order)] == [Task.EXPIRE, Task.AUTHORIZE]
    order = after(order, c.SendPayment(S.AUTHORIZE))
    assert [due.task for due in plan(order)] == [Task.EXPIRE, Task.AUTHORIZE]
    assert after(order, c.PassValidation(), c.SendTicket()).ticket is Ticket.NOT_SENT
    order = after(order, c.PassPayment(S.GRANT, "ref-1"))
    assert (order.payment, order.payment_ref) == (P.AUTHORIZED, "ref-1")
    assert [due.task for due in plan(order)] == [Task.EXPIRE, Task.VALIDATE]


def test_a_confirmed_order_s_money_is_taken_and_each_step_says_the_amount() -> None:
    order = after(authorized(), *PLACED)
    assert order.status is Status.CONFIRMED
    assert task_at(order, NOW) is Task.CAPTURE
    decision = decide(order, c.SendPayment(S.CAPTURE), a_moment())
    taken = decide(decision.order, c.PassPayment(S.TAKE), a_moment())
    assert taken.order.payment is P.CAPTURED
    notes = [line.note for line in (*decision.history, *taken.history)]
    assert notes == ["the provider is asked to take 14.03 USD", "14.03 USD was taken"]
    assert {line.step for line in (*decision.history, *taken.history)} == {Step.PAY}
    assert Task.CAPTURE not in {due.task for due in plan(taken.order)}


def test_a_decline_rejects_the_order_with_the_provider_s_words() -> None:
    order = after(a_paid_order(), c.SendPayment(S.AUTHORIZE))
    decision = decide(order, c.RefusePayment(S.DECLINE, "insufficient funds"), a_moment())
    order = decision.order
    assert (order.status, order.payment, order.reason_code) == (Status.REJECTED, P.DECLINED, ReasonCode.OTHER)
    assert order.reason == "the payment was declined: insufficient funds"
    assert [told.kind for told in decision.told] == [EventKind.REJECTED]
    assert plan(order) == ()


def test_an_order_for_later_is_authorized_at_once_and_released_in_its_time() -> None:
    release = NOW + timedelta(hours=3)
    order = a_paid_order(release_at=release, requested_at=release, accept_by=release + timedelta(minutes=11))
    assert order.status is Status.SCHEDULED
    assert task_at(order, NOW) is Task.AUTHORIZE
    order = after(order, c.SendPayment(S.AUTHORIZE), c.PassPayment(S.GRANT, "r"))
    assert next_at(order) == release


def test_staff_cannot_accept_before_the_guest_has_paid() -> None:
    moment = Moment(NOW, 0.5, StoreRules(), ConnectorKind.MANUAL)
    order = receive(an_order(payment=P.DUE), moment).order
    assert order.status is Status.AWAITING_STAFF
    assert Action.ACCEPT not in allowed_actions(order, NOW)
    assert Action.REJECT in allowed_actions(order, NOW)
    order = after(order, c.SendPayment(S.AUTHORIZE), c.PassPayment(S.GRANT, "r"))
    assert Action.ACCEPT in allowed_actions(order, NOW)
    order = after(order, c.AcceptOrder(20))
    assert (order.status, task_at(order, NOW)) == (Status.CONFIRMED, Task.CAPTURE)


ENDS: dict[str, tuple[c.Command, ...]] = {
    "refused": (c.PassValidation(), c.SendTicket(), c.RefuseOrder(ReasonCode.POS_REFUSED, "no")),
    "errored": (c.PassValidation(), c.SendTicket(), c.ErrorOrder(ReasonCode.POS_UNREACHABLE, "no")),
    "expired": (c.PassDeadline(),),
    "cancelled": (c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST),),
    "rejected": (c.Park("a fault"), c.RejectOrder(ReasonCode.OTHER)),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_lets_go_of_what_was_authorized(end: str) -> None:
    order = after(authorized(), *ENDS[end])
    assert order.status in (Status.REJECTED, Status.FAILED, Status.CANCELLED)
    assert task_at(order, A_DAY) is Task.VOID
    order = after(order, c.SendPayment(S.VOID), c.PassPayment(S.RELEASE))
    assert order.payment is P.VOIDED
    assert plan(order) == ()


def test_a_cancel_after_the_capture_refunds_and_takes_the_ticket_back_first() -> None:
    order = after(authorized(), *PLACED, c.SendPayment(S.CAPTURE), c.PassPayment(S.TAKE))
    order = after(order, c.RequestCancel(c.STAFF, ReasonCode.OTHER))
    assert [due.task for due in plan(order)] == [Task.GIVE_UP, Task.WITHDRAW, Task.REFUND]
    order = after(order, c.SendPayment(S.REFUND), c.PassPayment(S.RETURN))
    assert order.payment is P.REFUNDED
    assert task_at(order, NOW) is Task.WITHDRAW


def test_an_order_that_ends_before_anything_was_asked_costs_no_call() -> None:
    order = after(a_paid_order(), c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST))
    assert order.payment is P.DROPPED
    assert plan(order) == ()


def test_an_order_whose_payment_is_open_at_its_deadline_does_not_blame_its_pos() -> None:
    for order in (a_paid_order(), after(a_paid_order(), c.SendPayment(S.AUTHORIZE))):
        expired = after(order, c.PassDeadline())
        assert (expired.status, expired.reason_code) == (Status.REJECTED, ReasonCode.NOT_ACCEPTED_IN_TIME)
        assert expired.reason == "it was not known in time whether the guest can pay"
    assert after(authorized(), c.PassDeadline()).reason == "the POS did not take the order in time"


def test_an_authorization_of_unknown_outcome_is_asked_about_before_it_is_voided() -> None:
    order = after(a_paid_order(), c.SendPayment(S.AUTHORIZE), c.FailPayment(S.AUTHORIZE, "timed out"))
    order = after(order, c.PassDeadline())
    assert (order.status, order.payment) == (Status.REJECTED, P.AUTHORIZING)
    assert task_at(order, A_DAY) is Task.AUTHORIZE
    assert after(order, c.SendPayment(S.VOID)).payment is P.AUTHORIZING
    order = after(order, c.PassPayment(S.GRANT, "late"))
    assert task_at(order, A_DAY) is Task.VOID


def test_a_capture_of_unknown_outcome_is_asked_about_before_a_refund() -> None:
    order = after(authorized(), *PLACED, c.SendPayment(S.CAPTURE), c.FailPayment(S.CAPTURE, "timed out"))
    order = after(order, c.RequestCancel(c.STAFF, ReasonCode.OTHER), c.CancelTicket("taken back"))
    assert task_at(order, A_DAY) is Task.CAPTURE
    assert task_at(after(order, c.PassPayment(S.TAKE)), A_DAY) is Task.REFUND


def test_giving_money_back_is_never_given_up_and_a_person_is_called_on_the_way() -> None:
    order = after(authorized(), c.PassDeadline(), c.SendPayment(S.VOID))
    for failure in range(1, 200):
        order = after(order, c.FailPayment(S.VOID, "no answer"))
        assert (order.attention is Attention.PAYMENT) == (failure >= limits.PAYMENT_FAILURES_MIN)
        assert order.payment_wait_until is not None
        assert timedelta() < order.payment_wait_until - NOW <= timedelta(seconds=limits.PAYMENT_RETRY_CAP_S)
        assert task_at(order, A_DAY) is Task.VOID
    order = after(order, c.PassPayment(S.RELEASE))
    assert (order.payment, order.attention, plan(order)) == (P.VOIDED, None, ())


def test_a_provider_that_asks_for_time_gets_it() -> None:
    order = after(a_paid_order(), c.SendPayment(S.AUTHORIZE), c.FailPayment(S.AUTHORIZE, "busy", 45.0))
    assert order.payment_wait_until == NOW + timedelta(seconds=45)


def test_a_refused_capture_calls_a_person_who_may_have_it_tried_again() -> None:
    order = after(authorized(), *PLACED, c.SendPayment(S.CAPTURE), c.RefusePayment(S.REFUSE_CAPTURE, "expired"))
    assert (order.payment, order.attention) == (P.UNCAPTURED, Attention.PAYMENT)
    assert Task.CAPTURE not in {due.task for due in plan(order)}
    assert Action.RETRY in allowed_actions(order, NOW)
    again = after(order, c.Unpark(c.STAFF))
    assert (again.attention, task_at(again, NOW)) == (None, Task.CAPTURE)
    ended = after(order, c.RequestCancel(c.STAFF, ReasonCode.OTHER))
    assert Task.VOID in {due.task for due in plan(ended)}
    assert ended.attention is Attention.PAYMENT


def test_a_parked_order_gives_money_back_all_the_same() -> None:
    order = after(authorized(), c.Park("a fault of ours"))
    assert plan(order) == ()
    order = after(order, c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST), c.Park("again"))
    assert [(due.task, due.at - NOW) for due in plan(order)] == [
        (Task.VOID, timedelta(seconds=limits.PAYMENT_PARKED_S))
    ]
    assert task_at(after(order, c.Unpark(c.STAFF)), NOW) is Task.VOID


def test_a_completed_order_is_parked_only_for_its_money() -> None:
    order = after(authorized(), *PLACED, c.CompleteOrder())
    assert after(order, c.Park("a fault of ours")).parked
    settled = replace(order, payment=P.NONE)
    assert not after(settled, c.Park("a fault of ours")).parked


def test_a_pos_that_is_gone_holds_no_payment_up() -> None:
    order = after(authorized(), *PLACED)
    held = after(order, c.HoldCall(NOW + timedelta(hours=1)), c.SendPayment(S.CAPTURE), c.PassPayment(S.TAKE))
    assert held.held
    assert held.payment is P.CAPTURED


def test_an_order_without_a_payment_knows_nothing_of_all_this() -> None:
    order = after(receive(an_order(), a_moment()).order, *PLACED)
    for step in S:
        for command in (c.SendPayment(step), c.PassPayment(step), c.FailPayment(step, "x")):
            decision = decide(order, command, a_moment())
            assert decision.order == order
            assert [line.changed for line in decision.history] == [False]
