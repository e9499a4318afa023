"""Somebody looks for what is going on, in a real browser: the drawer, the search, the figures, and where no page is."""

import asyncio
import re

from browsing import Browse, Reader
from playwright.async_api import Locator, Page, Route, expect
from test_accessibility import faults_of

from heard.domain.order.model import Status
from heard.domain.people import Role
from heard.sandbox.pos import Mood
from parties import Town, a_town
from visiting import PASSWORD

NO_SUCH = "ord_01kk0000000000000000000001"
ASKS = "**/console/drawer/rows?*"
LISTEN = """() => { window.answered = new Promise((done) => document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.pathInfo.requestPath.startsWith("/console/drawer")) done(null);
})); }"""


# --- the drawer -----------------------------------------------------------------------------------------------


async def two_looks(page: Page) -> None:
    """Let the drawer ask twice more by itself: then the first answer has been drawn."""
    for _ in range(2):
        async with page.expect_response(ASKS):
            await page.clock.fast_forward(2_000)


async def choose(drawer: Locator, kind: str, there: str, gone: str) -> None:
    rows = drawer.get_by_role("log")
    await drawer.get_by_label("Kind").select_option(kind)
    await expect(rows).to_contain_text(there)
    await expect(rows).not_to_contain_text(gone)


async def filter_the_rows(reader: Reader, drawer: Locator, address: str) -> None:
    rows, text = drawer.get_by_role("log"), drawer.get_by_label("Contains")
    await choose(drawer, "Events", "event confirmed", "/posnext/")
    await choose(drawer, "Channels", "from channel POST /link/v2/orders", "event ")
    await expect(rows).to_contain_text("to channel POST /webhooks")
    await choose(drawer, "POS", "to POS POST /posnext/order/validate", "channel")
    await text.fill("SUBMIT")
    await expect(rows).not_to_contain_text("validate")
    await expect(rows).to_contain_text("submit")
    await text.press("Enter")
    await two_looks(reader.page)
    assert (reader.page.url, await text.input_value()) == (reader.hub_url + address, "SUBMIT")
    await text.fill("")
    await drawer.get_by_label("Kind").select_option("Payments")
    await expect(rows).to_have_text("Nothing in the last quarter of an hour that fits.")
    await drawer.get_by_label("Kind").select_option("all")
    await drawer.get_by_label("Only what failed").check()
    await expect(rows).to_have_text("Nothing in the last quarter of an hour that fits.")
    await drawer.get_by_label("Only what failed").uncheck()
    await expect(rows.get_by_role("row").nth(2)).to_be_visible()


async def open_and_close(page: Page, drawer: Locator) -> None:
    """By the key, by Escape from within, by its buttons; one that was closed before it came stays closed."""
    key, text = page.get_by_role("button", name="Calls and events"), drawer.get_by_label("Contains")

    async def is_closed() -> None:
        await expect(drawer).to_be_hidden()
        await expect(key).to_have_attribute("aria-expanded", "false")
        await expect(key).to_be_focused()

    await page.keyboard.press("Escape")
    await is_closed()
    await page.keyboard.press("d")
    await expect(key).to_have_attribute("aria-expanded", "true")
    await text.fill("d")
    await page.keyboard.press("Escape")
    await expect(text).to_have_value("")  # what was typed goes first
    await page.keyboard.press("Escape")
    await is_closed()
    await page.keyboard.press("d")
    await expect(text).to_be_visible()
    await page.keyboard.press("d")
    await is_closed()
    await key.click()
    await drawer.get_by_role("button", name="Close").click()
    await is_closed()
    let_go = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    await page.route("**/console/drawer?*", hold)
    await page.keyboard.press("d")
    await page.keyboard.press("d")
    await page.evaluate(LISTEN)
    let_go.set()
    await page.evaluate("() => window.answered")
    assert await drawer.inner_html() == ""
    await page.unroute("**/console/drawer?*")


