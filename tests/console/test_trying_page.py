"""A recorded order is edited and sent to a sandbox: what comes of it, what is refused where, and what never happens."""

import json
from typing import Any

from asking import credentials, rows
from builders import a_line, a_store
from counter import TOTAL, a_counter
from heard import limits
from heard.domain.ids import LocationId, OrderId, OrganizationId, VenueId, id_from_uuid
from heard.domain.order.content import Customer
from heard.domain.order.model import Party, Status
from heard.domain.people import Role
from heard.domain.stores import StoreRules
from heard.engine.add_parties import add_store
from heard.engine.disconnect_store import disconnect_store
from heard.engine.pause_store import pause_store, resume_store
from heard.engine.publish_menu import unpublish_menu
from heard.sandbox.pos import Mood
from ordering import data_of
from parties import Town, a_town
from trying import a_kitchen, is_sandbox, offered, page_of, typed
from visiting import Guest, a_guest, deeds

HOSTILE = '</textarea><script>alert("x")</script>\u202e&amp; "quoted" 🍔'
GUEST = Customer("Ada Lovelace", "+15550100", "ada@guests.example")
OPEN = (Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)


async def body_of(guest: Guest, order_id: str) -> dict[str, Any]:
    """The order as the page offers it to be edited."""
    assert (await guest.get(page_of(order_id))).status == 200
    body: dict[str, Any] = json.loads(typed(guest.page))
    return body


