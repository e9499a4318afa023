"""The application's client against a whole hub: a discounted cart to READY with its money in, and what is refused."""

import asyncio
from dataclasses import replace

import pytest

from clients.counters import Counter, a_counter, order_id_of
from heard.clients.ordering import (
    Calculation,
    Cart,
    Conflict,
    Customer,
    NotFound,
    OrderType,
    PaymentDeclined,
    RequestRefused,
    Unauthorized,
    apply_external_discount,
    item,
    modifier,
    new_cart,
)
from heard.domain.ids import uuid_of
from heard.domain.order.model import Status
from heard.domain.payments import PaymentState
from parties import a_town

ADA = Customer("ada@guests.example", "Ada", "Lovelace", "+15550100")
DECLINED = 900_01  # an amount that the built-in provider declines


def a_cart(counter: Counter, tip: int = 0) -> Cart:
    burger = item("BURGER", quantity=2, modifiers=[modifier("CHEESE")])
    return new_cart(counter.point, OrderType.TAKEOUT, [burger, item("COLA")], tip=tip)


def adds_up(priced: Calculation) -> bool:
    lines = priced.lines
    return (
        priced.subtotal == sum(line.subtotal for line in lines)
        and priced.discount_total == sum(line.discount for line in lines)
        and priced.tax_total == sum(tax.amount for line in lines for tax in line.taxes)
        and priced.total == sum(line.total for line in lines) + priced.tip + priced.fees
    )


async def test_a_discounted_order_goes_all_the_way_and_its_money_is_kept_once(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        async with counter.client() as client:
            cart = apply_external_discount(a_cart(counter, tip=150), 333)
            priced = await client.calculate(cart)
            assert adds_up(priced)
            assert (priced.subtotal, priced.discount_total, priced.tip) == (2548, 333, 150)
            payment = await client.initialize_payment(counter.point, priced.total, priced.currency)
            placed = await asyncio.gather(
                *(client.create_order(cart, ADA, payment.payment_init_hash) for _ in range(5))
            )
            assert len({order.id for order in placed}) == 1
            await town.until(order_id_of(placed[0].id), Status.COMPLETED)
            order = await client.order(placed[0].id)
            assert (order.status, order.payment_status, order.total) == ("COMPLETED", "CAPTURED", priced.total)
            assert order.lines == tuple(priced.lines)
            assert order.customer_info is not None
            assert order.customer_info.last_name == "Lovelace"
            assert await counter.money(order.id) == (PaymentState.CAPTURED, 0, priced.total)
            assert len(town.tickets(order_id_of(order.id))) == 1
        async with counter.client(with_secret=False) as stranger:
            assert (await stranger.order(order.id)).customer_info is None


async def test_the_pos_is_asked_for_the_taxes_and_ordered_at_them(dsn: str) -> None:
    async with a_town(dsn, pos_tax=True) as town:
        counter = await a_counter(town)
        # Its rates are not those of the menu that the hub has.
        town.pos.menu = replace(town.pos.menu, tax_rates=tuple((one, "20") for one, _ in town.pos.menu.tax_rates))
        async with counter.client() as client:
            cart = apply_external_discount(a_cart(counter), 100)
            estimated, priced = await client.calculate(cart), await client.calculate(cart, accurate_tax=True)
            assert (estimated.tax_is_estimate, priced.tax_is_estimate) == (True, False)
            assert priced.tax_total > estimated.tax_total > 0
            assert adds_up(priced)
            payment = await client.initialize_payment(counter.point, priced.total, priced.currency)
            order = await client.create_order(cart, ADA, payment.payment_init_hash, accurate_tax=True)
            assert order.total == priced.total
            await town.until(order_id_of(order.id), Status.COMPLETED)  # the POS validated it once more, as its own
            assert await counter.money(order.id) == (PaymentState.CAPTURED, 0, priced.total)


async def test_what_a_hub_refuses_comes_as_the_error_for_it_and_nothing_is_charged(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        async with counter.client() as client:
            with pytest.raises(RequestRefused) as too_much:
                await client.calculate(apply_external_discount(a_cart(counter), 2549))
            assert too_much.value.code == "discount_exceeds_subtotal"
            assert too_much.value.errors[0].path == "$.discounts[0].discount_amount"
            with pytest.raises(RequestRefused) as unknown:
                await client.calculate(replace(a_cart(counter), items=(item("PIZZA"),)))
            assert unknown.value.errors[0].path == "$.menu_items[0].id"
            with pytest.raises(NotFound) as nowhere:
                await client.calculate(replace(a_cart(counter), singular_point_id=uuid_of(counter.made.application_id)))
            assert nowhere.value.code == "unknown_singular_point"
            with pytest.raises(NotFound) as no_payment:
                await client.create_order(a_cart(counter), ADA, "f" * 32)
            assert no_payment.value.code == "unknown_payment"
            other = await client.initialize_payment(counter.point, 1, "USD")
            with pytest.raises(Conflict) as mismatch:
                await client.create_order(a_cart(counter), ADA, other.payment_init_hash)
            assert mismatch.value.code == "payment_amount_mismatch"
        async with counter.client(with_secret=False) as stranger:
            with pytest.raises(Unauthorized) as token:
                await stranger.calculate(apply_external_discount(a_cart(counter), 1))
            assert token.value.code == "token_required"
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM test_charges") == 0


async def test_a_declined_payment_is_an_error_of_its_own_and_another_payment_may_be_taken(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        async with counter.client() as client:
            plain = (await client.calculate(a_cart(counter))).total
            cart = a_cart(counter, tip=DECLINED - plain)
            payment = await client.initialize_payment(counter.point, DECLINED, "USD")
            for _ in range(2):  # and once more is no other answer
                with pytest.raises(PaymentDeclined) as caught:
                    await client.create_order(cart, ADA, payment.payment_init_hash)
                assert (caught.value.code, caught.value.retryable) == ("payment_declined", False)
            better = await client.initialize_payment(counter.point, plain, "USD")
            order = await client.create_order(a_cart(counter), ADA, better.payment_init_hash)
            assert order.payment_status in ("AUTHORIZED", "CAPTURED")


async def test_venues_menus_and_webhooks_are_read_as_the_hub_has_them(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        async with counter.client() as client:
            venue = await client.venue(uuid_of(town.venue_id))
            [area] = venue.areas
            assert area.singular_point_id == counter.point
            assert 6 in {one.type_id for one in area.order_types}
            menus = await client.menus(uuid_of(town.venue_id))
            sold = {one.id for menu in menus for category in menu.categories or [] for one in category.items}
            assert {"BURGER", "COLA"} <= sold
            made = await client.add_webhook("https://app.example/heard")
            assert [one.url async for one in client.webhooks()] == [made.url]
            assert await client.remove_webhook(made.id)
            assert not await client.remove_webhook(made.id)
