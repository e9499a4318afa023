"""A worker is killed at every await between disabling an endpoint and the last dead letter of its queue: none is lost,
none goes on waiting, and its marketplace is told once.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from asking import a_token, ask
from builders import ORGANIZATION
from heard.domain.ids import EndpointId
from heard.engine.resend_events import Replay
from heard.engine.webhook_endpoints import add_endpoint, enable_endpoint
from heard.storage import deliveries, marketplaces
from heard.storage.deliveries import DeliveryState
from heard.storage.sealing import new_key
from lengths import patience
from parties import Town, a_town
from receivers import GOOD, Receiver, a_receiver, all_again, listen_at
from shell import Running, forked

_PROGRAM = Path(__file__).with_name("dying_worker.py")
_POINTS_MAX = 60
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# What waits: two events of each of two orders that are due, of one that is tried again in an hour, of a store in ten.
_WAITING = ((0, 1), (0, 2), (3600, 3), (36_000, 4))


class Deaths:
    """Workers, each to be killed."""

    def __init__(self, dsn: str, key: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
        settings = {"DATABASE_URL": dsn, "SECRET_KEY": key, "OUTBOUND_ALLOW": "127.0.0.0/8", "LOG_LEVEL": "error"}
        settings |= {"WORK_LEASE_S": "0.6", "WORK_POLL_S": "0.1"}
        self._environment = clean | {f"HEARD_{name}": value for name, value in settings.items()}
        self._workers = AsyncExitStack()

    async def worker(self, endpoint_id: str, spared: list[str]) -> Running:
        """One that dies of this endpoint, but at no place that is spared."""
        errand = json.dumps({"endpoint_id": endpoint_id, "spared": spared})
        dying = await self._workers.enter_async_context(forked(_PROGRAM, errand, "work", environment=self._environment))
        async with patience():
            assert b"working" in await dying[1].readline()
        return dying

    async def close(self) -> None:
        await self._workers.aclose()


async def a_queue(town: Town, receiver: Receiver, number: int) -> EndpointId:
    """One more endpoint of the town's marketplace, at the receiver, with events that wait for it alone."""
    hub = town.house.hub
    async with hub.connection() as connection:
        [marketplace] = await marketplaces.find_marketplaces(connection, "nosh")
        endpoint_id = (await add_endpoint(hub, marketplace, receiver.url)).endpoint_id
        for later_s, place in _WAITING:
            await connection.execute(
                "WITH told AS (INSERT INTO events (organization_id, event_id, marketplace_id, order_id, venue_id,"
                " sequence, kind, body, created_at) SELECT $1, format('evt_%s_%s_%s', $3::text, $4::text, n), $2,"
                " CASE WHEN $4 <> '4' THEN format('ord_%s_%s', $3, $4) END, CASE WHEN $4 = '4' THEN 'ven_' || $3 END,"
                " n, 'ready', convert_to(json_build_object('type', 'order.ready', 'timestamp', '2026-03-14T12:00:00Z',"
                " 'data', json_build_object('sequence', n))::text, 'UTF8'), now()"
                " FROM generate_series(1, 2) n RETURNING *)"
                " INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence,"
                " give_up_at, next_at) SELECT $1, event_id, $5, order_id, coalesce(order_id, venue_id), sequence,"
                " now() + interval '1 day', now() + make_interval(secs => $6) FROM told",
                *(ORGANIZATION, marketplace.marketplace_id, str(number), str(place), endpoint_id, float(later_s)),
            )
    return endpoint_id


async def died_at(dying: Running) -> str | None:
    """Where the worker died, or None once it has disabled its endpoint and lives on."""
    process, said = dying
    async with patience():
        place = (await said.readline()).decode().strip()
        if place == "lives on":
            return None
        assert await process.wait() == -signal.SIGKILL
    assert place, "it died, but not where it was to"
    return place


async def all_dead(town: Town, endpoint_ids: list[EndpointId]) -> None:
    """Wait until nothing waits for these any more."""
    try:
        async with patience():
            while any([await waiting(town, one) for one in endpoint_ids]):
                await asyncio.sleep(0.05)
    except TimeoutError:
        left = [await standing(town, one) for one in endpoint_ids if await waiting(town, one)]
        raise AssertionError(f"letters that wait for ever: {left}") from None


async def waiting(town: Town, endpoint_id: EndpointId) -> int:
    sql = "SELECT count(*) FROM deliveries WHERE endpoint_id = $1 AND (state = 'due' OR next_at IS NOT NULL)"
    count: int = await town.house.hub.pool.fetchval(sql, endpoint_id)
    return count


