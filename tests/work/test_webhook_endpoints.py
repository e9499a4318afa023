"""Endpoints that come, go and fail: each marketplace is told, nothing is lost, and what was missed can be had."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import Response

from asking import a_token, ask
from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import EndpointId, OrderId
from heard.domain.order.model import Status
from heard.domain.refusals import Code, Refused
from heard.engine.resend_events import Replay, count_replay, resend_event
from heard.engine.webhook_endpoints import (
    NewSecret,
    add_endpoint,
    disable_endpoint,
    enable_endpoint,
    find_endpoint,
    remove_endpoint,
    rotate_secret,
)
from heard.protocols.webhooks.auth import WebhookRefused, verify
from heard.storage import deliveries, marketplaces
from lengths import patience
from parties import Town, a_town
from receivers import GOOD, Receiver, a_receiver, all_again, deliveries_of, listen_at

ALL = ["order.confirmed", "order.in_prep", "order.ready", "order.completed"]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def first_endpoint(town: Town) -> EndpointId:
    sql = "SELECT endpoint_id FROM endpoints ORDER BY endpoint_id LIMIT 1"
    return EndpointId(await town.house.hub.pool.fetchval(sql))


async def another(town: Town, receiver: Receiver) -> NewSecret:
    """One more endpoint of the town's marketplace."""
    async with town.house.hub.connection() as connection:
        [marketplace] = await marketplaces.find_marketplaces(connection, "nosh")
    return await add_endpoint(town.house.hub, marketplace, receiver.url)


async def feed(town: Town) -> list[dict[str, Any]]:
    answer = await ask(town, "GET", "/link/v2/events?limit=1000", token=await a_token(town, "events"))
    events: list[dict[str, Any]] = json.loads(answer.body)["events"]
    return events


async def replayed(town: Town, **chosen: Any) -> int:
    """Send what is chosen again; how many events it were."""
    endpoint_ids = (await first_endpoint(town),)
    replay = Replay(ORGANIZATION, endpoint_ids, **{"since": LONG_AGO, **chosen})
    counted = sum((await count_replay(town.house.hub, replay)).values())
    done = await all_again(town.house.hub, replay)
    assert done == counted
    return done


