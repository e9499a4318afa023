"""When a reader sees something of a page: asked of a real Chromium, where there is one and Playwright to drive it.

Neither comes with Heard: whoever has set up the tests has both. Without them a page's answer is measured alone.
"""

import os
import shutil
from collections.abc import Sequence
from typing import Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_PAINTED: Final = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_WITHIN_MS: Final = 30_000.0


def chromium() -> str | None:
    """The program's path; None: there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


async def first_paints(addresses: Sequence[str], cookie: tuple[str, str], count: int) -> list[list[float]]:
    """Seconds from each request of a page to the first of its content on the screen, as the browser says, with what
    belongs to the page in the browser's cache: `count` for each address, in turns. Empty where there is no browser.

    The cookie goes to the first address.
    """
    painted: list[list[float]] = [[] for _ in addresses]
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
        await context.add_cookies([{"name": name, "value": value, "url": addresses[0]}])
        for _ in range(count):
            for address, found in zip(addresses, painted, strict=True):
                page = await context.new_page()
                await page.goto(address, wait_until="commit", timeout=_WITHIN_MS)
                at = await page.wait_for_function(_PAINTED, timeout=_WITHIN_MS)
                found.append(float(await at.json_value()) / 1000)
                await page.close()
        await browser.close()
    return painted
