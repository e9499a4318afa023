"""Every page of the console, light and dark: axe finds nothing, no page is wider than its window, nothing goes wrong.

Pages are found by their routes and by the links on them, so that a new one is looked at without being named here.
"""

from pathlib import Path

from browsing import LARGE, SMALL, USUAL, Browse
from playwright.async_api import Page
from walking import fixed, pages_of, walk

from builders import ORGANIZATION, a_line
from heard.domain.order.model import Status
from heard.domain.people import Role
from heard.engine import people
from parties import a_town

AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
AUDIT = """async (only) => {
    const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"] });
    const said = (node) => `${node.html} ${node.failureSummary}`;
    return found.violations.map((one) => `${one.id}: ${one.help}. ${one.nodes.slice(0, 3).map(said).join("; ")}`);
}"""


async def faults_of(page: Page) -> list[str]:
    """What is wrong with the page that is loaded."""
    await page.evaluate(AXE)
    found: list[str] = await page.evaluate(AUDIT, TAGS)
    await page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in await page.evaluate(AUDIT, CONTRAST)]
    await page.emulate_media(color_scheme="light")
    for width, height in (SMALL, LARGE, USUAL):
        await page.set_viewport_size({"width": width, "height": height})
        if await page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"it is wider than {width} px")
    return found


async def test_every_page_can_be_read_by_everybody(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, whose=None) as reader:
        order_id = await town.send("A-1", a_line(name="Burger " * 20))
        await town.until(order_id, Status.COMPLETED)
        await town.house.hub.pool.execute("UPDATE orders SET attention = 'totals_differ' WHERE order_id = $1", order_id)
        await town.house.hub.pool.execute("UPDATE stores SET sandbox = true")  # an order can be edited and sent to it
        await town.pos_dies()
        await reader.sees(await town.send("A-2"), "attention")
        secret = await people.invite(town.house.hub, ORGANIZATION, Role.VIEWER, "a test")
        reader.expects(r"status of 4\d\d")
        pages, wrong, linked = pages_of(town.house.hub, town.house.outbound), {}, set()
        first = [*fixed(pages), f"/console/join/{secret}"]
        async for path, address in walk(reader.page, town.hub_url, pages, first):
            faults = [f"{address}: {fault}" for fault in await faults_of(reader.page)]
            wrong[path] = wrong.get(path, []) + faults
            linked |= {path} if "?" in address else set()
        assert {path: faults for path, faults in wrong.items() if faults} == {}
        await reader.open(f"/console/orders/{order_id}")  # with all that can stand on such a page
        assert await faults_of(reader.page) == []
        assert {"/console", "/console/sign-in", "/console/join/{secret}"} <= set(wrong)
        assert {"/console/failures/cause", "/console/failures/cause/fix"} <= linked
