"""What failed is mended in a real browser: many orders after a look, dead events, and what an endpoint missed."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from browsing import Browse, Reader
from playwright.async_api import Locator, Page, expect
from starlette.responses import Response
from test_accessibility import faults_of

from builders import ORGANIZATION
from heard.domain.ids import EventId, OrderId
from heard.domain.order import commands as c
from heard.domain.order.model import Attention, Status, Ticket
from heard.domain.people import Role
from heard.domain.stores import ConnectorKind
from heard.engine.act_on_order import act_on_order
from heard.engine.resend_events import resend_event
from heard.engine.webhook_endpoints import disable_endpoint
from heard.sandbox.pos import CancelMood, Mood
from lengths import patience
from mishaps import kept, order_that
from parties import QUICK, Town, a_town
from receivers import GOOD, Receiver, a_receiver, deliveries_of, listen_at

MANUAL = ConnectorKind.MANUAL
NOT_NOW = Response(status_code=503, headers={"retry-after": "300"})
WHY = "the oven is on fire"
KINDS = ["order.confirmed", "order.in_prep", "order.ready"]


def named(page: Page, text: str) -> Locator:
    """A row of the list of causes."""
    return page.get_by_role("row").filter(has_text=text)


def count(page: Page) -> Locator:
    """How many causes there are, beside the page's name."""
    return page.locator("#failures-count")


def touched(page: Page) -> Locator:
    """What a fix would touch, as far as it is ticked."""
    return page.get_by_role("checkbox", checked=True)


async def follow(page: Page, name: str | re.Pattern[str]) -> None:
    """A link, or a button of a form."""
    async with page.expect_event("load"):
        await page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first.click()


async def open_cause(page: Page, text: str) -> None:
    await follow(page, re.compile("^Failures"))
    async with page.expect_event("load"):
        await named(page, text).get_by_role("link").click()


async def came(page: Page, **counted: int) -> None:
    """Wait for the page of what came of it, which says how many were done, changed and refused."""
    for word, number in counted.items():
        await expect(page.get_by_role("status").filter(has_text="done")).to_contain_text(f"{number} {word}")


