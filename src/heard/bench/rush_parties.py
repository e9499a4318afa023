"""The other parties of `heard bench rush` and `life`: a POS and a webhook receiver that only answer.

A program of their own, `python -m heard.bench.rush_parties POS_FD WEBHOOK_FD`. The receiver notes how old each event is
when it comes in; GET on it tells the figures.
"""

import asyncio
import hmac
import re
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast

import msgspec

from heard.bench.peers import SHARED_ID
from heard.domain.ids import LocationId
from heard.net.serving import spare_the_collector
from heard.protocols.posnext import encode
from heard.sandbox.demo import demo_menu

_KEY = SHARED_ID[:10].encode()
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


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
    """What the receiver has seen: seconds from each event's own time to its request's first byte, by type.

    `last_at` is on the clock that all processes of a machine share (time.monotonic).
    """

    ages_s: dict[str, list[float]] = {}
    last_at: float = 0.0


class _MenuAsked(msgspec.Struct):
    location_id: str


_order, _event = msgspec.json.Decoder(_Order), msgspec.json.Decoder(_Event)
_menu_asked = msgspec.json.Decoder(_MenuAsked)


def pos(path: bytes, body: bytes) -> bytes:
    """Takes every order; the answer is signed and says no more than it must. What it took it does not remember."""
    if not body:  # the hub asks about an order whose answer came too late for it
        return _answer(b"404 Not Found", b"")
    if path.endswith(b"menus"):
        menu = replace(demo_menu(), location_id=LocationId(_menu_asked.decode(body).location_id))
        return _answer(b"200 OK", encode.encode_menu(menu))
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
    digest = hmac.digest(_KEY, message.encode(), "sha256").hex()
    return _answer(b"200 OK", msgspec.json.encode(said), b"x-pch-digest: " + digest.encode() + b"\r\n")


class Receiver:
    """Takes every event; its figures are its answer to a request without a body."""

    def __init__(self) -> None:
        self._figures = Figures()

    def __call__(self, path: bytes, body: bytes) -> bytes:
        arrived = time.time()
        if not body:
            return _answer(b"200 OK", msgspec.json.encode(self._figures))
        event = _event.decode(body)
        age_s = arrived - datetime.fromisoformat(event.timestamp).timestamp()
        self._figures.ages_s.setdefault(event.type, []).append(age_s)
        self._figures.last_at = time.monotonic()
        return _answer(b"204 No Content", b"")


class Bare(asyncio.Protocol):
    """As little HTTP/1.1 as the hub's own client needs: what the parties cost is not to be measured."""

    def __init__(self, party: Callable[[bytes, bytes], bytes]) -> None:
        self._party, self._came = party, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._came, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._came) < whole:
                return
            path, body = self._came.split(b" ", 2)[1], self._came[end + 4 : whole]
            self._came = self._came[whole:]
            self._transport.write(self._party(path, body))


def _answer(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n%b" % (status, more)
    return head + (b"content-length: %d\r\n\r\n" % len(body) if body or b"204" not in status else b"\r\n") + body


async def main() -> None:
    spare_the_collector()
    loop = asyncio.get_running_loop()
    parties: tuple[Callable[[bytes, bytes], bytes], ...] = (pos, Receiver())
    for number, party in zip(sys.argv[1:], parties, strict=True):
        bound = socket.socket(fileno=int(number))
        await loop.create_server(partial(Bare, party), sock=bound)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
