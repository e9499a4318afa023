"""An order as the board shows it: its column, what is the matter, and what happens next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from heard.domain.order.content import OrderContent
from heard.domain.order.lifecycle import DEADLINE_RUNS
from heard.domain.order.model import Attention, Order, Status
from heard.domain.order.plan import PAYMENT_CALLS, Task, plan
from heard.protocols.admin import wire
from heard.storage.board import Shown
from heard.storage.rows import Exchange

_LINES_MAX = 4
_TRIED_MAX = 3  # calls in a row without an answer: more is a person's business


class Column(StrEnum):
    """Attention first; the others in the order of an order's life."""

    ATTENTION = "attention"
    NEW = "new"
    SENT = "sent"
    ACCEPTED = "accepted"
    IN_PREP = "in_prep"
    READY = "ready"


TITLES: Final = {
    Column.ATTENTION: "Attention",
    Column.NEW: "New",
    Column.SENT: "Sent",
    Column.ACCEPTED: "Accepted",
    Column.IN_PREP: "In prep",
    Column.READY: "Ready",
}
_COLUMNS: Final = {
    Status.RECEIVED: Column.NEW,
    Status.SCHEDULED: Column.NEW,
    Status.AWAITING_STAFF: Column.NEW,
    Status.SUBMITTING: Column.SENT,
    Status.UNKNOWN: Column.ATTENTION,
    Status.AWAITING_POS: Column.SENT,
    Status.CONFIRMED: Column.ACCEPTED,
    Status.IN_PREP: Column.IN_PREP,
    Status.READY: Column.READY,
}
_MATTERS: Final = {
    Attention.ORPHAN_TICKET: "The order is over, but the POS has a ticket of it.",
    Attention.CANCEL_AT_POS: "Cancelled, but the POS kept the ticket.",
    Attention.TOTALS_DIFFER: "The POS's total is not what the guest paid.",
    Attention.OUTCOME_UNKNOWN: "The POS never told whether it has the ticket: look there.",
    Attention.PARKED: "Working on it failed again and again.",
    Attention.TELL_KITCHEN: "Cancelled after staff took it in hand: tell the kitchen.",
    Attention.SECOND_TICKET: "Staff took it in hand, and the POS has a ticket too: take one off.",
    Attention.PAYMENT: "The payment provider refuses, or fails: money is owed to somebody.",
}
_TASKS: Final = {
    Task.DISPATCH: "goes to the POS",
    Task.EXPIRE: "is rejected, unless it is accepted before",
    Task.LOSE: "is asked about at the POS",
    Task.GIVE_UP: "is given up, and shown to you",
    Task.VALIDATE: "the POS is asked for its prices",
    Task.READ_VALIDATION: "the POS is asked again",
    Task.SUBMIT: "the ticket goes to the POS",
    Task.READ_TICKET: "the POS is asked what became of the ticket",
    Task.FOLLOW: "the kitchen's state is read",
    Task.WITHDRAW: "the POS is asked to take the ticket back",
    Task.READ_WITHDRAWAL: "the POS is asked whether it took the ticket back",
}
STATES: Final = {  # a shape beside each word, so that colour alone says nothing
    Status.RECEIVED: "○",
    Status.SCHEDULED: "◷",
    Status.AWAITING_STAFF: "✋",
    Status.SUBMITTING: "➤",
    Status.UNKNOWN: "?",
    Status.AWAITING_POS: "…",
    Status.CONFIRMED: "✓",
    Status.IN_PREP: "◐",
    Status.READY: "●",
    Status.COMPLETED: "■",
    Status.REJECTED: "✕",
    Status.FAILED: "▲",
    Status.CANCELLED: "⊘",
}


@dataclass(frozen=True, slots=True)
class Card:
    """`deadline`: when the order is rejected unless somebody accepts it. `next_at`: when what is next happens."""

    order: Order
    revision: int
    column: Column
    number: str
    channel: str
    store: str
    state: str
    items: tuple[str, ...]
    more_items: int
    promised_at: datetime | None
    deadline: datetime | None
    matter: str | None
    next: str | None
    next_at: datetime | None
    last_call: str | None


def card(shown: Shown, content: OrderContent | None) -> Card:
    """An order's card; without its content, one without items."""
    order = shown.order
    lines = () if content is None else content.lines
    due = min(plan(order), key=lambda one: one.at, default=None)
    return Card(
        order=order,
        revision=shown.revision,
        column=column_of(order),
        number=short_number(order.external_order_id),
        channel=shown.channel,
        store=shown.store,
        state=STATES[order.status],
        items=tuple(f"{line.quantity} × {line.name}" for line in lines[:_LINES_MAX]),
        more_items=max(0, len(lines) - _LINES_MAX),
        promised_at=order.ready_at or order.requested_at,
        deadline=order.accept_by if order.status in DEADLINE_RUNS else None,
        matter=matter_of(order),
        next=None if due is None else task_words(due.task),
        next_at=None if due is None else due.at,
        last_call=None if shown.last_call is None else call_words(shown.last_call),
    )


def column_of(order: Order) -> Column:
    """Where an order stands on the board."""
    if matter_of(order) is not None or order.status not in _COLUMNS:
        return Column.ATTENTION
    return _COLUMNS[order.status]


def matter_of(order: Order) -> str | None:
    """Why a person should look at an order; None: nobody need."""
    attention = called_for(order)
    if attention is not None:
        return _MATTERS[attention]
    if order.status is Status.UNKNOWN:
        return "It is not known whether the POS has the ticket."
    if order.held and order.status in DEADLINE_RUNS:
        return "The store's POS does not answer: the order waits for it."
    if order.attempts >= _TRIED_MAX and order.status in DEADLINE_RUNS:
        return f"{order.attempts} calls in a row brought no answer."
    return None


def called_for(order: Order | wire.OrderView) -> Attention | None:
    """What a person is called to an order for; None: nobody is."""
    if order.attention is not None:
        return Attention(order.attention)
    return Attention.PARKED if order.parked else None


def attention_words(order: wire.OrderView) -> str | None:
    """What a person is called to it for, in a few words; None: nobody is."""
    attention = called_for(order)
    return None if attention is None else _MATTERS[attention]


def short_number(external_order_id: str) -> str:
    """The end of a channel's number, as it is called out at a counter.

    >>> short_number("NOSH-18F2A77C1B-9AF3")
    '9AF3'
    """
    last = external_order_id.replace("_", "-").rsplit("-", 1)[-1]
    return last[-6:] if len(last) >= 3 else external_order_id[-8:]


def task_words(task: Task) -> str:
    """What a task is, as the end of a sentence that begins with a time."""
    return _TASKS[task] if task not in PAYMENT_CALLS else f"the payment provider is asked ({task})"


def call_words(call: Exchange) -> str:
    """What came of a call, in a few words."""
    last = call.path.rstrip("/").rpartition("/")[2]
    what = "callback" if call.direction == "in" else "status" if call.method == "GET" else last
    came = f"{call.status}" if call.status is not None else call.error or "no answer"
    return f"{what[:20]}: {came[:80]}, {call.ms:.0f} ms"


def counts(cards: Iterable[Card]) -> dict[Column, int]:
    """How many stand in each column."""
    found = dict.fromkeys(Column, 0)
    for one in cards:
        found[one.column] += 1
    return found
