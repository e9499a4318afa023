"""Somebody's first day with the console, as the README tells it: the real demo, a real browser, clicks and keys."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from browsing import Look
from playwright.async_api import Locator, Page, expect

from lengths import patience
from shell import Shell

PASSWORD = "three blind mice"
WHY = "the oven is cold"


async def hear(out: asyncio.StreamReader, link: asyncio.Future[str]) -> None:
    """Read all that the demo prints, since a full pipe would hold it up; the link is told as soon as it comes."""
    async for line in out:
        found = re.search(rb"http://\S+/console/join/\S+", line)
        if found and not link.done():
            link.set_result(found.group().decode())
    if not link.done():
        link.set_exception(AssertionError("the demo ended without a link"))


@asynccontextmanager
async def a_demo(shell: Shell) -> AsyncIterator[str]:
    """`heard demo`, from when it says how to come in; that link."""
    demo = await shell.start("demo", "--rate", "1", "--no-browser", "--data", str(shell.folder))
    assert demo.stdout is not None
    assert demo.stderr is not None
    link: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    hearing = asyncio.gather(hear(demo.stdout, link), demo.stderr.read())
    try:
        async with patience():
            address = await link
        yield address
    finally:
        if demo.returncode is None:
            demo.send_signal(signal.SIGINT)
        async with patience():
            _, complaints = await hearing
            status = await demo.wait()
    assert (status, complaints) == (0, b"")


async def go_to(page: Page, name: str) -> None:
    """By the bar on top; the number beside a page's name is no part of it."""
    bar = page.get_by_role("navigation", name="Pages")
    await bar.get_by_role("link", name=re.compile(rf"^{name}\b")).click()
    await expect(bar.get_by_role("link", name=re.compile(rf"^{name}\b"))).to_have_attribute("aria-current", "page")


async def come_in(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_label("Login").fill("ana")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Come in").click()


def attention(page: Page) -> Locator:
    """What stands on the board for somebody to look at."""
    return page.get_by_role("region", name=re.compile("^Attention")).get_by_role("article")


async def find_out_why(page: Page) -> str:
    """From the board to the order that failed, and to all that failed for the same cause; the order's number."""
    card = attention(page).filter(has_text="Cancelled, but the POS kept the ticket.")
    await expect(card).to_have_count(1)
    await card.get_by_role("link").click()
    number = (await page.get_by_role("heading", level=1).inner_text()).removeprefix("Order ")
    state, story = page.get_by_role("region", name="State"), page.get_by_role("region", name="Timeline")
    await expect(state).to_contain_text("cancelled by guest: the guest changed their mind")
    await expect(state).to_contain_text("The POS said: the till is locked")
    await expect(state).to_contain_text("Retry asks the POS once more to take it back.")
    await expect(story).to_contain_text("The POS does not take the ticket back")

    await go_to(page, "Failures")
    cause = page.get_by_role("row").filter(has_text="the till is locked")
    await expect(cause).to_contain_text("The Copper Ladle")
    await cause.get_by_role("link", name="the POS kept the ticket").click()
    await page.get_by_role("link", name=re.compile(f"{number}$")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {number}")
    return number


async def mend(page: Page, number: str) -> None:
    """Retry; the page says what came of it, and the board has the order no more."""
    await page.get_by_role("button", name="Retry: ask the POS again", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("It is worked on again")
    state, story = page.get_by_role("region", name="State"), page.get_by_role("region", name="Timeline")
    await expect(state).to_contain_text("The POS took the ticket back.")
    await expect(state).not_to_contain_text("the POS kept the ticket")
    await expect(state).not_to_contain_text("has changed since")
    await expect(story).to_contain_text("asked for again (ana)")
    await expect(story).to_contain_text("No ticket is left in the POS")
    await go_to(page, "Board")
    await expect(page.get_by_role("article").first).to_be_visible()
    await expect(attention(page).filter(has_text=number)).to_have_count(0)


async def pause_and_resume(page: Page) -> None:
    await go_to(page, "Stores")
    store = page.get_by_role("row").filter(has_text="The Copper Ladle")
    await expect(store).to_contain_text("● open")
    await store.get_by_text("Pause ...", exact=True).click()
    await store.get_by_label("Why").fill(WHY)
    await store.get_by_role("button", name="Pause", exact=True).click()
    await expect(store).to_contain_text("paused")
    await expect(store).to_contain_text(f"by the staff, until lifted: {WHY}")
    await store.get_by_role("button", name="Resume").click()
    await expect(store).to_contain_text("● open")
    await expect(store).not_to_contain_text(WHY)


async def compare_two_menus(page: Page) -> None:
    await go_to(page, "Menus")
    await page.get_by_role("row").filter(has_text="The Copper Ladle").get_by_role("link", name="versions").click()
    await page.get_by_role("button", name="Compare the two").click()
    changes = page.get_by_role("row")
    await expect(changes.filter(has_text="Pumpkin and chestnut")).to_contain_text("removed")
    cheaper = changes.filter(has_text="Charred tomato")
    for said in ("price", "6.99 USD", "6.49 USD"):
        await expect(cheaper).to_contain_text(said)


async def test_who_starts_the_demo_mends_an_order_pauses_the_store_and_compares_two_menus(
    shell: Shell, look: Look
) -> None:
    async with a_demo(shell) as link, look(link.partition("/console")[0]) as reader:
        await come_in(reader.page, link)
        number = await find_out_why(reader.page)
        await mend(reader.page, number)
        await pause_and_resume(reader.page)
        await compare_two_menus(reader.page)
