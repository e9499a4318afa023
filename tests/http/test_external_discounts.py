"""The External Discounts document, call by call and attribute by attribute, over real sockets with a POS behind.

docs/reference/external-discounts.md names the test of each row; a test holds that page to this file.
"""

import re
from typing import Any

from builders import LOCATION
from heard.domain.ids import ModifierId, OrderId, PriceLevelId, ProductId, id_from_uuid, uuid_of
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from heard.domain.order.model import Status
from heard.domain.order_types import OrderType
from heard.domain.payments import PaymentState
from heard.engine.singular_points import add_point
from heard.work.menus import pull_menu
from ordering import API, App, an_app, data_of, paths_of, refusal_of
from parties import Town, a_town
from paying import until_paid, use_test_provider

CALCULATE, ORDERS, INITIALIZE = f"{API}/orders/calculate", f"{API}/orders", f"{API}/payments/initialize"
HEADERS = {"x_request_id": "69da3547-204b-4093-a225-54e084c24215", "api_version": "4.44.0", "x_role_id": ""}
NON_INTEGRATED = {"discount_amount": 500, "origin_type": "non_integrated"}


def a_product(product_id: str, price: int, category: str, **more: Any) -> Product:
    available = Availability.AVAILABLE
    return Product(ProductId(product_id), product_id.title(), Cents(price), available, tax_category=category, **more)


def a_menu_with_two_rates() -> Menu:
    """Food at 8 %, drinks at 20 %; a coffee in two sizes; a lunch of a soup and a juice."""
    cheese = ModifierGroup("EXTRAS", "Extras", (Modifier(ModifierId("CHEESE"), "Cheese", Cents(100)),))
    sizes = (PriceRule(Cents(300), PriceLevelId("S"), "Small"), PriceRule(Cents(450), PriceLevelId("L"), "Large"))
    parts = tuple(ComboComponent(name, (ProductId(name),), 1, 1) for name in ("SOUP", "JUICE"))
    products = (
        a_product("BURGER", 1000, "food", groups=(cheese,)),
        a_product("COFFEE", 300, "drinks", prices=sizes),
        a_product("SOUP", 600, "food"),
        a_product("JUICE", 400, "drinks"),
        a_product("LUNCH", 900, "food", type=ProductType.COMBO, components=parts),
    )
    return Menu(LOCATION, (MenuSection("M", "All day", products),), (("food", "8"), ("drinks", "20")), "USD")


class Program:
    """A loyalty program of a town's brand, with what its documents call by name."""

    def __init__(self, app: App, point: str, token: str) -> None:
        self.app, self.point, self.token = app, point, token

    def cart(self, **changes: Any) -> dict[str, Any]:
        """The document's sample, whole."""
        body = {
            "singular_point_id": self.point,
            "order_type": {"id": 6},
            "menu_items": [
                {
                    "id": "BURGER",
                    "quantity": 1,
                    "price_level_id": None,
                    "modifiers": [{"id": "CHEESE", "quantity": 1}],
                },
                {"id": "COFFEE", "quantity": 2, "price_level_id": "L", "modifiers": []},
            ],
            "combo_meals": [{"id": "LUNCH", "quantity": 1, "menu_items": [{"id": "SOUP"}, {"id": "JUICE"}]}],
            "discounts": [NON_INTEGRATED],
            "discount_cards": [],
            "tip": 0,
            "calculate_accurate_tax": False,
        }
        for part in body["combo_meals"][0]["menu_items"]:  # type: ignore[index]  # a literal
            part["quantity"] = 1
        return {**body, **changes}

    async def calculate(self, **changes: Any) -> dict[str, Any]:
        answer = await self.app.ask("POST", CALCULATE, self.cart(**changes), self.token, **HEADERS)
        calculation: dict[str, Any] = data_of(answer)["calculation"]
        return calculation

    async def pay(self, amount: int) -> str:
        body = {"singular_point_id": self.point, "amount": amount, "currency": "USD"}
        begun: str = data_of(await self.app.ask("POST", INITIALIZE, body), 201)["payment"]["payment_init_hash"]
        return begun


