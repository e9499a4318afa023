"""What follows from a wish to cancel, and how a ticket is taken back from the POS. Part of decide.py, by topic.

The channel hears of a cancelled order once, when its status becomes so. What then becomes of the ticket is between the
hub and the POS; only where the POS keeps it, or does not answer for too long, must a person take it off.
"""

from typing import Any

from heard import limits
from heard.domain.order import commands as c
from heard.domain.order.course import Course
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import Step, advance
from heard.domain.order.model import Attention, Order, Party, ReasonCode, Status, Ticket

TICKET_KEPT = frozenset({Attention.CANCEL_AT_POS, Attention.ORPHAN_TICKET})  # a ticket that the POS did not give back
_STAFFS_OWN = frozenset(
    {Attention.TELL_KITCHEN, Attention.SECOND_TICKET, Attention.PAYMENT}
)  # no answer of the POS settles these


def request(course: Course, command: c.RequestCancel) -> None:
    """A channel or the staff wants the order cancelled."""
    order = course.order
    if advance(order.status, Step.CANCEL) is None:
        course.late(Step.CANCEL, command.by, command.note)
    elif order.ticket.is_open and not order.parked:
        if order.cancel_wanted is None:
            wish = {"cancel_wanted": command.reason_code, "cancelled_by": command.by, "reason": command.note}
            course.take(Step.ASK_CANCEL, command.by, command.note, **wish)
        else:
            course.late(Step.ASK_CANCEL, command.by, command.note)
    else:
        # Nobody would carry out the wish about a parked order; what became of its ticket is asked about on.
        changes = {**taken_up(order), **_called_off(course, command.by)}
        end(course, command.by, command.reason_code, command.note, **changes)


def taken_up(order: Order) -> dict[str, Any]:
    """What to change when somebody brings a parked order on: for that it needs no attention any more."""
    wait = None if order.parked else order.payment_wait_until
    attention = None if order.attention is Attention.PARKED else order.attention
    return {"parked": False, "attention": attention, "payment_wait_until": wait}


def _called_off(course: Course, by: Party) -> dict[str, Any]:
    """What to change besides, where food may be on its way."""
    order = course.order
    if order.ticket is Ticket.PLACED:
        return withdrawal(course)
    tell = {} if by is Party.STAFF else {"attention": Attention.TELL_KITCHEN}
    match order.ticket:
        case Ticket.BY_HAND:
            # A submit that once went out may have made a ticket too: then that one is to be taken back.
            return {"ticket": Ticket.SENT if order.submit_at else order.ticket, **tell}
        case Ticket.BOTH:
            return {**withdrawal(course), **tell}
        case Ticket.CANCELLED:  # there, by hand of staff; the order went on without it
            return tell
        case _:
            return {}


def carry_out(course: Course, **changes: Any) -> None:
    """The outcome is known, or waited for no longer: the order ends as was wished."""
    order = course.order
    assert order.cancel_wanted is not None
    assert order.cancelled_by is not None
    end(course, order.cancelled_by, order.cancel_wanted, order.reason, **changes)


def end(course: Course, by: Party, reason_code: ReasonCode, note: str | None, **changes: Any) -> None:
    """The order is cancelled, and the channel is told."""
    ended = {"reason_code": reason_code, "reason": note, "cancelled_by": by, "wait_until": None}
    course.take(Step.CANCEL, by, note, **{**ended, **changes})
    course.tell(EventKind.CANCELLED)


def withdrawal(course: Course) -> dict[str, Any]:
    """What to change so that the POS is asked to take the ticket back. The request keeps the time of its first try."""
    return {
        "ticket": Ticket.WITHDRAWING,
        "cancel_at": course.order.cancel_at or course.moment.now,
        "withdraw_until": course.after_s(limits.WITHDRAW_FOR_S),
        "attempts": 0,
        "wait_until": None,
        "attention": course.order.attention if course.order.attention in _STAFFS_OWN else None,
        "parked": False,
    }


def defer(course: Course, command: c.DeferCancel) -> None:
    """The POS answered the cancel with 202: it is read until it knows."""
    ticket, waiting = course.order.ticket, course.next_poll(command.retry_after_s)
    if ticket is Ticket.WITHDRAWAL_PENDING:
        course.touch(**waiting)
    elif ticket is Ticket.WITHDRAWING:
        course.take(Step.DEFER_CANCEL, c.POS, ticket=Ticket.WITHDRAWAL_PENDING, **waiting)
    else:
        course.late(Step.DEFER_CANCEL, c.POS)


def still_there(course: Course) -> None:
    """The POS had answered 202 and now says `placed`: the same cancel goes out again, which it may."""
    course.touch(ticket=Ticket.WITHDRAWING, **course.next_poll(None))


def taken_back(course: Course, command: c.CancelTicket) -> None:
    """The ticket of an order that had ended is gone, whoever took it off."""
    order = course.order
    gone = (Ticket.CANCELLED, Ticket.REFUSED, Ticket.NOT_SENT)
    if advance(order.status, Step.SETTLE) is None or order.ticket in gone:
        course.late(Step.CANCEL, c.POS, command.reason)
        return
    attention = order.attention if order.parked or order.attention in _STAFFS_OWN else None
    course.take(Step.SETTLE, c.POS, command.reason, ticket=Ticket.CANCELLED, attention=attention, wait_until=None)


def refuse(course: Course, command: c.RefuseCancel) -> None:
    """The POS keeps the ticket, or cannot be asked: a person must take it off there."""
    if course.order.ticket.is_leaving:
        _by_hand(course, Step.KEEP, c.POS, command.reason)
    else:
        course.late(Step.KEEP, c.POS, command.reason)


def give_up(course: Course) -> None:
    """The POS was asked for as long as we ask."""
    _by_hand(course, Step.GIVE_UP, c.HUB, "the POS did not say in time that it takes the ticket back")


def _by_hand(course: Course, step: Step, by: Party, note: str) -> None:
    cancelled = course.order.status is Status.CANCELLED
    attention = Attention.CANCEL_AT_POS if cancelled else Attention.ORPHAN_TICKET
    course.take(step, by, note, ticket=Ticket.PLACED, attention=attention, wait_until=None)
