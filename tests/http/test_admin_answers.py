"""The admin API when all is well: each call answers as its document says, and its pages and filters show what is meant.

`ask` holds every answer of every test to the document; here each call must have been answered well at least once.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from asking import a_key, a_token, an_order_body, ask, ask_json, ask_token, credentials
from heard.domain.order.commands import Park
from heard.domain.order.model import Status
from heard.domain.stores import ConnectorKind
from heard.engine.change_order import change_order
from heard.engine.watch_pos import pos_failed
from heard.http.admin import handlers, routes
from heard.net.call import Answer
from heard.protocols.admin.openapi import admin_document
from heard.protocols.admin.operations import OPERATIONS
from parties import Town, a_town

ADMIN = "/admin/v1"
ORDERS, STORES, MARKETPLACES = f"{ADMIN}/orders", f"{ADMIN}/stores", f"{ADMIN}/marketplaces"
WEBHOOKS, APPLICATIONS = f"{ADMIN}/webhooks", f"{ADMIN}/applications"
Example = Callable[[Town, str], Awaitable[list[Answer]]]


async def got(town: Town, key: str, path: str) -> Any:
    answer = await ask(town, "GET", path, token=key)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def posted(town: Town, key: str, path: str, **body: object) -> Answer:
    return await ask_json(town, path, json.dumps(body).encode(), key)


async def parked(town: Town, number: str) -> str:
    """An order that is worked on no more until a person looks."""
    order_id, store = await town.send(number), await town.house.hub.store(town.venue_id)
    assert store is not None
    await change_order(town.house.hub, store, order_id, [Park("a fault")])
    return order_id


# --- one example of each ----------------------------------------------------------------------------------


def looks(path: str) -> Example:
    async def look(town: Town, key: str) -> list[Answer]:
        return [await ask(town, "GET", path.replace("VENUE", town.venue_id), token=key)]

    return look


def posts(path: str, **body: object) -> Example:
    async def post(town: Town, key: str) -> list[Answer]:
        name = credentials(town)["client_id"]
        return [await posted(town, key, path.replace("CLIENT", name).replace("VENUE", town.venue_id), **body)]

    return post


async def read_order(town: Town, key: str) -> list[Answer]:
    order_id = await town.send("R-1")
    return [await ask(town, "GET", f"{ORDERS}/{order_id}", token=key)]


async def cancel_order(town: Town, key: str) -> list[Answer]:
    """At once while it was not sent; later where the POS has still to say."""
    at_once, waiting = await town.send("C-1"), await town.send("C-2")
    await town.house.hub.pool.execute(
        "UPDATE orders SET status = 'awaiting_pos', ticket = 'pending' WHERE order_id = $1", waiting
    )
    return [await posted(town, key, f"{ORDERS}/{one}/cancel", note="flood") for one in (at_once, waiting)]


async def retry_order(town: Town, key: str) -> list[Answer]:
    return [await ask(town, "POST", f"{ORDERS}/{await parked(town, 'P-1')}/retry", token=key)]


async def try_order(town: Town, key: str) -> list[Answer]:
    await town.house.hub.pool.execute("UPDATE stores SET sandbox = true")
    body = {"marketplace": "nosh", "body": an_order_body(town, "T-1")}
    return [await posted(town, key, f"{STORES}/{town.venue_id}/tries", **body) for _ in range(2)]


def acts(action: str, **body: object) -> Example:
    """Staff act on an order that was accepted by hand; the last action is the one that is shown."""

    async def act(town: Town, key: str) -> list[Answer]:
        order_id = await town.send(f"{action}-1")
        await town.house.hub.pool.execute(
            "UPDATE orders SET status = 'awaiting_staff', attention = 'totals_differ' WHERE order_id = $1", order_id
        )
        if action not in ("accept", "reject", "resolve"):
            assert (await posted(town, key, f"{ORDERS}/{order_id}/accept")).status == 200
        return [await posted(town, key, f"{ORDERS}/{order_id}/{action}", **body)]

    return act


async def one_event(town: Town) -> tuple[str, str]:
    """An event about the town's store, and an endpoint that it goes to."""
    key, place = await a_key(town, "stores"), f"{STORES}/{town.venue_id}"
    for path, body in (("pause", {"reason": "water"}), ("resume", {})):
        assert (await posted(town, key, f"{place}/{path}", **body)).status == 200
    row = await town.house.hub.pool.fetchrow("SELECT event_id, endpoint_id FROM deliveries ORDER BY event_id LIMIT 1")
    assert row is not None
    return row["event_id"], row["endpoint_id"]


