"""Counting what happened: each hour that is over, once. Any number of workers may look for one."""

import asyncio

import structlog

from heard import limits
from heard.engine.hub import Hub
from heard.storage import figures
from heard.storage.faults import UNREACHABLE
from heard.storage.partitions import Kept

log = structlog.get_logger()


async def count_hours(hub: Hub, kept: Kept) -> None:
    """For ever, once in a while; the first time when a start is over."""
    await asyncio.sleep(limits.RETENTION_FIRST_S)
    while True:
        try:
            async with asyncio.timeout(limits.RETENTION_WITHIN_S):
                await count_what_is_over(hub, kept)
        except UNREACHABLE as error:
            log.warning("the database cannot be reached", lane="figures", error=str(error))
        except Exception:
            log.exception("a fault of ours", lane="figures")
        await asyncio.sleep(limits.FIGURES_EVERY_S)


async def count_what_is_over(hub: Hub, kept: Kept) -> int:
    """Count every hour that is over and was not counted, and forget what is too old; how many hours that were."""
    hours = 0
    while await _count_one(hub):
        hours += 1
    if hours:
        async with hub.connection() as connection:
            now = await connection.fetchval("SELECT business_now()")
            while await figures.forget(connection, kept.orders_since(now)):
                pass
    return hours


async def _count_one(hub: Hub) -> bool:
    async with hub.connection(limits.LONG_STATEMENT_S) as connection, connection.transaction():
        return await figures.count_next_hour(connection) is not None
