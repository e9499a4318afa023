"""Venues and their menus, as applications read them: what is told, to whom, and when nothing is sent again."""

import gzip
import json
from dataclasses import replace
from typing import Any

from asking import ask, ask_raw
from builders import LOCATION, ORGANIZATION, a_menu, a_store
from heard.domain.hours import Day, ServingTime, read_serving_time
from heard.domain.ids import LocationId, ProductId, VenueId, uuid_of
from heard.domain.menu.model import Availability, ComboComponent, Menu, MenuSection, PriceRule, Product, ProductType
from heard.domain.money import Cents
from heard.domain.order_types import OrderType
from heard.engine.add_parties import add_store
from heard.engine.disconnect_store import disconnect_store
from heard.engine.pause_store import pause_store
from heard.engine.publish_menu import unpublish_menu
from heard.engine.singular_points import add_point
from heard.protocols.posnext import encode
from heard.work.menus import import_menu
from ordering import API, App, an_app, data_of, paths_of, refusal_of
from parties import Town, a_town

NESTED = "?view=withNestedEntities"
NOBODYS = "00000000-0000-0000-0000-000000000000"


def place(town: Town, rest: str = "") -> str:
    return f"{API}/venues/{uuid_of(town.venue_id)}{rest}"


async def with_points(town: Town) -> dict[str, str]:
    """Two places to order at; the UUID of each by its name."""
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    made = {}
    for name, kinds in (("Counter", [OrderType.TAKEOUT, OrderType.DINE_IN_PICKUP]), ("Table 1", [OrderType(1)])):
        point = await add_point(town.house.hub, store, name, kinds)
        made[name] = uuid_of(point.singular_point_id)
    return made


async def serving(town: Town, *times: ServingTime) -> None:
    """It is open so from now on."""
    words = json.dumps([one.words for one in times])
    await town.house.hub.pool.execute("UPDATE stores SET serving_times = $1, timezone = 'America/New_York'", words)
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    town.house.hub.forget_store(store)


def a_rich_menu() -> Menu:
    """An item with price levels, one that is hidden, one that is sold out, and a combo."""
    burger, *rest = a_menu().sections[0].products
    levels = (
        PriceRule(Cents(1599), price_level_id="large", name="Large"),  # type: ignore[arg-type]
        PriceRule(Cents(1699), price_level_id="large", order_types=("delivery",)),  # type: ignore[arg-type]
        PriceRule(Cents(1399), order_types=("delivery",)),
    )
    cola = Product(ProductId("cola"), "Cola", Cents(300), Availability.UNAVAILABLE, categories=("Drinks", "All"))
    ghost = Product(ProductId("ghost"), "Ghost", Cents(100), Availability.HIDDEN)
    parts = ComboComponent("Drink", (cola.id, ghost.id))
    meal = Product(
        ProductId("meal"), "Meal", Cents(1800), Availability.AVAILABLE, ProductType.COMBO, components=(parts,)
    )
    lunch = MenuSection("lunch", "Lunch", (replace(burger, prices=levels), *rest, cola, ghost, meal))
    return Menu(LOCATION, (lunch, MenuSection("late", "Late", (cola,))), currency="USD")


