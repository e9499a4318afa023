"""All that people do on the pages of orders, in a real browser: every action, what is copied, the list and its keys."""

import json
import re
import shlex
from contextlib import nullcontext
from datetime import timedelta
from itertools import pairwise
from typing import Literal

import pytest
from browsing import Browse, Reader
from playwright.async_api import Dialog, Locator, Page, expect
from test_accessibility import faults_of

from asking import a_key, ask
from builders import ORGANIZATION
from heard import limits
from heard.clients.link import LinkClient
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.order.model import Attention, ReasonCode, Status, Ticket
from heard.domain.people import Role
from heard.domain.stores import ConnectorKind
from heard.engine.act_on_order import act_on_order
from heard.engine.add_parties import add_marketplace, connect_store
from heard.engine.webhook_endpoints import disable_endpoint
from heard.net.call import Answer
from mishaps import STILL, come_soon, lost
from parties import Town, a_town
from receivers import GOOD, a_receiver, listen_at
from trying import a_kitchen

MANUAL = ConnectorKind.MANUAL
NO_BUNS = "out of <b>buns</b>"
LINKS = "(all) => all.map((one) => one.getAttribute('href').split('/').pop())"
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"  # as by http from elsewhere
COPIED = "() => navigator.clipboard.readText()"
KITCHEN = (
    ("Accept", "35", "Accepted.", Status.CONFIRMED, "order.confirmed"),
    ("Move the time", "50", "The time was moved.", Status.CONFIRMED, "order.eta_updated"),
    ("Start: the kitchen began", None, "Started.", Status.IN_PREP, "order.in_prep"),
    ("Ready for the guest", None, "Ready.", Status.READY, "order.ready"),
    ("Complete: handed over", None, "Completed.", Status.COMPLETED, "order.completed"),
)
AS_CURL = (
    ("A-1", "accept", Status.CONFIRMED),
    ("A-1", "eta", Status.CONFIRMED),
    ("A-1", "start", Status.IN_PREP),
    ("A-2", "reject", Status.REJECTED),
    ("A-3", "cancel", Status.CANCELLED),
    ("A-4", "resolve", Status.CANCELLED),
)

FILTERS = (
    ({"State": "confirmed"}, "status = 'confirmed'"),
    ({"State": "open"}, "status = 'awaiting_staff'"),
    ({"State": "", "Attention": "true"}, "attention = 'tell_kitchen'"),
    ({"Attention": "", "Channel": "bites"}, "external_order_id = 'B-1'"),
    ({"Channel": "", "Store": "kitchen"}, "external_order_id = 'K-1'"),
    ({"Store": "", "Channel's number": "N-7"}, "external_order_id = 'N-7'"),
)


def page_of(order_id: str) -> str:
    return f"/console/orders/{order_id}"


def form_of(page: Page, button: str) -> Locator:
    """An action's form, by its button."""
    actions = page.get_by_role("region", name="What you can do")
    return actions.locator("form").filter(has=page.get_by_role("button", name=button, exact=True))


def state_of(page: Page) -> Locator:
    return page.get_by_role("region", name="State")


async def press(page: Page, button: str) -> None:
    await form_of(page, button).get_by_role("button", name=button, exact=True).click()


async def press_and_answer(page: Page, button: str, *, sure: bool) -> str:
    """Press a button that asks first; what it asked."""
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if sure else dialog.dismiss())

    page.once("dialog", answer)
    await press(page, button)
    [question] = asked
    return question


async def call_off(town: Town, number: str) -> OrderId:
    """An order that its guest calls off when staff have it in hand: somebody is to tell the kitchen."""
    order_id = await town.send(number)
    await act_on_order(town.house.hub, order_id, c.AcceptOrder())
    await town.marketplace.link.cancel_order(order_id, "cancelled_by_guest")
    return order_id


async def hears(page: Page, text: str | re.Pattern[str]) -> None:
    """Wait until the page says what came of an action."""
    await expect(page.locator("#notices")).to_contain_text(text)


