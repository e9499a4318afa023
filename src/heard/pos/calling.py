"""Calling a vendor's adapter: plain or async, so many at once for a location, and nothing it raises gets further."""

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from heard import limits
from heard.pos.adapter import Location

log = structlog.get_logger()


class AdapterFailed(Exception):
    """The adapter raised, or returned what is none of the agreed values. The log holds the whole story."""


@dataclass(slots=True)
class _Room:
    """One location's places at the adapter."""

    places: asyncio.Semaphore
    users: int = 0


class Caller:
    """Calls the methods of one adapter."""

    def __init__(self, adapter: object, at_once: int) -> None:
        self._adapter, self._at_once = adapter, at_once
        self._rooms: OrderedDict[Location, _Room] = OrderedDict()
        self._threads = ThreadPoolExecutor(limits.ADAPTER_THREADS_MAX, thread_name_prefix="heard-pos")

    def offers(self, name: str) -> bool:
        """Whether the adapter has an optional method."""
        return callable(getattr(self._adapter, name, None))

    @asynccontextmanager
    async def room(self, location: Location) -> AsyncIterator[None]:
        """One of the location's places; waits until there is one."""
        room = self._rooms.get(location)
        if room is None:
            room = self._rooms[location] = _Room(asyncio.Semaphore(self._at_once))
        room.users += 1
        try:
            async with room.places:
                yield
        finally:
            room.users -= 1
            if not room.users:
                del self._rooms[location]

    async def call(self, name: str, argument: object, *expected: type) -> Any:
        """What the method returns, one of the expected values. Raises AdapterFailed."""
        try:
            value = await self._run(getattr(self._adapter, name), argument)
        except Exception as error:
            log.exception("the adapter raised", method=name)
            raise AdapterFailed(f"{name} raised {type(error).__name__}") from None
        if not isinstance(value, expected):
            wanted = ", ".join(one.__name__ for one in expected)
            log.error("the adapter returned something else", method=name, wanted=wanted, got=type(value).__name__)
            raise AdapterFailed(f"{name} returned {type(value).__name__}")
        return value

    async def _run(self, method: Callable[[Any], Any], argument: object) -> Any:
        if inspect.iscoroutinefunction(method):
            return await method(argument)
        value = await asyncio.get_running_loop().run_in_executor(self._threads, method, argument)
        return await value if isinstance(value, Awaitable) else value

    def close(self) -> None:
        """Threads cannot be stopped: what they are at ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
