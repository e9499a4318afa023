"""The table of the order's life, walked pair by pair."""

import pytest

from heard.domain.order.lifecycle import AT_POS, DEADLINE_RUNS, FINAL, TABLE, Step, advance, allowed
from heard.domain.order.model import Status

S = Status

# What the design says in prose, written a second time and by hand: a change of the table must be meant twice.
MOVES = {
    (S.RECEIVED, Step.SCHEDULE): S.SCHEDULED,
    (S.RECEIVED, Step.DISPATCH): S.SUBMITTING,
    (S.SCHEDULED, Step.DISPATCH): S.SUBMITTING,
    (S.RECEIVED, Step.SHOW): S.AWAITING_STAFF,
    (S.SCHEDULED, Step.SHOW): S.AWAITING_STAFF,
    (S.SUBMITTING, Step.DEFER): S.AWAITING_POS,
    (S.UNKNOWN, Step.DEFER): S.AWAITING_POS,
    (S.SUBMITTING, Step.LOSE): S.UNKNOWN,
    (S.UNKNOWN, Step.MISS): S.SUBMITTING,
    (S.AWAITING_POS, Step.MISS): S.SUBMITTING,
    (S.SUBMITTING, Step.MISS): S.SUBMITTING,
    **{(status, Step.PLACE): S.CONFIRMED for status in (S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)},
    **{(status, Step.REFUSE): S.REJECTED for status in (S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)},
    **{(status, Step.ERROR): S.FAILED for status in (S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)},
    **{
        (status, step): S.REJECTED
        for step in (Step.EXPIRE, Step.REJECT, Step.DECLINE)
        for status in (S.RECEIVED, S.SCHEDULED, S.AWAITING_STAFF, S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)
    },
    **{(status, Step.ACCEPT): S.CONFIRMED for status in (S.AWAITING_STAFF, S.SUBMITTING, S.UNKNOWN, S.AWAITING_POS)},
    (S.CONFIRMED, Step.START): S.IN_PREP,
    (S.CONFIRMED, Step.FINISH): S.READY,
    (S.IN_PREP, Step.FINISH): S.READY,
    (S.CONFIRMED, Step.COMPLETE): S.COMPLETED,
    (S.IN_PREP, Step.COMPLETE): S.COMPLETED,
    (S.READY, Step.COMPLETE): S.COMPLETED,
    **{
        (status, Step.CANCEL): S.CANCELLED
        for status in (S.RECEIVED, S.SCHEDULED, S.AWAITING_STAFF, *AT_POS, S.CONFIRMED, S.IN_PREP)
    },
}
MOVES.pop((S.SUBMITTING, Step.MISS))


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("step", list(Step))
def test_every_pair_of_status_and_step_leads_where_the_design_says(status: Status, step: Step) -> None:
    after = advance(status, step)
    if (status, step) in MOVES:
        assert after is MOVES[status, step]
    else:
        assert after in (None, status), "a step that is no move may only keep the status or be refused"


def test_every_step_stands_in_the_table() -> None:
    assert set(TABLE) == set(Step)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_status_stays_final(status: Status) -> None:
    assert {advance(status, step) for step in allowed(status)} <= {status}


def test_nothing_is_cancelled_once_it_is_ready() -> None:
    assert all(advance(status, Step.CANCEL) is None for status in (S.READY, S.COMPLETED, *FINAL))


def test_the_deadline_runs_exactly_until_pos_or_staff_have_decided() -> None:
    assert {S.RECEIVED, S.SCHEDULED, S.AWAITING_STAFF, *AT_POS} == DEADLINE_RUNS


def test_every_status_but_the_first_can_be_reached() -> None:
    reached = {after for moves in TABLE.values() for before, after in moves.items() if before is not after}
    assert reached == set(Status) - {S.RECEIVED}
