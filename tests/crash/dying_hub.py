"""A hub that kills itself at the first await about one order at which no hub before it has died.

Run as a program: once it has imported everything it waits for a line of JSON on stdin, an `Errand`. Everything else is
the real hub, `heard serve --with-worker`, with three of its coroutines driven step by step, from the order's receipt
until it is confirmed. Its last words on stdout are the place where it died.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

import msgspec

import heard.cli.serve
import heard.http.link
import heard.work.orders
import heard.work.worker
from heard.cli import main
from heard.domain.order.model import Status

T = TypeVar("T")


class Errand(msgspec.Struct):
    """Whose way to watch (the marketplace's number), where not to die, and how many other places to let pass."""

    number: str
    spared: list[str]
    within: str = ""  # die only below a function of this name
    passing: int = 0


class _Watch:
    """Sees every suspension while the order is on its way."""

    def __init__(self, errand: Errand) -> None:
        self._spared, self._within, self._passing = set(errand.spared), errand.within, errand.passing
        self._visits: Counter[str] = Counter()
        self.watching = False

    def suspended(self, coroutine: Any, *, looping: bool) -> None:
        """Die, unless this is a place to be spared. A place in a loop without end counts once."""
        if not self.watching:
            return
        place = _place(coroutine)
        self._visits[place] += 1
        name = place if looping else f"{place} #{self._visits[place]}"
        if name in self._spared or self._within not in place:
            return
        if self._passing:
            self._passing -= 1
            return
        os.write(1, name.encode() + b"\n")
        os.kill(os.getpid(), signal.SIGKILL)


def _place(coroutine: Any) -> str:
    """The functions that wait for each other, the innermost last, each with its line."""
    names = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        names.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        coroutine = coroutine.cr_await
    return " > ".join(names)


class _Stepped(Generic[T]):
    """A coroutine that reports each of its suspensions before it is carried out."""

    def __init__(self, inner: Awaitable[T], watch: _Watch, *, looping: bool = False) -> None:
        self._inner, self._watch, self._looping = inner, watch, looping

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._inner.__await__()
        advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                waited_for = advance()
            except StopIteration as stop:
                result: T = stop.value
                return result
            self._watch.suspended(self._inner, looping=self._looping)
            try:
                answer = yield waited_for
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs inside
                advance = lambda error=error: steps.throw(error)  # type: ignore[misc,attr-defined]  # noqa: E731
            else:
                advance = lambda answer=answer: steps.send(answer)  # type: ignore[misc,attr-defined]  # noqa: E731


def _install(watch: _Watch, number: str) -> None:
    accept = heard.http.link.accept_order
    claim = heard.work.worker.OrderKind.claim
    run = heard.work.worker.OrderWork.run
    change = heard.work.orders.change_order

    async def dying_accept(hub: Any, client: Any, raw: bytes) -> Any:
        if f'"{number}"'.encode() in raw:
            watch.watching = True
        return await _Stepped(accept(hub, client, raw), watch)

    async def dying_claim(self: Any, count: int, busy: Any) -> Any:
        return await _Stepped(claim(self, count, busy), watch, looping=True)

    async def dying_run(self: Any) -> None:
        if self._claimed.order.external_order_id == number:
            await _Stepped(run(self), watch)
        else:
            await run(self)

    async def watching_change(*arguments: Any, **named: Any) -> Any:
        changed = await change(*arguments, **named)
        if changed.order.external_order_id == number and changed.order.status is Status.CONFIRMED:
            watch.watching = False
        return changed

    heard.http.link.accept_order = dying_accept
    heard.work.worker.OrderKind.claim = dying_claim  # type: ignore[method-assign]
    heard.work.worker.OrderWork.run = dying_run  # type: ignore[method-assign]
    heard.work.orders.change_order = watching_change


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.readline(), type=Errand)
    _install(_Watch(told), told.number)
    sys.argv[0] = "heard"
    main()
