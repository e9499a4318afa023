"""The live board in a real browser: what happens to orders is seen without anybody loading the page again."""

import asyncio
import re
from contextlib import suppress

import pytest
from browsing import LARGE, SMALL, Browse
from playwright.async_api import expect

from builders import a_line
from heard import limits
from heard.bootstrap import open_house, serve_hub
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order import commands as c
from heard.domain.order.content import LineModifier
from heard.domain.order.model import ReasonCode
from heard.domain.people import Role
from heard.domain.stores import ConnectorKind
from heard.engine.act_on_order import act_on_order
from heard.net.listening import listening
from parties import Town, a_town
from visiting import a_guest

MANUAL = ConnectorKind.MANUAL
TICKING = "() => { window.ticking = setInterval(() => document.dispatchEvent(new WheelEvent('wheel')), 50); }"
SELECT = "(id) => window.getSelection().selectAllChildren(document.getElementById(id))"
SPILLED = """() => [...document.querySelectorAll(".card")].filter((card) => {
    const [inner, outer] = [card, card.closest(".column")].map((one) => one.getBoundingClientRect());
    return inner.left < outer.left || inner.right > outer.right || card.scrollWidth > card.clientWidth;
}).map((card) => card.id)"""
HOSTILE = (
    "<script>window.taken = 1</script>",
    "<img src=x onerror='window.taken = 1'>\"'><svg/onload=window.taken=1>",
    "\u202egnp.exe \u2067\u2066 \u200f\u0627\u0644\u0628\u0631\u062c\u0631",
    "W" * limits.TEXT_MAX,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 200,
    "{{ 7 * 7 }} ${7*7} &lt;b&gt;",
)


async def act(town: Town, order_id: OrderId, command: c.StaffCommand) -> None:
    await act_on_order(town.house.hub, order_id, command)


