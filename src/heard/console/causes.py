"""A cause of failures in plain words: what happened, what to do about it, where to look, what may be tried. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from heard.domain.endpoints import IS_DISABLED, DeliveryState
from heard.domain.order.model import Attention, ReasonCode, Status
from heard.storage.failures import Group, Kind
from heard.storage.menus import Outcome


class Fix(StrEnum):
    """What may be done about many at once."""

    RETRY = "retry"
    RESOLVE = "resolve"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Told:
    """A cause as people read it. `said`: the words of the other party, as they came."""

    what: str
    then: str  # what to do
    said: str = ""
    fixes: tuple[Fix, ...] = ()


TITLES: Final[Mapping[Kind, str]] = {
    Kind.ATTENTION: "Orders that need somebody",
    Kind.POS: "Stores whose POS is gone",
    Kind.ENDED: "Orders that failed within a day",
    Kind.ENDPOINT: "Endpoints that are disabled",
    Kind.DELIVERY: "Events that were not taken",
    Kind.MENU: "Menus that did not come in",
}
FIXES: Final[Mapping[Fix, str]] = {
    Fix.RETRY: "Fix and retry all",
    Fix.RESOLVE: "Mark all resolved",
    Fix.RESEND: "Send all again",
}
_BOTH: Final = (Fix.RETRY, Fix.RESOLVE)
_ATTENTION: Final[Mapping[Attention, Told]] = {
    Attention.PARKED: Told(
        "Working on the order failed again and again, so the hub stopped.",
        "See in the order's timeline which call failed, mend that, and retry. Or accept or reject it by hand.",
        fixes=_BOTH,
    ),
    Attention.OUTCOME_UNKNOWN: Told(
        "The POS never told whether it has the ticket.",
        "Look for the ticket in the POS. Retry asks the POS again; it makes no second ticket.",
        fixes=_BOTH,
    ),
    Attention.ORPHAN_TICKET: Told(
        "The order was over when the POS came up with its ticket, and the POS did not take it back.",
        "Retry asks the POS once more to take it back. Or take it off there, and mark it resolved.",
        fixes=_BOTH,
    ),
    Attention.CANCEL_AT_POS: Told(
        "The order is cancelled, and the POS kept the ticket: the kitchen may cook it.",
        "Retry asks the POS once more to take it back. Or take it off there, and mark it resolved.",
        fixes=_BOTH,
    ),
    Attention.TOTALS_DIFFER: Told(
        "The POS charges another total than the guest paid.",
        "Compare the two on the order's page; most often the POS has other prices or taxes than its menu says."
        " Mend them there, and mark these resolved.",
        fixes=(Fix.RESOLVE,),
    ),
    Attention.TELL_KITCHEN: Told(
        "Cancelled after staff took it in hand: no POS tells the kitchen.",
        "Tell the kitchen, and mark it resolved.",
        fixes=(Fix.RESOLVE,),
    ),
    Attention.SECOND_TICKET: Told(
        "Staff took it in hand, and then the POS had a ticket of it too: it may be cooked twice.",
        "Take one of the two off, and mark it resolved.",
        fixes=(Fix.RESOLVE,),
    ),
    Attention.PAYMENT: Told(
        "The payment provider refuses, or fails again and again: money is owed to somebody.",
        "See in the order's timeline what the provider says. Retry asks it again; or settle it with the provider, and"
        " mark it resolved.",
        fixes=_BOTH,
    ),
}
_OVER: Final = "The order is over and its channel was told; the guest can order again."
_ENDED: Final[Mapping[ReasonCode, tuple[str, str]]] = {
    ReasonCode.ITEM_UNAVAILABLE: (
        "The POS refused it: item not available.",
        "Take the item off the menu, or have it put back at the POS and pull the menu.",
    ),
    ReasonCode.PRICE_MISMATCH: (
        "The POS refused it: its prices are not those of the order.",
        "Pull the menu, so that channels have the POS's prices.",
    ),
    ReasonCode.STORE_CLOSED: (
        "The POS refused it: the store is closed there.",
        "Hold the store's hours here against those of the POS, or pause the store.",
    ),
    ReasonCode.STORE_PAUSED: (
        "The POS refused it: the store is paused there.",
        "Pause the store here as well, so that no orders come, or resume it at the POS.",
    ),
    ReasonCode.NOT_ACCEPTED_IN_TIME: (
        "Nobody accepted it before its deadline.",
        "See on the order's page what it waited for: a POS that was gone, staff, or a deadline that is too short.",
    ),
    ReasonCode.POS_UNREACHABLE: (
        "The POS could not be reached.",
        "See whether the store's POS answers by now; if not, its network or its address is what to look at.",
    ),
    ReasonCode.POS_REFUSED: (
        "The POS refused it.",
        "What it said is beside this; the order's page has its whole answer.",
    ),
}
_OTHER: Final = ("It was not taken.", "What was said is beside this; the order's page has every step and call.")
_POS_FAILED: Final = (
    "The POS could not take it: it says that something failed there.",
    "Have that mended at the store; the order's page has the POS's whole answer.",
)
_POS_CANCELLED: Final = ("It was cancelled at the POS.", "Ask the store why; the order's page says when.")
_STATUS: Final = re.compile(r"answered (\d{3})\b")
_STATUSES: Final[Mapping[int, str]] = {
    401: "it does not trust our signature: give them the endpoint's secret again, or rotate it",
    403: "it lets us not in: a firewall, or a secret that is not theirs any more",
    404: "nothing is served at this address: ask them for the right one",
    410: "it says that it is gone for good: ask them for a new address",
    413: "our events are too large for it: their server's limit is to be raised",
    429: "it takes fewer than come: ask them to take more, or wait",
}


def told(group: Group) -> Told:
    """What happened, and what to do about it."""
    cause = group.cause
    match cause.kind:
        case Kind.ATTENTION:
            return replace(told_of(Attention(cause.code)), said=cause.text)
        case Kind.ENDED:
            return _ended(cause.code, cause.text)
        case Kind.DELIVERY:
            return _delivery(group)
        case Kind.ENDPOINT:
            then = "Once their server is well, enable it; then send again what is dead."
            return Told("The hub sends nothing there any more.", then, cause.text)
        case Kind.POS:
            then = (
                "Look at the POS's network and power. Its orders wait for it and go on by themselves when it is back;"
                " staff can accept them by hand meanwhile."
            )
            return Told("The POS gives no sign of life, so the store is paused.", then, cause.text)
        case Kind.MENU:
            return _menu(cause.code)


def told_of(attention: Attention) -> Told:
    """Why somebody is called to an order, and what to do about it."""
    return _ATTENTION[attention]


def _ended(code: str, text: str) -> Told:
    status, _, reason = code.partition("/")
    what, then = _ENDED.get(ReasonCode(reason), _OTHER)
    if status == Status.FAILED:
        what, then = _POS_FAILED
    elif status == Status.CANCELLED:
        what, then = _POS_CANCELLED
    return Told(what, f"{then} {_OVER}", text)


def _delivery(group: Group) -> Told:
    text = group.cause.text
    status = _STATUS.search(text)
    code = int(status[1]) if status else 0
    if group.off:
        what, why = "The endpoint is disabled", "Enable it once their server is well"
    elif text.startswith(IS_DISABLED):
        what, why = "The endpoint was disabled", "It is enabled by now: see that their server is well"
    elif code >= 500:
        what, why = f"Their server failed: it answered {code}", "Tell whoever runs it"
    elif code:
        what = f"Their server did not take it: it answered {code}"
        why = f"Most likely {_STATUSES.get(code, 'it does not understand us: tell whoever runs it')}"
    else:
        what = "Their server did not answer"
        why = "Ask whoever runs it whether it is up, and whether the address is right"
    if group.cause.code == DeliveryState.DEAD:
        return Told(f"{what}, and the hub has given up.", f"{why}. Then send them again.", text, (Fix.RESEND,))
    then = f"{why}. Sending them again tries right now, with a fresh row of retries."
    return Told(f"{what}; the hub goes on trying.", then, text, (Fix.RESEND,))


def _menu(code: str) -> Told:
    if code == Outcome.REFUSED:
        then = "The store keeps the menu it had. Have these places mended at the POS, and pull the menu."
        return Told("The POS's menu has faults, and was refused.", then)
    then = "The store keeps the menu it had. See whether the POS answers, and pull the menu."
    return Told("The POS gave no menu.", then)
