"""Threads for plain methods. Daemons, unlike an executor's: a vendor's code that hangs keeps no process from ending."""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Job(Generic[T]):
    """Something a thread is to do. `ended` gets its result; it is cancelled only where no thread had begun."""

    work: Callable[[], T]
    loop: asyncio.AbstractEventLoop
    ended: "asyncio.Future[T]"
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _begun: bool = False

    def drop(self) -> None:
        """Take it back, unless it has begun."""
        with self._turn:
            if not self._begun:
                self.ended.cancel()

    def do(self) -> None:
        """In a thread of its own."""
        with self._turn:
            if self.ended.cancelled():
                return
            self._begun = True
        result = self.work()
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._tell, result)

    def _tell(self, result: T) -> None:
        if not self.ended.done():
            self.ended.set_result(result)


class Threads:
    """At most so many, begun as they are needed, kept until `close`."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._jobs: queue.SimpleQueue[Job[object] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    def run(self, work: Callable[[], T]) -> Job[T]:
        """Have the first free thread do it. `work` must not raise."""
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future())
        self._jobs.put(job)
        if not self._idle.acquire(blocking=False) and self._count < self._most:
            self._count += 1
            threading.Thread(target=self._serve, name=f"{self._name}-{self._count}", daemon=True).start()
        return job

    def close(self) -> None:
        """No thread begins anything more; what one is at ends by itself."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            self._idle.release()
