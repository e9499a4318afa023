"""A hub that speaks Link's agreed shapes over a real socket and fails on demand: what a client must live through."""

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from heard.net.listening import listening
from heard.net.serving import serve

CLIENT, SECRET = "mkt_1", "hcs_never_to_be_seen"
AT = "2026-03-14T12:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call whose path holds `where`; a `$` is the path's end. `done`: it is carried out before.
    Without `said`, the connection is cut.
    """

    where: str = "/link/v2/"
    said: Said | None = None
    done: bool = False
    slow_s: float = 0.0


def said(status: int, document: object, **headers: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, json.dumps(document).encode(), {"content-type": "application/json", **named})


def problem(
    status: int, code: str, *, retryable: bool = False, headers: dict[str, str] | None = None, **more: Any
) -> Said:
    document = {"type": f"/problems/{code}", "title": code, "status": status, "detail": f"because of {code}"}
    document |= {"code": code, "retryable": retryable, "request_id": "req_hub", "errors": [], **more}
    return Said(status, json.dumps(document).encode(), {"content-type": "application/problem+json", **(headers or {})})


def an_event(number: int, kind: str = "order.ready", **data: Any) -> dict[str, Any]:
    order = {"venue_id": "ven_1", "order_id": f"ord_{number}", "external_order_id": f"A-{number}"}
    body = {**order, "status": "READY", "sequence": 1, **data}
    return {"id": f"evt_{number:05}", "type": kind, "timestamp": AT, "data": body}


class FakeHub:
    """Its state is what a test looks at: `calls` are all that came, `faults` what happens to the next ones."""

    def __init__(self) -> None:
        self.url, self.port = "", 0
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str]] = []
        self.tokens: dict[str, float] = {}
        self.token_calls, self.token_life_s, self.token_delay_s = 0, 3600.0, 0.0
        self.forms: list[dict[str, str]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.cancels: dict[str, Said] = {}
        self.events: list[dict[str, Any]] = []
        self.stores = {f"ven_{number:03}": a_store(f"ven_{number:03}") for number in range(250)}
        self.menu, self.packed = a_menu(), 0
        self._serving: asyncio.Task[None] | None = None
        self._over, self._stack = asyncio.Event(), ExitStack()

    # --- its life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """On the port that it had before, if it had one."""
        self._stack = ExitStack()
        bound = self._stack.enter_context(listening("127.0.0.1", self.port))
        self.port = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._over = asyncio.Event()
        self._serving = asyncio.create_task(serve(self, bound))

    async def stop(self) -> None:
        assert self._serving is not None
        self._over.set()
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._stack.close()

    # --- what it answers ------------------------------------------------------------------------------------

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        path = scope["path"]
        self.calls.append((scope["method"], path))
        fault = next((one for one in self.faults if one.where in f"{path}$"), None)
        if fault is None:
            await _answer(send, await self._do(scope, body))
            return
        self.faults.remove(fault)
        if fault.done:
            await self._do(scope, body)
        if fault.slow_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.slow_s):
                    await self._over.wait()
        await _answer(send, fault.said)

    async def _do(self, scope: dict[str, Any], body: bytes) -> Said:
        path = scope["path"].removeprefix("/link/v2")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        if path == "/oauth/token":
            return await self._token(body)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) < time.monotonic():
            return problem(401, "invalid_token")
        return self._link(scope["method"], path, query, headers, body)

    async def _token(self, body: bytes) -> Said:
        self.token_calls += 1
        await asyncio.sleep(self.token_delay_s)
        form = dict(parse_qsl(body.decode()))
        self.forms.append(form)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return said(401, {"error": "invalid_client"})
        token = f"hat_{secrets.token_hex(8)}"
        self.tokens[token] = time.monotonic() + self.token_life_s
        document = {"access_token": token, "token_type": "Bearer", "expires_in": int(self.token_life_s)}
        return said(200, {**document, "scope": form.get("scope", "orders events stores menus")})

    def _link(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Said:
        match method, path.strip("/").split("/"):
            case "POST", ["orders"]:
                return self._order(json.loads(body))
            case "GET", ["events"]:
                return self._events(query)
            case "POST", ["orders", order_id, "cancel"]:
                return self.cancels.get(order_id, problem(404, "unknown_order"))
            case "GET", ["stores"]:
                return self._stores(query)
            case "GET", ["stores", venue_id, "menu"] if venue_id in self.stores:
                return self._menu(headers)
            case "GET", ["stores", venue_id] if venue_id in self.stores:
                return said(200, self.stores[venue_id])
            case "POST", ["stores", venue_id, wish] if venue_id in self.stores:
                return self._pause(venue_id, wish, json.loads(body or b"{}"))
            case _:
                return problem(404, "unknown_venue")

    def _order(self, body: dict[str, Any]) -> Said:
        number, known = body["external_order_id"], self.orders.get(body["external_order_id"])
        if known is not None and known != body:
            return problem(409, "order_conflict")
        self.orders[number] = body
        document = {"order_id": f"ord_{number}", "external_order_id": number, "status": "PENDING", "accept_by": AT}
        return said(200 if known else 201, document)

    def _events(self, query: dict[str, str]) -> Said:
        start = int(query.get("after", "cur.0").removeprefix("cur."))
        page = self.events[start : start + int(query["limit"])]
        return said(200, {"events": page, "next": f"cur.{start + len(page)}"})

    def _stores(self, query: dict[str, str]) -> Said:
        names = sorted(name for name in self.stores if name > query.get("after", ""))
        page = names[: int(query["limit"])]
        rest = len(names) > len(page)
        return said(200, {"stores": [self.stores[name] for name in page], "next": page[-1] if rest else None})

    def _pause(self, venue_id: str, wish: str, body: dict[str, Any]) -> Said:
        held = {"by": "you", "reason": body.get("reason", ""), "since": AT}
        if "duration_minutes" in body:
            held["until"] = f"2026-03-14T12:{body['duration_minutes']:02}:00Z"
        pauses = [held] if wish == "pause" else []
        self.stores[venue_id] = {**self.stores[venue_id], "pauses": pauses, "open": not pauses}
        return said(200, self.stores[venue_id])

    def _menu(self, headers: dict[str, str]) -> Said:
        etag = f'"{self.menu["version"]}"'
        if headers.get("if-none-match") == etag:
            return Said(304, b"", {"etag": etag})
        raw, sent = json.dumps(self.menu).encode(), {"content-type": "application/json", "etag": etag}
        if "gzip" in headers.get("accept-encoding", ""):
            self.packed += 1
            return Said(200, gzip.compress(raw), {**sent, "content-encoding": "gzip"})
        return Said(200, raw, sent)


async def _answer(send: Callable[[dict[str, Any]], Any], answer: Said | None) -> None:
    """None: the head of an answer, and then the connection is cut."""
    body, headers = (b"", {"content-length": "10"}) if answer is None else (answer.body, answer.headers)
    if answer is not None:
        headers = {**headers, **({} if answer.status == 304 else {"content-length": str(len(body))})}
    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status if answer else 200, "headers": listed})
    if answer is not None:
        await send({"type": "http.response.body", "body": body})


def a_store(venue_id: str) -> dict[str, Any]:
    names = {"venue_id": venue_id, "name": "Acme One", "currency": "USD", "timezone": "America/New_York"}
    menu = {"version": "7", "url": f"/link/v2/stores/{venue_id}/menu", "published_at": AT}
    return {**names, "open": True, "pauses": [], "menu": menu, "prep_time_min": 15}


def a_menu() -> dict[str, Any]:
    burger = {"id": "BURGER", "name": "Burger", "price": 999, "item_type": "Item", "state": "available"}
    cheese = {"id": "CHEESE", "name": "Cheese", "price": 150, "state": "available"}
    return {
        "venue_id": "ven_000",
        "version": "7",
        "currency": "USD",
        "published_at": AT,
        "categories": [{"id": "M1", "name": "All day", "item_ids": ["BURGER"]}],
        "items": [{**burger, "modifier_group_ids": ["EXTRAS"], "description": "x" * 2_000}],
        "modifier_groups": [
            {"id": "EXTRAS", "name": "Extras", "min_selected": 0, "max_selected": 2, "modifiers": [cheese]}
        ],
    }


@asynccontextmanager
async def a_fake_hub() -> AsyncIterator[FakeHub]:
    hub = FakeHub()
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
