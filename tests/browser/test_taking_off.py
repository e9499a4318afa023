"""Something is taken off a menu in a real browser, for a while and until it is put back, with a mouse and with keys."""

import re

from browsing import Browse
from playwright.async_api import Locator, expect
from test_accessibility import faults_of

from heard.domain.people import Role
from parties import Town, a_town


def row_of(products: Locator, name: str) -> Locator:
    return products.get_by_role("row").filter(has=products.page.get_by_text(name, exact=True))


async def items_off(town: Town) -> dict[str, float | None]:
    """What is off, for how many minutes."""
    rows = await town.house.hub.pool.fetch(
        "SELECT item_id, (extract(epoch FROM off_until - off_since) / 60)::float8 AS minutes FROM items_off LIMIT 9"
    )
    return {row["item_id"]: row["minutes"] for row in rows}


async def test_an_operator_takes_things_off_where_they_stand_and_puts_them_back(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False) as town, browse(town, role=Role.OPERATOR) as reader:
        page = reader.page
        await reader.open(f"/console/menus/{town.venue_id}")
        fries = row_of(page.locator("table.products"), "Fries")
        await fries.get_by_role("combobox", name="For how long Fries").select_option("4 h")
        await fries.get_by_role("button", name="Take off Fries").click()
        await expect(page.get_by_role("status")).to_contain_text("Fries is off the menu for 240 minutes.")
        await expect(fries).to_contain_text(re.compile(r"off until \d\d:\d\d"))
        burger = row_of(page.locator("table.products"), "Burger")
        await burger.get_by_text("1 groups").click()
        await burger.get_by_role("combobox", name="For how long a choice of Burger").select_option("until put back")
        await burger.get_by_role("button", name="Take off Cheese").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Cheese is off the menu until it is put back.")
        assert await items_off(town) == {"FRIES": 240.0, "CHEESE": None}
        assert await faults_of(page) == []
        await burger.get_by_text("1 groups").click()
        assert await faults_of(page) == []
        await burger.get_by_role("button", name="Put back Cheese").click()
        await expect(page.get_by_role("status")).to_contain_text("Cheese is back on the menu.")
        listed = page.get_by_role("region", name="Off the menu now: 1")
        await reader.open(f"/console/stores/{town.venue_id}")
        await page.get_by_role("link", name="1 item").click()
        await listed.get_by_role("button", name="Put back Fries").click()
        await expect(page.get_by_role("status")).to_contain_text("Fries is back on the menu.")
        await expect(listed).to_have_count(0)
        assert await items_off(town) == {}
