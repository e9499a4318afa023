"""The limits beside `heard bench console`, by the same server: at `/` a bare template that comes to as many bytes as
the board, at `/blank` a page of one word, which shows when a browser paints at the earliest.

`python -m heard.bench.bare_page FD FILE PARTS`; the template puts the file's text together of so many parts.
"""

import socket
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment

from heard.bench.peers import Receive, Send, read_body
from heard.net.serving import serve, spare_the_collector

_BLANK = b"<!doctype html><title>Blank</title><p>Orders"
_TEMPLATE = "{% for part in parts %}{{ part }}{% endfor %}"


class BarePage:
    """Renders its page anew for whoever comes, without a look at anything."""

    def __init__(self, text: str, parts: int) -> None:
        size = -(-len(text) // parts)
        self._parts = [text[start : start + size] for start in range(0, len(text), size)]
        self._template = Environment(autoescape=False).from_string(_TEMPLATE)  # noqa: S701 - it is a page already

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await read_body(receive)
        page = _BLANK if scope["path"] == "/blank" else self._template.render(parts=self._parts).encode()
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(page)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})


async def main() -> None:
    number, file, parts = sys.argv[1:]
    text = Path(file).read_text("utf-8")
    spare_the_collector()
    await serve(BarePage(text, int(parts)), socket.socket(fileno=int(number)))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
