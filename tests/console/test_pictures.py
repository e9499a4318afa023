"""Pictures of a menu: fetched by the hub, shown as pictures or as nothing, and only those that a page has shown."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from builders import a_menu
from heard import limits
from heard.console.pictures import NOTHING, PATH
from heard.domain.menu.model import Menu
from heard.domain.people import Role
from heard.net.call import Answer
from heard.net.listening import listening
from heard.net.serving import serve
from parties import Town, a_town
from visiting import Guest, a_guest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WEBP = b"RIFF\x24\0\0\0WEBPVP8 " + bytes(20)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


class Host:
    """Where the pictures lie. `asked`: what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append(name)
        assert "cookie" not in request.headers
        assert "referer" not in request.headers
        match name:
            case "png":
                return Response(PNG, media_type="text/html")  # what it calls itself counts for nothing
            case "webp":
                return Response(WEBP, media_type="image/webp")
            case "svg":
                return Response(SVG, media_type="image/svg+xml")
            case "page":
                return Response(b"<script>alert(1)</script>", media_type="image/png")
            case "huge":
                return Response(PNG + bytes(limits.PICTURE_BYTES_MAX), media_type="image/png")
            case "elsewhere":
                return RedirectResponse(f"{self.url}/png")
            case "slow":
                await asyncio.sleep(3)
                return Response(PNG, media_type="image/png")
        return Response(b"gone", 404)


@asynccontextmanager
async def a_host() -> AsyncIterator[Host]:
    host = Host()
    with listening("127.0.0.1", 0) as bound:
        host.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        serving = asyncio.create_task(serve(Starlette(routes=[Route("/{name}", host.answer)]), bound))
        try:
            yield host
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def with_pictures(*addresses: str) -> Menu:
    """A menu whose first products have these pictures."""
    menu = a_menu()
    products = list(menu.sections[0].products)
    for place, address in enumerate(addresses):
        products[place] = replace(products[place], image_url=address)
    return replace(menu, sections=(replace(menu.sections[0], products=tuple(products)), *menu.sections[1:]))


async def shown(town: Town, guest: Guest) -> list[str]:
    """Where the menu's page finds its pictures."""
    await guest.get(f"/console/menus/{town.venue_id}")
    return [html.unescape(one) for one in re.findall(r'<img class="picture" src="([^"]*)"', guest.page)]


async def test_a_picture_is_fetched_once_and_goes_out_as_the_picture_that_it_is(dsn: str) -> None:
    async with a_host() as host:
        menu = with_pictures(f"{host.url}/png", f"{host.url}/webp")
        async with a_town(dsn, worker=False, menu=menu) as town:
            guest = await a_guest(town, Role.VIEWER)
            png, webp = await shown(town, guest)
            for _ in range(2):
                for path, raw, kind in ((png, PNG, "image/png"), (webp, WEBP, "image/webp")):
                    answer = await guest.get(path)
                    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, raw, kind)
                    assert answer.headers["x-content-type-options"] == "nosniff"
                    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
                    assert answer.headers["cache-control"] == "private, max-age=3600"
            assert host.asked == ["png", "webp"]


@pytest.mark.parametrize("name", ["svg", "page", "huge", "elsewhere", "nowhere", "slow"])
async def test_what_is_no_picture_is_shown_as_nothing(dsn: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PICTURE_TIMEOUT_S", 0.5)
    async with a_host() as host, a_town(dsn, worker=False, menu=with_pictures(f"{host.url}/{name}")) as town:
        guest = await a_guest(town, Role.VIEWER)
        [path] = await shown(town, guest)
        answer: Answer = await guest.get(path)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, NOTHING.raw, "image/gif")
        assert host.asked == [name], "a redirect is not followed"


async def test_an_address_that_the_hub_may_not_call_is_not_called(dsn: str) -> None:
    async with a_host() as host:
        strange = host.url.replace("127.0.0.1", "127.0.0.2")
        here = {"HEARD_OUTBOUND_ALLOW": "127.0.0.1/32"}
        menu = with_pictures(f"{strange}/png", "http://169.254.169.254/latest/meta-data")
        async with a_town(dsn, worker=False, menu=menu, settings=here) as town:
            guest = await a_guest(town, Role.VIEWER)
            for path in await shown(town, guest):
                assert (await guest.get(path)).body == NOTHING.raw
            assert host.asked == []


async def test_nobody_has_the_hub_fetch_what_no_page_of_theirs_shows(dsn: str) -> None:
    async with a_host() as host, a_town(dsn, worker=False, menu=with_pictures(f"{host.url}/png")) as town:
        guest = await a_guest(town, Role.ADMIN)
        [path] = await shown(town, guest)
        other = await a_guest(town, Role.VIEWER)
        assert (await other.get(path)).status == 404, "the page was another session's"
        assert (await Guest(town).get(path)).status == 303
        for odd in ("", "?of=", "?of=%00&key=", "?of=aHR0cDovL3g=&key=" + "0" * 64, "?" + path.partition("?")[2][:-1]):
            assert (await guest.get(PATH + odd)).status in (404, 422)
        assert host.asked == []


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://x/y", "http://x/\u202e.png", "", "data:image/png,x"])
async def test_an_address_that_leads_nowhere_is_no_picture(dsn: str, address: str) -> None:
    async with a_town(dsn, worker=False, menu=with_pictures(address)) as town:
        assert await shown(town, await a_guest(town, Role.VIEWER)) == []
