"""Whether this process can do its work, and why not: what it says to whoever sends it work, at /readyz."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import asyncpg
import structlog

from heard import limits
from heard.storage import migrate
from heard.storage.faults import UNREACHABLE

if TYPE_CHECKING:
    from heard.engine.hub import Hub

log = structlog.get_logger()


class Readiness:
    """One process's. Its parts say what keeps them from their work; each look at the database is bounded."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._stopping = False
        self._at_stop: list[Callable[[], None]] = []
        self._parts: list[Callable[[], str | None]] = []
        self._looking: asyncio.Task[str | None] | None = None

    def stop(self) -> None:
        """It has been told to stop: whoever asks from now on is sent elsewhere."""
        self._stopping = True
        for end in self._at_stop:
            end()

    def at_stop(self, end: Callable[[], None]) -> None:
        """Have `end` called once the process is told to stop: for what would go on for long."""
        self._at_stop.append(end)

    @property
    def stopping(self) -> bool:
        """Whether it has been told to stop: what goes on for long ends itself."""
        return self._stopping

    def add(self, part: Callable[[], str | None]) -> None:
        """Ask a part of the process too, from now on: why it does not work, or None."""
        self._parts.append(part)

    async def why_not(self) -> str | None:
        """Why no work should be sent here; None: it may be."""
        if self._stopping:
            return "it is being stopped"
        for part in self._parts:
            why = part()
            if why is not None:
                return why
        if self._looking is None or self._looking.done():  # however many ask, one look is enough
            self._looking = asyncio.create_task(_look(self._hub))
        look = self._looking
        done, _ = await asyncio.wait({look}, timeout=limits.READY_WITHIN_S)
        return look.result() if done else f"the database does not answer within {limits.READY_WITHIN_S:g} s"


async def _look(hub: "Hub") -> str | None:
    """Why the database is of no use. Ends in any case."""
    try:
        async with asyncio.timeout(2 * limits.READY_WITHIN_S), hub.connection() as connection:
            newest = await migrate.newest(connection)
    except UNREACHABLE as error:
        log.warning("the database cannot be reached", task="readiness", error=str(error))
        return "the database cannot be reached"  # its address is not for whoever may ask
    except asyncpg.PostgresError as error:
        log.warning("the database is not the hub's", task="readiness", error=str(error))
        return "the database is not the hub's"
    except Exception:
        log.exception("a fault of ours", task="readiness")
        return "a fault of ours; see the log"
    wanted = _wanted()
    return None if newest >= wanted else f"the schema is at migration {newest}, this release needs {wanted}"


@cache
def _wanted() -> int:
    return migrate.load_migrations()[-1].number
