"""Passwords: hashed by Argon2id in a thread, a few at a time, so that nobody who guesses takes the hub's time."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from heard import limits
from heard.domain.refusals import Code, Refused

R = TypeVar("R")

_HASHER: Final = PasswordHasher(time_cost=limits.PASSWORD_PASSES, memory_cost=limits.PASSWORD_MEMORY_KB, parallelism=1)
_NOBODYS: Final = (  # of a password that nobody has: who is not there takes as long as who is
    "$argon2id$v=19$m=19456,t=2,p=1$LguuXPsyNR4gL5UFUi6nBw$vgYZqCxB4b6Z4BmMPGoYI251WL0is8fLXlZX1LJLwe0"
)


class Passwords:
    """One process's turns at hashing."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(limits.PASSWORD_HASHES_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password. Raises Refused(rate_limited)."""
        return await self._in_turn(_HASHER.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the one; without a hash it is not, which takes as long to say. Raises Refused(rate_limited)."""
        right = await self._in_turn(_verify, password_hash or _NOBODYS, password)
        return right and password_hash is not None

    async def _in_turn(self, work: Callable[..., R], *words: str) -> R:
        if self._waiting >= limits.PASSWORD_WAITING_MAX:
            raise Refused(Code.RATE_LIMITED, "Too many are signing in. Try again in a moment.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *words)
        finally:
            self._waiting -= 1


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
