"""Waiting for many things, for each at most the same time: one timer for all of them, where each would want its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class Patience:
    """Waits so many seconds. For one event loop."""

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()  # by when their time is over
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, awaited: "asyncio.Future[Any]") -> None:
        """Until it is done, or its time is over; whoever waits may be cancelled, and what is awaited goes on."""
        if awaited.done():
            return
        loop = asyncio.get_running_loop()
        until, over = loop.time() + self._within_s, loop.create_future()
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        self._waiting.append((until, over))
        if self._timer is None:
            self._timer = loop.call_at(until, self._look, loop)
        tell = _telling(over)
        awaited.add_done_callback(tell)
        try:
            await over
        finally:
            awaited.remove_done_callback(tell)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whose time is over is told so; the timer goes on for the next."""
        self._timer, now = None, loop.time()
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= now):
            _, over = self._waiting.popleft()
            if not over.done():
                over.set_result(None)
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._look, loop)


def _telling(over: "asyncio.Future[None]") -> Callable[["asyncio.Future[Any]"], None]:
    def tell(_: "asyncio.Future[Any]") -> None:
        if not over.done():
            over.set_result(None)

    return tell
