"""The failures page: every cause in plain words, mended after a look that touches nothing, and only as seen."""

import asyncio
import html
import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from builders import LOCATION, ORGANIZATION, a_store
from heard.console.causes import Fix, told
from heard.console.masks import masked
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import EndpointId, EventId, LocationId, OrderId, OrganizationId, VenueId
from heard.domain.order import commands as c
from heard.domain.order.model import Attention, ReasonCode, Status, Ticket
from heard.domain.people import Role
from heard.engine.act_on_order import act_on_order
from heard.engine.add_parties import add_store
from heard.engine.resend_events import resend_event
from heard.sandbox.pos import CancelMood, Mood
from heard.storage.failures import Cause, Group, Kind
from lengths import patience
from mishaps import kept, order_that
from parties import QUICK, Town, a_town
from visiting import Guest, a_guest

HOSTILE = "<script>alert(1)</script>\u202egnp.exe " + "🍕" * 200


def links_to(guest: Guest, start: str) -> list[str]:
    """Where the page that was loaded last leads, of what begins so."""
    return [one.replace("&amp;", "&") for one in re.findall(r'href="([^"]+)"', guest.page) if one.startswith(start)]


def filled(guest: Guest) -> dict[str, str]:
    """The hidden fields of the form that mends; its checkboxes come with `chosen`."""
    form = guest.page.split('action="/console/failures/cause/fix"', 1)[1].split("</form>", 1)[0]
    return {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


def chosen(guest: Guest) -> list[str]:
    return re.findall(r'name="one" value="([^"]+)" checked', guest.page)


async def park(town: Town, number: str) -> OrderId:
    """An order that was never worked on, and is parked."""
    order_id = await town.send(number)
    await town.house.hub.pool.execute(
        "UPDATE orders SET parked = true, attention = 'parked', next_at = NULL WHERE order_id = $1", order_id
    )
    return order_id


async def states(town: Town) -> list[tuple[str, int]]:
    rows = await town.house.hub.pool.fetch("SELECT parked, version FROM orders ORDER BY order_id LIMIT 100")
    return [tuple(row) for row in rows]


async def test_why_the_pos_refused_an_order_stands_there_in_plain_words(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        first = await town.send("A-1")
        await town.until(first, Status.REJECTED)
        second = await town.send("A-2")
        await town.until(second, Status.REJECTED)
        guest = await a_guest(town, Role.VIEWER)
        await guest.get("/console/failures")
        assert "The POS refused it: item not available." in guest.text
        assert "the kitchen is out of an item" in guest.text
        assert "Take the item off the menu" in guest.text
        [cause] = links_to(guest, "/console/failures/cause")
        await guest.get(cause)
        assert {f"/console/orders/{first}", f"/console/orders/{second}"} <= set(links_to(guest, "/console/orders/"))
        await guest.get("/console/failures/count")
        assert ">1<" in guest.page


async def test_what_a_guest_or_the_staff_ended_is_no_failure(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get("/console/failures")
        assert "Nothing failed" in guest.text
        hub = town.house.hub
        order_id = await park(town, "A-1")
        await act_on_order(hub, order_id, c.RejectOrder(ReasonCode.OTHER, "we are out of soup"))
        cancelled = await town.send("A-2")
        await town.house.hub.pool.execute(
            "UPDATE orders SET status = 'cancelled', cancelled_by = 'channel' WHERE order_id = $1", cancelled
        )
        await guest.get("/console/failures")
        assert "Nothing failed" in guest.text
        await guest.get("/console/failures/count")
        assert guest.page.strip() == ""


async def test_the_look_before_touches_nothing_and_retrying_works_the_orders(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        ids = [await park(town, f"A-{n}") for n in range(3)]
        before = await states(town)
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get("/console/failures")
        [cause] = links_to(guest, "/console/failures/cause")
        await guest.get(cause)
        retry, resolve = links_to(guest, "/console/failures/cause/fix")
        await guest.get(retry)
        assert "Nothing is done yet." in guest.text
        assert [one.split()[0] for one in chosen(guest)] == sorted(ids, reverse=True)
        assert await states(town) == before

        # Somebody is quicker with one of them, and one is not chosen.
        await act_on_order(town.house.hub, ids[0], c.Unpark(c.STAFF), acting="somebody")
        now = await states(town)
        form = filled(guest) | {"one": "\n".join(chosen(guest)[1:])}
        answer = await guest.post("/console/failures/cause/fix", form)
        said = answer.body.decode()
        assert answer.status == 200
        assert ("1 done" in said, "1 changed meanwhile" in said, "0 refused" in said) == (True, True, True)
        after = await states(town)
        assert after[0] == now[0]
        assert [parked for parked, _ in after] == [False, False, True]
        note = await town.house.hub.pool.fetch(
            "SELECT call, about, outcome FROM console_deeds WHERE call = 'retry_order' ORDER BY deed_id LIMIT 9"
        )
        assert [tuple(one) for one in note] == [
            ("retry_order", ids[0], "order_conflict"),
            ("retry_order", ids[1], "done"),
        ]
        line = (await town.history(ids[1]))[-1]
        assert ("operator" in str(line), line.changed) == (True, True)

        # The same form again: nothing is done twice.
        again = await guest.post("/console/failures/cause/fix", form)
        assert "0 done" in again.body.decode()
        assert await states(town) == after
        await guest.get(resolve)
        assert "None of these can be marked resolved" in guest.text  # what is parked on its way must be decided


async def test_tickets_that_a_pos_kept_are_told_apart_by_why_and_asked_for_again(dsn: str) -> None:
    async with a_town(dsn, pace=replace(QUICK, start_s=60)) as town:
        await kept(town, "A-1", CancelMood.UNSERVED)
        locked = {await kept(town, f"A-{n}", CancelMood.LOCKED) for n in (2, 3)}
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get("/console/failures")
        assert guest.text.count("the POS kept the ticket: the kitchen may cook it.") == 2
        assert "the POS answered 404" in guest.text
        [cause] = [one for one in links_to(guest, "/console/failures/cause") if "till" in one]
        await guest.get(cause)
        assert "the till is locked → Retry asks the POS once more" in guest.text
        await guest.get(links_to(guest, "/console/failures/cause/fix")[0])
        assert {one.split()[0] for one in chosen(guest)} == locked
        answer = await guest.post("/console/failures/cause/fix", filled(guest) | {"one": "\n".join(chosen(guest))})
        assert (b"2 done" in answer.body, b"each order's page has what came of it" in answer.body) == (True, True)
        for one in locked:
            await order_that(town, one, lambda order: order.ticket is Ticket.CANCELLED)
        await guest.get("/console/failures")
        assert ("the till is locked" in guest.text, "the POS kept the ticket" in guest.text) == (False, True)


async def test_several_are_resolved_with_one_note_and_not_without(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        ids = [await town.send(f"A-{n}") for n in range(2)]
        await town.house.hub.pool.execute(
            "UPDATE orders SET status = 'confirmed', ticket = 'placed', attention = 'totals_differ', next_at = NULL"
        )
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get("/console/failures")
        assert "another total than the guest paid" in guest.text
        await guest.get(links_to(guest, "/console/failures/cause")[0])
        [resolve] = links_to(guest, "/console/failures/cause/fix")
        await guest.get(resolve)
        form = filled(guest) | {"one": "\n".join(chosen(guest))}
        refused = await guest.post("/console/failures/cause/fix", form | {"note": "  "})
        await guest.follow(refused)
        assert "nothing was done" in guest.text
        await guest.get(resolve)
        answer = await guest.post("/console/failures/cause/fix", form | {"note": "the till had old prices"})
        assert b"2 done" in answer.body
        for order_id in ids:
            assert (await town.order(order_id)).attention is None
            assert (await town.history(order_id))[-1].note == "the till had old prices (operator)"
        gone = await guest.get(resolve)
        assert (gone.status, "Nothing fails for this cause any more" in guest.text) == (404, True)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_a_role_that_may_not_is_told_so_and_nothing_happens(dsn: str, role: Role) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await park(town, "A-1")
        event_id, endpoint_id = await a_dead_letter(town)
        guest = await a_guest(town, role)
        cause = {"kind": "delivery", "place": endpoint_id, "code": "dead", "text": "the endpoint answered 503"}
        form = cause | {"do": "resend", "one": f"{event_id} {endpoint_id} dead"}
        assert (await guest.get(f"/console/failures/cause/fix?{urlencode(cause | {'do': 'resend'})}")).status == 403
        for path, fields in (
            ("/console/failures/cause/fix", form),
            (f"/console/failures/events/{event_id}/resend", {}),
            (f"/console/endpoints/{endpoint_id}/disable", {"reason": "x"}),
            (f"/console/endpoints/{endpoint_id}/resend", {"until": "2030-01-01T00:00:00Z"}),
        ):
            await guest.get("/console")
            assert (await guest.post(path, fields)).status == 403, path
        await guest.get(f"/console/failures/events/{event_id}")
        assert "Send it again" not in guest.text
        row = await town.house.hub.pool.fetchrow("SELECT state, attempts FROM deliveries LIMIT 1")
        assert tuple(row) == ("dead", 7)
        if role is Role.VIEWER:
            await guest.get("/console")
            lines = {
                "kind": "attention",
                "place": town.venue_id,
                "code": "parked",
                "do": "retry",
                "one": f"{order_id} 1",
            }
            assert (await guest.post("/console/failures/cause/fix", lines)).status == 403
            assert (await town.order(order_id)).parked


async def a_dead_letter(town: Town, n: int = 1, error: str = "the endpoint answered 503") -> tuple[EventId, EndpointId]:
    """Some events that the marketplace's endpoint did not take; the first of them."""
    hub, pool = town.house.hub, town.house.hub.pool
    endpoint_id, marketplace_id = await pool.fetchrow("SELECT endpoint_id, marketplace_id FROM endpoints LIMIT 1")
    now = await hub.now()
    ids = sorted(hub.new_id("evt", now) for _ in range(n))
    for number, event_id in enumerate(ids, 1):
        body = (
            b'{"id": "%s", "type": "order.confirmed", "data": {"customer": {"name": "Ada Lovelace", "phone": "555"}}}'
        )
        await pool.execute(
            "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
            " VALUES ($1, $2, $3, 'ord_x', $4, 'confirmed', $5, now())",
            ORGANIZATION, event_id, marketplace_id, number, body % event_id.encode(),
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, state,"
            " attempts, give_up_at, dead_at, last_error)"
            " VALUES ($1, $2, $3, 'ord_x', 'ord_x', $4, 'dead', 7, now(), now(), $5)",
            ORGANIZATION, event_id, endpoint_id, number, error,
        )  # fmt: skip
    return EventId(ids[0]), EndpointId(endpoint_id)


async def test_dead_letters_go_out_again_one_many_and_all_unless_they_were_sent_meanwhile(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        event_id, endpoint_id = await a_dead_letter(town, 4)
        pool = town.house.hub.pool
        dead = "SELECT event_id FROM deliveries WHERE state = 'dead' ORDER BY event_id LIMIT 9"
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get("/console/failures")
        assert "Their server failed: it answered 503, and the hub has given up." in guest.text
        await guest.get(links_to(guest, "/console/failures/cause")[0])
        [resend] = links_to(guest, "/console/failures/cause/fix")
        await guest.get(resend)
        assert len(chosen(guest)) == len(await pool.fetch(dead)) == 4

        # One goes out from its own page meanwhile; the form that saw it dead sends it no second time.
        await guest.get(f"/console/failures/events/{event_id}")
        assert ("Ada" in guest.page, "555" in guest.page, "•••" in guest.page) == (False, False, True)
        one = f"/console/failures/events/{event_id}/resend"
        seen = {"endpoint_id": endpoint_id, "state": "dead"}
        await guest.follow(await guest.post(one, seen))
        assert "It goes out again to 1 endpoint." in guest.text
        await guest.follow(await guest.post(one, seen))
        assert "Nothing was done. The delivery" in guest.text
        await pool.execute("UPDATE deliveries SET state = 'delivered', next_at = NULL WHERE event_id = $1", event_id)
        await guest.get(resend)
        lines = [*chosen(guest)[:2], f"{event_id} {endpoint_id} dead"]
        answer = await guest.post("/console/failures/cause/fix", filled(guest) | {"one": "\n".join(lines)})
        came = re.findall(r"evt_\w+(?=</a></td>)", answer.body.decode())
        assert came == sorted(came)  # an order's later events never before its earlier ones
        assert (b"2 done" in answer.body, b"1 changed meanwhile" in answer.body) == (True, True)
        assert await pool.fetchval("SELECT state FROM deliveries WHERE event_id = $1", event_id) == "delivered"

        # The rest of the endpoint's: after a look, and nothing that is dead since.
        assert len(await pool.fetch(dead)) == 1
        await guest.get(f"/console/endpoints/{endpoint_id}/resend")
        assert ("Nothing is done yet. 1 event goes" in guest.text, len(await pool.fetch(dead))) == (True, 1)
        until = re.findall(r'name="until" value="([^"]+)"', guest.page)[0]
        answer = await guest.post(f"/console/endpoints/{endpoint_id}/resend", {"until": until})
        assert (b"1 event is" in answer.body, await pool.fetch(dead)) == (True, [])


async def test_what_was_given_up_arrives_once_it_is_sent_again(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        pool = town.house.hub.pool
        await pool.execute(
            "UPDATE deliveries SET state = 'dead', dead_at = now(), last_error = 'the endpoint answered 503',"
            " next_at = NULL, lease_until = NULL WHERE order_id = $1",
            order_id,
        )
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get("/console/failures")
        await guest.get(links_to(guest, "/console/failures/cause")[0])
        await guest.get(links_to(guest, "/console/failures/cause/fix")[0])
        answer = await guest.post("/console/failures/cause/fix", filled(guest) | {"one": "\n".join(chosen(guest))})
        assert b"0 refused" in answer.body
        async with patience():
            while await pool.fetchval("SELECT count(*) FROM deliveries WHERE state <> 'delivered'"):
                await asyncio.sleep(0.05)
        await guest.get("/console/failures")
        assert "Nothing failed" in guest.text


async def test_an_endpoint_is_disabled_enabled_and_says_how_it_does(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        _, endpoint_id = await a_dead_letter(town)
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get("/console/endpoints")
        assert ("✓ well" in guest.text, "Send again what is dead" in guest.text) == (True, True)
        answer = await guest.post(f"/console/endpoints/{endpoint_id}/disable", {"reason": HOSTILE})
        await guest.follow(answer)
        assert "✕ disabled" in guest.text
        assert "<script>alert" not in guest.page
        await guest.follow(await guest.post(f"/console/endpoints/{endpoint_id}/disable", {"reason": "again"}))
        assert "It was disabled already; nothing was done." in guest.text
        await guest.get("/console/failures")
        assert "The hub sends nothing there any more." in guest.text
        assert "<script>alert" not in guest.page
        await guest.get(f"/console/endpoints/{endpoint_id}/resend")
        assert "nothing can be sent there until it is enabled" in guest.text
        await guest.get("/console/endpoints")
        await guest.follow(await guest.post(f"/console/endpoints/{endpoint_id}/enable"))
        assert ("The endpoint is enabled." in guest.text, "1 event goes" in guest.text) == (True, True)


async def test_hostile_reasons_are_text_wherever_they_stand(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        pool = town.house.hub.pool
        await pool.execute(
            "UPDATE orders SET status = 'rejected', reason_code = 'pos_refused', reason = $1, next_at = NULL", HOSTILE
        )
        event_id, _ = await a_dead_letter(town, 1, HOSTILE)
        await pool.execute(
            "UPDATE menu_fetches SET outcome = 'refused', fetched_at = now(), fault_count = 1,"
            " faults = json_build_array(json_build_object('path', $1::text, 'message', $1::text))",
            HOSTILE,
        )
        await pool.execute("UPDATE pos_health SET open_since = now(), probe_at = now(), last_fault = $1", HOSTILE)
        await pool.execute("UPDATE stores SET name = $1", HOSTILE)
        await pool.execute("UPDATE marketplaces SET name = $1", HOSTILE[:60])
        guest = await a_guest(town, Role.ADMIN)
        await guest.get("/console/failures")
        causes = links_to(guest, "/console/failures/cause")
        assert len(causes) == 4
        pages = ["/console/failures", *causes, f"/console/failures/events/{event_id}", "/console/endpoints"]
        for page in pages:
            answer = await guest.get(page)
            assert (answer.status, "<script>alert" in guest.page) == (200, False), page
        resend = next(one for one in causes if "kind=delivery" in one).replace("cause?", "cause/fix?do=resend&")
        await guest.get(resend)
        answer = await guest.post("/console/failures/cause/fix", filled(guest) | {"one": "\n".join(chosen(guest))})
        assert (b"1 done" in answer.body, b"<script>alert" in answer.body) == (True, False)
        assert (await town.order(order_id)).status is Status.REJECTED


async def test_what_is_not_ours_to_ask_for_gets_a_clear_page(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.ADMIN)
        for path in (
            "/console/failures/cause",
            "/console/failures/cause?kind=nonsense&place=x",
            "/console/failures/cause?kind=attention&place=ven_none&code=parked",
            "/console/failures/cause?kind=attention&place=x&page=-1",
            "/console/failures/cause?kind=attention&place=x&page=9999",
            "/console/failures/cause/fix?kind=attention&place=x&do=burn",
            "/console/failures/events/evt_none",
            "/console/endpoints/whk_none/resend",
        ):
            assert (await guest.get(path)).status == 404, path
        assert (await guest.get("/console/failures/cause?kind=attention&place=%00")).status == 422
        await guest.get("/console")
        for one in ("", "x", "ord_x twelve", "\n".join(f"ord_{n} 1" for n in range(101))):
            form = {"kind": "attention", "place": "x", "do": "retry", "one": one}
            assert (await guest.post("/console/failures/cause/fix", form)).status == 303
        form = {"kind": "attention", "place": town.venue_id, "do": "retry", "one": "ord_none 1"}
        answer = await guest.post("/console/failures/cause/fix", form)
        assert b"1 refused" in answer.body


async def test_another_organizations_failures_are_unknown(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await park(town, "A-1")
        event_id, endpoint_id = await a_dead_letter(town)
        other = OrganizationId("elsewhere")
        store = a_store(organization_id=other, venue_id=VenueId("ven_else"), location_id=LocationId(f"{LOCATION}-2"))
        await add_store(town.house.hub, store)
        guest = await a_guest(town, Role.ADMIN, whose=other)
        await guest.get("/console/failures")
        assert "Nothing failed" in guest.text
        cause = f"/console/failures/cause?kind=attention&place={town.venue_id}&code=parked"
        assert (await guest.get(cause)).status == 404
        for path in (f"/console/failures/events/{event_id}", f"/console/endpoints/{endpoint_id}/resend"):
            assert (await guest.get(path)).status == 404, path
        await guest.get("/console")
        for do, one in (("retry", f"{order_id} 1"), ("resend", f"{event_id} {endpoint_id} dead")):
            form = {"kind": "attention", "place": town.venue_id, "do": do, "one": one}
            assert b"1 refused" in (await guest.post("/console/failures/cause/fix", form)).body
        assert (await town.order(order_id)).parked
        everybody = await a_guest(town, Role.ADMIN, login="owner", whose=None)
        await everybody.get("/console/failures")
        assert len(links_to(everybody, "/console/failures/cause")) == 2


async def test_a_replay_by_state_is_refused_where_the_delivery_has_changed(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        event_id, endpoint_id = await a_dead_letter(town)
        hub = town.house.hub
        assert await resend_event(hub, event_id, endpoint_id, ORGANIZATION, DeliveryState.DEAD) == 1
        with pytest.raises(Exception, match="is due by now"):
            await resend_event(hub, event_id, endpoint_id, ORGANIZATION, DeliveryState.DEAD)


def test_every_cause_there_can_be_has_words() -> None:
    now = a_store  # any value: no word depends on the time
    for word in Attention:
        said = told(Group(Cause(Kind.ATTENTION, "ven", word, "why"), ORGANIZATION, "x", None, 1, now, now))  # type: ignore[arg-type]
        assert (bool(said.what), bool(said.then), Fix.RESEND in said.fixes, said.said) == (True, True, False, "why")
    for status in (Status.REJECTED, Status.FAILED, Status.CANCELLED):
        for reason in ReasonCode:
            cause = Cause(Kind.ENDED, "ven", f"{status}/{reason}", "why")
            assert told(Group(cause, ORGANIZATION, "x", None, 1, now, now)).said == "why"  # type: ignore[arg-type]


def test_what_waited_for_an_endpoint_that_is_enabled_by_now_is_no_fault_of_its_server() -> None:
    cause = Cause(Kind.DELIVERY, "whk", "dead", "the endpoint is disabled: it answered 503 all night")
    now = a_store  # any value
    for off, what in ((True, "The endpoint is disabled"), (False, "The endpoint was disabled")):
        group = Group(cause, ORGANIZATION, "x", None, 1, now, now, off)  # type: ignore[arg-type]
        assert told(group).what == f"{what}, and the hub has given up."


def test_nothing_of_a_guest_is_left_in_what_is_shown() -> None:
    body = {
        "data": {"customer": {"name": "Ada", "address": {"street": "Main", "lines": ["1", 2]}}, "email": "a@b"},
        "items": [{"name": "Soup", "quantity": 2}],
    }
    assert masked(body) == {
        "data": {"customer": {"name": "•••", "address": {"street": "•••", "lines": ["•••", "•••"]}}, "email": "•••"},
        "items": [{"name": "Soup", "quantity": 2}],
    }
