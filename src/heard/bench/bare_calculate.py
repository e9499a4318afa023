"""The limit beside `heard bench calculate`: a route that decodes a cart as the hub does, and answers a constant.

A program of its own (`python -m heard.bench.bare_calculate FD`), on the hub's own server.
"""

import socket
import sys

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.http.app import HubApp
from heard.net.bodies import read_json_body
from heard.net.serving import make_server, spare_the_collector
from heard.protocols.ordering.decode import decode_calculate

_ANSWER = b'{"status":"OK","code":200,"data":{}}'


async def calculate(request: Request) -> Response:
    decode_calculate(await read_json_body(request, limits.BODY_BYTES_MAX))
    return Response(_ANSWER, 200, media_type="application/json")


async def main() -> None:
    spare_the_collector()
    app = HubApp([Route("/api/orders/calculate", calculate, methods=["POST"])])
    await make_server(app).serve(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    uvloop.run(main())
