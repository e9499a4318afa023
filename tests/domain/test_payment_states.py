"""The table of a payment's life, walked pair by pair, and what is wanted of a payment next."""

from itertools import product

import pytest

from heard.domain.payments import CALLS, SETTLED, TABLE, UNDER_WAY, PaymentState, PaymentStep, advance, wanted

P = PaymentState
S = PaymentStep

# What docs/why/payments.md says in prose, written a second time and by hand.
MOVES = {
    (P.DUE, S.AUTHORIZE): P.AUTHORIZING,
    (P.DUE, S.DROP): P.DROPPED,
    (P.AUTHORIZING, S.GRANT): P.AUTHORIZED,
    (P.AUTHORIZING, S.DECLINE): P.DECLINED,
    (P.AUTHORIZING, S.FAIL): P.AUTHORIZING,
    (P.AUTHORIZED, S.CAPTURE): P.CAPTURING,
    (P.AUTHORIZED, S.VOID): P.VOIDING,
    (P.CAPTURING, S.TAKE): P.CAPTURED,
    (P.CAPTURING, S.REFUSE_CAPTURE): P.UNCAPTURED,
    (P.CAPTURING, S.FAIL): P.CAPTURING,
    (P.UNCAPTURED, S.CAPTURE): P.CAPTURING,
    (P.UNCAPTURED, S.VOID): P.VOIDING,
    (P.CAPTURED, S.REFUND): P.REFUNDING,
    (P.VOIDING, S.RELEASE): P.VOIDED,
    (P.VOIDING, S.FAIL): P.VOIDING,
    (P.REFUNDING, S.RETURN): P.REFUNDED,
    (P.REFUNDING, S.FAIL): P.REFUNDING,
}


@pytest.mark.parametrize(("state", "step"), list(product(P, S)))
def test_every_pair_of_state_and_step_leads_where_the_design_says(state: PaymentState, step: PaymentStep) -> None:
    assert advance(state, step) is MOVES.get((state, step))


def test_every_step_stands_in_the_table_and_every_state_is_reached() -> None:
    assert set(TABLE) == set(S)
    assert {after for moves in TABLE.values() for after in moves.values()} == set(P) - {P.NONE, P.DUE}


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_nothing_happens_to_a_payment_that_holds_no_money_any_more(state: PaymentState) -> None:
    assert [step for step in S if advance(state, step)] == []
    assert not any(wanted(state, kept=kept, ended=not kept) for kept in (True, False))


@pytest.mark.parametrize("state", sorted(UNDER_WAY))
def test_a_call_of_unknown_outcome_comes_before_anything_else(state: PaymentState) -> None:
    assert advance(state, S.FAIL) is state
    assert {wanted(state, kept=kept, ended=ended) for kept, ended in ((1, 0), (0, 1), (0, 0))} == {UNDER_WAY[state]}
    assert not any(advance(state, call) for call in CALLS)


@pytest.mark.parametrize("state", sorted(set(P) - SETTLED))
def test_an_ended_order_leaves_no_payment_at_rest_that_may_hold_money(state: PaymentState) -> None:
    """But for one of which nothing was asked: that is dropped without a call."""
    call = wanted(state, kept=False, ended=True)
    assert call is not None or state is P.DUE
    assert call is None or state in UNDER_WAY or advance(state, call) is not None


def test_money_is_taken_for_a_confirmed_order_only() -> None:
    assert wanted(P.AUTHORIZED, kept=True, ended=False) is S.CAPTURE
    assert wanted(P.AUTHORIZED, kept=False, ended=False) is None
    assert wanted(P.AUTHORIZED, kept=False, ended=True) is S.VOID
    assert wanted(P.CAPTURED, kept=True, ended=False) is None
    assert wanted(P.CAPTURED, kept=False, ended=True) is S.REFUND
