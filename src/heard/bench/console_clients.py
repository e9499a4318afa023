"""Whoever looks at the console while it is measured: page loads over a kept connection, and open boards that listen."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from heard.bench.programs import host_and_port, until

_WITHIN_S = 60.0
_TAIL = 64  # an order's id may come in two pieces


@dataclass(frozen=True, slots=True)
class Loaded:
    """One page. Seconds from the request's last byte to the answer's first and last."""

    status: int
    first_s: float
    whole_s: float
    body: bytes


async def load(url: str, path: str, count: int, **headers: str) -> list[Loaded]:
    """Load a page so often, one after another, over one connection."""
    reader, writer = await asyncio.open_connection(*host_and_port(url))
    named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nhost: bench\r\n{named}\r\n".encode()
    loaded = []
    try:
        async with asyncio.timeout(_WITHIN_S):
            for _ in range(count):
                begun = time.perf_counter()
                writer.write(request)
                first = await reader.readexactly(1)
                first_s = time.perf_counter() - begun
                head = first + await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
                body = await reader.readexactly(length)
                loaded.append(Loaded(int(head[9:12]), first_s, time.perf_counter() - begun, body))
    finally:
        writer.close()
    return loaded


class OpenBoard(asyncio.Protocol):
    """A board that is open: it takes what comes, and notes when it is told of what is waited for."""

    def __init__(self, request: bytes) -> None:
        self._request, self._tail, self._wanted = request, b"", b""
        self.bytes = 0
        self.told_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream socket's always is one
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if not self._wanted:
            return
        come = self._tail + data
        if self._wanted in come and not self.told_at.done():
            self.told_at.set_result(time.perf_counter())
        self._tail = come[-_TAIL:]

    def wait_for(self, text: str) -> "asyncio.Future[float]":
        """When the next thing is told that has this text in it."""
        self._tail, self._wanted = b"", text.encode()
        self.told_at = asyncio.get_running_loop().create_future()
        return self.told_at

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def open_boards(url: str, session: str, count: int, whole: int) -> AsyncIterator[Sequence[OpenBoard]]:
    """So many open boards, once each has been told the whole of it, which is some `whole` bytes at least."""
    loop, (host, port) = asyncio.get_running_loop(), host_and_port(url)
    request = (
        f"GET /console/board/updates HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\ncookie: {session}\r\n\r\n"
    ).encode()
    boards: list[OpenBoard] = []
    try:
        for _ in range(count):
            _, board = await loop.create_connection(lambda: OpenBoard(request), host, port)
            boards.append(board)
        await until(lambda: all(board.bytes >= whole for board in boards))
        await asyncio.sleep(1.0)
        yield boards
    finally:
        for board in boards:
            board.close()
