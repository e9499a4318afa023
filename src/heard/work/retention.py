"""Keeping the house: partitions are made ahead, and what is over goes. Of any number of workers, one at a time does."""

import asyncio
from dataclasses import asdict, dataclass

import asyncpg
import structlog

from heard import limits
from heard.engine.hub import Hub
from heard.storage import partitions
from heard.storage.faults import UNREACHABLE
from heard.storage.partitions import Kept

log = structlog.get_logger()


async def retain(hub: Hub, kept: Kept) -> None:
    """For ever, once in a while; the first time when a start is over."""
    await asyncio.sleep(limits.RETENTION_FIRST_S)
    while True:
        try:
            async with asyncio.timeout(limits.RETENTION_WITHIN_S):
                await keep_house(hub, kept)
        except UNREACHABLE as error:
            log.warning("the database cannot be reached", lane="retention", error=str(error))
        except asyncpg.LockNotAvailableError:
            log.info("the tables are in use: partitions are made and dropped at the next pass")
        except Exception:
            log.exception("a fault of ours", lane="retention")
        await asyncio.sleep(limits.RETENTION_EVERY_S)


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