async def test_every_endpoint_of_a_marketplace_gets_every_event_signed_with_its_own_secret(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as one, a_receiver(lambda _: GOOD) as two, a_town(dsn) as town:
        await listen_at(town, one)
        made = await another(town, two)
        await town.send("A-1")
        first, second = await one.until("order.completed"), await two.until("order.completed")
        assert [delivery.type for delivery in first] == [delivery.type for delivery in second] == ALL
        assert [delivery.id for delivery in first] == [delivery.id for delivery in second]
        now = datetime.now(UTC)
        for delivery in second:
            verify(delivery.headers, delivery.body, [made.secret], now)
            with pytest.raises(WebhookRefused):
                verify(delivery.headers, delivery.body, [town.marketplace._webhook_secret], now)


async def test_a_gone_endpoint_is_told_of_in_the_feed_and_to_the_others_and_once(dsn: str) -> None:
    gone = Response(status_code=410)
    async with a_receiver(lambda _: gone) as first, a_receiver(lambda _: GOOD) as other, a_town(dsn) as town:
        await listen_at(town, first)
        await another(town, other)
        orders = [await town.send(f"A-{number}") for number in range(5)]
        for order_id in orders:
            await town.until(order_id, Status.COMPLETED)
        heard = await other.until("endpoint.disabled")
        async with patience():
            while sum(one.type == "order.completed" for one in heard) < len(orders):
                await asyncio.sleep(0.05)
        [told] = [json.loads(one.body) for one in heard if one.type == "endpoint.disabled"]
        gone_id = await first_endpoint(town)
        assert told["data"]["endpoint_id"] == gone_id
        assert told["data"]["url"] == first.url
        assert "410" in told["data"]["reason"]
        [in_feed] = [event for event in await feed(town) if event["type"] == "endpoint.disabled"]
        assert {name: in_feed[name] for name in told} == told
        standing = await find_endpoint(town.house.hub, gone_id)
        assert (standing.disabled_at is not None, "410" in (standing.disabled_why or "")) == (True, True)
        sql = "SELECT count(*) FROM deliveries WHERE endpoint_id = $1 AND state <> 'dead'"
        async with patience():
            while await town.house.hub.pool.fetchval(sql, gone_id):
                await asyncio.sleep(0.05)
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM events WHERE endpoint_id = $1", gone_id) == 1


async def test_an_enabled_endpoint_gets_what_died_and_by_replay_what_came_about_meanwhile(dsn: str) -> None:
    gone = Response(status_code=410)
    async with a_receiver(lambda n: gone if n == 1 else GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        hub, endpoint_id = town.house.hub, await first_endpoint(town)
        first = await town.send("A-1")
        await town.until(first, Status.COMPLETED)
        await deliveries_of(town, first, "dead")
        second = await town.send("A-2")  # nothing of it is on its way to anybody: it is in the feed
        await town.until(second, Status.COMPLETED)
        assert await hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE order_id = $1", second) == 0
        was = await enable_endpoint(hub, endpoint_id)
        assert was.disabled_at is not None
        died = await replayed(town, dead_since=was.trouble_since)
        heard = await receiver.until("order.confirmed")
        async with patience():
            while len(heard) < died + 1:
                await asyncio.sleep(0.05)
        await deliveries_of(town, first, "delivered")
        assert heard[0].id == heard[1].id
        assert await replayed(town, everything=True) == 8
        await until_heard(receiver, second)
        async with patience():
            while await hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE state <> 'delivered'"):
                await asyncio.sleep(0.05)
        assert in_order(receiver, first)[-4:] == in_order(receiver, second)[-4:] == [1, 2, 3, 4]
        assert {event["id"] for event in await feed(town) if event["type"] in ALL} == {one.id for one in heard}


async def until_heard(receiver: Receiver, order_id: OrderId, sequence: int = 4) -> None:
    async with patience():
        while sequence not in in_order(receiver, order_id):
            await asyncio.sleep(0.05)


def in_order(receiver: Receiver, order_id: OrderId) -> list[int]:
    """The sequences that a receiver heard of an order, as they came."""
    told = [json.loads(one.body)["data"] for one in receiver.heard]
    return [data["sequence"] for data in told if data.get("order_id") == order_id]


async def test_an_endpoint_that_fails_for_too_long_is_disabled_and_one_success_begins_anew(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.ENDPOINT_FAILURES_MIN", 4)
    monkeypatch.setattr("heard.limits.ENDPOINT_FAILING_FOR_S", 0.2)
    monkeypatch.setattr("heard.limits.BACKOFF_BASE_S", 0.1)
    taken = {1, 2, 3, 7}  # a success after three failures: they count no more
    async with a_receiver(lambda n: GOOD if n in taken else Response(status_code=500)) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        await deliveries_of(town, order_id, "delivered")
        endpoint = await find_endpoint(town.house.hub, await first_endpoint(town))
        assert (endpoint.disabled_at, endpoint.failures, endpoint.failing_since) == (None, 0, None)
        assert len(receiver.heard) == 7
        await town.until(await town.send("A-2"), Status.COMPLETED)
        async with patience():
            while (endpoint := await find_endpoint(town.house.hub, endpoint.endpoint_id)).disabled_at is None:
                await asyncio.sleep(0.05)
        assert "it took none of" in (endpoint.disabled_why or "")
        assert endpoint.failures >= 4
        await asyncio.sleep(0.5)
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'due'") == 0


async def test_while_a_secret_rotates_deliveries_carry_both_signatures_and_afterwards_the_new_one(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        hub, endpoint_id, old = town.house.hub, await first_endpoint(town), town.marketplace._webhook_secret
        made = await rotate_secret(hub, endpoint_id, 3600.0)
        assert made.old_until is not None
        await until_heard(receiver, await town.send("A-1"))
        for one in receiver.heard:
            now = datetime.now(UTC)
            assert len(one.headers["webhook-signature"].split()) == 2
            verify(one.headers, one.body, [old], now)
            verify(one.headers, one.body, [made.secret], now)
        await hub.pool.execute("UPDATE endpoints SET old_secret_until = business_now()")
        receiver.heard.clear()
        await until_heard(receiver, await town.send("A-2"))
        newest = await rotate_secret(hub, endpoint_id, 0.0)
        assert newest.old_until is None
        for one in receiver.heard:
            verify(one.headers, one.body, [made.secret], datetime.now(UTC))
            with pytest.raises(WebhookRefused):
                verify(one.headers, one.body, [old], datetime.now(UTC))
        receiver.heard.clear()
        await until_heard(receiver, await town.send("A-3"))
        for one in receiver.heard:
            verify(one.headers, one.body, [newest.secret], datetime.now(UTC))
            with pytest.raises(WebhookRefused):
                verify(one.headers, one.body, [made.secret], datetime.now(UTC))
        assert "whsec_" not in repr((made, newest))


async def test_an_endpoint_that_was_removed_is_not_there_for_anybody(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn) as town:
        hub, made = town.house.hub, await another(town, receiver)
        await until_heard(receiver, await town.send("A-1"))
        await remove_endpoint(hub, made.endpoint_id)
        receiver.heard.clear()
        order_id = await town.send("A-2")
        await town.told(order_id, "order.completed")
        assert receiver.heard == []
        for call in (enable_endpoint(hub, made.endpoint_id), rotate_secret(hub, made.endpoint_id, 0.0)):
            with pytest.raises(Refused) as refused:
                await call
            assert refused.value.code is Code.UNKNOWN_ENDPOINT
        event_id = await hub.pool.fetchval("SELECT event_id FROM events LIMIT 1")
        with pytest.raises(Refused):
            await resend_event(hub, event_id, made.endpoint_id)
        assert await hub.pool.fetchval("SELECT count(*) FROM endpoints WHERE secret_sealed = ''") == 1


async def test_a_marketplace_may_have_so_many_endpoints_and_no_more(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn, worker=False, pulled=False) as town:
        made = [another(town, receiver) for _ in range(limits.ENDPOINTS_PER_MARKETPLACE_MAX + 2)]
        ends = await asyncio.gather(*made, return_exceptions=True)
        assert sum(isinstance(one, Refused) for one in ends) == 3  # the town's own is one of them
        assert sum(isinstance(one, NewSecret) for one in ends) == limits.ENDPOINTS_PER_MARKETPLACE_MAX - 1


async def test_what_is_dead_goes_out_again_by_the_hundred_and_each_orders_events_in_order(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.RESEND_BATCH_MAX", 7)
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        hub, endpoint_id = town.house.hub, await first_endpoint(town)
        await disable_endpoint(hub, ORGANIZATION, endpoint_id, "for a while")
        orders = [await town.send(f"A-{number}") for number in range(20)]
        for order_id in orders:
            await town.until(order_id, Status.COMPLETED)
        await hub.pool.execute(
            "INSERT INTO deliveries"
            " (organization_id, event_id, endpoint_id, order_id, subject, sequence, state, give_up_at)"
            " SELECT organization_id, event_id, $1, order_id, order_id, sequence, 'dead', now() FROM events"
            " WHERE order_id IS NOT NULL",
            endpoint_id,
        )
        dead = [
            (row["event_id"], endpoint_id) for row in await hub.pool.fetch("SELECT event_id FROM deliveries LIMIT 9")
        ]
        async with hub.connection() as connection:  # it is disabled: it would be dead again at once
            assert await deliveries.make_due(connection, ORGANIZATION, dead) == 0
        await enable_endpoint(hub, endpoint_id)
        ids = sorted(row["event_id"] for row in await hub.pool.fetch("SELECT event_id FROM deliveries LIMIT 500"))
        middle = await hub.pool.fetchval("SELECT created_at FROM events WHERE event_id = $1", ids[40])
        before = Replay(ORGANIZATION, (endpoint_id,), LONG_AGO, middle)
        after = Replay(ORGANIZATION, (endpoint_id,), middle)
        counts = [sum((await count_replay(hub, one)).values()) for one in (before, after)]
        assert (sum(counts), all(counts)) == (80, True)
        assert await replayed(town) == 80
        for order_id in orders:
            await until_heard(receiver, order_id)
        assert [in_order(receiver, order_id) for order_id in orders] == [[1, 2, 3, 4]] * 20
        assert await replayed(town) == 0
        assert await replayed(town, since=datetime.now(UTC) + timedelta(minutes=1), everything=True) == 0


async def test_an_event_that_was_taken_can_be_sent_again_under_its_own_id(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as one, a_receiver(lambda _: GOOD) as two, a_town(dsn) as town:
        await listen_at(town, one)
        await another(town, two)
        order_id = await town.send("A-1")
        await until_heard(one, order_id)
        await until_heard(two, order_id)
        await deliveries_of(town, order_id, "delivered")  # what is under way just now is left alone
        event = one.heard[1]
        assert await resend_event(town.house.hub, event.id, await first_endpoint(town)) == 1  # type: ignore[arg-type]
        async with patience():
            while len(one.heard) < 5:
                await asyncio.sleep(0.05)
        assert (one.heard[4].id, one.heard[4].body) == (event.id, event.body)
        await deliveries_of(town, order_id, "delivered")
        assert await resend_event(town.house.hub, event.id) == 2  # type: ignore[arg-type]
        async with patience():
            while len(one.heard) < 6 or len(two.heard) < 5:
                await asyncio.sleep(0.05)
        with pytest.raises(Refused) as refused:
            await resend_event(town.house.hub, "evt_none")  # type: ignore[arg-type]
        assert refused.value.code is Code.UNKNOWN_EVENT
