"""Requests, each answered once: the adapter is asked, the answer is on disk before it is given, a repeat gets it again.

What takes longer than `answer_within_s` goes on by itself after a 202. A request whose process died is taken over, and
a `place` that was cut short is settled by asking the adapter's `status` first: never by placing it again unasked.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import assert_never

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
from heard.pos.asking import order_of
from heard.pos.calling import AdapterFailed, Caller
from heard.pos.options import Options
from heard.pos.patience import Patience
from heard.pos.places import Place, Places
from heard.pos.saying import FAILED, Result, Said, Subject
from heard.pos.store import Key, Record, Store
from heard.pos.store.keep import Final, NewRequest
from heard.protocols.posnext import decode
from heard.protocols.posnext.echo import Echo, echo_of
from heard.protocols.posnext.status import CANCEL_ORDER, status_word

log = structlog.get_logger()

_UNKNOWN = Errored("outcome_unknown", "The POS does not say what became of the order; staff must look.")
_LATE = Rejected("order_expired", "The order came after its time.")


class Unsure(Exception):
    """Nobody can say now whether a request was written down: it was refused too late, or taken too early."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its HTTP status, to be signed under the caller's key."""

    status: int
    answer: PosAnswer
    raw: bytes = field(repr=False)


@dataclass(slots=True)
class _Work:
    """One request under way in this process. What was read of it is let go once its answer is made: an order is large,
    and dozens may be waiting for the disk.
    """

    new: NewRequest
    received_at: datetime
    read: Subject | None
    place: Place
    attempt: int = 1
    beginning: bool = False  # its row is being written: who knows whether it is there
    written: bool = False  # its row is in the store, leased to us
    task: "asyncio.Task[Said | None] | None" = None  # None: another process answers it
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # it is on disk, or will be only with its answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came, and the work that it is answered by: its own, or that of the same request before it."""

    new: NewRequest
    work: _Work


