"""Doing one thing to many: each by itself, as it was seen, and what came of each. Bounded by one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from heard import limits
from heard.console.causes import Fix
from heard.console.house import House
from heard.domain.refusals import Code, Refused
from heard.engine.people import Visitor
from heard.protocols.admin import operations
from heard.storage.faults import UNREACHABLE

SCOPES: Final = {Fix.RETRY: "orders", Fix.RESOLVE: "orders", Fix.RESEND: "webhooks"}


class Came(StrEnum):
    """What came of one."""

    DONE = "done"
    CHANGED = "changed meanwhile"  # by itself, or somebody was quicker: nothing was done
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Seen:
    """One that is to be mended, as it was seen. `parts`: an order and its version, or an event, an endpoint and how far
    the event was on its way there.
    """

    parts: tuple[str, ...]

    @property
    def line(self) -> str:
        return " ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Mended:
    seen: Seen
    came: Came
    why: str = ""


def read_seen(fix: Fix, text: str) -> list[Seen]:
    """What a form names, a line each. Raises Refused(malformed_request) for what no form of ours says."""
    found = [Seen(tuple(line.split(" "))) for line in dict.fromkeys(text.split("\n")) if line]
    if not found:
        raise Refused(Code.ORDER_CONFLICT, "Nothing was chosen, so nothing was done.")
    if len(found) > limits.FIX_BATCH_MAX or not all(_is_whole(fix, one) for one in found):
        raise Refused(Code.MALFORMED_REQUEST, "This is no form of ours.")
    return found


def check_may(by: Visitor, fix: Fix) -> None:
    """Raises Refused(insufficient_scope)."""
    if not by.may(SCOPES[fix]):
        raise Refused(Code.INSUFFICIENT_SCOPE, f"This takes the scope {SCOPES[fix]!r}; you are {by.role}.")


async def mend(house: House, by: Visitor, fix: Fix, chosen: Sequence[Seen], note: str) -> list[Mended]:
    """Do it to each, one after the other, an order's earlier events before its later ones. What is done stays done,
    whatever comes of the next.
    """
    check_may(by, fix)
    came = []
    for seen in sorted(chosen, key=lambda one: one.parts):
        try:
            if fix is Fix.RETRY:
                order_id, version = seen.parts
                await house.office.call(by, operations.RETRY_ORDER, query={"version": version}, order_id=order_id)
            elif fix is Fix.RESOLVE:
                order_id, version = seen.parts
                body = {"note": note, "version": int(version)}
                await house.office.call(by, operations.RESOLVE_ORDER, body, order_id=order_id)
            else:
                await _resend(house, by, seen)
            came.append(Mended(seen, Came.DONE))
        except Refused as refused:
            changed = refused.code is Code.ORDER_CONFLICT
            came.append(Mended(seen, Came.CHANGED if changed else Came.REFUSED, refused.detail))
        except UNREACHABLE:
            came.append(Mended(seen, Came.REFUSED, "The database did not answer: look whether it was done."))
    return came


async def _resend(house: House, by: Visitor, seen: Seen) -> None:
    event_id, endpoint_id, state = seen.parts
    body = {"endpoint_id": endpoint_id, "state": state}
    made = await house.office.call(by, operations.RESEND_EVENT, body, event_id=event_id)
    if not made.resent:
        raise Refused(Code.ORDER_CONFLICT, "It is under way just now.")


def _is_whole(fix: Fix, seen: Seen) -> bool:
    parts = seen.parts
    if fix is Fix.RESEND:
        return len(parts) == 3 and all(0 < len(one) <= limits.ID_MAX for one in parts)
    return len(parts) == 2 and parts[1].isascii() and parts[1].isdigit() and len(parts[1]) <= 9