async def test_an_operator_takes_an_order_through_the_kitchen_while_a_viewer_looks_on(dsn: str, browse: Browse) -> None:
    async with (
        a_town(dsn, connector=MANUAL) as town,
        browse(town, Role.OPERATOR) as reader,
        browse(town, Role.VIEWER) as viewer,
    ):
        order_id, page = await town.send("NOSH-1-9AF3"), reader.page
        await reader.sees(order_id, "new")
        await reader.card(order_id).get_by_role("link").click()
        await viewer.open(page_of(order_id))
        field = form_of(page, "Accept").get_by_label("Ready in minutes")
        await field.fill("99999")
        await press(page, "Accept")
        await expect(field).to_be_focused()  # the browser itself sends no such number
        assert (await town.order(order_id)).status is Status.AWAITING_STAFF
        for button, minutes, said, status, event in KITCHEN:
            if minutes is not None:
                await form_of(page, button).get_by_role("spinbutton").fill(minutes)
            await press(page, button)
            await hears(page, said)
            await expect(state_of(page)).to_contain_text(status.replace("_", " "))
            order = await town.order(order_id)
            assert (order.status, (await town.told(order_id, event))[-1]) == (status, event)
            if minutes is not None:
                assert order.ready_at is not None
                assert order.confirmed_at is not None
                after = order.ready_at - order.confirmed_at
                assert timedelta(0) <= after - timedelta(minutes=int(minutes)) < timedelta(minutes=2)
        await expect(page.get_by_role("region", name="Timeline")).to_contain_text("Staff accepted it")
        await expect(page.locator("main")).to_contain_text("+15550100")
        await expect(state_of(viewer.page)).to_contain_text("completed")  # nobody has loaded it again
        await expect(viewer.page.locator("main")).to_contain_text("You are viewer: operators act on orders.")
        await expect(viewer.page.locator("main form")).to_have_count(0)
        assert "+15550100" not in await viewer.page.content()


async def test_an_operator_rejects_cancels_and_marks_resolved(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town, Role.OPERATOR) as reader:
        rejected, cancelled, page = await town.send("R-1"), await town.send("C-1"), reader.page
        await act_on_order(town.house.hub, cancelled, c.AcceptOrder())
        await reader.open(page_of(rejected))
        before = await town.order(rejected)
        await form_of(page, "Reject").get_by_label("Why").select_option("item unavailable")
        await form_of(page, "Reject").get_by_label("In your words").fill(NO_BUNS)
        assert "it cannot be taken back" in await press_and_answer(page, "Reject", sure=False)
        assert await town.order(rejected) == before
        await press_and_answer(page, "Reject", sure=True)
        await hears(page, "Rejected.")
        await expect(state_of(page)).to_contain_text(f"item unavailable: {NO_BUNS}")
        order = await town.order(rejected)
        assert (order.status, order.reason_code) == (Status.REJECTED, ReasonCode.ITEM_UNAVAILABLE)
        assert await town.told(rejected, "order.rejected") == ["order.rejected"]
        await expect(page.get_by_text("Nothing can be asked of this order as it stands now.")).to_be_visible()

        await reader.open(page_of(cancelled))
        await form_of(page, "Cancel").get_by_label("Why").select_option("store closed")
        assert "Cancel this order?" in await press_and_answer(page, "Cancel", sure=True)
        await hears(page, "Cancelled.")
        await expect(state_of(page)).to_contain_text("store closed, by staff")
        order = await town.order(cancelled)
        assert (order.status, order.reason_code) == (Status.CANCELLED, ReasonCode.STORE_CLOSED)
        assert await town.told(cancelled, "order.cancelled") == ["order.confirmed", "order.cancelled"]

        order_id = await call_off(town, "C-2")
        await reader.open("/console")
        await reader.sees(order_id, "attention")
        await reader.card(order_id).get_by_role("link").click()
        await expect(state_of(page)).to_contain_text("no POS tells the kitchen")
        note = form_of(page, "Mark resolved").get_by_label("How it was seen to")
        await press(page, "Mark resolved")
        await expect(note).to_be_focused()
        assert (await town.order(order_id)).attention is Attention.TELL_KITCHEN
        await note.fill("rang the kitchen")
        await note.press("Enter")
        await hears(page, "Marked as resolved.")
        await expect(state_of(page)).not_to_contain_text("no POS tells the kitchen")
        assert (await town.order(order_id)).attention is None
        assert (await town.history(order_id))[-1].note == "rang the kitchen (operator-acme)"


