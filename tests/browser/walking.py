"""Walking through the console as its links lead: a page of each kind, so that a new one is seen without being named."""

from collections.abc import AsyncIterator, Sequence

from playwright.async_api import Page
from starlette.routing import Match, Route

from heard.console.app import routes
from heard.engine.hub import Hub
from heard.net.call import Carrier

PAGES_MAX = 80
_NO_PAGES = ("/console/static/", "/console/board/updates", "/console/menus/picture")
_LINKS = "() => [...document.querySelectorAll('a[href]')].map((one) => one.getAttribute('href'))"


def pages_of(hub: Hub, carrier: Carrier) -> list[Route]:
    """The routes of all pages."""
    found = [one for one in routes(hub, carrier) if "GET" in (one.methods or ())]
    return [one for one in found if not one.path.startswith(_NO_PAGES)]


def fixed(pages: Sequence[Route]) -> list[str]:
    """The paths of those without a variable, the board first."""
    return sorted(one.path for one in pages if not one.param_convertors)


async def walk(
    page: Page, hub_url: str, pages: Sequence[Route], first: Sequence[str]
) -> AsyncIterator[tuple[str, str]]:
    """The path of a route and the address by which it was reached, once for each that is there; meanwhile the page is
    loaded. Some are there only where a link says of what.
    """
    seen, ahead, tried = set(), list(first), set()
    while ahead and len(tried) < PAGES_MAX:
        address = ahead.pop(0)
        route = _route_of(pages, address)
        if route is None or route.path in seen or address in tried:
            continue
        tried.add(address)
        answer = await page.goto(hub_url + address, wait_until="load")
        assert answer is not None
        assert answer.status < 500, (address, answer.status)
        if answer.status < 400:
            seen.add(route.path)
        if (await answer.body())[:15].lower() != b"<!doctype html>":
            continue  # a part of a page, or a file
        ahead += [link for link in await page.evaluate(_LINKS) if link.startswith("/console")]
        yield route.path, address


def _route_of(pages: Sequence[Route], address: str) -> Route | None:
    scope = {"type": "http", "method": "GET", "path": address.partition("?")[0], "root_path": "", "headers": []}
    return next((one for one in pages if one.matches(scope)[0] is Match.FULL), None)
