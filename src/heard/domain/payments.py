"""The life of a payment as one table: which step leads from which state to which, and what is wanted of it next.

A call to the provider goes out in a state that says so (`authorizing`, ...): while no answer came it is made again
under the same key, and nothing else happens to the payment. docs/why/payments.md says why it is so.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class PaymentState(StrEnum):
    """How far an order's payment has come. `due` to `captured` hold money or may; the others hold none."""

    NONE = "none"  # the order is not paid through the hub
    DUE = "due"  # nothing was asked of the provider yet
    AUTHORIZING = "authorizing"  # asked, and the outcome is unknown
    AUTHORIZED = "authorized"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    UNCAPTURED = "uncaptured"  # the provider refused to capture: a person must look
    VOIDING = "voiding"
    REFUNDING = "refunding"
    DROPPED = "dropped"  # the order ended before anything was asked
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"


class PaymentStep(StrEnum):
    """What can happen to a payment. The first four are calls to the provider, written down before they go out."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    GRANT = "grant"  # authorized
    DECLINE = "decline"
    TAKE = "take"  # captured
    REFUSE_CAPTURE = "refuse_capture"
    RELEASE = "release"  # voided
    RETURN = "return"  # refunded
    DROP = "drop"
    FAIL = "fail"  # a call brought no answer to rely on


P = PaymentState
S = PaymentStep

TABLE: Mapping[PaymentStep, Mapping[PaymentState, PaymentState]] = MappingProxyType(
    {
        S.AUTHORIZE: {P.DUE: P.AUTHORIZING},
        S.CAPTURE: {P.AUTHORIZED: P.CAPTURING, P.UNCAPTURED: P.CAPTURING},
        S.VOID: {P.AUTHORIZED: P.VOIDING, P.UNCAPTURED: P.VOIDING},
        S.REFUND: {P.CAPTURED: P.REFUNDING},
        S.GRANT: {P.AUTHORIZING: P.AUTHORIZED},
        S.DECLINE: {P.AUTHORIZING: P.DECLINED},
        S.TAKE: {P.CAPTURING: P.CAPTURED},
        S.REFUSE_CAPTURE: {P.CAPTURING: P.UNCAPTURED},
        S.RELEASE: {P.VOIDING: P.VOIDED},
        S.RETURN: {P.REFUNDING: P.REFUNDED},
        S.DROP: {P.DUE: P.DROPPED},
        S.FAIL: {state: state for state in (P.AUTHORIZING, P.CAPTURING, P.VOIDING, P.REFUNDING)},
    }
)

CALLS = (S.AUTHORIZE, S.CAPTURE, S.VOID, S.REFUND)
UNDER_WAY: Mapping[PaymentState, PaymentStep] = MappingProxyType(
    {P.AUTHORIZING: S.AUTHORIZE, P.CAPTURING: S.CAPTURE, P.VOIDING: S.VOID, P.REFUNDING: S.REFUND}
)
UNDECIDED = frozenset({P.DUE, P.AUTHORIZING})  # nobody knows yet whether the guest can pay
SETTLED = frozenset({P.NONE, P.DROPPED, P.DECLINED, P.VOIDED, P.REFUNDED})  # nothing more is asked of the provider

_OF_A_KEPT_ORDER = MappingProxyType({P.DUE: S.AUTHORIZE, P.AUTHORIZED: S.CAPTURE})
_OF_AN_ENDED_ORDER = MappingProxyType({P.AUTHORIZED: S.VOID, P.UNCAPTURED: S.VOID, P.CAPTURED: S.REFUND})


def advance(state: PaymentState, step: PaymentStep) -> PaymentState | None:
    """The state after a step; None when the step does not apply."""
    return TABLE[step].get(state)


def wanted(state: PaymentState, *, kept: bool, ended: bool) -> PaymentStep | None:
    """The call to make next. `kept`: the order is confirmed; `ended`: it is rejected, failed or cancelled.

    A call whose outcome is unknown comes before anything else, whatever became of the order meanwhile.
    """
    if state in UNDER_WAY:
        return UNDER_WAY[state]
    if ended:
        return _OF_AN_ENDED_ORDER.get(state)
    return _OF_A_KEPT_ORDER.get(state) if kept or state is P.DUE else None


class ProviderKind(StrEnum):
    """Who holds an organization's guests' money."""

    TEST = "test"  # built in: no real money
    STRIPE = "stripe"
