"""The limit beside `heard bench feed`: an ASGI function that answers the same bytes, out of its memory.

`python -m heard.bench.bare_feed FD FILE`; the file holds each page's bytes by the query that asks for it.
"""

import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from heard.bench.peers import Receive, Send, read_body
from heard.net.serving import serve, spare_the_collector
from heard.protocols.link.encode import encode_token

_TOKEN = encode_token("bench", 3_600, ("events",))


class BareFeed:
    """Gives everybody one token, and knows its pages by their queries."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self._pages = pages

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await read_body(receive)
        page = _TOKEN if scope["method"] == "POST" else self._pages[scope["query_string"].decode()]
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(page)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})


async def main() -> None:
    number, file = sys.argv[1:]
    pages = msgspec.msgpack.decode(Path(file).read_bytes(), type=dict[str, bytes])
    spare_the_collector()
    await serve(BareFeed(pages), socket.socket(fileno=int(number)))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
