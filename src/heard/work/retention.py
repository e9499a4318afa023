"""Keeping the house: partitions are made ahead, and what is over goes. Of any number of workers, one at a time does."""

from dataclasses import asdict, dataclass

import asyncpg
import structlog

from heard import limits
from heard.engine.hub import Hub
from heard.storage import partitions
from heard.storage.partitions import Kept
from heard.work.chores import once_in_a_while

log = structlog.get_logger()


async def retain(hub: Hub, kept: Kept) -> None:
    """For ever."""

    async def keep() -> None:
        try:
            await keep_house(hub, kept)
        except asyncpg.LockNotAvailableError:
            log.info("the tables are in use: partitions are made and dropped at the next pass")

    await once_in_a_while("retention", limits.RETENTION_EVERY_S, keep)


@dataclass(frozen=True, slots=True)
class Tidied:
    """Partitions made and dropped, and how many rows were forgotten that are no whole partition."""

    made: list[str]
    dropped: list[str]
    rows_forgotten: int


async def keep_house(hub: Hub, kept: Kept) -> Tidied:
    """Make what is missing, drop and forget what is over. Raises LockNotAvailableError: the rest comes later."""
    connection = await hub.connect_apart()  # nobody cuts it for taking long
    try:
        made = await partitions.make_ahead(connection)
        dropped = await partitions.drop_over(connection, kept)
        forgotten = 0
        while count := await partitions.sweep_defaults(connection, kept):
            forgotten += count
    finally:
        connection.terminate()
    done = Tidied(made, [one.name for one in dropped], forgotten)
    if made or dropped or forgotten:
        log.info("the house was kept", **asdict(done))
    return done
