"""A POS that speaks posnext: validates, places, remembers, cooks, and calls back. It keeps its own ledger.

How it behaves to an order is its `mood`, a plain function, so that a demo can show every road and a test any one.
"""

import asyncio
import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.domain.ids import PosOrderId
from heard.domain.menu.model import Menu
from heard.domain.pos import KitchenState, PosAnswer, PosCancel, PosError, PosOrder, PosStatus, PosTotals, RequestType
from heard.domain.refusals import Code, Refused
from heard.domain.stores import PosConnection
from heard.net.answering import answered
from heard.net.bodies import read_body, read_json_body
from heard.net.call import Answer, Call
from heard.net.outbound import Outbound
from heard.protocols.posnext import auth, decode, encode
from heard.protocols.posnext.operations import CANCEL, SUBMIT, VALIDATE
from heard.sandbox.ledger import Ledger
from heard.sandbox.pos_tax import totals_of

log = structlog.get_logger()


class Mood(StrEnum):
    """How the POS treats one order."""

    WELL = "well"
    REFUSE = "refuse"
    FAIL = "fail"  # `errored`
    SLOW = "slow"  # 202, and placed a little later
    SILENT = "silent"  # places it, and the answer never arrives
    DEAF = "deaf"  # does not place it, and the answer never arrives; well at the second try


