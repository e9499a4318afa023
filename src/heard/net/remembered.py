"""A small cache for what seldom changes and may be a little old."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """A bounded cache whose entries live for so many seconds; the least used goes first."""

    def __init__(self, size: int, lifetime_s: float) -> None:
        self._size, self._lifetime_s = size, lifetime_s
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V, at_most_s: float = math.inf) -> V:
        """Remember a value, for less than the usual time if it is good for less."""
        self._entries[key] = (time.monotonic() + min(self._lifetime_s, at_most_s), value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return value

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)

    def forget_where(self, is_meant: Callable[[V], bool]) -> None:
        """Forget every value that is meant."""
        for key in [key for key, (_, value) in self._entries.items() if is_meant(value)]:
            del self._entries[key]

    def clear(self) -> None:
        self._entries.clear()
