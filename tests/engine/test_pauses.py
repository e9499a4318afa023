"""A store is paused by several and goes on: open when nobody holds it, told once each way, lifted by time too."""

import asyncio
import json
from datetime import timedelta

import pytest

from asking import a_token, an_order_body, ask_json, problem_of, read_event
from builders import ORGANIZATION
from heard.domain.refusals import Code, Refused
from heard.domain.stores import HELD_BY_HUB, Pause, Store
from heard.engine.pause_store import end_pause, hold, pause_store, resume_store
from heard.protocols.link.events import StoreEvent as StoreNews
from heard.storage.pauses import EndedPause
from lengths import patience
from parties import Town, a_town

STAFF = "staff"


async def the_store(town: Town) -> Store:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def kinds(town: Town) -> list[str]:
    """What was told of the store so far, in order."""
    sql = "SELECT coalesce(array_agg(kind ORDER BY sequence), '{}') FROM events WHERE venue_id IS NOT NULL"
    found: list[str] = await town.house.hub.pool.fetchval(sql)
    return found


def heard(town: Town) -> list[StoreNews]:
    rows = town.marketplace.ledger.rows("SELECT body FROM told WHERE order_id IS NULL ORDER BY rowid")
    return [read_event(row["body"]) for row in rows]


async def test_a_store_is_open_when_nobody_holds_it_and_is_told_once_each_way(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        mine = town.marketplace.credentials[0]
        await pause_store(hub, store, STAFF, "a flood")
        await pause_store(hub, store, mine, "no riders")
        async with hub.connection() as connection, connection.transaction():
            await hold(hub, connection, store, Pause(HELD_BY_HUB, "pos_unreachable", await hub.now()))
        assert await kinds(town) == ["store_paused"]
        for number, one in enumerate((STAFF, HELD_BY_HUB, mine)):
            body = an_order_body(town, f"A-{number}")
            answer = await ask_json(town, "/link/v2/orders", json.dumps(body).encode(), await a_token(town))
            problem_of(answer, 422, "store_not_accepting")
            assert await resume_store(hub, store, one) is (one == mine)
        assert await kinds(town) == ["store_paused", "store_resumed"]
        await town.send("A-9")


async def test_lifting_what_one_does_not_hold_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        assert await resume_store(hub, store, STAFF) is False
        await pause_store(hub, store, STAFF, "a flood")
        assert await resume_store(hub, store, "mkt_other") is False
        assert await kinds(town) == ["store_paused"]
        assert await hub.pool.fetchval("SELECT array_agg(held_by) FROM store_pauses") == [STAFF]


async def test_pausing_again_takes_the_place_of_ones_own_pause(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await pause_store(hub, store, STAFF, "a flood", 10)
        second = await pause_store(hub, store, STAFF, "still a flood", 60)
        row = await hub.pool.fetchrow("SELECT held_by, reason, since, until FROM store_pauses")
        assert row is not None
        assert Pause(**dict(row)) == second
        assert await kinds(town) == ["store_paused"]
        await town.pass_time(minutes=11)
        await end_pause(hub, EndedPause(ORGANIZATION, town.venue_id, STAFF))  # of the first one
        assert await kinds(town) == ["store_paused"]
        await pause_store(hub, store, STAFF, "for good")
        await town.pass_time(days=400)
        await end_pause(hub, EndedPause(ORGANIZATION, town.venue_id, STAFF))
        assert await kinds(town) == ["store_paused"]


async def test_a_pause_ends_at_its_time_and_the_store_is_told_open_once_by_several_workers(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        async with town.workers(3):
            await pause_store(town.house.hub, await the_store(town), STAFF, "a flood", 30)
            await town.told_of_store("store.paused")
            await town.pass_time(minutes=29)
            await asyncio.sleep(0.6)
            await town.told_of_store("store.paused")
            await town.pass_time(minutes=1)
            await town.told_of_store("store.paused", "store.resumed")
            await asyncio.sleep(0.6)
        assert await kinds(town) == ["store_paused", "store_resumed"]
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0
        paused, resumed = heard(town)
        assert (paused.by, paused.reason) == ("store", "a flood")
        assert paused.until is not None
        assert abs(paused.until - paused.timestamp - timedelta(minutes=30)) < timedelta(seconds=1)
        assert (resumed.by, resumed.reason, resumed.until) == ("store", None, None)
        assert resumed.sequence > paused.sequence


async def test_an_order_is_taken_as_soon_as_the_pauses_time_has_come_whatever_workers_do(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        await pause_store(town.house.hub, await the_store(town), STAFF, "a flood", 30)
        await town.pass_time(minutes=30)
        await town.send("A-1")


async def test_a_new_pause_before_the_last_one_was_lifted_is_the_same_closure_for_marketplaces(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await pause_store(hub, store, STAFF, "a flood", 30)
        await town.pass_time(minutes=31)
        await pause_store(hub, store, "mkt_other", "no riders")  # no worker has lifted the first one
        await end_pause(hub, EndedPause(ORGANIZATION, town.venue_id, STAFF))
        assert await kinds(town) == ["store_paused"]
        await resume_store(hub, store, "mkt_other")
        assert await kinds(town) == ["store_paused", "store_resumed"]


async def test_many_at_once_tell_nobody_twice(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        holders = [f"mkt_{number}" for number in range(8)]
        await asyncio.gather(*(pause_store(hub, store, one, "all at once", 1) for one in holders))
        assert await kinds(town) == ["store_paused"]
        await town.pass_time(minutes=2)
        ended = [EndedPause(ORGANIZATION, town.venue_id, one) for one in holders for _ in range(2)]
        await asyncio.gather(*(end_pause(hub, one) for one in ended))
        assert await kinds(town) == ["store_paused", "store_resumed"]


@pytest.mark.parametrize(
    ("reason", "minutes", "path"),
    [
        ("", None, "$.reason"),
        (" \n", None, "$.reason"),
        ("x" * 501, None, "$.reason"),
        ("why", 0, "$.duration_minutes"),
        ("why", -1, "$.duration_minutes"),
        ("why", 10_081, "$.duration_minutes"),
        ("why", 10**18, "$.duration_minutes"),
    ],
)
async def test_a_pause_out_of_bounds_is_refused_and_holds_nothing(
    dsn: str, reason: str, minutes: int | None, path: str
) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        with pytest.raises(Refused) as refused:
            await pause_store(town.house.hub, await the_store(town), STAFF, reason, minutes)
        assert refused.value.code is Code.INVALID_BODY
        assert [error.path for error in refused.value.errors] == [path]
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0
        assert await kinds(town) == []


async def test_a_store_that_someone_else_holds_too_does_not_open_by_time(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await pause_store(hub, store, STAFF, "a flood", 5)
        await pause_store(hub, store, "mkt_other", "no riders")
        async with town.workers(2):
            await town.pass_time(minutes=6)
            async with patience():
                while await hub.pool.fetchval("SELECT count(*) FROM store_pauses") != 1:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
        assert await kinds(town) == ["store_paused"]
