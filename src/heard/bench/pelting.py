"""Sending prepared requests as fast as a server takes them, over connections kept alive: the sender must not be the
bound, so a request is bytes made beforehand and an answer is read only as far as its status and its length.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pelted:
    """How it went. Latencies are in seconds, from the request's last byte to the answer's."""

    took_s: float
    latencies: list[float]
    refused: int  # answers other than 200


async def pelt(host: str, port: int, requests: Sequence[bytes], connections: int) -> Pelted:
    """Send every request once, so many at a time."""
    pending = iter(requests)
    latencies: list[float] = []
    refused: list[bytes] = []
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(lambda: _Line(pending, latencies, refused), host, port))[1]
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    for line in lines:
        line.next()
    await asyncio.gather(*(line.ended for line in lines))
    return Pelted(time.perf_counter() - begun, latencies, len(refused))


class _Line(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, pending: Iterator[bytes], latencies: list[float], refused: list[bytes]) -> None:
        self._pending, self._latencies, self._refused = pending, latencies, refused
        self._received = bytearray()
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream socket's always is one

    def next(self) -> None:
        request = next(self._pending, None)
        if request is None:
            self._transport.close()
            if not self.ended.done():
                self.ended.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        if len(self._received) < head + 4 + (int(length[1]) if length else 0):
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        if not self._received.startswith(b"HTTP/1.1 200 "):
            self._refused.append(bytes(self._received[:12]))
        self._received.clear()
        self.next()

    def connection_lost(self, exception: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exception or ConnectionError("the server hung up"))
