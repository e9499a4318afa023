"""A hub that kills itself at its Nth await about one order: from the order's receipt until it is confirmed.

Run as a program. HEARD_TEST_DIE_AT is N, HEARD_TEST_ORDER the marketplace's number of the order. Everything else is the
real hub: `heard serve --with-worker`, with three of its coroutines driven step by step.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

import heard.http.link
import heard.work.orders
import heard.work.worker
from heard.cli import main
from heard.domain.order.model import Status

T = TypeVar("T")
_DIE_AT = int(os.environ.pop("HEARD_TEST_DIE_AT"))
_NUMBER = os.environ.pop("HEARD_TEST_ORDER")


class _Counter:
    """Counts awaits while the order is on its way."""

    counting = False
    awaits = 0

    def tick(self) -> None:
        if self.counting:
            self.awaits += 1
            if self.awaits == _DIE_AT:
                os.kill(os.getpid(), signal.SIGKILL)


_counter = _Counter()


class _Stepped(Generic[T]):
    """An awaitable that reports each of its suspensions before it is carried out."""

    def __init__(self, inner: Awaitable[T]) -> None:
        self._inner = inner

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._inner.__await__()
        advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                waited_for = advance()
            except StopIteration as stop:
                result: T = stop.value
                return result
            _counter.tick()
            try:
                answer = yield waited_for
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs inside
                advance = lambda error=error: steps.throw(error)  # type: ignore[misc,attr-defined]  # noqa: E731
            else:
                advance = lambda answer=answer: steps.send(answer)  # type: ignore[misc,attr-defined]  # noqa: E731


def _install() -> None:
    accept = heard.http.link.accept_order
    claim = heard.work.worker.OrderKind.claim
    run = heard.work.worker.OrderWork.run
    change = heard.work.orders.change_order

    async def dying_accept(hub: Any, client: Any, raw: bytes) -> Any:
        if f'"{_NUMBER}"'.encode() in raw:
            _counter.counting = True
        return await _Stepped(accept(hub, client, raw))

    async def dying_claim(self: Any, count: int, busy: Any) -> Any:
        return await _Stepped(claim(self, count, busy))

    async def dying_run(self: Any) -> None:
        if self._claimed.order.external_order_id == _NUMBER:
            await _Stepped(run(self))
        else:
            await run(self)

    async def watching_change(*arguments: Any, **named: Any) -> Any:
        changed = await change(*arguments, **named)
        if changed.order.external_order_id == _NUMBER and changed.order.status is Status.CONFIRMED:
            _counter.counting = False
        return changed

    heard.http.link.accept_order = dying_accept
    heard.work.worker.OrderKind.claim = dying_claim  # type: ignore[method-assign]
    heard.work.worker.OrderWork.run = dying_run  # type: ignore[method-assign]
    heard.work.orders.change_order = watching_change


if __name__ == "__main__":
    _install()
    sys.argv[0] = "heard"
    main()
