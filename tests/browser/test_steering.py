"""A store and its menu are steered in a real browser: each action is seen on the page, kept, and met by an order."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from browsing import Browse, Reader
from playwright.async_api import Page, expect
from test_accessibility import faults_of

from builders import LOCATION, ORGANIZATION, a_line, a_menu
from heard import limits
from heard.domain.ids import ProductId
from heard.domain.menu.model import Availability, Menu, MenuSection
from heard.domain.money import Cents
from heard.domain.order.model import Party
from heard.domain.people import Role
from heard.engine.oversee import one_store
from heard.engine.pause_store import pause_store
from menu_builders import repriced
from parties import Town, a_town
from visiting import deeds


async def kept(town: Town) -> dict[str, Any]:
    """The town's store as the database has it."""
    return dict(await one_store(town.house.hub, ORGANIZATION, town.venue_id))


async def refusal(town: Town, number: str) -> str:
    """What the marketplace is told whose order is refused."""
    assert await town.marketplace.send(town.content(number)) is None
    [row] = town.marketplace.ledger.rows("SELECT refused FROM sent WHERE external_order_id = ?", number)
    return str(row["refused"])


async def send(page: Page, button: str) -> None:
    await page.get_by_role("button", name=button, exact=True).click()


async def pause_and_resume(reader: Reader, town: Town) -> None:
    page, head = reader.page, reader.page.get_by_role("main")
    await page.get_by_text("Pause ...", exact=True).click()
    await page.get_by_label("Why").fill("the oven is cold")
    await page.get_by_label("Minutes", exact=True).fill("soon")
    await send(page, "Pause")
    await expect(page.locator("input[name=minutes]:invalid")).to_have_count(1)  # the browser sends no such form
    assert (await kept(town))["pauses"] == []
    await page.get_by_label("Minutes", exact=True).fill("30")
    await send(page, "Pause")
    await reader.told("Acme One takes no new orders now; its marketplaces are told.")
    await expect(head).to_contain_text("❚❚ paused")
    await expect(head).to_contain_text(re.compile(r"by the staff, (30:00|29:\d\d) min left: the oven is cold"))
    [(held_by, reason, since, until)] = (await kept(town))["pauses"]
    assert (held_by, reason, until - since) == (Party.STAFF, "the oven is cold", timedelta(minutes=30))
    await town.told_of_store("store.paused")
    assert "paused" in await refusal(town, "P-1")
    await send(page, "Resume")
    await reader.told("Acme One takes orders again.")
    await expect(head).to_contain_text("● open")
    assert (await kept(town))["pauses"] == []
    await town.told_of_store("store.paused", "store.resumed")
    await town.send("P-2")


async def pause_beside_somebody(reader: Reader, town: Town) -> None:
    """Who pauses what a colleague has paused meanwhile is told so; what they do next they know of."""
    page, hub = reader.page, town.house.hub
    store = await hub.store(town.venue_id)
    assert store is not None
    await pause_store(hub, store, Party.STAFF, "a fire", 60)
    await page.get_by_text("Pause ...", exact=True).click()
    await page.get_by_label("Why").fill("a break")
    await send(page, "Pause")
    await reader.told("Somebody has paused the store meanwhile: a fire. Nothing was changed.")
    assert [reason for _, reason, _, _ in (await kept(town))["pauses"]] == ["a fire"]
    await page.get_by_text("Pause anew ...").click()
    await page.get_by_label("Why").fill("a flood")
    await send(page, "Pause")
    await expect(page.get_by_role("main")).to_contain_text("by the staff, until lifted: a flood")
    assert [until for _, _, _, until in (await kept(town))["pauses"]] == [None]
    await send(page, "Resume")
    await expect(page.get_by_role("main")).to_contain_text("● open")


