"""What a POS's answer means for an order: one obvious place for each status word and each fault.

Nothing here raises: garbage, a wrong digest, an answer for another order are failed attempts with their reason.
"""

from dataclasses import dataclass
from typing import assert_never

from heard import limits
from heard.connectors.contract import GOOD, UNSIGNED, Computed, NothingComputed, NotYet, Read, WouldRefuse
from heard.domain.ids import OrganizationId, RequestUid
from heard.domain.order import commands as c
from heard.domain.order.model import Order, ReasonCode
from heard.domain.order.plan import Task
from heard.domain.pos import PosAnswer, PosStatus
from heard.domain.pos_totals import PosComputed
from heard.domain.refusals import Refused
from heard.domain.stores import Store
from heard.net.call import Answer, NoAnswer
from heard.protocols.posnext import auth, decode

_REASONS = {
    "item_unavailable": ReasonCode.ITEM_UNAVAILABLE,
    "price_mismatch": ReasonCode.PRICE_MISMATCH,
    "store_closed": ReasonCode.STORE_CLOSED,
    "store_not_accepting": ReasonCode.STORE_CLOSED,
    "store_paused": ReasonCode.STORE_PAUSED,
    "order_expired": ReasonCode.NOT_ACCEPTED_IN_TIME,
}
_WITHDRAWING = frozenset({Task.WITHDRAW, Task.READ_WITHDRAWAL})
_TRY_AGAIN = frozenset({401, 403, 408, 425, 429})  # a secret being rotated, a POS that is busy
_NOT_SERVED = frozenset({404, 405, 410, 501})  # a POS without the call, or without the order


def read_answer(task: Task, order: Order, store: Store, asked_uid: RequestUid, answer: Answer | NoAnswer) -> Read:
    """The command that follows from whatever a POS answered to a task's call, and the verdict on its signature."""
    submitting = task is Task.SUBMIT
    if isinstance(answer, NoAnswer):
        return Read(c.FailAttempt(answer.reason, ticket_may_exist=submitting and answer.sent), None)
    if answer.status in (200, 202):
        return _read_body(task, order, store, asked_uid, answer)
    return Read(_read_fault(task, answer), UNSIGNED)


def meaning(task: Task, answer: PosAnswer, *, asked: bool, retry_after_s: float | None = None) -> c.Command:
    """The command for a verified answer's status word."""
    if task in _WITHDRAWING:
        return _withdrawal_meaning(task, answer, retry_after_s)
    validating = task in (Task.VALIDATE, Task.READ_VALIDATION)
    match answer.status:
        case PosStatus.VALIDATED:
            if validating:
                return c.PassValidation(answer.totals.grand_total if answer.totals else None)
            return c.FailAttempt("the POS answered a submit with `validated`", ticket_may_exist=True)
        case PosStatus.PLACED:
            if validating:
                return c.FailAttempt("the POS answered a validate with `placed`", ticket_may_exist=False)
            total = answer.totals.grand_total if answer.totals else None
            return c.PlaceTicket(answer.pos_order_id, total, answer.estimated_ready_at, answer.kitchen, asked)
        case PosStatus.PENDING:
            return c.DeferValidation(retry_after_s) if validating else c.DeferTicket(retry_after_s)
        case PosStatus.REJECTED:
            return c.RefuseOrder(_reason_code(answer), _reason(answer, "the POS refused the order"))
        case PosStatus.ERRORED:
            return c.ErrorOrder(_reason_code(answer), _reason(answer, "the POS could not take the order"))
        case PosStatus.CANCELLED:
            reason = _reason(answer, "cancelled at the POS")
            return c.RefuseOrder(ReasonCode.POS_REFUSED, reason) if validating else c.CancelTicket(reason)
        case _:
            assert_never(answer.status)


def read_computed(order: Order, store: Store, asked_uid: RequestUid, answer: Answer | NoAnswer) -> Computed:
    """What a validate's answer says of the order's numbers."""
    if isinstance(answer, NoAnswer):
        return NothingComputed(answer.reason)
    if answer.status not in (200, 202):
        return NothingComputed(_clean(f"the POS answered {answer.status}{problem_text(answer)}"))
    said = _verified(store, asked_uid, order.organization_id, answer)
    if isinstance(said, _Unreliable):
        return NothingComputed(said.reason)
    match said.status:
        case PosStatus.VALIDATED:
            return PosComputed(said.totals, said.items) if said.totals else NothingComputed("the POS states no totals")
        case PosStatus.PENDING:
            return NotYet(answer.retry_after_s)
        case PosStatus.REJECTED | PosStatus.CANCELLED:
            return WouldRefuse(_reason(said, "the POS would not take the order"))
        case PosStatus.ERRORED | PosStatus.PLACED:
            return NothingComputed(_reason(said, f"the POS answered a validate with `{said.status}`"))
        case _:
            assert_never(said.status)


def fault(command: c.Command, answer: Answer | NoAnswer) -> str | None:
    """Why an answer is no sign of life: there is none, it is a 5xx, or it cannot be relied on."""
    if not isinstance(command, c.FailAttempt) or _is_alive(answer):
        return None
    return command.reason


def probe_fault(store: Store, asked_uid: RequestUid, answer: Answer | NoAnswer) -> str | None:
    """Why the answer to a status read is no sign of life; None when it is one."""
    if isinstance(answer, NoAnswer):
        return answer.reason
    if answer.status not in (200, 202):
        return None if _is_alive(answer) else _clean(f"the POS answered {answer.status}{problem_text(answer)}")
    said = _verified(store, asked_uid, store.organization_id, answer)
    return said.reason if isinstance(said, _Unreliable) else None