async def test_a_developer_sees_calls_and_events_of_what_is_in_view_as_they_come(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, Role.DEVELOPER) as reader:
        page, drawer = reader.page, reader.page.locator("#drawer")
        rows = drawer.get_by_role("log")
        await page.clock.install()
        one, other = await town.send("A-1"), await town.send("A-2")
        for order_id in (one, other):
            await town.told(order_id, "order.completed")
        address = f"/console/orders/{one}"
        await reader.open(address)
        await page.keyboard.press("d")
        await expect(drawer.get_by_role("heading")).to_have_text("About this order")
        await expect(rows).to_contain_text("to POS POST /posnext/order/submit")
        await expect(rows.locator(f'a[href*="{other}"]')).to_have_count(0)
        assert await faults_of(page) == []
        await filter_the_rows(reader, drawer, address)
        await open_and_close(page, drawer)

        await reader.open(f"/console/stores/{town.venue_id}")
        await page.keyboard.press("d")
        await expect(drawer.get_by_role("heading")).to_have_text("About this store")
        await expect(rows.locator(f'a[href$="{other}"]').first).to_be_visible()
        link = rows.get_by_role("link", name="edit and send").first
        await link.focus()
        await two_looks(page)
        await expect(link).to_be_focused()  # what has not changed is not drawn again
        await drawer.get_by_label("Only what failed").check()
        await expect(rows).to_contain_text("Nothing in the last quarter of an hour")
        await town.pos_dies()
        third = await town.send("A-3")
        await expect(rows.locator(f'a[href$="{third}"]').first).to_be_visible()
        await expect(rows.get_by_role("row").nth(1)).to_contain_text("✕")

        await reader.open("/console/activity")
        await page.keyboard.press("d")
        await expect(drawer.get_by_role("heading")).to_have_text("About everything")
        await choose(drawer, "Events", "event completed", "/posnext/")
        await two_looks(page)
        assert page.url == f"{town.hub_url}/console/activity"
        await rows.get_by_role("link", name="order").first.click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Order A-")


async def test_who_is_no_developer_has_no_drawer(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False) as town, browse(town, Role.OPERATOR) as reader:
        asked: list[str] = []
        reader.page.on("request", lambda request: asked.append(request.url))
        await reader.page.keyboard.press("d")
        await reader.page.keyboard.press("/")
        await expect(reader.page.locator("#search")).to_be_focused()
        await expect(reader.page.locator("#drawer, .drawer-key")).to_have_count(0)
        assert [url for url in asked if "drawer" in url] == []


# --- the search -----------------------------------------------------------------------------------------------


async def search(reader: Reader, text: str) -> None:
    page = reader.page
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.insert_text(text)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_any_id_typed_behind_a_slash_leads_to_its_page(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, Role.VIEWER) as reader:
        page, pool = reader.page, town.house.hub.pool
        order_id = await town.send("NOSH-99-BEEF")
        order = await town.until(order_id, Status.COMPLETED)
        event_id = await pool.fetchval("SELECT event_id FROM events WHERE order_id = $1 LIMIT 1", order_id)
        endpoint_id = await pool.fetchval("SELECT endpoint_id FROM endpoints LIMIT 1")
        for text, path, heading in (
            (order_id, f"/console/orders/{order_id}", "Order BEEF"),
            ("NOSH-99-BEEF", f"/console/orders/{order_id}", "Order BEEF"),
            (str(order.pos_order_id), f"/console/orders/{order_id}", "Order BEEF"),
            (event_id, f"/console/failures/events/{event_id}", re.compile("^order\\.")),
            ("LOC-1", f"/console/stores/{town.venue_id}", "Acme One"),
            ("acme o", f"/console/stores/{town.venue_id}", "Acme One"),
            ("nosh", f"/console/orders?channel={order.marketplace_id}", "Orders"),
            (endpoint_id, f"/console/endpoints#{endpoint_id}", "Endpoints"),
        ):
            await search(reader, text)
            await expect(page).to_have_url(town.hub_url + path)
            await expect(page.get_by_role("heading", level=1)).to_contain_text(heading)


