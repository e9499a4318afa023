"""The marketplace's client against a whole hub: what is served today, over real sockets."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from asking import credentials
from heard.bootstrap import serve_hub
from heard.clients.link import (
    Conflict,
    Customer,
    LinkClient,
    NotFound,
    Order,
    RequestRefused,
    Unauthorized,
    item,
    modifier,
    new_order,
)
from heard.domain.ids import OrderId, VenueId
from heard.domain.order.model import Status
from heard.net.listening import listening
from parties import Town, a_town


def a_client(town: Town, **changes: str) -> LinkClient:
    mine = {**credentials(town), **changes}
    return LinkClient(town.hub_url, mine["client_id"], mine["client_secret"], allow=["127.0.0.0/8"])


def an_order(town: Town, number: str, **how: object) -> Order:
    burger = item("BURGER", "Burger", 999, quantity=2, modifiers=[modifier("CHEESE", "Cheese", 150)])
    return new_order(number, town.venue_id, [burger], tax=190, tip=200, customer=Customer("Ada"), **how)  # type: ignore[arg-type]


async def test_an_order_is_sent_found_and_read(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town) as client:
        order = an_order(town, "A-1")
        accepted = await client.send_order(order)
        assert (accepted.external_order_id, accepted.status) == ("A-1", "PENDING")
        assert timedelta(minutes=10) < accepted.accept_by - datetime.now(UTC) < timedelta(minutes=12)
        await town.until(OrderId(accepted.order_id), Status.COMPLETED)
        state = await client.order(accepted.order_id)
        assert (state.status, state.venue_id, state.external_order_id) == ("COMPLETED", town.venue_id, "A-1")
        assert state.content == order
        assert await client.find_order("A-1") == state
        assert await client.find_order("A-2") is None


async def test_an_order_sent_many_times_at_once_is_one_order(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town) as client:
        order = an_order(town, "A-1", requested_at=datetime.now(UTC) + timedelta(hours=3))
        accepted = await asyncio.gather(*(client.send_order(order) for _ in range(10)))
        assert len({one.order_id for one in accepted}) == 1
        with pytest.raises(Conflict) as caught:
            await client.send_order(replace(order, notes="ring twice"))
        assert (caught.value.code, caught.value.retryable) == ("order_conflict", False)


async def test_a_hub_that_restarts_meanwhile_has_the_order_once(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town) as client:
        port = await town.stop_hub()
        sending = asyncio.create_task(client.send_order(an_order(town, "A-1")))
        await asyncio.sleep(0.5)
        with listening("127.0.0.1", port) as bound:
            serving = asyncio.create_task(serve_hub(town.house, bound))
            accepted = await sending
            found = await client.find_order("A-1")
            assert found is not None
            assert found.order_id == accepted.order_id
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def test_a_refusal_says_what_is_wrong_and_where(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town) as client:
        with pytest.raises(RequestRefused) as caught:
            await client.send_order(new_order("A-1", town.venue_id, [item("PIZZA", "Pizza", 999)]))
        assert (caught.value.status, caught.value.code) == (422, "item_unavailable")
        assert [one.path for one in caught.value.errors] == ["$.items[0].item_id"]
        order = an_order(town, "A-1")
        with pytest.raises(RequestRefused) as wrong:
            await client.send_order(replace(order, totals=replace(order.totals, total=order.totals.subtotal)))
        assert wrong.value.code == "totals_mismatch"
        with pytest.raises(NotFound) as nowhere:
            await client.send_order(replace(order, venue_id=VenueId("ven_elsewhere")))
        assert nowhere.value.code == "unknown_venue"
        with pytest.raises(NotFound):
            await client.order("ord_unheard_of")
        assert await client.find_order("A-1") is None


async def test_a_wrong_secret_is_told_as_such(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town, client_secret="hcs_wrong") as client:
        with pytest.raises(Unauthorized) as caught:
            await client.send_order(an_order(town, "A-1"))
        assert caught.value.code == "invalid_client"


async def test_a_token_that_the_hub_forgets_is_replaced(dsn: str) -> None:
    async with a_town(dsn) as town, a_client(town) as client:
        await client.find_order("A-1")
        await town.house.hub.pool.execute("DELETE FROM access_tokens")
        town.house.hub.hears_revocations(True)  # what it remembers is from before
        assert (await client.send_order(an_order(town, "A-1"))).status == "PENDING"
