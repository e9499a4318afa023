"""The other parties of `heard bench rush`, in a program of their own: a POS and a webhook receiver that only answer.

`python -m heard.bench.rush_parties POS_FD WEBHOOK_FD`. The receiver notes how old each event is when it comes
in; GET on it tells the figures.
"""

import asyncio
import hashlib
import hmac
import socket
import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from heard.bench.peers import SHARED_ID, Receive, Send, read_body
from heard.domain.ids import LocationId
from heard.net.serving import serve, spare_the_collector
from heard.protocols.posnext import encode
from heard.sandbox.demo import demo_menu

_KEY = SHARED_ID[:10].encode()


class _Details(msgspec.Struct):
    online_order_id: str
    subtotal: int
    grand_total: int


class _Order(msgspec.Struct):
    request_uid: str
    request_datetime: str
    request_type: str
    location_id: str
    order_details: _Details


class _Event(msgspec.Struct):
    type: str
    timestamp: str


class Figures(msgspec.Struct):
    """What the receiver has seen: seconds from each event's own time to its request's first byte, by type."""

    ages_s: dict[str, list[float]] = {}


class _MenuAsked(msgspec.Struct):
    location_id: str


_order, _event = msgspec.json.Decoder(_Order), msgspec.json.Decoder(_Event)
_menu_asked = msgspec.json.Decoder(_MenuAsked)


async def pos(scope: Any, receive: Receive, send: Send) -> None:
    """Takes every order; the answer is signed and says no more than it must. What it took it does not remember."""
    body = await read_body(receive)
    if not body:  # the hub has hung up, or asks about an order whose answer came too late for it
        await _answer(send, 404, b"")
        return
    if scope["path"].endswith("menus"):
        menu = replace(demo_menu(), location_id=LocationId(_menu_asked.decode(body).location_id))
        await _answer(send, 200, encode.encode_menu(menu))
        return
    order = _order.decode(body)
    validating = order.request_type == "validate-order"
    details: dict[str, object] = {
        "online_order_id": order.order_details.online_order_id,
        "subtotal": order.order_details.subtotal,
        "grand_total": order.order_details.grand_total,
    }
    if not validating:
        details["pos_order_id"] = f"T-{order.request_uid}"
    said = {
        "status": "validated" if validating else "placed",
        "request_uid": order.request_uid,
        "request_datetime": order.request_datetime,
        "location_id": order.location_id,
        "order_details": details,
    }
    seconds = int(datetime.fromisoformat(order.request_datetime).timestamp())
    parts = (order.request_uid, order.location_id, details["online_order_id"], details["grand_total"])
    message = "|".join(map(str, (*parts, details["subtotal"], seconds)))
    digest = hmac.new(_KEY, message.encode(), hashlib.sha256).hexdigest()
    await _answer(send, 200, msgspec.json.encode(said), [(b"x-pch-digest", digest.encode())])


class Receiver:
    """Takes every event."""

    def __init__(self) -> None:
        self._figures = Figures()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        arrived = time.time()
        if scope["method"] == "GET":
            await _answer(send, 200, msgspec.json.encode(self._figures))
            return
        body = await read_body(receive)
        if not body:  # the hub has hung up
            await _answer(send, 400, b"")
            return
        event = _event.decode(body)
        age_s = arrived - datetime.fromisoformat(event.timestamp).timestamp()
        self._figures.ages_s.setdefault(event.type, []).append(age_s)
        await _answer(send, 204, b"")


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [*(headers or []), kind, length]})
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    spare_the_collector()
    sockets = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    await asyncio.gather(serve(pos, sockets[0]), serve(Receiver(), sockets[1]))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
