"""An order's life as one list by time: steps, calls both ways, events and their deliveries, waits, what is planned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from heard import limits
from heard.console.cards import called_for, task_words
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Ticket
from heard.domain.order.plan import Task
from heard.protocols.admin import wire, wire_orders

_WAIT_S = 1.0  # a shorter pause between two lines is no wait
_KEPT: Final = frozenset({Step.KEEP, Step.GIVE_UP})
# The steps that call a person to an order, where their note says why.
_CALLS: Final = {
    Attention.CANCEL_AT_POS: _KEPT,
    Attention.ORPHAN_TICKET: _KEPT,
    Attention.PARKED: frozenset({Step.PARK}),
}
_WHO: Final = {"pos": "The POS said", "hub": "The hub says"}

STEPS: Final = {
    Step.RECEIVE: "The channel's order is on disk",
    Step.SCHEDULE: "It is for later",
    Step.DISPATCH: "Its time has come: the POS is next",
    Step.SHOW: "Its time has come: the store's staff are next",
    Step.PASS_VALIDATION: "The POS would take it",
    Step.DEFER_VALIDATION: "The POS has still to say whether it would take it",
    Step.SEND: "The ticket goes out",
    Step.DEFER: "The POS has the ticket, and has still to decide",
    Step.FAIL_ATTEMPT: "A call brought no answer to rely on",
    Step.LOSE: "It is not known what became of the ticket",
    Step.MISS: "The POS never had the ticket",
    Step.PLACE: "The POS took the ticket",
    Step.REFUSE: "The POS refused",
    Step.ERROR: "The POS failed for good",
    Step.EXPIRE: "Its deadline passed",
    Step.ACCEPT: "Staff accepted it",
    Step.REJECT: "Staff rejected it",
    Step.START: "The kitchen began",
    Step.FINISH: "Ready for the guest",
    Step.COMPLETE: "Handed over",
    Step.MOVE_ETA: "It will be ready at another time",
    Step.ASK_CANCEL: "To be cancelled, once the POS has said what became of the ticket",
    Step.CANCEL: "Cancelled",
    Step.ORPHAN: "The order was over, and its ticket turned up",
    Step.SETTLE: "No ticket is left in the POS",
    Step.WITHDRAW: "The POS is asked to take the ticket back",
    Step.DEFER_CANCEL: "The POS has still to say whether it takes the ticket back",
    Step.KEEP: "The POS does not take the ticket back",
    Step.TURN_UP: "Staff had taken it in hand, and the POS has a ticket of it",
    Step.TAKE_OFF: "The POS's ticket is gone",
    Step.GIVE_UP: "The POS never told what became of the ticket",
    Step.PARK: "Nobody works on it until a person looks",
    Step.UNPARK: "It is worked on again",
    Step.RESOLVE: "Staff have seen to it",
    Step.PAY: "A step of its payment",
    Step.DECLINE: "The guest's payment was declined",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call about an order. `good` None: no answer came. `said`: what there is of its texts, by their titles."""

    line: str
    status: str
    good: bool
    ms: float
    error: str | None
    verdict: str | None
    said: tuple[tuple[str, str], ...]
    exchange_id: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list. `kind` is its word and its shape's; `good` None: neither good nor bad."""

    at: str
    kind: str
    shape: str
    title: str
    detail: str | None = None
    note: str | None = None
    good: bool | None = None
    call: Call | None = None
    event: wire_orders.OrderEvent | None = None
    waited_s: float | None = None

    @property
    def key(self) -> str:
        """What it is known by while the list grows."""
        return self.call.exchange_id or self.at if self.call is not None else f"{self.kind}-{self.at}"


def timeline(found: wire_orders.OrderDetail) -> tuple[list[Entry], int]:
    """The latest lines, the oldest of them first, then what is planned; and how many earlier ones are left out."""
    told = {event.event_id: event.type for event in found.events}
    lines = [*_steps(found), *_events(found), *calls_of(found.exchanges, told)]
    lines.sort(key=lambda one: one.at)
    left_out = max(0, len(lines) - limits.TIMELINE_SHOWN_MAX)
    return [*_with_waits(lines[left_out:]), *_planned(found)], left_out


