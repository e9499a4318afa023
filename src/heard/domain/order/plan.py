"""What is to be done next about an order, and when: read off its state, so that queue and state cannot disagree."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from heard import limits
from heard.domain.order.lifecycle import DEADLINE_RUNS
from heard.domain.order.model import Order, Status, Ticket, Validation
from heard.domain.order.paying import is_decided, next_call
from heard.domain.payments import SETTLED, PaymentStep

_SETTLE_FOR = timedelta(seconds=limits.SETTLE_FOR_S)
_FOLLOW_FOR = timedelta(seconds=limits.FOLLOW_FOR_S)


class Task(StrEnum):
    """The first four are decided here in the house, the last four are calls to the payment provider; the others are
    calls to the POS.
    """

    DISPATCH = "dispatch"
    EXPIRE = "expire"
    LOSE = "lose"  # a worker died with the submit under way
    GIVE_UP = "give_up"
    VALIDATE = "validate"
    READ_VALIDATION = "read_validation"
    SUBMIT = "submit"
    READ_TICKET = "read_ticket"
    FOLLOW = "follow"
    WITHDRAW = "withdraw"
    READ_WITHDRAWAL = "read_withdrawal"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


PAYMENT_CALLS: Mapping[Task, PaymentStep] = MappingProxyType(
    {
        Task.AUTHORIZE: PaymentStep.AUTHORIZE,
        Task.CAPTURE: PaymentStep.CAPTURE,
        Task.VOID: PaymentStep.VOID,
        Task.REFUND: PaymentStep.REFUND,
    }
)
_PAYMENT_TASKS = {step: task for task, step in PAYMENT_CALLS.items()}

_IN_HOUSE = frozenset({Task.DISPATCH, Task.EXPIRE, Task.LOSE, Task.GIVE_UP})


@dataclass(frozen=True, slots=True)
class Due:
    at: datetime
    task: Task


def plan(order: Order) -> tuple[Due, ...]:
    """Everything that waits for a time, at most three: the deadline, the next piece of work, and the payment's.

    In this order they are done where several are due: a ticket is taken back before its money is given back, since
    a kitchen cooks on.
    """
    payment = None if order.payment in SETTLED else _payment(order)
    if order.parked:
        return () if payment is None else (payment,)
    return tuple(due for due in (_deadline(order), _work(order), payment) if due is not None)


def next_at(order: Order) -> datetime | None:
    """When a worker must look at the order next; None when nobody needs to."""
    return min((due.at for due in plan(order)), default=None)


def task_at(order: Order, now: datetime) -> Task | None:
    """What to do now. A deadline that has passed comes before anything else."""
    return next((due.task for due in plan(order) if due.at <= now), None)


def has_call(order: Order) -> bool:
    """Whether the next piece of work, deadlines apart, is a call to the POS."""
    work = None if order.parked else _work(order)
    return work is not None and work.task not in _IN_HOUSE


def _deadline(order: Order) -> Due | None:
    if order.status in DEADLINE_RUNS:
        return Due(order.accept_by, Task.EXPIRE)
    if order.ticket.is_open:
        # However late it is: nothing is given up that the POS was not asked about some times in a row. A person may
        # have sent the hub to ask again after days, or the hub itself may have been away.
        asked = order.attempts >= limits.SETTLE_CALLS_MIN
        return Due(order.accept_by + _SETTLE_FOR, Task.GIVE_UP) if asked else None
    if order.ticket.is_leaving and order.withdraw_until is not None:
        return Due(order.withdraw_until, Task.GIVE_UP)
    return None


def _payment(order: Order) -> Due | None:
    step = next_call(order)
    return Due(order.payment_wait_until or order.received_at, _PAYMENT_TASKS[step]) if step is not None else None


def _work(order: Order) -> Due | None:
    soonest = order.wait_until or order.received_at
    match order.status:
        case Status.RECEIVED:
            return Due(soonest, Task.DISPATCH)
        case Status.SCHEDULED:
            return Due(order.release_at or order.received_at, Task.DISPATCH)
        case Status.SUBMITTING:
            return Due(soonest, _submitting(order)) if is_decided(order) else None
        case Status.UNKNOWN | Status.AWAITING_POS:
            return Due(soonest, Task.READ_TICKET)
        case Status.CONFIRMED | Status.IN_PREP:
            if order.submit_at is None or order.ticket is Ticket.CANCELLED:
                return None  # no POS has it: staff do
            follow_until = (order.confirmed_at or order.received_at) + _FOLLOW_FOR
            return Due(soonest, Task.FOLLOW) if soonest < follow_until else None
        case Status.REJECTED | Status.FAILED | Status.CANCELLED:
            task = _after_the_end(order.ticket)
            return Due(soonest, task) if task else None
        case Status.AWAITING_STAFF | Status.READY | Status.COMPLETED:
            return None
        case _:
            assert_never(order.status)


def _after_the_end(ticket: Ticket) -> Task | None:
    match ticket:
        case Ticket.SENT | Ticket.PENDING:
            return Task.READ_TICKET
        case Ticket.WITHDRAWING:
            return Task.WITHDRAW
        case Ticket.WITHDRAWAL_PENDING:
            return Task.READ_WITHDRAWAL
        case Ticket.NOT_SENT | Ticket.PLACED | Ticket.REFUSED | Ticket.CANCELLED:
            return None
        case Ticket.BY_HAND | Ticket.BOTH:
            return None
        case _:
            assert_never(ticket)


def _submitting(order: Order) -> Task:
    if order.ticket is Ticket.SENT:
        return Task.LOSE
    match order.validation:
        case Validation.NOT_ASKED:
            return Task.VALIDATE
        case Validation.PENDING:
            return Task.READ_VALIDATION
        case Validation.PASSED:
            return Task.SUBMIT
        case _:
            assert_never(order.validation)
