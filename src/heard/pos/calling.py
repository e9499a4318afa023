"""Calling a vendor's adapter: plain or async, so many at once for a location, and nothing it raises gets further.

Each call runs by itself, so that whoever waits for it may stop waiting. Its place stays taken until it really ends:
one location whose POS hangs holds its own places, never those of the others.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
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
        self._async: dict[str, bool] = {}
        self._threads = Threads(limits.ADAPTER_THREADS_MAX, "heard-pos")

    def offers(self, name: str) -> bool:
        """Whether the adapter has an optional method."""
        return callable(getattr(self._adapter, name, None))

    def room(self, location: Location) -> "_Stay":
        """One of the location's places, to be held by `async with`; waits until there is one."""
        return _Stay(self, location)

    async def call(self, name: str, argument: object, *expected: type, hurried: bool = False) -> Any:
        """What the method returns, one of the expected values. Raises AdapterFailed.

        `hurried`: whoever waits may stop waiting at any time, and an `async` method then goes on by itself.
        """
        outcome = await self._outcome(name, argument, hurried)
        if outcome.error is not None:
            log.error("the adapter raised", method=name, exc_info=outcome.error)
            raise AdapterFailed(f"{name} raised {type(outcome.error).__name__}") from outcome.error
        if not isinstance(outcome.value, expected):
            wanted, got = ", ".join(one.__name__ for one in expected), type(outcome.value).__name__
            log.error("the adapter returned something else", method=name, wanted=wanted, got=got)
            raise AdapterFailed(f"{name} returned {got}")
        return outcome.value

    async def _outcome(self, name: str, argument: object, hurried: bool) -> _Outcome:
        method: Callable[[Any], Any] = getattr(self._adapter, name)
        if name not in self._async:  # looked up once
            self._async[name] = inspect.iscoroutinefunction(method)
        if self._async[name]:
            return await (self._awaited(method, argument) if hurried else _called_here(method, argument))
        job = self._threads.run(partial(_called, method, argument))
        outcome = await self._waited(job.ended, job.drop, argument)
        if isinstance(outcome.value, Awaitable):
            return await self._awaited(lambda _: outcome.value, argument)
        return outcome

    def enter(self, location: Location) -> _Room:
        """The location's room, with one user more."""
        room = self._rooms.get(location)
        if room is None:
            room = self._rooms[location] = _Room(asyncio.Semaphore(self._at_once))
        room.users += 1
        return room

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
        self.leave(location, room)

    def leave(self, location: Location, room: _Room) -> None:
        """A user less; the last one closes the room."""
        room.users -= 1
        if not room.users:
            del self._rooms[location]

    def close(self) -> None:
        """Threads cannot be stopped: what they are at ends by itself."""
        self._threads.close()


class _Stay:
    """A place at the adapter, held while a call is made."""

    __slots__ = ("_caller", "_location", "_room")

    def __init__(self, caller: Caller, location: Location) -> None:
        self._caller, self._location = caller, location

    async def __aenter__(self) -> None:
        self._room = self._caller.enter(self._location)
        try:
            await self._room.places.acquire()
        except BaseException:
            self._caller.leave(self._location, self._room)
            raise

    async def __aexit__(self, *_: object) -> None:
        if self._room.left:  # a call that was begun here goes on: the place is given back when it ends
            self._room.left -= 1
        else:
            self._room.places.release()
        self._caller.leave(self._location, self._room)


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