class CancelMood(StrEnum):
    """How the POS treats the wish to take a ticket back."""

    WELL = "well"  # takes it back while it is not ready
    UNSERVED = "unserved"  # does not know the call: 404
    FAIL = "fail"  # `errored`
    LOCKED = "locked"  # `errored` at the first try, and the kitchen waits; well at the second
    SLOW = "slow"  # 202, and taken back a little later
    SILENT = "silent"  # takes it back, and the first answer never arrives


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `slow_s` until a 202 is settled, then how long the kitchen takes for each stage."""

    slow_s: float = 2.0
    start_s: float = 1.0
    cook_s: float = 3.0
    hand_over_s: float = 4.0
    silence_s: float = limits.POS_CALL_TIMEOUT_S + 2


_STAGES: dict[str, tuple[KitchenState, Callable[[Pace], float]]] = {
    "": (KitchenState.IN_PREPARATION, lambda pace: pace.cook_s),
    KitchenState.IN_PREPARATION: (KitchenState.READY, lambda pace: pace.hand_over_s),
    KitchenState.READY: (KitchenState.COMPLETED, lambda _: 0.0),
}


_CANCELLED = "cancelled"  # stands where the kitchen's stage stood


class SandboxPos:
    """One location's POS. `app` serves it; `cook` is its kitchen and runs beside."""

    def __init__(
        self,
        connection: PosConnection,
        menu: Menu,
        ledger: Ledger,
        outbound: Outbound,
        mood: Callable[[PosOrder], Mood] = lambda _: Mood.WELL,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        cancel_mood: Callable[[PosCancel], CancelMood] = lambda _: CancelMood.WELL,
        computes_tax: bool = False,
    ) -> None:
        """`computes_tax`: its totals are its own, by its menu's tax rates; else it takes over what a request states."""
        self.connection, self.ledger, self.mood = connection, ledger, mood
        self.pace = pace or Pace()
        self.clock = clock
        self.cancel_mood = cancel_mood
        # What it computes for an order; a test may set another.
        self.totals: Callable[[PosOrder], PosTotals] = self._taxed if computes_tax else _stated
        self._outbound = outbound
        self._deaf_to: set[str] = set()
        self._closing = asyncio.Event()
        self.sell(menu)
        self.app = Starlette(
            routes=[
                *(Route(path, answered(self._order), methods=["POST"]) for path in _order_paths()),
                Route(CANCEL.path, answered(self._cancel), methods=["POST"]),
                Route("/posnext/orders/{uid}", answered(self._status), methods=["GET"]),
                Route("/posnext/menus", answered(self._menus), methods=["POST"]),
            ]
        )

    def close(self) -> None:
        """Let calls that are kept waiting go; the server can then end."""
        self._closing.set()

    async def cook(self) -> None:
        """Settle what was slow, move tickets through the kitchen, call back until the hub has heard. Runs for ever."""
        while True:
            now = time.time()
            self._settle_slow(now)
            due = self.ledger.rows(
                "SELECT * FROM tickets WHERE next_at <= ? AND kitchen NOT IN ('completed', 'cancelled')"
                " ORDER BY next_at LIMIT 500",
                now,
            )
            bound = asyncio.Semaphore(32)
            await asyncio.gather(*(self._next_stage(row["pos_order_id"], bound) for row in due))
            await asyncio.sleep(0.05)

    async def _order(self, request: Request) -> Response:
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        self._authorize(request, None)
        order = decode.decode_order(raw, self.connection.amounts)
        self._authorize(request, order.organization_id)
        try:
            header = request.headers.get("x-pch-digest")
            auth.verify_order(order, raw, header, [self.connection.shared_id], self.connection.signature)
        except auth.DigestRefused as refused:
            raise Refused(Code.INVALID_DIGEST, refused.rule) from None
        if order.location_id != self.menu.location_id:
            raise Refused(Code.UNKNOWN_LOCATION, f"There is no location {order.location_id!r}.")
        stored = self._stored(order, raw)
        mood = self.mood(order)
        if stored is None:
            if mood is Mood.DEAF and order.request_type is RequestType.PLACE and self._first_time(order):
                await self._keep_silent()
                return Response(status_code=504)  # nobody waits for it any more
            stored = self._take(order, raw, mood)
            if mood is Mood.SILENT and order.request_type is RequestType.PLACE:
                await self._keep_silent()
        return stored

    async def _keep_silent(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.pace.silence_s):
                await self._closing.wait()

    def _first_time(self, order: PosOrder) -> bool:
        new = order.request_uid not in self._deaf_to
        self._deaf_to.add(order.request_uid)
        return new

    def _authorize(self, request: Request, organization_id: str | None) -> None:
        try:
            now = self.clock()
            auth.verify_token(request.headers.get("authorization"), [self.connection.shared_id], now, organization_id)
        except auth.TokenRefused as refused:
            raise Refused(Code.INVALID_TOKEN, refused.rule) from None

    def _stored(self, order: PosOrder, raw: bytes) -> Response | None:
        """The answer a repeated request got the first time."""
        row = self.ledger.row(
            "SELECT * FROM answers WHERE request_type = ? AND request_uid = ?", order.request_type, order.request_uid
        )
        if row is None:
            return None
        if row["body_hash"] != hashlib.sha256(raw).digest():
            raise Refused(Code.REQUEST_UID_REUSED, f"request_uid {order.request_uid!r} came with another body before.")
        return _response(row["status"], row["body"], row["digest"], order.request_uid)

    def _take(self, order: PosOrder, raw: bytes, mood: Mood) -> Response:
        """Decide, and write answer and ticket down together, before anything is answered."""
        answer = self._decide(order, mood)
        status = 202 if answer.status is PosStatus.PENDING else 200
        settles_at = time.time() + self.pace.slow_s if status == 202 else None
        body = encode.encode_answer(answer, self.connection.amounts)
        digest = auth.sign_answer(answer, body, self.connection)
        with self.ledger.together():
            self.ledger.write(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                order.request_type,
                order.request_uid,
                hashlib.sha256(raw).digest(),
                status,
                body,
                digest,
                settles_at,
            )
            if answer.status in (PosStatus.PLACED, PosStatus.PENDING) and order.request_type is RequestType.PLACE:
                self._write_ticket(order, answer, answer.pos_order_id or self._next_number())
        return _response(status, body, digest, order.request_uid)

    def _write_ticket(self, order: PosOrder, answer: PosAnswer, number: PosOrderId) -> None:
        placed = replace(answer, status=PosStatus.PLACED, pos_order_id=number)
        delay_s = self.pace.start_s + (self.pace.slow_s if answer.status is PosStatus.PENDING else 0.0)
        self.ledger.write(
            "INSERT INTO tickets VALUES (?, ?, ?, ?, '', ?, ?, ?)",
            number,
            order.request_uid,
            order.online_order_id,
            order.totals.grand_total,
            time.time() + delay_s,
            order.callback_url,
            encode.encode_answer(placed, self.connection.amounts),
        )

    def _decide(self, order: PosOrder, mood: Mood) -> PosAnswer:
        now = self.clock()
        answer = PosAnswer(
            status=PosStatus.VALIDATED,
            request_uid=order.request_uid,
            request_datetime=order.request_datetime,
            organization_id=order.organization_id,
            location_id=order.location_id,
            online_order_id=order.online_order_id,
            totals=self.totals(order),
            items=order.items,
            received_at=now,
            completed_at=now,
        )
        if order.ttl_s is not None and now > order.request_datetime + timedelta(seconds=order.ttl_s):
            return _refusal(answer, PosStatus.REJECTED, "order_expired", "the order came too late")
        if mood is Mood.REFUSE:
            return _refusal(answer, PosStatus.REJECTED, "item_unavailable", "the kitchen is out of an item")
        if order.request_type is RequestType.VALIDATE:
            return answer
        if mood is Mood.FAIL:
            return _refusal(answer, PosStatus.ERRORED, "printer_down", "the kitchen printer does not answer")
        ready_at = now + timedelta(seconds=self.pace.start_s + self.pace.cook_s)
        if mood is Mood.SLOW:
            return replace(answer, status=PosStatus.PENDING, completed_at=None, estimated_ready_at=ready_at)
        placed = PosStatus.PLACED
        return replace(answer, status=placed, pos_order_id=self._next_number(), estimated_ready_at=ready_at)

    def _next_number(self) -> PosOrderId:
        tickets = self.ledger.rows("SELECT count(*) AS n FROM tickets")[0]["n"]
        return PosOrderId(f"T{tickets + 1:06d}")

    async def _status(self, request: Request) -> Response:
        self._authorize(request, None)
        uid = request.path_params["uid"]
        self._settle_slow(time.time())
        ticket = self.ledger.row("SELECT * FROM tickets WHERE request_uid = ? OR pos_order_id = ?", uid, uid)
        row = self.ledger.row("SELECT * FROM answers WHERE request_uid = ?", uid)
        if ticket is not None and ticket["kitchen"] == _CANCELLED:
            return self._ticket_response(ticket["body"], _CANCELLED)
        if row is not None and row["settles_at"] is not None:
            return _response(202, row["body"], row["digest"], uid)
        if ticket is not None:
            return self._ticket_response(ticket["body"], ticket["kitchen"])
        if row is None:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {uid!r}.")
        return _response(200, row["body"], row["digest"], uid)

    async def _cancel(self, request: Request) -> Response:
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        self._authorize(request, None)
        cancel, _ = decode.decode_cancel(raw)
        self._authorize(request, cancel.organization_id)
        mood = self.cancel_mood(cancel)
        if mood is CancelMood.UNSERVED:
            raise Refused(Code.NOT_FOUND, "This POS takes nothing back.")
        try:
            header = request.headers.get("x-pch-digest")
            auth.verify_cancel(cancel, raw, header, [self.connection.shared_id], self.connection.signature)
        except auth.DigestRefused as refused:
            raise Refused(Code.INVALID_DIGEST, refused.rule) from None
        ticket = self.ledger.row("SELECT * FROM tickets WHERE request_uid = ?", cancel.request_uid)
        if ticket is None or cancel.location_id != self.menu.location_id:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {cancel.request_uid!r}.")
        first, status = self._decide_cancel(cancel, raw, mood, ticket)
        if first and mood is CancelMood.SILENT:
            await self._keep_silent()
        said = replace(decode.decode_answer(ticket["body"], self.connection.amounts), status=status, pos_order_id=None)
        if status is PosStatus.REJECTED:
            said = _refusal(said, status, "too_late", "the food is made")
        if status is PosStatus.ERRORED:
            said = _refusal(said, status, "till_locked", "the till is locked")
        body = encode.encode_answer(said, self.connection.amounts)
        digest = auth.sign_answer(said, body, self.connection)
        return _response(202 if status is PosStatus.PENDING else 200, body, digest, said.request_uid)

    def _decide_cancel(
        self, cancel: PosCancel, raw: bytes, mood: CancelMood, ticket: sqlite3.Row
    ) -> tuple[bool, PosStatus]:
        """Whether this is the first time, and the answer; the same one to the same request, but from a locked till."""
        self._settle_slow(time.time())
        known = self.ledger.row("SELECT * FROM cancels WHERE request_uid = ?", cancel.request_uid)
        if known is not None:
            if known["body_hash"] != hashlib.sha256(raw).digest():
                raise Refused(
                    Code.REQUEST_UID_REUSED, f"{cancel.request_uid!r} was cancelled with another body before."
                )
            return False, PosStatus(known["status"])
        status = PosStatus.CANCELLED
        made = ticket["kitchen"] in (KitchenState.READY, KitchenState.COMPLETED)
        if mood is CancelMood.LOCKED and not made and ticket["next_at"] is not None:
            self._hold(ticket["pos_order_id"])
            return True, PosStatus.ERRORED  # not kept: the same request is answered well the next time
        if mood is CancelMood.FAIL:
            status = PosStatus.ERRORED
        elif made:
            status = PosStatus.REJECTED
        elif mood is CancelMood.SLOW:
            status = PosStatus.PENDING
        settles_at = time.time() + self.pace.slow_s if status is PosStatus.PENDING else None
        with self.ledger.together():
            body_hash = hashlib.sha256(raw).digest()
            self.ledger.write(
                "INSERT INTO cancels VALUES (?, ?, ?, ?)", cancel.request_uid, body_hash, status, settles_at
            )
            if status is PosStatus.CANCELLED:
                self._take_back(cancel.request_uid)
        return True, status

    def _hold(self, pos_order_id: str) -> None:
        """The kitchen waits with a ticket that was to be taken back from a locked till, until it is."""
        self.ledger.write("UPDATE tickets SET next_at = NULL WHERE pos_order_id = ?", pos_order_id)

    def _take_back(self, request_uid: str) -> None:
        self.ledger.write("UPDATE tickets SET kitchen = ? WHERE request_uid = ?", _CANCELLED, request_uid)
        sql = "UPDATE cancels SET status = ?, settles_at = NULL WHERE request_uid = ?"
        self.ledger.write(sql, PosStatus.CANCELLED, request_uid)

    def _settle_slow(self, now: float) -> None:
        """A 202 becomes what it was going to be."""
        self.ledger.write("UPDATE answers SET settles_at = NULL WHERE settles_at <= ?", now)
        for row in self.ledger.rows("SELECT request_uid FROM cancels WHERE settles_at <= ? LIMIT 500", now):
            self._take_back(row["request_uid"])

    def _ticket_response(self, body: bytes, kitchen: str) -> Response:
        said, raw = self._with_kitchen(body, kitchen)
        digest = auth.sign_answer(said, raw, self.connection)
        return _response(200, raw, digest, said.request_uid)

    def _with_kitchen(self, body: bytes, kitchen: str) -> tuple[PosAnswer, bytes]:
        said = decode.decode_answer(body, self.connection.amounts)
        if kitchen == _CANCELLED:
            said = replace(said, status=PosStatus.CANCELLED, pos_order_id=None)
            return said, encode.encode_answer(said, self.connection.amounts)
        said = replace(said, kitchen=KitchenState(kitchen) if kitchen else None)
        return said, encode.encode_answer(said, self.connection.amounts)

    def _taxed(self, order: PosOrder) -> PosTotals:
        return totals_of(order, self.menu)

    def sell(self, menu: Menu) -> None:
        """Another menu from now on."""
        self.menu = menu
        self._menu_body = encode.encode_menu(menu)
        self._etag = f'"{hashlib.sha256(self._menu_body).hexdigest()[:16]}"'

    async def _menus(self, request: Request) -> Response:
        raw = await read_body(request, limits.BODY_BYTES_MAX)
        organization_id, location_id = decode.decode_menu_request(raw)
        self._authorize(request, organization_id)
        if location_id != self.menu.location_id:
            raise Refused(Code.UNKNOWN_LOCATION, f"There is no location {location_id!r}.")
        if request.headers.get("if-none-match") == self._etag:
            return Response(status_code=304, headers={"etag": self._etag})
        digest = auth.sign_body(self._menu_body, self.connection)
        headers = {"etag": self._etag} | ({"x-pch-digest": digest} if digest else {})
        return Response(self._menu_body, 200, headers, "application/json")

    async def _next_stage(self, pos_order_id: str, bound: asyncio.Semaphore) -> None:
        """Move one ticket on, and tell the hub first: if that fails, it is tried again."""
        async with bound:
            ticket = self.ledger.row("SELECT * FROM tickets WHERE pos_order_id = ?", pos_order_id)
            assert ticket is not None
            if ticket["kitchen"] not in _STAGES or ticket["next_at"] is None:
                return  # taken back meanwhile, or held
            kitchen, stage_s = _STAGES[ticket["kitchen"]]
            next_at = time.time() + stage_s(self.pace)
            if ticket["callback_url"] and not await self._call_back(ticket["callback_url"], ticket["body"], kitchen):
                sql = "UPDATE tickets SET next_at = ? WHERE pos_order_id = ? AND next_at IS NOT NULL"
                self.ledger.write(sql, time.time() + 1.0, pos_order_id)
                return
            self.ledger.write(
                "UPDATE tickets SET kitchen = ?, next_at = ?"
                " WHERE pos_order_id = ? AND kitchen = ? AND next_at IS NOT NULL",
                kitchen,
                next_at,
                pos_order_id,
                ticket["kitchen"],
            )

    async def _call_back(self, url: str, body: bytes, kitchen: KitchenState) -> bool:
        said, raw = self._with_kitchen(body, kitchen)
        token = auth.make_token(
            self.connection.shared_id, said.organization_id or "", self.clock(), f"cb-{said.request_uid}-{kitchen}"
        )
        headers = {
            "authorization": f"Bearer {token}",
            "x-pch-digest": auth.sign_answer(said, raw, self.connection),
            "content-type": "application/json",
        }
        answer = await self._outbound.send(Call("POST", url, headers, raw, limits.POS_CALL_TIMEOUT_S, 64 * 1024))
        if isinstance(answer, Answer) and answer.status == 204:
            return True
        log.info("callback not heard", request_uid=said.request_uid, answer=repr(answer))
        return False


def _order_paths() -> list[str]:
    return [path for operation in (VALIDATE, SUBMIT) for path in (operation.path, *operation.aliases)]


def _stated(order: PosOrder) -> PosTotals:
    return order.totals


def _refusal(answer: PosAnswer, status: PosStatus, code: str, message: str) -> PosAnswer:
    return replace(answer, status=status, errors=(PosError(code, message),))


def _response(status: int, body: bytes, digest: str, uid: str) -> Response:
    headers = {"x-pch-digest": digest}
    if status == 202:
        headers["location"] = f"/posnext/orders/{uid}"
    return Response(body, status, headers, "application/json")
