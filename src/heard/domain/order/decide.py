"""The one way an order changes: decide(order, command, moment) says what follows, and does nothing itself.

Each decision carries its history: the steps taken, and messages that came late or twice and changed nothing.
"""

from datetime import timedelta
from typing import Any, assert_never

from heard import limits
from heard.domain import retry
from heard.domain.order import by_hand, cancelling, paying
from heard.domain.order import commands as c
from heard.domain.order.course import Course, Decision, HistoryLine, Moment, Told
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import AT_POS, FINAL, IN_KITCHEN, Step, advance
from heard.domain.order.model import Attention, Order, ReasonCode, Status, Ticket, Validation
from heard.domain.order.plan import has_call
from heard.domain.payments import SETTLED
from heard.domain.pos import KitchenState
from heard.domain.stores import ConnectorKind

__all__ = ["Decision", "HistoryLine", "Moment", "Told", "decide", "receive"]


# What is known to be there, to be on its way out, or to be gone: a `placed` about it is no news.
_KNOWN_TICKETS = frozenset({Ticket.PLACED, Ticket.WITHDRAWING, Ticket.WITHDRAWAL_PENDING, Ticket.CANCELLED})


def receive(order: Order, moment: Moment, note: str | None = None) -> Decision:
    """A channel's order, new on disk. One for later becomes SCHEDULED; with any other, the POS or the staff is next.

    `note`: what there is to say of how it came.
    """
    course = Course(order, moment)
    course.history.append(HistoryLine(Step.RECEIVE, None, order.status, c.CHANNEL, changed=True, note=note))
    if order.release_at is not None and order.release_at > moment.now:
        course.take(Step.SCHEDULE, c.HUB, f"to be sent at {order.release_at.isoformat(timespec='seconds')}")
    elif moment.connector is ConnectorKind.MANUAL:
        course.take(Step.SHOW, c.HUB)
    else:
        _dispatch(course)
    return course.decision()


def decide(order: Order, command: c.Command, moment: Moment) -> Decision:
    """What follows from a command. Never raises for a command that comes late: that is recorded and changes nothing."""
    course = Course(order, moment)
    _follow(course, command)
    paying.drop_if_ended(course)
    return course.decision()


def _follow(course: Course, command: c.Command) -> None:
    match command:
        case c.RepeatOrder():
            course.late(Step.RECEIVE, c.CHANNEL, "the same order again")
        case c.Dispatch():
            _dispatch(course)
        case c.PassValidation():
            _pass_validation(course, command)
        case c.DeferValidation():
            _defer_validation(course, command)
        case c.SendTicket():
            _send(course)
        case c.DeferTicket():
            _defer(course, command)
        case c.PlaceTicket():
            _place(course, command)
        case c.RefuseOrder():
            _refuse(course, Step.REFUSE, command)
        case c.ErrorOrder():
            _refuse(course, Step.ERROR, command)
        case c.FailAttempt():
            _fail_attempt(course, command)
        case c.MissTicket():
            _miss(course)
        case c.CancelTicket():
            _cancelled_at_pos(course, command)
        case c.RequestCancel():
            cancelling.request(course, command)
        case c.DeferCancel():
            cancelling.defer(course, command)
        case c.RefuseCancel():
            cancelling.refuse(course, command)
        case c.PassDeadline():
            _expire(course)
        case c.HoldCall():
            _hold(course, command)
        case c.ReleaseCall():
            if course.order.held:
                course.touch(wait_until=course.moment.now)
        case c.GiveUp():
            _give_up(course)
        case c.Park():
            _park(course, command)
        case c.Unpark():
            _unpark(course, command)
        case (
            c.AcceptOrder()
            | c.RejectOrder()
            | c.StartOrder()
            | c.MoveEta()
            | c.FinishOrder()
            | c.CompleteOrder()
            | c.ResolveAttention()
        ):
            by_hand.act(course, command)
        case c.SendPayment() | c.PassPayment() | c.RefusePayment() | c.FailPayment():
            paying.follow(course, command)
        case _:
            assert_never(command)


def _dispatch(course: Course) -> None:
    if course.moment.connector is ConnectorKind.MANUAL:
        course.take(Step.SHOW, c.HUB)
        return
    skip = not course.moment.rules.validate_first
    course.take(
        Step.DISPATCH,
        c.HUB,
        validation=Validation.PASSED if skip else Validation.NOT_ASKED,
        validate_at=course.moment.now,
        attempts=0,
        wait_until=None,
    )