async def disconnect_and_connect(reader: Reader, town: Town) -> None:
    channels = reader.page.get_by_role("region", name="Who may send orders")
    button = channels.get_by_role("button", name="Disconnect nosh")
    assert await reader.asked(button, sure=False) == "Take no new orders from it here?"
    assert (await kept(town))["marketplaces"] == ["nosh"]
    await reader.asked(button)
    await reader.told("nosh sends no new orders any more; those it has sent go on.")
    await expect(channels).to_contain_text("Nobody yet: the store gets no orders.")
    assert (await kept(town))["marketplaces"] == []
    assert "venue" in await refusal(town, "C-1")
    await channels.get_by_label("Another").select_option("nosh")
    await channels.get_by_role("button", name="Connect").click()
    await reader.told("nosh may send orders now.")
    await expect(button).to_be_visible()
    await expect(channels.get_by_label("Another")).to_have_count(0)
    assert (await kept(town))["marketplaces"] == ["nosh"]
    await town.send("C-2")


async def change_the_rules(reader: Reader, town: Town) -> None:
    rules = reader.page.get_by_role("region", name="Rules")
    change = rules.get_by_role("button", name="Change the rules")
    await change.click()
    await reader.told("No rule was changed.")
    await rules.get_by_label("Minutes to prepare").fill("soon")
    await change.click()
    await reader.told("'prep time min' takes a whole number. Nothing was changed.")
    await expect(rules.get_by_label("Minutes to prepare")).to_have_value("15")
    await rules.get_by_label("Minutes to prepare").fill("25")
    await rules.get_by_label("Orders at prices that are not the menu's").select_option("accept")
    await rules.get_by_label("The POS is asked for its prices first").uncheck()
    await rules.get_by_label("It is a sandbox").check()
    await change.click()
    await reader.told("Changed: prep time min, validate first, sandbox, price check.")
    await expect(reader.page.get_by_role("main")).to_contain_text("⚗ sandbox")
    await expect(rules.get_by_label("Minutes to prepare")).to_have_value("25")
    await expect(rules.get_by_label("The POS is asked for its prices first")).not_to_be_checked()
    row = await kept(town)
    assert (row["prep_time_min"], row["price_check"]) == (25, "accept")
    assert (row["validate_first"], row["sandbox"], row["prices_include_tax"]) == (False, True, False)


async def change_the_hours(reader: Reader, town: Town) -> None:
    page, hours = reader.page, reader.page.get_by_label("A line each, by the clock of America/New_York")
    await hours.fill("noday 08:00-09:00")
    await send(page, "Set the times")
    await expect(page.get_by_role("status")).to_contain_text("noday 08:00-09:00: ")
    await reader.told("Nothing was changed.")
    other = datetime.now(ZoneInfo("America/New_York")) + timedelta(days=3)
    later = other + timedelta(days=1)
    await hours.fill(f"{other:%a}, {later:%a} 08:30-22:00".lower())
    await send(page, "Set the times")
    await reader.told("The serving times hold from now on.")
    await expect(hours).to_have_value(f"{other:%a} {later:%a} 08:30-22:00".lower())
    await expect(page.get_by_role("main")).to_contain_text("◷ closed at this hour")
    days = [f"{other:%a}".lower(), f"{later:%a}".lower()]
    assert json.loads((await kept(town))["serving_times"]) == [{"days": days, "from": "08:30", "to": "22:00"}]
    await hours.fill("")
    await send(page, "Set the times")
    await reader.told("It is always open now.")
    await expect(page.get_by_role("main")).to_contain_text("● open")
    assert json.loads((await kept(town))["serving_times"]) == []


async def pull_the_menu(reader: Reader, town: Town) -> None:
    page, menu = reader.page, reader.page.get_by_role("region", name="Menu")
    before = (await kept(town))["menu_version"]
    await send(page, "Pull the menu now")
    await reader.told("The POS was asked, and the menu has not changed: 3 products.")
    town.pos.sell(repriced(a_menu(), "BURGER", 1299))
    await send(page, "Pull the menu now")
    await reader.told("A new menu is kept: 3 products (1 price).")
    version = (await kept(town))["menu_version"]
    assert version != before
    await expect(menu.get_by_role("link", name=version)).to_be_visible()
    burger = next(a_menu().products())
    town.pos.sell(a_menu(replace(burger, groups=(*burger.groups, *burger.groups), id=ProductId("TWICE"))))
    await send(page, "Pull the menu now")
    await reader.told("The menu is not taken over, the store keeps the one it had: $.menus[0].products[0]")
    await expect(menu).to_contain_text("refused")
    assert await faults_of(page) == []
    await town.pos_dies()
    await send(page, "Pull the menu now")
    await reader.told("No menu came: ")
    await expect(menu.get_by_role("link", name=version)).to_be_visible()
    assert (await kept(town))["menu_version"] == version


