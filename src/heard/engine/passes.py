"""Tokens and keys that were looked up, and how a revocation in any process is heard at once in every one.

What a lookup found is remembered only while this process hears of revocations, and for PASS_CACHE_S at the longest:
docs/why/tokens.md.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

from heard import limits
from heard.net.remembered import Remembered
from heard.storage.faults import UNREACHABLE
from heard.storage.reaching import until_silent
from heard.storage.tokens import FORGET_CHANNEL, announce_greeting, is_greeting

if TYPE_CHECKING:
    from heard.engine.hub import Hub

log = structlog.get_logger()


class Holder(Protocol):
    """Who may do something by a token or a key."""

    @property
    def holder_id(self) -> str: ...


H = TypeVar("H", bound=Holder)


class Passes(Generic[H]):
    """Holders by the hash of their token or key. Remembers nothing until it is told that revocations are heard."""

    def __init__(self) -> None:
        self._known: Remembered[bytes, H] = Remembered(limits.TOKEN_CACHE_MAX, limits.PASS_CACHE_S)
        self._hears = False
        self._heard = 0  # grows with each revocation: what was being looked up meanwhile may be revoked already

    async def holder(self, pass_hash: bytes, look_up: Callable[[], Awaitable[tuple[H, float] | None]]) -> H | None:
        """The holder, remembered or looked up; None when there is none. `look_up` also says for how many seconds."""
        known = self._known.get(pass_hash)
        if known is not None:
            return known
        heard = self._heard
        found = await look_up()
        if found is None:
            return None
        holder, left_s = found
        if self._hears and heard == self._heard:
            self._known.put(pass_hash, holder, left_s)
        return holder

    def hears(self, now: bool) -> None:
        """Whether revocations are heard from now on. What is remembered is from before, and is forgotten."""
        self._hears = now
        self._heard += 1
        self._known.clear()

    def forget(self, word: str) -> None:
        """Forget a pass by the hash in hex, or all passes of a holder by its id."""
        self._heard += 1
        with suppress(ValueError):
            self._known.forget(bytes.fromhex(word))
            return
        self._known.forget_where(lambda holder: holder.holder_id == word)


async def keep_hearing(hub: "Hub") -> None:
    """Hear of revocations until cancelled; while that is not possible, nothing is remembered."""
    failures = 0
    while True:
        begun = time.monotonic()
        try:
            await hear_revocations(hub)
        except UNREACHABLE as error:
            failures = failures + 1 if time.monotonic() - begun < limits.PASS_CACHE_S else 1
            tell = log.warning if failures == 1 else log.debug  # once for each time that it is lost
            tell("revocations are not heard: every token is looked up", error=str(error))
        except Exception:
            log.exception("a fault of ours", task="keep_hearing")
        await asyncio.sleep(limits.RECOVER_S)


async def hear_revocations(hub: "Hub") -> None:
    """Hear of revocations until the connection breaks or is silent. Raises one of UNREACHABLE.

    On a connection of its own. That it hears what others say is tried first: a pooler that shares connections out would
    take LISTEN, and then tell nobody.
    """
    greeting, greeted = secrets.token_hex(8), asyncio.Event()

    def heard(word: str) -> None:
        if not is_greeting(word):
            hub.forget(word)
        elif word.endswith(greeting):
            greeted.set()

    connection = await hub.connect_apart()
    try:
        await connection.add_listener(FORGET_CHANNEL, lambda *said: heard(str(said[3])))
        async with asyncio.timeout(limits.PASS_PING_S):
            async with hub.connection() as another:
                await announce_greeting(another, greeting)
            await greeted.wait()
        hub.hears_revocations(True)
        await until_silent(connection, limits.PASS_PING_S)
    finally:
        hub.hears_revocations(False)
        connection.terminate()