async def test_several_hits_are_walked_over_and_none_says_what_can_be_found(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False) as town, browse(town, Role.VIEWER) as reader:
        page = reader.page
        orders = [await town.send("A-77-CAFE"), await town.send("B-78-CAFE")]
        reader.expects("status of 404")
        await search(reader, "<b>nobody's</b>")
        await expect(page.get_by_role("heading", level=2)).to_have_text("Nothing has this id, number or name")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Search for <b>nobody's</b>")
        await search(reader, "cafe")
        hits = page.get_by_role("main").get_by_role("row").filter(has_text="the end of the channel's number")
        await expect(hits).to_have_count(2)
        assert await faults_of(page) == []
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        address = await page.locator("a.open:focus").get_attribute("href")
        assert address in [f"/console/orders/{one}" for one in orders]
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{town.hub_url}{address}")


# --- figures --------------------------------------------------------------------------------------------------

DRAWN = """() => {
    const probe = document.body.appendChild(document.createElement("span"));
    const inks = ["--accent", "--info"].map((name) => {
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    });
    probe.remove();
    const charts = [...document.querySelectorAll(".chart canvas")].map((one) => {
        const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
        const is = (at, ink) => data[at + 3] > 200 && ink.every((part, n) => Math.abs(part - data[at + n]) < 6);
        return data.some((_, at) => at % 4 === 0 && inks.some((ink) => is(at, ink)));
    });
    return charts.length === 3 && charts.every(Boolean);
}"""
LINES = "(rows) => rows.map((row) => [...row.cells].slice(1).map((cell) => Number(cell.dataset.value)))"


async def are_drawn(page: Page) -> None:
    """Wait until each chart has a line, in its first or second colour as that is by the reader's light."""
    await page.wait_for_function(DRAWN)


async def counted(page: Page) -> list[int]:
    """How many orders were received, confirmed, rejected, failed and cancelled, by the table below the chart."""
    lines = await page.locator("#table-orders tbody tr").evaluate_all(LINES)
    return [sum(column) for column in zip(*lines, strict=True)]


async def show(page: Page, label: str, choice: str) -> None:
    """Choose; the page shows it at once."""
    async with page.expect_navigation():
        await page.get_by_role("combobox", name=label, exact=True).select_option(choice)


async def choose_spans_and_parts(reader: Reader, town: Town) -> None:
    page, heading = reader.page, reader.page.get_by_role("heading", level=1)
    for span, said in (("A day", "Over the last 24 hours"), ("A month", "Over the last thirty days")):
        await show(page, "Over", span)
        await expect(page.get_by_role("main")).to_contain_text(said)
        assert await counted(page) == [2, 1, 1, 0, 0]
        await are_drawn(page)
    await show(page, "Of", "Acme One")
    await expect(heading).to_have_text("Activity of Acme One")
    await expect(page.get_by_role("region", name="By store")).to_have_count(0)
    assert page.url == f"{town.hub_url}/console/activity?over=month&of={town.venue_id}"
    assert await counted(page) == [2, 1, 1, 0, 0]
    await show(page, "Of", "Everything")
    for title, name in (("By store", "Acme One"), ("By channel", "nosh")):
        await reader.follows(page.get_by_role("region", name=title).get_by_role("link", name=name))
        await expect(heading).to_have_text(f"Activity of {name}")
        assert await counted(page) == [2, 1, 1, 0, 0]
        await page.go_back()
    await show(page, "Over", "An hour")


