"""Chance for ids and jitter, drawn from the system a piece at a time: a draw is a system call, an order takes ten."""

import os

_DRAWN_BYTES = 4096


class Chance:
    """The system's own chance, a piece at a time. For one process: what a fork copies would be drawn twice."""

    def __init__(self) -> None:
        self._drawn, self._place = b"", 0

    def take(self, count: int) -> bytes:
        """So many bytes that nobody had before; `count` is at most _DRAWN_BYTES."""
        end = self._place + count
        if end > len(self._drawn):
            self._drawn, end = os.urandom(_DRAWN_BYTES), count
        taken, self._place = self._drawn[end - count : end], end
        return taken

    def fraction(self) -> float:
        """In [0, 1)."""
        return int.from_bytes(self.take(4), "big") / (1 << 32)
