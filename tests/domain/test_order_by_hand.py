"""What staff may do to an order, in every status, and what follows; for stores with a POS and without one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from builders import NOW, a_moment, an_order
from heard.domain.ids import PosOrderId
from heard.domain.order import commands as c
from heard.domain.order.by_hand import Action, action_of, allowed_actions, allowed_to_channel
from heard.domain.order.decide import Decision, decide, receive
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import AT_POS, FINAL, IN_KITCHEN, Step
from heard.domain.order.model import Attention, Order, Party, ReasonCode, Status, Ticket
from heard.domain.order.plan import Task, next_at, plan, task_at
from heard.domain.pos import KitchenState
from heard.domain.stores import ConnectorKind
from lengths import examples

A, S = Action, Status
IN_20 = NOW + timedelta(minutes=20)
SENT = {"ticket": Ticket.SENT, "submit_at": NOW}
PLACED = c.PlaceTicket(PosOrderId("T1"), None, NOW + timedelta(minutes=12))
CANCEL = c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST, "changed my mind")
COMMANDS: tuple[c.StaffCommand, ...] = (
    c.AcceptOrder(20),
    c.RejectOrder(ReasonCode.ITEM_UNAVAILABLE, "out of buns"),
    c.StartOrder(),
    c.MoveEta(IN_20),
    c.FinishOrder(),
    c.CompleteOrder(),
    c.RequestCancel(c.STAFF, ReasonCode.OTHER),
    c.Unpark(c.STAFF),
    c.ResolveAttention("seen to"),
)

# What makes sense in each status for an order that nothing is wrong with, written a second time and by hand.
ALLOWED: dict[Status, set[Action]] = {
    S.RECEIVED: {A.REJECT, A.CANCEL},
    S.SCHEDULED: {A.REJECT, A.CANCEL},
    S.AWAITING_STAFF: {A.ACCEPT, A.REJECT, A.CANCEL},
    S.SUBMITTING: {A.CANCEL},
    S.UNKNOWN: {A.ACCEPT, A.REJECT, A.CANCEL},
    S.AWAITING_POS: {A.CANCEL},
    S.CONFIRMED: {A.START, A.ETA, A.READY, A.COMPLETE, A.CANCEL},
    S.IN_PREP: {A.ETA, A.READY, A.COMPLETE, A.CANCEL},
    S.READY: {A.COMPLETE},
    S.COMPLETED: set(),
    S.REJECTED: set(),
    S.FAILED: set(),
    S.CANCELLED: set(),
}


def at_hand(after_s: float = 0.0, **rules: Any) -> Any:
    """A moment of a store without a POS."""
    return replace(a_moment(after_s, **rules), connector=ConnectorKind.MANUAL)


def follow(order: Order, *commands: c.Command, after_s: float = 1.0) -> Order:
    for command in commands:
        order = decide(order, command, a_moment(after_s)).order
    return order


def waiting() -> Order:
    """An order of a store without a POS, before its staff."""
    return receive(an_order(), at_hand()).order


def lost() -> Order:
    """Submitted, and nobody knows what became of it."""
    timed_out = c.FailAttempt("timed out", ticket_may_exist=True)
    return follow(an_order(), c.Dispatch(), c.PassValidation(), c.SendTicket(), timed_out)


def told(decision: Decision) -> list[EventKind]:
    return [one.kind for one in decision.told]


@pytest.mark.parametrize("status", list(Status))
def test_what_staff_may_do_in_every_status_is_what_the_design_says(status: Status) -> None:
    assert set(allowed_actions(an_order(status=status), NOW)) == ALLOWED[status]


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("command", COMMANDS, ids=action_of)
def test_what_makes_no_sense_changes_nothing_and_is_recorded(command: c.StaffCommand, status: Status) -> None:
    order = an_order(status=status, confirmed_at=NOW)
    decision = decide(order, command, a_moment())
    if action_of(command) in ALLOWED[status]:
        assert decision.order != order
        assert [line.changed for line in decision.history] == [True]
        assert {line.by for line in decision.history} == {Party.STAFF}
    else:
        assert decision.order == order
        assert decision.told == ()
        assert [line.changed for line in decision.history] == [False]


@pytest.mark.parametrize("status", list(Status))
def test_a_channel_may_cancel_until_the_order_is_ready(status: Status) -> None:
    may = status in {S.RECEIVED, S.SCHEDULED, S.AWAITING_STAFF, *AT_POS, *IN_KITCHEN}
    assert allowed_to_channel(an_order(status=status)) == ((A.CANCEL,) if may else ())


def test_a_store_without_a_pos_has_its_staff_asked_and_nobody_else() -> None:
    order = waiting()
    assert order.status is S.AWAITING_STAFF
    assert [due.task for due in plan(order)] == [Task.EXPIRE]
    assert next_at(order) == order.accept_by


def test_an_order_for_later_is_shown_to_staff_when_it_is_released() -> None:
    later = an_order(release_at=NOW + timedelta(hours=2), accept_by=NOW + timedelta(hours=2, seconds=660))
    order = receive(later, at_hand()).order
    assert (order.status, task_at(order, NOW + timedelta(hours=1))) == (S.SCHEDULED, None)
    assert A.ACCEPT not in allowed_actions(order, NOW)
    assert task_at(order, NOW + timedelta(hours=2)) is Task.DISPATCH
    shown = decide(order, c.Dispatch(), at_hand(7200)).order
    assert shown.status is S.AWAITING_STAFF
    assert A.ACCEPT in allowed_actions(shown, NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("command", "ready_min"),
    [(c.AcceptOrder(20), 20), (c.AcceptOrder(0), 0), (c.AcceptOrder(), 15), (c.AcceptOrder(ready_at=IN_20), 20)],
)
def test_accepting_tells_the_channel_when_it_will_be_ready(command: c.AcceptOrder, ready_min: int) -> None:
    decision = decide(waiting(), command, at_hand(prep_time_min=15))
    assert (decision.order.status, decision.order.ticket) == (S.CONFIRMED, Ticket.BY_HAND)
    assert decision.order.ready_at == NOW + timedelta(minutes=ready_min)
    assert told(decision) == [EventKind.CONFIRMED]
    assert plan(decision.order) == ()


def test_an_order_for_later_is_promised_for_when_it_was_asked_for() -> None:
    order = replace(waiting(), requested_at=NOW + timedelta(minutes=45))
    assert follow(order, c.AcceptOrder()).ready_at == NOW + timedelta(minutes=45)
    assert follow(order, c.AcceptOrder(20), after_s=0).ready_at == IN_20


def test_nobody_accepts_after_the_deadline_whether_the_channel_was_told_yet_or_not() -> None:
    order = waiting()
    assert A.ACCEPT in allowed_actions(order, order.accept_by - timedelta(seconds=1))
    assert A.ACCEPT not in allowed_actions(order, order.accept_by)
    assert decide(order, c.AcceptOrder(), at_hand(660)).order == order
    expired = decide(order, c.PassDeadline(), at_hand(660))
    assert (expired.order.status, expired.order.reason_code) == (S.REJECTED, ReasonCode.NOT_ACCEPTED_IN_TIME)
    assert expired.order.reason == "the store did not take the order in time"
    assert told(expired) == [EventKind.REJECTED]


def test_rejecting_tells_the_channel_why() -> None:
    decision = decide(waiting(), c.RejectOrder(ReasonCode.ITEM_UNAVAILABLE, "out of buns"), at_hand())
    assert (decision.order.status, decision.order.reason_code) == (S.REJECTED, ReasonCode.ITEM_UNAVAILABLE)
    assert (decision.order.reason, told(decision)) == ("out of buns", [EventKind.REJECTED])


@pytest.mark.parametrize(
    ("changes", "decided_by_staff"),
    [
        ({"status": S.SUBMITTING}, False),
        ({"status": S.SUBMITTING, **SENT}, False),
        ({"status": S.AWAITING_POS, "ticket": Ticket.PENDING, "submit_at": NOW}, False),
        ({"status": S.SUBMITTING, "held": True}, True),
        ({"status": S.SUBMITTING, "parked": True}, True),
        ({"status": S.SUBMITTING, "parked": True, **SENT}, True),
        ({"status": S.AWAITING_POS, "parked": True, "ticket": Ticket.PENDING, "submit_at": NOW}, True),
        ({"status": S.UNKNOWN, **SENT}, True),
        ({"status": S.UNKNOWN, **SENT, "cancel_wanted": ReasonCode.OTHER}, False),
    ],
)
def test_staff_decide_in_place_of_a_pos_only_while_it_cannot(changes: dict[str, Any], decided_by_staff: bool) -> None:
    allowed = allowed_actions(an_order(**changes), NOW)
    assert (A.ACCEPT in allowed, A.REJECT in allowed) == (decided_by_staff, decided_by_staff)


def test_an_order_held_for_a_pos_that_is_gone_and_accepted_by_hand_is_never_submitted() -> None:
    held = an_order(status=S.SUBMITTING, held=True, wait_until=IN_20)
    order = follow(held, c.AcceptOrder())
    assert plan(order) == ()
    assert follow(order, c.SendTicket()).ticket is Ticket.BY_HAND


def test_a_parked_order_that_staff_decide_is_parked_no_more() -> None:
    parked = an_order(status=S.SUBMITTING, parked=True, attention=Attention.PARKED)
    for command in (c.AcceptOrder(), c.RejectOrder(ReasonCode.OTHER)):
        order = follow(parked, command)
        assert (order.parked, order.attention) == (False, None)


def test_a_ticket_that_turns_up_after_staff_accepted_is_a_second_one_and_they_are_told() -> None:
    order = follow(lost(), c.AcceptOrder())
    assert (order.status, order.ticket) == (S.CONFIRMED, Ticket.BY_HAND)
    assert [due.task for due in plan(order)] == [Task.FOLLOW]
    decision = decide(order, replace(PLACED, estimated_ready_at=None), a_moment(60))
    assert (decision.order.status, decision.order.ticket) == (S.CONFIRMED, Ticket.BOTH)
    assert decision.order.attention is Attention.SECOND_TICKET
    assert told(decision) == []
    seen = follow(decision.order, c.ResolveAttention("took one off"), PLACED, after_s=90)
    assert seen.attention is None


def test_taking_the_second_ticket_off_at_the_till_does_not_cancel_the_order() -> None:
    both = follow(lost(), c.AcceptOrder(), PLACED)
    decision = decide(both, c.CancelTicket("taken off"), a_moment(60))
    assert (decision.order.status, decision.order.attention) == (S.CONFIRMED, None)
    assert (told(decision), plan(decision.order)) == ([], ())
    for late in (c.CancelTicket("taken off"), PLACED, replace(PLACED, kitchen=KitchenState.READY)):
        assert follow(decision.order, late) == decision.order
    assert follow(decision.order, CANCEL).attention is Attention.TELL_KITCHEN


def test_the_kitchen_of_the_pos_is_followed_although_staff_accepted() -> None:
    order = follow(lost(), c.AcceptOrder(), replace(PLACED, kitchen=KitchenState.READY))
    assert order.status is S.READY


@pytest.mark.parametrize("command", [c.RejectOrder(ReasonCode.OTHER), CANCEL])
def test_a_ticket_that_turns_up_after_staff_had_it_rejected_or_it_was_cancelled_is_taken_back(
    command: c.Command,
) -> None:
    order = lost() if isinstance(command, c.RejectOrder) else follow(lost(), c.AcceptOrder())
    ended = follow(order, command)
    assert ended.status in FINAL
    assert [due.task for due in plan(ended)] == [Task.READ_TICKET]
    orphan = follow(ended, PLACED)
    assert (orphan.status, orphan.ticket) == (ended.status, Ticket.WITHDRAWING)
    assert orphan.attention is ended.attention
    assert follow(orphan, c.CancelTicket("taken back")).attention is ended.attention


@pytest.mark.parametrize("by", [Party.CHANNEL, Party.STAFF])
def test_a_cancel_after_staff_accepted_ends_the_order_and_the_kitchen_is_to_be_told(by: Party) -> None:
    decision = decide(follow(waiting(), c.AcceptOrder()), replace(CANCEL, by=by), at_hand(60))
    assert (decision.order.status, decision.order.cancelled_by) == (S.CANCELLED, by)
    assert (decision.order.ticket, told(decision)) == (Ticket.BY_HAND, [EventKind.CANCELLED])
    assert decision.order.attention is (None if by is Party.STAFF else Attention.TELL_KITCHEN)
    assert plan(decision.order) == ()


def test_a_cancel_before_staff_accepted_needs_nobody() -> None:
    order = follow(waiting(), CANCEL)
    assert (order.status, order.attention) == (S.CANCELLED, None)
    assert allowed_actions(order, NOW) == ()


def test_a_cancel_of_an_order_with_two_tickets_takes_one_back_and_has_the_kitchen_told_of_the_other() -> None:
    order = follow(lost(), c.AcceptOrder(), PLACED, CANCEL)
    assert (order.status, order.ticket, order.attention) == (S.CANCELLED, Ticket.WITHDRAWING, Attention.TELL_KITCHEN)


def test_the_note_of_a_wish_to_cancel_is_told_when_it_is_carried_out() -> None:
    wished = follow(lost(), CANCEL)
    assert (wished.status, wished.reason_code) == (S.UNKNOWN, None)
    assert follow(wished, PLACED).reason == "changed my mind"


def test_a_wish_is_carried_out_as_soon_as_it_is_sure_that_nothing_was_sent() -> None:
    submitting = follow(an_order(), c.Dispatch(), c.PassValidation(), c.SendTicket())
    decision = decide(follow(submitting, CANCEL), c.FailAttempt("no connection", ticket_may_exist=False), a_moment(2))
    assert (decision.order.status, decision.order.ticket) == (S.CANCELLED, Ticket.NOT_SENT)
    assert (told(decision), plan(decision.order)) == ([EventKind.CANCELLED], ())


def test_a_cancel_of_a_parked_order_waits_for_nobody_and_its_ticket_is_asked_about_on() -> None:
    parked = follow(lost(), c.Park("a fault of ours"))
    decision = decide(parked, CANCEL, a_moment(60))
    assert (decision.order.status, decision.order.parked, decision.order.attention) == (S.CANCELLED, False, None)
    assert [due.task for due in plan(decision.order)] == [Task.READ_TICKET]
    assert told(decision) == [EventKind.CANCELLED]


def test_a_wish_is_carried_out_before_its_order_is_parked() -> None:
    decision = decide(follow(lost(), CANCEL), c.Park("a fault of ours"), a_moment(60))
    assert (decision.order.status, decision.order.parked) == (S.CANCELLED, True)
    assert (decision.order.attention, told(decision)) == (Attention.PARKED, [EventKind.CANCELLED])


def test_parking_and_going_on_lose_nothing_that_a_person_was_called_for() -> None:
    kept = follow(follow(lost(), CANCEL), PLACED, c.RefuseCancel("the food is made"))
    assert kept.attention is Attention.CANCEL_AT_POS
    again = follow(kept, c.Park("a fault of ours"), c.Unpark(c.STAFF))
    assert (again.attention, again.parked) == (Attention.CANCEL_AT_POS, False)


def test_what_the_pos_repeats_does_not_undo_what_staff_said_but_another_estimate_does() -> None:
    confirmed = follow(an_order(), c.Dispatch(), c.PassValidation(), c.SendTicket(), PLACED)
    moved = decide(confirmed, c.MoveEta(IN_20), a_moment(60))
    assert (moved.order.ready_at, told(moved)) == (IN_20, [EventKind.ETA_UPDATED])
    assert follow(moved.order, PLACED, replace(PLACED, asked=False)).ready_at == IN_20
    assert follow(moved.order, replace(PLACED, kitchen=KitchenState.IN_PREPARATION)).ready_at == IN_20
    other = NOW + timedelta(minutes=31)
    assert follow(moved.order, replace(PLACED, estimated_ready_at=other)).ready_at == other


def test_the_same_eta_again_is_no_news() -> None:
    order = follow(waiting(), c.AcceptOrder(ready_at=IN_20))
    decision = decide(order, c.MoveEta(IN_20), at_hand())
    assert (decision.order, decision.told) == (order, ())


@pytest.mark.parametrize("answer", [c.RefuseOrder(ReasonCode.POS_REFUSED, "no"), c.DeferTicket(), c.MissTicket()])
@pytest.mark.parametrize("accepted", [False, True], ids=["by the POS", "by hand"])
def test_a_pos_that_takes_back_what_it_said_is_not_asked_at_once_again(answer: c.Command, accepted: bool) -> None:
    order = follow(lost(), c.AcceptOrder() if accepted else PLACED)
    due = next_at(order)
    assert due is not None
    after = decide(order, answer, replace(a_moment(), now=due)).order
    assert after.status is S.CONFIRMED
    assert (next_at(after) or due) > due


def test_staff_resolve_what_they_were_called_for() -> None:
    order = follow(waiting(), c.AcceptOrder(), CANCEL)
    assert allowed_actions(order, NOW) == (A.RESOLVE,)
    decision = decide(order, c.ResolveAttention("the kitchen knows"), at_hand())
    assert (decision.order.attention, decision.history[0].note) == (None, "the kitchen knows")
    assert (decision.history[0].step, told(decision)) == (Step.RESOLVE, [])


def test_an_outcome_that_never_came_is_asked_about_no_more_once_it_is_resolved() -> None:
    given_up = follow(follow(lost(), c.PassDeadline(), after_s=661), c.GiveUp(), after_s=90_000)
    assert (given_up.attention, given_up.parked) == (Attention.OUTCOME_UNKNOWN, True)
    resolved = follow(given_up, c.ResolveAttention("it is not in the POS"), after_s=90_001)
    assert (resolved.attention, resolved.parked, plan(resolved)) == (None, False, ())


def test_a_parked_order_on_its_way_is_not_put_out_of_sight_by_resolving_it() -> None:
    order = an_order(status=S.SUBMITTING, parked=True, attention=Attention.PARKED)
    assert A.RESOLVE not in allowed_actions(order, NOW)
    assert follow(order, c.ResolveAttention("seen to")) == order


@given(status=st.sampled_from(list(Status)), data=st.data())
@settings(max_examples=examples(300))
def test_whatever_is_allowed_changes_the_order_and_the_rest_does_not(status: Status, data: st.DataObject) -> None:
    ticket = data.draw(st.sampled_from(list(Ticket)))
    assume(not ticket.is_open or status in {*AT_POS, *FINAL})  # else it would have been decided
    parked = data.draw(st.booleans())
    may_be_wished = ticket.is_open and status in AT_POS and not parked
    order = an_order(
        status=status,
        ticket=ticket,
        attention=data.draw(st.none() | st.sampled_from(list(Attention))),
        parked=parked,
        held=data.draw(st.booleans()),
        cancel_wanted=data.draw(st.sampled_from([None, ReasonCode.OTHER])) if may_be_wished else None,
        cancelled_by=Party.CHANNEL,
        submit_at=data.draw(st.none() | st.just(NOW)),
    )
    command = data.draw(st.sampled_from(COMMANDS))
    decision = decide(order, command, a_moment())
    assert (decision.order != order) == (action_of(command) in allowed_actions(order, NOW))


class AManualStore(RuleBasedStateMachine):
    """An order of a store without a POS, whatever staff, channel and clock do: no call, one end, counted events."""

    @initialize(later=st.booleans())
    def begin(self, later: bool) -> None:
        release = NOW + timedelta(hours=1) if later else None
        first = an_order(release_at=release, accept_by=(release or NOW) + timedelta(seconds=660))
        decision = receive(first, at_hand())
        self.order, self.after_s, self.told = decision.order, 0.0, list(told(decision))

    @rule(command=st.sampled_from(COMMANDS))
    def staff_act(self, command: c.StaffCommand) -> None:
        self._hear(command)

    @rule(command=st.sampled_from([CANCEL, c.RepeatOrder()]))
    def the_channel_acts(self, command: c.Command) -> None:
        self._hear(command)

    @rule(after_s=st.sampled_from([1.0, 300.0, 700.0, 3600.0]))
    def time_passes(self, after_s: float) -> None:
        self.after_s += after_s
        house = {Task.DISPATCH: c.Dispatch(), Task.EXPIRE: c.PassDeadline()}
        while (task := task_at(self.order, NOW + timedelta(seconds=self.after_s))) is not None:
            self._hear(house[task])  # any other task would be a call, or about one

    def _hear(self, command: c.Command) -> None:
        before = self.order
        decision = decide(self.order, command, at_hand(self.after_s))
        assert decision.order.status is before.status or before.status not in FINAL
        assert [one.order.sequence for one in decision.told] == [before.sequence + 1] * len(decision.told)
        self.order = decision.order
        self.told += told(decision)

    @invariant()
    def it_is_in_nobodys_hands_but_the_staffs(self) -> None:
        if not hasattr(self, "order"):
            return
        assert self.order.ticket in (Ticket.NOT_SENT, Ticket.BY_HAND)
        assert {due.task for due in plan(self.order)} <= {Task.DISPATCH, Task.EXPIRE}
        assert self.order.sequence == len(self.told)
        ends = {EventKind.REJECTED, EventKind.CANCELLED, EventKind.COMPLETED}
        assert sum(kind in ends for kind in self.told) == (self.order.status in FINAL)
        assert self.told.count(EventKind.CONFIRMED) <= 1


TestAManualStore = AManualStore.TestCase
TestAManualStore.settings = settings(max_examples=examples(200), stateful_step_count=30, deadline=None)