async def test_whoever_acts_on_what_somebody_else_has_changed_is_told_and_changes_nothing(
    dsn: str, browse: Browse
) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town, Role.OPERATOR) as reader:
        order_id, page = await town.send("S-1"), reader.page
        await reader.open(page_of(order_id))
        words = form_of(page, "Reject").get_by_label("In your words")
        await words.fill(NO_BUNS)
        await act_on_order(town.house.hub, order_id, c.AcceptOrder(), acting="somebody else")
        accepted = await town.order(order_id)
        await press_and_answer(page, "Reject", sure=True)
        await hears(page, re.compile("Nothing was done, somebody was quicker: .* it is confirmed now"))
        assert await town.order(order_id) == accepted
        assert await town.told(order_id, "order.confirmed") == ["order.confirmed"]

        await form_of(page, "Cancel").get_by_label("In your words").fill(NO_BUNS)
        await act_on_order(town.house.hub, order_id, c.StartOrder())
        await expect(state_of(page)).to_contain_text("The order has changed since this page was loaded")
        await expect(page.get_by_role("region", name="Timeline")).to_contain_text("The kitchen began")
        await expect(form_of(page, "Cancel").get_by_label("In your words")).to_have_value(NO_BUNS)  # it was typed
        await page.get_by_role("link", name="Load it again").click()
        await expect(form_of(page, "Start: the kitchen began")).to_have_count(0)
        await press(page, "Ready for the guest")
        await hears(page, "Ready.")
        assert (await town.order(order_id)).status is Status.READY
        await press_again(town, reader)


async def press_again(town: Town, reader: Reader) -> None:
    """Whoever presses twice while the hub is slow is not told that somebody was quicker: it goes out once."""
    order_id, page = await town.send("T-1"), reader.page
    await reader.open(page_of(order_id))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    place = await form_of(page, "Accept").get_by_role("button", name="Accept", exact=True).bounding_box()
    assert place is not None
    async with town.house.hub.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM orders FOR UPDATE")
        for _ in range(2):
            async with page.expect_request("**/accept") if not sent else nullcontext():
                await page.mouse.click(place["x"] + 5, place["y"] + 5)
    await hears(page, "Accepted.")
    assert sent == [f"{town.hub_url}{page_of(order_id)}/accept"]
    assert (await town.order(order_id)).status is Status.CONFIRMED


