"""Every page of the console, light and dark: axe finds nothing, no page is wider than its window, nothing goes wrong.

Pages are found by their routes and by the links on them, so that a new one is looked at without being named here.
"""

from pathlib import Path

from browsing import LARGE, SMALL, USUAL, Browse, Reader
from playwright.async_api import Page
from starlette.routing import Match, Route

from builders import ORGANIZATION, a_line
from heard.console.app import routes
from heard.domain.people import Role
from heard.engine import people
from parties import Town, a_town

AXE = Path(__file__).with_name("axe.min.js").read_text("utf-8")
TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
AUDIT = """async (only) => {
    const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"] });
    const said = (node) => `${node.html} ${node.failureSummary}`;
    return found.violations.map((one) => `${one.id}: ${one.help}. ${one.nodes.slice(0, 3).map(said).join("; ")}`);
}"""
LINKS = "() => [...document.querySelectorAll('a[href]')].map((one) => one.getAttribute('href'))"
NO_PAGES = ("/console/static/", "/console/board/updates")
PAGES_MAX = 60


def pages_of(town: Town) -> list[Route]:
    """The routes of all pages."""
    found = [one for one in routes(town.house.hub, town.house.outbound) if "GET" in (one.methods or ())]
    return [one for one in found if not one.path.startswith(NO_PAGES)]


def route_of(pages: list[Route], address: str) -> Route | None:
    """The page that a link leads to."""
    scope = {"type": "http", "method": "GET", "path": address.partition("?")[0], "root_path": "", "headers": []}
    return next((one for one in pages if one.matches(scope)[0] is Match.FULL), None)


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


async def look_through(reader: Reader, first: list[str]) -> tuple[dict[str, list[str]], set[str]]:
    """What is wrong with each page that can be reached by links, one of each kind; the routes that were seen."""
    pages, wrong, seen, ahead = pages_of(reader.town), {}, set(), list(first)
    while ahead and len(seen) < PAGES_MAX:
        address = ahead.pop(0)
        route = route_of(pages, address)
        if route is None or route.path in seen:
            continue
        seen.add(route.path)
        answer = await reader.page.goto(reader.town.hub_url + address, wait_until="load")
        assert answer is not None
        assert answer.status < 500, (address, answer.status)
        if (await answer.body())[:15].lower() != b"<!doctype html>":
            continue  # a part of a page, or a file
        wrong[address] = await faults_of(reader.page)
        ahead += [link for link in await reader.page.evaluate(LINKS) if link.startswith("/console")]
    return {address: faults for address, faults in wrong.items() if faults}, seen


async def test_every_page_can_be_read_by_everybody(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, whose=None) as reader:
        await town.send("A-1", a_line(name="Burger " * 20))
        await town.pos_dies()
        await reader.sees(await town.send("A-2"), "attention")
        secret = await people.invite(town.house.hub, ORGANIZATION, Role.VIEWER, "a test")
        reader.expects(r"status of 4\d\d")
        fixed = sorted(one.path for one in pages_of(town) if not one.param_convertors)
        wrong, seen = await look_through(reader, [*fixed, f"/console/join/{secret}", "/console/nowhere"])
        assert wrong == {}
        assert {"/console", "/console/sign-in", "/console/join/{secret}"} <= seen