async def test_figures_are_drawn_chosen_and_come_anew(dsn: str, browse: Browse) -> None:
    async with (
        a_town(dsn, mood=lambda order: Mood.REFUSE if order.notes == "none left" else Mood.WELL) as town,
        browse(town, Role.VIEWER) as reader,
    ):
        page, summary = reader.page, reader.page.locator("dl.summary")
        await page.clock.install()
        await reader.goes_to("Activity")
        await expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
        await town.until(await town.send("A-1"), Status.COMPLETED)
        async with page.expect_navigation():
            await page.keyboard.press("r")
        await expect(summary).to_contain_text(re.compile(r"Last hour\s*1 received\s*… confirmed\s*1 "))
        await are_drawn(page)
        assert await counted(page) == [1, 1, 0, 0, 0]
        orders = page.get_by_role("region", name="Orders by the minute")
        await expect(orders.locator(".u-legend")).to_contain_text("Received")
        await orders.get_by_text("The same as a table").click()
        await town.until(await town.send("A-2", notes="none left"), Status.REJECTED)
        async with page.expect_response("**/console/activity?*"):
            await page.clock.fast_forward(31_000)
        await expect(summary).to_contain_text(re.compile(r"Last hour\s*2 received\s*… confirmed\s*1 "))
        await expect(summary).to_contain_text(re.compile(r"… orders lost\s*50.0 %"))
        await expect(orders.get_by_role("table").last).to_be_visible()  # what was opened stays open
        await are_drawn(page)
        assert await counted(page) == [2, 1, 1, 0, 0]
        await choose_spans_and_parts(reader, town)
        await page.emulate_media(color_scheme="dark")
        await are_drawn(page)
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 2


# --- where no page is, and the door ---------------------------------------------------------------------------


async def test_what_is_not_there_or_not_for_somebody_says_so_and_leads_back(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, worker=False) as town, browse(town, Role.VIEWER) as reader:
        page = reader.page
        reader.expects("status of 40[34]")
        for path, heading, text in (
            (f"/console/orders/{NO_SUCH}", "Not found", "There is no order"),
            ("/console/stores/ven_01kk0000000000000000000001", "Not found", "There is no store"),
            ("/console/menus/none", "Not found", "There is no store"),
            ("/console/failures/events/evt_none", "Not found", "There is no event"),
            ("/console/nothing/of/that", "Not found", "The console has no such page."),
            ("/console/people", "Not allowed", "This is for who is admin at least; you are viewer."),
            ("/console/activity/deeds", "Not allowed", "This is for who is admin at least; you are viewer."),
            ("/console/keys", "Not allowed", "This is for who is developer at least; you are viewer."),
        ):
            await reader.open(path)
            await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            await expect(page.get_by_role("main")).to_contain_text(text)
        assert await faults_of(page) == []
        await page.get_by_role("link", name="To the board").click()
        await expect(page).to_have_url(f"{town.hub_url}/console")


async def come_back(reader: Reader, to: str) -> None:
    """Through the door, to where one was."""
    page = reader.page
    await expect(page.get_by_label("Login")).to_be_focused()
    await page.get_by_label("Login").fill("operator-acme")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(reader.hub_url + to)


async def test_who_was_away_too_long_comes_back_to_where_they_were(dsn: str, browse: Browse) -> None:
    async with a_town(dsn) as town, browse(town, Role.OPERATOR) as reader:
        page = reader.page
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        listed = "/console/orders?status=completed&number=A-1"
        await town.pass_time(hours=5)
        await reader.open(listed)
        await come_back(reader, listed)
        await expect(page.get_by_role("main").get_by_role("link", name="A-1")).to_be_visible()

        reader.expects("status of 401")
        await reader.open(f"/console/orders/{order_id}?")
        await town.pass_time(hours=5)
        await expect(page).to_have_url(re.compile("/console/sign-in"))  # by itself: the page asks for what is new
        await come_back(reader, f"/console/orders/{order_id}")

        store = f"/console/stores/{town.venue_id}"
        await reader.open(store)
        await page.get_by_text("Pause ...", exact=True).click()
        await page.get_by_label("Why").fill("a break")
        await town.pass_time(hours=5)
        await page.get_by_role("button", name="Pause", exact=True).click()
        await come_back(reader, store)
        await expect(page.get_by_role("main")).to_contain_text("● open")