async def a_program(town: Town) -> Program:
    await use_test_provider(town)
    app = await an_app(town)
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    point = await add_point(town.house.hub, store, "Counter", list(OrderType))
    return Program(app, uuid_of(point.singular_point_id), await app.token("order"))


# 1,100 + 900 + 900: the burger with cheese, two large coffees, the lunch.
SUBTOTAL = 2900


# --- authentication ---------------------------------------------------------------------------------------


async def test_a_token_is_generated_as_the_document_shows(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        answer = await app.ask_token({"grant_type": "client_credentials", "scope": "order"}, **HEADERS)
        token = data_of(answer)["oauth_token"]
        assert re.fullmatch("[0-9a-f]{64}", token.pop("access_token"))
        assert token == {"token_type": "bearer", "scope": "order", "expires_in": 86399}
        assert answer.headers["x-request-id"] == HEADERS["x_request_id"]
        assert answer.headers["api-version"] == "4.44.0"


async def test_only_a_machine_with_a_token_may_send_a_discount(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        refusal_of(await program.app.ask("POST", CALCULATE, program.cart()), 401, "token_required")
        refusal_of(await program.app.ask("POST", CALCULATE, program.cart(), "0" * 64), 401, "invalid_token")
        assert (await program.calculate())["discount_total"] == 500


# --- the cart ---------------------------------------------------------------------------------------------


async def test_the_document_s_sample_is_calculated_with_every_attribute_it_has(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        calculation = await program.calculate(tip=250)
        assert calculation["subtotal"] == SUBTOTAL
        assert [line["subtotal"] for line in calculation["lines"]] == [1100, 900, 900]
        assert (calculation["currency"], calculation["tip"]) == ("USD", 250)
        whole = SUBTOTAL - 500 + calculation["tax_total"] + 250
        assert calculation["total"] == whole
        assert town.pos.ledger.rows("SELECT * FROM answers") == []  # an estimate: the POS was not asked


async def test_the_amount_is_spread_over_all_items_and_combos_in_proportion_to_their_price(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        lines = (await program.calculate())["lines"]
        # 500 x 1100 / 2900 = 189.66, twice 500 x 900 / 2900 = 155.17: the burger gets the cent that is left.
        assert [line["discount"] for line in lines] == [190, 155, 155]
        # The lunch's 900 are 540 of soup and 360 of juice; its 155 are 93 and 62.
        assert [part["subtotal"] for part in lines[2]["components"]] == [540, 360]
        assert [part["discount"] for part in lines[2]["components"]] == [93, 62]


async def test_taxes_differ_and_each_is_taken_on_what_the_discount_leaves(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        burger, coffee, lunch = (await program.calculate())["lines"]
        assert burger["taxes"] == [{"name": "food", "rate": "8", "base": 910, "amount": 73}]  # 72.8
        assert coffee["taxes"] == [{"name": "drinks", "rate": "20", "base": 745, "amount": 149}]
        assert [part["taxes"][0]["amount"] for part in lunch["components"]] == [36, 60]  # 8 % of 447, 20 % of 298
        whole = await program.calculate(discounts=[])
        assert whole["tax_total"] == 88 + 180 + 43 + 72


async def test_an_order_has_one_external_discount_at_most(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        two = program.cart(discounts=[NON_INTEGRATED, NON_INTEGRATED])
        error = refusal_of(await program.app.ask("POST", CALCULATE, two, program.token), 422, "invalid_body")
        assert paths_of(error) == [("$.discounts[1]", "too_many_discounts")]


async def test_the_origin_is_taken_by_both_names_in_both_spellings(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        for key in ("origin", "origin_type"):
            for word in ("non_integrated", "non-integrated"):
                found = await program.calculate(discounts=[{"discount_amount": 500, key: word}])
                assert found["discount_total"] == 500
        both = {"discount_amount": 500, "origin": "non-integrated", "origin_type": "integrated"}
        answer = await program.app.ask("POST", CALCULATE, program.cart(discounts=[both]), program.token)
        assert paths_of(refusal_of(answer, 422, "invalid_body")) == [("$.discounts[0].origin", "contradiction")]


async def test_what_the_samples_leave_out_is_empty(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        body = program.cart()
        for name in ("combo_meals", "discount_cards", "tip", "calculate_accurate_tax"):
            del body[name]
        found = data_of(await program.app.ask("POST", CALCULATE, body, program.token))["calculation"]
        assert (found["subtotal"], found["tip"], found["tax_is_estimate"]) == (2000, 0, True)


async def test_a_price_level_is_priced_and_another_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates()) as town:
        program = await a_program(town)
        small = [{"id": "COFFEE", "quantity": 1, "price_level_id": "S"}]
        assert (await program.calculate(menu_items=small, combo_meals=[], discounts=[]))["subtotal"] == 300
        small[0]["price_level_id"] = "XXL"
        answer = await program.app.ask("POST", CALCULATE, program.cart(menu_items=small), program.token)
        assert answer.status == 422
        assert b"unknown_price_level" in answer.body


async def test_the_pos_computes_the_tax_where_it_is_to_be_accurate(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_menu_with_two_rates(), pos_tax=True) as town:
        program = await a_program(town)
        estimate, accurate = await program.calculate(), await program.calculate(calculate_accurate_tax=True)
        assert (estimate["tax_is_estimate"], accurate["tax_is_estimate"]) == (True, False)
        assert accurate["tax_total"] == estimate["tax_total"]
        [asked] = town.pos.ledger.rows("SELECT request_type FROM answers")
        assert asked["request_type"] == "validate-order"
        assert town.pos.ledger.rows("SELECT * FROM tickets") == []


# --- the order --------------------------------------------------------------------------------------------


async def test_a_discounted_order_is_placed_with_every_attribute_of_the_document(dsn: str) -> None:
    async with a_town(dsn, menu=a_menu_with_two_rates(), pos_tax=True) as town:
        program = await a_program(town)
        total = (await program.calculate(tip=250))["total"]
        body = program.cart(
            tip=250,
            order_type={"id": 6, "pickup_asap": True, "pickup_at": None},
            customer_info={
                "email": "ada@guests.example",
                "first_name": "Ada",
                "last_name": "Lovelace",
                "phone_number": "+15550100",
            },
            payment_info={"payment_init_hash": await program.pay(total)},
            is_reorder=False,
        )
        placed = data_of(await program.app.ask("POST", ORDERS, body, program.token, **HEADERS), 201)["order"]
        assert placed["discounts"] == [{"discount_amount": 500, "origin_type": "non_integrated"}]
        assert (placed["total"], placed["order_type"]) == (total, {"id": 6, "pickup_asap": True})
        assert re.fullmatch("[A-Z]{5}", placed["code"])
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        order = await town.until(order_id, Status.READY, Status.COMPLETED)
        assert (order.pos_total, order.attention) == (total, None)  # the POS taxed the very shares
        await until_paid(town, order_id, PaymentState.CAPTURED)
        read = data_of(await program.app.ask("GET", f"{ORDERS}/{placed['id']}", token=program.token))["order"]
        assert (read["discount_total"], read["payment"]["status"]) == (500, "CAPTURED")


async def test_the_pos_gets_each_line_s_share_and_taxes_what_is_left(dsn: str) -> None:
    async with a_town(dsn, menu=a_menu_with_two_rates(), pos_tax=True) as town:
        program = await a_program(town)
        heard: list[Any] = []
        totals = town.pos.totals
        town.pos.totals = lambda order: (heard.append(order), totals(order))[1]
        total = (await program.calculate())["total"]
        body = program.cart(payment_info={"payment_init_hash": await program.pay(total)})
        body["order_type"] = {"id": 6, "pickup_asap": True}
        placed = data_of(await program.app.ask("POST", ORDERS, body, program.token), 201)["order"]
        await town.until(OrderId(id_from_uuid("ord", placed["id"]) or ""), Status.READY, Status.COMPLETED)
        shares = [[one.price for one in item.menu_items if one.item_type == "Discount"] for item in heard[-1].items]
        assert shares == [[190], [155], [155]]
        assert sum(line["discount"] for line in placed["lines"]) == 500


async def test_an_odd_cent_lies_in_the_pos_where_it_lay_when_the_tax_was_computed(dsn: str) -> None:
    products = tuple(a_product(name, 500, kind) for name, kind in (("BREAD", "food"), ("WINE", "drinks")))
    menu = Menu(LOCATION, (MenuSection("M", "All day", products),), (("food", "8"), ("drinks", "20")), "USD")
    async with a_town(dsn, menu=menu, pos_tax=True) as town:
        program = await a_program(town)
        heard: list[Any] = []
        totals = town.pos.totals
        town.pos.totals = lambda order: (heard.append(order), totals(order))[1]
        cart: dict[str, Any] = {
            "menu_items": [{"id": "BREAD", "quantity": 1}, {"id": "WINE", "quantity": 1}],
            "combo_meals": [],
            "discounts": [{**NON_INTEGRATED, "discount_amount": 1}],
        }
        found = await program.calculate(**cart)
        assert [line["discount"] for line in found["lines"]] == [0, 1]  # of two that tie, what is taxed higher
        body = program.cart(payment_info={"payment_init_hash": await program.pay(found["total"])}, **cart)
        body["order_type"] = {"id": 6, "pickup_asap": True}
        placed = data_of(await program.app.ask("POST", ORDERS, body, program.token), 201)["order"]
        order = await town.until(OrderId(id_from_uuid("ord", placed["id"]) or ""), Status.READY, Status.COMPLETED)
        shares = [[one.price for one in item.menu_items if one.item_type == "Discount"] for item in heard[-1].items]
        assert (shares, order.pos_total) == ([[], [1]], found["total"])


async def test_amounts_are_hundredths_in_every_currency_and_yen_stay_whole(dsn: str) -> None:
    tea = a_product("TEA", 33_000, "food")  # 330 yen
    cake = a_product("CAKE", 48_000, "food")
    menu = Menu(LOCATION, (MenuSection("M", "All day", (tea, cake)),), (("food", "8"),), "JPY")
    async with a_town(dsn, worker=False, menu=menu, pulled=False) as town:
        await town.house.hub.pool.execute("UPDATE stores SET currency = 'JPY'")
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        town.house.hub.forget_store(store)
        await pull_menu(town.house.hub, town.house.outbound, store)
        program = await a_program(town)
        items = [{"id": "TEA", "quantity": 1}, {"id": "CAKE", "quantity": 1}]
        ten_yen = [{"discount_amount": 1000, "origin_type": "non_integrated"}]
        found = await program.calculate(menu_items=items, combo_meals=[], discounts=ten_yen)
        assert (found["currency"], found["subtotal"], found["discount_total"]) == ("JPY", 81_000, 1_000)
        assert [line["discount"] for line in found["lines"]] == [400, 600]  # 4.07 and 5.93 yen
        assert [line["taxes"][0]["amount"] for line in found["lines"]] == [2_600, 3_800]  # 26.08 and 37.92 yen
        half = program.cart(menu_items=items, combo_meals=[], discounts=[{**ten_yen[0], "discount_amount": 1050}])
        error = refusal_of(await program.app.ask("POST", CALCULATE, half, program.token), 422, "invalid_body")
        assert paths_of(error) == [("$.discounts[0].discount_amount", "not_payable")]
