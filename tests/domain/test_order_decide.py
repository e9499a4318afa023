"""What follows from each command: the roads of an order, the races of the design, and properties of any road."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_moment, an_order
from heard import limits
from heard.domain.ids import PosOrderId
from heard.domain.money import Cents
from heard.domain.order import commands as c
from heard.domain.order.decide import decide, receive
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import FINAL, Step
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket, Validation
from heard.domain.order.plan import Task, next_at, plan, task_at
from heard.domain.pos import KitchenState

PLACED = c.PlaceTicket(PosOrderId("T1"), Cents(1403), NOW + timedelta(minutes=12))


def follow(order: Order, *commands: c.Command, after_s: float = 1.0) -> Order:
    for command in commands:
        order = decide(order, command, a_moment(after_s)).order
    return order


def submitting() -> Order:
    return follow(an_order(), c.Dispatch(), c.PassValidation(), c.SendTicket())


def kinds(order: Order, command: c.Command, **moment: float) -> list[EventKind]:
    return [told.kind for told in decide(order, command, a_moment(**moment)).told]


def test_the_good_road_is_dispatched_validated_sent_and_placed() -> None:
    order = an_order()
    assert task_at(order, NOW) is Task.DISPATCH
    order = follow(order, c.Dispatch())
    assert (order.status, task_at(order, NOW)) == (Status.SUBMITTING, Task.VALIDATE)
    order = follow(order, c.PassValidation())
    assert task_at(order, NOW) is Task.SUBMIT
    order = follow(order, c.SendTicket())
    assert order.ticket is Ticket.SENT
    decision = decide(order, PLACED, a_moment(2))
    assert decision.order.status is Status.CONFIRMED
    assert decision.order.pos_order_id == "T1"
    assert [told.kind for told in decision.told] == [EventKind.CONFIRMED]


def test_a_store_may_skip_the_validate() -> None:
    order = decide(an_order(), c.Dispatch(), a_moment(validate_first=False)).order
    assert task_at(order, NOW) is Task.SUBMIT


def test_an_order_for_later_waits_for_its_release() -> None:
    release_at = NOW + timedelta(hours=2)
    decision = receive(an_order(release_at=release_at, accept_by=release_at + timedelta(minutes=11)), a_moment())
    assert decision.order.status is Status.SCHEDULED
    assert next_at(decision.order) == release_at
    assert task_at(decision.order, NOW) is None
    assert task_at(decision.order, release_at) is Task.DISPATCH


def test_a_refusal_by_the_pos_is_told_with_its_reason() -> None:
    decision = decide(submitting(), c.RefuseOrder(ReasonCode.ITEM_UNAVAILABLE, "no buns"), a_moment())
    assert decision.order.status is Status.REJECTED
    assert decision.order.ticket is Ticket.REFUSED
    assert (decision.order.reason_code, decision.order.reason) == (ReasonCode.ITEM_UNAVAILABLE, "no buns")
    assert [told.kind for told in decision.told] == [EventKind.REJECTED]


def test_a_submit_without_an_answer_leaves_the_outcome_unknown_and_is_asked_about_first() -> None:
    lost = follow(submitting(), c.FailAttempt("timed out", ticket_may_exist=True))
    assert lost.status is Status.UNKNOWN
    assert [due.task for due in plan(lost)] == [Task.EXPIRE, Task.READ_TICKET]


def test_only_a_404_lets_the_same_submit_go_out_again() -> None:
    lost = follow(submitting(), c.FailAttempt("timed out", ticket_may_exist=True))
    missing = follow(lost, c.MissTicket())
    assert (missing.status, missing.ticket) == (Status.SUBMITTING, Ticket.NOT_SENT)
    again = follow(missing, c.SendTicket(), after_s=30)
    assert again.submit_at == lost.submit_at, "the request keeps its request_datetime, and so its bytes"


def test_a_worker_that_died_with_the_submit_under_way_leaves_an_unknown_outcome() -> None:
    assert task_at(submitting(), NOW + timedelta(seconds=2)) is Task.LOSE


def test_a_submit_that_certainly_did_nothing_is_tried_again_without_asking() -> None:
    order = follow(submitting(), c.FailAttempt("busy", ticket_may_exist=False))
    assert (order.status, order.ticket) == (Status.SUBMITTING, Ticket.NOT_SENT)
    assert order.wait_until is not None


def test_a_202_is_polled_until_the_pos_knows() -> None:
    order = follow(submitting(), c.DeferTicket())
    assert order.status is Status.AWAITING_POS
    lines = decide(order, c.DeferTicket(), a_moment(5)).history
    assert lines == (), "a poll that brings nothing new is no step"
    assert follow(order, c.DeferTicket(), PLACED).status is Status.CONFIRMED


def test_a_validate_may_be_deferred_too_and_be_forgotten() -> None:
    order = follow(an_order(), c.Dispatch(), c.DeferValidation())
    assert plan(order)[1].task is Task.READ_VALIDATION
    assert plan(follow(order, c.MissTicket()))[1].task is Task.VALIDATE
    assert plan(follow(order, c.PassValidation()))[1].task is Task.SUBMIT


def test_the_kitchen_moves_the_order_on_and_the_channel_is_told() -> None:
    order = follow(submitting(), PLACED)
    told = []
    for state in KitchenState:
        decision = decide(order, replace(PLACED, kitchen=state, asked=False), a_moment(60))
        told += [one.kind for one in decision.told]
        order = decision.order
    assert told == [EventKind.IN_PREP, EventKind.READY, EventKind.COMPLETED]
    assert order.status is Status.COMPLETED


def test_a_callback_before_the_submits_own_answer_decides_and_the_answer_is_late() -> None:
    early = follow(submitting(), replace(PLACED, asked=False))
    assert early.status is Status.CONFIRMED
    late = decide(early, replace(PLACED, asked=False), a_moment(2))
    assert late.order.status is Status.CONFIRMED
    assert [line.changed for line in late.history] == [False]
    assert late.told == ()


def test_a_moved_estimate_is_told_once() -> None:
    order = follow(submitting(), PLACED)
    moved = replace(PLACED, estimated_ready_at=NOW + timedelta(minutes=30))
    assert kinds(order, moved) == [EventKind.ETA_UPDATED]
    assert kinds(follow(order, moved), moved) == []


def test_an_order_past_its_deadline_is_rejected_before_anything_else_is_done() -> None:
    order = an_order()
    assert task_at(order, order.accept_by) is Task.EXPIRE
    decision = decide(order, c.PassDeadline(), a_moment(660))
    assert decision.order.status is Status.REJECTED
    assert decision.order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
    assert next_at(decision.order) is None


def test_no_ticket_is_sent_after_the_deadline() -> None:
    order = follow(an_order(), c.Dispatch(), c.PassValidation())
    decision = decide(order, c.SendTicket(), a_moment(661))
    assert decision.order.ticket is Ticket.NOT_SENT
    assert [line.changed for line in decision.history] == [False]


@pytest.mark.parametrize("open_by", [c.FailAttempt("timed out", ticket_may_exist=True), c.DeferTicket()])
def test_after_the_deadline_the_pos_is_asked_until_it_knows(open_by: c.Command) -> None:
    expired = follow(submitting(), open_by, c.PassDeadline(), after_s=661)
    assert expired.status is Status.REJECTED
    assert expired.ticket.is_open
    assert [due.task for due in plan(expired)] == [Task.READ_TICKET]
    asked = follow(expired, *[open_by] * limits.SETTLE_CALLS_MIN)
    assert [due.task for due in plan(asked)] == [Task.GIVE_UP, Task.READ_TICKET]


@pytest.mark.parametrize("settled_by", [c.MissTicket(), c.RefuseOrder(ReasonCode.POS_REFUSED, "no")])
def test_no_ticket_after_the_deadline_settles_the_matter(settled_by: c.Command) -> None:
    expired = follow(submitting(), c.FailAttempt("?", ticket_may_exist=True), c.PassDeadline(), after_s=661)
    settled = follow(expired, settled_by)
    assert settled.status is Status.REJECTED
    assert not settled.ticket.is_open
    assert settled.attention is None
    assert plan(settled) == ()


NO_ANSWER = c.FailAttempt("timed out", ticket_may_exist=True)


def given_up() -> Order:
    """An order whose POS never told, a day after its deadline."""
    expired = follow(submitting(), NO_ANSWER, c.PassDeadline(), after_s=661)
    return follow(expired, *[NO_ANSWER] * limits.SETTLE_CALLS_MIN, c.GiveUp(), after_s=90_000)


def test_a_pos_that_never_tells_is_given_up_on_and_raised_to_staff() -> None:
    expired = follow(submitting(), NO_ANSWER, c.PassDeadline(), after_s=661)
    asked = follow(expired, *[NO_ANSWER] * limits.SETTLE_CALLS_MIN)
    end = expired.accept_by + timedelta(seconds=limits.SETTLE_FOR_S)
    assert task_at(asked, end - timedelta(seconds=1)) is Task.READ_TICKET
    assert task_at(asked, end) is Task.GIVE_UP
    assert given_up().attention is Attention.OUTCOME_UNKNOWN
    assert plan(given_up()) == ()


@pytest.mark.parametrize("no_news", [NO_ANSWER, c.DeferTicket()])
def test_an_outcome_that_a_person_asks_about_after_days_is_asked_about_before_it_is_given_up_again(
    no_news: c.Command,
) -> None:
    days = 5 * 86_400.0
    order = follow(given_up(), c.Unpark(c.STAFF), after_s=days)
    assert (order.parked, order.attention) == (False, None)
    for minutes in range(limits.SETTLE_CALLS_MIN):
        assert task_at(order, NOW + timedelta(days=5, minutes=minutes)) is Task.READ_TICKET
        order = follow(order, no_news, after_s=days + 60 * minutes)
    assert task_at(order, NOW + timedelta(days=5, minutes=minutes)) is Task.GIVE_UP
    assert follow(order, c.GiveUp(), after_s=days + 3600).attention is Attention.OUTCOME_UNKNOWN


def test_a_hub_that_was_away_for_days_asks_before_it_gives_up() -> None:
    expired = follow(submitting(), NO_ANSWER, c.PassDeadline(), after_s=661)
    assert task_at(expired, NOW + timedelta(days=5)) is Task.READ_TICKET


def test_a_ticket_that_was_parked_while_it_was_taken_back_is_taken_back_again_when_a_person_wants_it() -> None:
    leaving = follow(submitting(), NO_ANSWER, c.PassDeadline(), PLACED, after_s=661)
    parked = follow(leaving, c.Park("a fault of ours"), after_s=662)
    assert parked.ticket.is_leaving
    later = NOW + timedelta(days=2)
    again = follow(parked, c.Unpark(c.STAFF), after_s=2 * 86_400)
    assert task_at(again, later) is Task.WITHDRAW
    assert task_at(again, later + timedelta(seconds=limits.WITHDRAW_FOR_S)) is Task.GIVE_UP


CANCEL = c.RequestCancel(c.CHANNEL, ReasonCode.CANCELLED_BY_GUEST, "changed my mind")


@pytest.mark.parametrize("order", [an_order(), follow(an_order(), c.Dispatch())], ids=["received", "validating"])
def test_a_cancel_before_the_ticket_goes_out_is_done_at_once(order: Order) -> None:
    decision = decide(order, CANCEL, a_moment())
    assert decision.order.status is Status.CANCELLED
    assert [told.kind for told in decision.told] == [EventKind.CANCELLED]
    assert decide(decision.order, c.SendTicket(), a_moment()).order.ticket is Ticket.NOT_SENT


@pytest.mark.parametrize(
    "outcome",
    [PLACED, c.MissTicket(), c.RefuseOrder(ReasonCode.POS_REFUSED, "no"), c.ErrorOrder(ReasonCode.OTHER, "x"),
     c.PassDeadline()],
    ids=["placed", "missing", "refused", "errored", "deadline"],
)  # fmt: skip
def test_a_cancel_while_the_outcome_is_open_is_carried_out_when_it_is_known_and_told_once(outcome: c.Command) -> None:
    lost = follow(submitting(), c.FailAttempt("?", ticket_may_exist=True))
    wanted = decide(lost, CANCEL, a_moment())
    assert wanted.order.status is Status.UNKNOWN
    assert wanted.told == ()
    decision = decide(wanted.order, outcome, a_moment(700))
    assert decision.order.status is Status.CANCELLED
    assert [told.kind for told in decision.told] == [EventKind.CANCELLED]


def test_nothing_is_cancelled_when_it_is_ready() -> None:
    ready = follow(submitting(), replace(PLACED, kitchen=KitchenState.READY))
    decision = decide(ready, CANCEL, a_moment())
    assert decision.order.status is Status.READY
    assert [line.changed for line in decision.history] == [False]


def test_a_cancel_at_the_pos_before_it_confirmed_is_a_refusal() -> None:
    assert follow(submitting(), c.CancelTicket("by the till")).status is Status.REJECTED
    placed = follow(submitting(), PLACED)
    assert follow(placed, c.CancelTicket("by the till")).status is Status.CANCELLED


@pytest.mark.parametrize(("tolerance", "raised"), [(0, True), (96, True), (97, False)])
def test_another_total_at_the_pos_is_confirmed_and_raised_beyond_the_tolerance(tolerance: int, raised: bool) -> None:
    placed = replace(PLACED, pos_total=Cents(1500))
    order = decide(submitting(), placed, a_moment(total_tolerance=tolerance)).order
    assert order.status is Status.CONFIRMED
    assert (order.attention is Attention.TOTALS_DIFFER) is raised


def test_a_parked_order_rests_until_a_person_wakes_it() -> None:
    parked = follow(submitting(), c.Park("a fault of ours"))
    assert plan(parked) == ()
    assert parked.attention is Attention.PARKED
    woken = follow(parked, c.Unpark(c.STAFF))
    assert plan(woken) != ()
    assert [line.changed for line in decide(woken, c.Unpark(c.STAFF), a_moment()).history] == [False]


COMMANDS = st.sampled_from(
    [
        c.RepeatOrder(),
        c.Dispatch(),
        c.PassValidation(Cents(1403)),
        c.DeferValidation(),
        c.SendTicket(),
        c.DeferTicket(3.0),
        PLACED,
        *(replace(PLACED, kitchen=state, asked=False) for state in KitchenState),
        c.RefuseOrder(ReasonCode.POS_REFUSED, "no"),
        c.ErrorOrder(ReasonCode.POS_UNREACHABLE, "broken"),
        c.FailAttempt("no answer", ticket_may_exist=True),
        c.FailAttempt("busy", ticket_may_exist=False, retry_after_s=9.0),
        c.MissTicket(),
        c.CancelTicket("at the till"),
        c.DeferCancel(),
        c.RefuseCancel("the food is made"),
        CANCEL,
        c.PassDeadline(),
        c.GiveUp(),
        c.Park("fault"),
        c.Unpark(c.STAFF),
    ]
)


@given(st.lists(st.tuples(COMMANDS, st.floats(0, 300), st.floats(0, 0.999)), max_size=25))
def test_on_any_road_a_final_order_stays_final_and_the_channel_hears_one_end(
    road: list[tuple[c.Command, float, float]],
) -> None:
    order, told, at = an_order(), [], 0.0
    for command, pause, chance in road:
        at += pause
        decision = decide(order, command, a_moment(at, chance))
        assert decision.order.status is order.status or order.status not in FINAL
        assert decision.order.version >= order.version
        assert decision.order.sequence == order.sequence + len(decision.told)
        told += [one.kind for one in decision.told]
        order = decision.order
    ends = {EventKind.REJECTED, EventKind.CANCELLED, EventKind.COMPLETED}
    assert sum(kind in ends for kind in told) == (order.status in FINAL)
    assert told.count(EventKind.CONFIRMED) <= 1


@given(st.lists(st.tuples(COMMANDS, st.floats(0, 300), st.floats(0, 0.999)), max_size=25))
def test_on_any_road_an_order_that_is_not_settled_has_something_due(
    road: list[tuple[c.Command, float, float]],
) -> None:
    order, at = an_order(), 0.0
    for command, pause, chance in road:
        at += pause
        order = decide(order, command, a_moment(at, chance)).order
    settled = order.status in FINAL and not (order.ticket.is_open or order.ticket.is_leaving)
    resting = order.parked or order.status is Status.READY
    if not settled and not resting:
        assert next_at(order) is not None or order.status in (Status.CONFIRMED, Status.IN_PREP)


@given(st.lists(st.tuples(COMMANDS, st.floats(0, 300), st.floats(0, 0.999)), max_size=25))
def test_on_any_road_the_submit_goes_out_only_when_no_ticket_can_exist(
    road: list[tuple[c.Command, float, float]],
) -> None:
    order, at = an_order(), 0.0
    for command, pause, chance in road:
        at += pause
        decision = decide(order, command, a_moment(at, chance))
        for line in decision.history:
            if line.step is Step.SEND and line.changed:
                assert order.ticket is Ticket.NOT_SENT
                assert order.validation is Validation.PASSED
        order = decision.order