async def test_an_order_that_its_pos_refused_is_edited_and_taken_by_the_sandboxs_pos(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town, a_kitchen(town) as kitchen:
        order_id = await town.send("NOSH-1", a_line(quantity=2, notes="for Ada"), customer=GUEST, notes="ring for Ada")
        await town.until(order_id, Status.REJECTED)
        guest = await a_guest(town, Role.DEVELOPER)
        await guest.get(f"/console/orders/{order_id}")
        assert f'href="{page_of(order_id)}"' in guest.page
        await guest.get(f"/console/drawer/rows?page=/console/orders/{order_id}")
        assert f'href="{page_of(order_id)}"' in guest.page
        body = await body_of(guest, order_id)
        assert [one for one in ("Ada", "Lovelace", "15550100", "ada@guests") if one in guest.page] == []
        assert (body["customer"]["name"], body["items"][0]["notes"]) == ("••• ••••••••", "••• •••")
        assert (body["external_order_id"][:4], "venue_id" in body) == ("TRY-", False)
        [place] = offered(guest)
        body["items"][0]["quantity"] = 1
        body |= {"subtotal": 1149, "total": 1149}
        text = json.dumps(body, indent=2, ensure_ascii=False).replace("\n", "\r\n")
        answer = await guest.post(page_of(order_id), {"place": place, "body": text})
        tried = OrderId(answer.headers["location"].rpartition("/")[2])
        order = await town.until(tried, *OPEN)
        assert (order.venue_id, order.external_order_id) == (kitchen.venue_id, body["external_order_id"])
        assert (order.marketplace_id, order.total) == (credentials(town)["client_id"], 1149)
        assert (kitchen.has_ticket(tried), town.tickets(tried)) == (True, [])
        received = (await town.history(tried))[0]
        assert (received.by, received.note) == ("channel", "edited and sent to try it out, by developer")
        await guest.follow(answer)
        assert f"{body['external_order_id']} is at the sandbox" in guest.text
        assert "Sent by hand, to try it out" in guest.text
        assert (await deeds(town))[-1] == ("developer", "try_order", "done")
        assert (await town.order(order_id)).status is Status.REJECTED


async def test_only_developers_edit_orders(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place = await town.send("A-1"), await is_sandbox(town)
        before = await rows(town)
        for role in (Role.VIEWER, Role.OPERATOR):
            guest = await a_guest(town, role)
            await guest.get(f"/console/orders/{order_id}")
            assert page_of(order_id) not in guest.page
            for answer in (
                await guest.get(page_of(order_id)),
                await guest.post(page_of(order_id), {"place": place, "body": "{}"}),
            ):
                assert (answer.status, f"you are {role}".encode() in answer.body) == (403, True)
        assert await rows(town) == before


async def test_a_store_that_is_no_sandbox_gets_nothing_whatever_the_form_says(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, guest = await town.send("A-1"), await a_guest(town, Role.DEVELOPER)
        text = json.dumps(await body_of(guest, order_id))
        assert offered(guest) == []
        assert "There is no store to try it out at" in guest.text
        before, place = await rows(town), await is_sandbox(town)
        await guest.get(page_of(order_id))
        assert offered(guest) == [place]
        assert await town.house.hub.store(town.venue_id) is not None  # which is remembered, and good for nothing here
        await town.house.hub.pool.execute("UPDATE stores SET sandbox = false")
        answer = await guest.post(page_of(order_id), {"place": place, "body": text})
        assert (answer.status, b"is no sandbox" in answer.body) == (409, True)
        assert typed(answer.body.decode()) == text
        assert await rows(town) == before
        assert (await deeds(town))[-1] == ("developer", "try_order", "order_conflict")


async def test_a_marketplace_that_is_not_connected_sends_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place, guest = await town.send("A-1"), await is_sandbox(town), await a_guest(town, Role.DEVELOPER)
        text, before = json.dumps(await body_of(guest, order_id)), await rows(town)
        await disconnect_store(town.house.hub, town.venue_id, "nosh")
        answer = await guest.post(page_of(order_id), {"place": place, "body": text})
        assert (answer.status, b"$.venue_id" in answer.body) == (404, True)
        for forged in ("", "/", town.venue_id, f"{town.venue_id}/mkt_none", f"ven_none/{place.partition('/')[2]}"):
            answer = await guest.post(page_of(order_id), {"place": forged, "body": text})
            assert answer.status in (404, 422), forged
            assert typed(answer.body.decode()) == text
        assert {**await rows(town), "events": 0} == {**before, "events": 0}  # the marketplace is told of the store


WRONG: list[tuple[Any, int, str]] = [
    ("", 400, "The body is not JSON"),
    ("{", 400, "The body is not JSON"),
    ('{\n  "total": 1\n  "tip": 2\n}', 400, "on line 3, character 3"),
    ('{"total": 1, "total": 2}', 400, "&#39;total&#39; stands twice"),
    ('{"total": NaN}', 400, "NaN is not a number"),
    ("[]", 422, "an order is a JSON object"),
    ("null", 422, "an order is a JSON object"),
    ('{"a": 1}, "marketplace": "gobble", "b": {"c": 1}', 400, "The body is not JSON"),
    ({"items": []}, 422, "$.items</code>"),
    ({"items": None}, 422, "$.items</code>"),
    ({"total": 9.99}, 422, "$.total</code>"),
    ({"total": 1}, 422, "$.total</code>"),
    ({"items": [{"item_id": "BURGER", "name": "B", "quantity": "two", "unit_price": 999}]}, 422, "$.items[0].quantity"),
    ({"items": [{"item_id": "X", "name": "X", "quantity": 1, "unit_price": 1149}]}, 422, "item_unavailable"),
    (
        {"items": [{"item_id": "BURGER", "name": "B", "quantity": 1, "unit_price": 1149}]},
        422,
        "$.items[0].unit_price</code>",
    ),
    ({"currency": "EUR"}, 422, "$.currency</code>"),
    ({"external_order_id": 7}, 422, "$.external_order_id</code>"),
    ({"external_order_id": "A-1"}, 409, "$.external_order_id</code>"),
]


async def test_what_is_wrong_is_told_by_its_path_and_the_text_stays(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place, guest = await town.send("A-1"), await is_sandbox(town), await a_guest(town, Role.DEVELOPER)
        whole, before = await body_of(guest, order_id), await rows(town)
        for wrong, status, told in WRONG:
            text = wrong if isinstance(wrong, str) else json.dumps({**whole, **wrong})
            answer = await guest.post(page_of(order_id), {"place": place, "body": text})
            page = answer.body.decode()
            assert (answer.status, told in page) == (status, True), (text, page)
            assert (typed(page), f'value="{place}" selected' in page) == (text, True)
        assert await rows(town) == before
        answer = await guest.post(page_of(order_id), {"place": place, "body": json.dumps(whole)})
        assert answer.status == 303, "the number that was refused is still free"


async def test_hostile_texts_are_shown_as_text(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        await town.house.hub.pool.execute("UPDATE stores SET name = $1", HOSTILE)
        order_id, place = await town.send("A-1", a_line(name=HOSTILE)), await is_sandbox(town)
        guest = await a_guest(town, Role.DEVELOPER)
        assert (await body_of(guest, order_id))["items"][0]["name"] == HOSTILE
        assert "<script>alert" not in guest.page
        for text in (HOSTILE, "\n\n  {" + HOSTILE, json.dumps({HOSTILE: HOSTILE, "items": {HOSTILE: 1}})):
            answer = await guest.post(page_of(order_id), {"place": place, "body": text})
            page = answer.body.decode()
            assert (typed(page), "<script>alert" in page) == (text, False)


async def test_the_same_form_sent_twice_is_one_order(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place, guest = await town.send("A-1"), await is_sandbox(town), await a_guest(town, Role.DEVELOPER)
        form = {"place": place, "body": json.dumps(await body_of(guest, order_id))}
        answers = [await guest.post(page_of(order_id), form) for _ in range(2)]
        assert [one.status for one in answers] == [303, 303]
        assert answers[0].headers["location"] == answers[1].headers["location"]
        again = await body_of(guest, answers[0].headers["location"].rpartition("/")[2])
        assert again["external_order_id"] != json.loads(form["body"])["external_order_id"]
        assert (await rows(town))["orders"] == 2


async def test_nothing_of_another_organization_is_read_or_sent_to(dsn: str) -> None:
    other = OrganizationId("other")
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        venue_id = VenueId(hub.new_id("ven", await hub.now()))
        theirs = a_store(organization_id=other, venue_id=venue_id, location_id=LocationId("L"))
        await add_store(hub, theirs)
        await hub.pool.execute("UPDATE stores SET sandbox = true")
        order_id, before = await town.send("A-1"), await rows(town)
        stranger, own = await a_guest(town, Role.DEVELOPER, "stranger", other), await a_guest(town, Role.DEVELOPER)
        assert (await stranger.get(page_of(order_id))).status == 404
        await stranger.get("/console")
        form = {"place": f"{town.venue_id}/{credentials(town)['client_id']}", "body": "{}"}
        await stranger.follow(await stranger.post(page_of(order_id), form))
        assert "There is no order" in stranger.text
        text = json.dumps(await body_of(own, order_id))
        assert {one.partition("/")[0] for one in offered(own)} == {town.venue_id}
        place = f"{venue_id}/{credentials(town)['client_id']}"
        answer = await own.post(page_of(order_id), {"place": place, "body": text})
        assert (answer.status, b"There is no store" in answer.body) == (404, True)
        everybody = await a_guest(town, Role.ADMIN, "everybody", None)
        await everybody.get(page_of(order_id))
        assert {one.partition("/")[0] for one in offered(everybody)} == {town.venue_id}
        assert await rows(town) == before


async def test_what_cannot_be_edited_says_why(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, counter = await a_guest(town, Role.DEVELOPER), await a_counter(town)
        placed = data_of(await counter.place(counter.order(await counter.payment(TOTAL))), 201)["order"]
        await guest.get(page_of(id_from_uuid("ord", placed["id"])))
        assert ("came through the Ordering API" in guest.text, "<textarea" in guest.page) == (True, False)
        long = await town.send("A-1", *[a_line(notes="x" * 1_000) for _ in range(limits.TRIED_BYTES_MAX // 1_000)])
        await guest.get(page_of(long))
        assert ("longer than 16 KiB" in guest.text, "<textarea" in guest.page) == (True, False)
        whole = await town.send("A-2", *[a_line() for _ in range(60)])
        assert len((await body_of(guest, whole))["items"]) == 60, "more than is shown in a timeline can be edited"
        too_long = {"place": await is_sandbox(town), "body": "x" * limits.TRY_FORM_BYTES_MAX}
        assert (await guest.post(page_of(whole), too_long)).status == 413


async def test_a_number_that_was_written_with_a_fraction_is_told_as_one(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place, guest = await town.send("A-1"), await is_sandbox(town), await a_guest(town, Role.DEVELOPER)
        text = json.dumps({**await body_of(guest, order_id), "tip": 1.5})
        page = (await guest.post(page_of(order_id), {"place": place, "body": text})).body.decode()
        assert "got `decimal`" in page or "got `float`" in page
        assert "got `str`" not in page


async def test_a_sandbox_is_made_and_named_in_the_console(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, path = await a_guest(town, Role.OPERATOR), f"/console/stores/{town.venue_id}"
        for was, now in (("false", "true"), ("true", "false")):
            await guest.get(path)
            assert ("⚗ sandbox" in guest.text) is (was == "true")
            ticked = {"sandbox": "true"} if now == "true" else {}
            await guest.follow(await guest.post(f"{path}/rules", {"back": path, "was_sandbox": was, **ticked}))
            assert "Changed: sandbox." in guest.text
            await guest.get("/console/stores")
            assert ("⚗ sandbox" in guest.text) is (now == "true")
        assert StoreRules() == (await _store_rules(town))


async def _store_rules(town: Town) -> StoreRules:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store.rules


async def test_a_sandbox_is_closed_as_any_store_is(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, place, guest = await town.send("A-1"), await is_sandbox(town), await a_guest(town, Role.DEVELOPER)
        form = {"place": place, "body": json.dumps(await body_of(guest, order_id))}
        hub, store = town.house.hub, await town.house.hub.store(town.venue_id)
        assert store is not None
        await pause_store(hub, store, Party.STAFF, "water")
        answer = await guest.post(page_of(order_id), form)
        assert (answer.status, b"store_not_accepting" in answer.body) == (422, True)
        assert b"paused: water" in answer.body
        await resume_store(hub, store, Party.STAFF)
        await unpublish_menu(hub, store)
        answer = await guest.post(page_of(order_id), form)
        assert (answer.status, b"menu_not_synced" in answer.body) == (422, True)
        assert (await rows(town))["orders"] == 1