async def test_an_operator_steers_a_store_from_its_page(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, Role.OPERATOR) as reader:
        page = reader.page
        await reader.goes_to("Stores")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Acme One")
        await pause_and_resume(reader, town)
        await pause_beside_somebody(reader, town)
        await disconnect_and_connect(reader, town)
        await change_the_rules(reader, town)
        await change_the_hours(reader, town)
        await pull_the_menu(reader, town)
        assert page.url == f"{town.hub_url}/console/stores/{town.venue_id}"
        done = [(call, outcome) for who, call, outcome in await deeds(town) if who == "operator-acme"]
        assert [outcome for call, outcome in done if call == "pull_menu"] == ["done", "done", "refused", "unreachable"]
        for call in ("pause_store", "resume_store", "disconnect_store", "connect_store", "set_rules", "set_hours"):
            assert (call, "done") in done, call


async def test_who_may_only_look_at_a_store_and_its_menu_finds_nothing_to_press(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False) as town, browse(town, Role.VIEWER) as reader:
        main = reader.page.get_by_role("main")
        await reader.open("/console/stores")
        await expect(main.get_by_role("link", name="Acme One")).to_be_visible()
        await expect(main.get_by_role("button")).to_have_count(0)
        await reader.open(f"/console/stores/{town.venue_id}")
        await expect(main.get_by_label("Minutes to prepare")).to_be_disabled()
        await expect(main.get_by_label("A line each")).not_to_be_editable()
        assert [await one.inner_text() for one in await main.get_by_role("button").all()] == ["copy", "copy"]
        await reader.open(f"/console/menus/{town.venue_id}")
        await expect(main.get_by_role("row").filter(has_text="Burger")).to_be_visible()
        assert [await one.inner_text() for one in await main.get_by_role("button").all()] == ["Look"]


# --- menus ----------------------------------------------------------------------------------------------------


def of_two_sections() -> Menu:
    """The usual menu with a drinks' section of its own, and nothing to drink."""
    burger, fries, cola = a_menu().sections[0].products
    food = replace(a_menu().sections[0], products=(replace(burger, price=Cents(1299)), fries))
    drinks = MenuSection("M2", "Drinks", (replace(cola, availability=Availability.UNAVAILABLE, tax_category=None),))
    return Menu(LOCATION, (food, drinks), (("food", "8.25"),), "USD", "1")


async def browse_the_menu(reader: Reader) -> None:
    page, products = reader.page, reader.page.locator("table.products")
    await page.get_by_role("navigation", name="Categories").get_by_role("link", name="Drinks").click()
    await expect(products.get_by_role("row")).to_have_count(2)
    await expect(products).to_contain_text("✕ unavailable")
    await page.get_by_role("link", name="All", exact=True).click()
    await page.get_by_label("A product's name or id").fill("bURg")
    await send(page, "Look")
    await expect(page.get_by_text("1 to 1 of 1")).to_be_visible()
    await products.get_by_text("1 groups").click()
    await expect(products.get_by_role("listitem").filter(has_text="Cheese")).to_contain_text("1.50 USD")
    await page.get_by_label("only what cannot be had").check()
    await send(page, "Look")
    await expect(page.get_by_text("Nothing here is called that.")).to_be_visible()
    await page.get_by_role("link", name="The whole menu").click()
    await page.get_by_role("link", name="Next").click()
    await expect(page.get_by_text("3 to 3 of 3")).to_be_visible()
    await expect(products).to_contain_text("Cola")
    await page.get_by_role("link", name="Before").click()
    await expect(page.get_by_text("1 to 2 of 3")).to_be_visible()
    await page.get_by_text("Taxes", exact=True).click()
    await expect(page.get_by_text("8.25 %")).to_be_visible()


