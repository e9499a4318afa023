"""/readyz tells the truth: a process that cannot do its work says so, and why, and says when it can again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from asking import ask, problem_of
from heard import limits
from heard.storage import migrate
from heard.work.worker import OrderKind
from lengths import patience
from parties import Town, a_town


async def not_ready(town: Town) -> str:
    """What it says; that it lives, it says too."""
    answer = await ask(town, "GET", "/readyz")
    assert (await ask(town, "GET", "/healthz")).status == 200
    said: str = problem_of(answer, 503, "unavailable")["detail"]
    return said


async def ready(town: Town) -> None:
    async with patience():
        while (await ask(town, "GET", "/readyz")).status != 200:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def a_lock(dsn: str) -> AsyncIterator[None]:
    """Whoever reads of migrations waits until this is over, as at a database that hangs."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE heard_migrations IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_database_that_does_not_answer_is_told_in_time_by_one_look_however_many_ask(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "READY_WITHIN_S", 0.3)
    async with a_town(dsn, worker=False, pulled=False) as town:
        await ready(town)
        async with a_lock(dsn):
            said = await asyncio.gather(*(not_ready(town) for _ in range(20)))
            pool = town.house.hub.pool
            assert pool.get_size() - pool.get_idle_size() <= 1, "each who asks holds a connection"
        assert set(said) == {"Not ready: the database does not answer within 0.3 s."}
        await ready(town)


async def test_a_schema_that_lacks_a_migration_is_told(dsn: str) -> None:
    newest = migrate.load_migrations()[-1]
    async with a_town(dsn, worker=False, pulled=False) as town:
        row = await town.house.hub.pool.fetchrow(
            "DELETE FROM heard_migrations WHERE number = $1 RETURNING *", newest.number
        )
        said = await not_ready(town)
        await town.house.hub.pool.execute("INSERT INTO heard_migrations VALUES ($1, $2, $3, $4, $5)", *row)
        await ready(town)
    assert f"at migration {newest.number - 1}, this release needs {newest.number}" in said


async def test_a_worker_whose_lane_hangs_is_not_ready_and_one_that_looks_for_work_is(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LANE_LATE_S", 0.6)
    claim, hangs = OrderKind.claim, asyncio.Event()

    async def hanging(*given: object) -> object:
        if hangs.is_set():
            await asyncio.sleep(60)
        return await claim(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(OrderKind, "claim", hanging)
    async with a_town(dsn) as town:
        await asyncio.sleep(1.5)
        await ready(town)
        hangs.set()
        async with patience():
            while (await ask(town, "GET", "/readyz")).status == 200:
                await asyncio.sleep(0.05)
        assert "has not looked for work (order)" in await not_ready(town)
