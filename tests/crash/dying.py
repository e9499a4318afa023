"""A process that kills itself at a chosen await: its coroutines are driven step by step.

Its last words on stdout are the place where it died: the functions that waited for each other, each with its line.
"""

import os
import re
import signal
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Watch:
    """Sees every suspension while what it is about is on its way.

    It dies at none of `spared`, only where `within`, a pattern, is found, and lets so many other places pass. `one_in`:
    of the places in functions that it has died in it dies at one of so many, always the same ones.
    """

    def __init__(self, spared: Iterable[str], within: str = "", passing: int = 0, one_in: int = 1) -> None:
        self._spared, self._within, self._passing = set(spared), within, passing
        self._one_in, self._known = one_in, {name for one in self._spared for name in _functions(one)}
        self._visits: Counter[str] = Counter()
        self.watching = False

    def suspended(self, coroutine: Any, *, looping: bool) -> None:
        """Die, unless this is a place to be spared. A place in a loop without end counts once."""
        if not self.watching:
            return
        place = _place(coroutine)
        self._visits[place] += 1
        self.passed(place if looping else f"{place} #{self._visits[place]}")

    def passed(self, name: str) -> None:
        """Die here, unless it is to be spared."""
        if not self.watching or name in self._spared or not re.search(self._within, name):
            return
        if _functions(name) <= self._known and zlib.crc32(name.encode()) % self._one_in:
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


def _functions(place: str) -> set[str]:
    """The functions that wait for each other there, or what is done there."""
    return {step.partition(":")[0] for step in place.split(" > ")}


class Stepped(Generic[T]):
    """A coroutine that reports each of its suspensions before it is carried out."""

    def __init__(self, inner: Awaitable[T], watch: Watch, *, looping: bool = False) -> None:
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
