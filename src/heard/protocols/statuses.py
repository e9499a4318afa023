"""An order's status in the words that channels see, the same in Link and in the Ordering API, and read back."""

from typing import assert_never

from heard.domain.order.model import Status
from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

_SAME = {"INIT": "PENDING", "SENT": "CONFIRMED"}  # the documentation pairs these; we emit the second, accept both
PUBLIC_STATUSES = ("PENDING", "CONFIRMED", "IN_PREP", "READY", "COMPLETED", "REJECTED", "CANCELLED")


def public_status(status: Status) -> str:
    """The word a marketplace sees."""
    match status:
        case Status.RECEIVED | Status.SCHEDULED | Status.AWAITING_STAFF:
            return "PENDING"
        case Status.SUBMITTING | Status.UNKNOWN | Status.AWAITING_POS:
            return "PENDING"
        case Status.CONFIRMED:
            return "CONFIRMED"
        case Status.IN_PREP:
            return "IN_PREP"
        case Status.READY:
            return "READY"
        case Status.COMPLETED:
            return "COMPLETED"
        case Status.REJECTED | Status.FAILED:
            return "REJECTED"
        case Status.CANCELLED:
            return "CANCELLED"
        case _:
            assert_never(status)


def read_public_status(word: str, path: str = "$.status") -> str:
    """The one word for what a status is called. Raises Refused(invalid_body) for an unknown one."""
    word = _SAME.get(word, word)
    if word not in PUBLIC_STATUSES:
        raise invalid_body(FieldError(path, "unknown_status", f"{word[:40]!r} is no status of an order"))
    return word
