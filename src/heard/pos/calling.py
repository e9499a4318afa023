"""Calling a vendor's adapter: plain or async, so many at once for a location, and nothing it raises gets further.

Each call runs by itself, so that whoever waits for it may stop waiting. Its place stays taken until it really ends:
one location whose POS hangs holds its own places, never those of the others.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from heard import limits
from heard.pos.adapter import Location
from heard.pos.threads import Threads

log = structlog.get_logger()


class AdapterFailed(Exception):
    """The adapter raised, or returned what is none of the agreed values. The log holds the whole story."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a method returned, or what it raised: even what else would end a task, a thread or the process."""

    value: Any = None
    error: BaseException | None = None


@dataclass(slots=True)
class _Room:
    """One location's places at the adapter. `left` counts calls under way that nobody waits for any more."""

    places: asyncio.Semaphore
    users: int = 0
    left: int = 0


class Caller:
    """Calls the methods of one adapter."""

    def __init__(self, adapter: object, at_once: int) -> None:
        self._adapter, self._at_once = adapter, at_once
        self._rooms: dict[Location, _Room] = {}
        self._threads = Threads(limits.ADAPTER_THREADS_MAX, "heard-pos")

    def offers(self, name: str) -> bool:
        """Whether the adapter has an optional method."""
        return callable(getattr(self._adapter, name, None))

    @asynccontextmanager
    async def room(self, location: Location) -> AsyncIterator[None]:
        """One of the location's places; waits until there is one."""
        room = self._rooms.setdefault(location, _Room(asyncio.Semaphore(self._at_once)))
        room.users += 1
        try:
            await room.places.acquire()
            try:
                yield
            finally:
                if room.left:  # a call that was begun here goes on: the place is given back when it ends
                    room.left -= 1
                else:
                    room.places.release()
        finally:
            self._leave(location, room)

    async def call(self, name: str, argument: object, *expected: type, hurried: bool = False) -> Any:
        """What the method returns, one of the expected values. Raises AdapterFailed.

        `hurried`: whoever waits may stop waiting at any time, and an `async` method then goes on by itself.
        """
        outcome = await self._outcome(getattr(self._adapter, name), argument, hurried)
        if outcome.error is not None:
            log.error("the adapter raised", method=name, exc_info=outcome.error)
            raise AdapterFailed(f"{name} raised {type(outcome.error).__name__}")
        if not isinstance(outcome.value, expected):
            wanted, got = ", ".join(one.__name__ for one in expected), type(outcome.value).__name__
            log.error("the adapter returned something else", method=name, wanted=wanted, got=got)
            raise AdapterFailed(f"{name} returned {got}")
        return outcome.value

    async def _outcome(self, method: Callable[[Any], Any], argument: object, hurried: bool) -> _Outcome:
        if inspect.iscoroutinefunction(method):
            return await (self._awaited(method, argument) if hurried else _called_here(method, argument))
        job = self._threads.run(partial(_called, method, argument))
        outcome = await self._waited(job.ended, job.drop, argument)
        if isinstance(outcome.value, Awaitable):
            return await self._awaited(lambda _: outcome.value, argument)
        return outcome

    async def _awaited(self, method: Callable[[Any], Awaitable[Any]], argument: object) -> _Outcome:
        task = asyncio.create_task(_called_async(method, argument))
        return await self._waited(task, task.cancel, argument)

    async def _waited(
        self, running: "asyncio.Future[_Outcome]", stop: Callable[[], object], argument: object
    ) -> _Outcome:
        """The outcome. Whoever asked may give up: it is told to stop, and its place is taken until it does."""
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            stop()
            if not running.done():
                self._let_go(running, getattr(argument, "location", argument))
            raise
        return running.result()

    def _let_go(self, running: "asyncio.Future[_Outcome]", location: Any) -> None:
        room = self._rooms.get(location)
        if room is not None:
            room.left += 1
            room.users += 1
            running.add_done_callback(lambda _: self._ended(location, room))

    def _ended(self, location: Location, room: _Room) -> None:
        room.places.release()
        self._leave(location, room)

    def _leave(self, location: Location, room: _Room) -> None:
        room.users -= 1
        if not room.users:
            del self._rooms[location]

    def close(self) -> None:
        """Threads cannot be stopped: what they are at ends by itself."""
        self._threads.close()


def _called(method: Callable[[Any], Any], argument: object) -> _Outcome:
    try:
        return _Outcome(method(argument))
    except BaseException as error:  # noqa: BLE001 - told by whoever called; a thread has nobody else to tell
        return _Outcome(error=error)


async def _called_here(method: Callable[[Any], Awaitable[Any]], argument: object) -> _Outcome:
    """In the caller's own task: it waits until the method ends, whatever becomes of the caller."""
    try:
        return _Outcome(await method(argument))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it is the caller that is cancelled
            raise
        return _Outcome(error=error)
    except BaseException as error:  # noqa: BLE001 - told by whoever called; SystemExit would end the event loop
        return _Outcome(error=error)


async def _called_async(method: Callable[[Any], Awaitable[Any]], argument: object) -> _Outcome:
    try:
        return _Outcome(await method(argument))
    except BaseException as error:  # noqa: BLE001 - told by whoever called; SystemExit would end the event loop
        return _Outcome(error=error)
