"""What follows from an order's payment, and for it. Part of decide.py, by topic; the table is in domain/payments.py.

Money is kept for a confirmed order and for no other: while nobody knows whether the guest can pay, no POS and no staff
are asked, and whatever ends an order gives the money back, however long that takes.
"""

from typing import Any, assert_never

from heard import limits
from heard.domain import retry
from heard.domain.money import decimal_from_cents
from heard.domain.order import cancelling
from heard.domain.order import commands as c
from heard.domain.order.course import Course
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import ENDED, KEPT, Step, advance
from heard.domain.order.model import Attention, Order, Party, ReasonCode
from heard.domain.payments import SETTLED, UNDECIDED, UNDER_WAY, PaymentState, PaymentStep, wanted
from heard.domain.payments import advance as advance_payment

_WORDS = {
    PaymentStep.AUTHORIZE: "the provider is asked to hold {amount}",
    PaymentStep.CAPTURE: "the provider is asked to take {amount}",
    PaymentStep.VOID: "the provider is asked to let go of {amount}",
    PaymentStep.REFUND: "the provider is asked to give back {amount}",
    PaymentStep.GRANT: "{amount} is held for the order",
    PaymentStep.DECLINE: "the payment of {amount} was declined",
    PaymentStep.TAKE: "{amount} was taken",
    PaymentStep.REFUSE_CAPTURE: "the provider does not take {amount}",
    PaymentStep.RELEASE: "{amount} is held no longer",
    PaymentStep.RETURN: "{amount} was given back",
    PaymentStep.DROP: "nothing was asked of the provider: {amount} stays the guest's",
    PaymentStep.FAIL: "no word from the provider about {amount}",
}


def is_decided(order: Order) -> bool:
    """Whether the order may go to its POS or to its staff: its payment is held, or there is none."""
    return order.payment not in UNDECIDED


def next_call(order: Order) -> PaymentStep | None:
    """What the provider is to be asked next."""
    step = wanted(order.payment, kept=order.status in KEPT, ended=order.status in ENDED)
    # Nobody works on a parked order; but what was begun is known in the end, and money is given back.
    return None if order.parked and step is PaymentStep.AUTHORIZE and order.payment is PaymentState.DUE else step


def follow(course: Course, command: c.OfPayment) -> None:
    """What follows from a call to the provider that goes out, and from its answer."""
    match command:
        case c.SendPayment(step):
            if step is next_call(course.order):
                _take(course, step, c.HUB, payment_attempts=0, payment_wait_until=None)
            else:
                course.late(Step.PAY, c.HUB, _words(course.order, step))
        case c.PassPayment(step, ref):
            _passed(course, step, ref)
        case c.RefusePayment(PaymentStep.DECLINE, reason):
            _declined(course, reason)
        case c.RefusePayment(step, reason):
            _take(course, step, c.PROVIDER, reason, **_called(course.order))
        case c.FailPayment():
            _failed(course, command)
        case _:
            assert_never(command)


def drop_if_ended(course: Course) -> None:
    """An order that ends before anything was asked of the provider needs no call."""
    if course.order.payment is PaymentState.DUE and course.order.status in ENDED:
        _take(course, PaymentStep.DROP, c.HUB)


def slowed(course: Course) -> dict[str, Any]:
    """What to change when an order is parked: its money is still seen to, seldom, should it be what we fail at."""
    if course.order.payment in SETTLED:
        return {}
    return {"payment_wait_until": course.after_s(limits.PAYMENT_PARKED_S)}


def taken_up(order: Order) -> dict[str, Any]:
    """What to change when a person wants the order worked on again: its payment is tried at once."""
    return {} if order.payment in SETTLED else {"payment_attempts": 0, "payment_wait_until": None}


def try_again(course: Course, command: c.Unpark) -> None:
    """A person wants the provider asked again. What it refused to take it may take now."""
    order = course.order
    again = {"payment": PaymentState.AUTHORIZED} if order.payment is PaymentState.UNCAPTURED else {}
    note = f"the payment of {_amount(order)} is tried again"
    course.take(Step.UNPARK, command.by, note, attention=None, **again, **taken_up(order))


def _passed(course: Course, step: PaymentStep, ref: str | None) -> None:
    order = course.order
    attention = None if order.attention is Attention.PAYMENT else order.attention
    changes = {"payment_ref": ref or order.payment_ref, "payment_attempts": 0, "payment_wait_until": None}
    _take(course, step, c.PROVIDER, f"as {ref}" if ref else None, attention=attention, **changes)


def _declined(course: Course, reason: str) -> None:
    """Our reading: the channel hears of a decline as of any rejection; the words are the provider's."""
    order = course.order
    settled = {"payment_attempts": 0, "payment_wait_until": None}
    unpaid = _called(order) if order.status in KEPT else {}  # a POS that confirmed what it was never sent
    if not _take(course, PaymentStep.DECLINE, c.PROVIDER, reason, **settled, **unpaid):
        return
    if advance(order.status, Step.DECLINE) is not None:
        text = f"the payment was declined: {reason}"[: limits.REASON_MAX]
        ended = {"reason_code": ReasonCode.OTHER, "reason": text, **cancelling.taken_up(course.order)}
        course.take(Step.DECLINE, c.HUB, text, **ended)
        course.tell(EventKind.REJECTED)


def _failed(course: Course, command: c.FailPayment) -> None:
    order = course.order
    failures = order.payment_attempts + 1
    delay = max(retry.payment_delay_s(failures, course.moment.chance), command.retry_after_s or 0.0)
    # Before its deadline an order that cannot be paid for is nobody's concern: it ends by itself.
    owed = failures % limits.PAYMENT_FAILURES_MIN == 0 and advance(order.status, Step.DECLINE) is None
    told = _called(order) if owed else {}
    waiting = {"payment_attempts": failures, "payment_wait_until": course.after_s(delay)}
    if UNDER_WAY.get(order.payment) is command.step:
        _take(course, PaymentStep.FAIL, c.PROVIDER, command.reason, **waiting, **told)
    else:
        course.late(Step.PAY, c.PROVIDER, command.reason)


def _called(order: Order) -> dict[str, Any]:
    """A person must look; what they were called for before is still to be seen to."""
    return {"attention": order.attention or Attention.PAYMENT}


def _take(course: Course, step: PaymentStep, by: Party, note: str | None = None, **changes: Any) -> bool:
    order = course.order
    text = ": ".join(part for part in (_words(order, step), note) if part)[: limits.REASON_MAX]
    after = advance_payment(order.payment, step)
    if after is None:
        return course.late(Step.PAY, by, text)
    # A call to the POS that is held stays so: it has nothing to do with this.
    return course.take(Step.PAY, by, text, **{"held": order.held, **changes, "payment": after})


def _words(order: Order, step: PaymentStep) -> str:
    return _WORDS[step].format(amount=_amount(order))


def _amount(order: Order) -> str:
    return f"{decimal_from_cents(order.total)} {order.currency}"