def _pass_validation(course: Course, command: c.PassValidation) -> None:
    note = None
    if command.pos_total is not None and command.pos_total != course.order.total:
        note = f"the POS computes a total of {command.pos_total} cents, the guest was shown {course.order.total}"
    course.take(
        Step.PASS_VALIDATION,
        c.POS,
        note,
        validation=Validation.PASSED,
        pos_total=command.pos_total,
        attempts=0,
        wait_until=None,
    )


def _defer_validation(course: Course, command: c.DeferValidation) -> None:
    waiting = course.next_poll(command.retry_after_s)
    if course.order.validation is Validation.PENDING and advance(course.order.status, Step.DEFER_VALIDATION):
        course.touch(**waiting)
    else:
        course.take(Step.DEFER_VALIDATION, c.POS, validation=Validation.PENDING, **waiting)


def _send(course: Course) -> None:
    order = course.order
    ready_to_go = order.validation is Validation.PASSED and order.ticket is Ticket.NOT_SENT
    if not ready_to_go or not paying.is_decided(order) or course.moment.now >= order.accept_by:
        course.late(Step.SEND, c.HUB)
        return
    course.take(Step.SEND, c.HUB, ticket=Ticket.SENT, submit_at=order.submit_at or course.moment.now, wait_until=None)


def _defer(course: Course, command: c.DeferTicket) -> None:
    order = course.order
    waiting = course.next_poll(command.retry_after_s)
    if order.ticket is Ticket.PENDING:
        course.touch(**waiting)
    elif order.status in FINAL and order.ticket is Ticket.SENT:
        course.touch(ticket=Ticket.PENDING, **waiting)
    else:
        course.take(Step.DEFER, c.POS, ticket=Ticket.PENDING, **waiting)
        if order.status in IN_KITCHEN:
            _look_again_later(course)


def _place(course: Course, command: c.PlaceTicket) -> None:
    order = course.order
    if order.status in AT_POS:
        _confirm(course, command)
        if order.cancel_wanted is not None:
            cancelling.carry_out(course, **cancelling.withdrawal(course))
            return
        course.tell(EventKind.CONFIRMED)
        _kitchen(course, command)
    elif order.ticket is Ticket.BY_HAND and advance(order.status, Step.TURN_UP) is not None:
        by_hand.turn_up(course, command)
        _kitchen(course, command)
    elif order.ticket is Ticket.CANCELLED:
        course.late(Step.PLACE, c.POS)
    elif order.ticket is Ticket.WITHDRAWAL_PENDING and command.asked:
        cancelling.still_there(course)
    elif advance(order.status, Step.ORPHAN) and order.ticket not in _KNOWN_TICKETS:
        course.take(
            Step.ORPHAN,
            c.POS,
            f"the POS has the ticket ({command.pos_order_id or 'no number'}) of an order that had ended",
            pos_order_id=command.pos_order_id,
            **cancelling.withdrawal(course),
        )
    elif not _kitchen(course, command):
        if command.asked and order.status in IN_KITCHEN:
            _look_again_later(course)
        else:
            course.late(Step.PLACE, c.POS)


def _confirm(course: Course, command: c.PlaceTicket) -> None:
    order, moment = course.order, course.moment
    difference = abs((command.pos_total if command.pos_total is not None else order.total) - order.total)
    differs = difference > moment.rules.total_tolerance
    course.take(
        Step.PLACE,
        c.POS,
        f"the POS charges {command.pos_total} cents, the guest paid {order.total}" if difference else None,
        ticket=Ticket.PLACED,
        pos_order_id=command.pos_order_id,
        pos_total=command.pos_total if command.pos_total is not None else order.pos_total,
        confirmed_at=moment.now,
        pos_ready_at=command.estimated_ready_at,
        ready_at=command.estimated_ready_at or moment.now + timedelta(minutes=moment.rules.prep_time_min),
        attention=Attention.TOTALS_DIFFER if differs else order.attention,
        attempts=0,
        wait_until=course.after_s(retry.follow_delay_s(0, moment.chance)),
    )


