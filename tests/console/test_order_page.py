"""An order's page: what it shows of an order, of whom to whom, and what its forms do and refuse."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

from builders import ORGANIZATION, a_line
from heard.console.acting import DONE, FORMS, PRIMARY, form_of
from heard.console.rendering import render
from heard.console.timeline import STEPS, calls_of, spelled_s
from heard.domain.ids import ModifierId, OrganizationId, ProductId
from heard.domain.money import Cents
from heard.domain.order.by_hand import Action
from heard.domain.order.content import Customer, Line, LineModifier
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Attention, Status, Ticket
from heard.domain.people import Role
from heard.protocols.admin import wire
from heard.sandbox.pos import CancelMood, Mood
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef
from mishaps import kept, order_that
from parties import QUICK, Town, a_town
from visiting import Guest, a_guest

HOSTILE = '<script>alert("x")</script>\u202e&amp; ' + "🍔" * 60
TOLD = (
    *("Order ABCD", "completed", "1 × Burger", "Cheese", "9.99 USD", "the items come to the subtotal"),
    *("the sums come to the total", "the POS's total is the order's", "Handed over", "order.ready", "✓ delivered"),
    *("Webhook to the channel", "Call to the POS", "Call from the channel", "nothing: it is over"),
)
HANDS = "UPDATE orders SET status = 'awaiting_staff', accept_by = business_now() + '1 hour' WHERE order_id = $1"


async def by_hand(town: Town, number: str, *lines: Line, **changes: Any) -> str:
    """An order whose staff have to decide."""
    order_id = await town.send(number, *lines, **changes)
    await town.house.hub.pool.execute(HANDS, order_id)
    return order_id


def page_of(order_id: str) -> str:
    return f"/console/orders/{order_id}"


async def act(guest: Guest, order_id: str, action: str, **form: str) -> str:
    """Fill in a form of the page that is loaded; what the page says that it leads to."""
    version = re.search(r'name="version" value="(\d+)"', guest.page)
    filled = {"back": page_of(order_id), "version": version[1] if version else "1", **form}
    answer = await guest.post(f"{page_of(order_id)}/{action}", filled)
    await guest.follow(answer)
    return guest.text


def test_every_step_has_its_words_and_every_action_its_form() -> None:
    assert set(STEPS) == set(Step)
    assert set(FORMS) == set(Action) == set(DONE)
    assert set(PRIMARY) < set(Action)


def test_a_retry_says_who_is_asked_again() -> None:
    assert form_of(Action.RETRY, None) == form_of(Action.RETRY, Attention.PARKED) == FORMS[Action.RETRY]
    assert form_of(Action.RESOLVE, Attention.PAYMENT) == FORMS[Action.RESOLVE]
    assert form_of(Action.RETRY, Attention.ORPHAN_TICKET).button == "Retry: ask the POS again"
    assert form_of(Action.RETRY, Attention.PAYMENT).button == "Retry: ask the provider again"


def test_a_form_as_curl_has_whatever_the_call_wants() -> None:
    for form in FORMS.values():
        assert all(field.example for field in form.fields if field.required), form.action
        assert form.operation.request is None or '"version": 7}' in form.curl("https://hub.example", "ord_1", 7)


class Kept(wire.Exchange, kw_only=True, omit_defaults=True, frozen=True):
    """An exchange with what was said in it."""

    request: str | None = None
    answer: str | None = None
    verdict: str | None = None


def test_what_was_said_in_a_call_is_there_to_open_and_is_text() -> None:
    at = "2026-03-14T12:00:00.000Z"
    said = {"request": "<b>bold</b>", "answer": None, "verdict": "the digest is wrong", "exchange_id": "exc_1"}
    kept = Kept(at=at, direction="in", peer="pos", method="POST", path="/x", ms=1.0, status=401, **said)
    [line] = list(calls_of([kept], {}))
    assert (line.call.verdict, line.call.said) == ("the digest is wrong", (("Request", "<b>bold</b>"),))
    page = render("_order_timeline.html", entries=[line], left_out=0, oob=False, spelled_s=spelled_s)
    assert "<details" in page
    assert "&lt;b&gt;bold" in page
    assert "Signature: <bdi>the digest is wrong" in page


async def test_the_page_tells_the_whole_life_of_an_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("NOSH-77-ABCD", tax=Cents(82), tip=Cents(100))
        await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        guest = await a_guest(town, Role.DEVELOPER)
        assert (await guest.get(page_of(order_id))).status == 200
        order = await town.order(order_id)
        for told in (
            "Order ABCD",
            "completed",
            "1 × Burger",
            "Cheese",
            "9.99 USD",
            "the items come to the subtotal",
            "the sums come to the total",
            "the POS's total is the order's",
            "Handed over",
            "order.ready",
            "Webhook to the channel",
            "Call to the POS",
            "Call from the channel",
            "delivered",
            "nothing: it is over",
        ):
            assert told in guest.text, told
        assert "It does not hold" not in guest.text
        copied = [unescape(one) for one in re.findall(r'data-copy="([^"]*)"', guest.page)]
        bare = order_id.removeprefix("ord_")
        ids = {order_id, "NOSH-77-ABCD", f"sub_{bare}", f"val_{bare}", town.venue_id, order.marketplace_id, "LOC-1"}
        assert ids | {str(order.pos_order_id), ORGANIZATION} <= set(copied)
        assert any(one.startswith("evt_") for one in copied)
        assert any(one.startswith("whk_") for one in copied)
        [curl] = [one for one in copied if one.startswith("curl")]
        assert curl == f'curl {town.hub_url}/admin/v1/orders/{order_id} -H "authorization: Bearer $HEARD_ADMIN_KEY"'
        async with town.house.hub.connection() as connection:
            calls = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
        assert guest.page.count('<p class="call">') == len(calls)
        assert [one for one in calls if one.event_id and one.endpoint_id]


async def test_hostile_texts_are_shown_as_text(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        nested = LineModifier(ModifierId("CHEESE"), HOSTILE, 1, Cents(150))
        line = a_line(name=HOSTILE, notes=HOSTILE, modifiers=(nested,))
        order_id = await town.send(f"X{HOSTILE[:40]}", line, customer=Customer(HOSTILE), notes=HOSTILE)
        guest = await a_guest(town, Role.OPERATOR)
        for path in (page_of(order_id), "/console/orders"):
            assert (await guest.get(path)).status == 200
            assert "<script>alert" not in guest.page
        await guest.get(page_of(order_id))
        assert HOSTILE[:25] in unescape(guest.page)
        assert guest.page.count("&lt;script&gt;alert") >= 4


async def test_a_guest_is_masked_for_viewers_who_may_do_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        wishes = "No onions! Else ring +1 555 010 0199"
        order_id = await by_hand(town, "A-1", a_line(notes=wishes), notes=wishes)
        viewer, operator = await a_guest(town, Role.VIEWER), await a_guest(town, Role.OPERATOR)
        await viewer.get(page_of(order_id))
        assert "•••00" in viewer.text
        assert "•••a" in viewer.text
        assert not [one for one in ("+15550100", "ada@guests", "Ada", "0199") if one in viewer.page]
        assert viewer.page.count("No onions! Else ring") == 2
        assert f"{page_of(order_id)}/accept" not in viewer.page
        answer = await viewer.post(f"{page_of(order_id)}/accept", {"version": "1"})
        assert (answer.status, b"operator" in answer.body) == (403, True)
        assert (await town.order(order_id)).status is Status.AWAITING_STAFF
        await operator.get(page_of(order_id))
        assert "+15550100" in operator.text
        assert operator.page.count(wishes) == 2
        assert "ada@guests.example" in operator.text
        assert f"{page_of(order_id)}/accept" in operator.page


async def test_staff_take_an_order_through_the_kitchen(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await by_hand(town, "A-1")
        guest = await a_guest(town, Role.OPERATOR)
        for action, form, status in (
            ("accept", {"prep_time_min": "15"}, Status.CONFIRMED),
            ("eta", {"ahead_min": "25"}, Status.CONFIRMED),
            ("start", {}, Status.IN_PREP),
            ("ready", {}, Status.READY),
            ("complete", {}, Status.COMPLETED),
        ):
            await guest.get(page_of(order_id))
            before = (await town.order(order_id)).version
            assert f'value="{before}"' in guest.page
            said = await act(guest, order_id, action, **form)
            assert (await town.order(order_id)).status is status, said
        assert "operator" in guest.text  # whose hand it was
        deeds = await town.house.hub.pool.fetch(
            "SELECT call FROM console_deeds WHERE about = $1 ORDER BY deed_id", order_id
        )
        assert [one["call"] for one in deeds] == [
            "accept_order",
            "move_eta",
            "start_order",
            "finish_order",
            "complete_order",
        ]


async def test_an_order_is_rejected_with_a_reason_of_the_closed_list_only(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await by_hand(town, "A-1")
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get(page_of(order_id))
        assert "unknown_word" in await act(guest, order_id, "reject", reason_code="bored") or "one of" in guest.text
        assert (await town.order(order_id)).status is Status.AWAITING_STAFF
        await act(guest, order_id, "reject", reason_code="item_unavailable", reason="out of <b>buns</b>")
        order = await town.order(order_id)
        assert (order.status, order.reason) == (Status.REJECTED, "out of <b>buns</b>")
        assert "out of &lt;b&gt;buns" in guest.page


async def test_of_two_who_act_the_second_is_told_and_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await by_hand(town, "A-1")
        first, second = await a_guest(town, Role.OPERATOR, "first"), await a_guest(town, Role.OPERATOR, "second")
        await first.get(page_of(order_id))
        await second.get(page_of(order_id))
        live = unescape(re.search(r'hx-get="(/console/orders/[^"]*)"', second.page)[1])  # type: ignore[index]
        assert (await second.get(live)).status == 204
        await act(first, order_id, "accept", prep_time_min="15")
        news = (await second.get(live)).body.decode()
        assert "The order has changed since this page was loaded" in news
        assert "Staff accepted it" in news
        assert 'hx-swap-oob="true"' in news
        assert '<form class="row"' not in news  # what somebody types stays
        accepted = await town.order(order_id)
        await second.get(page_of(order_id))
        said = await act(second, order_id, "cancel", reason_code="other", version=str(accepted.version - 1))
        assert "somebody was quicker" in said
        assert "confirmed" in said
        assert await town.order(order_id) == accepted
        late = await act(second, order_id, "start", version=str(accepted.version - 1))
        assert "somebody was quicker" in late
        assert await town.order(order_id) == accepted


async def test_what_is_no_good_is_said_and_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await by_hand(town, "A-1")
        guest = await a_guest(town, Role.OPERATOR)
        for form in ({"prep_time_min": "soon"}, {"prep_time_min": "99999"}, {"version": "x"}, {"version": ""}):
            await guest.get(page_of(order_id))
            await act(guest, order_id, "accept", **form)
            assert '<p class="notice bad">' in guest.page, form
        forged = await guest.post(f"{page_of(order_id)}/accept", {"form_key": "0" * 64, "version": "1"})
        elsewhere = await guest.post(f"{page_of(order_id)}/accept", {"version": "1"}, origin="https://evil.example")
        resend = await guest.post(f"{page_of(order_id)}/resend", {"event_id": "evt_1"})
        assert [one.status for one in (forged, elsewhere, resend)] == [403, 403, 403]
        assert (await town.order(order_id)).status is Status.AWAITING_STAFF
        nothing = await guest.post(f"{page_of(order_id)}/eat", {"back": page_of(order_id)})
        await guest.follow(nothing)
        assert "There is no such action" in guest.text


async def test_an_unknown_order_and_one_of_others_are_not_there(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        before = await town.order(order_id)
        await town.house.hub.pool.execute("INSERT INTO organizations (organization_id) VALUES ('other')")
        ours, theirs = await a_guest(town), await a_guest(town, login="them", whose=OrganizationId("other"))
        for guest, wanted in ((ours, "ord_01kk0000000000000000000009"), (ours, "x"), (theirs, order_id)):
            for path in (page_of(wanted), f"{page_of(wanted)}/live"):
                answer = await guest.get(path)
                assert (answer.status, b"There is no order" in answer.body) == (404, True)
        await theirs.get("/console")
        assert "There is no order" in await act(theirs, order_id, "cancel", reason_code="other", back="/console")
        assert (await Guest(town).get(page_of(order_id))).status == 303
        assert await town.order(order_id) == before


async def test_what_is_parked_is_retried_and_a_refused_order_shows_why(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.REJECTED)
        await town.told(order_id, "order.rejected")
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get(page_of(order_id))
        assert "The POS refused" in guest.text
        assert "Nothing can be asked" in guest.text
        event_id = re.search(r'name="event_id" value="(evt_\w+)"', guest.page)[1]  # type: ignore[index]
        assert "It goes out again" in await act(guest, order_id, "resend", event_id=event_id)
        await town.house.hub.pool.execute("UPDATE orders SET attention = 'orphan_ticket' WHERE order_id = $1", order_id)
        await guest.get(page_of(order_id))
        assert "take it off there" in guest.text
        assert "fill in" in await act(guest, order_id, "resolve", note=" ")
        assert "Marked as resolved" in await act(guest, order_id, "resolve", note="rang the kitchen")
        assert "rang the kitchen" in guest.text
        assert (await town.order(order_id)).attention is None


async def test_what_a_pos_says_of_a_guest_is_masked_for_everybody(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        order_id = await town.send("A-1", customer=Customer("Ada Byron", "+15550100"))
        await town.until(order_id, Status.REJECTED)
        said = "Byron owes us since May, and 555-010-0199 does not answer"
        await town.house.hub.pool.execute("UPDATE orders SET reason = $2 WHERE order_id = $1", order_id, said)
        await town.house.hub.pool.execute(
            "UPDATE order_history SET note = $2 WHERE order_id = $1 AND by = 'pos'", order_id, said
        )
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get(page_of(order_id))
        assert "owes us since May" in guest.text
        assert not [one for one in ("Byron owes", "0199") if one in guest.page]


async def test_totals_of_a_channel_are_added_up_again(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        deep = LineModifier(ModifierId("CHEESE"), "Cheese", 2, Cents(150))
        line = a_line(product_id=ProductId("BURGER"), quantity=3, modifiers=(deep,))
        order_id = await town.send("A-1", line, discount=Cents(97), delivery_fee=Cents(200))
        guest = await a_guest(town, Role.VIEWER)
        await guest.get(page_of(order_id))
        assert "38.97 USD" in guest.text
        assert "-0.97 USD" in guest.text
        assert "40.00 USD" in guest.text
        sql = "UPDATE orders SET pos_total = total + 5 WHERE order_id = $1"
        await town.house.hub.pool.execute(sql, order_id)
        await guest.get(page_of(order_id))
        assert "It does not hold that the POS's total is the order's: off by 0.05 USD" in guest.text


async def test_a_ticket_that_the_pos_kept_is_asked_for_again_and_the_page_says_why_and_what_came_of_it(
    dsn: str,
) -> None:
    async with a_town(dsn, pace=replace(QUICK, start_s=60)) as town:
        order_id = await kept(town, "A-1", CancelMood.LOCKED)
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get(page_of(order_id))
        for told in (
            "The order is cancelled, and the POS kept the ticket: the kitchen may cook it.",
            "The POS said: the till is locked",
            "→ Retry asks the POS once more to take it back.",
            "cancelled by guest: the guest changed their mind",
            "Retry: ask the POS again",
        ):
            assert told in guest.text, told
        assert "The POS took the ticket back." not in guest.text
        await act(guest, order_id, "retry")
        await order_that(town, order_id, lambda order: order.ticket is Ticket.CANCELLED)
        await guest.get(page_of(order_id))
        for told in ("✓ The POS took the ticket back.", "No ticket is left in the POS", "Nothing can be asked"):
            assert told in guest.text, told
        assert "The POS said" not in guest.text


async def test_a_page_without_forms_does_not_warn_that_they_are_old(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        guest = await a_guest(town, Role.OPERATOR)
        old = "The order has changed since this page was loaded"
        for forms, warned in (("0", False), ("1", True)):
            answer = await guest.get(f"{page_of(order_id)}/live?version=1&forms={forms}")
            assert ((old in answer.body.decode()), "Handed over" in answer.body.decode()) == (warned, True)
        await town.house.hub.pool.execute("UPDATE orders SET attention = 'payment' WHERE order_id = $1", order_id)
        answer = await guest.get(f"{page_of(order_id)}/live?version=1&forms=0")
        assert old in answer.body.decode()  # there are forms now, which the page has not
