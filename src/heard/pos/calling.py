"""Calling a vendor's adapter: plain or async, so many at once for a location, and nothing it raises gets further."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
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
    """One location's places at the adapter. `users` hold one or wait for one."""

    places: asyncio.Semaphore
    users: int = 0


class Place:
    """One place at the adapter: one call at a time."""

    def __init__(self, adapter: object, threads: ThreadPoolExecutor) -> None:
        self._adapter, self._threads = adapter, threads
        self.running: Future[Any] | None = None  # a plain method, in its thread

    async def call(self, name: str, argument: object, *expected: type) -> Any:
        """What the method returns, one of the expected values. Raises AdapterFailed."""
        try:
            value = await self._run(getattr(self._adapter, name), argument)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.exception("the adapter was cancelled by its own doing", method=name)
            raise AdapterFailed(f"{name} was cancelled") from None
        except (Exception, SystemExit) as error:  # a library that ends the process must not end the kit
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
        self.running = self._threads.submit(method, argument)
        value = await asyncio.wrap_future(self.running)
        return await value if isinstance(value, Awaitable) else value


class Caller:
    """Calls the methods of one adapter."""

    def __init__(self, adapter: object, at_once: int) -> None:
        self._adapter, self._at_once = adapter, at_once
        self._rooms: dict[Location, _Room] = {}
        self._threads = ThreadPoolExecutor(limits.ADAPTER_THREADS_MAX, thread_name_prefix="heard-pos")

    def offers(self, name: str) -> bool:
        """Whether the adapter has an optional method."""
        return callable(getattr(self._adapter, name, None))

    @contextlib.asynccontextmanager
    async def room(self, location: Location) -> AsyncIterator[Place]:
        """One of the location's places; waits until there is one.

        Whoever gives up waiting for an answer leaves, but a thread cannot be stopped: its place is free when it ends.
        """
        room = self._rooms.get(location)
        if room is None:
            room = self._rooms[location] = _Room(asyncio.Semaphore(self._at_once))
        room.users += 1
        try:
            await room.places.acquire()
        except BaseException:
            self._leave(location, room)
            raise
        place = Place(self._adapter, self._threads)
        try:
            yield place
        finally:
            if place.running is None or place.running.done():
                self._give_back(location, room)
            else:
                loop = asyncio.get_running_loop()
                place.running.add_done_callback(lambda _: _soon(loop, lambda: self._give_back(location, room)))

    def _give_back(self, location: Location, room: _Room) -> None:
        room.places.release()
        self._leave(location, room)

    def _leave(self, location: Location, room: _Room) -> None:
        room.users -= 1
        if not room.users:
            del self._rooms[location]

    def close(self) -> None:
        """Threads cannot be stopped: what they are at ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits for a place any more
        loop.call_soon_threadsafe(act)
