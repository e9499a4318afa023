"""The POS of `heard bench menu`: a program of its own that answers everything with a file as it is now.

`python -m heard.bench.menu_pos FILE FD`, where FD is a socket that listens already.
"""

import asyncio
import hashlib
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from heard.net.serving import serve

_CHUNK = 256 * 1024


class FilePos:
    def __init__(self, file: Path) -> None:
        self._file = file

    async def __call__(
        self,
        _: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        while (await receive()).get("more_body", False):
            pass
        body = await asyncio.to_thread(self._file.read_bytes)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"etag", f'"{hashlib.sha256(body).hexdigest()}"'.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, len(body), _CHUNK):
            more = start + _CHUNK < len(body)
            await send({"type": "http.response.body", "body": body[start : start + _CHUNK], "more_body": more})


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(FilePos(Path(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))))
