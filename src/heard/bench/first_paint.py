"""When a reader sees something of a page: asked of a real Chromium, where there is one and Playwright to drive it.

Neither comes with Heard: whoever has set up the tests has both. Without them a page's answer is measured alone.
"""

import os
import shutil
from dataclasses import dataclass
from typing import Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_FIRST: Final = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_WHOLE: Final = "count => document.querySelectorAll('.card').length >= count && performance.now()"
_WITHIN_MS: Final = 30_000.0


@dataclass(frozen=True, slots=True)
class Painted:
    """Seconds from a page's request to the first of its content on the screen, and until all its cards are there."""

    first_s: float
    whole_s: float


def chromium() -> str | None:
    """The program's path; None: there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


async def paints(cards_at: dict[str, int], cookie: tuple[str, str], count: int) -> dict[str, list[Painted]]:
    """Load each address so often, in turns, until it has so many cards, with what belongs to the page in the browser's
    cache; nothing where there is no browser.
    """
    painted: dict[str, list[Painted]] = {address: [] for address in cards_at}
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        return painted
    program = chromium()
    if program is None:
        return painted
    name, value = cookie
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_FLAGS, env=dict(os.environ))
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        await context.add_cookies([{"name": name, "value": value, "url": address} for address in cards_at])
        for _ in range(count):
            for address, cards in cards_at.items():
                page = await context.new_page()
                await page.goto(address, wait_until="commit", timeout=_WITHIN_MS)
                first = await page.wait_for_function(_FIRST, timeout=_WITHIN_MS)
                whole = await page.wait_for_function(_WHOLE, arg=cards, timeout=_WITHIN_MS)
                said = [float(await one.json_value()) / 1000 for one in (first, whole)]
                painted[address].append(Painted(*said))
                await page.close()
        await browser.close()
    return painted
