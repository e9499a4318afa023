"""Whatever a POS answers is at worst a failed attempt with its reason in the history: no crash, no double."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from builders import SHARED_ID
from heard import limits
from heard.domain.ids import OrganizationId, RequestUid
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import ReasonCode, Status
from heard.domain.pos import PosAnswer, PosError, PosStatus
from heard.domain.stores import Amounts, PosConnection, StoreRules
from heard.protocols.posnext import auth, decode, encode
from parties import Town, a_town

LINE = PosConnection("", SHARED_ID)
BOMB = gzip.compress(b" " * (64 << 20))
HTML = b"<html><body>Bad gateway</body></html>"


@dataclass
class Garbage:
    """A POS on a bare socket: one function makes all its answers to a submit, reads are 404, validates pass."""

    submit: Callable[[PosAnswer], bytes]
    submits: int = 0
    reads: int = 0
    validate: Callable[[PosAnswer], bytes] | None = None
    keep_open: bool = False
    submitted_at: list[float] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length")), 0
            )
            writer.write(self._answer(head.split(" ", 2), await reader.readexactly(length)))
            await writer.drain()
            if self.keep_open:
                await reader.read()  # until the hub has had enough
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.open.discard(writer)

    def _answer(self, head: list[str], body: bytes) -> bytes:
        self.paths.append(head[1])
        if head[0] == "GET":
            self.reads += 1
            return response(404, b"{}", "application/json")
        order = decode.decode_order(body, Amounts.MINOR)
        said = PosAnswer(
            status=PosStatus.PLACED,
            request_uid=order.request_uid,
            request_datetime=order.request_datetime,
            organization_id=order.organization_id,
            location_id=order.location_id,
            online_order_id=order.online_order_id,
            totals=order.totals,
        )
        if head[1].endswith("validate") and self.validate is not None:
            return self.validate(said)
        if head[1].endswith("validate"):
            return signed(replace(said, status=PosStatus.VALIDATED))
        self.submits += 1
        self.submitted_at.append(time.monotonic())
        return self.submit(said)


def response(status: int, body: bytes, kind: str = "text/html", *headers: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status} X",
        f"content-type: {kind}",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signed(said: PosAnswer, digest: str | None = None, status: int = 200) -> bytes:
    raw = encode.encode_answer(said, Amounts.MINOR)
    mark = digest if digest is not None else auth.sign_answer(said, raw, LINE)
    return response(status, raw, "application/json", f"x-pch-digest: {mark}")


@asynccontextmanager
async def a_garbage_town(
    dsn: str, submit: Callable[[PosAnswer], bytes], within_s: int = 3
) -> AsyncIterator[tuple[Town, Garbage]]:
    garbage = Garbage(submit)
    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with a_town(dsn, callbacks=False, rules=StoreRules(accept_within_s=within_s), worker=False) as town:
            await town.house.hub.pool.execute("UPDATE stores SET pos_url = $1", url)
            store = await town.house.hub.store(town.venue_id)
            assert store is not None
            town.house.hub.forget_store(store)
            worker = asyncio.create_task(town.house.worker().run())
            try:
                yield town, garbage
            finally:
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)
    finally:
        server.close()
        for writer in garbage.open:
            writer.close()


def _unknown_word(said: PosAnswer) -> bytes:
    document = json.loads(encode.encode_answer(said, Amounts.MINOR))
    raw = json.dumps({**document, "status": "maybe"}).encode()
    return response(200, raw, "application/json", f"x-pch-digest: {auth.sign_answer(said, raw, LINE)}")


# What a POS answers to a submit, and words of the reason that the order's history must then hold.
UNRELIABLE: dict[str, tuple[Callable[[PosAnswer], bytes], str]] = {
    "HTML": (lambda _: response(200, HTML), "cannot be read"),
    "nothing": (lambda _: response(200, b""), "cannot be read"),
    "not even HTTP": (lambda _: b"\x00\x01\x02garbage\r\n\r\n", "the connection broke"),
    "a closed connection": (lambda _: b"", "the connection broke"),
    "half a body": (lambda said: signed(said)[:-30], "the connection broke"),
    "a wrong digest": (lambda said: signed(said, "0" * 64), "not signed as agreed"),
    "no digest": (lambda said: signed(said, ""), "not signed as agreed"),
    "an odd digest": (lambda said: signed(said, "\x80zz"), "not signed as agreed"),
    "another order": (lambda said: signed(replace(said, request_uid=RequestUid("sub_other"))), "request_uid"),
    "another location": (lambda said: signed(replace(said, location_id=type(said.location_id)("LOC-9"))), "location"),
    "validated to a submit": (lambda said: signed(replace(said, status=PosStatus.VALIDATED)), "validated"),
    "an unknown word": (_unknown_word, "cannot be read"),
    "500 with HTML": (lambda _: response(500, HTML), "answered 500"),
    "502 with HTML": (lambda _: response(502, HTML), "answered 502"),
    "the digest of another message": (
        lambda said: signed(said, auth.sign_answer(replace(said, online_order_id="ord_other"), b"", LINE)),
        "not signed as agreed",
    ),
    "the digest in another scheme": (
        lambda said: signed(said, auth.body_digest(SHARED_ID, encode.encode_answer(said, Amounts.MINOR))),
        "not signed as agreed",
    ),
    "no digest at all": (
        lambda said: response(200, encode.encode_answer(said, Amounts.MINOR), "application/json"),
        "not signed as agreed",
    ),
    "another organization": (
        lambda said: signed(replace(said, organization_id=OrganizationId("other"))),
        "organization",
    ),
    "no gzip": (lambda _: response(200, HTML, "application/json", "content-encoding: gzip"), "the connection broke"),
    "a bomb": (lambda _: response(200, BOMB, "application/json", "content-encoding: gzip"), "larger than"),
    "headers that are no text": (lambda _: response(200, HTML, "text/html", "x-odd: \u20ac"), "cannot be read"),
    "10,000 deep": (lambda _: response(200, b"[" * 10_000, "application/json"), "cannot be read"),
    "201": (lambda _: response(201, b"{}", "application/json"), "answered 201"),
    "204": (lambda _: b"HTTP/1.1 204 X\r\n\r\n", "answered 204"),
    "a body too large": (lambda _: response(200, b" " * (3 << 20), "application/json"), "larger than"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNRELIABLE)
async def test_an_answer_that_cannot_be_relied_on_leaves_the_outcome_unknown(dsn: str, name: str) -> None:
    submit, words = UNRELIABLE[name]
    with capture_logs() as logs:
        async with a_garbage_town(dsn, submit) as (town, garbage):
            order_id = await town.send("A-1")
            order = await town.until(order_id, Status.REJECTED)
            history = await town.history(order_id)
            stalls = await town.house.hub.pool.fetchval("SELECT stalls FROM orders")
    assert order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
    notes = [row.note or "" for row in history if row.step is Step.LOSE]
    assert notes
    assert all(words in note for note in notes), notes
    assert all(len(note) <= 600 and note.isprintable() for note in notes)
    assert garbage.reads >= garbage.submits - 1, "no submit went out again before the POS was asked"
    assert stalls <= 1
    assert [line for line in logs if line["event"] == "a fault of ours"] == []


PROBLEM = "application/problem+json"
CERTAIN: dict[str, tuple[bytes, Step, Status]] = {
    "401": (response(401, b"{}", PROBLEM), Step.FAIL_ATTEMPT, Status.REJECTED),
    "503 problem": (response(503, b'{"code":"unavailable"}', PROBLEM), Step.FAIL_ATTEMPT, Status.REJECTED),
    "429": (response(429, b"", "text/plain"), Step.FAIL_ATTEMPT, Status.REJECTED),
    "302": (response(302, b"", "text/plain", "location: http://127.0.0.1:1/"), Step.FAIL_ATTEMPT, Status.REJECTED),
    "422 problem": (response(422, b'{"code":"invalid_body"}', PROBLEM), Step.ERROR, Status.FAILED),
    "404 HTML": (response(404, HTML), Step.ERROR, Status.FAILED),
}  # fmt: skip


@pytest.mark.parametrize("name", CERTAIN)
async def test_a_call_that_certainly_did_nothing_is_no_unknown_outcome(dsn: str, name: str) -> None:
    answer, step, ends = CERTAIN[name]
    async with a_garbage_town(dsn, lambda _: answer) as (town, garbage):
        order_id = await town.send("A-1")
        order = await town.until(order_id, ends)
        steps = [row.step for row in await town.history(order_id)]
    assert order.status is ends
    assert step in steps
    assert Step.LOSE not in steps
    assert garbage.reads == 0


async def test_an_error_of_the_pos_is_told_with_its_own_words_made_safe(dsn: str) -> None:
    nasty = PosError("odd", "no \x1b[31mred\x07 \u202e" + "x" * 2000)
    async with a_garbage_town(
        dsn, lambda said: signed(replace(said, status=PosStatus.ERRORED, totals=None, errors=(nasty,)))
    ) as (town, _):
        order = await town.until(await town.send("A-1"), Status.FAILED)
    assert order.reason is not None
    assert order.reason.isprintable()
    assert len(order.reason) <= 500


async def test_a_body_that_never_ends_leaves_the_outcome_unknown(dsn: str) -> None:
    def half(said: PosAnswer) -> bytes:
        return signed(said)[:-30]

    async with a_garbage_town(dsn, half) as (town, garbage):
        garbage.keep_open = True
        garbage.validate = lambda said: signed(replace(said, status=PosStatus.VALIDATED))
        order_id = await town.send("A-1")
        await town.until(order_id, Status.REJECTED)
        notes = [row.note or "" for row in await town.history(order_id) if row.step is Step.LOSE]
        assert notes
        assert all(note.startswith("no answer within") for note in notes)
        assert garbage.reads >= garbage.submits - 1


BAD_VALIDATES: dict[str, tuple[Callable[[PosAnswer], bytes], str]] = {
    "HTML": (lambda _: response(200, HTML), "cannot be read"),
    "a closed connection": (lambda _: b"", "the connection broke"),
    "placed": (signed, "answered a validate with `placed`"),
    "a wrong digest": (lambda said: signed(replace(said, status=PosStatus.VALIDATED), "0" * 64), "not signed"),
    "500": (lambda _: response(500, HTML), "answered 500"),
}


@pytest.mark.parametrize("name", BAD_VALIDATES)
async def test_garbage_to_a_validate_is_tried_again_and_nothing_is_submitted(
    dsn: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate, words = BAD_VALIDATES[name]
    monkeypatch.setattr(limits, "BACKOFF_BASE_S", 0.2)  # a second try within an order's two seconds, however busy
    with capture_logs() as logs:
        async with a_garbage_town(dsn, signed) as (town, garbage):
            garbage.validate = validate
            order_id = await town.send("A-1")
            order = await town.until(order_id, Status.REJECTED)
            notes = [row.note or "" for row in await town.history(order_id) if row.step is Step.FAIL_ATTEMPT]
    assert order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
    assert len(notes) >= 2
    assert all(words in note for note in notes), notes
    assert garbage.submits == 0
    assert [line for line in logs if line["event"] == "a fault of ours"] == []


async def test_a_redirect_is_not_followed(dsn: str) -> None:
    away = response(307, b"", "text/plain", "location: /elsewhere")
    async with a_garbage_town(dsn, lambda _: away) as (town, garbage):
        await town.until(await town.send("A-1"), Status.REJECTED)
        assert garbage.submits >= 1
        assert "/elsewhere" not in garbage.paths


async def test_a_pos_that_asks_for_patience_is_given_it(dsn: str) -> None:
    answers = [response(503, b"{}", "application/problem+json", "retry-after: 1")]
    async with a_garbage_town(dsn, lambda said: answers.pop() if answers else signed(said), 20) as (town, garbage):
        await town.until(await town.send("A-1"), Status.CONFIRMED)
        first, second = garbage.submitted_at
        assert second - first >= 1.0
        assert garbage.reads == 0
