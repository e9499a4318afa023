"""posnext's words to ours and back, each in one place. A word that we do not know is refused, never guessed.

Only a menu's unknown state is not refused: it counts as unavailable and is reported (wire.md 1.7).
"""

from enum import StrEnum
from functools import cache
from typing import TypeVar, assert_never

from heard.domain.menu.model import Availability
from heard.domain.pos import KitchenState, PosStatus
from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

W = TypeVar("W", bound=StrEnum)


class Schedule(StrEnum):
    CURRENT = "current"
    FUTURE = "future"


CANCEL_ORDER = "cancel-order"  # the request_type of a cancel [ours]


def status_word(status: PosStatus) -> str:
    match status:
        case PosStatus.VALIDATED:
            return "validated"
        case PosStatus.PLACED:
            return "placed"
        case PosStatus.PENDING:
            return "pending"
        case PosStatus.ERRORED:
            return "errored"
        case PosStatus.REJECTED:
            return "rejected"
        case PosStatus.CANCELLED:
            return "cancelled"
        case _:
            assert_never(status)


def kitchen_word(state: KitchenState) -> str:
    match state:
        case KitchenState.IN_PREPARATION:
            return "in_preparation"
        case KitchenState.READY:
            return "ready"
        case KitchenState.COMPLETED:
            return "completed"
        case _:
            assert_never(state)


def availability_word(availability: Availability) -> str:
    match availability:
        case Availability.AVAILABLE:
            return "available"
        case Availability.UNAVAILABLE:
            return "unavailable"
        case Availability.HIDDEN:
            return "hidden"
        case _:
            assert_never(availability)


_STATUSES = {status_word(status): status for status in PosStatus}
_KITCHEN_STATES = {kitchen_word(state): state for state in KitchenState}
_AVAILABILITIES = {availability_word(availability): availability for availability in Availability}


def read_status(word: str, path: str) -> PosStatus:
    """Raises Refused(invalid_body) for an unknown word."""
    return _known(_STATUSES, word, path)


def read_kitchen_state(word: str, path: str) -> KitchenState:
    """Raises Refused(invalid_body) for an unknown word."""
    return _known(_KITCHEN_STATES, word, path)


def read_availability(word: str) -> Availability | None:
    """None for an unknown word."""
    return _AVAILABILITIES.get(word)


def read_word(words: type[W], word: str, path: str) -> W:
    """A word of a vocabulary that we keep as posnext spells it. Raises Refused(invalid_body) for an unknown one."""
    found: W = _known(_words_of(words), word, path)
    return found


@cache
def _words_of(words: type[W]) -> dict[str, W]:
    return {known.value: known for known in words}


def _known(words: dict[str, W], word: str, path: str) -> W:
    if word not in words:
        raise invalid_body(FieldError(path, "unknown_word", f"{word!r} is none of {', '.join(words)}"))
    return words[word]