async def test_an_operator_looks_at_the_causes_and_mends_many_orders_at_once(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.FAILURES_COUNT_S", 0.0)
    async with (
        a_town(dsn, pace=replace(QUICK, start_s=60)) as town,
        browse(town, Role.OPERATOR) as reader,
    ):
        page = reader.page
        await page.clock.install()
        await reader.open("/console/failures")
        await expect(page.get_by_role("heading", name="Nothing failed")).to_be_visible()
        await expect(count(page)).to_be_empty()
        unserved = await kept(town, "A-1", CancelMood.UNSERVED)
        locked = [await kept(town, f"A-{number}", CancelMood.LOCKED) for number in (2, 3, 4)]
        await page.clock.fast_forward(10_000)
        await expect(count(page)).to_have_text("2 causes")  # nobody has loaded it again
        await page.keyboard.press("r")
        for text, number in (("the POS answered 404", "1"), ("the till is locked", "3")):
            await expect(named(page, text).get_by_role("strong")).to_have_text(number)
        await mend_some(town, reader, locked)
        await resolve(town, reader, unserved)
        await expect(count(page)).to_be_empty()
        town.pos.mood = lambda _: Mood.REFUSE
        refused = await town.send("A-5")
        await town.until(refused, Status.REJECTED)
        await follow(page, re.compile("^Failures"))
        failed = page.get_by_role("region", name="Orders that failed within a day")
        await expect(failed).to_contain_text("The POS refused it: item not available.")
        await failed.get_by_role("link").click()
        await follow(page, "A-5")
        await expect(page).to_have_url(f"{town.hub_url}/console/orders/{refused}")


async def mend_some(town: Town, reader: Reader, locked: list[OrderId]) -> None:
    """One of the three is left out, and with one somebody is quicker."""
    page = reader.page
    await open_cause(page, "the till is locked")
    await follow(page, re.compile("^Fix and retry all"))
    await expect(page.get_by_text("Nothing is done yet.")).to_be_visible()
    await expect(touched(page)).to_have_count(3)
    before = {one: await town.order(one) for one in locked}
    assert {order.attention for order in before.values()} == {Attention.CANCEL_AT_POS}
    await page.get_by_role("checkbox", name="A-3").uncheck()
    await act_on_order(town.house.hub, locked[0], c.Unpark(c.STAFF), acting="somebody else")
    await follow(page, "Retry these")
    await came(page, done=1, changed=1, refused=0)
    await expect(named(page, locked[0])).to_contain_text("changed meanwhile")
    assert await town.order(locked[1]) == before[locked[1]]
    for one, by in ((locked[0], "somebody else"), (locked[2], "operator-acme")):
        await order_that(town, one, lambda order: order.ticket is Ticket.CANCELLED)
        asked = [line.note for line in await town.history(one) if "asked for again" in (line.note or "")]
        assert asked == [f"asked for again ({by})"]
    async with page.expect_event("load"):
        await page.keyboard.press("r")  # 1 is left: look
    address = page.url
    await page.get_by_role("checkbox", name="A-3").uncheck()
    await follow(page, "Retry these")
    await expect(page.locator("#notices")).to_contain_text("Nothing was chosen, so nothing was done.")
    await follow(page, re.compile("^Fix and retry all"))
    await follow(page, "Retry these")
    await came(page, done=1, changed=0, refused=0)
    await order_that(town, locked[1], lambda order: order.ticket is Ticket.CANCELLED)
    reader.expects("status of 404")
    await page.goto(address)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing fails for this cause any more")


async def resolve(town: Town, reader: Reader, order_id: OrderId) -> None:
    """With a note, and not without one."""
    page = reader.page
    await open_cause(page, "the POS answered 404")
    await follow(page, re.compile("^Mark all resolved"))
    await expect(page.get_by_role("group", name="1 to touch")).to_contain_text("A-1")
    assert await faults_of(page) == []
    note = page.get_by_label("How was it seen to?")
    await page.get_by_role("button", name="Mark these resolved").click()
    await expect(note).to_be_focused()
    assert (await town.order(order_id)).attention is Attention.CANCEL_AT_POS
    await note.fill("taken off at the till")
    await follow(page, "Mark these resolved")
    await came(page, done=1, refused=0)
    assert await faults_of(page) == []
    assert (await town.order(order_id)).attention is None
    assert (await town.history(order_id))[-1].note == "taken off at the till (operator-acme)"


async def test_a_cause_of_many_is_paged_and_mended_a_hundred_at_a_time(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL, worker=False) as town, browse(town, Role.OPERATOR) as reader:
        page, pool = reader.page, town.house.hub.pool
        await town.copy_row(await town.send("COPY-0"), 101)
        await pool.execute("UPDATE orders SET attention = 'totals_differ'")
        await open_cause(page, "another total than the guest paid")
        seen = []
        for link in ("Older", "Older", None):
            seen += await page.locator("a.open").all_inner_texts()
            if link:
                await follow(page, link)
        assert sorted(seen) == sorted(f"COPY-{number}" for number in range(102))
        await follow(page, "Newer")
        await expect(page.get_by_text("Page 2")).to_be_visible()
        await follow(page, re.compile("^Mark all resolved"))
        await expect(page.locator("main")).to_contain_text("Of 102 the newest 100 are done at once; then the next.")
        for chosen, left in ((100, "2 are left: look"), (2, None)):
            await expect(touched(page)).to_have_count(chosen)
            await page.get_by_label("How was it seen to?").fill("old prices")
            await follow(page, "Mark these resolved")
            await came(page, done=chosen, refused=0)
            if left:
                await follow(page, left)
        await follow(page, "All failures")
        await expect(page.get_by_role("heading", name="Nothing failed")).to_be_visible()
        assert await pool.fetchval("SELECT count(*) FROM orders WHERE attention IS NOT NULL") == 0
        sql = "SELECT count(*) FROM order_history WHERE step = 'resolve' AND note = 'old prices (operator-acme)'"
        assert await pool.fetchval(sql) == 102


async def cook(town: Town, number: str) -> OrderId:
    """An order that is ready: three events."""
    order_id = await town.send(number)
    for command in (c.AcceptOrder(), c.StartOrder(), c.FinishOrder()):
        await act_on_order(town.house.hub, order_id, command)
    return order_id


async def events_of(town: Town, order_id: OrderId) -> list[EventId]:
    sql = "SELECT event_id FROM events WHERE order_id = $1 ORDER BY sequence LIMIT 9"
    return [EventId(row["event_id"]) for row in await town.house.hub.pool.fetch(sql, order_id)]


async def heard(receiver: Receiver, number: int) -> list[tuple[str, str]]:
    """Wait until so many were taken; ids and types."""
    async with patience():
        while len(taken := [one for one in receiver.heard if one.status < 300]) < number:
            await asyncio.sleep(0.02)
    return [(one.id, one.type) for one in taken]


async def test_a_developer_disables_an_endpoint_and_sends_again_what_it_missed(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.FAILURES_COUNT_S", 0.0)
    monkeypatch.setattr("heard.limits.RESEND_BATCH_MAX", 2)
    monkeypatch.setattr("heard.limits.FIX_REPLAYS_MAX", 1)
    answer: dict[str, Any] = {"now": NOT_NOW}
    async with (
        a_receiver(lambda _: answer["now"]) as receiver,
        a_town(dsn, connector=MANUAL) as town,
        browse(town, Role.DEVELOPER) as reader,
        browse(town, Role.OPERATOR) as operator,
    ):
        await listen_at(town, receiver)
        one, two = await cook(town, "A-1"), await cook(town, "A-2")
        await disable(town, reader)
        for order_id in (one, two):
            assert await deliveries_of(town, order_id, "dead") == [("dead", f"the endpoint is disabled: {WHY}")] * 3
        await reader.page.reload()
        await expect(reader.page.locator("section.endpoint")).to_contain_text("Dead6")
        await expect(count(reader.page)).to_have_text("2 causes")
        missed = await cook(town, "A-3")
        await may_only_look(town, operator.page, (await events_of(town, one))[0])
        await enable(town, reader)
        answer["now"] = GOOD
        await send_one_by_one(town, reader, receiver, await events_of(town, one))
        await replay(reader.page, receiver, await events_of(town, two))
        await send_from_the_feed(reader.page, receiver, (await events_of(town, missed))[0])
        await enable_again(town, reader.page)


async def disable(town: Town, reader: Reader) -> None:
    """An endpoint that fails, with a reason; what waits for it is dead."""
    page, sql = reader.page, "SELECT count(*) FROM deliveries WHERE last_error IS NOT NULL"
    async with patience():
        while await town.house.hub.pool.fetchval(sql) < 2:
            await asyncio.sleep(0.02)
    await open_cause(page, "Their server failed: it answered 503; the hub goes on trying.")
    await expect(page.locator("a.open")).to_have_count(2)
    await follow(page, "The endpoint")
    endpoint = page.locator("section.endpoint")
    for said in ("▲ failing 2 in a row", "6 events", "Dead0"):
        await expect(endpoint).to_contain_text(said)
    await endpoint.get_by_text("Disable ...").click()
    await endpoint.get_by_label("Why? The channel reads it").fill(WHY)
    await follow(page, "Disable: 6 that wait are dead then")
    await expect(page.locator("#notices")).to_contain_text("The endpoint is disabled. What waited for it is dead")
    await expect(endpoint).to_contain_text(re.compile(f"✕ disabled .*{WHY}"))


async def may_only_look(town: Town, page: Page, event_id: EventId) -> None:
    await page.goto(f"{town.hub_url}/console/endpoints")
    await expect(page.locator("section.endpoint")).to_contain_text("can be sent again once it is enabled")
    await expect(page.locator("main form")).to_have_count(0)
    await open_cause(page, "and the hub has given up")
    await expect(page.get_by_role("link", name="Send all again")).to_have_count(0)
    await page.locator(f'a[href$="{event_id}"]').click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("order.confirmed")
    await expect(page.locator("main form")).to_have_count(0)


async def enable(town: Town, reader: Reader) -> None:
    """Nothing goes to an endpoint that is disabled; who enables it sees what may be sent again, and leaves it."""
    page = reader.page
    await open_cause(page, "The endpoint is disabled, and the hub has given up.")
    await follow(page, re.compile("^Send all again"))
    await expect(page.locator("main")).to_contain_text("nothing can be sent there until it is enabled")
    await follow(page, "To the endpoint")
    await follow(page, "Enable")
    await expect(page.locator("#notices")).to_contain_text("The endpoint is enabled.")
    await expect(page.locator("main")).to_contain_text("Nothing is done yet. 6 events go to")
    assert await faults_of(page) == []
    await follow(page, "Leave it")
    await expect(page.locator("section.endpoint")).to_contain_text("✓ well")
    assert await town.house.hub.pool.fetchval("SELECT count(*) FROM deliveries WHERE state = 'dead'") == 6


async def send_one_by_one(town: Town, reader: Reader, receiver: Receiver, ids: list[EventId]) -> None:
    """The first with the form for many, the second on its own page; with the third, somebody is quicker."""
    page, hub = reader.page, town.house.hub
    await open_cause(page, "The endpoint was disabled, and the hub has given up.")
    await follow(page, re.compile("^Send all again"))
    await expect(touched(page)).to_have_count(6)
    for box in await page.get_by_role("checkbox").all():
        await box.uncheck()
    await page.get_by_role("checkbox", name=ids[0]).check()
    await follow(page, "Send these again")
    await came(page, done=1, changed=0, refused=0)
    assert await heard(receiver, 1) == [(ids[0], KINDS[0])]
    await follow(page, "5 are left: look")
    await page.locator(f'a[href$="{ids[1]}"]').click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(KINDS[1])
    await expect(page.locator("pre")).to_contain_text('"status": "IN_PREP"')
    await page.keyboard.press("r")
    await expect(page.locator("#notices")).to_contain_text("It goes out again to 1 endpoint.")
    assert (await heard(receiver, 2))[1:] == [(ids[1], KINDS[1])]
    await page.reload()
    await expect(page.locator("article")).to_contain_text("✓ taken")
    await expect(page.get_by_role("cell", name="✓ 204")).to_be_visible()
    assert await faults_of(page) == []
    await reader.open(f"/console/failures/events/{ids[2]}")
    await resend_event(hub, ids[2], organization_id=ORGANIZATION)
    assert (await heard(receiver, 3))[2:] == [(ids[2], KINDS[2])]
    await follow(page, "Send it again")
    await expect(page.locator("#notices")).to_contain_text("Nothing was done. The delivery of")
    assert len(receiver.heard) == 2 + 3


async def replay(page: Page, receiver: Receiver, ids: list[EventId]) -> None:
    """All that is left, in batches, of which the page asks for one after the other by itself."""
    await follow(page, re.compile("^Failures"))
    await follow(page, "All endpoints")
    await follow(page, re.compile("^Send again what is dead"))
    await expect(page.locator("main")).to_contain_text("3 events go to")
    await follow(page, "Send all 3 again")
    await expect(page.get_by_text("3 events are due again.")).to_be_visible()
    assert await faults_of(page) == []
    assert (await heard(receiver, 6))[3:] == list(zip(ids, KINDS, strict=True))
    await follow(page, "See how the endpoint does")
    await expect(page.locator("section.endpoint")).to_contain_text("Dead0")


async def send_from_the_feed(page: Page, receiver: Receiver, event_id: EventId) -> None:
    """What came about while no endpoint was enabled."""
    await page.get_by_role("searchbox", name="Search by any id or number").fill(event_id)
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_contain_text("No endpoint was enabled when it came about")
    await follow(page, "Send it to the endpoints of today")
    await expect(page.locator("#notices")).to_contain_text("It goes out again to 1 endpoint.")
    assert (await heard(receiver, 7))[6:] == [(event_id, KINDS[0])]


async def enable_again(town: Town, page: Page) -> None:
    """Whoever disables what is disabled by now changes nothing; it can be enabled where it stands among the causes."""
    hub, sql = town.house.hub, "SELECT endpoint_id, disabled_why FROM endpoints LIMIT 9"
    await page.goto(f"{town.hub_url}/console/endpoints")
    [(endpoint_id, _)] = await hub.pool.fetch(sql)
    await disable_endpoint(hub, ORGANIZATION, endpoint_id, "somebody was quicker")
    await page.get_by_text("Disable ...").click()
    await page.get_by_label("Why? The channel reads it").fill(WHY)
    await follow(page, re.compile("^Disable: 0 that wait"))
    await expect(page.locator("#notices")).to_contain_text("It was disabled already; nothing was done.")
    assert [row["disabled_why"] for row in await hub.pool.fetch(sql)] == ["somebody was quicker"]
    await open_cause(page, "The hub sends nothing there any more.")
    await follow(page, "Enable the endpoint")
    await expect(page.locator("main")).to_contain_text("Nothing is dead for")
    assert [row["disabled_why"] for row in await hub.pool.fetch(sql)] == [None]