async def test_what_the_hub_gave_up_is_worked_on_again_when_somebody_asks_for_it(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_soon(monkeypatch)
    async with (
        a_town(dsn, worker=False, pace=STILL, callbacks=False) as town,
        browse(town, Role.OPERATOR) as reader,
    ):
        parked, page = await town.send("P-1"), reader.page
        await town.house.hub.pool.execute("UPDATE orders SET stalls = $1", limits.STALLS_MAX)
        async with town.workers(1):
            await reader.sees(parked, "attention")
            await reader.open(page_of(parked))
            await expect(state_of(page)).to_contain_text("Working on the order failed again and again")
            assert (town.tickets(parked), await faults_of(page)) == ([], [])
            await page.keyboard.press("r")
            await hears(page, "It is worked on again: what comes of it stands below.")
            await expect(state_of(page)).to_contain_text("ticket placed")
            assert (await town.order(parked)).status is Status.CONFIRMED
            assert len(town.tickets(parked)) == 1

            gone = await lost(town, "L-1")
            assert (gone.status, gone.ticket) == (Status.REJECTED, Ticket.SENT)
            await reader.open(page_of(gone.order_id))
            await expect(state_of(page)).to_contain_text("The POS never told whether it has the ticket.")
            town.pos_returns()
            await press(page, "Retry: ask the POS again")
            await hears(page, "It is worked on again")
            await expect(state_of(page)).to_contain_text("The POS took the ticket back.")
            order = await town.order(gone.order_id)
            assert (order.ticket, order.attention, order.parked) == (Ticket.CANCELLED, None, False)
            assert town.tickets(order.order_id) == [order.pos_order_id]


async def copied(button: Locator) -> str:
    """What is in the clipboard when it was pressed, and says so."""
    await button.click()
    await expect(button).to_have_text("copied")
    text: str = await button.page.evaluate(COPIED)
    return text


async def run(town: Town, command: str, key: str) -> Answer:
    """A command of curl, as a shell takes it apart."""
    program, *words = shlex.split(command.replace("$HEARD_ADMIN_KEY", key))
    named = dict(pairwise(words))
    headers = dict(words[n + 1].split(": ", 1) for n, word in enumerate(words) if word == "-H")
    [url] = [word for word in words if word.startswith("http")]
    assert (program, url.startswith(town.hub_url)) == ("curl", True)
    body = named["-d"].encode() if "-d" in named else None
    path = url.removeprefix(town.hub_url)
    return await ask(town, named.get("-X", "GET"), path, body, **{k.replace("-", "_"): v for k, v in headers.items()})


async def copy_actions(town: Town, reader: Reader, key: str) -> None:
    """What is copied of a form does what the form does."""
    ids = {number: await town.send(number) for number in ("A-1", "A-2", "A-3")}
    ids["A-4"] = await call_off(town, "A-4")
    for number, action, status in AS_CURL:
        await reader.open(page_of(ids[number]))
        command = await copied(reader.page.get_by_role("button", name=f"Copy {action} as curl"))
        answer = await run(town, command, key)
        assert answer.status == 200, (command, answer.body)
        assert (await town.order(ids[number])).status is status, command
    assert (await town.order(ids["A-4"])).attention is None


async def test_a_developer_copies_calls_and_ids_and_sends_an_event_again(dsn: str, browse: Browse) -> None:
    async with (
        a_receiver(lambda _: GOOD) as receiver,
        a_town(dsn, connector=MANUAL) as town,
        browse(town, Role.DEVELOPER) as reader,
    ):
        order_id, page, key = await town.send("NOSH-1-9AF3"), reader.page, await a_key(town)
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=town.hub_url)
        await copy_actions(town, reader, key)
        await listen_at(town, receiver)
        await act_on_order(town.house.hub, order_id, c.AcceptOrder())
        [first] = await receiver.until("order.confirmed")
        await reader.open(page_of(order_id))
        whole = page.locator(".tools").get_by_role("button")
        answer = await run(town, await copied(whole), key)
        assert json.loads(answer.body)["order"]["order_id"] == order_id
        await whole.click()
        await expect(whole).to_have_text("Copy as curl")  # also when it was pressed twice
        buttons, ids = page.locator(".ids [data-copy]"), await page.locator(".ids code").all_inner_texts()
        assert [await copied(one) for one in await buttons.all()] == ids
        assert {order_id, "NOSH-1-9AF3", town.venue_id, ORGANIZATION, first.id} <= set(ids)

        story = page.get_by_role("region", name="Timeline")
        await page.get_by_role("button", name="Resend order.confirmed").click()
        await hears(page, "It goes out again.")
        await expect(story.get_by_text("Webhook to the channel")).to_have_count(2)
        assert [(one.id, one.type) for one in receiver.heard] == [(first.id, "order.confirmed")] * 2
        endpoint_id = await town.house.hub.pool.fetchval("SELECT endpoint_id FROM endpoints")
        await disable_endpoint(town.house.hub, ORGANIZATION, endpoint_id, "they asked for it")
        await page.get_by_role("button", name="Resend order.confirmed").click()
        await hears(page, "is no enabled endpoint")
        assert len(receiver.heard) == 2

        await page.add_init_script(NO_CLIPBOARD)
        await page.get_by_role("link", name="Refresh").click()
        await page.get_by_role("button", name="Copy: Store").click()
        await expect(page.get_by_role("button", name="Copy: Store")).to_have_text("select it and copy it by hand")
        await expect(page.get_by_role("button", name="Copy: Store")).to_have_text("copy")