async def test_an_order_appears_and_goes_from_column_to_column_while_somebody_watches(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        empty = reader.page.locator("#empty")
        await expect(empty).to_contain_text("make demo")
        await reader.page.evaluate("() => { window.loaded = 'once'; }")
        order_id = await town.send("NOSH-1-9AF3")
        await reader.sees(order_id, "new")
        await expect(empty).to_be_hidden()
        card = reader.card(order_id)
        for text in ("9AF3", "nosh", "Acme One", "1 × Burger", "11.49 USD", "awaiting staff"):
            await expect(card).to_contain_text(text)
        left = card.locator(".deadline time")
        await expect(left).to_have_text(re.compile(r"^\d+:\d\d min left$"))
        before = await left.inner_text()
        await expect(left).not_to_have_text(before)
        steps: tuple[tuple[c.StaffCommand, str], ...] = (
            (c.AcceptOrder(prep_time_min=20), "accepted"),
            (c.StartOrder(), "in_prep"),
            (c.FinishOrder(), "ready"),
        )
        for command, column in steps:
            await act(town, order_id, command)
            await reader.sees(order_id, column)
            await expect(reader.column(column).locator(".count")).to_have_text("1")
            await expect(reader.page.locator(f"#{order_id}")).to_have_count(1)
        await act(town, order_id, c.CompleteOrder())
        await expect(reader.card(order_id)).to_have_count(0)
        await expect(empty).to_be_visible()
        assert await reader.page.evaluate("() => window.loaded") == "once"


async def test_what_is_new_waits_for_a_reader_who_selects_or_scrolls(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        page, news = reader.page, reader.page.locator("#news")
        first = await town.send("S-1")
        await reader.sees(first, "new")
        await page.evaluate(SELECT, first)
        second = await town.send("S-2")
        await expect(news).to_have_text("1 new")
        await expect(reader.card(second)).to_have_count(0)
        await act(town, first, c.AcceptOrder())
        await expect(news).to_have_text("2 new")
        await expect(reader.column("new").locator(f"#{first}")).to_be_visible()
        await news.click()
        await reader.sees(second, "new")
        await reader.sees(first, "accepted")
        await expect(news).to_be_hidden()
        await page.evaluate(TICKING)
        for number in range(3, 9):  # where the machine halts for longer than a reader does, what came is shown at once
            third = await town.send(f"S-{number}")
            with suppress(AssertionError):
                await expect(news).to_have_text("1 new", timeout=3_000)
                break
        await expect(news).to_have_text("1 new")
        await expect(reader.card(third)).to_have_count(0)
        await page.evaluate("() => clearInterval(window.ticking)")
        await reader.sees(third, "new")  # by itself, since nobody scrolls any more
        await expect(news).to_be_hidden()


async def test_a_long_column_comes_with_its_newest_orders_and_is_whole_at_once_also_for_who_comes_back(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOARD_FIRST_CARDS", 5)
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        await town.copy_row(await town.send("L-1"), 30)
        newest = await town.send("L-2")
        page = (await a_guest(town)).page  # with the board loaded
        assert page.count('<article class="card') == 5
        assert newest in page
        assert "And <span>27</span> more orders that are open" in page
        await reader.page.add_init_script(f"({TICKING})()")  # its reader scrolls from the beginning
        await reader.open("/console")
        column = reader.column("new")
        await expect(column.locator(".card")).to_have_count(32)
        await expect(column.locator(".count")).to_have_text("32")
        await expect(reader.page.locator("#more")).to_be_hidden()
        await expect(reader.page.locator("#news")).to_be_hidden()
        shown = await column.locator(".card").evaluate_all("cards => cards.map((card) => card.id)")
        assert shown == sorted(shown, reverse=True)
        await column.locator(".card").last.scroll_into_view_if_needed()
        await reader.open("/console/orders")
        await reader.page.go_back()
        await expect(column.locator(".card")).to_have_count(32)
        await expect(column.locator(".card").last).to_be_in_viewport()


async def test_an_order_that_its_pos_does_not_take_stands_first_and_says_what_is_the_matter(
    dsn: str, browse: Browse
) -> None:
    async with a_town(dsn) as town, browse(town, Role.VIEWER) as reader:
        await town.pos_dies()
        order_id = await town.send("A-1")
        await reader.sees(order_id, "attention")
        card = reader.card(order_id)
        await expect(card.locator(".matter")).to_have_text(re.compile("POS does not answer|brought no answer"))
        await expect(card.locator(".next")).to_have_text(re.compile("^(in .*|now): "))
        await expect(card.locator(".last")).to_contain_text("validate")
        await expect(reader.page.locator("#board > .column").first).to_have_attribute("data-column", "attention")


async def test_a_board_whose_hub_is_gone_says_so_and_catches_up_when_it_is_back(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        order_id, over = await town.send("G-1"), await town.send("G-2")
        await reader.sees(over, "new")
        await reader.sees(order_id, "new")
        reader.expects_no_hub()
        banner = reader.page.locator("#gone")
        await expect(banner).to_be_hidden()
        port = await town.stop_hub()
        await expect(banner).to_be_visible()
        await expect(banner).to_contain_text(re.compile("does not answer|being stopped"))
        await act(town, order_id, c.AcceptOrder())
        await act(town, over, c.RejectOrder(ReasonCode.OTHER))
        await expect(reader.card(over)).to_be_visible()
        async with open_house(town.house.config, public_url=town.hub_url) as house:
            with listening("127.0.0.1", port) as bound:
                town.serving = asyncio.create_task(serve_hub(house, bound))
                await reader.sees(order_id, "accepted")
                await expect(reader.card(over)).to_have_count(0)
                await expect(banner).to_be_hidden()
                await town.stop_hub()


async def test_whoever_is_shut_out_while_they_watch_stands_before_the_door(
    dsn: str, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOARD_PING_S", 0.1)
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        order_id = await town.send("D-1")
        await reader.sees(order_id, "new")
        await town.house.hub.pool.execute("DELETE FROM console_sessions")
        await expect(reader.page).to_have_url(f"{town.hub_url}/console/sign-in?to=/console")
        await expect(reader.page.get_by_label("Login")).to_be_focused()


async def test_cards_are_walked_over_and_opened_by_keys(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town) as reader:
        older, newer = await town.send("K-1"), await town.send("K-2")
        await reader.sees(older, "new")
        await reader.sees(newer, "new")
        press = reader.page.keyboard.press
        await press("j")
        await expect(reader.card(newer).locator("a.open")).to_be_focused()
        await press("j")
        await press("j")
        await expect(reader.card(older).locator("a.open")).to_be_focused()
        await press("k")
        await act(town, newer, c.AcceptOrder())
        await reader.sees(newer, "accepted")
        await expect(reader.card(newer).locator("a.open")).to_be_focused()  # it was carried along
        for command in (c.StartOrder(), c.FinishOrder(), c.CompleteOrder()):
            await act(town, newer, command)
        await expect(reader.card(newer)).to_have_count(0)
        await press("/")
        await expect(reader.page.locator("#search")).to_be_focused()
        await press("j")
        await expect(reader.page.locator("#search")).to_have_value("j")
        await reader.page.locator("#search").fill("")
        await press("Escape")
        await press("j")
        address = await reader.page.locator("a.open:focus").get_attribute("href")
        reader.expects("status of 404")
        await press("Enter")
        await expect(reader.page).to_have_url(f"{town.hub_url}{address}")


async def test_hostile_words_are_words_and_nothing_runs_over(dsn: str, browse: Browse) -> None:
    async with a_town(dsn, connector=MANUAL) as town, browse(town, size=SMALL) as reader:
        pool = town.house.hub.pool
        await pool.execute("UPDATE stores SET name = $1", "<b>S</b>" + "M" * 5000)
        await pool.execute("UPDATE marketplaces SET name = $1", "\u202e<i>nosh</i>" + "N" * 1000)
        sent = []
        for number, text in enumerate(HOSTILE):
            topping = LineModifier(a_line().modifiers[0].modifier_id, text, 1, a_line().modifiers[0].price)
            sent.append(await town.send(f"<b>{number}</b>-\u202e-{number}", a_line(name=text, modifiers=(topping,))))
        await act(town, sent[0], c.AcceptOrder())
        await act(town, sent[1], c.RejectOrder(ReasonCode.OTHER, HOSTILE[1]))
        await reader.sees(sent[0], "accepted")
        for order_id, text in zip(sent[2:], HOSTILE[2:], strict=True):
            item = reader.card(order_id).locator(".items li").first
            await expect(item).to_be_visible()
            assert await item.text_content() == f"1 × {text}"
            assert (await item.bounding_box() or {"height": 999})["height"] < 60
        for width, height in (SMALL, LARGE):
            await reader.page.set_viewport_size({"width": width, "height": height})
            assert not await reader.scrolls_sideways()
            assert await reader.page.evaluate(SPILLED) == []
            tallest = "() => Math.max(...[...document.querySelectorAll('.card')].map((one) => one.offsetHeight))"
            assert await reader.page.evaluate(tallest) < 330
        assert await reader.page.evaluate("() => window.taken") is None
        assert await reader.page.locator("#board script, #board img, #board b, #board i, #board svg").count() == 0


async def test_nobody_sees_the_cards_of_another_organization(dsn: str, browse: Browse) -> None:
    async with (
        a_town(dsn, connector=MANUAL) as town,
        browse(town, Role.VIEWER) as own,
        browse(town, Role.VIEWER, whose=OrganizationId("other")) as other,
        browse(town, Role.ADMIN, whose=None) as everybody,
    ):
        order_id = await town.send("O-1")
        await own.sees(order_id, "new")
        await everybody.sees(order_id, "new")
        await act(town, order_id, c.AcceptOrder())
        await own.sees(order_id, "accepted")
        await expect(other.page.locator("#empty")).to_be_visible()
        assert await other.page.locator(".card").count() == 0
        await other.open("/console")
        assert order_id not in await other.page.content()
