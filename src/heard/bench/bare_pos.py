"""The limits beside `heard bench kit`: ASGI functions that check token and digest, decode the body, and no more.

Programs of their own (`python -m heard.bench.bare_pos`): one with the protocol's own code, as strict as posnext must be
read, and the leanest that Python can do. Here is also the POS that the kit serves meanwhile, which does nothing.
"""

import argparse
import hashlib
import hmac
import socket
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec

from heard.bench.peers import SHARED_ID, read_body
from heard.domain.stores import Amounts, SignatureScheme
from heard.net.serving import make_server, spare_the_collector
from heard.pos import Location, Menu, Order, OrderRef, Placed, Standing, Validated
from heard.protocols.posnext import auth, decode, wire
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
    """Token, digest, decode, with the code that the kit uses for it."""
    headers, body = dict(scope["headers"]), await read_body(receive)
    auth.verify_token(headers[b"authorization"].decode(), [SHARED_ID], datetime.now(UTC), None)
    order, _ = decode.read_order(body, Amounts.MINOR)
    auth.verify_order(order, body, headers[b"x-pch-digest"].decode(), [SHARED_ID], SignatureScheme.DIGEST)
    await _answer(send, 200)


async def leanest(scope: Any, receive: Any, send: Any) -> None:
    """The same of one known form: equal keys, depth, numbers out of bounds and amounts as text are not looked for."""
    headers, body = dict(scope["headers"]), await read_body(receive)
    jwt.decode(headers[b"authorization"][7:], SHARED_ID, algorithms=["HS256"])
    order = _DECODER.decode(body)
    details = order.order_details
    seconds = int(datetime.fromisoformat(order.request_datetime).timestamp())
    parts = (order.request_uid, order.location_id, details.online_order_id, details.grand_total, details.subtotal)
    message = "|".join(map(str, (*parts, seconds)))
    expected = hmac.new(_KEY, message.encode(), hashlib.sha256).hexdigest()
    await _answer(send, 200 if hmac.compare_digest(expected.encode(), headers[b"x-pch-digest"]) else 401)


async def _answer(send: Any, status: int) -> None:
    answer = b'{"status":"validated"}'
    length = (b"content-length", str(len(answer)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": answer})


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--leanest", action="store_true")
    given = parser.parse_args()
    spare_the_collector()
    await make_server(leanest if given.leanest else bare).serve(sockets=[socket.socket(fileno=given.fd)])


if __name__ == "__main__":
    import warnings

    import uvloop

    warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
    uvloop.run(main())
