"""A TCP proxy between two parties, whose connections can be cut, delayed, held back, refused, and requests doubled."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

from heard.net.listening import listening

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) \S+ HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REPEAT_WITHIN_S = 3.0


class Link:
    """One party's way to another: it listens on a port of its own and passes on what comes."""

    def __init__(self, name: str, connect: Callable[[], Awaitable[Streams]], dice: random.Random) -> None:
        self.name = name
        self._connect, self._dice = connect, dice
        self._writers: set[asyncio.StreamWriter] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._delay_s = self._hold_s = 0.0
        self._refusing, self._doubles = False, 0
        self.port = 0

    async def open(self) -> "Link":
        with listening("127.0.0.1", 0) as bound:
            self._server = await asyncio.start_server(self._carry, sock=bound.dup())
            self.port = bound.getsockname()[1]
        return self

    async def close(self) -> None:
        self._server.close()
        self.cut()
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    # --- faults ---------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Every connection there is breaks off, wherever it is."""
        for writer in list(self._writers):
            writer.transport.abort()

    def hold(self, seconds: float) -> None:
        """What is sent next waits so long, and others overtake it."""
        self._hold_s = seconds

    def double(self) -> None:
        """The next request comes twice: once more on a connection of its own, its answer to nobody."""
        self._doubles += 1

    async def slow(self, delay_s: float, for_s: float) -> None:
        """Everything takes so long on its way."""
        self._delay_s = delay_s
        try:
            await asyncio.sleep(for_s)
        finally:
            self._delay_s = 0.0

    async def part(self, for_s: float) -> None:
        """The parties cannot reach each other."""
        self._refusing = True
        self.cut()
        try:
            await asyncio.sleep(for_s)
        finally:
            self._refusing = False

    # --- passing on -----------------------------------------------------------------------------------------

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, back = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self._writers |= ends
        try:
            await asyncio.gather(self._pass(reader, back, asked=True), self._pass(there, writer, asked=False))
        except OSError:
            pass
        finally:
            self._writers -= ends
            for one in ends:
                one.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        while data := await reader.read(65_536):
            held_s, self._hold_s = self._hold_s, 0.0
            if held_s or self._delay_s:
                await asyncio.sleep(held_s + self._delay_s)
            if asked and self._doubles and _is_whole(data):
                self._doubles -= 1
                task = asyncio.create_task(self._repeat(data, self._dice.random()))
                self._beside.add(task)
                task.add_done_callback(self._beside.discard)
            writer.write(data)
            await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _repeat(self, request: bytes, after_s: float) -> None:
        await asyncio.sleep(after_s)
        with suppress(OSError, TimeoutError):
            reader, writer = await self._connect()
            try:
                writer.write(request)
                async with asyncio.timeout(_REPEAT_WITHIN_S):
                    await reader.read(65_536)
            finally:
                writer.transport.abort()


def _is_whole(data: bytes) -> bool:
    """Whether these bytes are one HTTP request with all of its body."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end or _REQUEST.match(data) is None:
        return False
    length = _LENGTH.search(head)
    return len(body) == (int(length[1]) if length else 0)