async def another_channel(town: Town, name: str) -> LinkClient:
    """A second marketplace of the town's store; nobody hears what it is told."""
    hub = town.house.hub
    made = await add_marketplace(hub, ORGANIZATION, name, "http://127.0.0.1:9/hooks", await hub.now())
    await connect_store(hub, town.venue_id, made.marketplace_id)
    return LinkClient(town.hub_url, made.marketplace_id, made.client_secret, outbound=town.house.outbound)


async def press_for_page(what: Locator) -> None:
    async with what.page.expect_event("load"):
        await what.click()


async def narrow(page: Page, filters: dict[str, str]) -> None:
    """Fill in some of the filters and ask; the others are as they were."""
    form = page.get_by_role("search", name="Filter orders")
    for label, value in filters.items():
        kind: Literal["combobox", "textbox"] = "combobox" if label in ("State", "Attention", "Channel") else "textbox"
        field = form.get_by_role(kind, name=label, exact=True)
        await (field.fill(value) if kind == "textbox" else field.select_option(value))
    await press_for_page(form.get_by_role("button", name="Show"))


async def listed(page: Page) -> list[str]:
    """The orders on the page that is loaded."""
    found: list[str] = await page.locator("table.orders a.open").evaluate_all(LINKS)
    return found


async def newest(town: Town, condition: str = "true") -> list[str]:
    sql = f"SELECT order_id FROM orders WHERE {condition} ORDER BY received_at DESC, order_id DESC LIMIT 100"
    return [row["order_id"] for row in await town.house.hub.pool.fetch(sql)]


async def test_the_list_of_orders_is_narrowed_paged_and_walked_by_keys(dsn: str, browse: Browse) -> None:
    async with (
        a_town(dsn, connector=MANUAL) as town,
        a_kitchen(town) as kitchen,
        browse(town, Role.VIEWER) as reader,
    ):
        page, bites = reader.page, await another_channel(town, "bites")
        await town.copy_row(await town.send("N-7"), 51)
        cooked = await town.send("K-1", venue_id=kitchen.venue_id)
        await bites.send_order(town.content("B-1"))
        await call_off(town, "C-1")
        await act_on_order(town.house.hub, await town.send("A-1"), c.AcceptOrder())
        await town.until(cooked, Status.COMPLETED)

        await press_for_page(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Orders"))
        everything = await newest(town)
        assert await listed(page) == everything[:50]
        await press_for_page(page.get_by_role("link", name="Older orders"))
        assert await listed(page) == everything[50:]
        await press_for_page(page.get_by_role("link", name="The newest"))
        for filters, condition in FILTERS:
            await narrow(page, filters)
            wanted = await newest(town, condition)
            assert await listed(page) == wanted[:50], filters
            if len(wanted) > 50:
                await press_for_page(page.get_by_role("link", name="Older orders"))
                assert await listed(page) == wanted[50:], filters
        await narrow(page, {"Channel's number": "N-700"})
        await expect(page.get_by_role("heading", name="No order fits")).to_be_visible()
        await narrow(page, {"Channel's number": "", "Store": "Nowhere"})
        await expect(page.get_by_role("alert")).to_contain_text("No store is called so")
        await narrow(page, {"Store": "n"})
        await expect(page.get_by_role("heading", name="Which store?")).to_be_visible()
        await page.get_by_role("link", name="Test kitchen").focus()
        await page.keyboard.press("k")
        await page.keyboard.press("j")
        async with page.expect_event("load"):
            await page.keyboard.press("Enter")
        assert await listed(page) == [cooked]

        await press_for_page(page.get_by_role("link", name="All", exact=True))
        links = page.locator("table.orders a.open")
        for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
            await page.keyboard.press(key)
            await expect(links.nth(at)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{town.hub_url}{page_of(everything[1])}")
