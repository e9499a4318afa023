"""Requests, each answered once: the adapter is asked, the answer is on disk before it is given, a repeat gets it again.

What takes longer than `answer_within_s` goes on by itself after a 202. A request whose process died is taken over, and
a `place` that was cut short is settled by asking the adapter's `status` first: never by placing it again unasked.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, assert_never

import structlog

from heard import limits
from heard.domain import retry
from heard.domain.pos import PosAnswer, PosCancel, PosOrder, PosStatus, RequestType
from heard.domain.refusals import Code, Refused
from heard.pos import saying
from heard.pos.adapter import (
    Cancelled,
    Errored,
    Location,
    Order,
    OrderRef,
    Placed,
    Rejected,
    Standing,
    Validated,
)
from heard.pos.calling import AdapterFailed, Caller
from heard.pos.options import Options
from heard.pos.saying import FAILED, Result, Said, Subject
from heard.pos.store import Key, Record, Store
from heard.pos.store.keep import Final, NewRequest
from heard.protocols.posnext import decode
from heard.protocols.posnext.status import CANCEL_ORDER, status_word

log = structlog.get_logger()

_UNKNOWN = Errored("outcome_unknown", "The POS does not say what became of the order; staff must look.")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its HTTP status, to be signed under the caller's key."""

    status: int
    answer: PosAnswer
    raw: bytes = field(repr=False)


@dataclass(slots=True)
class _Work:
    """One request under way in this process."""

    new: NewRequest
    subject: Subject
    attempt: int = 1
    written: bool = False  # its row is in the store, leased to us
    task: "asyncio.Task[Said] | None" = None


