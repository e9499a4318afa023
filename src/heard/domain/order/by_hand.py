"""What staff do to an order with their own hands, and when it makes sense. Part of decide.py, by topic.

Staff decide about an order where the store has no POS, and where its POS cannot: it is gone, it does not say what
became of the ticket, or we failed to ask it. In the kitchen they may always say how far the food is.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never

from heard.domain import retry
from heard.domain.order import cancelling, paying
from heard.domain.order import commands as c
from heard.domain.order.course import Course
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import AT_POS, FINAL, Step, advance
from heard.domain.order.model import Attention, Order, Status, Ticket


class Action(StrEnum):
    """What a person may ask of an order, in the words of `heard orders`."""

    ACCEPT = "accept"
    REJECT = "reject"
    START = "start"
    ETA = "eta"
    READY = "ready"
    COMPLETE = "complete"
    CANCEL = "cancel"
    RETRY = "retry"
    RESOLVE = "resolve"


_STEPS: Mapping[Action, Step] = MappingProxyType(
    {
        Action.ACCEPT: Step.ACCEPT,
        Action.REJECT: Step.REJECT,
        Action.START: Step.START,
        Action.ETA: Step.MOVE_ETA,
        Action.READY: Step.FINISH,
        Action.COMPLETE: Step.COMPLETE,
        Action.CANCEL: Step.CANCEL,
        Action.RETRY: Step.UNPARK,
        Action.RESOLVE: Step.RESOLVE,
    }
)


def action_of(command: c.StaffCommand) -> Action:
    """What a command asks for."""
    match command:
        case c.AcceptOrder():
            return Action.ACCEPT
        case c.RejectOrder():
            return Action.REJECT
        case c.StartOrder():
            return Action.START
        case c.MoveEta():
            return Action.ETA
        case c.FinishOrder():
            return Action.READY
        case c.CompleteOrder():
            return Action.COMPLETE
        case c.RequestCancel():
            return Action.CANCEL
        case c.Unpark():
            return Action.RETRY
        case c.ResolveAttention():
            return Action.RESOLVE
        case _:
            assert_never(command)


def allowed_actions(order: Order, now: datetime) -> tuple[Action, ...]:
    """What staff may ask of an order as it stands now; nothing else makes sense."""
    return tuple(action for action, step in _STEPS.items() if advance(order.status, step) and _fits(action, order, now))


def allowed_to_channel(order: Order) -> tuple[Action, ...]:
    """What its channel may ask of an order."""
    return (Action.CANCEL,) if advance(order.status, Step.CANCEL) is not None else ()


def act(course: Course, command: c.ByHand) -> None:
    """What follows from what staff do. What makes no sense is recorded as late."""
    action = action_of(command)
    if action not in allowed_actions(course.order, course.moment.now):
        course.late(_STEPS[action], c.STAFF)
        return
    match command:
        case c.AcceptOrder():
            _accept(course, command)
        case c.RejectOrder():
            _reject(course, command)
        case c.StartOrder():
            course.take(Step.START, c.STAFF)
            course.tell(EventKind.IN_PREP)
        case c.MoveEta():
            _move_eta(course, command)
        case c.FinishOrder():
            course.take(Step.FINISH, c.STAFF, ready_at=course.moment.now)
            course.tell(EventKind.READY)
        case c.CompleteOrder():
            course.take(Step.COMPLETE, c.STAFF, **cancelling.taken_up(course.order))
            course.tell(EventKind.COMPLETED)
        case c.ResolveAttention():
            _resolve(course, command)
        case _:
            assert_never(command)


# Tickets of an order that goes on without the POS, or beside it.
IN_HAND = frozenset({Ticket.BY_HAND, Ticket.BOTH, Ticket.CANCELLED})


def turn_up(course: Course, command: c.PlaceTicket) -> None:
    """The POS has a ticket of an order that staff had taken in hand. If they typed it in there, there are two."""
    course.take(
        Step.TURN_UP,
        c.POS,
        f"the POS has a ticket ({command.pos_order_id or 'no number'}) of an order that staff accepted by hand",
        ticket=Ticket.BOTH,
        pos_order_id=command.pos_order_id,
        pos_total=command.pos_total,
        attention=Attention.SECOND_TICKET,
        attempts=0,
        wait_until=course.after_s(retry.follow_delay_s(0, course.moment.chance)),
    )


def taken_off(course: Course, command: c.CancelTicket) -> None:
    """The POS's ticket of an order that staff have in hand is gone. The order goes on, without the POS.

    Kept as cancelled: a `placed` that was on its way before says nothing of a ticket that came back.
    """
    order = course.order
    if order.ticket is Ticket.CANCELLED:
        course.late(Step.TAKE_OFF, c.POS, command.reason)
        return
    attention = None if order.attention is Attention.SECOND_TICKET else order.attention
    gone: dict[str, Any] = {"ticket": Ticket.CANCELLED, "attention": attention, "wait_until": None}
    course.take(Step.TAKE_OFF, c.POS, command.reason, **gone)


def _fits(action: Action, order: Order, now: datetime) -> bool:
    """Whether an action that the table knows for the order's status makes sense for the order as a whole."""
    match action:
        case Action.ACCEPT:
            # Past its deadline the channel counts the order as not accepted, whether it was told so yet or not.
            return _is_for_staff(order) and now < order.accept_by and paying.is_decided(order)
        case Action.REJECT:
            return _is_for_staff(order)
        case Action.CANCEL:
            return order.cancel_wanted is None
        case Action.RETRY:
            kept = order.attention in cancelling.TICKET_KEPT and advance(order.status, Step.WITHDRAW) is not None
            return order.parked or kept or order.attention is Attention.PAYMENT
        case Action.RESOLVE:
            # What is parked on its way must be decided or worked on again: nobody would look at it any more.
            waits = order.parked and order.status not in (FINAL | {Status.READY})
            return order.attention is not None and not waits
        case Action.START | Action.ETA | Action.READY | Action.COMPLETE:
            return True
        case _:
            assert_never(action)


