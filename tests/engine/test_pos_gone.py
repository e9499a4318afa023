"""A POS dies and comes back: the store is paused and goes on, each told once, and no order is lost or doubled."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from asking import a_token, ask_json, read_event
from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import OrderId
from heard.domain.order.commands import HoldCall, Park, PassValidation, ReleaseCall, SendTicket
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import ReasonCode, Status, Ticket
from heard.domain.order.plan import next_at
from heard.domain.stores import Store, StoreRules
from heard.engine.change_order import change_order
from heard.engine.hub import Hub
from heard.engine.watch_pos import is_gone, pos_answered, pos_failed, pos_probed
from heard.net.call import Answer
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.pos import Mood, Pace
from heard.storage import orders
from heard.storage.rows import OrderRef
from heard.work.orders import OrderWork
from lengths import patience
from parties import Town, a_town

STILL = Pace(start_s=60, cook_s=60, hand_over_s=60, silence_s=1.0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.PROBE_FIRST_S", 0.5)
    monkeypatch.setattr("heard.limits.BACKOFF_CAP_S", 0.5)
    monkeypatch.setattr("heard.domain.breaker._ROW", timedelta(seconds=0.2))


async def post(town: Town, number: str) -> Answer:
    """What the hub answers to an order, new or sent before."""
    sent = town.marketplace.ledger.row("SELECT body FROM sent WHERE external_order_id = ?", number)
    body = sent["body"] if sent else encode_new_order(town.content(number))
    return await ask_json(town, "/link/v2/orders", body, await a_token(town))


async def the_store(town: Town) -> Store:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def gone(hub: Hub, store: Store, waiting: Sequence[OrderId]) -> None:
    """Calls of several orders fail until the POS counts as gone."""
    while not await is_gone(hub, store):
        for order_id in waiting:
            await pos_failed(hub, store, order_id, "no connection")
        await asyncio.sleep(0.05)


async def test_a_store_is_paused_while_its_pos_is_gone_and_goes_on_when_it_is_back(dsn: str) -> None:
    async with a_town(dsn, pace=STILL, worker=False) as town:
        async with town.workers(2):
            known = await town.send("A-0")
            await town.until(known, Status.CONFIRMED)
            await town.pos_dies()
            waiting = [await town.send("A-1"), await town.send("A-2")]
            await town.told_of_store("store.paused")
            refused = await post(town, "A-3")
            assert refused.status == 422
            assert b'"store_not_accepting"' in refused.body
            assert int(refused.headers["retry-after"]) > 0
            assert (await post(town, "A-1")).status == 200, "an order that was accepted is answered as before"
        # every worker is gone: all that is known is in the database
        async with town.workers(2):
            await asyncio.sleep(1.0)
            assert [(await town.order(one)).status for one in waiting] == [Status.SUBMITTING] * 2
            town.pos_returns()
            await town.told_of_store("store.paused", "store.resumed")
            for one in waiting:
                await town.until(one, Status.CONFIRMED)
                assert len(town.tickets(one)) == 1
            await town.until(await town.send("A-3"), Status.CONFIRMED)
            await town.told_of_store("store.paused", "store.resumed")
        [paused, resumed] = town.marketplace.ledger.rows("SELECT body FROM told WHERE order_id IS NULL ORDER BY rowid")
        news, after = read_event(paused["body"]), read_event(resumed["body"])
        assert (news.venue_id, news.by, news.reason) == (town.venue_id, "hub", "pos_unreachable")
        assert after.reason is None


async def six_wait(town: Town, so: str) -> None:
    """The POS dies, six orders come, and the hub finds out; until all of them stand `so`, as SQL has it."""
    await town.pos_dies()
    await asyncio.gather(*(town.send(f"A-{number}") for number in range(6)))
    await town.told_of_store("store.paused")
    async with patience():
        while await town.house.hub.pool.fetchval(f"SELECT count(*) FROM orders WHERE {so}") < 6:
            await asyncio.sleep(0.05)


async def test_a_pos_that_is_gone_is_not_hammered(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town:
        await six_wait(town, "held")
        pool = town.house.hub.pool
        calls = await pool.fetchval("SELECT count(*) FROM exchanges WHERE peer = 'pos'")
        await asyncio.sleep(2.0)
        assert await pool.fetchval("SELECT count(*) FROM exchanges WHERE peer = 'pos'") == calls
        assert await pool.fetchval("SELECT probes FROM pos_health") >= 1


async def test_orders_that_wait_for_a_pos_are_not_looked_at_however_often_it_is_probed(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.PROBE_HOLD_S", 0.1)
    monkeypatch.setattr("heard.limits.PROBE_CAP_S", 0.5)
    async with a_town(dsn, pace=STILL) as town:
        await six_wait(town, "next_at > now() + interval '3 minutes'")
        pool = town.house.hub.pool
        assert await pool.fetchval("SELECT bool_and(held) FROM orders")
        leases, probes = await pool.fetchrow("SELECT sum(lease), (SELECT probes FROM pos_health) FROM orders")
        async with patience():
            while await pool.fetchval("SELECT probes FROM pos_health") < probes + 3:
                await asyncio.sleep(0.05)
        assert await pool.fetchval("SELECT sum(lease) FROM orders") == leases
        waits = await pool.fetch("SELECT next_at FROM orders")
        assert len({row["next_at"] for row in waits}) == 6, "those that began to wait together are not due together"


async def test_what_is_due_when_a_pos_is_found_gone_waits_in_one_go_and_is_let_go_by_its_return(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.LET_GO_MAX", 2)
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        fresh = [await town.send(f"A-{number}") for number in range(5)]
        sent, claimed = await town.send("A-5"), await town.send("A-6")
        await change_order(hub, store, sent, [PassValidation(), SendTicket()])
        await hub.pool.execute("UPDATE orders SET lease_until = now() + interval '1 hour' WHERE order_id = $1", claimed)
        await gone(hub, store, fresh[:2])
        now, waits = await hub.now(), []
        for order_id in fresh:
            order = await town.order(order_id)
            assert (order.held, order.ticket) == (True, Ticket.NOT_SENT)
            waits.append(order.wait_until)
            stored = await hub.pool.fetchval("SELECT next_at FROM orders WHERE order_id = $1", order_id)
            assert stored == next_at(order) == min(order.wait_until or now, order.accept_by)
        assert sum(wait is not None and wait > now for wait in waits) >= 4, "not all at once"
        assert not (await town.order(sent)).held, "an open outcome is asked about"
        assert not (await town.order(claimed)).held, "whoever is at it sees to it"
        await pos_answered(hub, store)
        due = await hub.pool.fetch("SELECT order_id FROM orders WHERE next_at <= business_now() AND NOT held")
        assert {row["order_id"] for row in due} >= set(fresh)


async def test_a_probe_that_fails_puts_off_what_waits_so_that_nobody_looks_at_it(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        waiting = [await town.send(f"A-{number}") for number in range(5)]
        claimed, late = waiting[-2:]
        await gone(hub, store, waiting[:2])
        in_a_second = "business_now() + interval '1 second'"
        await hub.pool.execute(f"UPDATE orders SET wait_until = {in_a_second}, next_at = {in_a_second}")
        await hub.pool.execute("UPDATE orders SET next_at = wait_until")
        await hub.pool.execute("UPDATE orders SET lease_until = now() + interval '1 hour' WHERE order_id = $1", claimed)
        away = "UPDATE orders SET accept_by = wait_until, next_at = wait_until WHERE order_id = $1"
        await hub.pool.execute(away, late)
        await pos_probed(hub, store, "it is still away", await hub.pool.fetchval("SELECT lease FROM pos_health"))
        now = await hub.now()
        for order_id in waiting:
            order = await town.order(order_id)
            stored = await hub.pool.fetchval("SELECT next_at FROM orders WHERE order_id = $1", order_id)
            assert (order.held, stored) == (True, next_at(order))
            assert order.wait_until is not None
            is_left = order_id in (claimed, late)  # whoever is at it sees to it; a deadline is kept
            assert (order.wait_until < now + timedelta(seconds=limits.HELD_LOOK_S / 2)) is is_left
        await pos_probed(hub, store, None, await hub.pool.fetchval("SELECT lease FROM pos_health"))
        assert await hub.pool.fetchval("SELECT count(*) FROM orders WHERE held AND lease_until IS NULL") == 0


async def test_all_that_wait_are_let_go_by_the_return_and_one_that_somebody_is_at_right_after(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.LET_GO_MAX", 2)
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        waiting = [await town.send(f"A-{number}") for number in range(6)]
        parked = await town.send("A-6")
        until = await hub.now() + timedelta(minutes=5)
        for order_id in waiting:
            await change_order(hub, store, order_id, [HoldCall(until)])
        await change_order(hub, store, parked, [HoldCall(until), Park("a person is asked")])
        let_go_singly = waiting.pop()
        await change_order(hub, store, let_go_singly, [ReleaseCall()])
        await gone(hub, store, waiting)
        async with hub.connection() as connection, connection.transaction():
            await orders.lock_all(connection, [OrderRef(ORGANIZATION, waiting[0])])
            back = asyncio.create_task(pos_answered(hub, store))
            async with patience():
                while await hub.pool.fetchval("SELECT count(*) FROM orders WHERE held") > 1:
                    await asyncio.sleep(0.02)
            assert (await town.order(waiting[0])).held
        await back
        singly = await town.order(let_go_singly)
        assert singly.wait_until is not None
        for order_id in waiting:
            order = await town.order(order_id)
            assert (order.held, order.status, order.version) == (singly.held, singly.status, singly.version)
            assert order.wait_until is not None
            assert order.wait_until < until
        due = "SELECT order_id FROM orders WHERE next_at <= business_now()"
        assert {row["order_id"] for row in await hub.pool.fetch(due)} == {*waiting, let_go_singly}


async def test_an_order_that_is_held_while_its_pos_comes_back_does_not_wait(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        order_id = await town.send("A-1")
        async with hub.connection() as connection:
            [claimed] = await orders.claim(connection, 1, 1, [], 30.0)
        late = replace(claimed, probe_at=await hub.now())  # the POS counted as gone when the order was claimed
        await OrderWork(hub, town.house.outbound, late, store).run()
        assert not (await town.order(order_id)).held
        due = "SELECT count(*) FROM orders WHERE next_at <= business_now() AND lease_until IS NULL"
        assert await hub.pool.fetchval(due) == 1


async def test_a_deadline_is_kept_while_the_pos_is_gone(dsn: str) -> None:
    async with a_town(dsn, pace=STILL, rules=StoreRules(accept_within_s=5)) as town:
        await town.pos_dies()
        waiting = [await town.send("A-1"), await town.send("A-2")]
        await town.told_of_store("store.paused")
        for one in waiting:
            order = await town.until(one, Status.REJECTED)
            assert order.reason_code is ReasonCode.NOT_ACCEPTED_IN_TIME
            assert await town.told(one, "order.rejected") == ["order.rejected"]


async def test_an_open_outcome_is_asked_about_while_the_pos_is_gone_and_makes_no_second_ticket(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.POS_CALL_TIMEOUT_S", 0.5)
    monkeypatch.setattr("heard.limits.PROBE_HOLD_S", 0.5)
    async with a_town(dsn, mood=lambda _: Mood.SILENT, pace=STILL, callbacks=False) as town:
        order_id = await town.send("A-1")
        async with patience():
            while not town.tickets(order_id):
                await asyncio.sleep(0.01)
        await town.pos_dies()
        await town.send("A-2")
        await town.told_of_store("store.paused")
        await town.until(order_id, Status.UNKNOWN)
        sql = "SELECT count(*) FROM exchanges WHERE order_id = $1 AND method = 'GET'"
        reads = await town.house.hub.pool.fetchval(sql, order_id)
        async with patience():
            while await town.house.hub.pool.fetchval(sql, order_id) <= reads:
                await asyncio.sleep(0.05)
        town.pos_returns()
        await town.told_of_store("store.paused", "store.resumed")
        assert (await town.until(order_id, Status.CONFIRMED)).ticket is Ticket.PLACED
        assert len(town.tickets(order_id)) == 1
        assert Step.MISS not in [row.step for row in await town.history(order_id)]


async def test_a_pos_that_refuses_everything_is_alive(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        for one in [await town.send(f"A-{number}") for number in range(8)]:
            await town.until(one, Status.REJECTED)
        row = await town.house.hub.pool.fetchrow("SELECT failures, last_answer_at FROM pos_health")
        assert row["failures"] == 0
        assert row["last_answer_at"] is not None
        await town.told_of_store()


async def test_late_and_repeated_outcomes_tell_nobody_twice(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        sent = [await town.send("A-1"), await town.send("A-2")]
        await pos_failed(hub, store, sent[0], "no connection")
        await asyncio.sleep(0.3)
        await asyncio.gather(*(pos_failed(hub, store, sent[number % 2], "no connection") for number in range(20)))
        kinds = "SELECT array_agg(kind ORDER BY sequence) FROM events WHERE venue_id IS NOT NULL"
        assert await hub.pool.fetchval(kinds) == ["store_paused"]
        await pos_probed(hub, store, None, 99)  # the outcome of a lease that this process does not hold
        assert await hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 1
        await asyncio.gather(*(pos_answered(hub, store) for _ in range(5)))
        await pos_probed(hub, store, "a probe that began before", 0)
        assert await hub.pool.fetchval(kinds) == ["store_paused", "store_resumed"]
        assert await hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0
        assert await hub.pool.fetchval("SELECT count(*) FROM orders WHERE held") == 0


async def test_a_store_that_someone_else_holds_too_does_not_open_with_its_pos(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        sent = [OrderId(await town.send("A-1")), OrderId(await town.send("A-2"))]
        await hub.pool.execute(
            "INSERT INTO store_pauses VALUES ($1, $2, 'staff', 'a flood', now(), NULL)", ORGANIZATION, town.venue_id
        )
        for number in range(6):
            await pos_failed(hub, store, sent[number % 2], "no connection")
            await asyncio.sleep(0.05)
        await pos_answered(hub, store)
        assert await hub.pool.fetchval("SELECT count(*) FROM events WHERE venue_id IS NOT NULL") == 0
        refused = await post(town, "A-3")
        assert refused.status == 422
        assert b"a flood" in refused.body