async def compare_versions(reader: Reader, older: str, newer: str) -> None:
    page, rows = reader.page, reader.page.locator("table.changes tbody").get_by_role("row")
    await page.get_by_role("link", name="Versions", exact=True).click()
    current = page.get_by_role("row").filter(has_text=newer)
    await expect(current).to_contain_text("● in use")
    await expect(page.get_by_role("row").filter(has_text=older)).not_to_contain_text("in use")
    await send(page, "Compare the two")
    cheaper = rows.filter(has_text="Burger")
    await expect(cheaper).to_contain_text(re.compile(r"9\.99 USD\s*12\.99 USD"))
    assert await faults_of(page) == []
    await page.get_by_role("link", name="1 price").click()
    await expect(rows).to_have_count(1)
    await page.get_by_role("link", name="Swap").click()
    await expect(cheaper).to_contain_text(re.compile(r"12\.99 USD\s*9\.99 USD"))
    await page.get_by_label("After").select_option(newer)
    await send(page, "Compare")
    await expect(page.get_by_text("Nothing differs.")).to_be_visible()
    await page.get_by_role("link", name="Versions", exact=True).click()
    await page.get_by_role("link", name=older).click()
    await expect(page.get_by_role("main")).to_contain_text("▲ not the one in use")
    await expect(page.get_by_role("button", name=re.compile("Take off"))).to_have_count(0)
    await page.get_by_role("link", name="See that one").click()
    await expect(page.get_by_role("main")).to_contain_text("12.99 USD")


async def take_it_back_and_put_it_out(reader: Reader, town: Town) -> None:
    page, main = reader.page, reader.page.get_by_role("main")
    back = page.get_by_role("button", name="Unpublish")
    assert "takes no new orders until" in await reader.asked(back, sure=False)
    assert (await kept(town))["menu_published"] is True
    await reader.asked(back)
    await reader.told("The menu is taken back: the store takes no new orders, and its marketplaces are told.")
    await expect(main).to_contain_text("▲ not published")
    assert (await kept(town))["menu_published"] is False
    await town.told_of_store("menu.published", "menu.published", "menu.unpublished")
    assert "not published" in await refusal(town, "M-1")
    await send(page, "Publish")
    await reader.told("The menu is published: marketplaces are told, and may order from it.")
    await expect(main).to_contain_text("● published")
    assert (await kept(town))["menu_published"] is True
    await town.told_of_store("menu.published", "menu.published", "menu.unpublished", "menu.published")
    await town.send("M-2", a_line(unit_price=Cents(1299)))


async def test_a_menu_comes_is_browsed_compared_judged_taken_back_and_put_out(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MENU_SHOWN_PRODUCTS", 2)
    async with a_town(dsn, pulled=False) as town, browse(town, Role.OPERATOR) as reader:
        page = reader.page
        await reader.goes_to("Menus")
        await expect(page.get_by_role("row").filter(has_text="Acme One")).to_contain_text("none yet")
        await reader.follows(page.get_by_role("link", name="Acme One"))
        await expect(page.get_by_role("heading", name="No menu yet")).to_be_visible()
        await page.keyboard.press("r")
        await reader.told("A new menu is kept: 3 products (the first one).")
        older = (await kept(town))["menu_version"]
        town.pos.sell(of_two_sections())
        await send(page, "Pull the menu now")
        await reader.told("A new menu is kept: 3 products")
        newer = (await kept(town))["menu_version"]
        assert newer != older
        await browse_the_menu(reader)
        await compare_versions(reader, older, newer)
        await page.get_by_role("link", name="Findings").click()
        await expect(page.get_by_role("main")).to_contain_text("0 errors, 1 warnings")
        finding = page.get_by_role("row").filter(has_text="no tax category")
        await expect(finding).to_contain_text("$.menus[1].products[0].tax_category")
        assert await faults_of(page) == []
        await take_it_back_and_put_it_out(reader, town)
        assert page.url == f"{town.hub_url}/console/menus/{town.venue_id}/findings"
