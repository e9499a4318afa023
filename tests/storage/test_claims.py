"""Leases: no row is worked on twice at once, none is forgotten, none starves, and an old lease writes nothing."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from builders import MARKETPLACE, ORGANIZATION, VENUE, a_moment, a_store, an_order
from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId, ExchangeId, OrderId, VenueId
from heard.domain.order.commands import CHANNEL, Dispatch, FailAttempt, Park, RepeatOrder, RequestCancel, SendTicket
from heard.domain.order.decide import receive
from heard.domain.order.events import EventKind
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Order, ReasonCode, Status
from heard.engine.change_order import LeaseLost, change_order
from heard.engine.hub import Hub
from heard.protocols.link.auth import SCOPES
from heard.storage import deliveries, endpoints, marketplaces, orders, stores
from heard.storage.deliveries import Settlement
from heard.storage.marketplaces import Marketplace
from heard.storage.rows import Claimed, Exchange, OrderRef
from heard.storage.sealing import Sealer

OTHER = VenueId("ven_01kk0000000000000000000002")

_WAITING = """
INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,
    received_at, accept_by, status, validation, ticket, version, sequence, attempts, parked, next_at)
SELECT $1, 'ord_' || n, 'ven_gone_' || n % $2::integer, $4, n, 'USD', 1, now(), now() + interval '1 hour', 'submitting',
    'not_asked', 'not_sent', 1, 0, 0, false, now() - interval '1 minute' FROM generate_series(1, $3::integer) AS n
"""


@pytest.fixture
async def hub(dsn: str, sealer: Sealer) -> AsyncIterator[Hub]:
    """A hub with a store and a marketplace with an endpoint, and no worker."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool:
        made = Hub(pool, dsn, sealer)
        async with made.connection() as connection:
            await stores.add_organization(connection, ORGANIZATION)
            await stores.add_store(connection, a_store(), sealer)
            marketplace = Marketplace(ORGANIZATION, MARKETPLACE, "nosh", bytes(32))
            await marketplaces.add_marketplace(connection, marketplace, SCOPES)
            endpoint = EndpointId("whk_1")
            await endpoints.add(connection, marketplace, endpoint, "http://x.example/", "whsec_x", sealer)
        yield made


