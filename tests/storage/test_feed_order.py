"""The feed under fire: slow and fast writers, a greedy reader. No gap, no double, each order's events in order."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from builders import MARKETPLACE, ORGANIZATION, VENUE, a_moment, a_store, an_order
from heard.domain.ids import EventId, ExchangeId, OrderId
from heard.domain.order.decide import receive
from heard.domain.order.events import EventKind
from heard.protocols.link.auth import SCOPES
from heard.storage import connections, events, marketplaces, orders, store_events, stores
from heard.storage.events import FeedEvent
from heard.storage.marketplaces import Marketplace
from heard.storage.rows import Exchange, OrderRef
from heard.storage.sealing import Sealer

ORDERS, WRITERS, ROUNDS = 12, 16, 25


@pytest.fixture
async def pool(dsn: str, sealer: Sealer) -> AsyncIterator[asyncpg.Pool]:
    """A database with a store, a marketplace, and some orders of it."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=WRITERS + 4) as made:
        async with made.acquire() as connection:
            await stores.add_organization(connection, ORGANIZATION)
            await stores.add_store(connection, a_store(), sealer)
            await marketplaces.add_marketplace(
                connection, Marketplace(ORGANIZATION, MARKETPLACE, "nosh", bytes(32)), SCOPES
            )
            await connections.connect(connection, ORGANIZATION, VENUE, MARKETPLACE)
            at = datetime.now(UTC)
            exchange = Exchange(at, "in", "channel", "POST", "/", 201, 1.0)
            news = []
            for number in range(ORDERS):
                order = an_order(order_id=OrderId(f"ord_{number}"), external_order_id=str(number))
                decision = receive(order, a_moment())
                key = ExchangeId(f"exc_{number}")
                news.append(orders.NewOrder(decision, b"x", b"{}", b"{}", "1", None, at, key, exchange))
            await orders.accept(connection, news)
        yield made


async def tell_order(pool: asyncpg.Pool, number: int, dice: random.Random) -> list[str]:
    """One change of an order that tells one event or two, slowly or quickly; the events' ids."""
    async with pool.acquire() as connection, connection.transaction():
        ref = OrderRef(ORGANIZATION, OrderId(f"ord_{number}"))
        locked = (await orders.lock_all(connection, [ref]))[ref]
        await dawdle(dice)
        first = locked.order.sequence + 1
        numbers = range(first, first + dice.choice((1, 1, 2)))
        told = [orders.NewEvent(EventId(f"evt_{number}_{n}"), n, EventKind.READY, b"{}") for n in numbers]
        decision = receive(replace(locked.order, sequence=numbers[-1]), a_moment())
        give_up_at = locked.now + timedelta(minutes=5)
        saved = orders.Saved(
            replace(decision, history=()), locked, False, release=True, events=told, give_up_at=give_up_at, exchanges=[]
        )
        await orders.save_all(connection, [saved])
        await dawdle(dice)
    return [one.event_id for one in told]


async def tell_store(pool: asyncpg.Pool, dice: random.Random) -> list[str]:
    """A change of the store by one who has written elsewhere before: its transaction's number says nothing."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("INSERT INTO organizations VALUES ($1)", f"other-{dice.random()}")
        await dawdle(dice)
        sequence = await connection.fetchval("UPDATE stores SET sequence = sequence + 1 RETURNING sequence")
        await dawdle(dice)
        now = datetime.now(UTC)
        told = store_events.NewStoreEvent(EventId(f"evt_store_{sequence}"), MARKETPLACE, b"{}")
        await store_events.tell(connection, a_store(), [told], sequence, "store_paused", now, now)
    return [told.event_id]


async def dawdle(dice: random.Random) -> None:
    await asyncio.sleep(dice.choice((0, 0, 0.001, 0.005, 0.05)))


async def read_on(pool: asyncpg.Pool, place: tuple[int, int], count: int) -> list[FeedEvent]:
    async with pool.acquire() as connection:
        return await events.read_feed(connection, ORGANIZATION, MARKETPLACE, place, count)


@pytest.mark.parametrize("seed", range(3))
async def test_a_greedy_reader_of_slow_and_fast_writers_misses_nothing_and_gets_nothing_twice(
    pool: asyncpg.Pool, seed: int
) -> None:
    written: list[str] = []

    async def write(dice: random.Random) -> None:
        for _ in range(ROUNDS):
            store = dice.random() < 0.2
            written.extend(await (tell_store(pool, dice) if store else tell_order(pool, dice.randrange(ORDERS), dice)))

    async def read(dice: random.Random) -> list[str]:
        found: list[str] = []
        place = (0, 0)
        more = True
        while more:
            more = not writing.done()
            page = await read_on(pool, place, dice.randint(1, 20))
            if page:
                place, more = (page[-1].xid, page[-1].position), True
            found += [one.event_id for one in page]
        return found

    writing = asyncio.gather(*(write(random.Random(seed * 100 + n)) for n in range(WRITERS)))
    readings = await asyncio.gather(*(read(random.Random(seed * 1000 + n)) for n in range(3)), writing)
    for found in readings[:3]:
        assert len(found) == len(set(found))
        assert sorted(found) == sorted(written)
        numbers = defaultdict(list)
        for event_id in found:
            _, subject, number = event_id.split("_")
            numbers[subject].append(int(number))
        assert len(numbers) == ORDERS + 1
        wrong = {subject: one for subject, one in numbers.items() if one != list(range(1, len(one) + 1))}
        assert wrong == {}
    assert readings[0] == readings[1] == readings[2]


async def test_a_stores_event_is_behind_its_earlier_one_though_its_transaction_began_before(pool: asyncpg.Pool) -> None:
    now = datetime.now(UTC)
    async with pool.acquire() as slow, pool.acquire() as quick, slow.transaction():
        await slow.execute("INSERT INTO organizations VALUES ('early')")
        async with quick.transaction():
            first = store_events.NewStoreEvent(EventId("evt_1"), MARKETPLACE, b"{}")
            await store_events.tell(quick, a_store(), [first], 1, "store_paused", now, now)
        second = store_events.NewStoreEvent(EventId("evt_2"), MARKETPLACE, b"{}")
        await store_events.tell(slow, a_store(), [second], 2, "store_resumed", now, now)
        assert await read_on(pool, (0, 0), 10) == []
    assert [one.event_id for one in await read_on(pool, (0, 0), 10)] == ["evt_1", "evt_2"]
