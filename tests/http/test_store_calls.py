"""Link's calls about stores over a socket: reading them, pausing and resuming them, and who may see what."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from asking import a_token, an_order_body, ask, ask_json, ask_token, problem_of, read_event
from builders import ORGANIZATION, a_store
from heard.domain.ids import LocationId, MarketplaceId, OrganizationId, VenueId
from heard.domain.order.model import Status
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.engine.disconnect_store import disconnect_store
from heard.engine.pause_store import pause_store, resume_store
from heard.engine.publish_menu import publish_menu, unpublish_menu
from heard.net.call import Answer
from heard.work.menus import pull_menu
from parties import Town, a_town

STORES = "/link/v2/stores"
ORDERS = "/link/v2/orders"


@dataclass(frozen=True, slots=True)
class Other:
    """Another marketplace of the same brand."""

    marketplace_id: MarketplaceId
    token: str


async def another(town: Town, name: str = "gobble", organization: str = ORGANIZATION, *, connected: bool) -> Other:
    hub = town.house.hub
    url = "http://127.0.0.1:9/"
    made = await add_marketplace(hub, OrganizationId(organization), name, url, await hub.now())
    if connected:
        await connect_store(hub, town.venue_id, made.marketplace_id)
    form = {"client_id": made.marketplace_id, "client_secret": made.client_secret}
    answer = await ask_token(town, grant_type="client_credentials", **form)
    return Other(made.marketplace_id, json.loads(answer.body)["access_token"])


def body_of(answer: Answer, status: int = 200) -> dict[str, Any]:
    assert answer.status == status, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def look(town: Town, token: str) -> dict[str, Any]:
    return body_of(await ask(town, "GET", f"{STORES}/{town.venue_id}", token=token))


async def pause(town: Town, token: str, **body: object) -> Answer:
    return await ask_json(town, f"{STORES}/{town.venue_id}/pause", json.dumps(body).encode(), token)


async def resume(town: Town, token: str) -> Answer:
    return await ask(town, "POST", f"{STORES}/{town.venue_id}/resume", token=token)


async def told(town: Town, marketplace_id: str) -> list[str]:
    """The kinds of events about stores that one marketplace was told."""
    sql = "SELECT coalesce(array_agg(kind ORDER BY sequence), '{}') FROM events WHERE order_id IS NULL"
    found: list[str] = await town.house.hub.pool.fetchval(f"{sql} AND marketplace_id = $1", marketplace_id)
    return found


async def test_a_store_is_read_as_it_is(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town, "stores")
        seen = await look(town, token)
        menu = seen.pop("menu")
        assert seen == {
            "venue_id": town.venue_id,
            "name": "Acme One",
            "currency": "USD",
            "timezone": "America/New_York",
            "open": True,
            "pauses": [],
            "prep_time_min": 15,
        }
        assert menu["url"] == f"{town.hub_url}{STORES}/{town.venue_id}/menu"
        assert menu["version"] == await town.house.hub.pool.fetchval("SELECT menu_version FROM stores")
        assert body_of(await ask(town, "GET", STORES, token=token)) == {
            "stores": [{**seen, "menu": menu}],
            "next": None,
        }


async def test_a_store_without_a_menu_shows_none(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        assert "menu" not in await look(town, await a_token(town, "stores"))


async def test_stores_are_listed_a_page_at_a_time_and_only_ones_own(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, token = town.house.hub, await a_token(town, "stores")
        mine = [town.venue_id]
        for number in range(4):
            venue_id = VenueId(hub.new_id("ven", await hub.now()))
            await add_store(hub, replace(a_store(), venue_id=venue_id, location_id=LocationId(f"L{number}")))
            if number != 2:
                await connect_store(hub, venue_id, "nosh")
                mine.append(venue_id)
        seen: list[str] = []
        after = ""
        for expected in (2, 2, 0):
            page = body_of(await ask(town, "GET", f"{STORES}?limit=2&after={after}", token=token))
            assert len(page["stores"]) == expected
            seen += [one["venue_id"] for one in page["stores"]]
            after = page["next"] or after
        assert seen == sorted(mine)
        assert page["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=٣"])
async def test_a_page_out_of_bounds_is_refused(dsn: str, query: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask(town, "GET", f"{STORES}?{query}", token=await a_token(town, "stores"))
        [error] = problem_of(answer, 422, "invalid_body")["errors"]
        assert error["path"] == "limit"


async def test_a_marketplace_pauses_a_store_and_lets_it_go_on(dsn: str) -> None:
    async with a_town(dsn) as town:
        token = await a_token(town, "stores orders")
        seen = body_of(await pause(town, token, reason="no riders", duration_minutes=30))
        assert seen["open"] is False
        [held] = seen["pauses"]
        assert (held["by"], held["reason"]) == ("you", "no riders")
        assert held["until"] > held["since"]
        refused = await ask_json(town, ORDERS, json.dumps(an_order_body(town)).encode(), token)
        problem_of(refused, 422, "store_not_accepting")
        assert int(refused.headers["retry-after"]) > 29 * 60
        longer = body_of(await pause(town, token, reason="none at all"))
        assert [(one["reason"], "until" in one) for one in longer["pauses"]] == [("none at all", False)]
        assert body_of(await resume(town, token))["open"] is True
        assert body_of(await resume(town, token))["open"] is True, "again is harmless"
        await town.send("A-1")
        await town.told_of_store("store.paused", "store.resumed")


async def test_each_side_lifts_only_its_own_pause(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, mine = town.house.hub, await a_token(town, "stores")
        other = await another(town, connected=True)
        store = await hub.store(town.venue_id)
        assert store is not None
        await pause_store(hub, store, "staff", "a flood")
        await pause(town, mine, reason="no riders")
        assert [one["by"] for one in (await look(town, mine))["pauses"]] == ["store", "you"]
        theirs = body_of(await resume(town, other.token))
        assert [one["by"] for one in theirs["pauses"]] == ["store", "channel"]
        assert theirs["open"] is False
        assert body_of(await resume(town, mine))["open"] is False
        await resume_store(hub, store, "staff")
        assert (await look(town, other.token))["open"] is True


async def test_two_marketplaces_on_one_store_never_see_each_other(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        mine, other = await a_token(town, "stores orders"), await another(town, connected=True)
        await pause(town, mine, reason="the people of Nosh strike")
        seen = json.dumps(await look(town, other.token))
        refused = await ask_json(town, ORDERS, json.dumps(an_order_body(town)).encode(), other.token)
        problem_of(refused, 422, "store_not_accepting")
        sql = "SELECT string_agg(convert_from(body, 'UTF8'), '') FROM events WHERE marketplace_id = $1"
        events = await town.house.hub.pool.fetchval(sql, other.marketplace_id)
        for text in (seen, refused.body.decode(), events):
            assert "Nosh" not in text
            assert town.marketplace.credentials[0] not in text


async def test_a_store_of_nobodys_or_of_others_is_unknown_whatever_is_asked(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        strangers = [await another(town, connected=False), await another(town, "x", "other-brand", connected=False)]
        for token in (one.token for one in strangers):
            for venue in (town.venue_id, "ven_none", "%00"):
                for answer in (
                    await ask(town, "GET", f"{STORES}/{venue}", token=token),
                    await ask(town, "GET", f"{STORES}/{venue}/menu", token=token),
                    await ask_json(town, f"{STORES}/{venue}/pause", b'{"reason":"x"}', token),
                    await ask_json(town, f"{STORES}/{venue}/pause", b"{}", token),
                    await ask(town, "POST", f"{STORES}/{venue}/resume", token=token),
                ):
                    problem_of(answer, 404, "not_found" if venue == "%00" else "unknown_venue")
            assert body_of(await ask(town, "GET", STORES, token=token)) == {"stores": [], "next": None}
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0


async def test_a_token_without_the_scope_may_not(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        path, orders = f"{STORES}/{town.venue_id}", await a_token(town, "orders events")
        stores, menus = await a_token(town, "stores"), await a_token(town, "menus")
        for method, where, token in (
            ("GET", STORES, orders),
            ("GET", path, menus),
            ("POST", f"{path}/pause", orders),
            ("POST", f"{path}/resume", menus),
            ("GET", f"{path}/menu", stores),
        ):
            problem_of(await ask(town, method, where, token=token), 403, "insufficient_scope")
            problem_of(await ask(town, method, where), 401, "invalid_token")
            problem_of(await ask(town, method, where, token="hat_wrong"), 401, "invalid_token")


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        (b"", 400, "malformed_json", None),
        (b"{", 400, "malformed_json", None),
        (b'{"reason":"a","reason":"b"}', 400, "malformed_json", None),
        (b'{"reason":"a\\u0000b"}', 400, "malformed_json", None),
        (b"[]", 422, "invalid_body", "$"),
        (b"{}", 422, "invalid_body", "$.reason"),
        (b'{"reason":""}', 422, "invalid_body", "$.reason"),
        (b'{"reason":"  "}', 422, "invalid_body", "$.reason"),
        (b'{"reason":7}', 422, "invalid_body", "$.reason"),
        (b'{"reason":null}', 422, "invalid_body", "$.reason"),
        (b'{"reason":"%s"}' % (b"x" * 501), 422, "invalid_body", "$.reason"),
        (b'{"reason":"x","duration_minutes":0}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":-5}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":10081}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":999999999999999999}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":1e400}', 400, "malformed_json", None),
        (b'{"reason":"x","duration_minutes":1.5}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":"30"}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"x","duration_minutes":true}', 422, "invalid_body", "$.duration_minutes"),
        (b'{"reason":"%s"}' % (b"x" * 20_000), 413, "body_too_large", None),
    ],
)
async def test_a_pause_that_says_nothing_sensible_is_refused_and_holds_nothing(
    dsn: str, body: bytes, status: int, code: str, path: str | None
) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        where = f"{STORES}/{town.venue_id}/pause"
        answer = await ask_json(town, where, body, await a_token(town, "stores"))
        problem = problem_of(answer, status, code)
        assert [error["path"] for error in problem["errors"]] == ([path] if path else [])
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0
        assert await told(town, town.marketplace.credentials[0]) == []


async def test_the_bounds_of_a_pause_may_be_used(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town, "stores")
        for minutes in (1, 10_080):
            seen = body_of(await pause(town, token, reason="x" * 500, duration_minutes=minutes))
            row = await town.house.hub.pool.fetchrow("SELECT since, until FROM store_pauses")
            assert row["until"] - row["since"] == timedelta(minutes=minutes)
            assert len(seen["pauses"]) == 1
        answer = await ask(town, "POST", f"{STORES}/{town.venue_id}/pause", b'{"reason":"x"}', token)
        problem_of(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"x", 400, "malformed_json"), (b"[]", 422, "invalid_body"), (b" " * 17_000, 413, "body_too_large")],
)
async def test_a_resume_needs_no_body_but_takes_no_nonsense(dsn: str, body: bytes, status: int, code: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token, where = await a_token(town, "stores"), f"{STORES}/{town.venue_id}/resume"
        await pause(town, token, reason="x")
        problem_of(await ask_json(town, where, body, token), status, code)
        assert (await look(town, token))["open"] is False
        assert body_of(await ask_json(town, where, b"{}", token))["open"] is True


# --- connected, disconnected ------------------------------------------------------------------------------


async def test_a_disconnected_marketplace_sends_no_new_orders_and_its_old_ones_finish(dsn: str) -> None:
    async with a_town(dsn) as town:
        hub, token = town.house.hub, await a_token(town, "orders stores menus")
        known = await town.send("A-1")
        found, ended = await disconnect_store(hub, town.venue_id, "nosh")
        assert (found.name, ended) == ("nosh", True)
        refused = await ask_json(town, ORDERS, json.dumps(an_order_body(town, "A-2")).encode(), token)
        problem_of(refused, 404, "unknown_venue")
        problem_of(await ask(town, "GET", f"{STORES}/{town.venue_id}", token=token), 404, "unknown_venue")
        problem_of(await ask(town, "GET", f"{STORES}/{town.venue_id}/menu", token=token), 404, "unknown_venue")
        again = await ask_json(town, ORDERS, town.marketplace.ledger.rows("SELECT body FROM sent")[0]["body"], token)
        assert again.status == 200, "an order that was accepted is answered as before"
        await town.until(known, Status.COMPLETED)
        assert "order.completed" in await town.told(known, "order.completed")
        assert body_of(await ask(town, "GET", f"{ORDERS}/{known}", token=token))["status"] == "COMPLETED"
        await town.told_of_store("store.disconnected")
        assert await disconnect_store(hub, town.venue_id, "nosh") == (found, False)
        await connect_store(hub, town.venue_id, "nosh")
        await town.send("A-3")
        await town.told_of_store("store.disconnected", "store.connected", "store.resumed", "menu.published")


async def test_only_the_marketplace_that_it_concerns_is_told_of_a_connection(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, mine = town.house.hub, town.marketplace.credentials[0]
        other = await another(town, connected=True)
        assert await told(town, other.marketplace_id) == ["store_connected", "menu_published"]
        await disconnect_store(hub, town.venue_id, "gobble")
        assert await told(town, other.marketplace_id) == ["store_connected", "menu_published", "store_disconnected"]
        assert await told(town, mine) == []


async def test_whoever_is_connected_to_a_paused_store_hears_that_it_is(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await pause(town, await a_token(town, "stores"), reason="no riders")
        other = await another(town, connected=True)
        assert await told(town, other.marketplace_id) == ["store_connected", "store_paused"]


async def test_whoever_is_connected_once_more_hears_all_that_has_changed_meanwhile(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, other = town.house.hub, await another(town, connected=True)
        await pause(town, other.token, reason="no riders")  # what it hears last of an open store, and of a menu
        await disconnect_store(hub, town.venue_id, "gobble")
        store = await hub.store(town.venue_id)
        assert store is not None
        await unpublish_menu(hub, store)
        await connect_store(hub, town.venue_id, "gobble")
        before = ["store_connected", "menu_published", "store_paused", "store_disconnected"]
        since = ["store_connected", "store_resumed", "menu_unpublished"]
        assert await told(town, other.marketplace_id) == before + since
        seen = await look(town, other.token)
        assert seen["open"] is True
        assert "menu" not in seen


async def test_a_marketplaces_pause_ends_with_its_connection(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        other = await another(town, connected=True)
        await pause(town, other.token, reason="no riders")
        await disconnect_store(town.house.hub, town.venue_id, "gobble")
        assert await told(town, town.marketplace.credentials[0]) == ["store_paused", "store_resumed"]
        assert (await told(town, other.marketplace_id))[-2:] == ["store_paused", "store_disconnected"]
        await town.send("A-1")
        problem_of(await pause(town, other.token, reason="again"), 404, "unknown_venue")


async def test_what_another_process_has_changed_holds_here_at_once(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        pool, token = town.house.hub.pool, await a_token(town)
        await town.send("A-1")  # all that may be remembered is remembered now
        body = json.dumps(an_order_body(town, "A-2")).encode()
        await pool.execute("UPDATE stores SET menu_unpublished_at = now()")
        problem_of(await ask_json(town, ORDERS, body, token), 422, "menu_not_synced")
        await pool.execute("UPDATE stores SET menu_unpublished_at = NULL")
        columns = "(organization_id, venue_id, held_by, reason, since)"
        held = f"INSERT INTO store_pauses {columns} VALUES ($1, $2, 'staff', 'x', now())"
        await pool.execute(held, ORGANIZATION, town.venue_id)
        problem_of(await ask_json(town, ORDERS, body, token), 422, "store_not_accepting")
        await pool.execute("DELETE FROM store_pauses")
        taken = await pool.fetchrow("DELETE FROM connections RETURNING *")
        problem_of(await ask_json(town, ORDERS, body, token), 404, "unknown_venue")
        await pool.execute("INSERT INTO connections VALUES ($1, $2, $3, $4)", *taken)
        assert (await ask_json(town, ORDERS, body, token)).status == 201


# --- published, unpublished -------------------------------------------------------------------------------


async def test_a_menu_that_is_not_published_is_not_served_and_takes_no_orders(dsn: str) -> None:
    async with a_town(dsn) as town:
        hub, token = town.house.hub, await a_token(town, "orders stores menus")
        store = await hub.store(town.venue_id)
        assert store is not None
        known = await town.send("A-1")
        assert await unpublish_menu(hub, store) is True
        assert await unpublish_menu(hub, store) is False
        refused = await ask_json(town, ORDERS, json.dumps(an_order_body(town, "A-2")).encode(), token)
        assert problem_of(refused, 422, "menu_not_synced")["detail"] == "The store's menu is not published."
        problem_of(await ask(town, "GET", f"{STORES}/{town.venue_id}/menu", token=token), 422, "menu_not_synced")
        assert "menu" not in await look(town, token)
        await town.until(known, Status.COMPLETED)
        assert await publish_menu(hub, store) == (True, (await hub.pool.fetchval("SELECT menu_version FROM stores")))
        assert (await publish_menu(hub, store))[0] is False
        await town.send("A-2b")
        await town.told_of_store("menu.unpublished", "menu.published")
        [_, published] = town.marketplace.ledger.rows("SELECT body FROM told WHERE order_id IS NULL ORDER BY rowid")
        news = read_event(published["body"])
        menu = (await look(town, token))["menu"]
        assert (news.version, news.menu_url) == (menu["version"], menu["url"])


async def test_a_new_menu_is_published_by_itself_unless_it_is_kept_back(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, mine = town.house.hub, town.marketplace.credentials[0]
        store = await hub.store(town.venue_id)
        assert store is not None
        await unpublish_menu(hub, store)
        await pull_menu(hub, town.house.outbound, store)
        assert await told(town, mine) == []
        await publish_menu(hub, store)
        assert await told(town, mine) == ["menu_published"]
        await pull_menu(hub, town.house.outbound, store)
        assert await told(town, mine) == ["menu_published"], "the same menu again is no news"


async def test_a_marketplace_hears_of_a_store_from_the_first(dsn: str) -> None:
    async with a_town(dsn, introduced=True) as town:
        await town.told_of_store("store.connected", "menu.published")
