"""An event loop in a thread of its own: how a client that awaits is used by threads and scripts."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs one client's calls. Ctrl-C, or whatever else ends a wait, ends the call as well."""

    def __init__(self, name: str, close_client: Callable[[], Awaitable[None]]) -> None:
        self.loop = asyncio.new_event_loop()
        self._close_client = close_client
        self._closing, self._closed = threading.Lock(), False
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the client and of the thread; calls under way in other threads end with CancelledError."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        """What the call returns, or raises. Raises RuntimeError once it is closed."""
        with self._closing:
            if self._closed:
                call.close()
                raise RuntimeError("the client is closed")
            running = asyncio.run_coroutine_threadsafe(call, self.loop)
        try:
            return running.result()
        finally:
            running.cancel()  # nobody waits any more; nothing happens to one that has ended

    def each(self, found: AsyncIterator[T]) -> Iterator[T]:
        """One after the other of what the client finds."""

        async def following() -> tuple[T, ...]:
            try:
                return (await anext(found),)
            except StopAsyncIteration:
                return ()

        try:
            while one := self.run(following()):
                yield one[0]
        finally:
            if isinstance(found, AsyncGenerator) and not self._closed:
                self.run(found.aclose())

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._close_client()
        await asyncio.get_running_loop().shutdown_asyncgens()
        await asyncio.get_running_loop().shutdown_default_executor()
