"""Counting what happened: each hour that is over, once. Any number of workers may look for one."""

from heard import limits
from heard.engine.hub import Hub
from heard.storage import figures
from heard.storage.partitions import Kept
from heard.work.chores import once_in_a_while


async def count_hours(hub: Hub, kept: Kept) -> None:
    """For ever."""
    await once_in_a_while("figures", limits.FIGURES_EVERY_S, lambda: count_what_is_over(hub, kept))


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