def last_words(found: wire_orders.OrderDetail) -> tuple[str, str] | None:
    """Who said why a person is called to the order, and how; None where nobody is called, or nobody said why."""
    attention = called_for(found.order)
    steps = _CALLS.get(attention, frozenset()) if attention else frozenset()
    said = [one for one in found.history if one.changed and one.step in steps and one.note]
    return (_WHO.get(said[-1].by, said[-1].by), said[-1].note or "") if said else None


def was_taken_back(found: wire_orders.OrderDetail) -> bool:
    """Whether the order had ended, and then its ticket was taken off the POS."""
    settled = any(one.changed and one.step == Step.SETTLE for one in found.history)
    return settled and found.order.ticket == Ticket.CANCELLED


def _steps(found: wire_orders.OrderDetail) -> Iterator[Entry]:
    for line in found.history:
        moved = f"{line.before} → {line.after}" if line.before not in (None, line.after) else line.after
        title = STEPS[Step(line.step)]
        if not line.changed:
            yield Entry(line.at, "late", "↩", f"Late or repeated: {title.lower()}", f"by {line.by}", line.note)
        else:
            yield Entry(line.at, "step", "●", title, f"{moved.replace('_', ' ')}, by {line.by}", line.note)


def _events(found: wire_orders.OrderDetail) -> Iterator[Entry]:
    for event in found.events:
        yield Entry(event.created_at, "event", "✦", f"Event {event.type}", f"number {event.sequence}", event=event)


def calls_of(exchanges: Sequence[wire.Exchange], told: Mapping[str, str]) -> Iterator[Entry]:
    """A line of each; `told` names the events that some deliver."""
    for one in exchanges:
        kind, shape, title = _kind(one)
        detail = told.get(one.event_id or "")
        call = Call(
            line=f"{one.method} {one.path}",
            status="no answer" if one.status is None else str(one.status),
            good=one.status is not None and one.status < 400,
            ms=one.ms,
            error=one.error,
            verdict=one.verdict,
            said=tuple(_said(one)),
            exchange_id=one.exchange_id,
        )
        yield Entry(one.at, kind, shape, title, detail, good=call.good, call=call)


def _said(one: wire.Exchange) -> Iterator[tuple[str, str]]:
    """What was sent and what came, where the exchange keeps it."""
    if one.request is not None:
        yield "Request, made again from what is stored" if one.request_made_again else "Request", one.request
    if one.answer is not None:
        yield "Answer, its beginning" if one.answer_cut else "Answer", one.answer


def _kind(one: wire.Exchange) -> tuple[str, str, str]:
    match one.direction, one.peer:
        case "in", "pos":
            return "callback", "←", "Callback from the POS"
        case "in", _ if one.path.startswith("/admin/"):
            return "call", "←", "Sent by hand, to try it out"
        case "in", _:
            return "call", "←", "Call from the channel"
        case _, "pos" if one.method == "GET":
            return "poll", "↻", "Poll of the POS"
        case _, "pos":
            return "attempt", "→", "Call to the POS"
        case _, "payment":
            return "payment", "→", "Call to the payment provider"
        case _:
            return "webhook", "✉", "Webhook to the channel"


def _with_waits(lines: list[Entry]) -> Iterator[Entry]:
    """Each line with how long nothing had happened before it."""
    before: datetime | None = None
    for line in lines:
        at = datetime.fromisoformat(line.at)
        gap_s = 0.0 if before is None else (at - before).total_seconds()
        yield replace(line, waited_s=gap_s) if gap_s >= _WAIT_S else line
        before = at


def _planned(found: wire_orders.OrderDetail) -> Iterator[Entry]:
    for due in sorted(found.planned, key=lambda one: one.at):
        yield Entry(due.at, "planned", "◷", _sentence(task_words(Task(due.task))))
    for event in found.events:
        for way in event.deliveries:
            if way.state == "due" and way.next_at is not None:
                yield Entry(way.next_at, "planned", "◷", f"Event {event.type} goes out", way.url)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def spelled_s(seconds: float) -> str:
    """How long something took, for people.

    >>> spelled_s(3.25), spelled_s(75), spelled_s(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60} min"