def _kitchen(course: Course, command: c.PlaceTicket) -> bool:
    """Follow what the kitchen says; False when that is nothing new."""
    steps = {
        None: None,
        KitchenState.IN_PREPARATION: (Step.START, EventKind.IN_PREP),
        KitchenState.READY: (Step.FINISH, EventKind.READY),
        KitchenState.COMPLETED: (Step.COMPLETE, EventKind.COMPLETED),
    }
    news = steps[command.kitchen]
    said = command.estimated_ready_at
    # What the POS repeats does not undo what staff said meanwhile; another estimate does.
    estimate = said if said is not None and said != course.order.pos_ready_at else course.order.ready_at
    if news is not None and advance(course.order.status, news[0]) is not None:
        ready_at = estimate if news[0] is Step.START else course.order.ready_at
        if news[0] is Step.FINISH:
            ready_at = course.moment.now
        wait = course.after_s(retry.follow_delay_s(0, course.moment.chance))
        pos_ready_at = said or course.order.pos_ready_at
        course.take(news[0], c.POS, ready_at=ready_at, pos_ready_at=pos_ready_at, attempts=0, wait_until=wait)
        course.tell(news[1])
        return True
    if estimate != course.order.ready_at and advance(course.order.status, Step.MOVE_ETA) is not None:
        course.take(Step.MOVE_ETA, c.POS, ready_at=estimate, pos_ready_at=estimate)
        course.tell(EventKind.ETA_UPDATED)
        return True
    return False


def _look_again_later(course: Course) -> None:
    delay = retry.follow_delay_s(course.order.attempts + 1, course.moment.chance)
    course.touch(attempts=course.order.attempts + 1, wait_until=course.after_s(delay))


def _refuse(course: Course, step: Step, command: c.RefuseOrder | c.ErrorOrder, ticket: Ticket | None = None) -> None:
    order = course.order
    ticket = ticket or (Ticket.REFUSED if order.ticket.is_open else order.ticket)
    if advance(order.status, step) is None:
        if order.ticket.is_open:
            course.take(Step.SETTLE, c.POS, command.reason, ticket=ticket, wait_until=None)
            return
        course.late(step, c.POS, command.reason)
        if order.status in IN_KITCHEN:
            _look_again_later(course)
    elif order.cancel_wanted is not None:
        cancelling.carry_out(course, ticket=ticket)
    else:
        course.take(
            step,
            c.POS,
            command.reason,
            ticket=ticket,
            reason_code=command.reason_code,
            reason=command.reason,
            wait_until=None,
        )
        course.tell(EventKind.REJECTED)


def _fail_attempt(course: Course, command: c.FailAttempt) -> None:
    order = course.order
    attempts = order.attempts + 1
    delay = retry.attempt_delay_s(attempts, course.moment.chance)
    waiting: dict[str, Any] = {
        "attempts": attempts,
        "wait_until": course.after_s(max(delay, command.retry_after_s or 0.0)),
    }
    if order.ticket is Ticket.SENT and advance(order.status, Step.LOSE) is not None:
        if command.ticket_may_exist:
            course.take(Step.LOSE, c.HUB, command.reason, **waiting)
        elif order.cancel_wanted is not None:
            cancelling.carry_out(course, ticket=Ticket.NOT_SENT)
        else:
            course.take(Step.FAIL_ATTEMPT, c.HUB, command.reason, ticket=Ticket.NOT_SENT, **waiting)
    elif order.status in IN_KITCHEN:
        follow = course.after_s(retry.follow_delay_s(attempts, course.moment.chance))
        course.take(Step.FAIL_ATTEMPT, c.HUB, command.reason, attempts=attempts, wait_until=follow)
    elif order.status in FINAL and not (order.ticket.is_open or order.ticket.is_leaving):
        course.late(Step.FAIL_ATTEMPT, c.HUB, command.reason)
    else:
        course.take(Step.FAIL_ATTEMPT, c.HUB, command.reason, **waiting)