def _is_alive(answer: Answer | NoAnswer) -> bool:
    """Who refuses a call has understood it."""
    return isinstance(answer, Answer) and 400 <= answer.status < 500


def _withdrawal_meaning(task: Task, answer: PosAnswer, retry_after_s: float | None) -> c.Command:
    match answer.status:
        case PosStatus.CANCELLED:
            return c.CancelTicket(_reason(answer, "taken back at the POS"))
        case PosStatus.PENDING:
            return c.DeferCancel(retry_after_s)
        case PosStatus.REJECTED | PosStatus.ERRORED:
            return c.RefuseCancel(_reason(answer, f"the POS does not take the ticket back: {answer.status}"))
        case PosStatus.PLACED if task is Task.READ_WITHDRAWAL:
            return c.PlaceTicket(answer.pos_order_id, kitchen=answer.kitchen)
        case PosStatus.PLACED | PosStatus.VALIDATED:
            return c.FailAttempt(f"the POS answered a cancel with `{answer.status}`", ticket_may_exist=False)
        case _:
            assert_never(answer.status)


def _read_body(task: Task, order: Order, store: Store, asked_uid: RequestUid, answer: Answer) -> Read:
    said = _verified(store, asked_uid, order.organization_id, answer)
    if isinstance(said, _Unreliable):
        return Read(c.FailAttempt(said.reason, ticket_may_exist=task is Task.SUBMIT), said.verdict)
    return Read(meaning(task, said, asked=True, retry_after_s=answer.retry_after_s), GOOD)


@dataclass(frozen=True, slots=True)
class _Unreliable:
    """Why an answer cannot be relied on, and the verdict on its signature, which may be good all the same."""

    reason: str
    verdict: str


def _verified(
    store: Store, asked_uid: RequestUid, organization_id: OrganizationId, answer: Answer
) -> PosAnswer | _Unreliable:
    """What a 200 or 202 says, or why it cannot be relied on."""
    try:
        said = decode.decode_answer(answer.body, store.line.amounts)
        auth.verify_answer(
            said, answer.body, answer.headers.get("x-pch-digest"), [store.line.shared_id], store.line.signature
        )
    except Refused as refused:
        # Our reading: what is signed are members of the answer, so that one which cannot be read proves nothing.
        return _Unreliable(_clean(f"the POS's answer cannot be read: {refused.detail}"), "bad: unreadable")
    except auth.DigestRefused as refused:
        return _Unreliable(f"the POS's answer is not signed as agreed: {refused.rule}", f"bad: {refused.rule}")
    other = _other_order(organization_id, store, asked_uid, said)
    return said if other is None else _Unreliable(other, GOOD)


def _other_order(organization_id: OrganizationId, store: Store, asked_uid: RequestUid, said: PosAnswer) -> str | None:
    if said.request_uid != asked_uid:
        return _clean(f"the POS answered for request_uid {said.request_uid!r}, asked was {asked_uid!r}")
    if said.location_id != store.location_id:
        return _clean(f"the POS answered for location {said.location_id!r}, asked was {store.location_id!r}")
    if said.organization_id not in (None, organization_id):
        return _clean(f"the POS answered for organization {said.organization_id!r}")
    return None


def _read_fault(task: Task, answer: Answer) -> c.Command:
    """Our reading: a problem document says that nothing was done; a bare 5xx or another 2xx leaves it open."""
    reason = _clean(f"the POS answered {answer.status}{problem_text(answer)}")
    reading = task in (Task.READ_TICKET, Task.FOLLOW, Task.READ_VALIDATION)
    if answer.status == 404 and reading:
        return c.MissTicket()
    if answer.status == 409 and task is Task.SUBMIT:  # the uid is known there with another body: ask what became of it
        return c.FailAttempt(reason, ticket_may_exist=True)
    if task in _WITHDRAWING and answer.status in _NOT_SERVED:
        return c.RefuseCancel(f"{reason}: it cannot be asked to take the ticket back")
    if answer.status in _TRY_AGAIN or not 400 <= answer.status < 500 or reading:
        nothing_done = _is_problem(answer) or 300 <= answer.status < 500  # a 201 may well have made the ticket
        may_exist = task is Task.SUBMIT and not nothing_done
        return c.FailAttempt(reason, may_exist, answer.retry_after_s)
    return c.RefuseCancel(reason) if task in _WITHDRAWING else c.ErrorOrder(ReasonCode.POS_REFUSED, reason)


def _is_problem(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").split(";")[0].strip().lower() == "application/problem+json"


def problem_text(answer: Answer) -> str:
    """What a problem document says, as ": ..."; empty when the answer is none."""
    if not _is_problem(answer):
        return ""
    return _clean(f": {answer.body[: limits.REASON_MAX].decode('utf-8', 'replace')}")


def _reason_code(answer: PosAnswer) -> ReasonCode:
    return next((_REASONS[error.code] for error in answer.errors if error.code in _REASONS), ReasonCode.POS_REFUSED)


def _reason(answer: PosAnswer, otherwise: str) -> str:
    return _clean("; ".join(error.message or error.code for error in answer.errors) or otherwise)


def _clean(text: str) -> str:
    """Another party's words, fit for our history: printable and short."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return printable[: limits.REASON_MAX]
