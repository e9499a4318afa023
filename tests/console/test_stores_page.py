"""The pages of stores: how each is, in words; what their forms do, and what they do not do."""

import json
from dataclasses import replace

from builders import ORGANIZATION, a_menu
from heard.domain.ids import OrderId, OrganizationId, ProductId
from heard.domain.order.model import Party, Status
from heard.domain.people import Role
from heard.engine.add_parties import add_marketplace
from heard.engine.oversee import one_store
from heard.engine.pause_store import pause_store
from heard.engine.watch_pos import pos_failed
from heard.protocols.posnext import encode
from menu_builders import repriced
from parties import Town, a_town
from visiting import Guest, a_guest

HOSTILE = "<script>alert(1)</script>\u202egnihton" + "\U0001f355" * 3


async def said(guest: Guest, town: Town, action: str, form: dict[str, str] | None = None) -> str:
    """What the store's page says after a form of it was sent."""
    path = f"/console/stores/{town.venue_id}"
    await guest.follow(await guest.post(f"{path}/{action}", {"back": path, **(form or {})}))
    return guest.text


async def own_pause(guest: Guest, town: Town) -> str:
    """What a form of the page that is loaded now says of the staff's pause."""
    await guest.get(f"/console/stores/{town.venue_id}")
    return guest.page.partition('name="seen" value="')[2].partition('"')[0]


async def deeds(town: Town) -> list[tuple[str, str]]:
    rows = await town.house.hub.pool.fetch(
        "SELECT call, outcome FROM console_deeds WHERE about = $1 ORDER BY deed_id", town.venue_id
    )
    return [(row["call"], row["outcome"]) for row in rows]