def _miss(course: Course) -> None:
    order = course.order
    if order.validation is Validation.PENDING:
        note = "the POS has forgotten the validate"
        attempts = order.attempts + 1
        wait = course.after_s(retry.attempt_delay_s(attempts, course.moment.chance))
        again = Validation.NOT_ASKED
        course.take(Step.FAIL_ATTEMPT, c.POS, note, validation=again, attempts=attempts, wait_until=wait)
    elif advance(order.status, Step.MISS) is None:
        if order.ticket.is_open:
            course.take(Step.SETTLE, c.POS, "the POS has no ticket", ticket=Ticket.NOT_SENT, wait_until=None)
        elif order.status in IN_KITCHEN:
            _look_again_later(course)
        else:
            course.late(Step.MISS, c.POS)
    elif order.cancel_wanted is not None:
        cancelling.carry_out(course, ticket=Ticket.NOT_SENT)
    else:
        course.take(Step.MISS, c.POS, "the POS has no ticket", ticket=Ticket.NOT_SENT, wait_until=None)


def _cancelled_at_pos(course: Course, command: c.CancelTicket) -> None:
    order = course.order
    if order.status in AT_POS:
        # Kept as cancelled: a `placed` that was on its way before says nothing of a ticket that came back.
        _refuse(course, Step.REFUSE, c.RefuseOrder(ReasonCode.POS_REFUSED, command.reason), Ticket.CANCELLED)
    elif order.ticket in by_hand.IN_HAND and advance(order.status, Step.TAKE_OFF) is not None:
        by_hand.taken_off(course, command)
    elif advance(order.status, Step.CANCEL) is not None:
        cancelling.end(course, c.POS, ReasonCode.OTHER, command.reason, ticket=Ticket.CANCELLED)
    else:
        cancelling.taken_back(course, command)


def _expire(course: Course) -> None:
    order = course.order
    # A ticket still open is asked about after the order has ended: it may turn up as an orphan.
    wait = course.after_s(retry.attempt_delay_s(1, course.moment.chance)) if order.ticket.is_open else None
    if advance(order.status, Step.EXPIRE) is None:
        course.late(Step.EXPIRE, c.HUB)
    elif order.cancel_wanted is not None:
        cancelling.carry_out(course)
        course.touch(wait_until=wait, attempts=0)
    else:
        who = "store" if order.status is Status.AWAITING_STAFF else "POS"
        reason = f"the {who} did not take the order in time"
        if not paying.is_decided(order):  # it was never asked to
            reason = "it was not known in time whether the guest can pay"
        course.take(
            Step.EXPIRE,
            c.HUB,
            reason,
            reason_code=ReasonCode.NOT_ACCEPTED_IN_TIME,
            reason=reason,
            attempts=0,
            wait_until=wait,
        )
        course.tell(EventKind.REJECTED)


def _park(course: Course, command: c.Park) -> None:
    order = course.order
    if order.status is Status.COMPLETED and order.payment in SETTLED:
        course.late(Step.PARK, c.HUB, command.reason)
        return
    if order.cancel_wanted is not None and advance(order.status, Step.CANCEL) is not None:
        cancelling.carry_out(course)  # nobody works on it for now: the channel need not wait for that
    attention = order.attention or Attention.PARKED  # what a person was called for before is still to be seen to
    course.take(Step.PARK, c.HUB, command.reason, attention=attention, parked=True, **paying.slowed(course))


def _unpark(course: Course, command: c.Unpark) -> None:
    order = course.order
    if order.parked:
        settled = order.attention in (Attention.PARKED, Attention.OUTCOME_UNKNOWN)
        changes: dict[str, Any] = {"attention": None if settled else order.attention}
        if order.ticket.is_leaving:  # the time for that may be over: it begins anew
            changes["withdraw_until"] = course.after_s(limits.WITHDRAW_FOR_S)
        changes |= paying.taken_up(order)
        course.take(Step.UNPARK, command.by, parked=False, **changes, attempts=0, wait_until=None)
    elif order.attention is Attention.PAYMENT:
        paying.try_again(course, command)
    elif order.attention in cancelling.TICKET_KEPT:
        course.take(Step.WITHDRAW, command.by, "asked for again", **cancelling.withdrawal(course))
    else:
        course.late(Step.UNPARK, command.by)


def _hold(course: Course, command: c.HoldCall) -> None:
    """No line of history: nothing happens to the order, it only waits."""
    if has_call(course.order):
        until = max(command.until, course.order.wait_until or command.until)
        course.touch(wait_until=until, held=True)


def _give_up(course: Course) -> None:
    if course.order.ticket.is_leaving:
        cancelling.give_up(course)
        return
    note = "the POS never told what became of the ticket"
    course.take(Step.GIVE_UP, c.HUB, note, attention=Attention.OUTCOME_UNKNOWN, parked=True)
