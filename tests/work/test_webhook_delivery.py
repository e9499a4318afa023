"""Events on their way to receivers that fail, leave, ask for patience, or take their time."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import Response

from builders import ORGANIZATION
from heard import limits
from heard.domain.endpoints import GONE
from heard.domain.order.model import Status
from heard.domain.stores import StoreRules
from heard.engine.add_parties import add_marketplace, connect_store
from heard.engine.watch_pos import pos_answered, pos_failed
from heard.protocols.webhooks.auth import WebhookRefused, verify
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from lengths import patience
from parties import a_town
from receivers import GOOD, a_receiver, deliveries_of, listen_at


async def test_a_failed_delivery_is_made_again_before_the_orders_next_event_under_the_same_id(dsn: str) -> None:
    async with a_receiver(lambda n: Response(status_code=500) if n <= 2 else GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        heard = await receiver.until("order.completed")
        kinds = [one.type for one in heard]
        assert kinds == ["order.confirmed"] * 3 + ["order.in_prep", "order.ready", "order.completed"]
        assert len({one.id for one in heard[:3]}) == 1
        assert len({one.id for one in heard}) == 4
        assert len({one.body for one in heard[:3]}) == 1
        assert [state for state, _ in await deliveries_of(town, order_id, "delivered")] == ["delivered"] * 4
        sequences = [json.loads(one.body)["data"]["sequence"] for one in heard]
        assert sequences == [1, 1, 1, 2, 3, 4]


async def test_every_delivery_is_signed_and_nothing_else_verifies(dsn: str) -> None:
    async with a_receiver(lambda n: Response(status_code=503) if n == 1 else GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        await town.send("A-1")
        secret, now = town.marketplace._webhook_secret, datetime.now(UTC)
        for one in await receiver.until("order.completed"):
            assert one.headers["content-type"] == "application/json"
            assert verify(one.headers, one.body, [secret], now).id == one.id
            for headers, body in (
                (one.headers, one.body + b" "),
                ({**one.headers, "webhook-id": one.id + "x"}, one.body),
                ({**one.headers, "webhook-timestamp": str(int(now.timestamp()) + 7)}, one.body),
            ):
                with pytest.raises(WebhookRefused):
                    verify(headers, body, [secret], now)


async def test_an_endpoint_that_is_gone_is_disabled_and_what_was_for_it_is_dead(dsn: str) -> None:
    async with a_receiver(lambda _: Response(status_code=410)) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        found = await deliveries_of(town, order_id, "dead")
        assert found[0] == ("dead", "the endpoint answered 410")
        assert all(error == f"the endpoint is disabled: {GONE}" for _, error in found[1:])  # whoever found them
        assert len(receiver.heard) == 1
        assert await town.house.hub.pool.fetchval("SELECT disabled_at FROM endpoints") is not None


async def test_a_receiver_that_asks_for_patience_is_given_it(dsn: str) -> None:
    busy = Response(status_code=429, headers={"retry-after": "2"})
    async with a_receiver(lambda n: busy if n == 1 else GOOD) as receiver, a_town(dsn) as town:
        await listen_at(town, receiver)
        await town.send("A-1")
        first, second, *_ = await receiver.until("order.confirmed")
        assert second.at - first.at >= 1.9


async def test_a_slow_receiver_does_not_delay_another_ones_events(dsn: str) -> None:
    release = asyncio.Event()

    async def slowly() -> Response:
        await release.wait()
        return GOOD

    async with a_receiver(lambda _: slowly()) as slow, a_receiver(lambda _: GOOD) as quick, a_town(dsn) as town:
        await listen_at(town, slow)
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "gobble", quick.url, await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        ledger = marketplace_ledger(None)
        other = SandboxMarketplace(
            town.hub_url, made.marketplace_id, made.client_secret, made.webhook_secret, ledger, town.house.outbound
        )
        try:
            for number in range(20):  # more than one endpoint may have under way
                await town.send(f"A-{number}")
            async with patience():
                while slow.begun < 16:
                    await asyncio.sleep(0.02)
            assert await other.send(town.content("B-1")) is not None
            await quick.until("order.completed")
            assert slow.heard == []
        finally:
            release.set()
            ledger.close()


async def test_a_delivery_that_never_succeeds_is_dead_when_its_time_is_over(dsn: str) -> None:
    async with (
        a_receiver(lambda _: Response(status_code=500)) as receiver,
        a_town(dsn, rules=StoreRules(accept_within_s=3)) as town,
    ):
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        found = await deliveries_of(town, order_id, "dead")
        assert found == [("dead", "the endpoint answered 500")] * 4
        assert sum(one.type == "order.confirmed" for one in receiver.heard) >= 2
        late = "SELECT count(*) FROM deliveries WHERE next_at IS NOT NULL OR lease_until IS NOT NULL"
        assert await town.house.hub.pool.fetchval(late) == 0


async def test_a_redirect_is_not_followed_and_is_no_acknowledgement(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as elsewhere:
        away = Response(status_code=307, headers={"location": elsewhere.url})
        async with a_receiver(lambda n: away if n == 1 else GOOD) as receiver, a_town(dsn) as town:
            await listen_at(town, receiver)
            await town.send("A-1")
            heard = await receiver.until("order.completed")
            assert [one.status for one in heard[:2]] == [307, 204]
            assert heard[0].id == heard[1].id
            assert elsewhere.heard == []


async def test_an_event_about_a_store_that_is_not_taken_is_tried_again_before_the_next_one(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.STORE_EVENT_LADDER_S", (0.3, 0.3, 0.3))
    monkeypatch.setattr("heard.domain.breaker._ROW", timedelta(0))
    busy = Response(status_code=500)
    async with a_receiver(lambda n: busy if n <= 2 else GOOD) as receiver, a_town(dsn) as town:
        orders = [await town.send("A-1"), await town.send("A-2")]
        for order_id in orders:
            await town.until(order_id, Status.COMPLETED)
            await town.told(order_id, "order.completed")
        await listen_at(town, receiver)
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        for number in range(limits.BREAKER_FAILURES):
            await pos_failed(town.house.hub, store, orders[number % 2], "no connection")
        await pos_answered(town.house.hub, store)
        heard = await receiver.until("store.resumed")
        assert [one.type for one in heard] == ["store.paused"] * 3 + ["store.resumed"]
        assert len({one.id for one in heard}) == 2
        sql = "SELECT count(*) FROM exchanges WHERE venue_id = $1 AND order_id IS NULL"
        assert await town.house.hub.pool.fetchval(sql, town.venue_id) >= 3