class Desk:
    """One kit's requests."""

    def __init__(self, caller: Caller, store: Store, options: Options, clock: Callable[[], datetime]) -> None:
        self._caller, self._store, self._options, self._clock = caller, store, options, clock
        self._under_way: dict[Key, _Work] = {}
        self._at: Counter[Location] = Counter()

    # --- what the hub asks --------------------------------------------------------------------------------

    async def take(
        self, about: PosOrder | PosCancel, sent: Mapping[str, object], raw: bytes, location: Location, organization: str
    ) -> Reply:
        """A validate, a submit or a cancel. Raises Refused(request_uid_reused | unavailable)."""
        key = Key(organization, _type_of(about), about.request_uid)
        body_hash = hashlib.sha256(raw).digest()
        work = self._under_way.get(key)
        if work is not None:
            _same(work.new.body_hash, body_hash, about.request_uid)
            return await self._wait(work)
        known = await self._store.find(key)
        if known is not None:
            return self._known(known, body_hash)
        work = self._under_way.get(key)
        if work is not None:  # it came while the store was asked
            _same(work.new.body_hash, body_hash, about.request_uid)
            return await self._wait(work)
        if self._at[location] >= limits.WAITING_MAX:
            raise Refused(Code.UNAVAILABLE, "Too many requests of this location wait for its POS.", retry_after_s=2)
        callback_url = about.callback_url if isinstance(about, PosOrder) else None
        new = NewRequest(key, body_hash, raw, location, callback_url)
        work = _Work(new, Subject(about, self._clock(), sent))
        self._start(work)
        return await self._wait(work)

    async def status(self, organization: str | None, ref: str) -> Reply:
        """How an order stands, by request_uid or POS order id. Raises Refused(unknown_order)."""
        record = await self._store.find_order(organization, ref)
        if record is None:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {ref!r}.")
        if record.status is None:
            return self._pending(self._subject(record), 200)
        said = self._stored(record)
        if record.word == status_word(PosStatus.PLACED):
            said = await self._as_it_stands(record, said)
        return Reply(200, said.answer, said.raw)

    async def find_submit(self, organization: str | None, ref: str) -> Record:
        """The submit that a cancel is about. Raises Refused(unknown_order | illegal_transition)."""
        record = await self._store.find_order(organization, ref)
        if record is None or record.key.request_type != RequestType.PLACE:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {ref!r}.")
        if record.word not in (status_word(PosStatus.PLACED), status_word(PosStatus.CANCELLED)):
            standing = "being placed" if record.status is None else record.word
            raise Refused(Code.ILLEGAL_TRANSITION, f"The order is {standing}: only a placed order can be taken back.")
        return record

    # --- what the POS tells -------------------------------------------------------------------------------

    async def report(self, location: Location, standing: Standing) -> bool:
        """News of a ticket: its answer from now on, and a callback. False when the kit knows no such ticket."""
        number = saying.ticket_number(standing.pos_order_id)
        record = await self._store.find_ticket(location, number) if number is not None else None
        if record is None:
            log.warning("news of a ticket that nobody ordered", pos_order_id=number)
            return False
        said = saying.news(self._stored(record).answer, self._sent(record), standing, self._options.amounts)
        return await self._store.report(record.key, said.raw, status_word(said.answer.status))

    # --- one request --------------------------------------------------------------------------------------

    def _start(self, work: _Work) -> None:
        key, location = work.new.key, work.new.location
        self._under_way[key] = work
        self._at[location] += 1
        work.task = asyncio.create_task(self._work(work))
        work.task.add_done_callback(lambda task: self._ended(task, key, location))

    def _ended(self, task: "asyncio.Task[Said]", key: Key, location: Location) -> None:
        del self._under_way[key]
        self._at[location] -= 1
        if not self._at[location]:
            del self._at[location]
        if not task.cancelled() and task.exception() is not None:  # read here, so that it is never "never retrieved"
            log.warning("a request was not finished", request_uid=key.request_uid, error=repr(task.exception()))

    async def _work(self, work: _Work) -> Said:
        """Have the adapter decide, and keep what it decided."""
        about, key = work.subject.about, work.new.key
        if _commits(about) and not work.written and not self._expired(about):
            work.written = await self._store.begin(work.new, limits.KIT_LEASE_S)
            if not work.written:  # another process has it
                return self._stored_or_pending(await self._again(key))
        said = saying.final(work.subject, await self._result(work), self._clock(), self._options.amounts)
        final = Final(200, said.raw, status_word(said.answer.status), said.answer.pos_order_id)
        if not work.written and await self._store.keep_answered(work.new, final):
            return said
        if await self._store.finish(key, work.attempt, final):
            return said
        log.warning("another attempt has answered", request_uid=key.request_uid)
        return self._stored_or_pending(await self._again(key))

    async def _result(self, work: _Work) -> Result:
        about, location = work.subject.about, work.new.location
        async with self._caller.room(location):
            if isinstance(about, PosCancel):
                return await self._cancel(work, about)
            if self._expired(about) and work.attempt == 1:
                return Rejected("order_expired", "The order came after its time.")
            match about.request_type:
                case RequestType.VALIDATE:
                    return await self._validate(order_of(about, work.subject.sent, location))
                case RequestType.PLACE:
                    return await self._place(work, order_of(about, work.subject.sent, location))
                case _:
                    assert_never(about.request_type)

    async def _validate(self, order: Order) -> Result:
        try:
            result: Result = await self._caller.call("validate", order, Validated, Rejected, Errored)
        except AdapterFailed:
            return FAILED
        return result

    async def _place(self, work: _Work, order: Order) -> Result:
        """Place, but only where it is certain that no earlier try did."""
        ref = OrderRef(order.location, order.request_uid, order.online_order_id)
        if work.attempt > 1:
            found = await self._settled(ref)
            if found is not None:
                return found
            if self._expired(work.subject.about):
                return Rejected("order_expired", "The order was not placed in its time.")
        try:
            result: Result = await self._caller.call("place", order, Placed, Rejected, Errored)
        except AdapterFailed:
            return await self._settled(ref) or FAILED
        return result

    async def _settled(self, ref: OrderRef) -> Result | None:
        """What became of a `place` that was cut short; None: certainly nothing. Asks until it is told."""
        for tries in range(limits.SETTLE_TRIES_MAX):
            try:
                standing: Standing | None = await self._caller.call("status", ref, Standing, NoneType)
            except AdapterFailed:
                await asyncio.sleep(retry.attempt_delay_s(tries + 1, 1.0))
                continue
            if standing is None:
                return None
            if standing.cancelled:
                return Cancelled()
            return Placed(standing.pos_order_id, standing.totals, standing.estimated_ready_at)
        log.error("the adapter never said what became of an order", request_uid=ref.request_uid)
        return _UNKNOWN

    async def _cancel(self, work: _Work, cancel: PosCancel) -> Result:
        record = await self._store.find(Key(work.new.key.organization_id, RequestType.PLACE, cancel.request_uid))
        if record is None:
            return Rejected("not_placed", "There is no ticket to take back.")
        ref = OrderRef(work.new.location, cancel.request_uid, cancel.online_order_id, record.pos_order_id)
        try:
            result: Result = await self._caller.call("cancel", ref, Cancelled, Rejected, Errored)
        except AdapterFailed:
            return FAILED
        if isinstance(result, Cancelled):
            standing = Standing(record.pos_order_id or "", cancelled=True)
            said = saying.news(self._stored(record).answer, self._sent(record), standing, self._options.amounts)
            await self._store.report(record.key, said.raw, status_word(said.answer.status))
        return result

    async def _wait(self, work: _Work) -> Reply:
        """The answer if it comes in time, else 202."""
        assert work.task is not None  # _start made it
        await asyncio.wait({work.task}, timeout=self._options.answer_within_s)
        if not work.task.done() and await self._deferred(work):
            return self._pending(work.subject, 202)
        try:
            said = await asyncio.shield(work.task)
        except Exception:
            if not work.written:
                raise
            # It is on disk, and the POS may have heard of it: a fault would say that nothing was done.
            log.exception("a request was not finished; it is taken up again", request_uid=work.new.key.request_uid)
            return self._pending(work.subject, 202)
        return Reply(202 if said.answer.status is PosStatus.PENDING else 200, said.answer, said.raw)

    async def _deferred(self, work: _Work) -> bool:
        """Promise an answer for later, on disk; False when it has just come, or what was asked is not on disk yet."""
        if not work.written and not _commits(work.subject.about):
            work.written = await self._store.begin(work.new, limits.KIT_LEASE_S)
        return await self._store.defer(work.new.key)

    def _known(self, record: Record, body_hash: bytes) -> Reply:
        """The answer of a request that came before. Raises Refused(request_uid_reused)."""
        _same(record.body_hash, body_hash, record.key.request_uid)
        if record.status is None:
            return self._pending(self._subject(record), 202)
        said = self._stored(record)
        return Reply(record.status, said.answer, said.raw)

    # --- what is in the store -----------------------------------------------------------------------------

    async def _again(self, key: Key) -> Record:
        record = await self._store.find(key)
        assert record is not None  # a conflict said that it is there, and nothing young is deleted
        return record

    def _stored_or_pending(self, record: Record) -> Said:
        if record.status is None:
            return saying.pending(self._subject(record), self._options.amounts)
        return self._stored(record)

    def _stored(self, record: Record) -> Said:
        assert record.answer is not None  # it has a status
        return Said(decode.decode_answer(record.answer, self._options.amounts), record.answer)

    def _pending(self, subject: Subject, status: int) -> Reply:
        said = saying.pending(subject, self._options.amounts)
        return Reply(status, said.answer, said.raw)

    def _subject(self, record: Record) -> Subject:
        about: PosOrder | PosCancel
        if record.key.request_type == CANCEL_ORDER:
            about, sent = decode.decode_cancel(record.body)
        else:
            about, sent = decode.read_order(record.body, self._options.amounts)
        return Subject(about, datetime.fromtimestamp(record.received_at_s, UTC), sent)

    def _sent(self, record: Record) -> Mapping[str, object]:
        return self._subject(record).sent

    async def _as_it_stands(self, record: Record, said: Said) -> Said:
        """A placed order's answer with what the POS says now; as it was, where the POS does not say."""
        about = said.answer
        ref = OrderRef(record.location, about.request_uid, about.online_order_id, record.pos_order_id)
        try:
            async with asyncio.timeout(self._options.answer_within_s), self._caller.room(record.location):
                standing: Standing | None = await self._caller.call("status", ref, Standing, NoneType)
        except (AdapterFailed, TimeoutError):
            return said
        if standing is None:
            log.error("the POS has lost a ticket", request_uid=ref.request_uid, pos_order_id=ref.pos_order_id)
            return said
        return saying.news(about, self._sent(record), standing, self._options.amounts)

    def _expired(self, about: PosOrder | PosCancel) -> bool:
        if isinstance(about, PosCancel) or about.ttl_s is None:
            return False
        return self._clock() - about.request_datetime > timedelta(seconds=about.ttl_s)

    # --- what goes on beside ------------------------------------------------------------------------------

    async def keep_leases(self) -> None:
        """Renew the leases of what is under way here."""
        for work in list(self._under_way.values()):
            if work.written and not await self._store.renew(work.new.key, work.attempt, limits.KIT_LEASE_S):
                log.debug("lease ended", request_uid=work.new.key.request_uid)

    async def take_over(self) -> int:
        """Go on with requests whose process died; how many."""
        records = await self._store.take_over(limits.KIT_LEASE_S)
        for record in records:
            log.info("taken over", request_uid=record.key.request_uid, request_type=record.key.request_type)
            new = NewRequest(record.key, record.body_hash, record.body, record.location, record.callback_url)
            try:
                subject = self._subject(record)
            except Refused as refused:  # such as amounts that were agreed otherwise when it came
                log.error("a request cannot be read any more", request_uid=record.key.request_uid, why=refused.detail)
                continue
            if record.key not in self._under_way:
                self._start(_Work(new, subject, record.attempt, written=True))
        return len(records)

    async def finish(self, within_s: float) -> None:
        """Let what is under way end, but not for longer; the rest is taken over at the next start."""
        tasks = [work.task for work in self._under_way.values() if work.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)


