"""Wishes that come at the same time are carried out together: one transaction, one flush of the disk for all of them.

The first wish goes at once, and whatever comes while it is under way goes with the next. Who comes alone waits for
nobody; a writer whose batch had company rests a moment, since in a rush there will be more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from heard import limits
from heard.storage.faults import UNREACHABLE

W = TypeVar("W")
R = TypeVar("R")


class Batcher(Generic[W, R]):
    """One kind of wish of one process. Of those about the same thing, one at most is in a batch.

    `work` carries out wishes, all or none, and tells what came of each: what is refused to one alone is its outcome.
    """

    def __init__(
        self, work: Callable[[Sequence[W]], Awaitable[Sequence[R | Exception]]], about: Callable[[W], Hashable]
    ) -> None:
        self._work, self._about = work, about
        self._waiting: deque[tuple[W, asyncio.Future[R], asyncio.TimerHandle | None]] = deque()
        self._writers: set[asyncio.Task[None] | None] = set()

    @property
    def waiting(self) -> int:
        """How many wishes are in no batch yet."""
        return len(self._waiting)

    async def ask(self, wish: W, begun_within_s: float | None = None) -> R:
        """What came of a wish. Raises what was refused to it, and whatever befell its batch.

        One that is in no batch by `begun_within_s` is never carried out: that raises TimeoutError.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[R] = loop.create_future()
        timer = None if begun_within_s is None else loop.call_later(begun_within_s, _give_up, answer)
        self._waiting.append((wish, answer, timer))
        if len(self._writers) < limits.BATCH_WRITERS:
            # Its log lines and spans are of nobody: it writes for whoever comes, not for who came first.
            self._writers.add(asyncio.create_task(self._write(), context=Context()))
        return await answer

    async def _write(self) -> None:
        try:
            await self._write_all()
        finally:  # in the same step in which nothing waited any more: whoever asks next finds a place for a writer
            self._writers.discard(asyncio.current_task())

    async def _write_all(self) -> None:
        while batch := self._next():
            outcomes = await self._carry_out([wish for wish, _ in batch])
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():  # whoever asked has given up
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
            if len(batch) > 1:
                await asyncio.sleep(limits.BATCH_REST_S)

    def _next(self) -> list[tuple[W, "asyncio.Future[R]"]]:
        batch: dict[Hashable, tuple[W, asyncio.Future[R]]] = {}
        later = []
        while self._waiting and len(batch) < limits.BATCH_MAX:
            wish, answer, timer = self._waiting.popleft()
            if answer.done():  # whoever asked has given up, and nothing shall come of it
                continue
            about = self._about(wish)
            if about in batch:
                later.append((wish, answer, timer))
                continue
            batch[about] = wish, answer
            if timer is not None:
                timer.cancel()
        self._waiting.extendleft(reversed(later))
        return list(batch.values())

    async def _carry_out(self, wishes: Sequence[W]) -> Sequence[R | Exception]:
        try:
            return await self._work(wishes)
        except UNREACHABLE as error:  # none would fare better alone
            return [error] * len(wishes)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked; the others must go on
            if len(wishes) == 1:
                return [error]
        outcomes: list[R | Exception] = []
        for wish in wishes:
            outcomes += await self._carry_out([wish])
        return outcomes


def _give_up(answer: "asyncio.Future[R]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError("the batches before it take too long"))
