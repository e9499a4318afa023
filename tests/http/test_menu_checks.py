"""New orders over a socket, held against the published menu: bounds of choices, and prices by the store's setting."""

import json
from typing import Any

import pytest

from asking import a_token, an_order_body, ask, ask_json, nothing_remains, problem_of
from builders import a_line
from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents
from heard.domain.order.content import Line, LineModifier
from heard.domain.order.model import Status
from heard.domain.stores import PriceCheck, StoreRules
from heard.engine.set_rules import set_rules
from heard.net.call import Answer
from heard.protocols.link.encode import encode_new_order
from menu_builders import repriced
from menu_documents import a_full_menu
from parties import Town, a_town, put_menu

ORDERS = "/link/v2/orders"


def chosen(modifier_id: str, cents: int = 0, *below: LineModifier) -> LineModifier:
    return LineModifier(ModifierId(modifier_id), modifier_id, 1, Cents(cents), below)


def ordered(product_id: str, cents: int, *modifiers: LineModifier) -> Line:
    return a_line(product_id=ProductId(product_id), name=product_id, unit_price=Cents(cents), modifiers=modifiers)


async def post(town: Town, number: str, *lines: Line) -> Answer:
    return await ask_json(town, ORDERS, encode_new_order(town.content(number, *lines)), await a_token(town))


def places(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["path"], error["code"]) for error in problem["errors"]]


@pytest.mark.parametrize(
    ("line", "place", "code"),
    [
        (ordered("BURGER", 999), "$.items[0].modifiers", "too_few_choices"),
        (ordered("BURGER", 999, chosen("SINGLE"), chosen("DOUBLE", 300)), "$.items[0].modifiers", "too_many_choices"),
        (
            ordered("BURGER", 999, chosen("SINGLE"), chosen("BACON", 200)),
            "$.items[0].modifiers[1].modifiers",
            "too_few_choices",
        ),
        (ordered("MEAL", 1399, chosen("BURGER")), "$.items[0].modifiers", "too_few_choices"),
        (
            ordered("MEAL", 1399, chosen("BURGER"), chosen("WATER")),
            "$.items[0].modifiers[1].modifier_id",
            "sold_out",
        ),
    ],
)
async def test_choices_outside_the_bounds_of_their_group_are_refused(
    dsn: str, line: Line, place: str, code: str
) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        problem = problem_of(await post(town, "A-1", line), 422, "item_unavailable")
        assert places(problem) == [(place, code)]
        assert problem["detail"].startswith(place)
        assert await nothing_remains(town)


async def test_an_order_of_nested_choices_and_a_combo_goes_all_the_way(dsn: str) -> None:
    async with a_town(dsn, menu=a_full_menu()) as town:
        burger = ordered("BURGER", 999, chosen("SINGLE"), chosen("BACON", 200, chosen("CRISPY")))
        meal = ordered("MEAL", 1399, chosen("BURGER"), chosen("COLA"))
        order_id = await town.send("A-1", burger, meal)
        await town.until(order_id, Status.COMPLETED)


async def test_prices_that_are_not_the_menus_are_refused_naming_each_with_both(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        line = ordered("BURGER", 899, chosen("DOUBLE", 301))
        problem = problem_of(await post(town, "A-1", ordered("FRIES", 349), line), 422, "price_mismatch")
        assert [(one["path"], one["message"]) for one in problem["errors"]] == [
            ("$.items[1].unit_price", "the menu says 999, the order 899"),
            ("$.items[1].modifiers[0].unit_price", "the menu says 300, the order 301"),
        ]
        assert problem["retryable"] is False
        assert await nothing_remains(town)


async def test_a_cart_made_on_the_menu_before_is_refused_and_its_number_is_free_for_the_mended_one(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await put_menu(town.house.hub, store, repriced(a_full_menu(), "FRIES", 399))
        problem = problem_of(await post(town, "A-1", ordered("FRIES", 349)), 422, "price_mismatch")
        assert [one["message"] for one in problem["errors"]] == ["the menu says 399, the order 349"]
        assert (await post(town, "A-1", ordered("FRIES", 399))).status == 201


async def test_a_store_that_takes_other_prices_shows_where_they_differ(dsn: str) -> None:
    rules = StoreRules(price_check=PriceCheck.ACCEPT)
    async with a_town(dsn, menu=a_full_menu(), rules=rules) as town:
        token = await a_token(town)
        other, same = await town.send("A-1", ordered("FRIES", 299)), await town.send("A-2", ordered("FRIES", 349))
        difference = {"path": "$.items[0].unit_price", "menu": 349, "order": 299}
        seen = json.loads((await ask(town, "GET", f"{ORDERS}/{other}", token=token)).body)
        assert seen["price_differences"] == [difference]
        found = await ask(town, "GET", f"{ORDERS}?external_order_id=A-1", token=token)
        assert json.loads(found.body)["orders"][0]["price_differences"] == [difference]
        assert "price_differences" not in json.loads((await ask(town, "GET", f"{ORDERS}/{same}", token=token)).body)
        await town.until(other, Status.COMPLETED)


async def test_what_a_store_does_with_other_prices_can_be_changed_at_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        problem_of(await post(town, "A-1", ordered("FRIES", 299)), 422, "price_mismatch")
        await set_rules(town.house.hub, town.venue_id, price_check=PriceCheck.ACCEPT)
        assert (await post(town, "A-1", ordered("FRIES", 299))).status == 201
        await set_rules(town.house.hub, town.venue_id, price_check=PriceCheck.REFUSE)
        problem_of(await post(town, "A-2", ordered("FRIES", 299)), 422, "price_mismatch")


async def test_what_is_missing_is_told_before_what_it_costs(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        body = an_order_body(town)
        body["items"][0] |= {"item_id": "PIZZA", "unit_price": 1}
        body["items"].append({"item_id": "FRIES", "name": "Fries", "quantity": 1, "unit_price": 1})
        body |= {"subtotal": 152, "total": 152}
        answer = await ask_json(town, ORDERS, json.dumps(body).encode(), await a_token(town))
        assert places(problem_of(answer, 422, "item_unavailable")) == [("$.items[0].item_id", "unknown_item")]