def order_of(order: PosOrder, sent: Mapping[str, object], location: Location) -> Order:
    """An order as the adapter gets it."""
    details = sent.get("order_details")
    return Order(
        location=location,
        request_uid=order.request_uid,
        online_order_id=order.online_order_id,
        order_type=order.order_type,
        items=order.items,
        totals=order.totals,
        customer=order.customer,
        requested_at=order.requested_at,
        notes=order.notes,
        payments=order.payments,
        sent=_copied(details) if isinstance(details, dict) else {},
    )


def _copied(value: Any) -> Any:
    """JSON values of their own: the adapter may do with them what it likes, and the echo stays what was sent."""
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(element) for element in value] if isinstance(value, list) else value


def _commits(about: PosOrder | PosCancel) -> bool:
    """Whether it must be on disk before the adapter hears of it. A validate is harmless to repeat."""
    return not isinstance(about, PosOrder) or about.request_type is RequestType.PLACE


def _type_of(about: PosOrder | PosCancel) -> str:
    return about.request_type.value if isinstance(about, PosOrder) else CANCEL_ORDER


def _same(known: bytes, given: bytes, request_uid: str) -> None:
    """A repeat has the same bytes: what is in another body was never agreed to. Raises Refused."""
    if known != given:
        raise Refused(Code.REQUEST_UID_REUSED, f"request_uid {request_uid!r} came with another body before.")
