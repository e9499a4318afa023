"""A kit on a real socket, and callers of it who sign by themselves: by the book, or as badly as a test wants.

Tokens and digests are made here with hmac and json alone, from the documentation, so that they hold the kit's to it.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog
from structlog.testing import capture_logs

from heard.net.call import Answer
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos import PosApp
from lengths import patience
from pos.kits import SHARED_ID, a_kit

VALIDATE, SUBMIT, MENUS = "/posnext/order/validate", "/posnext/order/submit", "/posnext/menus"
ORDERS = "/posnext/orders"
AT = "2026-01-15T18:30:00.000Z"
Header = tuple[str, str | bytes]


# --- signing, from the documentation ------------------------------------------------------------------------


def part(value: object) -> str:
    """One part of a JWT: JSON or bytes in base64url without padding."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def a_token(
    secret: str = SHARED_ID, *, header: object = None, hash_: str = "sha256", payload: object = None, **claims: object
) -> str:
    """A JWT by hand. A claim given as `...` is left out; `payload` takes the place of all claims."""
    now = int(time.time())
    said: dict[str, object] = {"iss": "par-ordering", "sub": "demo", "iat": now, "exp": now + 300, "jti": "j", **claims}
    said = {name: value for name, value in said.items() if value is not ...}
    signed = f"{part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{part(said if payload is None else payload)}"
    return f"{signed}.{part(hmac.new(secret.encode(), signed.encode(), hash_).digest())}"