async def standing(town: Town, endpoint_id: EndpointId) -> list[tuple[str, str]]:
    sql = "SELECT event_id, state FROM deliveries WHERE endpoint_id = $1 ORDER BY event_id LIMIT 100"
    return [(row["event_id"], row["state"]) for row in await town.house.hub.pool.fetch(sql, endpoint_id)]


async def feed(town: Town) -> list[dict[str, Any]]:
    answer = await ask(town, "GET", "/link/v2/events?limit=1000", token=await a_token(town, "events"))
    events: list[dict[str, Any]] = json.loads(answer.body)["events"]
    return events


async def check(town: Town, endpoint_ids: list[EndpointId], other: Receiver) -> None:
    """Of each endpoint: every letter is dead and listed, and its marketplace was told once that it is disabled."""
    events = await feed(town)
    notices = [one for one in events if one["type"] == "endpoint.disabled"]
    assert Counter(one["data"]["endpoint_id"] for one in notices) == Counter(endpoint_ids)
    assert {one.id for one in other.heard if one.type == "endpoint.disabled"} == {one["id"] for one in notices}
    assert sum(one["type"] == "order.ready" for one in events) == 8 * len(endpoint_ids)
    for number, endpoint_id in enumerate(endpoint_ids):
        async with town.house.hub.connection() as connection:
            listed = await deliveries.newest(connection, 100, state=DeliveryState.DEAD, endpoint_id=endpoint_id)
        assert all(row["dead_at"] is not None and row["last_error"] for row in listed)
        # One that was killed before it had disabled anything is told of the next ones, and that letter is dead too.
        own = {row["event_id"] for row in listed} - {one["id"] for one in notices}
        assert own == {f"evt_{number}_{place}_{n}" for _, place in _WAITING for n in (1, 2)}


async def test_a_worker_killed_at_every_await_of_disabling_an_endpoint_leaves_every_letter_dead_and_listed(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.ENDPOINTS_PER_MARKETPLACE_MAX", _POINTS_MAX + 2)
    key = new_key()
    deaths = Deaths(dsn, key)
    async with (
        a_receiver(lambda _: Response(status_code=410)) as gone,
        a_receiver(lambda _: GOOD) as well,
        a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town,
    ):
        await listen_at(town, well)
        endpoint_ids: list[EndpointId] = []
        places: list[str] = []
        try:
            while len(endpoint_ids) == len(places) < _POINTS_MAX:
                endpoint_ids.append(await a_queue(town, gone, len(endpoint_ids)))
                worker = await deaths.worker(endpoint_ids[-1], places)
                place = await died_at(worker)
                places += [place] if place is not None else []
            await all_dead(town, endpoint_ids)  # by the last worker, which lives
            await all_told(well, len(endpoint_ids))
            await check(town, endpoint_ids, well)
            await sent_again(town, endpoint_ids[0], well)
        finally:
            await deaths.close()
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    assert len(places) == len(set(places)) >= 8
    for part in ("disable:", "tell:", "_bury:", "disabled"):
        assert any(part in place for place in places), f"no worker died in {part} {places}"


async def all_told(receiver: Receiver, count: int) -> None:
    """Wait until the marketplace's other endpoint has heard of so many that are disabled."""
    async with patience():
        while len({one.id for one in receiver.heard if one.type == "endpoint.disabled"}) < count:
            await asyncio.sleep(0.05)


async def sent_again(town: Town, endpoint_id: EndpointId, receiver: Receiver) -> None:
    """Its address mended and enabled, an endpoint gets all that died, each order's in order."""
    hub, before = town.house.hub, len(receiver.heard)
    await hub.pool.execute("UPDATE endpoints SET url = $1 WHERE endpoint_id = $2", receiver.url, endpoint_id)
    was = await enable_endpoint(hub, endpoint_id)
    assert was.trouble_since is not None
    replay = Replay(ORGANIZATION, (endpoint_id,), _LONG_AGO, dead_since=was.trouble_since)
    assert await all_again(hub, replay) >= 8
    await all_dead(town, [endpoint_id])
    ids = [one.id for one in receiver.heard[before:] if one.type == "order.ready"]
    assert len(ids) == 8
    for _, place in _WAITING:
        assert [one for one in ids if one.startswith(f"evt_0_{place}_")] == [f"evt_0_{place}_1", f"evt_0_{place}_2"]