def _is_for_staff(order: Order) -> bool:
    """Whether to accept or reject is the staff's: the POS is not deciding, and nobody wants the order cancelled."""
    pos_cannot = order.parked or order.held or order.status is Status.UNKNOWN
    return order.cancel_wanted is None and (order.status not in AT_POS or pos_cannot)


def _accept(course: Course, command: c.AcceptOrder) -> None:
    order, now = course.order, course.moment.now
    # Where a submit once went out, the POS is read on: a ticket of it would be a second one.
    wait = course.after_s(retry.follow_delay_s(0, course.moment.chance)) if order.submit_at else None
    ready_at = command.ready_at or _usually_ready_at(course, command.prep_time_min)
    changes: dict[str, Any] = {"ticket": Ticket.BY_HAND, "confirmed_at": now, "ready_at": ready_at}
    course.take(Step.ACCEPT, c.STAFF, **changes, **cancelling.taken_up(order), attempts=0, wait_until=wait)
    course.tell(EventKind.CONFIRMED)


def _usually_ready_at(course: Course, prep_time_min: int | None) -> datetime:
    """Our reading: an order for later is ready when it was asked for, unless staff say otherwise."""
    if prep_time_min is not None:
        return course.moment.now + timedelta(minutes=prep_time_min)
    usual = course.moment.now + timedelta(minutes=course.moment.rules.prep_time_min)
    return max(usual, course.order.requested_at or usual)


def _reject(course: Course, command: c.RejectOrder) -> None:
    """As at a deadline: a ticket that may exist is asked about on, and taken back if it turns up."""
    order = course.order
    wait = course.after_s(retry.attempt_delay_s(1, course.moment.chance)) if order.ticket.is_open else None
    why = {"reason_code": command.reason_code, "reason": command.reason}
    course.take(Step.REJECT, c.STAFF, command.reason, **why, **cancelling.taken_up(order), attempts=0, wait_until=wait)
    course.tell(EventKind.REJECTED)


def _move_eta(course: Course, command: c.MoveEta) -> None:
    if command.ready_at == course.order.ready_at:
        course.late(Step.MOVE_ETA, c.STAFF)
        return
    course.take(Step.MOVE_ETA, c.STAFF, ready_at=command.ready_at)
    course.tell(EventKind.ETA_UPDATED)


def _resolve(course: Course, command: c.ResolveAttention) -> None:
    """Whatever was still open is the staff's now: the hub asks no more."""
    ticket = course.order.ticket
    settled = Ticket.BY_HAND if course.order.parked and (ticket.is_open or ticket.is_leaving) else ticket
    course.take(Step.RESOLVE, c.STAFF, command.note, ticket=settled, attention=None, parked=False)