def about_webhooks(path: str, **body: object) -> Example:
    async def post(town: Town, key: str) -> list[Answer]:
        hub = town.house.hub
        endpoint_id = await hub.pool.fetchval("SELECT endpoint_id FROM endpoints LIMIT 1")
        event_id = await hub.pool.fetchval("SELECT event_id FROM events LIMIT 1")
        return [await posted(town, key, path.replace("ENDPOINT", endpoint_id).replace("EVENT", event_id), **body)]

    return post


async def read_event(town: Town, key: str) -> list[Answer]:
    event_id = await town.house.hub.pool.fetchval("SELECT event_id FROM deliveries ORDER BY event_id LIMIT 1")
    return [await ask(town, "GET", f"{WEBHOOKS}/events/{event_id}", token=key)]


async def remove_endpoint(town: Town, key: str) -> list[Answer]:
    """One more than the town has, which later examples need."""
    body = {"marketplace": "nosh", "url": "https://nosh.example/gone"}
    made = json.loads((await posted(town, key, f"{WEBHOOKS}/endpoints", **body)).body)
    return [await posted(town, key, f"{WEBHOOKS}/endpoints/{made['endpoint_id']}/remove")]


async def remove_point(town: Town, key: str) -> list[Answer]:
    body = {"name": "Door", "order_types": ["delivery"]}
    made = json.loads((await posted(town, key, f"{STORES}/{town.venue_id}/points", **body)).body)
    return [await posted(town, key, f"{ADMIN}/points/{made['singular_point_id']}/remove")]


def in_minutes(count: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=count)).isoformat()


EXAMPLES: dict[str, Example] = {
    "search": looks(f"{ADMIN}/search?q=acme"),
    "list_orders": looks(ORDERS),
    "read_order": read_order,
    "accept_order": acts("accept", prep_time_min=20),
    "reject_order": acts("reject", reason_code="item_unavailable", reason="out of buns"),
    "start_order": acts("start"),
    "move_eta": acts("eta", ready_at=in_minutes(40)),
    "finish_order": acts("ready"),
    "complete_order": acts("complete"),
    "resolve_order": acts("resolve", note="rang the guest"),
    "cancel_order": cancel_order,
    "retry_order": retry_order,
    "try_order": try_order,
    "list_stores": looks(STORES),
    "read_store": looks(f"{STORES}/VENUE"),
    "list_menus": looks(f"{STORES}/VENUE/menus"),
    "pause_store": posts(f"{STORES}/VENUE/pause", reason="water in the kitchen", duration_minutes=30),
    "resume_store": posts(f"{STORES}/VENUE/resume"),
    "connect_store": posts(f"{STORES}/VENUE/connect", marketplace="nosh"),
    "disconnect_store": posts(f"{STORES}/VENUE/disconnect", marketplace="nosh"),
    "set_rules": posts(f"{STORES}/VENUE/rules", price_check="accept"),
    "set_hours": posts(f"{STORES}/VENUE/hours", serving_times=[{"days": ["mon"], "from": "08:00", "to": "02:00"}]),
    "set_taxes": posts(f"{ADMIN}/taxes", rounding="half_even"),
    "list_points": looks(f"{ADMIN}/points?venue_id=VENUE"),
    "add_point": posts(f"{STORES}/VENUE/points", name="Counter", order_types=["takeout", "dine_in_pickup"]),
    "remove_point": remove_point,
    "publish_menu": posts(f"{STORES}/VENUE/menu/publish"),
    "unpublish_menu": posts(f"{STORES}/VENUE/menu/unpublish"),
    "list_items_off": looks(f"{STORES}/VENUE/items/off?limit=2"),
    "take_item_off": posts(f"{STORES}/VENUE/items/off", item_id="FRIES", minutes=60),
    "put_item_back": posts(f"{STORES}/VENUE/items/on", item_id="FRIES"),
    "list_health": looks(f"{ADMIN}/health"),
    "list_endpoints": looks(f"{WEBHOOKS}/endpoints"),
    "add_endpoint": posts(f"{WEBHOOKS}/endpoints", marketplace="nosh", url="https://nosh.example/more"),
    "rotate_endpoint_secret": about_webhooks(f"{WEBHOOKS}/endpoints/ENDPOINT/rotate-secret", keep_old_hours=2),
    "remove_endpoint": remove_endpoint,
    "list_deliveries": looks(f"{WEBHOOKS}/deliveries?state=due"),
    "read_event": read_event,
    "count_replay": looks(f"{WEBHOOKS}/replay?since=2020-01-01T00:00:00Z&everything=true"),
    "replay": posts(f"{WEBHOOKS}/replay", since="2020-01-01T00:00:00Z", everything=True),
    "resend_event": about_webhooks(f"{WEBHOOKS}/events/EVENT/resend"),
    "disable_endpoint": about_webhooks(f"{WEBHOOKS}/endpoints/ENDPOINT/disable", reason="it moves"),
    "enable_endpoint": about_webhooks(f"{WEBHOOKS}/endpoints/ENDPOINT/enable"),
    "list_marketplaces": looks(MARKETPLACES),
    "add_marketplace": posts(MARKETPLACES, name="gobble", webhook_url="https://gobble.example/heard"),
    "rotate_secret": posts(f"{MARKETPLACES}/CLIENT/rotate-secret", keep_old_hours=1),
    "revoke_tokens": posts(f"{MARKETPLACES}/CLIENT/revoke-tokens"),
    "disable_marketplace": posts(f"{MARKETPLACES}/CLIENT/disable"),
    "enable_marketplace": posts(f"{MARKETPLACES}/CLIENT/enable"),
    "set_scopes": posts(f"{MARKETPLACES}/CLIENT/scopes", scopes=["orders"]),
    "list_applications": looks(APPLICATIONS),
    "add_application": posts(APPLICATIONS, name="app"),
    "rotate_application_secret": posts(f"{APPLICATIONS}/app/rotate-secret", keep_old_hours=1),
    "revoke_application_tokens": posts(f"{APPLICATIONS}/app/revoke-tokens"),
    "disable_application": posts(f"{APPLICATIONS}/app/disable"),
    "enable_application": posts(f"{APPLICATIONS}/app/enable"),
    "set_application_scopes": posts(f"{APPLICATIONS}/app/scopes", scopes=["order"]),
    "read_provider": looks(f"{ADMIN}/payments"),
    "set_provider": posts(f"{ADMIN}/payments", provider="stripe", secret="sk_test_1", url="https://stripe.example"),
}


