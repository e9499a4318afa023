"""The database is reached at whichever of its hosts takes writes; one that is silent holds nobody up for long."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import pytest

from heard import limits
from heard.storage.faults import UNREACHABLE
from heard.storage.reaching import Lender, connect, hosts_of, until_silent
from heard.storage.sql import plan_once
from lengths import patience
from ports import keep_port

_SILENT_S = 0.4
_PID = "SELECT pg_backend_pid()"


class Way:
    """A port of this machine that leads to the tests' PostgreSQL. Frozen, it takes calls and passes nothing on."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        self._socket = Path(unquote(parts.query.removeprefix("host="))) / ".s.PGSQL.5432"
        self._database = parts.path
        self._frozen: set[asyncio.Event] = set()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def url(self, *hosts: str) -> str:
        return f"postgresql://heard@{','.join(hosts or (self.host,))}{self._database}"

    def freeze(self) -> None:
        """What is connected hears nothing more; whoever comes from now on is served."""
        self._thawed.clear()
        self._thawed = asyncio.Event()
        self._thawed.set()

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket)
        thawed = self._thawed
        for one, other in ((reader, back), (there, writer)):
            task = asyncio.create_task(_pass(one, other, thawed))
            self._tasks.add(task)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, thawed: asyncio.Event) -> None:
    try:
        while data := await reader.read(65_536):
            await thawed.wait()
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


@pytest.fixture
async def way(dsn: str) -> AsyncIterator[Way]:
    made = Way(dsn)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def pool(way: Way) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(
        way.url(), min_size=3, max_size=3, connect=connect, init=plan_once, reset=_as_it_is
    ) as made:
        yield made
        made.terminate()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DATABASE_SILENT_S", _SILENT_S)


async def _as_it_is(_: object) -> None:
    """As in the hub: sessions are not cleaned up after each use."""


@pytest.fixture
def silent() -> Iterator[str]:
    """A host whose kernel takes calls, as a frozen machine's does, and that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_an_address_of_several_hosts_is_an_address_for_each() -> None:
    assert hosts_of("postgresql://me:a%2Cb@one:1,two,[::1]:3/heard?sslmode=require") == [
        "postgresql://me:a%2Cb@one:1/heard?sslmode=require",
        "postgresql://me:a%2Cb@two/heard?sslmode=require",
        "postgresql://me:a%2Cb@[::1]:3/heard?sslmode=require",
    ]
    for alone in ("postgresql://me:a,b@one/heard", "postgresql://me@/heard?host=%2Ftmp%2Fa,b"):
        assert hosts_of(alone) == [alone]


async def test_a_host_that_takes_calls_and_says_nothing_delays_nobody(way: Way, silent: str) -> None:
    url = way.url(silent, f"127.0.0.1:{keep_port()}", way.host)
    async with asyncio.timeout(limits.DATABASE_CONNECT_S / 2):
        connection = await connect(url)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_where_no_host_answers_it_is_out_of_reach(monkeypatch: pytest.MonkeyPatch, way: Way, silent: str) -> None:
    monkeypatch.setattr(limits, "DATABASE_CONNECT_S", _SILENT_S)
    with pytest.raises(UNREACHABLE, match=r":\d+: it does not answer within 0\.4 s; 127"):
        await connect(way.url(silent, silent))


async def test_what_a_host_says_of_a_wrong_address_is_told_though_others_are_down(way: Way) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(f"postgresql://heard@127.0.0.1:{keep_port()},{way.host}/no_such_database")


async def test_a_server_that_takes_no_writes_is_out_of_reach(way: Way) -> None:
    with pytest.raises(UNREACHABLE, match="takes no writes"):
        await connect(way.url(), server_settings={"default_transaction_read_only": "on"})


async def test_a_silent_server_is_told_of_in_time_and_every_connection_is_made_anew(
    way: Way, pool: asyncpg.Pool, impatient: None
) -> None:
    lender = Lender()
    way.freeze()
    async with patience():
        with pytest.raises(UNREACHABLE):
            async with lender.lend(pool) as connection:
                await connection.fetchval(_PID)
        for _ in range(3):
            async with lender.lend(pool) as connection:
                assert await connection.fetchval(_PID)


async def test_what_is_cut_is_not_asked_to_stop(dsn: str, pool: asyncpg.Pool, impatient: None) -> None:
    """A commit that waits for a standby would end its wait if it were, and count as done."""
    with pytest.raises(UNREACHABLE):
        async with Lender().lend(pool) as connection:
            await connection.execute(f"SELECT pg_sleep({_SILENT_S * 2.5})")
    watcher = await asyncpg.connect(dsn)
    slept = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    assert await watcher.fetchval(slept + " AND state = 'active' AND wait_event = 'PgSleep'") == 1
    async with patience():
        while await watcher.fetchval(slept):
            await asyncio.sleep(0.05)
    await watcher.close()


async def test_a_leader_that_is_none_any_more_is_left_for_good(pool: asyncpg.Pool) -> None:
    lender, seen = Lender(), set()
    async with lender.lend(pool) as one, lender.lend(pool) as another, lender.lend(pool) as third:
        for connection in (one, another, third):
            seen.add(await connection.fetchval(_PID))
            await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(UNREACHABLE):
        async with lender.lend(pool) as connection:
            await connection.execute("CREATE TABLE t ()")
    for _ in range(3):
        async with lender.lend(pool) as connection:
            assert await connection.fetchval(_PID) not in seen
            assert await connection.fetchval("SHOW transaction_read_only") == "off"


async def test_whoever_listens_hears_that_the_server_is_silent(way: Way) -> None:
    connection = await connect(way.url())
    listening = asyncio.create_task(until_silent(connection, 0.1))
    await asyncio.sleep(0.3)
    assert not listening.done()
    way.freeze()
    async with patience():
        with pytest.raises(UNREACHABLE):
            await listening
    connection.terminate()


async def test_patience_is_for_one_use_case_and_is_lent_to_no_other(pool: asyncpg.Pool) -> None:
    lender, usual = Lender(), f"{limits.STATEMENT_S:g}s"
    async with lender.lend(pool, 60.0) as connection:
        assert await connection.fetchval("SHOW statement_timeout") == "1min"
    with pytest.raises(LookupError):
        async with lender.lend(pool, 60.0):
            raise LookupError("refused, in the middle of it")
    for _ in range(2 * pool.get_max_size()):
        async with lender.lend(pool) as connection:
            assert await connection.fetchval("SHOW statement_timeout") == usual
