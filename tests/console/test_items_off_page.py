"""What is off, on the pages of a menu and a store: taken off and put back by who may; hostile ids are text."""

import json
import re
from dataclasses import replace

import pytest

from asking import a_token, an_order_body, ask_json, problem_of
from builders import LOCATION, a_menu
from heard import limits
from heard.domain.ids import ModifierId, OrganizationId, ProductId
from heard.domain.menu.model import Availability, Menu, MenuSection, Modifier, ModifierGroup, Product
from heard.domain.money import Cents
from heard.domain.people import Role
from heard.engine.items_off import take_off
from parties import Town, a_town, put_menu
from visiting import Guest, a_guest, deeds

HOSTILE = "<script>alert(1)</script>\u202egnihton" + "\U0001f355" * 3


def page_of(town: Town) -> str:
    return f"/console/menus/{town.venue_id}"


async def seen(guest: Guest, town: Town, query: str = "") -> str:
    answer = await guest.get(page_of(town) + query)
    assert answer.status == 200, answer.body
    return guest.text


async def said(guest: Guest, town: Town, wish: str, **form: str) -> str:
    """What the menu's page says after a form of it was sent."""
    path = page_of(town)
    await guest.follow(await guest.post(f"{path}/items/{wish}", {"back": path, **form}))
    return guest.text


async def ids_off(town: Town) -> list[str]:
    found: list[str] = await town.house.hub.pool.fetchval(
        "SELECT coalesce(array_agg(item_id ORDER BY item_id), '{}') FROM items_off"
    )
    return found


async def test_an_operator_takes_a_product_and_a_choice_off_and_puts_them_back(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR, "ada")
        text = await seen(guest, town)
        assert "Off the menu now" not in text
        assert guest.page.count('value="60" selected') == 4, "three products, and the choices of one"
        text = await said(guest, town, "off", item_id="FRIES", minutes="60")
        assert "✓ Fries is off the menu for 60 minutes." in text
        assert "⊘ Off the menu now: 1" in text
        assert re.search(r"Fries FRIES ⊘ off until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d .* ada Put back", text)
        assert "1 products cannot be had" in text
        assert "Cheese is off the menu until it is put back." in await said(
            guest, town, "off", item_id="CHEESE", minutes=""
        )
        assert "Cheese 1.50 USD ⊘ off until put back Put back" in guest.text
        assert await ids_off(town) == ["CHEESE", "FRIES"]
        assert await town.marketplace.send(town.content("A-1")) is None
        assert "1 to 1 of 1" in await seen(guest, town, "?gone=true")
        assert "Cheese is back on the menu." in await said(guest, town, "on", item_id="CHEESE")
        text = await said(guest, town, "on", item_id="CHEESE")
        assert "▲ CHEESE was not off any more; nothing was changed." in text
        await town.send("A-2")
        assert [one for one in await deeds(town) if "item" in one[1]] == [
            ("ada", "take_item_off", "done"),
            ("ada", "take_item_off", "done"),
            ("ada", "put_item_back", "done"),
            ("ada", "put_item_back", "done"),
        ]
        about = await town.house.hub.pool.fetchval(
            "SELECT about FROM console_deeds WHERE call = 'take_item_off' ORDER BY deed_id LIMIT 1"
        )
        assert about == f"{town.venue_id} FRIES"


async def test_a_forms_way_back_leads_to_where_in_the_menu_it_stood(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR)
        await seen(guest, town, "?section=M1&q=fries")
        (way,) = set(re.findall(r'name="back" value="(/console/menus/[^"]*skip=0)"', guest.page))
        there = way.replace("&amp;", "&")
        assert there == f"{page_of(town)}?section=M1&q=fries&skip=0"
        answer = await guest.post(f"{page_of(town)}/items/off", {"back": there, "item_id": "FRIES", "minutes": "30"})
        assert (answer.status, answer.headers["location"]) == (303, there)


async def test_the_stores_page_counts_what_is_off_and_leads_to_it(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town, Role.VIEWER), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "Off now nothing" in guest.text
        await take_off(hub, store, "FRIES", 60, "ada")
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "Off now ⊘ 1 item " in guest.text
        assert f'href="{page_of(town)}#off"' in guest.page


