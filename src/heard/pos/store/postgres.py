"""PostgreSQL: for a kit that runs in several processes, which then share requests, ids and callbacks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import asyncpg

from heard import limits
from heard.pos.store.database import Dialect, Done, Row, Statement, StoreError

_DIALECT = Dialect("bytea", "extract(epoch FROM clock_timestamp())::double precision", " FOR UPDATE SKIP LOCKED")
_LOCK = 0x506F73  # "Pos": the advisory lock that concurrent starts queue up for
_POOL_MAX = 10

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.pool.PoolConnectionProxy


class PostgresDatabase:
    """A pool of connections to a server of the vendor's own."""

    unreachable: tuple[type[Exception], ...] = (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    )
    faults: tuple[type[Exception], ...] = (asyncpg.PostgresError, *unreachable)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> "PostgresDatabase":
        """Connect. Raises StoreError; its text never shows the address as given, which holds a password."""
        try:
            return cls(
                await asyncpg.create_pool(
                    url,
                    min_size=1,
                    max_size=_POOL_MAX,
                    timeout=limits.CONNECT_TIMEOUT_S,
                    command_timeout=limits.STORE_TIMEOUT_S,
                )
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise StoreError(f"HEARD_POS_STORE: PostgreSQL cannot be reached: {_why(error)}") from None

    async def read(self, sql: str, *values: Any) -> Sequence[Row]:
        async with self._pool.acquire(timeout=limits.STORE_TIMEOUT_S) as connection:
            return await connection.fetch(_DIALECT.of(sql), *values)

    async def write(self, *statements: Statement) -> list[Done]:
        async with self._pool.acquire(timeout=limits.STORE_TIMEOUT_S) as connection, connection.transaction():
            return [await _done(connection, one) for one in statements]

    async def prepare(self, statements: Sequence[str]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute("SET LOCAL client_min_messages = warning")
            for sql in statements:
                await connection.execute(_DIALECT.of(sql))

    async def close(self) -> None:
        await self._pool.close()


async def _done(connection: Connection, statement: Statement) -> Done:
    sql = _DIALECT.of(statement.sql)
    if "RETURNING" in sql:
        rows = await connection.fetch(sql, *statement.values)
        return Done(rows, len(rows))
    said = await connection.execute(sql, *statement.values)  # "INSERT 0 1", "UPDATE 1"
    return Done((), int(said.rpartition(" ")[2]))


def _why(error: Exception) -> str:
    """The server's words or the network's. asyncpg's own on an address may quote it: of those, the kind alone."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, asyncpg.PostgresError) else type(error).__name__
