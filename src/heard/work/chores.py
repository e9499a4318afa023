"""What a worker does once in a while beside its work: begun when a start is over, and ended by no fault."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from heard import limits
from heard.storage.faults import UNREACHABLE

log = structlog.get_logger()


async def once_in_a_while(lane: str, every_s: float, chore: Callable[[], Awaitable[object]]) -> None:
    """For ever, each time within bounds; the first time when a start is over."""
    await asyncio.sleep(limits.RETENTION_FIRST_S)
    while True:
        try:
            async with asyncio.timeout(limits.RETENTION_WITHIN_S):
                await chore()
        except UNREACHABLE as error:
            log.warning("the database cannot be reached", lane=lane, error=str(error))
        except Exception:
            log.exception("a fault of ours", lane=lane)
        await asyncio.sleep(every_s)
