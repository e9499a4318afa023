"""Ends of attempts in one statement: each fenced by its lease, an order's later events behind the one before."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from builders import MARKETPLACE, ORGANIZATION
from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId
from heard.engine.hub import Hub
from heard.protocols.link.auth import SCOPES
from heard.storage import deliveries, endpoints, marketplaces, stores
from heard.storage.deliveries import Delivery, Settlement
from heard.storage.marketplaces import Marketplace
from heard.storage.rows import Exchange
from heard.storage.sealing import Sealer
from heard.work.settling import Settler

ENDPOINT = EndpointId("whk_1")


@pytest.fixture
async def hub(dsn: str, sealer: Sealer) -> AsyncIterator[Hub]:
    """A hub with one endpoint, and three events of each of forty orders due to it."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=5) as pool:
        made = Hub(pool, dsn, sealer)
        async with made.connection() as connection:
            await stores.add_organization(connection, ORGANIZATION)
            marketplace = Marketplace(ORGANIZATION, MARKETPLACE, "nosh", bytes(32))
            await marketplaces.add_marketplace(connection, marketplace, SCOPES)
            await endpoints.add(connection, marketplace, ENDPOINT, "http://x.example/", "whsec_x", sealer)
        await pool.execute(
            "WITH told AS (INSERT INTO events"
            " (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
            " SELECT $1, 'evt_' || o || '_' || n, $2, 'ord_' || o, n, 'ready', '{}', now()"
            " FROM generate_series(1, 40) o, generate_series(1, 3) n RETURNING *)"
            " INSERT INTO deliveries"
            " (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at)"
            " SELECT $1, event_id, $3, order_id, order_id, sequence, now() + interval '1 hour', now() FROM told",
            ORGANIZATION,
            MARKETPLACE,
            ENDPOINT,
        )
        yield made


async def claim(hub: Hub, count: int = 100) -> list[Delivery]:
    async with hub.connection() as connection:
        return await deliveries.claim(connection, count, 64, {}, 30.0)


def end(delivery: Delivery, state: DeliveryState, delay_s: float | None = None, number: str = "") -> Settlement:
    fault = None if state is DeliveryState.DELIVERED else "the endpoint answered 500"
    exchange = Exchange(datetime.now(UTC), "out", "channel", "POST", "/", 204, 1.0, fault)
    return Settlement(delivery, state, delay_s, f"exc_{delivery.event_id}_{delivery.lease}{number}", exchange)


async def due_in_s(hub: Hub, subject: str) -> list[int | None]:
    sql = "SELECT round(extract(epoch FROM next_at - business_now()))::integer FROM deliveries WHERE subject = $1"
    return [row[0] for row in await hub.pool.fetch(sql + " ORDER BY sequence LIMIT 10", subject)]


async def test_later_events_of_an_order_wait_with_the_one_before_them_and_are_due_when_it_is_over(hub: Hub) -> None:
    held = {one.subject: one for one in await claim(hub)}
    assert len(held) == 40
    assert all(one.event_id.endswith("_1") for one in held.values())
    async with hub.connection() as connection:
        again = end(held["ord_1"], DeliveryState.DUE, 100.0)
        dead = end(held["ord_2"], DeliveryState.DEAD)
        assert len(await deliveries.settle(connection, [again, dead])) == 2
    assert await due_in_s(hub, "ord_1") == [100, 100, 100]
    assert await due_in_s(hub, "ord_2") == [None, 0, 0]
    assert [one.event_id for one in await claim(hub)] == ["evt_2_2"]
    await hub.pool.execute("UPDATE deliveries SET next_at = now() WHERE event_id = 'evt_1_1'")
    [first] = await claim(hub)
    async with hub.connection() as connection:
        await deliveries.settle(connection, [end(first, DeliveryState.DELIVERED)])
    assert await due_in_s(hub, "ord_1") == [None, 0, 0]