class Desk:
    """One kit's requests."""

    def __init__(self, caller: Caller, store: Store, options: Options, clock: Callable[[], datetime]) -> None:
        self._caller, self._store, self._options, self._clock = caller, store, options, clock
        self._patience = Patience(options.answer_within_s)
        self._under_way: dict[Key, _Work] = {}
        self._places = Places()

    # --- what the hub asks --------------------------------------------------------------------------------

    def ask(self, about: PosOrder | PosCancel, echo: Echo, raw: bytes, location: Location, organization: str) -> Asked:
        """A validate, a submit or a cancel; from now on it is under way."""
        key = Key(organization, _type_of(about), about.request_uid)
        callback_url = about.callback_url if isinstance(about, PosOrder) else None
        new = NewRequest(key, hashlib.blake2b(raw, digest_size=32).digest(), raw, location, callback_url)
        work = self._under_way.get(key)
        if work is None:
            work = self._start(new, Subject(about, raw, echo, self._clock()))
        return Asked(new, work)

    async def answer(self, asked: Asked) -> Reply:
        """What a request is answered. Raises Refused(request_uid_reused | unavailable), Unsure."""
        work, new = asked.work, asked.new
        if work.new.body_hash != new.body_hash:
            await work.begun.wait()  # which of the two bodies is the first is decided where every process looks
            known = None if work.written else await self._store.find(new.key)
            if known is not None:
                return await self._known(known, new)
            _same(work.new.body_hash, new)
        return await self._wait(work)

    async def status(self, organization: str | None, ref: str) -> Reply:
        """How an order stands, by request_uid or POS order id. Raises Refused(unknown_order)."""
        record = await self._store.find_order(organization, ref)
        if record is None:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {ref!r}.")
        if record.status is None:
            return self._pending(self._recorded(record), 200)
        said = self._stored(record, self._echo(record))
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
        if number is None:
            return False
        self._places.keep(location, number, standing)
        record = await self._store.find_ticket(location, number)
        if record is not None:
            self._places.drop(location, number)
            await self._tell(record, standing)
            return True
        if self._places.is_kept(location, number):
            return True
        log.warning("news of a ticket that nobody ordered", pos_order_id=number)
        return False

    async def _tell(self, record: Record, standing: Standing) -> Said:
        """Put news into an answer, anew each time that other news comes between."""
        for _ in range(limits.REPORT_TRIES_MAX):
            echo = self._echo(record)
            before = self._stored(record, echo)
            said = saying.news(before.answer, echo, standing, self._options.amounts)
            word = status_word(said.answer.status)
            if said.own == before.own or await self._store.report(record.key, before.own, said.own, said.raw, word):
                return said
            record = await self._reread(record.key)
        raise Refused(Code.UNAVAILABLE, "News of this ticket comes faster than it can be kept.", retry_after_s=2)

    # --- one request --------------------------------------------------------------------------------------

    def _start(self, new: NewRequest, subject: Subject, attempt: int = 1, *, written: bool = False) -> _Work:
        place = self._places.enter(new.location)
        work = _Work(new, subject.received_at, subject, place, attempt, written=written)
        self._under_way[work.new.key] = work
        work.task = asyncio.create_task(self._work(work))
        work.task.add_done_callback(lambda task: self._ended(task, work))
        return work

    def _ended(self, task: "asyncio.Task[Said | None]", work: _Work) -> None:
        del self._under_way[work.new.key]
        work.begun.set()
        self._places.leave(work.place)
        fault = None if task.cancelled() else task.exception()  # read here, so that it is never "never retrieved"
        if fault is not None and not isinstance(fault, Refused):
            log.warning("a request was not finished", request_uid=work.new.key.request_uid, error=repr(fault))

    async def _work(self, work: _Work) -> Said | None:
        """Have the adapter decide, and keep what it decided. None: it was decided before, or another process has it."""
        key = work.new.key
        if not work.written:  # looked up here: of several that come at once, one looks and the others wait for it
            if await self._store.find(key) is not None:
                return None
            if work.place.full:
                raise Refused(Code.UNAVAILABLE, "Too many requests of this location wait for its POS.", retry_after_s=2)
        late = work.attempt == 1 and self._expired(self._subject(work).about)
        if _commits(key) and not work.written and not late and not await self._begin(work):
            return None
        work.begun.set()
        result = _LATE if late else await self._result(work)
        said = saying.final(self._subject(work), result, self._clock(), self._options.amounts)
        work.read = None
        _log_decision(key, said.answer)
        final = Final(200, said.own, said.raw, status_word(said.answer.status), said.answer.pos_order_id)
        async with work.writing:
            if not work.written:
                return said if await self._store.keep_answered(work.new, final) else None
        attempt = 0
        while not await self._store.finish(key, attempt := work.attempt, final):
            if work.attempt == attempt:
                log.warning("another attempt has answered", request_uid=key.request_uid)
                return None
        await self._tell_early(work.place, final.pos_order_id)
        return said

    async def _begin(self, work: _Work) -> bool:
        """Write a request down, leased to us; False when another process has it. Raises Unsure when nobody can say."""
        async with work.writing:
            work.beginning = True
            try:
                work.written = await self._store.begin(work.new, limits.KIT_LEASE_S)
            except self._store.unreachable:
                try:  # the fault may have come after the commit
                    if await self._store.find(work.new.key) is not None:
                        return False
                except self._store.unreachable:
                    raise Unsure from None
                work.beginning = False
                raise
            work.beginning = False
            return work.written

    async def _tell_early(self, place: Place, pos_order_id: str | None) -> None:
        """What the kitchen said before the answer was kept."""
        standing = place.early.pop(pos_order_id or "", None)
        if standing is not None:
            try:
                await self.report(place.location, standing)
            except self._store.unreachable:
                log.exception("news was lost", pos_order_id=pos_order_id)

    async def _result(self, work: _Work) -> Result:
        subject, location = self._subject(work), work.new.location
        about = subject.about
        if isinstance(about, PosCancel):
            return await self._cancel(work, about)
        match about.request_type:
            case RequestType.VALIDATE:
                return await self._validate(work, order_of(about, subject.raw, location))
            case RequestType.PLACE:
                return await self._place(work, order_of(about, subject.raw, location))
            case _:
                assert_never(about.request_type)

    async def _validate(self, work: _Work, order: Order) -> Result:
        async with self._caller.room(order.location):
            if self._expired(self._subject(work).about):
                return _LATE
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
        async with self._caller.room(order.location):
            if self._expired(self._subject(work).about):
                return _LATE
            try:
                result: Result = await self._caller.call("place", order, Placed, Rejected, Errored)
            except AdapterFailed:
                pass
            else:
                return result
        return await self._settled(ref) or FAILED

    async def _settled(self, ref: OrderRef) -> Result | None:
        """What became of a `place` that was cut short; None: certainly nothing. Asks until it is told."""
        for tries in range(limits.SETTLE_TRIES_MAX):
            try:
                async with self._caller.room(ref.location):
                    standing: Standing | None = await self._caller.call("status", ref, Standing, NoneType)
            except AdapterFailed:
                await asyncio.sleep(retry.attempt_delay_s(tries + 1, 1.0))
            else:
                return standing
        log.error("the adapter never said what became of an order", request_uid=ref.request_uid)
        return _UNKNOWN

    async def _cancel(self, work: _Work, cancel: PosCancel) -> Result:
        submit = Key(work.new.key.organization_id, RequestType.PLACE, cancel.request_uid)
        record = await self._store.find(submit)
        if record is None:
            return Rejected("not_placed", "There is no ticket to take back.")
        ref = OrderRef(work.new.location, cancel.request_uid, cancel.online_order_id, record.pos_order_id)
        try:
            async with self._caller.room(work.new.location):
                result: Result = await self._caller.call("cancel", ref, Cancelled, Rejected, Errored)
        except AdapterFailed:
            return FAILED
        if isinstance(result, Cancelled):
            await self._tell(record, Standing(record.pos_order_id or "", cancelled=True))
        return result

    async def _wait(self, work: _Work) -> Reply:
        """The answer if it comes in time, else 202. What is on disk is never told as a fault: it will be decided."""
        task, key = work.task, work.new.key
        assert task is not None  # _start made it
        await self._patience.wait(task)
        while not task.done():
            try:
                if await self._deferred(work):
                    return self._pending(self._subject(work), 202)
                record = await self._store.find(key)
                if record is not None and record.status is not None:
                    return await self._known(record, work.new)
            except self._store.unreachable:
                if work.written:
                    return self._pending(self._subject(work), 202)
            await self._patience.wait(task)
        if not task.cancelled() and task.exception() is None:
            said = task.result()
            if said is not None:
                return Reply(200, said.answer, said.raw)
            return await self._known(await self._reread(key), work.new)
        if work.written:
            return self._pending(self._subject(work), 202)
        if work.beginning:
            raise Unsure
        if task.cancelled():
            raise Refused(Code.UNAVAILABLE, "The POS is about to end.", retry_after_s=2)
        fault = task.exception()
        assert fault is not None  # it neither returned nor was cancelled
        raise fault

    async def _deferred(self, work: _Work) -> bool:
        """Promise an answer for later, on disk; False when it has just come, or what was asked is not on disk yet."""
        if not _commits(work.new.key):
            async with work.writing:  # of several who wait for it, one writes it down
                if not work.written:
                    work.written = await self._store.begin(work.new, limits.KIT_LEASE_S)
            if not work.written:
                return False
        return await self._store.defer(work.new.key)

    async def _known(self, record: Record, new: NewRequest) -> Reply:
        """The answer of a request that came before. Raises Refused(request_uid_reused)."""
        _same(record.body_hash, new)
        if record.status is None:
            with contextlib.suppress(*self._store.unreachable):  # then it is told to whoever asks, and not called back
                if not await self._store.defer(record.key):
                    record = await self._reread(record.key)
        if record.status is None:
            return self._pending(self._recorded(record), 202)
        said = self._stored(record, self._read(new.key, new.body, self._clock()).echo)
        return Reply(record.status, said.answer, said.raw)

    # --- what is in the store -----------------------------------------------------------------------------

    async def _reread(self, key: Key) -> Record:
        record = await self._store.find(key)
        assert record is not None  # a conflict said that it is there, and nothing young is deleted
        return record

    def _stored(self, record: Record, echo: Echo) -> Said:
        assert record.answer is not None  # it has a status
        return saying.kept(record.answer, echo, self._options.amounts)

    def _pending(self, subject: Subject, status: int) -> Reply:
        said = saying.pending(subject, self._options.amounts)
        return Reply(status, said.answer, said.raw)

    def _subject(self, work: _Work) -> Subject:
        """Of a request under way; read again where its answer is made already."""
        return work.read or self._read(work.new.key, work.new.body, work.received_at)

    def _recorded(self, record: Record) -> Subject:
        """Of a request that is on disk whole."""
        assert record.body is not None  # only a validate that was answered at once has none
        return self._read(record.key, record.body, datetime.fromtimestamp(record.received_at_s, UTC))

    def _read(self, key: Key, raw: bytes, received_at: datetime) -> Subject:
        about: PosOrder | PosCancel
        if key.request_type == CANCEL_ORDER:
            about, sent = decode.decode_cancel(raw)
        else:
            about, sent = decode.read_order(raw, self._options.amounts)
        return Subject(about, raw, echo_of(sent), received_at)

    def _echo(self, record: Record) -> Echo:
        """What there is to echo; nothing of a validate that was answered at once."""
        return Echo() if record.body is None else self._recorded(record).echo

    async def _as_it_stands(self, record: Record, said: Said) -> Said:
        """A placed order's answer with what the POS says now; as it was, where the POS does not say.

        That a ticket is cancelled is final, so it is kept: the POS may be silent when the hub asks again.
        """
        about = said.answer
        ref = OrderRef(record.location, about.request_uid, about.online_order_id, record.pos_order_id)
        try:
            async with asyncio.timeout(self._options.answer_within_s), self._caller.room(record.location):
                standing: Standing | None = await self._caller.call("status", ref, Standing, NoneType, hurried=True)
        except (AdapterFailed, TimeoutError):
            return said
        if standing is None:
            log.error("the POS has lost a ticket", request_uid=ref.request_uid, pos_order_id=ref.pos_order_id)
            return said
        if standing.cancelled:
            return await self._tell(record, standing)
        return saying.news(about, self._echo(record), standing, self._options.amounts)

    def _expired(self, about: PosOrder | PosCancel) -> bool:
        if isinstance(about, PosCancel) or about.ttl_s is None:
            return False
        return self._clock() - about.request_datetime > timedelta(seconds=about.ttl_s)

    # --- what goes on beside ------------------------------------------------------------------------------

    async def keep_leases(self) -> None:
        """Renew the leases of what is under way here."""
        written = [work for work in self._under_way.values() if work.written]
        renewals = (self._store.renew(work.new.key, work.attempt, limits.KIT_LEASE_S) for work in written)
        kept = await asyncio.gather(*renewals, return_exceptions=True)
        for work, renewed in zip(written, kept, strict=True):
            if renewed is not True:
                log.warning("a lease was not kept", request_uid=work.new.key.request_uid, why=repr(renewed))

    async def take_over(self) -> int:
        """Go on with requests whose process died; how many."""
        records = await self._store.take_over(limits.KIT_LEASE_S)
        for record in records:
            log.info("taken over", request_uid=record.key.request_uid, request_type=record.key.request_type)
            work = self._under_way.get(record.key)
            if work is not None:  # our own, whose lease ended while this process was held up: it is ours again
                work.attempt = record.attempt
                continue
            assert record.body is not None  # it was written down before it was worked on
            new = NewRequest(record.key, record.body_hash, record.body, record.location, record.callback_url)
            try:
                subject = self._recorded(record)
            except Refused:  # written down under other settings; it must not keep the others waiting
                log.exception("what was written down cannot be read", request_uid=record.key.request_uid)
                continue
            self._start(new, subject, record.attempt, written=True)
        return len(records)

    async def finish(self, within_s: float) -> None:
        """Let what is under way end, but not for longer; the rest is taken over at the next start."""
        tasks = [work.task for work in self._under_way.values() if work.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)
        for task in tasks:
            task.cancel()
        if tasks:  # an adapter may be deaf to it
            await asyncio.wait(tasks, timeout=within_s)


def _log_decision(key: Key, answer: PosAnswer) -> None:
    """What the POS decided, and why where it refused."""
    why = [{"code": one.code, "message": one.message, "path": one.path} for one in answer.errors]
    log.info(
        "decided",
        request_uid=key.request_uid,
        request_type=key.request_type,
        status=answer.status.value,
        pos_order_id=answer.pos_order_id,
        why=why,
    )


def _commits(key: Key) -> bool:
    """Whether it must be on disk before the adapter hears of it. A validate is harmless to repeat."""
    return key.request_type != RequestType.VALIDATE


def _type_of(about: PosOrder | PosCancel) -> str:
    return about.request_type.value if isinstance(about, PosOrder) else CANCEL_ORDER


def _same(body_hash: bytes, new: NewRequest) -> None:
    """A repeat has the same bytes: what is in another body was never agreed to. Raises Refused."""
    if new.body_hash != body_hash:
        text = f"request_uid {new.key.request_uid!r} came with another body before."
        raise Refused(Code.REQUEST_UID_REUSED, text)
