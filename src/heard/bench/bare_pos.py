"""The limit beside `heard bench kit`: an ASGI function that checks token and digest, decodes the body, and no more.

A program of its own (`python -m heard.bench.bare_pos`), and the POS that the kit serves meanwhile, which does nothing.
"""

import argparse
import hashlib
import hmac
import socket
from datetime import datetime
from typing import Any

import jwt
import msgspec

from heard.bench.peers import SHARED_ID
from heard.net.serving import make_server
from heard.pos import Location, Menu, Order, OrderRef, Placed, Standing, Validated
from heard.protocols.posnext import wire
from heard.sandbox.demo import demo_menu

_DECODER = msgspec.json.Decoder(wire.OrderRequest)
_KEY = SHARED_ID[:10].encode()


class Nothing:
    """A POS that agrees to everything and keeps nothing."""

    async def menu(self, location: Location) -> Menu:
        return demo_menu()

    async def validate(self, order: Order) -> Validated:
        return Validated()

    async def place(self, order: Order) -> Placed:
        return Placed(order.request_uid)

    async def status(self, ref: OrderRef) -> Standing | None:
        return None


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Token, digest, decode, 200."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    headers = dict(scope["headers"])
    jwt.decode(headers[b"authorization"][7:], SHARED_ID, algorithms=["HS256"])
    order = _DECODER.decode(body)
    details = order.order_details
    seconds = int(datetime.fromisoformat(order.request_datetime).timestamp())
    parts = (order.request_uid, order.location_id, details.online_order_id, details.grand_total, details.subtotal)
    message = "|".join(map(str, (*parts, seconds)))
    expected = hmac.new(_KEY, message.encode(), hashlib.sha256).hexdigest()
    right = hmac.compare_digest(expected.encode(), headers[b"x-pch-digest"])
    answer = b'{"status":"validated"}'
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": 200 if right else 401, "headers": [length]})
    await send({"type": "http.response.body", "body": answer})


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    await make_server(bare).serve(sockets=[socket.socket(fileno=parser.parse_args().fd)])


if __name__ == "__main__":
    import warnings

    import uvloop

    warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
    uvloop.run(main())
