"""Orders that are placed at the POS's own numbers: behind the hub stands a till that computes for itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from builders import LOCATION, ORGANIZATION, SHARED_ID, a_menu
from counter import DISCOUNT, TOTAL, Counter, a_counter
from heard import limits
from heard.domain.ids import OrderId, id_from_uuid
from heard.domain.money import Cents
from heard.domain.order.model import Status
from heard.domain.order_types import OrderType
from heard.domain.payments import PaymentState
from heard.domain.stores import StoreRules
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos import Cancelled, Location, Menu, Order, OrderRef, Placed, PosTotals, Standing, Validated, app
from heard.pos.store import Mapped
from ordering import data_of, paths_of, refusal_of
from parties import Town, a_town
from paying import books, until_paid


class Till:
    """A POS that takes `tax`, which is in its prices already if it is `included`, and asks `more` for the food than it
    was told; it keeps what it was asked.
    """

    def __init__(self, tax: int, more: int = 0, *, included: bool = False) -> None:
        self.tax, self.more, self.included = tax, more, included
        self.validated: list[Order] = []
        self.placed: list[Order] = []
        self.open = asyncio.Event()  # until it is, questions wait
        self.open.set()

    def menu(self, location: Location) -> Menu:
        return a_menu()

    async def validate(self, order: Order) -> Validated:
        self.validated.append(order)
        await self.open.wait()
        return Validated(self._totals(order))

    async def place(self, order: Order) -> Placed:
        self.placed.append(order)
        return Placed(f"P{len(self.placed)}", self._totals(order))

    async def status(self, ref: OrderRef) -> Standing | None:
        found = [one for one in self.placed if one.request_uid == ref.request_uid]
        return Standing("P1", totals=self._totals(found[0])) if found else None

    async def cancel(self, ref: OrderRef) -> Cancelled:
        return Cancelled()

    def _totals(self, order: Order) -> PosTotals:
        sent = order.totals
        total = sent.grand_total - sent.tax + (0 if self.included else self.tax) + self.more
        return replace(sent, subtotal=Cents(sent.subtotal + self.more), tax=Cents(self.tax), grand_total=Cents(total))


@asynccontextmanager
async def a_town_with(
    dsn: str, till: Till, store: Path, tolerance: int = 0, tax_included: bool = False, **named: Any
) -> AsyncIterator[tuple[Town, Counter]]:
    kit = app(till, shared_id=SHARED_ID, store=str(store / "kit.sqlite"))
    with listening("127.0.0.1", 0) as bound:
        async with kit:
            await kit.store.add_location(Mapped(ORGANIZATION, LOCATION, Location("acme", "main")))
            serving = asyncio.create_task(serve(kit, bound))
            try:
                url = f"http://127.0.0.1:{bound.getsockname()[1]}"
                rules = StoreRules(total_tolerance=Cents(tolerance), prices_include_tax=tax_included)
                async with a_town(dsn, pos_url=url, rules=rules, callbacks=False, **named) as town:
                    yield town, await a_counter(town)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)


async def test_an_order_is_placed_and_paid_at_the_tax_that_the_pos_computes(dsn: str, tmp_path: Path) -> None:
    till = Till(tax=333)
    async with a_town_with(dsn, till, tmp_path) as (town, counter):
        asked = {"calculate_accurate_tax": True, "discounts": DISCOUNT}
        total = data_of(await counter.calculate(**asked))["calculation"]["total"]
        assert total == 2548 - 208 + 333
        body = counter.order(await counter.payment(total), **asked)
        placed = data_of(await counter.place(body), 201)["order"]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        order = await until_paid(town, order_id, PaymentState.CAPTURED)
        assert (order.status, order.total, order.pos_total, order.attention) == (Status.CONFIRMED, total, total, None)
        assert await books(town, order_id) == (0, total, 0)
        assert data_of(await counter.place(body), 200)["order"]["id"] == placed["id"]
        # The till saw a question for each that asked, under an id of its own, and one order.
        assert len({one.request_uid for one in till.validated}) == len(till.validated) == 3
        assert [one.online_order_id for one in till.placed] == [order_id]
        assert till.placed[0].totals.tax == 333


async def test_an_order_for_later_asks_the_pos_about_its_own_time(dsn: str, tmp_path: Path) -> None:
    till = Till(tax=211)
    async with a_town_with(dsn, till, tmp_path, worker=False) as (town, counter):
        wanted = (await town.house.hub.now() + timedelta(days=1)).replace(microsecond=0)
        when = {"id": OrderType.TAKEOUT.value, "pickup_at": wanted.isoformat()}
        body = counter.order(await counter.payment(TOTAL + 1), order_type=when, calculate_accurate_tax=True)
        refusal_of(await counter.place(body), 409, "payment_amount_mismatch")
        assert [one.requested_at for one in till.validated] == [wanted]


async def test_a_pos_that_asks_more_than_the_store_puts_up_with_is_shown_line_by_line_and_nothing_is_kept(
    dsn: str, tmp_path: Path
) -> None:
    till = Till(tax=211, more=3)
    async with a_town_with(dsn, till, tmp_path, tolerance=2) as (town, counter):
        accurate = {"calculate_accurate_tax": True}
        error = refusal_of(await counter.calculate(**accurate), 409, "pos_totals_differ")
        assert paths_of(error) == [("$.subtotal", "differs"), ("$.total_before_tax", "differs")]
        assert "2548" in error["errors"][0]["message"]
        assert "2551" in error["errors"][0]["message"]
        payment = await counter.payment(TOTAL)
        refusal_of(await counter.place(counter.order(payment, **accurate)), 409, "pos_totals_differ")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0
        assert till.placed == []


async def test_within_the_tolerance_the_guest_pays_what_the_hub_computed_and_nobody_is_called(
    dsn: str, tmp_path: Path
) -> None:
    till = Till(tax=211, more=2)
    async with a_town_with(dsn, till, tmp_path, tolerance=2) as (town, counter):
        body = counter.order(await counter.payment(TOTAL), calculate_accurate_tax=True)
        placed = data_of(await counter.place(body), 201)["order"]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        order = await until_paid(town, order_id, PaymentState.CAPTURED)
        assert (order.total, order.pos_total, order.attention) == (TOTAL, TOTAL + 2, None)
        assert await books(town, order_id) == (0, TOTAL, 0)


async def test_where_prices_have_the_tax_in_them_the_pos_says_how_much_and_the_total_stays(
    dsn: str, tmp_path: Path
) -> None:
    till = Till(tax=211, included=True)
    async with a_town_with(dsn, till, tmp_path, tax_included=True) as (town, counter):
        estimated = data_of(await counter.calculate())["calculation"]
        assert (estimated["total"], estimated["tax_total"], estimated["tax_is_estimate"]) == (2548, 194, True)
        accurate = data_of(await counter.calculate(calculate_accurate_tax=True))["calculation"]
        assert (accurate["total"], accurate["tax_total"], accurate["tax_is_estimate"]) == (2548, 211, False)
        assert sum(one["amount"] for line in accurate["lines"] for one in line["taxes"]) == 211
        body = counter.order(await counter.payment(2548), calculate_accurate_tax=True)
        placed = data_of(await counter.place(body), 201)["order"]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        order = await until_paid(town, order_id, PaymentState.CAPTURED)
        assert (order.total, order.pos_total, order.attention) == (2548, 2548, None)
        assert await books(town, order_id) == (0, 2548, 0)
        assert till.placed[0].totals.tax == 0, "what is in the prices is not told again"


async def test_where_prices_have_the_tax_in_them_a_pos_that_adds_one_is_refused(dsn: str, tmp_path: Path) -> None:
    till = Till(tax=211)
    async with a_town_with(dsn, till, tmp_path, tax_included=True) as (town, counter):
        error = refusal_of(await counter.calculate(calculate_accurate_tax=True), 409, "pos_totals_differ")
        assert paths_of(error) == [("$.total", "differs")]
        assert error["errors"][0]["message"] == "the hub computes 2548 cents, the POS 2759"
        body = counter.order(await counter.payment(2548), calculate_accurate_tax=True)
        refusal_of(await counter.place(body), 409, "pos_totals_differ")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_where_prices_have_the_tax_in_them_a_pos_that_does_not_say_how_much_leaves_the_estimate(
    dsn: str, tmp_path: Path
) -> None:
    async with a_town_with(dsn, Till(tax=0), tmp_path, tax_included=True, worker=False) as (_, counter):
        told = data_of(await counter.calculate(calculate_accurate_tax=True))["calculation"]
        assert (told["total"], told["tax_total"], told["tax_is_estimate"]) == (2548, 194, True)


async def test_an_order_at_the_price_of_a_pos_that_is_gone_is_a_clear_503_and_nothing_is_kept(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        await town.pos_dies()
        body = counter.order(payment, calculate_accurate_tax=True)
        error = refusal_of(await counter.place(body), 503, "pos_unavailable")
        assert paths_of(error) == [("$.calculate_accurate_tax", "pos_unavailable")]
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_however_many_ask_for_its_prices_a_pos_is_asked_by_so_many_at_once_and_the_others_hear_it_now(
    dsn: str, tmp_path: Path
) -> None:
    till, most = Till(tax=211), limits.POS_PRICES_AT_ONCE_MAX
    async with a_town_with(dsn, till, tmp_path, worker=False) as (town, counter):
        till.open.clear()
        asking = [asyncio.create_task(counter.calculate(token=False, calculate_accurate_tax=True)) for _ in range(30)]
        while sum(one.done() for one in asking) < len(asking) - most:
            await asyncio.sleep(0.02)
        assert len(till.validated) <= most
        till.open.set()
        answers = await asyncio.gather(*asking)
        assert sorted(one.status for one in answers) == [200] * most + [503] * (len(asking) - most)
        for one in answers:
            if one.status == 503:
                assert refusal_of(one, 503, "pos_unavailable")["retryable"]
        data_of(await counter.calculate(calculate_accurate_tax=True))
        assert not town.house.hub.pos_prices_under_way


async def test_a_tax_that_the_currency_has_no_coins_for_is_the_pos_s_fault_and_not_the_guest_s(
    dsn: str, tmp_path: Path
) -> None:
    till = Till(tax=250)
    async with a_town_with(dsn, till, tmp_path, worker=False) as (town, counter):
        await town.house.hub.pool.execute("UPDATE stores SET currency = 'JPY'")
        town.house.hub.forget_stores_of(ORGANIZATION)
        cart = {"menu_items": [{"id": "COLA", "quantity": 2}], "calculate_accurate_tax": True}
        error = refusal_of(await counter.calculate(**cart), 503, "pos_unavailable")
        assert "250 cents of JPY" in error["message"]
        till.tax = 200
        assert data_of(await counter.calculate(**cart))["calculation"]["tax_total"] == 200
