"""A real chain's menu and 1,834 real orders through the whole system: every cent and every ticket accounted for."""

import asyncio
import random

import pytest

import real_data
from heard.domain.menu.model import Product, ProductType
from heard.domain.order.content import Line, LineModifier
from heard.domain.order.model import Status
from heard.domain.stores import PriceCheck, StoreRules
from lengths import ONE_ORDER_IN
from parties import QUICK, Town, a_town

ABSENT = "the real menus and orders (shared/data beside the checkout) are not on this machine"
needs_data = pytest.mark.skipif(not real_data.FOLDER.is_dir(), reason=ABSENT)
_AT_ONCE = 16


async def drive(town: Town, orders: dict[str, tuple[Line, ...]]) -> None:
    """Send every order, and wait until the marketplace heard that each is ready."""
    bound = asyncio.Semaphore(_AT_ONCE)

    async def one(number: str, lines: tuple[Line, ...]) -> None:
        async with bound:
            await town.send(number, *lines)

    await asyncio.gather(*(one(number, lines) for number, lines in orders.items()))
    async with asyncio.timeout(300):
        while ready(town) < len(orders):
            await asyncio.sleep(0.1)


def ready(town: Town) -> int:
    sql = "SELECT count(DISTINCT order_id) AS n FROM told WHERE type = 'order.ready'"
    count: int = town.marketplace.ledger.rows(sql)[0]["n"]
    return count


async def settled(town: Town, totals: dict[str, int]) -> None:
    """Each order once and ready in the hub, once in the POS, and its total the same everywhere."""
    rows = await town.house.hub.pool.fetch("SELECT external_order_id, order_id, status, total FROM orders")
    assert {row["external_order_id"]: row["total"] for row in rows} == totals
    assert {Status(row["status"]) for row in rows} <= {Status.READY, Status.COMPLETED}
    tickets = town.pos.ledger.rows("SELECT online_order_id, grand_total FROM tickets")
    assert len(tickets) == len(totals), "a ticket is missing or doubled"
    numbers = {row["order_id"]: row["external_order_id"] for row in rows}
    assert {numbers[ticket["online_order_id"]]: ticket["grand_total"] for ticket in tickets} == totals


@needs_data
@pytest.mark.real_data
async def test_a_real_chains_menu_can_be_ordered_from(dsn: str) -> None:
    menu = real_data.dominos_menu()
    products = list(menu.products())
    assert len([product for product in products if product.type is ProductType.ITEM]) == 220
    chance = random.Random(2026)
    orders = {f"D-{n}": tuple(_line(product, chance) for product in chance.sample(products, 3)) for n in range(60)}
    async with a_town(dsn, menu=menu, pace=QUICK) as town:
        await drive(town, orders)
        await settled(town, {number: sum(line.subtotal for line in lines) for number, lines in orders.items()})


def _line(product: Product, chance: random.Random) -> Line:
    below = list(product.modifiers())
    made = tuple(
        LineModifier(one.id, one.name, 1, one.price)
        for one in chance.sample(below, min(len(below), chance.randint(0, 4)))
    )
    return Line(product.id, product.name, chance.randint(1, 3), product.price, modifiers=made)


@needs_data
@pytest.mark.real_data
async def test_1834_real_orders_each_become_one_ticket_and_every_total_is_the_real_one(dsn: str) -> None:
    orders = real_data.chipotle_orders()
    assert len(orders) == 1834
    orders = orders[::ONE_ORDER_IN]
    # A line's price in the file holds its choices, so that one item has many: not the menu's, and taken all the same.
    rules = StoreRules(price_check=PriceCheck.ACCEPT)
    async with a_town(dsn, menu=real_data.chipotle_menu(orders), pace=QUICK, rules=rules) as town:
        await drive(town, {order.number: order.lines for order in orders})
        await settled(town, {order.number: order.total for order in orders})