async def test_a_store_is_paused_for_minutes_or_until_it_is_lifted_and_goes_on(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get("/console/stores")
        assert "● open" in guest.text
        text = await said(guest, town, "pause", {"reason": HOSTILE, "minutes": "30", "seen": ""})
        assert "takes no new orders" in text
        assert "❚❚ paused" in text
        assert f"by the staff , {text.partition('by the staff , ')[2][:19]} : {HOSTILE}" in text
        assert "<script>alert" not in guest.page
        assert await town.marketplace.send(town.content("A-1")) is None
        assert "takes orders again" in await said(guest, town, "resume", {"seen": await own_pause(guest, town)})
        await town.send("A-2")
        assert "until lifted" in await said(guest, town, "pause", {"reason": "flood", "minutes": "", "seen": ""})
        assert await deeds(town) == [("pause_store", "done"), ("resume_store", "done"), ("pause_store", "done")]


async def test_who_was_slower_is_told_so_and_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        await guest.get(f"/console/stores/{town.venue_id}")
        await pause_store(hub, store, Party.STAFF, "a fire", 60)
        text = await said(guest, town, "pause", {"reason": "a break", "seen": ""})
        assert "Somebody has paused the store meanwhile: a fire. Nothing was changed." in text
        assert "a break" not in text
        seen = await own_pause(guest, town)
        await pause_store(hub, store, Party.STAFF, "a flood", None)
        assert "paused the store meanwhile: a flood" in await said(guest, town, "resume", {"seen": seen})
        row = await one_store(hub, ORGANIZATION, town.venue_id)
        assert [reason for _, reason, _, _ in row["pauses"]] == ["a flood"]
        was = {"was_prep_time_min": "15", "prep_time_min": "20"}
        assert "Changed: prep time min." in await said(guest, town, "rules", was)
        again = await said(guest, town, "rules", {**was, "prep_time_min": "25"})
        assert "changed by somebody meanwhile. Nothing of yours was changed." in again
        hours = {"was": "mon 10:00-12:00", "hours": "tue 10:00-12:00"}
        assert "changed by somebody meanwhile" in await said(guest, town, "hours", hours)


async def test_the_hubs_own_pause_is_not_the_staffs_to_lift(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town), town.house.hub
        store = await hub.store(town.venue_id)
        assert store is not None
        await pause_store(hub, store, "hub", "its POS does not answer")
        await pos_failed(hub, store, OrderId("ord_01kk0000000000000000000001"), "connection refused")
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "by the hub , until it answers again: its POS does not answer" in guest.text
        assert "/resume" not in guest.page
        assert "▲ failing" in guest.text
        assert "connection refused" in guest.text
        assert "takes no new orders" in await said(guest, town, "pause", {"reason": "a break", "seen": ""})
        text = await said(guest, town, "resume", {"seen": await own_pause(guest, town)})
        assert "it stays paused, for somebody else holds it" in text


async def test_roles_organizations_and_forms_are_looked_at_on_the_server(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        path = f"/console/stores/{town.venue_id}"
        viewer = await a_guest(town, Role.VIEWER)
        await viewer.get(path)
        assert all(f"{path}/{one}" not in viewer.page for one in ("pause", "connect", "disconnect", "hours", "pull"))
        for action in ("pause", "resume", "connect", "disconnect", "rules", "hours", "pull"):
            assert (await viewer.post(f"{path}/{action}", {"reason": "x"})).status == 403
        stranger = await a_guest(town, Role.ADMIN, "stranger", OrganizationId("other"))
        await stranger.get("/console/stores")
        assert "No store yet" in stranger.text
        for there in (path, "/console/stores/ven_none", "/console/stores/%00"):
            answer = await stranger.get(there)
            assert (answer.status, b"Not found" in answer.body) == (404, True)
        assert "There is no store" in await after(stranger, f"{path}/pull")
        guest = await a_guest(town)
        forged = await guest.post(f"{path}/pause", {"reason": "x", "form_key": "0" * 64})
        assert forged.status == 403
        row = await one_store(town.house.hub, ORGANIZATION, town.venue_id)
        assert row["pauses"] == []


async def after(guest: Guest, path: str) -> str:
    """What the page says that a refused form leads to."""
    await guest.get("/console")
    await guest.follow(await guest.post(path, {"back": "/console/stores"}))
    return guest.text


async def test_marketplaces_are_connected_and_disconnected_once(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        await add_marketplace(hub, ORGANIZATION, HOSTILE, "http://127.0.0.1:9/w", await hub.now())
        await add_marketplace(hub, OrganizationId("other"), "elsewhere", "http://127.0.0.1:9/w", await hub.now())
        guest = await a_guest(town, whose=None)
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "elsewhere" not in guest.text
        assert f"{HOSTILE} may send orders now." in await said(guest, town, "connect", {"channel": HOSTILE})
        assert "was connected already" in await said(guest, town, "connect", {"channel": HOSTILE})
        assert "sends no new orders any more" in await said(guest, town, "disconnect", {"channel": "nosh"})
        assert "was not connected any more" in await said(guest, town, "disconnect", {"channel": "nosh"})
        assert "has no marketplace 'elsewhere'" in await said(guest, town, "connect", {"channel": "elsewhere"})
        row = await one_store(hub, ORGANIZATION, town.venue_id)
        assert row["marketplaces"] == [HOSTILE]


async def test_rules_and_serving_times_are_changed_or_refused_with_the_reason(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.OPERATOR)
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "No rule was changed" in await said(
            guest, town, "rules", {"was_prep_time_min": "15", "prep_time_min": "15"}
        )
        wrong = {"was_prep_time_min": "15", "prep_time_min": "soon"}
        assert "takes a whole number. Nothing was changed." in await said(guest, town, "rules", wrong)
        flags = {"was_validate_first": "true", "was_price_check": "refuse", "price_check": "accept"}
        assert "Changed: validate first, price check." in await said(guest, town, "rules", flags)
        assert "no day" in await said(guest, town, "hours", {"was": "", "hours": "noday 08:00-09:00"})
        assert "days and a span" in await said(guest, town, "hours", {"was": "", "hours": "always"})
        times = "mon tue 08:30-22:00\r\nsat, sun 10:00-02:00\r\n"
        assert "hold from now on" in await said(guest, town, "hours", {"was": "", "hours": times})
        assert "sat sun 10:00-02:00" in guest.text
        row = await one_store(town.house.hub, ORGANIZATION, town.venue_id)
        assert (row["validate_first"], row["price_check"]) == (False, "accept")
        assert json.loads(row["serving_times"])[1] == {"days": ["sat", "sun"], "from": "10:00", "to": "02:00"}


async def test_a_menu_is_pulled_and_what_came_of_it_is_said(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town)
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "takes no orders: it has no menu out" in guest.text
        assert "A new menu is kept: 3 products (the first one)." in await said(guest, town, "pull")
        assert "has not changed: 3 products" in await said(guest, town, "pull")
        serves(town, encode.encode_menu(repriced(a_menu(), "BURGER", 1299)))
        assert "A new menu is kept: 3 products (1 price)." in await said(guest, town, "pull")
        burger = next(a_menu().products())
        twice = (*burger.groups, *burger.groups)
        serves(town, encode.encode_menu(a_menu(replace(burger, groups=twice, id=ProductId("TWICE")))))
        text = await said(guest, town, "pull")
        assert "not taken over, the store keeps the one it had: $.menus[0].products[0].modifier_groups[1].id" in text
        assert "findings of the last fetch" in text
        await town.pos_dies()
        assert "No menu came:" in await said(guest, town, "pull")
        outcomes = [outcome for call, outcome in await deeds(town) if call == "pull_menu"]
        assert outcomes == ["done", "done", "done", "refused", "unreachable"]


def serves(town: Town, body: bytes) -> None:
    """The POS has another menu from now on."""
    town.pos._menu_body, town.pos._etag = body, f'"{hash(body)}"'


async def test_how_a_store_does_is_told_of_its_newest_orders_and_calls(dsn: str) -> None:
    async with a_town(dsn) as town:
        guest = await a_guest(town, Role.VIEWER)
        await guest.get("/console/stores")
        assert "none decided" in guest.text
        kept = [await town.send(f"A-{number}") for number in range(3)]
        for order_id in kept:
            await town.until(order_id, Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)
        await town.house.hub.pool.execute(
            "UPDATE orders SET status = 'rejected', confirmed_at = NULL WHERE order_id = $1", kept[0]
        )
        await town.house.hub.pool.execute(
            "UPDATE orders SET received_at = received_at - interval '2 days' WHERE order_id = $1", kept[1]
        )
        await guest.get(f"/console/stores/{town.venue_id}")
        assert "Accepted 1 (50 %) Turned away 1" in guest.text
        assert "calls, 0 of them failed" in guest.text


async def test_a_store_with_hostile_texts_and_no_pos_is_shown_as_it_is(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        name = HOSTILE + "y" * 5_000
        await town.house.hub.pool.execute("UPDATE stores SET name = $1, connector = 'manual', pos_url = NULL", name)
        guest = await a_guest(town)
        for path in ("/console/stores", f"/console/stores/{town.venue_id}", "/console/menus"):
            await guest.get(path)
            assert HOSTILE in guest.text
            assert "<script>alert" not in guest.page
            assert ' style="' not in guest.page
            assert " onclick" not in guest.page
        await guest.get("/console/stores")
        assert "✋ by hand" in guest.text
