"""One Chromium for each process of the run, started when a test first asks for it; each test has contexts of its own.

All tests here run in the session's loop: the browser belongs to one, and the hub that a test starts joins it there.
"""

import os
import runpy
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from browsing import FLAGS, Browse, Look, looking, reading
from playwright.async_api import Browser, async_playwright

HERE = Path(__file__).resolve().parent
TOOL = runpy.run_path(str(HERE.parent.parent / "tools" / "chromium.py"))
PROGRAM, IS_WANTED = TOOL["find"](), TOOL["is_wanted"]()  # before the run takes HEARD_... out of the environment


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if PROGRAM is None:
        text = "there is no Chromium: see tools/chromium.py"
        if IS_WANTED:
            pytest.fail(text)
        pytest.skip(text)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=PROGRAM, args=FLAGS, env=dict(os.environ))
        yield browser
        await browser.close()


@pytest.fixture
def browse(chromium: Browser) -> Browse:
    return partial(reading, chromium)


@pytest.fixture
def look(chromium: Browser) -> Look:
    return partial(looking, chromium)
