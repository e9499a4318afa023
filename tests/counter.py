"""How tests stand at a town's counter: carts of its menu calculated, paid and ordered over sockets."""

from typing import Any

from heard.domain.ids import uuid_of
from heard.domain.order_types import OrderType
from heard.engine.singular_points import add_point
from heard.net.call import Answer
from ordering import API, App, an_app, data_of
from parties import Town
from paying import use_test_provider

CALCULATE, ORDERS, INITIALIZE = f"{API}/orders/calculate", f"{API}/orders", f"{API}/payments/initialize"
EVERY = tuple(OrderType)


class Counter:
    """An application at a town's counter, with a token and a singular point."""

    def __init__(self, app: App, point: str, token: str) -> None:
        self.app, self.point, self.token = app, point, token

    def cart(self, **changes: Any) -> dict[str, Any]:
        body = {
            "singular_point_id": self.point,
            "order_type": {"id": 6, "pickup_asap": True},
            "menu_items": [
                {"id": "BURGER", "quantity": 2, "modifiers": [{"id": "CHEESE"}]},
                {"id": "COLA", "quantity": 1},
            ],
            "combo_meals": [],
            "discounts": [],
            "discount_cards": [],
            "tip": 0,
            "calculate_accurate_tax": False,
        }
        return {**body, **changes}

    def order(self, payment: str, **changes: Any) -> dict[str, Any]:
        guest = {"email": "ada@guests.example", "first_name": "Ada", "last_name": "L", "phone_number": "+15550100"}
        paid = {"customer_info": guest, "payment_info": {"payment_init_hash": payment}, "is_reorder": False}
        return {**self.cart(), **paid, **changes}

    async def calculate(self, token: bool = True, **changes: Any) -> Answer:
        return await self.app.ask("POST", CALCULATE, self.cart(**changes), self.token if token else None)

    async def initialize(self, amount: int, **changes: Any) -> Answer:
        body = {"singular_point_id": self.point, "amount": amount, "currency": "USD", **changes}
        return await self.app.ask("POST", INITIALIZE, body)

    async def payment(self, amount: int) -> str:
        begun: str = data_of(await self.initialize(amount), 201)["payment"]["payment_init_hash"]
        return begun

    async def place(self, body: dict[str, Any], token: bool = True) -> Answer:
        return await self.app.ask("POST", ORDERS, body, self.token if token else None)

    async def read(self, uuid: str, token: bool = True) -> Answer:
        return await self.app.ask("GET", f"{ORDERS}/{uuid}", token=self.token if token else None)


async def a_counter(town: Town, order_types: tuple[OrderType, ...] = EVERY) -> Counter:
    await use_test_provider(town)
    app = await an_app(town)
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    point = await add_point(town.house.hub, store, "Counter", order_types)
    return Counter(app, uuid_of(point.singular_point_id), await app.token())


TOTAL = 2759  # 2 x (999 + 150) + 250 = 2548; 8.25 % of each line: 190 + 21

DISCOUNT = [{"discount_amount": 208, "origin_type": "non_integrated"}]
