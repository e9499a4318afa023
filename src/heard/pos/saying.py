"""What an adapter returned, as the answer that goes to the hub: PAR's ids, the order echoed, amounts as agreed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, assert_never

import structlog

from heard import limits
from heard.domain.ids import PosOrderId
from heard.domain.pos import PosAnswer, PosCancel, PosError, PosOrder, PosStatus, PosTotals
from heard.domain.stores import Amounts
from heard.pos.adapter import Cancelled, Errored, Placed, Rejected, Standing, Validated
from heard.protocols.posnext import decode, encode

log = structlog.get_logger()

Result = Validated | Placed | Rejected | Errored | Cancelled | Standing  # a Standing: found after a crash
FAILED = Errored("pos_error", "The POS failed; its log says why.", retryable=True)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, its own members as they are kept, and its bytes: the same with the request echoed."""

    answer: PosAnswer
    own: bytes = field(repr=False)
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an answer is about: the request's own values, and its body as it came, to be echoed."""

    about: PosOrder | PosCancel
    received_at: datetime
    sent: Mapping[str, object] = field(repr=False)


def pending(subject: Subject, amounts: Amounts) -> Said:
    """Not decided yet: the body of a 202."""
    return _said(subject, amounts, PosStatus.PENDING, totals=_totals(subject))


def final(subject: Subject, result: Result, now: datetime, amounts: Amounts) -> Said:
    """The answer that ends a request."""
    match result:
        case Validated():
            status, stated = PosStatus.VALIDATED, {"totals": _checked(result.totals) or _totals(subject)}
            return _said(subject, amounts, status, completed_at=now, **stated)
        case Placed():
            return _said(
                subject,
                amounts,
                PosStatus.PLACED,
                completed_at=now,
                pos_order_id=_number(result.pos_order_id),
                totals=_checked(result.totals) or _totals(subject),
                estimated_ready_at=_time(result.estimated_ready_at),
            )
        case Standing():
            bare = _answer(subject, PosStatus.PENDING, completed_at=now, totals=_totals(subject))
            return news(bare, subject.sent, result, amounts)
        case Cancelled():
            return _said(subject, amounts, PosStatus.CANCELLED, completed_at=now)
        case Rejected():
            error = PosError(_text(result.code) or "rejected", _text(result.message), result.path)
            status = PosStatus.REJECTED
        case Errored():
            error = PosError(_text(result.code) or "errored", _text(result.message), retryable=result.retryable)
            status = PosStatus.ERRORED
        case _:
            assert_never(result)
    return _said(subject, amounts, status, completed_at=now, totals=_totals(subject), errors=(error,))


def kept(own: bytes, sent: Mapping[str, object], amounts: Amounts) -> Said:
    """An answer that was kept, with the request that it is the answer to: the same bytes as the first time."""
    answer = decode.decode_answer(own, amounts)
    return Said(answer, own, encode.encode_answer(answer, amounts, sent))


def news(said: PosAnswer, sent: Mapping[str, object], standing: Standing, amounts: Amounts) -> Said:
    """An answer that a hub got before, as the ticket stands now. What was cancelled stays so."""
    cancelled = standing.cancelled or said.status is PosStatus.CANCELLED
    answer = replace(
        said,
        status=PosStatus.CANCELLED if cancelled else PosStatus.PLACED,
        pos_order_id=_number(standing.pos_order_id),
        kitchen=standing.kitchen or said.kitchen,
        estimated_ready_at=_time(standing.estimated_ready_at) or said.estimated_ready_at,
        totals=_checked(standing.totals) or said.totals,
    )
    return Said(answer, encode.encode_answer(answer, amounts), encode.encode_answer(answer, amounts, sent))


def _said(subject: Subject, amounts: Amounts, status: PosStatus, **stated: Any) -> Said:
    answer = _answer(subject, status, **stated)
    own, raw = encode.encode_both(answer, amounts, subject.sent)
    return Said(answer, own, raw)


def _answer(subject: Subject, status: PosStatus, **stated: Any) -> PosAnswer:
    about = subject.about
    return PosAnswer(
        status=status,
        request_uid=about.request_uid,
        request_datetime=about.request_datetime,
        organization_id=about.organization_id,
        location_id=about.location_id,
        online_order_id=about.online_order_id,
        received_at=subject.received_at,
        **stated,
    )


def _totals(subject: Subject) -> PosTotals | None:
    return subject.about.totals if isinstance(subject.about, PosOrder) else None


# A ticket that exists is told even where its adapter was careless with the rest: what cannot be told is left out,
# and its author finds it in the log.


def _checked(totals: PosTotals | None) -> PosTotals | None:
    """Totals in whole cents. That they do not add up is for their author to know; they are the POS's own."""
    if totals is None:
        return None
    amounts = {name: getattr(totals, name) for name in PosTotals.__slots__}
    if any(type(amount) is not int or amount < 0 for amount in amounts.values()):
        log.error("the adapter's totals are not whole cents", totals=repr(totals))
        return None
    added = totals.subtotal - totals.discount_total + totals.tax + totals.tip + totals.fees
    if added != totals.grand_total:
        log.error("the adapter's totals do not add up", grand_total=totals.grand_total, added=added)
    return totals


def _number(pos_order_id: str) -> PosOrderId | None:
    number = str(pos_order_id)[: limits.ID_MAX]
    if not number:
        log.error("the adapter's ticket has no number")
        return None
    return PosOrderId(number)


def _time(at: datetime | None) -> datetime | None:
    if at is not None and at.tzinfo is None:
        log.error("the adapter's time has no zone", at=at.isoformat())
        return None
    return at


def _text(text: str) -> str:
    return str(text)[: limits.TEXT_MAX]
