"""Reaching the database: which of its hosts takes writes, and how long one of them may be silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import structlog
from asyncpg.connect_utils import SessionAttribute

from heard import limits
from heard.storage.faults import UNREACHABLE

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    Own = asyncpg.Connection[asyncpg.Record]
    Lent = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool, Own, Lent = asyncpg.Pool, asyncpg.Connection, asyncpg.pool.PoolConnectionProxy

log = structlog.get_logger()


async def connect(dsn: str, **how: Any) -> Own:
    """A connection that may write: of several hosts, to whichever says first that it takes writes.

    All are asked at once, so that one which takes calls and says nothing, as a frozen machine does, delays nobody.
    Raises one of UNREACHABLE where none takes writes now, and what PostgreSQL says of a wrong address or password.
    """
    ways = hosts_of(dsn)
    if len(ways) == 1:
        return await _connect_to(dsn, how)
    asked = [asyncio.create_task(_connect_to(way, how)) for way in ways]
    chosen: Own | None = None
    try:
        for answer in asyncio.as_completed(asked):
            try:
                chosen = await answer
            except Exception:  # noqa: BLE001, S112 - kept by its task, and told below if no other host is better
                continue
            return chosen
        faults = [fault for one in asked if isinstance(fault := one.exception(), Exception)]
        told = next((fault for fault in faults if not isinstance(fault, UNREACHABLE)), None)
        raise told or ConnectionError("; ".join(map(_named, ways, faults)))
    finally:
        for one in asked:
            one.cancel()
        for other in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(other, asyncpg.Connection) and other is not chosen:
                other.terminate()


def hosts_of(dsn: str) -> list[str]:
    """An address of several hosts (postgresql://one,two:5433/heard) as one address for each."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [dsn]
    return [parts._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(",")]


def _named(way: str, fault: Exception) -> str:
    return f"{urlsplit(way).netloc.rpartition('@')[2]}: {fault}"


async def _connect_to(dsn: str, how: dict[str, Any]) -> Own:
    try:
        async with asyncio.timeout(limits.DATABASE_CONNECT_S):
            made: Own = await asyncpg.connect(dsn, **how, target_session_attrs=SessionAttribute.read_write)
            return made
    except TimeoutError:
        raise TimeoutError(f"it does not answer within {limits.DATABASE_CONNECT_S:g} s") from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise ConnectionError("it takes no writes") from None


async def until_silent(connection: Own, every_s: float) -> None:
    """Until a connection that listens ends. Raises one of UNREACHABLE when it does not answer."""
    closed = asyncio.Event()
    connection.add_termination_listener(lambda *_: closed.set())
    while not closed.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(every_s):
                await closed.wait()
        await connection.execute("SELECT 1", timeout=every_s)


@asynccontextmanager
async def _patient(connection: Lent, within_s: float) -> AsyncIterator[None]:
    """Meanwhile a statement may take so long. A connection on which something went wrong is not lent again."""
    await connection.execute(f"SET statement_timeout = {within_s * 1000:.0f}")
    try:
        yield
    except BaseException:
        connection.terminate()
        raise
    await connection.execute(f"SET statement_timeout = {limits.STATEMENT_S * 1000:.0f}")


class Lender:
    """Lends connections of a process's pool. Where one is silent for too long, or its server takes no writes any more,
    all of the pool's are made anew: those that others have when they give them back, the rest when they are lent next.

    A silent one is cut, and not asked to stop what it does: a commit that waits for a standby would then count as done.
    """

    def __init__(self) -> None:
        self._renewals = 0

    @asynccontextmanager
    async def lend(self, pool: Pool, within_s: float | None = None) -> AsyncIterator[Lent]:
        """A connection, for one use case, which takes no longer than `within_s`, where that is more than the usual.

        Raises one of UNREACHABLE, also when it is held for too long; TimeoutError, where it was too slow.
        """
        loop = asyncio.get_running_loop()
        connection: Lent = await pool.acquire(timeout=limits.DATABASE_WAIT_S)
        renewals, bound_s = self._renewals, within_s or limits.DATABASE_SILENT_S
        alarm = loop.call_later(bound_s, connection.terminate)
        try:
            if within_s is None:
                yield connection
            else:
                async with _patient(connection, within_s):
                    yield connection
        except asyncpg.ReadOnlySQLTransactionError:
            await self._renew(pool, renewals, "it takes no writes")
            raise
        except asyncpg.QueryCanceledError as fault:
            raise TimeoutError(str(fault)) from None
        except UNREACHABLE:
            if loop.time() < alarm.when():
                raise
            raise TimeoutError(f"it is silent for {bound_s:g} s") from None
        finally:
            alarm.cancel()
            with suppress(TimeoutError):  # a query that was broken off and does not come back: it is cut
                await pool.release(connection, timeout=limits.BREAK_OFF_S)
            if loop.time() >= alarm.when():
                await self._renew(pool, renewals, f"it is silent for {bound_s:g} s")

    async def _renew(self, pool: Pool, seen: int, why: str) -> None:
        """Unless that was done since."""
        if seen == self._renewals:
            self._renewals += 1
            log.warning("the connections to the database are made anew", why=why)
            await pool.expire_connections()