async def test_every_call_is_answered_well_and_as_the_document_says(dsn: str) -> None:
    assert set(EXAMPLES) == {operation.name for operation in OPERATIONS}
    async with a_town(dsn, worker=False) as town:
        assert set(handlers(town.house.hub)) == set(EXAMPLES)
        assert len(routes(town.house.hub)) == len(OPERATIONS)
        for operation in OPERATIONS:
            answers = await EXAMPLES[operation.name](town, await a_key(town, operation.scope))
            assert {one.status for one in answers} == set(operation.success), (operation.name, answers)


async def test_the_document_is_served_to_whoever_asks(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask(town, "GET", f"{ADMIN}/openapi.json")
        assert json.loads(answer.body) == json.loads(json.dumps(admin_document()))


# --- orders -----------------------------------------------------------------------------------------------


async def test_an_order_is_seen_with_every_step_and_every_call(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id, key = await town.send("A-1", notes="Ring twice."), await a_key(town, "read")
        await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        seen = await got(town, key, f"{ORDERS}/{order_id}")
        assert (seen["order"]["order_id"], seen["order"]["status"]) == (order_id, "completed")
        sent, ordered = an_order_body(town, notes="Ring twice."), seen["ordered"]
        for name in ("subtotal", "tax", "total", "notes"):
            assert ordered.get(name, 0) == sent.get(name, 0), name
        assert [one["item_id"] for one in ordered["items"]] == [one["item_id"] for one in sent["items"]]
        assert ordered["items"][0]["modifiers"][0]["modifier_id"] == sent["items"][0]["modifiers"][0]["modifier_id"]
        assert ordered["guest"] == sent["customer"]
        assert [line["step"] for line in seen["history"]][:2] == ["receive", "dispatch"]
        assert {one["peer"] for one in seen["exchanges"]} == {"channel", "pos"}
        assert (seen["allowed"], seen["price_differences"]) == ([], [])
        times = [datetime.fromisoformat(line["at"]) for line in seen["history"]]
        assert times == sorted(times)


async def test_orders_are_found_by_what_an_operator_looks_for(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, client = await a_key(town, "read"), credentials(town)["client_id"]
        first, second = await town.send("A-1"), await parked(town, "A-2")
        both = [second, first]

        async def found(query: str) -> list[str]:
            return [one["order_id"] for one in (await got(town, key, f"{ORDERS}?{query}"))["orders"]]

        assert await found("status=submitting") == both
        assert await found("status=completed") == []
        assert await found("open=true") == both
        assert await found("attention=true") == [second]
        assert await found("attention=false") == both
        assert await found(f"venue_id={town.venue_id}") == both
        assert await found("venue_id=ven_none") == []
        assert await found(f"marketplace_id={client}&status=submitting") == both
        assert await found("marketplace_id=mkt_none") == []
        assert await found("external_order_id=A-1") == [first]
        assert await found(f"external_order_id=A-2&marketplace_id={client}&attention=true") == [second]
        assert await found("external_order_id=A-3") == []


async def test_every_list_comes_in_pages_that_miss_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key = await a_key(town, "read admin")
        sent = [await town.send(f"A-{number}") for number in range(3)]
        for number in range(2):
            answer = await posted(town, key, MARKETPLACES, name=f"m{number}", webhook_url="https://m.example/")
            assert answer.status == 201
        lists = ((ORDERS, "orders", "order_id", 3), (MARKETPLACES, "marketplaces", "marketplace_id", 3))
        others = ((STORES, "stores", "venue_id", 1), (f"{ADMIN}/health", "stores", "venue_id", 1))
        menus = (f"{STORES}/{town.venue_id}/menus", "versions", "version", 1)
        for path, member, name, count in (*lists, *others, menus):
            seen: list[str] = []
            after = ""
            for _ in range(count + 1):
                page = await got(town, key, f"{path}?limit=1{after}")
                seen += [one[name] for one in page[member]]
                if page["next"] is None:
                    break
                after = f"&after={page['next']}"
            assert page["next"] is None, path
            assert len(seen) == len(set(seen)) == count, path
            if path == ORDERS:
                assert seen == sent[::-1]


async def test_a_cancel_is_carried_out_and_told(dsn: str) -> None:
    async with a_town(dsn) as town:
        key, order_id = await a_key(town, "orders"), await town.send("A-1")
        answer = await posted(town, key, f"{ORDERS}/{order_id}/cancel", reason_code="store_closed", note="water")
        assert answer.status in (200, 202)
        order = await town.until(order_id, Status.CANCELLED)
        assert (order.cancelled_by, order.reason_code) == ("staff", "store_closed")
        assert (await town.told(order_id, "order.cancelled"))[-1] == "order.cancelled"
        again = await posted(town, key, f"{ORDERS}/{order_id}/cancel")
        assert (again.status, json.loads(again.body)["cancelling"]) == (200, False)


async def test_staff_take_an_order_from_its_coming_to_the_guests_hands(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        key, order_id = await a_key(town, "orders"), await town.send("A-1")
        await town.until(order_id, Status.AWAITING_STAFF)
        seen = []
        for action, body in (
            ("accept", {"ready_at": in_minutes(30)}),
            ("start", {}),
            ("eta", {"ready_at": in_minutes(45)}),
            ("ready", {}),
            ("complete", {}),
        ):
            answer = await posted(town, key, f"{ORDERS}/{order_id}/{action}", **body)
            seen.append(json.loads(answer.body)["status"])
        assert seen == ["confirmed", "in_prep", "in_prep", "ready", "completed"]
        heard = await town.told(order_id, "order.completed")
        assert heard == [f"order.{one}" for one in ("confirmed", "in_prep", "eta_updated", "ready", "completed")]


async def test_a_rejected_orders_marketplace_is_told_why(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        key, order_id = await a_key(town, "orders"), await town.send("A-1")
        await town.until(order_id, Status.AWAITING_STAFF)
        answer = await posted(town, key, f"{ORDERS}/{order_id}/reject", reason_code="item_unavailable", reason="buns")
        order = json.loads(answer.body)
        assert (order["status"], order["reason_code"], order["reason"]) == ("rejected", "item_unavailable", "buns")
        assert await town.told(order_id, "order.rejected") == ["order.rejected"]


async def test_an_orders_history_says_by_whose_key_staff_acted(dsn: str) -> None:
    async with a_town(dsn, connector=ConnectorKind.MANUAL) as town:
        key, order_id = await a_key(town, "orders read"), await town.send("A-1")
        await town.until(order_id, Status.AWAITING_STAFF)
        for action, body in (("accept", {}), ("cancel", {"note": "flood"}), ("cancel", {"note": "flood"})):
            assert (await posted(town, key, f"{ORDERS}/{order_id}/{action}", **body)).status == 200
        seen = await got(town, key, f"{ORDERS}/{order_id}")
        by_staff = [(line["step"], line["changed"], line["note"]) for line in seen["history"] if line["by"] == "staff"]
        assert by_staff == [
            ("accept", True, "(key a test)"),
            ("cancel", True, "flood (key a test)"),
            ("cancel", False, "flood (key a test)"),
        ]
        assert seen["order"]["reason"] == "flood"  # the marketplace reads no more than that
        assert b"a test" not in b"".join(
            row["body"] for row in await town.house.hub.pool.fetch("SELECT body FROM events LIMIT 9")
        )


# --- stores -----------------------------------------------------------------------------------------------


async def test_a_store_and_its_pos_are_seen_as_they_are(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, hub, order_id = await a_key(town, "read"), town.house.hub, await town.send("A-1")
        store = await got(town, key, f"{STORES}/{town.venue_id}")
        assert (store["open"], store["pos"], store["marketplaces"]) == (True, "well", ["nosh"])
        assert (await got(town, key, STORES))["stores"] == [store]
        [version] = (await got(town, key, f"{STORES}/{town.venue_id}/menus"))["versions"]
        assert (version["version"], version["current"]) == (store["menu_version"], True)
        known = await hub.store(town.venue_id)
        assert known is not None
        await pos_failed(hub, known, order_id, "no connection")
        [health] = (await got(town, key, f"{ADMIN}/health"))["stores"]
        assert (health["pos"], health["failures"], health["last_fault"]) == ("failing", 1, "no connection")


async def test_a_store_is_paused_and_resumed_for_its_staff_and_marketplaces_hear_of_it(dsn: str) -> None:
    async with a_town(dsn) as town:
        key, place = await a_key(town, "stores"), f"{STORES}/{town.venue_id}"
        paused = json.loads((await posted(town, key, f"{place}/pause", reason="water")).body)
        assert (paused["open"], [(one["held_by"], one["reason"]) for one in paused["pauses"]]) == (
            False,
            [("staff", "water")],
        )
        resumed = json.loads((await posted(town, key, f"{place}/resume")).body)
        assert (resumed["open"], resumed["pauses"]) == (True, [])
        await town.told_of_store("store.paused", "store.resumed")


async def test_a_marketplace_is_shut_out_of_a_store_and_let_in_again(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, named = await a_key(town, "read stores"), credentials(town)["client_id"]
        place = f"{STORES}/{town.venue_id}"
        where = {"venue_id": town.venue_id, "marketplace_id": named, "marketplace": "nosh"}
        for new in (True, False):
            left = json.loads((await posted(town, key, f"{place}/disconnect", marketplace="nosh")).body)
            assert left == {**where, "connected": False, "new": new}
        assert (await got(town, key, place))["marketplaces"] == []
        assert await town.marketplace.send(town.content("A-1")) is None
        back = json.loads((await posted(town, key, f"{place}/connect", marketplace=named)).body)
        assert (back["connected"], back["new"]) == (True, True)
        assert (await got(town, key, place))["marketplaces"] == ["nosh"]
        await town.send("A-2")


async def test_what_is_left_out_of_a_stores_rules_stays(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key, place = await a_key(town, "stores"), f"{STORES}/{town.venue_id}/rules"
        first = json.loads((await posted(town, key, place, prep_time_min=25, total_tolerance=5)).body)
        second = json.loads((await posted(town, key, place, validate_first=False)).body)
        assert second == {**first, "rules": {**first["rules"], "validate_first": False}}
        assert (second["rules"]["prep_time_min"], second["rules"]["total_tolerance"]) == (25, 5)
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        assert (store.rules.prep_time_min, store.rules.validate_first) == (25, False)


async def test_a_menu_is_withdrawn_and_published_again(dsn: str) -> None:
    async with a_town(dsn) as town:
        key, place = await a_key(town, "menus"), f"{STORES}/{town.venue_id}/menu"
        gone = json.loads((await posted(town, key, f"{place}/unpublish")).body)
        assert gone == {"venue_id": town.venue_id, "published": False, "new": True}
        assert await town.marketplace.send(town.content("A-1")) is None
        out = json.loads((await posted(town, key, f"{place}/publish")).body)
        assert (out["published"], out["new"], "version" in out) == (True, True, True)
        assert json.loads((await posted(town, key, f"{place}/publish")).body) == {**out, "new": False}
        await town.told_of_store("menu.unpublished", "menu.published")


# --- webhooks ---------------------------------------------------------------------------------------------


async def test_a_dead_event_is_found_and_sent_again(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, hub = await a_key(town, "read webhooks"), town.house.hub
        event_id, endpoint_id = await one_event(town)
        off = await posted(town, key, f"{WEBHOOKS}/endpoints/{endpoint_id}/disable", reason="it moves")
        assert json.loads(off.body) == {"endpoint_id": endpoint_id, "enabled": False, "new": True}
        dead = (await got(town, key, f"{WEBHOOKS}/deliveries?state=dead&endpoint_id={endpoint_id}"))["deliveries"]
        assert [one["type"] for one in dead] == ["store.resumed", "store.paused"]
        assert (await got(town, key, f"{WEBHOOKS}/deliveries?state=due"))["deliveries"] == []
        [place] = (await got(town, key, f"{WEBHOOKS}/endpoints"))["endpoints"]
        assert (place["enabled"], place["disabled_why"], place["dead"]) == (False, "it moves", 2)
        resend = f"{WEBHOOKS}/events/{event_id}/resend"
        assert json.loads((await posted(town, key, resend)).body)["resent"] == 0
        on = await posted(town, key, f"{WEBHOOKS}/endpoints/{endpoint_id}/enable")
        assert (json.loads(on.body)["enabled"], json.loads(on.body)["new"]) == (True, True)
        assert json.loads((await posted(town, key, resend)).body)["resent"] == 1
        due = "SELECT event_id FROM deliveries WHERE state = 'due'"
        assert await hub.pool.fetchval(due) == event_id


async def test_deliveries_come_in_pages_the_newest_first(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, seen, after = await a_key(town, "read webhooks"), [], ""
        await one_event(town)
        while True:
            page = await got(town, key, f"{WEBHOOKS}/deliveries?limit=1{after}")
            seen += [one["type"] for one in page["deliveries"]]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert seen == ["store.resumed", "store.paused"]


# --- marketplaces -----------------------------------------------------------------------------------------


async def test_a_marketplace_that_was_added_can_ask_for_a_token(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key = await a_key(town)
        answer = await posted(town, key, MARKETPLACES, name="gobble", webhook_url="https://gobble.example/heard")
        assert answer.headers["cache-control"] == "no-store"
        made = json.loads(answer.body)
        own = {name: made[name] for name in ("client_id", "client_secret")}
        assert (await ask_token(town, grant_type="client_credentials", **own)).status == 200
        listed = await ask(town, "GET", MARKETPLACES, token=key)
        assert made["client_secret"].encode() not in listed.body
        assert made["webhook_secret"].encode() not in listed.body
        taken = await posted(town, key, MARKETPLACES, name="gobble", webhook_url="https://gobble.example/heard")
        assert taken.status == 409


async def test_a_marketplace_is_steered_by_calls_as_by_commands(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key, own, token = await a_key(town, "admin read"), credentials(town), await a_token(town)
        place, grant = f"{MARKETPLACES}/{own['client_id']}", {"grant_type": "client_credentials"}
        assert json.loads((await posted(town, key, f"{place}/revoke-tokens")).body)["revoked"] == 1
        assert (await ask(town, "GET", "/link/v2/orders/ord_1", token=token)).status == 401
        rotated = json.loads((await posted(town, key, f"{place}/rotate-secret", keep_old_hours=0)).body)
        assert "old_secret_until" not in rotated
        assert (await ask_token(town, **grant, **own)).status == 401
        new = {**own, "client_secret": rotated["client_secret"]}
        assert (await posted(town, key, f"{place}/scopes", scopes=["menus"])).status == 200
        assert json.loads((await ask_token(town, **grant, **new)).body)["scope"] == "menus"
        await posted(town, key, f"{place}/disable")
        [seen] = (await got(town, key, MARKETPLACES))["marketplaces"]
        assert (seen["enabled"], seen["scopes"], "disabled_at" in seen) == (False, ["menus"], True)
        assert (await ask_token(town, **grant, **new)).status == 401
        await posted(town, key, f"{place}/enable")
        assert (await ask_token(town, **grant, **new)).status == 200
