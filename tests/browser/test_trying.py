"""An order is edited in a real browser and sent to a sandbox: what is typed stays until it is taken."""

import json
import re

from browsing import Browse
from playwright.async_api import expect

from heard.domain.ids import OrderId
from heard.domain.order.model import Status
from heard.domain.people import Role
from heard.sandbox.pos import Mood
from parties import a_town
from trying import a_kitchen, page_of


async def test_an_order_is_edited_refused_mended_and_taken(dsn: str, browse: Browse) -> None:
    async with (
        a_town(dsn, mood=lambda _: Mood.REFUSE) as town,
        a_kitchen(town) as kitchen,
        browse(town, Role.DEVELOPER) as reader,
    ):
        order_id, page = await town.send("NOSH-1", notes="line one\nline two"), reader.page
        await town.until(order_id, Status.REJECTED)
        await reader.open(f"/console/orders/{order_id}")
        await page.keyboard.press("d")
        await page.locator("#drawer").get_by_role("link", name="edit and send").click()
        await page.wait_for_url(f"**{page_of(order_id)}")
        field = page.get_by_label("The order")
        body = json.loads(await field.input_value())
        wrong = json.dumps({**body, "total": 1, "notes": "</textarea>\t'\"&amp;"}, indent=2)
        await field.fill(wrong)
        reader.expects("status of 422")
        await page.get_by_role("button", name="Send it to the sandbox").click()
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text("$.total")
        await expect(alert).to_contain_text("stated 1, computed 1149")
        assert await field.input_value() == wrong
        await field.fill(wrong.replace('"total": 1,', '"total": 1149,'))
        await page.get_by_role("button", name="Send it to the sandbox").click()
        await expect(page.locator("#notices")).to_contain_text(f"{body['external_order_id']} is at the sandbox")
        found = re.search(r"/orders/(ord_\w+)", page.url)
        assert found is not None
        tried = OrderId(found[1])
        await town.until(tried, Status.COMPLETED)
        assert kitchen.has_ticket(tried)
        assert not await reader.scrolls_sideways()
