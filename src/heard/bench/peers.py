"""A POS and a webhook receiver that answer at once: what is measured is the hub, not they."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from heard.domain.ids import PosOrderId
from heard.domain.pos import PosAnswer, PosOrder, PosStatus, RequestType
from heard.domain.stores import PosConnection
from heard.protocols.posnext import auth, decode, encode
from heard.sandbox.demo import demo_menu

SHARED_ID = "bench-shared-id"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Counter:
    """A POS and a webhook receiver that answer at once and note when each order came by."""

    validated: dict[str, float] = field(default_factory=dict)
    answered: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)  # by the id at the path's end, with digest
    told: int = 0

    async def pos(self, scope: Any, receive: Receive, send: Send) -> None:
        """posnext as quick as it goes: the answer is made from the request, and kept for who asks again."""
        arrived = time.perf_counter()
        body = await read_body(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if "x-bare" in headers:
            if scope["path"].endswith("validate"):
                self.validated[headers["x-bare"]] = arrived
            await _answer(send, 200, b"{}", [])
        elif scope["path"].endswith("menus"):
            await _answer(send, 200, encode.encode_menu(demo_menu()), [])
        elif scope["method"] == "GET":
            raw, digest = self.answered[scope["path"].rpartition("/")[2]]
            await _answer(send, 200, raw, [(b"x-pch-digest", digest)])
        else:
            await self._order(arrived, body, send)

    async def webhook(self, scope: Any, receive: Receive, send: Send) -> None:
        await read_body(receive)
        self.told += 1
        await _answer(send, 204, b"", [])

    async def _order(self, arrived: float, body: bytes, send: Send) -> None:
        connection = PosConnection("", SHARED_ID)
        order = decode.decode_order(body, connection.amounts)
        if order.request_type is RequestType.VALIDATE:
            self.validated[str(order.online_order_id)] = arrived
        answer = _pos_answer(order)
        raw = encode.encode_answer(answer, connection.amounts)
        digest = auth.sign_answer(answer, raw, connection).encode()
        self.answered[str(order.request_uid)] = raw, digest
        await _answer(send, 200, raw, [(b"x-pch-digest", digest)])


def _pos_answer(order: PosOrder) -> PosAnswer:
    answer = PosAnswer(
        status=PosStatus.VALIDATED,
        request_uid=order.request_uid,
        request_datetime=order.request_datetime,
        organization_id=order.organization_id,
        location_id=order.location_id,
        online_order_id=order.online_order_id,
        totals=order.totals,
        items=order.items,
    )
    if order.request_type is RequestType.VALIDATE:
        return answer
    return replace(answer, status=PosStatus.PLACED, pos_order_id=PosOrderId(f"T-{order.request_uid}"))


async def read_body(receive: Receive) -> bytes:
    """The whole body of an ASGI request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [*headers, kind, length]})
    await send({"type": "http.response.body", "body": body})