async def add(hub: Hub, count: int, venue_id: VenueId = VENUE, ago_s: float = 60.0) -> None:
    """Orders that have been due for some seconds."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    news = []
    for number in range(count):
        name = f"{venue_id[-3:]}-{number}"
        order = an_order(
            order_id=OrderId(f"ord_{name}"),
            external_order_id=name,
            venue_id=venue_id,
            received_at=at + timedelta(milliseconds=number),
            accept_by=at + timedelta(hours=1),
        )
        exchange = Exchange(at, "in", "channel", "POST", "/", 201, 1.0)
        decision = receive(order, a_moment())
        news.append(
            orders.NewOrder(decision, name.encode(), b"{}", b"{}", "1", None, at, ExchangeId(f"exc_{name}"), exchange)
        )
    async with hub.connection() as connection:
        assert len(await orders.accept(connection, news)) == count


async def claim(
    hub: Hub, count: int = 100, per_store: int = 100, busy: tuple[str, ...] = (), lease_s: float = 30.0
) -> list[Claimed]:
    async with hub.connection() as connection:
        return await orders.claim(connection, count, per_store, busy, lease_s)


async def test_many_workers_never_hold_the_same_order(hub: Hub) -> None:
    await add(hub, 500)
    rounds = await asyncio.gather(*(claim(hub, 40) for _ in range(20)))
    held = [one.order.order_id for found in rounds for one in found]
    while more := await claim(hub):
        held += [one.order.order_id for one in more]
    assert len(held) == 500
    assert max(Counter(held).values()) == 1


async def test_a_busy_store_does_not_starve_another(hub: Hub) -> None:
    await add(hub, 300)
    await add(hub, 3, OTHER, ago_s=1.0)
    found = await claim(hub, count=10, per_store=5)
    assert Counter(one.order.venue_id for one in found) == {VENUE: 5, OTHER: 3}
    assert {one.order.venue_id for one in await claim(hub, busy=(VENUE,))} <= {OTHER}


async def test_a_quiet_store_is_served_in_one_claim_however_long_the_queue_of_another(hub: Hub) -> None:
    await add(hub, 200)
    await add(hub, 1, OTHER, ago_s=1.0)
    found = await claim(hub, count=limits.CLAIM_ORDERS_MAX, per_store=limits.IN_FLIGHT_PER_STORE_MAX)
    assert Counter(one.order.venue_id for one in found) == {VENUE: limits.CLAIM_ORDERS_MAX - 1, OTHER: 1}


@pytest.mark.parametrize("gone", [1, 4])
async def test_a_store_with_ten_thousand_waiting_orders_is_before_no_other(hub: Hub, gone: int) -> None:
    """Counted, not timed: what has just become due at another store is in the very first claim."""
    await hub.pool.execute(_WAITING, ORGANIZATION, gone, 10_000, MARKETPLACE)
    await add(hub, 2, OTHER, ago_s=1.0)
    found = await claim(hub, count=limits.CLAIM_ORDERS_MAX, per_store=limits.IN_FLIGHT_PER_STORE_MAX)
    assert sum(one.order.venue_id == OTHER for one in found) == 2
    assert len(found) == limits.CLAIM_ORDERS_MAX, "the others' work goes on as well"


async def test_a_lease_that_ran_out_is_had_by_another_and_the_old_one_writes_nothing(hub: Hub) -> None:
    await add(hub, 1)
    [old] = await claim(hub, lease_s=0.05)
    await asyncio.sleep(0.1)
    [new] = await claim(hub)
    assert new.lease > old.lease
    with pytest.raises(LeaseLost):
        await change_order(hub, a_store(), old.order.order_id, [Dispatch()], held=old)
    async with hub.connection() as connection:
        untouched = await orders.read(connection, OrderRef(ORGANIZATION, old.order.order_id))
    assert untouched == old.order
    changed = await change_order(hub, a_store(), new.order.order_id, [Dispatch()], held=new)
    assert changed.order.status is Status.SUBMITTING


async def test_a_renewed_lease_is_kept_and_only_by_its_holder(hub: Hub) -> None:
    await add(hub, 1)
    [held] = await claim(hub, lease_s=0.2)
    async with hub.connection() as connection:
        await orders.renew(connection, [held], 30.0)
        await asyncio.sleep(0.3)
        assert await claim(hub) == []
        await orders.release(connection, held)
    [again] = await claim(hub, lease_s=0.05)
    async with hub.connection() as connection:
        await orders.renew(connection, [held], 30.0)  # not its holder any more
    await asyncio.sleep(0.1)
    assert [one.lease for one in await claim(hub)] == [again.lease + 1]


async def test_claims_that_come_to_nothing_are_counted_and_a_step_sets_them_back(hub: Hub) -> None:
    await add(hub, 1)
    for expected in (1, 2, 3):
        [held] = await claim(hub, lease_s=0.01)
        assert held.stalls == expected
        await asyncio.sleep(0.03)
    [held] = await claim(hub)
    await change_order(hub, a_store(), held.order.order_id, [Dispatch()], held=held)
    assert await hub.pool.fetchval("SELECT stalls FROM orders") == 0


async def test_a_parked_order_is_never_claimed(hub: Hub) -> None:
    await add(hub, 1)
    await change_order(hub, a_store(), OrderId("ord_001-0"), [Park("a fault")])
    assert await claim(hub) == []


async def tell(hub: Hub, order: Order, *sequences: int) -> None:
    """Write events of an order, due now."""
    now = await hub.now()
    async with hub.connection() as connection, connection.transaction():
        ref = OrderRef(ORGANIZATION, order.order_id)
        locked = (await orders.lock_all(connection, [ref]))[ref]
        events = [orders.NewEvent(EventId(f"evt_{order.order_id}_{n}"), n, EventKind.READY, b"{}") for n in sequences]
        decision = replace(receive(locked.order, a_moment()), history=())
        give_up_at = now + timedelta(minutes=5)
        saved = orders.Saved(
            decision, locked, fenced=False, release=True, events=events, give_up_at=give_up_at, exchanges=[]
        )
        await orders.save_all(connection, [saved])


async def test_the_events_of_one_order_go_out_one_after_another(hub: Hub) -> None:
    await add(hub, 2)
    for name in ("ord_001-0", "ord_001-1"):
        await tell(hub, an_order(order_id=OrderId(name)), 1, 2)
    async with hub.connection() as connection:
        first = await deliveries.claim(connection, 10, 10, {}, 30.0)
        assert sorted(one.event_id for one in first) == ["evt_ord_001-0_1", "evt_ord_001-1_1"]
        assert await deliveries.claim(connection, 10, 10, {}, 30.0) == []
        exchange = Exchange(first[0].now, "out", "channel", "POST", "/", 204, 1.0)
        delivered, dead = DeliveryState.DELIVERED, DeliveryState.DEAD
        assert await deliveries.settle(connection, [Settlement(first[0], delivered, None, "exc_1", exchange)])
        [second] = await deliveries.claim(connection, 10, 10, {}, 30.0)
        assert (second.order_id, second.event_id[-2:]) == (first[0].order_id, "_2")
        zombie = replace(second, lease=second.lease - 1)
        ends = [
            Settlement(zombie, dead, None, "exc_2", exchange),
            Settlement(first[1], delivered, None, "exc_3", exchange),
        ]
        assert list(await deliveries.settle(connection, ends)) == [(first[1].event_id, first[1].endpoint_id)]
        assert await deliveries.settle(connection, [Settlement(second, dead, None, "exc_4", exchange)])
        states = await connection.fetch("SELECT state FROM deliveries ORDER BY event_id")
        assert sorted(row["state"] for row in states) == ["dead", "delivered", "delivered", "due"]


async def test_an_order_accepted_twice_in_one_batch_is_one_order(hub: Hub) -> None:
    await add(hub, 1)
    with pytest.raises(AssertionError):
        await add(hub, 1)
    assert await hub.pool.fetchval("SELECT count(*) FROM orders") == 1
    assert await hub.pool.fetchval("SELECT count(*) FROM order_history") == 2


async def test_what_follows_for_an_order_that_nobody_else_changed_is_saved_without_locking_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(hub, 1)
    [held] = await claim(hub)

    async def no_lock(*_: object) -> None:
        raise AssertionError("it was locked")

    monkeypatch.setattr(orders, "lock_all", no_lock)
    for command, number in ((SendTicket(), 2), (FailAttempt("no", ticket_may_exist=False), 3)):
        changed = await change_order(hub, a_store(), held.order.order_id, [command], held=held)
        assert changed.known.revision == number
        assert changed.now > held.now
        held = changed.known
    async with hub.connection() as connection:
        ref = OrderRef(ORGANIZATION, held.order.order_id)
        assert await orders.read(connection, ref) == held.order
        assert [row.step for row in await orders.read_history(connection, ref)][-2:] == [Step.SEND, Step.FAIL_ATTEMPT]


async def test_what_somebody_did_meanwhile_to_a_held_order_is_seen_and_kept(hub: Hub) -> None:
    await add(hub, 1)
    [held] = await claim(hub)
    cancel = RequestCancel(CHANNEL, ReasonCode.CANCELLED_BY_GUEST)
    await change_order(hub, a_store(), held.order.order_id, [cancel])
    changed = await change_order(hub, a_store(), held.order.order_id, [SendTicket()], held=held)
    assert changed.order.status is Status.CANCELLED
    assert changed.known.revision == held.revision + 2
    async with hub.connection() as connection:
        history = await orders.read_history(connection, OrderRef(ORGANIZATION, held.order.order_id))
    assert [(row.step, row.changed) for row in history][-1] == (Step.SEND, False)


@pytest.mark.parametrize("seed", range(3))
async def test_holders_and_others_who_change_orders_at_once_lose_none_of_their_steps(hub: Hub, seed: int) -> None:
    await add(hub, 8)
    held = await claim(hub)
    dice = random.Random(seed)

    async def work(claimed: Claimed) -> int:
        """Steps of the one who holds the order's lease; how many they were."""
        steps = 0
        for _ in range(12):
            await asyncio.sleep(dice.random() / 200)
            changed = await change_order(hub, a_store(), claimed.order.order_id, [RepeatOrder()], held=claimed)
            steps, claimed = steps + len(changed.history), changed.known
        return steps

    async def meddle(claimed: Claimed) -> int:
        steps = 0
        for _ in range(6):
            await asyncio.sleep(dice.random() / 100)
            steps += len((await change_order(hub, a_store(), claimed.order.order_id, [RepeatOrder()])).history)
        return steps

    steps = await asyncio.gather(*map(work, held), *map(meddle, held))
    async with hub.connection() as connection:
        for claimed, mine, theirs in zip(held, steps[:8], steps[8:], strict=True):
            lines = await orders.read_history(connection, claimed.ref)
            assert len(lines) == 2 + mine + theirs == 20
            assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_a_release_that_does_not_count_its_saves_is_counted(hub: Hub) -> None:
    await add(hub, 1)
    [held] = await claim(hub)
    await hub.pool.execute("UPDATE orders SET status = status, reason = 'of the release before'")
    changed = await change_order(hub, a_store(), held.order.order_id, [SendTicket()], held=held)
    assert changed.known.revision == held.revision + 2
    assert changed.order.reason == "of the release before"


async def test_whose_clock_is_ahead_of_the_database_s_looks_again(hub: Hub) -> None:
    await add(hub, 1)
    [held] = await claim(hub)
    ahead = replace(held, now=held.now + timedelta(hours=2))  # past the order's deadline
    changed = await change_order(hub, a_store(), held.order.order_id, [SendTicket()], held=ahead)
    assert changed.now - held.now < timedelta(minutes=1)


async def test_whose_clock_stood_still_while_the_database_s_did_not_looks_again(hub: Hub) -> None:
    await add(hub, 1)
    [held] = await claim(hub)
    await hub.pool.execute("UPDATE clock SET \"offset\" = interval '2 hours'")  # past the order's deadline
    changed = await change_order(hub, a_store(), held.order.order_id, [Dispatch()], held=held)
    assert changed.now - held.now > timedelta(hours=2)
    async with hub.connection() as connection:
        history = await orders.read_history(connection, held.ref)
    assert history[-1].at - held.now > timedelta(hours=2)