async def test_a_venue_is_told_as_it_is_now(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, points = await an_app(town), await with_points(town)
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        venue = data_of(await app.ask("GET", place(town)))["venue"]
        uuid = uuid_of(town.venue_id)
        takeout, table = {"type_id": 6, "name": "takeout"}, {"type_id": 1, "name": "table-service"}
        dine_in = {"type_id": 4, "name": "dine-in-pickup"}
        areas = [
            {"id": one, "name": name, "singular_point_id": one, "order_types": kinds}
            for (name, one), kinds in zip(points.items(), ([dine_in, takeout], [table]), strict=True)
        ]
        assert venue == {
            "id": uuid,
            "uuid": uuid,
            "name": store.name,
            "code": store.location_id,
            "currency": {"code": store.currency},
            "timezone": {"name": store.timezone, "offset": venue["timezone"]["offset"]},
            "is_open": True,
            "pickup_time": store.rules.prep_time_min,
            "order_types": [table, dine_in, takeout],
            "serving_times": [],
            "areas": areas,
        }
        nested = data_of(await app.ask("GET", place(town, NESTED)))["venue"]
        inner = [{"singular_points": [{"id": one["id"], "name": one["name"]}]} for one in areas]
        assert nested == {**venue, "areas": [one | more for one, more in zip(areas, inner, strict=True)]}
        await pause_store(town.house.hub, store, "staff", "water")
        assert data_of(await app.ask("GET", place(town)))["venue"]["is_open"] is False


async def test_a_venue_is_closed_outside_its_serving_times_and_says_how_far_its_clock_is_from_utc(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, hub = await an_app(town), town.house.hub
        lunch = read_serving_time([*Day], "11:00", "14:00")
        await serving(town, lunch)
        for moment, offset, is_open in (
            ("2027-01-15 16:30:00+00", "-05:00", True),  # 11:30
            ("2027-01-15 15:30:00+00", "-05:00", False),  # 10:30
            ("2027-07-15 15:30:00+00", "-04:00", True),  # 11:30, in summer
        ):
            await hub.pool.execute(f"UPDATE clock SET \"offset\" = timestamptz '{moment}' - clock_timestamp()")
            venue = data_of(await app.ask("GET", place(town)))["venue"]
            assert (venue["timezone"], venue["is_open"]) == ({"name": "America/New_York", "offset": offset}, is_open)
            assert venue["serving_times"] == [{"days": [*Day], "time_from": "11:00", "time_to": "14:00"}]


async def test_only_a_venue_that_the_application_is_connected_to_is_known(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        app, stranger = await an_app(town), await an_app(town, "kiosk", connected=False)
        hub = town.house.hub
        other = a_store(venue_id=VenueId(hub.new_id("ven", await hub.now())), location_id=LocationId("other"))
        await add_store(hub, other)
        paths = ("", NESTED, "/menus", f"/menus{NESTED}", "/menus/lunch/categories")
        for rest in paths:
            refusal_of(await stranger.ask("GET", place(town, rest)), 404, "unknown_venue")
            for unknown in (uuid_of(other.venue_id), NOBODYS, town.venue_id, "x", uuid_of(town.venue_id)[:-1]):
                refusal_of(await app.ask("GET", f"{API}/venues/{unknown}{rest}"), 404, "unknown_venue")
        assert (await app.ask("GET", place(town).upper().replace("/API/VENUES", "/api/venues"))).status == 200
        await disconnect_store(hub, town.venue_id, app.made.application_id)
        refusal_of(await app.ask("GET", place(town)), 404, "unknown_venue")


async def test_a_view_that_is_none_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        for rest in ("", "/menus"):
            for query, code in (
                ("?view=all", "unknown_value"),
                ("?view=", "unknown_value"),
                (f"{NESTED}&view=x", "repeated"),
            ):
                error = refusal_of(await app.ask("GET", place(town, rest + query)), 422, "invalid_body")
                assert paths_of(error) == [("view", code)]


async def menus_of(town: Town, app: App, rest: str = "") -> Any:
    return data_of(await app.ask("GET", place(town, f"/menus{rest}")))


async def given(town: Town, menu: Menu) -> None:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    await import_menu(town.house.hub, store, encode.encode_menu(menu))


async def test_menus_are_told_alone_or_with_everything_on_them(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, _ = await an_app(town), await with_points(town)
        await given(town, a_rich_menu())
        await serving(town, read_serving_time(["mon"], "11:00", "02:00"))
        plain = (await menus_of(town, app))["menus"]
        times = [{"days": ["mon"], "time_from": "11:00", "time_to": "02:00"}]
        common = {"order_types": [1, 4, 6], "serving_times": times}
        assert plain == [{"id": "lunch", "name": "Lunch", **common}, {"id": "late", "name": "Late", **common}]
        nested = (await menus_of(town, app, NESTED))["menus"]
        assert [{name: one[name] for name in one if name != "categories"} for one in nested] == plain
        lunch = {one["name"]: one for one in nested[0]["categories"]}
        assert {"Drinks", "All", "Lunch"} <= set(lunch)
        items = {one["id"]: one for category in lunch.values() for one in category["items"]}
        assert "ghost" not in items
        assert items["cola"]["is_available"] is False
        burger = items[a_menu().sections[0].products[0].id]
        assert burger["is_available"] is True
        assert burger["price_levels"] == [{"id": "large", "name": "Large", "price": 1599}]
        assert burger["order_type_prices"] == [
            {"order_types": [7, 9], "price_level_id": "large", "price": 1699},
            {"order_types": [7, 9], "price": 1399},
        ]
        assert burger["modifier_groups"][0]["modifiers"][0]["price"] >= 0
        [meal] = lunch["Lunch"]["combos"]
        assert meal["components"] == [
            {
                "name": "Drink",
                "min_selected": 1,
                "max_selected": 1,
                "items": [{"id": "cola", "name": "Cola", "is_available": False}],
            }
        ]
        for menu in nested:
            answer = await menus_of(town, app, f"/{menu['id']}/categories")
            assert answer == {"categories": menu["categories"]}
        refusal_of(await app.ask("GET", place(town, "/menus/dinner/categories")), 404, "not_found")


async def test_a_venue_without_a_menu_says_so(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        for rest in ("", NESTED, "/lunch/categories"):
            error = refusal_of(await app.ask("GET", place(town, f"/menus{rest}")), 422, "menu_not_synced")
            assert error["retryable"]
        await given(town, a_rich_menu())
        assert (await menus_of(town, app))["menus"]
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await unpublish_menu(town.house.hub, store)
        refusal_of(await app.ask("GET", place(town, "/menus")), 422, "menu_not_synced")


async def raw(app: App, rest: str, coding: str) -> tuple[bytes, bytes]:
    """Head and body as they are on the socket."""
    lines = [f"GET {place(app.town, rest)} HTTP/1.1", "host: hub", f"application: {app.made.application_key}"]
    lines += [f"accept-encoding: {coding}", "connection: close", "", ""]
    head, _, body = (await ask_raw(app.town, "\r\n".join(lines).encode())).partition(b"\r\n\r\n")
    return head, body


async def test_who_has_a_menu_already_is_not_sent_it_again_until_something_of_it_changes(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, _ = await an_app(town), await with_points(town)
        await given(town, a_rich_menu())
        for rest in ("/menus", f"/menus{NESTED}", "/menus/lunch/categories"):
            first = await app.ask("GET", place(town, rest))
            head, body = await raw(app, rest, "gzip")
            assert b"content-encoding: gzip" in head
            assert gzip.decompress(body) == first.body
            packed = first.headers["etag"]  # what tests ask with takes gzip, too
            plain = packed.replace("-gzip", "")
            assert f"etag: {packed}".encode() in head
            assert f"etag: {plain}\r".encode() in (await raw(app, rest, "identity"))[0] + b"\r"
            for tag in (plain, packed):
                again = await app.ask("GET", place(town, rest), if_none_match=tag)
                assert (again.status, again.body) == (304, b"")
            assert (await app.ask("GET", place(town, rest), if_none_match='"another"')).body == first.body
        before = await app.ask("GET", place(town, "/menus"))
        await serving(town, read_serving_time(["sun"], "11:00", "12:00"))
        after = await app.ask("GET", place(town, "/menus"), if_none_match=before.headers["etag"])
        assert data_of(after)["menus"][0]["serving_times"]
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await add_point(town.house.hub, store, "Door", [OrderType.DELIVERY])
        later = await app.ask("GET", place(town, "/menus"), if_none_match=after.headers["etag"])
        assert data_of(later)["menus"][0]["order_types"] == [1, 4, 6, 7]
        await given(town, a_menu())
        assert (await app.ask("GET", place(town, "/menus"), if_none_match=later.headers["etag"])).status == 200


async def test_a_token_is_not_needed_but_a_bad_one_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        app = await an_app(town)
        for rest in ("", "/menus"):
            assert (await app.ask("GET", place(town, rest), token=await app.token())).status == 200
            refusal_of(await app.ask("GET", place(town, rest), token="0" * 64), 401, "invalid_token")
        assert (await ask(town, "GET", place(town))).status == 401
        assert app.made.organization_id == ORGANIZATION
