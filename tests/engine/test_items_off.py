"""What is taken off a menu: by whom, for how long, how often channels are told of it, and how it comes back."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from asking import a_token, an_order_body, ask_json, problem_of, read_event
from builders import ORGANIZATION, a_menu
from heard import limits
from heard.bootstrap import open_house
from heard.domain.ids import ProductId
from heard.domain.menu.off import ItemOff
from heard.domain.order.model import Status
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine.add_parties import add_marketplace, connect_store
from heard.engine.items_off import end_items_off, put_back, take_off
from heard.engine.publish_menu import publish_menu, unpublish_menu
from heard.storage import items_off
from heard.storage.items_off import EndedItems
from lengths import patience
from parties import Town, a_town, put_menu


async def the_store(town: Town) -> Store:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def off_now(town: Town) -> dict[str, str]:
    """What is off, and who took it off."""
    store = await the_store(town)
    async with town.house.hub.connection() as connection:
        return {one.item_id: one.by for one in await items_off.page(connection, store, limits.PAGE_MAX)}


async def told(town: Town) -> list[str]:
    """What channels were told of the store, in order; of a menu its version."""
    rows = await town.house.hub.pool.fetch(
        "SELECT kind, body FROM events WHERE venue_id IS NOT NULL ORDER BY sequence, marketplace_id"
    )
    return [json.loads(row["body"])["data"].get("version", row["kind"]) for row in rows]


async def nothing_is_kept(town: Town) -> None:
    async with patience():
        while await town.house.hub.pool.fetchval("SELECT count(*) FROM items_off"):
            await asyncio.sleep(0.02)


# --- taking off and putting back --------------------------------------------------------------------------


async def test_an_item_is_off_from_the_next_order_on_and_channels_are_told_once_each_way(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        version = store.menu_version
        before = await town.send("A-1")
        item, new = await take_off(hub, store, "CHEESE", 60, "ada")
        assert (item.item_id, item.name, item.by, new) == ("CHEESE", "Cheese", "ada", True)
        assert item.until == item.since + timedelta(hours=1)
        body = json.dumps(an_order_body(town, "A-2")).encode()
        answer = await ask_json(town, "/link/v2/orders", body, await a_token(town))
        assert problem_of(answer, 422, "item_unavailable")["errors"][0]["code"] == "sold_out"
        assert (await town.order(before)).status is Status.SUBMITTING, "what was ordered before goes on"
        assert await put_back(hub, store, "CHEESE") == "Cheese"
        await town.send("A-2")
        off, on = await told(town)
        assert (off.partition("-")[0], on) == (version, version)
        assert off != on


async def test_another_process_refuses_an_order_at_once_and_takes_one_at_once(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town, open_house(town.house.config) as other:
        store = await the_store(town)
        await town.send("A-1")  # this process knows the store by now
        await take_off(other.hub, store, "CHEESE", None, "ada")
        assert await town.marketplace.send(town.content("A-2")) is None
        await put_back(other.hub, store, "CHEESE")
        await town.send("A-3")


async def test_an_order_under_way_is_finished_though_what_it_holds_is_taken_off(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await take_off(town.house.hub, await the_store(town), "BURGER", None, "ada")
        await town.until(order_id, Status.COMPLETED)


async def test_taking_off_again_sets_the_new_time_and_says_who_and_tells_nobody_twice(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "FRIES", 30, "ada")
        item, new = await take_off(hub, store, "FRIES", None, "bob")
        assert (item.until, new) == (None, False)
        assert await off_now(town) == {"FRIES": "bob"}
        assert len(await told(town)) == 1
        await town.pass_time(days=400)
        await end_items_off(hub, EndedItems(ORGANIZATION, town.venue_id))
        assert await off_now(town) == {"FRIES": "bob"}


async def test_putting_back_what_is_not_off_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "FRIES", 30, "ada")
        assert await put_back(hub, store, "COLA") is None
        assert await put_back(hub, store, "x" * 5_000) is None
        assert await off_now(town) == {"FRIES": "ada"}
        assert len(await told(town)) == 1


@pytest.mark.parametrize(
    ("item_id", "minutes", "path", "code"),
    [
        ("FRIES", 0, "$.minutes", "out_of_range"),
        ("FRIES", -1, "$.minutes", "out_of_range"),
        ("FRIES", 10_081, "$.minutes", "out_of_range"),
        ("FRIES", 10**18, "$.minutes", "out_of_range"),
        ("PIZZA", 60, "$.item_id", "unknown_item"),
        ("fries", 60, "$.item_id", "unknown_item"),
        ("EXTRAS", 60, "$.item_id", "unknown_item"),  # a group is none
        ("", 60, "$.item_id", "unknown_item"),
        ("🍟" * 5_000, 60, "$.item_id", "unknown_item"),
        ("../FRIES", 60, "$.item_id", "unknown_item"),
    ],
)
async def test_what_cannot_be_taken_off_is_refused_and_nobody_is_told(
    dsn: str, item_id: str, minutes: int, path: str, code: str
) -> None:
    async with a_town(dsn, worker=False) as town:
        with pytest.raises(Refused) as refused:
            await take_off(town.house.hub, await the_store(town), item_id, minutes, "ada")
        assert refused.value.code is Code.INVALID_BODY
        assert [(one.path, one.code) for one in refused.value.errors] == [(path, code)]
        assert len(refused.value.detail) < 2_000
        assert (await off_now(town), await told(town)) == ({}, [])


async def test_without_a_menu_there_is_nothing_to_take_off(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        with pytest.raises(Refused) as refused:
            await take_off(town.house.hub, await the_store(town), "FRIES", 60, "ada")
        assert refused.value.code is Code.MENU_NOT_SYNCED


@pytest.mark.parametrize("item_id", ["🍟🥤", "a/b?c=%2F#d", 'x"><script>', "x" * 128, "\u202egnihton", "x\n y"])
async def test_an_odd_id_of_a_menu_is_taken_off_and_put_back(dsn: str, item_id: str) -> None:
    odd = replace(a_menu().sections[0].products[1], id=ProductId(item_id))
    async with a_town(dsn, worker=False, menu=a_menu(odd)) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, item_id, 60, "ada")
        assert await off_now(town) == {item_id: "ada"}
        assert await put_back(hub, store, item_id) == "Fries"


async def test_only_so_much_can_be_off_at_once_and_what_is_over_makes_room(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.ITEMS_OFF_MAX", 2)
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "BURGER", 10, "ada")
        await take_off(hub, store, "FRIES", 20, "ada")
        with pytest.raises(Refused, match="2 items are off") as refused:
            await take_off(hub, store, "COLA", 20, "ada")
        assert refused.value.code is Code.ORDER_CONFLICT
        await take_off(hub, store, "FRIES", 30, "ada")  # it is one of them
        await town.pass_time(minutes=11)
        await take_off(hub, store, "COLA", 30, "ada")  # no worker has ended the first one
        assert set(await off_now(town)) == {"FRIES", "COLA"}
        assert await hub.pool.fetchval("SELECT count(*) FROM items_off") == 2


# --- its time comes ---------------------------------------------------------------------------------------


async def test_an_item_comes_back_at_its_time_and_channels_are_told_once_by_several_workers(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        store = await the_store(town)
        async with town.workers(3):
            await take_off(town.house.hub, store, "FRIES", 30, "ada")
            await take_off(town.house.hub, store, "CHEESE", 30, "ada")
            await town.told_of_store("menu.published", "menu.published")
            await town.pass_time(minutes=29)
            await asyncio.sleep(0.6)
            assert len(await told(town)) == 2
            await town.pass_time(minutes=2)
            await nothing_is_kept(town)
            await town.told_of_store(*["menu.published"] * 3)
            await asyncio.sleep(0.6)
        assert (await told(town))[2:] == [store.menu_version]
        rows = town.marketplace.ledger.rows("SELECT body FROM told WHERE order_id IS NULL ORDER BY rowid")
        assert [read_event(row["body"]).version for row in rows] == await told(town)


async def test_an_order_is_taken_as_soon_as_the_time_has_come_whatever_workers_do(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        await take_off(town.house.hub, await the_store(town), "CHEESE", 30, "ada")
        assert await town.marketplace.send(town.content("A-1")) is None
        await town.pass_time(minutes=30)
        await town.send("A-2")
        assert await off_now(town) == {}


async def test_a_time_that_came_while_nobody_worked_is_told_by_who_changes_something_next(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "FRIES", 30, "ada")
        await take_off(hub, store, "COLA", None, "ada")
        await town.pass_time(minutes=31)
        assert await put_back(hub, store, "FRIES") is None, "its time had come before"
        assert len(await told(town)) == 3
        await take_off(hub, store, "FRIES", 30, "ada")
        assert len(await told(town)) == 4


async def test_many_at_once_tell_nobody_twice_and_none_too_few(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        asked = await asyncio.gather(*(take_off(hub, store, "FRIES", 1, f"p{number}") for number in range(8)))
        assert sum(new for _, new in asked) == 1
        assert len(await told(town)) == 1
        await town.pass_time(minutes=2)
        ended = EndedItems(ORGANIZATION, town.venue_id)
        await asyncio.gather(*(end_items_off(hub, ended) for _ in range(8)))
        assert len(await told(town)) == 2
        back = await asyncio.gather(*(put_back(hub, store, "FRIES") for _ in range(4)))
        assert back == [None] * 4
        assert len(await told(town)) == 2


async def test_a_claim_leases_what_is_over_once_and_nothing_of_a_store_that_is_busy(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        for item_id in ("BURGER", "FRIES", "COLA"):
            await take_off(hub, store, item_id, 1, "ada")
        await town.pass_time(minutes=2)
        async with hub.connection() as one, hub.connection() as other:
            found = await items_off.claim_ended(one, 100, [], 30.0)
            assert found == [EndedItems(ORGANIZATION, town.venue_id)]
            assert await items_off.claim_ended(other, 100, [], 30.0) == []
            await hub.pool.execute("UPDATE items_off SET lease_until = NULL")
            assert await items_off.claim_ended(other, 100, [town.venue_id], 30.0) == []


# --- who is told ------------------------------------------------------------------------------------------


async def test_nobody_is_told_while_the_menu_is_not_published_and_then_what_is_off_is(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await unpublish_menu(hub, store)
        await take_off(hub, store, "FRIES", None, "ada")
        assert await told(town) == ["menu_unpublished"]
        await publish_menu(hub, store)
        assert (await told(town))[-1].startswith(f"{store.menu_version}-")


async def test_a_new_menu_and_a_new_channel_are_told_with_what_is_off(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "FRIES", None, "ada")
        made = await add_marketplace(hub, ORGANIZATION, "gobble", "http://127.0.0.1:9/", await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        off, connected, introduced = await told(town)
        assert (connected, introduced) == ("store_connected", off)
        burger, fries, _ = a_menu().sections[0].products
        await put_menu(hub, store, a_menu(burger, fries))
        version = await hub.pool.fetchval("SELECT menu_version FROM stores")
        assert version != store.menu_version
        assert [one.startswith(f"{version}-") for one in (await told(town))[3:]] == [True, True]


async def test_what_is_off_stays_off_when_the_menu_loses_it_and_has_it_again(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        await take_off(hub, store, "FRIES", None, "ada")
        burger, _, cola = a_menu().sections[0].products
        await put_menu(hub, store, a_menu(burger, cola))
        assert await off_now(town) == {"FRIES": "ada"}
        await put_menu(hub, store, a_menu())
        known = await the_store(town)
        assert [(one.item_id, one.name) for one in known.items_off] == [("FRIES", "Fries")]
        assert await put_back(hub, store, "FRIES") == "Fries"


async def test_a_store_is_loaded_with_what_is_off_it_now(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await the_store(town)
        assert store.items_off == ()
        item, _ = await take_off(hub, store, "FRIES", 30, "ada")
        await take_off(hub, store, "COLA", None, "bob")
        cola, fries = (await the_store(town)).items_off
        assert (cola, fries) == (ItemOff("COLA", "Cola", "bob", cola.since), item)
        await town.pass_time(minutes=31)
        hub.forget_store(store)
        assert (await the_store(town)).items_off == (cola,)