def message(body: Mapping[str, Any], *, decimal: bool = False) -> str:
    """The text that a digest signs: of an order, an answer or a cancel, as JSON values."""
    details = body.get("order_details", {})
    total = details.get("grand_total", details.get("total", 0))
    amounts = [int(Decimal(str(amount)) * (100 if decimal else 1)) for amount in (total, details.get("subtotal", 0))]
    at = datetime.strptime(body["request_datetime"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    online = details.get("online_order_id") or body.get("online_order_id") or "0"
    return "|".join(map(str, [body["request_uid"], body["location_id"], online, *amounts, int(at.timestamp())]))


def hexed(key: str, text: str | bytes) -> str:
    return hmac.new(key.encode(), text.encode() if isinstance(text, str) else text, hashlib.sha256).hexdigest()


# --- bodies -------------------------------------------------------------------------------------------------


def an_item(**changes: Any) -> dict[str, Any]:
    return {"id": "BURGER", "name": "Burger", "item_type": "Item", "quantity": 1, "price": 999, **changes}


def a_modifier(**changes: Any) -> dict[str, Any]:
    return an_item(**{"id": "CHEESE", "name": "Cheese", "item_type": "Modifier", "price": 150, **changes})


def an_order(uid: str = "U-1", place: bool = True, **changes: Any) -> dict[str, Any]:
    """A good order of 11.49 with tax of 1.00: JSON values."""
    return {
        "request_uid": uid,
        "request_datetime": AT,
        "request_type": "place-order" if place else "validate-order",
        "organization_id": "demo",
        "location_id": "demo-1",
        "order_details": {
            "online_order_id": f"OO-{uid}",
            "order_type": "pickup",
            "menu_items": [an_item(menu_items=[a_modifier()])],
            "subtotal": 1149,
            "tax": 100,
            "grand_total": 1249,
        },
        **changes,
    }


def a_cancel(uid: str = "U-1", **changes: Any) -> dict[str, Any]:
    return {
        "request_uid": uid,
        "request_datetime": AT,
        "request_type": "cancel-order",
        "organization_id": "demo",
        "location_id": "demo-1",
        "online_order_id": f"OO-{uid}",
        **changes,
    }


# --- the callers --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stranger:
    """Calls one kit over sockets; what a test does not say is done right."""

    kit: PosApp
    port: int
    secret: str = SHARED_ID
    decimal: bool = False
    body_scheme: bool = False
    answers: list[Answer] = field(default_factory=list)

    async def raw(self, *pieces: bytes, hang_up: bool = False) -> bytes:
        """Bytes as they are on a connection of their own; all that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with suppress(ConnectionError):  # where it has answered already, what it said is still to be read
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            if hang_up:
                return b""
            async with patience():
                return await _read(reader)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def exchange(self, raw: bytes) -> bytes:
        """Bytes as they are; the first answer, or nothing where the connection just ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with suppress(ConnectionError):
                writer.write(raw)
                await writer.drain()
            async with patience():
                return await _first(reader, bodiless=raw.startswith(b"HEAD "))
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def ask(self, method: str, path: str, body: bytes | None = None, *headers: Header) -> Answer:
        """One request with these headers and no others but what HTTP needs."""
        length: list[Header] = [] if body is None else [("content-length", str(len(body)))]
        lines = [f"{method} {path} HTTP/1.1\r\nhost: kit\r\nconnection: close\r\n".encode()]
        for name, value in (*length, *headers):
            lines.append(name.encode() + b": " + (value.encode() if isinstance(value, str) else value) + b"\r\n")
        answer = parsed(await self.raw(b"".join(lines) + b"\r\n" + (body or b"")))
        self.answers.append(answer)
        return answer

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *more: Header,
        token: str | None = None,
        digest: str | None = None,
    ) -> Answer:
        """A request with a good token and a good digest, unless a test gives its own."""
        raw = json.dumps(body).encode() if isinstance(body, Mapping) else body
        headers: list[Header] = [("authorization", f"Bearer {a_token(self.secret) if token is None else token}")]
        if raw is not None:
            headers.append(("content-type", "application/json"))
        if digest is None and isinstance(body, Mapping) and "request_uid" in body:
            digest = self.digest(body, raw or b"")
        if digest is not None:
            headers.append(("x-pch-digest", digest))
        return await self.ask(method, path, raw, *headers, *more)

    def digest(self, body: Mapping[str, Any], raw: bytes) -> str:
        """What a body has to be signed with, as this kit is set."""
        return hexed(self.secret, raw) if self.body_scheme else hexed(self.secret[:10], self.message(body))

    def message(self, body: Mapping[str, Any]) -> str:
        return message(body, decimal=self.decimal)

    async def submit(self, body: Mapping[str, Any], *headers: Header, **more: Any) -> Answer:
        return await self.call("POST", SUBMIT, body, *headers, **more)

    async def validate(self, body: Mapping[str, Any], *headers: Header, **more: Any) -> Answer:
        return await self.call("POST", VALIDATE, body, *headers, **more)

    async def status(self, ref: str) -> Answer:
        return await self.call("GET", f"{ORDERS}/{ref}")

    async def cancel(self, body: Mapping[str, Any]) -> Answer:
        return await self.call("POST", f"{ORDERS}/{body['request_uid']}/cancel", body)

    def good(self, answer: Answer, status: int = 200) -> dict[str, Any]:
        """The body of an answer about an order, its digest verified with hmac alone."""
        assert answer.status == status, (answer.status, answer.body)
        assert answer.headers["content-type"] == "application/json"
        document: dict[str, Any] = json.loads(answer.body, parse_float=Decimal)
        assert answer.headers["x-pch-digest"] == self.digest(document, answer.body)
        return document

    async def rows(self) -> int:
        """How many requests the kit remembers."""
        (row,) = await self.kit.store._database.read("SELECT count(*) AS n FROM pos_requests")
        return int(row["n"])


@asynccontextmanager
async def a_served_kit(adapter: object, store: str = ":memory:", **given: Any) -> AsyncIterator[Stranger]:
    """A kit that knows PAR's demo/demo-1 as main, on a port of its own."""
    async with a_kit(adapter, store, **given) as (kit, hub):
        with listening("127.0.0.1", 0) as bound:
            serving = asyncio.create_task(serve(kit, bound))
            try:
                yield Stranger(
                    kit,
                    bound.getsockname()[1],
                    hub.connection.shared_id,
                    hub.connection.amounts == "decimal",
                    hub.connection.signature == "body",
                )
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


async def _first(reader: asyncio.StreamReader, *, bodiless: bool) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
        return head + (await reader.readexactly(int(length[1])) if length and not bodiless else b"")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _read(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the other side closes, however it closes."""
    received = bytearray()
    with suppress(ConnectionError):
        while chunk := await reader.read(1 << 16):
            received += chunk
    return bytes(received)


def parsed(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), received[:200]
    pairs = [line.partition(": ")[::2] for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs), pairs  # nothing is said twice
    if "chunked" in headers.get("transfer-encoding", ""):
        raise AssertionError("every answer of the kit has a length")
    return Answer(int(first.split()[1]), headers, body)


@contextmanager
def the_log() -> Iterator[Sequence[MutableMapping[str, Any]]]:
    """What is logged meanwhile, at every level."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("debug"))
    try:
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
            yield entries
    finally:
        structlog.configure(wrapper_class=before)


def rules(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rules that the log says were broken."""
    return [str(entry["rule"]) for entry in entries if "rule" in entry]


def all_calls(uid: str = "U-1") -> list[tuple[str, str, dict[str, Any] | None]]:
    """A good call of each of the five operations, in an order in which all go well."""
    return [
        ("POST", VALIDATE, an_order(uid, place=False)),
        ("POST", SUBMIT, an_order(uid)),
        ("GET", f"{ORDERS}/{uid}", None),
        ("POST", f"{ORDERS}/{uid}/cancel", a_cancel(uid)),
        ("POST", MENUS, {"organization_id": "demo", "location_id": "demo-1"}),
    ]
