"""The life of an order as one table: which step leads from which status to which.

A step that stands in the table moves the order (or keeps its status and is recorded); any other is late or repeated:
it changes nothing and is recorded too. docs/reference/lifecycle.md is drawn from this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from heard.domain.order.model import Status

S = Status


class Step(StrEnum):
    """What can happen to an order."""

    RECEIVE = "receive"  # a channel's order is on disk
    SCHEDULE = "schedule"  # it is for later
    DISPATCH = "dispatch"  # its time has come: the POS is next
    SHOW = "show"  # its time has come, and the store has no POS: its staff are next
    PASS_VALIDATION = "pass_validation"  # noqa: S105
    DEFER_VALIDATION = "defer_validation"  # the POS answered the validate with 202
    SEND = "send"  # the submit goes out: from here the ticket may exist
    DEFER = "defer"  # the POS answered the submit with 202
    FAIL_ATTEMPT = "fail_attempt"  # a call brought no answer to rely on
    LOSE = "lose"  # the submit's outcome is unknown
    MISS = "miss"  # the POS says it never had the ticket: the same request may go out again
    PLACE = "place"
    REFUSE = "refuse"
    ERROR = "error"  # the POS failed for good
    EXPIRE = "expire"  # the deadline passed
    ACCEPT = "accept"  # by staff
    REJECT = "reject"  # by staff
    START = "start"  # the kitchen began
    FINISH = "finish"  # ready for the guest
    COMPLETE = "complete"  # handed over
    MOVE_ETA = "move_eta"
    ASK_CANCEL = "ask_cancel"  # wanted while the outcome at the POS is open
    CANCEL = "cancel"
    ORPHAN = "orphan"  # the order had ended, and now its ticket turned up
    SETTLE = "settle"  # the order had ended, and now it is sure that no ticket is left
    WITHDRAW = "withdraw"  # staff want the POS asked once more to take a ticket back
    DEFER_CANCEL = "defer_cancel"  # the POS answered the cancel with 202
    KEEP = "keep"  # the POS does not take the ticket back
    TURN_UP = "turn_up"  # staff had taken the order in hand, and the POS has a ticket of it
    TAKE_OFF = "take_off"  # ... and that one is gone
    GIVE_UP = "give_up"  # the POS never told what became of the ticket
    PARK = "park"  # a fault of ours, again and again: a person must look
    UNPARK = "unpark"
    RESOLVE = "resolve"  # staff have seen to what they were called for
    PAY = "pay"  # a step of its payment; the note says which
    DECLINE = "decline"  # the guest's payment was declined


_BEFORE_POS = (S.RECEIVED, S.SCHEDULED)
AT_POS = (S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)  # the submit is being made, or its outcome is open
IN_KITCHEN = (S.CONFIRMED, S.IN_PREP)
_UNDECIDED = (*_BEFORE_POS, S.AWAITING_STAFF, *AT_POS)
_ENDED = (S.REJECTED, S.FAILED, S.CANCELLED)
ENDED = frozenset(_ENDED)
KEPT = frozenset({*IN_KITCHEN, S.READY, S.COMPLETED})  # the guest gets the food: the money is due


def _keep(*statuses: Status) -> dict[Status, Status]:
    return {status: status for status in statuses}


def _to(after: Status, *before: Status) -> dict[Status, Status]:
    return dict.fromkeys(before, after)


TABLE: Mapping[Step, Mapping[Status, Status]] = MappingProxyType(
    {
        Step.RECEIVE: {},  # the first step: it has no status before it
        Step.SCHEDULE: _to(S.SCHEDULED, S.RECEIVED),
        Step.DISPATCH: _to(S.SUBMITTING, *_BEFORE_POS),
        Step.SHOW: _to(S.AWAITING_STAFF, *_BEFORE_POS),
        Step.PASS_VALIDATION: _keep(S.SUBMITTING),
        Step.DEFER_VALIDATION: _keep(S.SUBMITTING),
        Step.SEND: _keep(S.SUBMITTING),
        Step.DEFER: _to(S.AWAITING_POS, S.SUBMITTING, S.UNKNOWN),
        Step.FAIL_ATTEMPT: _keep(*AT_POS, *IN_KITCHEN, *_ENDED),
        Step.LOSE: _to(S.UNKNOWN, S.SUBMITTING),
        Step.MISS: _to(S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS),
        Step.PLACE: _to(S.CONFIRMED, *AT_POS),
        Step.REFUSE: _to(S.REJECTED, *AT_POS),
        Step.ERROR: _to(S.FAILED, *AT_POS),
        Step.EXPIRE: _to(S.REJECTED, *_UNDECIDED),
        Step.ACCEPT: _to(S.CONFIRMED, S.AWAITING_STAFF, *AT_POS),
        Step.REJECT: _to(S.REJECTED, *_UNDECIDED),
        Step.START: _to(S.IN_PREP, S.CONFIRMED),
        Step.FINISH: _to(S.READY, *IN_KITCHEN),
        Step.COMPLETE: _to(S.COMPLETED, *IN_KITCHEN, S.READY),
        Step.MOVE_ETA: _keep(*IN_KITCHEN),
        Step.ASK_CANCEL: _keep(*AT_POS),
        Step.CANCEL: _to(S.CANCELLED, *_UNDECIDED, *IN_KITCHEN),
        Step.ORPHAN: _keep(*_ENDED),
        Step.SETTLE: _keep(*_ENDED),
        Step.WITHDRAW: _keep(*_ENDED),
        Step.DEFER_CANCEL: _keep(*_ENDED),
        Step.KEEP: _keep(*_ENDED),
        Step.TURN_UP: _keep(*IN_KITCHEN, S.READY, S.COMPLETED),
        Step.TAKE_OFF: _keep(*IN_KITCHEN, S.READY, S.COMPLETED),
        Step.GIVE_UP: _keep(*_ENDED),
        Step.PARK: _keep(*S),
        Step.UNPARK: _keep(*S),
        Step.RESOLVE: _keep(*S),
        Step.PAY: _keep(*S),
        Step.DECLINE: _to(S.REJECTED, *_UNDECIDED),
    }
)

FINAL: frozenset[Status] = frozenset({S.COMPLETED, *_ENDED})
DEADLINE_RUNS: frozenset[Status] = frozenset(TABLE[Step.EXPIRE])


def advance(status: Status, step: Step) -> Status | None:
    """The status after a step; None when the step does not apply (late, repeated, or never allowed)."""
    return TABLE[step].get(status)


def allowed(status: Status) -> tuple[Step, ...]:
    """Every step that applies in a status, in the table's order."""
    return tuple(step for step, moves in TABLE.items() if status in moves)