async def test_an_endpoints_failures_are_counted_in_a_row_and_one_success_ends_it(hub: Hub) -> None:
    held = await claim(hub)
    async with hub.connection() as connection:
        failed = await deliveries.settle(connection, [end(one, DeliveryState.DUE, 0.0) for one in held[:3]])
        [health] = {one.health for one in failed.values()}
        assert health is not None
        assert (health.failures, health.failing_since is not None) == (3, True)
        unsent = replace(end(held[3], DeliveryState.DEAD), telling=False)
        await deliveries.settle(connection, [unsent])
        assert await hub.pool.fetchval("SELECT failures FROM endpoints") == 3
        mixed = [end(held[4], DeliveryState.DELIVERED), end(held[5], DeliveryState.DUE, 0.0)]
        await deliveries.settle(connection, mixed)
        standing = await hub.pool.fetchrow("SELECT failures, failing_since FROM endpoints")
        assert tuple(standing) == (0, None)
        news = await deliveries.settle(connection, [end(held[6], DeliveryState.DELIVERED)])
        assert [one.health for one in news.values()] == [None]


async def test_only_who_has_a_later_event_or_one_to_send_again_wakes_whoever_sends(hub: Hub) -> None:
    settler, woken = Settler(hub), []
    settler.wake = woken.append
    [first, other, *_] = await claim(hub)
    await settler.settle(end(first, DeliveryState.DELIVERED))
    assert woken == [{ENDPOINT}], "two more of its order wait"
    await hub.pool.execute("UPDATE deliveries SET state = 'delivered', next_at = NULL WHERE sequence > 1")
    await settler.settle(end(other, DeliveryState.DUE, 5.0))
    assert woken == [{ENDPOINT}] * 2, "an alarm must be set for it"
    await hub.pool.execute("UPDATE deliveries SET next_at = now() WHERE event_id = $1", other.event_id)
    [again] = await claim(hub)
    await settler.settle(end(again, DeliveryState.DELIVERED))
    assert len(woken) == 2, "nothing waits behind it"


async def test_a_failing_endpoint_gets_fewer_at_once_and_those_under_way_count(hub: Hub) -> None:
    async with hub.connection() as connection:
        few = await deliveries.claim(connection, 100, 10, {ENDPOINT: 4}, 30.0)
        assert len(few) == 6
        assert await deliveries.claim(connection, 100, 10, {ENDPOINT: 10}, 30.0) == []
        await deliveries.settle(connection, [end(few[0], DeliveryState.DUE, 0.0)])
        at_once = limits.IN_FLIGHT_PER_FAILING_ENDPOINT_MAX
        assert len(await deliveries.claim(connection, 100, 10, {}, 30.0)) == at_once
        assert await deliveries.claim(connection, 100, 10, {ENDPOINT: at_once}, 30.0) == []


async def test_what_ends_together_is_written_together_and_a_bad_one_takes_nothing_from_the_others(hub: Hub) -> None:
    held = await claim(hub)
    settler = Settler(hub)
    ends = [end(one, DeliveryState.DELIVERED) for one in held]
    bad = Settlement(held[0], DeliveryState.DELIVERED, None, ends[1].exchange_id, ends[0].exchange)  # a taken key
    results = await asyncio.gather(*(settler.settle(one) for one in [bad, *ends[1:]]), return_exceptions=True)
    assert sum(isinstance(one, asyncpg.UniqueViolationError) for one in results) == 1
    states = await hub.pool.fetch("SELECT state FROM deliveries WHERE sequence = 1 ORDER BY state LIMIT 99")
    assert [row["state"] for row in states] == ["delivered"] * 39 + ["due"]


async def test_settling_and_claiming_from_many_sides_at_once_deliver_each_event_once_and_in_order(hub: Hub) -> None:
    order: dict[str, list[int]] = {}

    async def work() -> None:
        settler = Settler(hub)
        while await hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'due'"):
            found = await claim(hub, 10)
            for one in found:
                order.setdefault(one.subject, []).append(int(one.event_id[-1]))
            await asyncio.gather(*(settler.settle(end(one, DeliveryState.DELIVERED)) for one in found))

    await asyncio.gather(*(work() for _ in range(4)))
    assert len(order) == 40
    assert set(map(tuple, order.values())) == {(1, 2, 3)}
    assert await hub.pool.fetchval("SELECT count(*) FROM exchanges") == 120
