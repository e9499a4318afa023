"""What an adapter returned, as the answer that goes to the hub: PAR's ids, the order echoed, amounts as agreed."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, assert_never

import structlog

from heard import limits
from heard.domain.ids import PosOrderId
from heard.domain.money import MAX_CENTS
from heard.domain.pos import KitchenState, PosAnswer, PosCancel, PosError, PosOrder, PosStatus, PosTotals
from heard.domain.stores import Amounts
from heard.pos.adapter import Cancelled, Errored, Placed, Rejected, Standing, Validated
from heard.protocols.posnext import decode, encode
from heard.protocols.posnext.echo import Echo

log = structlog.get_logger()

Result = Validated | Placed | Rejected | Errored | Cancelled | Standing  # a Standing: found after a crash
FAILED = Errored("pos_error", "The POS failed; its log says why.", retryable=True)

_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # lines and tabs may stay
_NO_NUMBER = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, its own members as they are kept, and its bytes: the same with the request echoed."""

    answer: PosAnswer
    own: bytes = field(repr=False)
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an answer is about: the request's own values, its body as it came, and what of it is echoed."""

    about: PosOrder | PosCancel
    raw: bytes = field(repr=False)
    echo: Echo = field(repr=False)
    received_at: datetime


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
                pos_order_id=ticket_number(result.pos_order_id),
                totals=_checked(result.totals) or _totals(subject),
                estimated_ready_at=_time(result.estimated_ready_at),
            )
        case Standing():
            bare = _answer(subject, PosStatus.PENDING, completed_at=now, totals=_totals(subject))
            return news(bare, subject.echo, result, amounts)
        case Cancelled():
            return _said(subject, amounts, PosStatus.CANCELLED, completed_at=now)
        case Rejected():
            error = PosError(_text(result.code) or "rejected", _text(result.message), _text(result.path) or None)
            status = PosStatus.REJECTED
        case Errored():
            error = PosError(_text(result.code) or "errored", _text(result.message), retryable=bool(result.retryable))
            status = PosStatus.ERRORED
        case _:
            assert_never(result)
    return _said(subject, amounts, status, completed_at=now, totals=_totals(subject), errors=(error,))


def kept(own: bytes, echo: Echo, amounts: Amounts) -> Said:
    """An answer that was kept, with the echo of its request: the same bytes as the first time."""
    answer = decode.decode_answer(own, amounts)
    return Said(answer, own, encode.encode_answer(answer, amounts, echo))


def news(said: PosAnswer, echo: Echo, standing: Standing, amounts: Amounts) -> Said:
    """An answer that a hub got before, as the ticket stands now. What was cancelled stays so."""
    cancelled = standing.cancelled or said.status is PosStatus.CANCELLED
    answer = replace(
        said,
        status=PosStatus.CANCELLED if cancelled else PosStatus.PLACED,
        pos_order_id=ticket_number(standing.pos_order_id) or said.pos_order_id,
        kitchen=_kitchen(standing.kitchen) or said.kitchen,
        estimated_ready_at=_time(standing.estimated_ready_at) or said.estimated_ready_at,
        totals=_checked(standing.totals) or said.totals,
        items=(),  # they were the echo's: what the hub sent says more
    )
    return Said(answer, encode.encode_answer(answer, amounts), encode.encode_answer(answer, amounts, echo))


def _said(subject: Subject, amounts: Amounts, status: PosStatus, **stated: Any) -> Said:
    answer = _answer(subject, status, **stated)
    own, raw = encode.encode_both(answer, amounts, subject.echo)
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
    amounts = [getattr(totals, name, None) for name in PosTotals.__slots__]
    if any(type(amount) is not int or not 0 <= amount <= MAX_CENTS for amount in amounts):
        log.error("the adapter's totals are not whole cents", totals=repr(totals)[: limits.TEXT_MAX])
        return None
    added = totals.subtotal - totals.discount_total + totals.tax + totals.tip + totals.fees
    if added != totals.grand_total:
        log.error("the adapter's totals do not add up", grand_total=totals.grand_total, added=added)
    return totals


def ticket_number(given: object) -> PosOrderId | None:
    """A ticket's number as the hub is told it; None where there is none. One that no id can hold is cut, and stays
    another than every other.
    """
    number = str(given) if type(given) is int else given
    if not isinstance(number, str) or not number.strip():
        log.error("the adapter's ticket has no number", got=type(given).__name__)
        return None
    plain = _NO_NUMBER.sub("?", number)
    if plain == number and len(number) <= limits.ID_MAX:
        return PosOrderId(plain[:])
    mark = hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    told = PosOrderId(f"{plain[: limits.ID_MAX - len(mark) - 1]}~{mark}")
    log.error("the adapter's ticket has a number that is no id", told=told)
    return told


def _kitchen(state: KitchenState | None) -> KitchenState | None:
    try:
        return None if state is None else KitchenState(state)
    except ValueError:
        log.error("the adapter's kitchen state is none", got=repr(state)[: limits.TEXT_MAX])
        return None


def _time(at: object) -> datetime | None:
    """A time with a zone, of our era: hubs read no other."""
    if at is None:
        return None
    if isinstance(at, datetime) and at.utcoffset() is not None:
        try:
            moment = at.astimezone(UTC)
        except (OverflowError, ValueError):
            moment = datetime.min.replace(tzinfo=UTC)
        if moment.year >= 1970:
            return moment
    log.error("the adapter's time is none, or has no zone", at=repr(at)[: limits.TEXT_MAX])
    return None


def _text(given: object) -> str:
    """Text that JSON can hold and that a hub reads, whatever it was."""
    if given is None:
        return ""
    try:
        text = given[:] if isinstance(given, str) else str(given)
    except Exception:
        log.exception("the adapter's text cannot be read", got=type(given).__name__)
        return ""
    return _NO_TEXT.sub("\ufffd", text[: limits.TEXT_MAX])
