"""A payment's state in the Ordering API's words, exhaustively. The words are ours: the documentation has none."""

from typing import assert_never

from heard.domain.payments import PaymentState

PUBLIC_PAYMENT_STATES = ("NONE", "PENDING", "AUTHORIZED", "CAPTURED", "DECLINED", "RETURNING", "VOIDED", "REFUNDED")


def public_payment(state: PaymentState) -> str:
    """The word an application sees."""
    match state:
        case PaymentState.NONE:
            return "NONE"
        case PaymentState.DUE | PaymentState.AUTHORIZING:
            return "PENDING"
        case PaymentState.AUTHORIZED | PaymentState.CAPTURING | PaymentState.UNCAPTURED:
            return "AUTHORIZED"
        case PaymentState.CAPTURED:
            return "CAPTURED"
        case PaymentState.DECLINED:
            return "DECLINED"
        case PaymentState.VOIDING | PaymentState.REFUNDING:
            return "RETURNING"
        case PaymentState.DROPPED | PaymentState.VOIDED:
            return "VOIDED"
        case PaymentState.REFUNDED:
            return "REFUNDED"
        case _:
            assert_never(state)
