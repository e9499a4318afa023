"""Sending prepared requests, as fast as a server takes them or at a pace, over connections kept alive: the sender must
not be the bound, so a request is bytes made beforehand and an answer is read only as far as its status and its length.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_AGAIN_S = 0.5
_AGAIN_MAX = 40  # times in a row
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pelted:
    """How it went. Latencies are in seconds, from the request's last byte to the answer's."""

    took_s: float
    latencies: list[float]
    refused: int  # answers of another status than was expected


async def pelt(
    host: str, port: int, requests: Sequence[bytes], connections: int, expected: int = 200, *, patient: bool = False
) -> Pelted:
    """Send every request once, so many at a time. `patient`: as a hub's clients do, whoever is told that it has too
    much to do just now (503) asks again a little later.
    """
    good = b"HTTP/1.1 %d " % expected
    pending = iter(requests)
    latencies: list[float] = []
    refused: list[bytes] = []
    loop = asyncio.get_running_loop()
    lines = [
        (
            await loop.create_connection(
                lambda: _Line(pending, latencies, refused, good, _AGAIN_MAX if patient else 0), host, port
            )
        )[1]
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    for line in lines:
        line.next()
    await asyncio.gather(*(line.ended for line in lines))
    return Pelted(time.perf_counter() - begun, latencies, len(refused))


@dataclass(frozen=True, slots=True)
class Paced:
    """How it went. Latencies are in seconds, from when a request was due to the answer's last byte."""

    took_s: float
    latencies: list[float]
    refused: int  # answers other than 201


async def pace(host: str, port: int, requests: Sequence[bytes], rate_per_s: float, connections: int) -> Paced:
    """Send so many requests a second, whatever becomes of those before; one that finds no free connection is late."""
    latencies: list[float] = []
    refused: list[bytes] = []
    free: asyncio.Queue[_PacedLine] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(lambda: _PacedLine(free, latencies, refused), host, port))[1]
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    for number, request in enumerate(requests):
        due = begun + number / rate_per_s
        pause_s = due - time.perf_counter()
        if pause_s > 0.0:
            await asyncio.sleep(pause_s)
        (await free.get()).send(request, due)
    for _ in lines:  # each has answered
        (await free.get()).close()
    return Paced(time.perf_counter() - begun, latencies, len(refused))


class _Line(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(
        self, pending: Iterator[bytes], latencies: list[float], refused: list[bytes], good: bytes, again: int
    ) -> None:
        self._pending, self._latencies, self._refused, self._good = pending, latencies, refused, good
        self._request, self._again_max, self._left = b"", again, again
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
        self._request, self._left = request, self._again_max
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not _is_whole(self._received):
            return
        if self._left and self._received.startswith(b"HTTP/1.1 503 "):
            self._left -= 1
            self._received.clear()
            asyncio.get_running_loop().call_later(_AGAIN_S, self._transport.write, self._request)
            return
        self._latencies.append(time.perf_counter() - self._sent_at)
        if not self._received.startswith(self._good):
            self._refused.append(bytes(self._received[:12]))
        self._received.clear()
        self.next()

    def connection_lost(self, exception: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exception or ConnectionError("the server hung up"))


class _PacedLine(asyncio.Protocol):
    """One connection: a request when it is told to, and free again with the answer."""

    def __init__(self, free: "asyncio.Queue[_PacedLine]", latencies: list[float], refused: list[bytes]) -> None:
        self._free, self._latencies, self._refused = free, latencies, refused
        self._received = bytearray()
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream socket's always is one
        self._free.put_nowait(self)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not _is_whole(self._received):
            return
        self._latencies.append(time.perf_counter() - self._due)
        if not self._received.startswith(b"HTTP/1.1 201 "):
            self._refused.append(bytes(self._received[:12]))
        self._received.clear()
        self._free.put_nowait(self)


def _is_whole(received: bytearray) -> bool:
    """Whether an answer has come to its end."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = _LENGTH.search(received, 0, head)
    return len(received) >= head + 4 + (int(length[1]) if length else 0)
