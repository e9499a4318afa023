"""How tests look at the console in a browser: somebody who is signed in, and everything that went wrong meanwhile."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, expect

from builders import ORGANIZATION
from heard.console.gate import HOME, SESSION
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.people import Role
from parties import Town
from visiting import a_guest

FLAGS = [
    "--no-sandbox",  # who tests as root has no other choice
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SMALL, USUAL, LARGE = (1024, 600), (1280, 800), (2560, 1440)
_GONE = r"Failed to load resource: net::ERR|net::ERR_\w+"
_UNTIL_MS = 60_000.0  # a machine that is busy fails no test

expect.set_options(timeout=_UNTIL_MS)


@dataclass(slots=True)
class Reader:
    """Somebody at a page. `faults`: errors of its scripts, breaches of its policy, requests to other hosts."""

    hub_url: str
    page: Page
    faults: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def expects(self, *patterns: str) -> None:
        """That something like this will go wrong is what the test is about."""
        self._expected.extend(patterns)

    def expects_no_hub(self) -> None:
        self.expects(_GONE, r"status of 50\d")

    async def open(self, path: str) -> None:
        await self.page.goto(self.hub_url + path, wait_until="load")

    def card(self, order_id: OrderId) -> Locator:
        return self.page.locator(f"#{order_id}")

    def column(self, name: str) -> Locator:
        return self.page.locator(f'[data-column="{name}"]')

    async def follows(self, link: Locator) -> None:
        """Go where a link leads, until the page is loaded: only then does it listen to keys."""
        async with self.page.expect_navigation():
            await link.click()

    async def goes_to(self, name: str) -> None:
        """By the bar on top; the number beside a page's name is no part of it."""
        bar = self.page.get_by_role("navigation", name="Pages")
        await self.follows(bar.get_by_role("link", name=re.compile(rf"^{name}\b")))

    async def told(self, text: str) -> None:
        """Wait until the page says what came of an action."""
        await expect(self.page.get_by_role("status")).to_contain_text(text)

    async def asked(self, button: Locator, *, sure: bool = True) -> str:
        """Press a button that asks before it does anything, and answer; what it asked."""
        questions: list[str] = []

        async def answer(dialog: Dialog) -> None:
            questions.append(dialog.message)
            await (dialog.accept() if sure else dialog.dismiss())

        self.page.once("dialog", answer)
        await button.click()
        [question] = questions
        return question

    async def sees(self, order_id: OrderId, column: str) -> None:
        """Wait until an order's card stands in a column."""
        await expect(self.column(column).locator(f"#{order_id}")).to_be_visible()

    async def scrolls_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        wider: bool = await self.page.evaluate(
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wider

    def listen(self) -> None:
        host = urlsplit(self.hub_url).netloc

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.note(f"{message.type}: {message.text}")

        def asked(request: Request) -> None:
            there = urlsplit(request.url)
            if there.scheme not in ("data", "about", "blob") and there.netloc != host:
                self.note(f"a request to {request.url}")

        self.page.on("console", said)
        self.page.on("pageerror", lambda error: self.note(f"error: {error}"))
        self.page.context.on("request", asked)

    def note(self, fault: str) -> None:
        if not any(re.search(pattern, fault) for pattern in self._expected):
            self.faults.append(fault)


@asynccontextmanager
async def looking(
    browser: Browser, hub_url: str, size: tuple[int, int] = USUAL, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Reader]:
    """A browser of somebody's own, who is not signed in. Nothing may have gone wrong in it in the end."""
    window: Any = {"width": size[0], "height": size[1]}
    context = await browser.new_context(viewport=window, color_scheme=scheme, locale="en-GB", reduced_motion="reduce")
    try:
        context.set_default_timeout(_UNTIL_MS)
        reader = Reader(hub_url, await context.new_page())
        reader.listen()
        yield reader
    finally:
        await context.close()
    assert reader.faults == []


@asynccontextmanager
async def reading(
    browser: Browser,
    town: Town,
    role: Role = Role.ADMIN,
    whose: OrganizationId | None = ORGANIZATION,
    size: tuple[int, int] = USUAL,
    scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[Reader]:
    """The same, signed in, before the board."""
    guest = await a_guest(town, role, login=f"{role}-{whose or 'all'}", whose=whose)
    async with looking(browser, town.hub_url, size, scheme) as reader:
        cookie: Any = {"name": SESSION, "value": guest.cookies[SESSION]}
        cookie |= {"domain": urlsplit(town.hub_url).hostname, "path": HOME}  # as the hub sets it
        await reader.page.context.add_cookies([cookie])
        await reader.open("/console")
        yield reader


class Browse(Protocol):
    """Open a browser at a town's board, as somebody with a role; whatever goes wrong in it fails the test."""

    def __call__(
        self,
        town: Town,
        role: Role = ...,
        whose: OrganizationId | None = ...,
        size: tuple[int, int] = ...,
        scheme: str = ...,
    ) -> AbstractAsyncContextManager[Reader]: ...


class Look(Protocol):
    """Open a browser for somebody who comes to a hub for the first time; whatever goes wrong in it fails the test."""

    def __call__(self, hub_url: str) -> AbstractAsyncContextManager[Reader]: ...
