"""What a person may do to an order, as forms: the fields of each, and the call of the admin API that it makes. Pure."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from heard import limits
from heard.domain.order.by_hand import Action
from heard.domain.order.model import Attention, ReasonCode
from heard.domain.refusals import FieldError
from heard.protocols.admin import operations
from heard.protocols.admin.operation import Operation
from heard.protocols.strict_json import invalid_body


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `kind`: minutes, reason (one of the closed list), or text."""

    name: str
    label: str
    kind: str
    required: bool = False
    value: str = ""

    @property
    def example(self) -> str | int:
        """What would be taken, so that a call with it does what it says."""
        if self.kind == "minutes":
            return int(self.value)
        return self.value or (self.label if self.required else "")


@dataclass(frozen=True, slots=True)
class Form:
    """`sure`: what is asked before it goes. `danger`: it cannot be taken back."""

    action: Action
    operation: Operation[Any]
    button: str
    fields: tuple[Field, ...] = ()
    danger: bool = False
    sure: str | None = None

    def body(self, given: Mapping[str, str]) -> tuple[dict[str, Any] | None, dict[str, str]]:
        """Body and query of the call, with the version that whoever acts has seen. Raises Refused(invalid_body)."""
        filled: dict[str, Any] = {}
        for field in self.fields:
            text = given.get(field.name, "").strip()
            if field.required and not text:
                raise invalid_body(FieldError(field.name, "missing", f"fill in: {field.label}"))
            if text:
                filled[field.name] = _whole(field.name, text) if field.kind == "minutes" else text
        version = _whole("version", given.get("version", ""))
        if self.operation.request is None:
            return None, {"version": str(version)}
        return {**filled, "version": version}, {}

    def curl(self, base: str, order_id: str, version: int) -> str:
        """The same by hand. What has to be filled in stands there as an example."""
        path = self.operation.path.format(order_id=order_id)
        if self.operation.request is None:
            return curl("POST", f"{base}{path}?version={version}")
        example = {field.name: field.example for field in self.fields}
        return curl("POST", f"{base}{path}", {**example, "version": version})


REASONS: Final = tuple(ReasonCode)
MINUTES_MAX: Final = limits.PREP_TIME_MIN_MAX

FORMS: Final = {
    form.action: form
    for form in (
        Form(
            Action.ACCEPT,
            operations.ACCEPT_ORDER,
            "Accept",
            (Field("prep_time_min", "Ready in minutes", "minutes", value="20"),),
        ),
        Form(
            Action.REJECT,
            operations.REJECT_ORDER,
            "Reject",
            (
                Field("reason_code", "Why", "reason", required=True, value=ReasonCode.OTHER),
                Field("reason", "In your words", "text"),
            ),
            danger=True,
            sure="Reject this order? Its channel is told, and it cannot be taken back.",
        ),
        Form(Action.START, operations.START_ORDER, "Start: the kitchen began"),
        Form(Action.READY, operations.FINISH_ORDER, "Ready for the guest"),
        Form(Action.COMPLETE, operations.COMPLETE_ORDER, "Complete: handed over"),
        Form(
            Action.ETA,
            operations.MOVE_ETA,
            "Move the time",
            (Field("ahead_min", "Ready in minutes from now", "minutes", required=True, value="20"),),
        ),
        Form(Action.RETRY, operations.RETRY_ORDER, "Retry: work on it again"),
        Form(
            Action.RESOLVE,
            operations.RESOLVE_ORDER,
            "Mark resolved",
            (Field("note", "How it was seen to", "text", required=True),),
        ),
        Form(
            Action.CANCEL,
            operations.CANCEL_ORDER,
            "Cancel",
            (
                Field("reason_code", "Why", "reason", required=True, value=ReasonCode.OTHER),
                Field("note", "In your words", "text"),
            ),
            danger=True,
            sure="Cancel this order? Its channel is told, and it cannot be taken back.",
        ),
    )
}
_ASKED_AGAIN: Final = {
    Attention.CANCEL_AT_POS: "Retry: ask the POS again",
    Attention.ORPHAN_TICKET: "Retry: ask the POS again",
    Attention.OUTCOME_UNKNOWN: "Retry: ask the POS again",
    Attention.PAYMENT: "Retry: ask the provider again",
}
PRIMARY: Final = (Action.ACCEPT, Action.RETRY, Action.RESOLVE, Action.START, Action.READY, Action.COMPLETE)  # in turns
DONE: Final = {
    Action.ACCEPT: "Accepted.",
    Action.REJECT: "Rejected.",
    Action.START: "Started.",
    Action.READY: "Ready.",
    Action.COMPLETE: "Completed.",
    Action.ETA: "The time was moved.",
    Action.RETRY: "It is worked on again: what comes of it stands below.",
    Action.RESOLVE: "Marked as resolved.",
    Action.CANCEL: "Cancelled.",
}


def form_of(action: Action, attention: str | None) -> Form:
    """An action's form; a retry says who is asked again, where that is why somebody is called to the order."""
    form = FORMS[action]
    if action is not Action.RETRY or attention is None:
        return form
    return replace(form, button=_ASKED_AGAIN.get(Attention(attention), form.button))


def curl(method: str, url: str, body: Mapping[str, Any] | None = None) -> str:
    """A call as a shell takes it; the key is the reader's own."""
    words = ["curl", *(() if method == "GET" else ("-X", method)), shlex.quote(url)]
    words += ["-H", '"authorization: Bearer $HEARD_ADMIN_KEY"']
    if body is not None:
        words += ["-H", "'content-type: application/json'", "-d", shlex.quote(json.dumps(body))]
    return " ".join(words)


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= limits.NUMBER_DIGITS_MAX):
        raise invalid_body(FieldError(name, "out_of_range", "must be a whole number"))
    return int(text)