async def test_a_viewer_sees_what_is_off_and_changes_nothing_and_a_stranger_sees_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, path = town.house.hub, page_of(town)
        store = await hub.store(town.venue_id)
        assert store is not None
        await take_off(hub, store, "FRIES", None, "ada")
        viewer = await a_guest(town, Role.VIEWER)
        assert "Fries FRIES ⊘ off until put back" in await seen(viewer, town)
        assert "/items/o" not in viewer.page
        for wish in ("off", "on"):
            assert (await viewer.post(f"{path}/items/{wish}", {"item_id": "FRIES"})).status == 403
        stranger = await a_guest(town, Role.ADMIN, "stranger", OrganizationId("other"))
        await stranger.get("/console/menus")
        for wish in ("off", "on"):
            await stranger.follow(await stranger.post(f"{path}/items/{wish}", {"item_id": "FRIES", "back": "/console"}))
            assert "There is no store" in stranger.text
        guest = await a_guest(town)
        for wish in ("off", "on"):
            forged = {"item_id": "FRIES", "form_key": "0" * 64}
            assert (await guest.post(f"{path}/items/{wish}", forged)).status == 403
        assert await ids_off(town) == ["FRIES"]
        assert [one for one in await deeds(town) if "item" in one[1]] == [
            ("stranger", "take_item_off", "unknown_venue"),
            ("stranger", "put_item_back", "unknown_venue"),
        ]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"item_id": "PIZZA", "minutes": "60"}, "'PIZZA' is no product and no modifier of the menu in use"),
        ({"item_id": "🍟", "minutes": "60"}, "'🍟' is no product and no modifier"),
        ({"item_id": "x" * 5_000, "minutes": "60"}, "$.item_id"),
        ({"minutes": "60"}, "$.item_id"),
        ({"item_id": "FRIES", "minutes": "0"}, "$.minutes"),
        ({"item_id": "FRIES", "minutes": "10081"}, "$.minutes"),
        ({"item_id": "FRIES", "minutes": "an hour"}, "Minutes are a whole number. Nothing was changed."),
        ({"item_id": "FRIES", "minutes": "٣"}, "Minutes are a whole number. Nothing was changed."),
    ],
)
async def test_a_form_that_does_not_hold_is_told_so_on_its_page(dsn: str, form: dict[str, str], told: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR)
        await seen(guest, town)
        assert told in await said(guest, town, "off", **form)
        assert await ids_off(town) == []


async def test_hostile_names_and_ids_are_text_and_can_be_taken_off_and_put_back(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town, Role.OPERATOR), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        choice = Modifier(ModifierId('M"><img src=x>'), HOSTILE, Cents(1))
        item_id = '"><img src=x>/../🍟?a=1&b=2#c\nd'
        group = ModifierGroup("G", HOSTILE, (choice,))
        product = Product(ProductId(item_id), HOSTILE, Cents(1), Availability.AVAILABLE, groups=(group,))
        await put_menu(hub, store, Menu(LOCATION, (MenuSection("S", "S", (product,)),), (), "USD"))
        await seen(guest, town)
        for one in (item_id.replace("\n", "\r\n"), choice.id):  # a browser writes the end of a line so
            assert f"{HOSTILE} is off the menu" in await said(guest, town, "off", item_id=one, minutes="30")
            assert "<script>alert" not in guest.page
            assert "<img src=x" not in guest.page
        assert set(await ids_off(town)) == {item_id, choice.id}
        assert f"{HOSTILE} is back on the menu." in await said(guest, town, "on", item_id=item_id)


async def test_what_the_menu_in_use_does_not_have_any_more_stands_in_the_list_and_says_so(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town, Role.OPERATOR), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        await take_off(hub, store, "FRIES", None, "ada")
        await take_off(hub, store, "CHEESE", None, "ada")
        old = store.menu_version
        burger, fries, cola = a_menu().sections[0].products
        await put_menu(hub, store, a_menu(burger, replace(cola, name="Kola")))
        text = await seen(guest, town)
        assert "Fries FRIES ▲ not on this menu ⊘ off until put back" in text
        assert "Cheese CHEESE ⊘ off until put back" in text
        assert "Off the menu now" not in await seen(guest, town, f"?version={old}")
        assert "/items/off" not in guest.page, "what is not in use is not steered"
        assert fries.name in guest.text
        assert "Fries is back on the menu." in await said(guest, town, "on", item_id="FRIES")


async def test_something_off_for_days_is_shown_with_its_day(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town, Role.VIEWER), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        await take_off(hub, store, "FRIES", 60, "ada")
        await take_off(hub, store, "COLA", limits.ITEM_OFF_MINUTES_MAX, "ada")
        await seen(guest, town)
        listed = guest.page.partition('id="off"')[2].partition("</section>")[0]
        assert re.findall(r'off until <time datetime="[^"]*" data-how="(\w+)"', listed) == ["day", "time"]


async def test_a_person_is_named_to_nobody_outside(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR, "lovelace")
        await seen(guest, town)
        await said(guest, town, "off", item_id="CHEESE", minutes="30")
        body = an_order_body(town, "A-1")
        answer = await ask_json(town, "/link/v2/orders", json.dumps(body).encode(), await a_token(town))
        problem_of(answer, 422, "item_unavailable")
        assert b"lovelace" not in answer.body
        told = await town.house.hub.pool.fetchval("SELECT body FROM events ORDER BY event_id DESC LIMIT 1")
        assert b"lovelace" not in told
