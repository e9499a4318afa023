"""What is off a menu, over sockets: taken off by the admin API, refused to every channel, gone from what they read."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from asking import a_key, a_token, ask, ask_json, problem_of
from builders import a_line
from counter import TOTAL, a_counter
from heard.domain.ids import ModifierId, ProductId, uuid_of
from heard.domain.money import Cents
from heard.domain.order.content import LineModifier
from heard.net.call import Answer
from heard.protocols.link.encode import encode_new_order
from menu_documents import a_full_menu
from ordering import API, data_of, paths_of, refusal_of
from parties import Town, a_town

ORDERS = "/link/v2/orders"


def items(town: Town, wish: str = "off") -> str:
    return f"/admin/v1/stores/{town.venue_id}/items/{wish}"


async def asked(town: Town, key: str, wish: str, **body: object) -> Any:
    """What the admin API answers to a wish that must be carried out."""
    answer = await ask_json(town, items(town, wish), json.dumps(body).encode(), key)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


async def listed(town: Town, key: str, query: str = "") -> Any:
    answer = await ask(town, "GET", items(town) + query, token=key)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


# --- the admin API ----------------------------------------------------------------------------------------


async def test_an_item_is_taken_off_listed_and_put_back_by_a_key(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key = await a_key(town, "read menus")
        taken = await asked(town, key, "off", item_id="FRIES", minutes=60)
        item = taken["item"]
        assert (taken["venue_id"], taken["new"]) == (town.venue_id, True)
        assert (item["item_id"], item["name"], item["by"]) == ("FRIES", "Fries", "key a test")
        span = datetime.fromisoformat(item["until"]) - datetime.fromisoformat(item["since"])
        assert span == timedelta(hours=1)
        assert await listed(town, key) == {"items": [item], "next": None}
        again = await asked(town, key, "off", item_id="FRIES")
        assert (again["new"], "until" in again["item"]) == (False, False)
        seen = json.loads((await ask(town, "GET", f"/admin/v1/stores/{town.venue_id}", token=key)).body)
        assert seen["items_off"] == 1
        back = await asked(town, key, "on", item_id="FRIES")
        assert back == {"venue_id": town.venue_id, "item_id": "FRIES", "new": True, "name": "Fries"}
        assert await asked(town, key, "on", item_id="FRIES") == {
            "venue_id": town.venue_id,
            "item_id": "FRIES",
            "new": False,
        }
        assert await listed(town, key) == {"items": [], "next": None}


async def test_the_list_comes_in_pages_that_miss_nothing_and_leaves_out_what_is_over(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key = await a_key(town, "read menus")
        for item_id, minutes in (("FRIES", 60), ("BURGER", 5), ("COLA", 60), ("CHEESE", 60)):
            await asked(town, key, "off", item_id=item_id, minutes=minutes)
        await town.pass_time(minutes=6)
        first = await listed(town, key, "?limit=2")
        assert ([one["item_id"] for one in first["items"]], first["next"]) == (["CHEESE", "COLA"], "COLA")
        rest = await listed(town, key, f"?limit=2&after={first['next']}")
        assert ([one["item_id"] for one in rest["items"]], rest["next"]) == (["FRIES"], None)
        problem_of(await ask(town, "GET", f"{items(town)}?limit=501", token=key), 422, "invalid_body")
        problem_of(await ask(town, "GET", f"{items(town)}?after={'x' * 129}", token=key), 422, "invalid_body")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "$.item_id"),
        ({"item_id": ""}, "$.item_id"),
        ({"item_id": 7}, "$.item_id"),
        ({"item_id": "🍟" * 5_000}, "$.item_id"),
        ({"item_id": "x" * 129}, "$.item_id"),
        ({"item_id": "no/such/../item"}, "$.item_id"),
        ({"item_id": "🍟"}, "$.item_id"),
        ({"item_id": "FRIES", "minutes": 0}, "$.minutes"),
        ({"item_id": "FRIES", "minutes": 10_081}, "$.minutes"),
        ({"item_id": "FRIES", "minutes": 1.5}, "$.minutes"),
        ({"item_id": "FRIES", "minutes": "60"}, "$.minutes"),
    ],
)
async def test_a_wish_that_does_not_hold_names_its_member_and_takes_nothing_off(
    dsn: str, body: dict[str, Any], wrong: str
) -> None:
    async with a_town(dsn, worker=False) as town:
        key = await a_key(town, "read menus")
        answer = await ask_json(town, items(town), json.dumps(body).encode(), key)
        assert problem_of(answer, 422, "invalid_body")["errors"][0]["path"] == wrong
        assert (await listed(town, key))["items"] == []


async def test_a_key_without_the_scope_and_one_of_another_organization_change_and_see_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        may, body = await a_key(town, "read menus"), json.dumps({"item_id": "FRIES"}).encode()
        await asked(town, may, "off", item_id="COLA")
        reader, foreign = await a_key(town, "read"), await a_key(town, "read menus", of="another")
        for wish in ("off", "on"):
            problem_of(await ask_json(town, items(town, wish), body, reader), 403, "insufficient_scope")
            problem_of(await ask_json(town, items(town, wish), body, foreign), 404, "unknown_venue")
        problem_of(await ask(town, "GET", items(town), token=foreign), 404, "unknown_venue")
        assert [one["item_id"] for one in (await listed(town, may))["items"]] == ["COLA"]


async def test_a_store_without_a_menu_says_so(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        body = json.dumps({"item_id": "FRIES"}).encode()
        answer = await ask_json(town, items(town), body, await a_key(town, "menus"))
        problem_of(answer, 422, "menu_not_synced")


# --- orders and carts -------------------------------------------------------------------------------------


async def test_a_marketplaces_order_is_refused_at_every_place_of_what_is_off(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        key, token = await a_key(town, "menus"), await a_token(town)

        def chosen(modifier_id: str, cents: int) -> LineModifier:
            return LineModifier(ModifierId(modifier_id), modifier_id, 1, Cents(cents))

        def line(product_id: str, cents: int, *modifiers: LineModifier) -> Any:
            return a_line(
                product_id=ProductId(product_id), name=product_id, unit_price=Cents(cents), modifiers=modifiers
            )

        burger = line("BURGER", 999, chosen("SINGLE", 0), chosen("CHEESE", 150))
        meal = line("MEAL", 1399, chosen("BURGER", 0), chosen("COLA", 0))

        async def post(body: bytes) -> Answer:
            return await ask_json(town, ORDERS, body, token)

        first, second = (encode_new_order(town.content(number, burger, meal)) for number in ("A-1", "A-2"))
        assert (await post(first)).status == 201
        await asked(town, key, "off", item_id="CHEESE", minutes=10)
        await asked(town, key, "off", item_id="COLA")
        problem = problem_of(await post(second), 422, "item_unavailable")
        assert [(one["path"], one["code"]) for one in problem["errors"]] == [
            ("$.items[0].modifiers[1].modifier_id", "sold_out"),
            ("$.items[1].modifiers[1].modifier_id", "sold_out"),
        ]
        assert "'CHEESE' is taken off the menu until 2" in problem["errors"][0]["message"]
        assert problem["errors"][1]["message"] == "'COLA' is taken off the menu until the store puts it back"
        assert (await post(first)).status == 200, "what was taken before is answered as before"
        await town.pass_time(minutes=10)
        await asked(town, key, "on", item_id="COLA")
        assert (await post(second)).status == 201


async def test_a_cart_is_neither_calculated_nor_placed_with_what_is_off(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter, key = await a_counter(town), await a_key(town, "menus")
        payment = await counter.payment(TOTAL)
        await asked(town, key, "off", item_id="COLA", minutes=10)
        for answer in (await counter.calculate(), await counter.place(counter.order(payment))):
            error = refusal_of(answer, 422, "item_unavailable")
            assert paths_of(error) == [("$.menu_items[1].id", "sold_out")]
            assert "'COLA' is taken off the menu until 2" in error["message"]
        await town.pass_time(minutes=10)  # for the cart the process remembers the store as it was
        assert data_of(await counter.calculate())["calculation"]["total"] == TOTAL
        await asked(town, key, "off", item_id="CHEESE")
        assert paths_of(refusal_of(await counter.calculate(), 422, "item_unavailable")) == [
            ("$.menu_items[0].modifiers[0].id", "sold_out")
        ]
        await asked(town, key, "on", item_id="CHEESE")
        assert (await counter.place(counter.order(payment))).status == 201


# --- what channels read -----------------------------------------------------------------------------------


async def test_a_marketplaces_menu_says_what_is_off_under_another_tag_until_it_is_back(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, token = await a_key(town, "menus"), await a_token(town, "menus stores")
        path, store = f"/link/v2/stores/{town.venue_id}/menu", f"/link/v2/stores/{town.venue_id}"

        async def read(etag: str | None = None) -> Answer:
            having = {} if etag is None else {"if_none_match": etag}
            return await ask(town, "GET", path, token=token, accept_encoding="identity", **having)

        async def version() -> str:
            told: str = json.loads((await ask(town, "GET", store, token=token)).body)["menu"]["version"]
            return told

        first = await read()
        assert (await read(first.headers["etag"])).status == 304
        await asked(town, key, "off", item_id="FRIES", minutes=10)
        second = await read(first.headers["etag"])
        assert (second.status, second.headers["etag"] != first.headers["etag"]) == (200, True)
        told = json.loads(second.body)
        assert {one["id"]: one["state"] for one in told["items"]}["FRIES"] == "unavailable"
        assert (second.headers["etag"], told["version"]) == (f'"{await version()}"', await version())
        assert (await read(second.headers["etag"])).status == 304
        await asked(town, key, "off", item_id="CHEESE")
        third = await read(second.headers["etag"])
        [group] = json.loads(third.body)["modifier_groups"]
        assert [one["state"] for one in group["modifiers"]] == ["unavailable"]
        await asked(town, key, "on", item_id="CHEESE")
        assert (await read(second.headers["etag"])).status == 304, "as it was, under the tag it had"
        await town.pass_time(minutes=10)
        last = await read(second.headers["etag"])
        assert (last.headers["etag"], last.body) == (first.headers["etag"], first.body)
        assert await version() == json.loads(first.body)["version"]


async def test_an_applications_menus_say_what_is_off_under_another_tag_until_it_is_back(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter, key = await a_counter(town), await a_key(town, "menus")
        place = f"{API}/venues/{uuid_of(town.venue_id)}/menus"
        for path in (f"{place}?view=withNestedEntities", f"{place}/M1/categories"):
            first = await counter.app.ask("GET", path)
            await asked(town, key, "off", item_id="FRIES")
            second = await counter.app.ask("GET", path, if_none_match=first.headers["etag"])
            data = data_of(second)
            categories = data["menus"][0]["categories"] if "menus" in data else data["categories"]
            had = {one["id"]: one["is_available"] for one in categories[0]["items"]}
            assert had == {"BURGER": True, "FRIES": False, "COLA": True}
            await asked(town, key, "on", item_id="FRIES")
            third = await counter.app.ask("GET", path, if_none_match=second.headers["etag"])
            assert (third.status, third.headers["etag"], third.body) == (200, first.headers["etag"], first.body)


async def test_the_menus_own_versions_know_nothing_of_what_is_off(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key = await a_key(town, "read menus")
        path = f"/admin/v1/stores/{town.venue_id}/menus"
        before = json.loads((await ask(town, "GET", path, token=key)).body)
        await asked(town, key, "off", item_id="FRIES")
        assert json.loads((await ask(town, "GET", path, token=key)).body) == before
