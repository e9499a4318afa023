"""Carts calculated, paid and ordered over real sockets, with a POS behind: what goes well, and every bad request."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from builders import NOW, ORGANIZATION, a_menu
from counter import CALCULATE, DISCOUNT, ORDERS, TOTAL, a_counter
from heard.clients.admin import AdminClient
from heard.domain.breaker import PosHealth
from heard.domain.hours import Day, read_serving_time
from heard.domain.ids import OrderId, id_from_uuid
from heard.domain.money import MAX_CENTS, Cents
from heard.domain.order.model import Status
from heard.domain.order_types import OrderType
from heard.domain.payments import PaymentState
from heard.domain.pos import PosOrder, PosTotals
from heard.domain.pricing.proof import prove
from heard.domain.stores import StoreRules
from heard.engine.oversee import whole_order
from heard.engine.publish_menu import publish_menu, unpublish_menu
from heard.engine.set_rules import set_hours
from heard.http.app import make_office
from heard.net.in_process import InProcess
from heard.protocols.admin.operations import READ_ORDER
from heard.protocols.carts import as_data
from heard.sandbox.pos import Mood
from heard.storage import health
from heard.work.menus import pull_menu
from ordering import an_app, data_of, paths_of, refusal_of
from parties import Town, a_town
from paying import books, until_paid

DECLINED = 900_01  # an amount that the test provider declines


def adds_up(calculation: dict[str, Any]) -> None:
    """Every sum of a calculation, re-added."""
    lines = calculation["lines"]
    assert calculation["subtotal"] == sum(line["subtotal"] for line in lines)
    assert calculation["discount_total"] == sum(line["discount"] for line in lines)
    assert calculation["tax_total"] == sum(tax["amount"] for line in lines for tax in line["taxes"])
    assert calculation["tax_total"] == sum(tax["amount"] for tax in calculation["taxes"])
    whole = calculation["subtotal"] - calculation["discount_total"] + calculation["tax_total"]
    assert calculation["total"] == whole + calculation["tip"] + calculation["fees"]
    for line in lines:
        assert line["subtotal"] == line["quantity"] * (line["unit_price"] + line["modifiers"])
        assert line["taxable"] == line["subtotal"] - line["discount"]
        assert line["total"] == line["taxable"] + sum(tax["amount"] for tax in line["taxes"])


# --- calculate --------------------------------------------------------------------------------------------


async def test_a_cart_is_estimated_from_the_cached_menu_and_adds_up(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        calculation = data_of(await counter.calculate(tip=300))["calculation"]
        adds_up(calculation)
        assert (calculation["subtotal"], calculation["tip"], calculation["total"]) == (2548, 300, TOTAL + 300)
        assert calculation["tax_is_estimate"] is True
        assert calculation["lines"][0]["taxes"] == [{"name": "food", "rate": "8.25", "base": 2298, "amount": 190}]


async def test_a_discount_is_spread_over_the_lines_and_the_tax_is_on_what_is_left(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        calculation = data_of(await counter.calculate(discounts=DISCOUNT))["calculation"]
        adds_up(calculation)
        assert [line["discount"] for line in calculation["lines"]] == [188, 20]  # of 2298 and 250
        assert calculation["discount_total"] == 208


async def test_without_a_token_a_cart_is_calculated_and_a_discount_is_not_taken(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        assert data_of(await counter.calculate(token=False))["calculation"]["total"] == TOTAL
        refusal_of(await counter.calculate(token=False, discounts=DISCOUNT), 401, "token_required")
        other = await counter.app.token("webhooks-management")
        answer = await counter.app.ask("POST", CALCULATE, counter.cart(discounts=DISCOUNT), other)
        refusal_of(answer, 403, "insufficient_scope")


def discounted(amount: object, **named: str) -> dict[str, Any]:
    return {"discounts": [{"discount_amount": amount, **(named or {"origin_type": "non_integrated"})}]}


def cola(**changes: object) -> dict[str, Any]:
    return {"menu_items": [{"id": "COLA", "quantity": 1, **changes}]}


_AMOUNT, _ITEM = "$.discounts[0].discount_amount", "$.menu_items[0]"
BAD_CARTS: list[tuple[dict[str, Any], str, str, str]] = [
    ({"discounts": [*DISCOUNT, *DISCOUNT]}, "invalid_body", "$.discounts[1]", "too_many_discounts"),
    (discounted(0), "invalid_body", _AMOUNT, "not_positive"),
    (discounted(-1), "invalid_body", _AMOUNT, "not_positive"),
    (discounted(2549), "discount_exceeds_subtotal", _AMOUNT, "exceeds_subtotal"),
    (discounted(2.5), "invalid_body", _AMOUNT, "not_whole_cents"),
    (discounted(208.0), "invalid_body", _AMOUNT, "not_whole_cents"),
    (discounted("208"), "invalid_body", _AMOUNT, "not_whole_cents"),
    (discounted(None), "invalid_body", _AMOUNT, "not_whole_cents"),
    (discounted(208, origin="punchh"), "invalid_body", "$.discounts[0].origin", "unknown_origin"),
    (
        discounted(208, origin_type="non_integrated", origin="punchh"),
        "invalid_body",
        "$.discounts[0].origin",
        "contradiction",
    ),
    (cola(id="NONE"), "item_unavailable", f"{_ITEM}.id", "unknown_item"),
    (cola(quantity=0), "invalid_body", f"{_ITEM}.quantity", "out_of_range"),
    (cola(quantity=10_000), "invalid_body", f"{_ITEM}.quantity", "out_of_range"),
    (cola(quantity="1"), "invalid_body", f"{_ITEM}.quantity", "invalid"),
    (cola(price_level_id="XL"), "item_unavailable", f"{_ITEM}.price_level_id", "unknown_price_level"),
    (cola(modifiers=[{"id": "CHEESE"}]), "item_unavailable", f"{_ITEM}.modifiers[0].id", "unknown_modifier"),
    ({"combo_meals": [{"id": "COLA", "quantity": 1}]}, "item_unavailable", "$.combo_meals[0].id", "no_combo"),
    ({"order_type": {"id": 5, "pickup_asap": True}}, "invalid_body", "$.order_type.id", "unknown_order_type"),
    (
        {"singular_point_id": "00000000-0000-0000-0000-000000000000"},
        "unknown_singular_point",
        "$.singular_point_id",
        "unknown_singular_point",
    ),
    ({"singular_point_id": "counter"}, "invalid_body", "$.singular_point_id", "not_a_uuid"),
]


async def test_every_bad_cart_is_refused_at_its_path_by_its_code_and_its_payment_is_good_for_a_better_one(
    dsn: str,
) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        for changes, code, path, why in BAD_CARTS:
            asked = await counter.calculate(**changes), await counter.place(counter.order(payment, **changes))
            for answer in asked:
                error = refusal_of(answer, 404 if code == "unknown_singular_point" else 422, code)
                assert paths_of(error)[0] == (path, why), (changes, error)
                assert error["message"]
        hub = town.house.hub
        assert await hub.pool.fetchval("SELECT count(*) FROM orders") == 0
        assert await hub.pool.fetchval("SELECT count(*) FROM test_charges") == 0
        placed = data_of(await counter.place(counter.order(payment)), 201)["order"]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        await until_paid(town, order_id, PaymentState.CAPTURED)
        assert await books(town, order_id) == (0, TOTAL, 0)


async def test_an_order_type_that_is_not_served_there_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town, (OrderType.TAKEOUT,))
        error = refusal_of(await counter.calculate(order_type={"id": 7}), 422, "order_type_not_served")
        assert paths_of(error) == [("$.order_type.id", "order_type_not_served")]


async def test_a_menu_that_is_not_published_prices_no_cart(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await unpublish_menu(town.house.hub, store)
        refusal_of(await counter.calculate(), 422, "menu_not_synced")
        await publish_menu(town.house.hub, store)
        assert data_of(await counter.calculate())["calculation"]["total"] == TOTAL


async def test_a_point_of_a_store_that_is_not_the_applications_is_unknown_to_it(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        stranger = await an_app(town, "stranger", connected=False)
        answer = await stranger.ask("POST", CALCULATE, counter.cart())
        refusal_of(answer, 404, "unknown_singular_point")


# --- accurate tax -----------------------------------------------------------------------------------------


async def test_the_pos_computes_the_tax_when_it_is_asked_to(dsn: str) -> None:
    async with a_town(dsn, worker=False, pos_tax=True) as town:
        counter = await a_counter(town)
        calculation = data_of(await counter.calculate(calculate_accurate_tax=True, discounts=DISCOUNT))["calculation"]
        adds_up(calculation)
        assert calculation["tax_is_estimate"] is False
        assert town.pos.ledger.rows("SELECT * FROM tickets") == []


async def test_a_pos_that_does_not_answer_in_time_is_a_clear_503_and_one_that_refuses_says_why(dsn: str) -> None:
    moods = iter([Mood.REFUSE])
    async with a_town(dsn, worker=False, mood=lambda _: next(moods)) as town:
        counter = await a_counter(town)
        error = refusal_of(await counter.calculate(calculate_accurate_tax=True), 422, "pos_refused")
        assert "out of an item" in error["message"]
        await town.pos_dies()
        error = refusal_of(await counter.calculate(calculate_accurate_tax=True), 503, "pos_unavailable")
        assert error["retryable"] is True
        assert data_of(await counter.calculate())["calculation"]["total"] == TOTAL


async def test_a_pos_that_counts_as_gone_is_not_asked_for_prices(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        hub, totals, asked = town.house.hub, town.pos.totals, list[PosOrder]()
        town.pos.totals = lambda order: (asked.append(order), totals(order))[1]
        store = await hub.store(town.venue_id)
        assert store is not None
        async with hub.connection() as connection, connection.transaction():
            await health.lock(connection, store)
            await health.save(connection, store, PosHealth(open_since=NOW, probe_at=NOW), release=False)
        error = refusal_of(await counter.calculate(calculate_accurate_tax=True), 503, "pos_unavailable")
        assert "does not answer" in error["message"]
        assert not asked
        assert data_of(await counter.calculate())["calculation"]["tax_is_estimate"] is True
        async with hub.connection() as connection, connection.transaction():
            await health.save(connection, store, PosHealth(), release=False)
        assert data_of(await counter.calculate(calculate_accurate_tax=True))["calculation"]["tax_is_estimate"] is False
        assert len(asked) == 1


def dearer(order: PosOrder) -> PosTotals:
    stated = order.totals
    return replace(stated, subtotal=Cents(stated.subtotal + 5), grand_total=Cents(stated.grand_total + 5))


async def test_other_totals_of_the_pos_are_refused_and_shown_place_by_place_with_both_numbers(dsn: str) -> None:
    async with a_town(dsn, worker=False, rules=StoreRules(total_tolerance=Cents(4))) as town:
        counter = await a_counter(town)
        town.pos.totals = dearer
        error = refusal_of(await counter.calculate(calculate_accurate_tax=True), 409, "pos_totals_differ")
        assert paths_of(error) == [("$.subtotal", "differs"), ("$.total_before_tax", "differs")]
        assert error["errors"][0]["message"] == "the hub computes 2548 cents, the POS 2553"


async def test_totals_that_differ_by_no_more_than_the_store_puts_up_with_are_taken(dsn: str) -> None:
    async with a_town(dsn, worker=False, rules=StoreRules(total_tolerance=Cents(5))) as town:
        counter = await a_counter(town)
        town.pos.totals = dearer
        calculation = data_of(await counter.calculate(calculate_accurate_tax=True))["calculation"]
        adds_up(calculation)
        assert (calculation["subtotal"], calculation["tax_is_estimate"]) == (2548, False)
        shown = [(one["place"], one["hub"], one["pos"]) for one in calculation["pos_differences"]]
        assert shown == [("$.subtotal", 2548, 2553), ("$.total_before_tax", 2548, 2553)]


# --- orders -----------------------------------------------------------------------------------------------


async def test_a_discounted_order_is_paid_and_goes_to_the_pos_and_its_money_is_taken_once_it_is_confirmed(
    dsn: str,
) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        total = data_of(await counter.calculate(discounts=DISCOUNT))["calculation"]["total"]
        payment = await counter.payment(total)
        body = counter.order(payment, discounts=DISCOUNT)
        placed = data_of(await counter.place(body), 201)["order"]
        assert placed["payment"]["status"] in ("AUTHORIZED", "CAPTURED")
        assert placed["discounts"] == [{"discount_amount": 208, "origin_type": "non_integrated"}]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        order = await town.until(order_id, Status.READY)
        while (order := await town.order(order_id)).payment is not PaymentState.CAPTURED:
            await asyncio.sleep(0.02)
        assert order.pos_total == total
        assert len(town.tickets(order_id)) == 1
        again = data_of(await counter.place(body), 200)["order"]
        assert again["id"] == placed["id"]
        assert len(town.tickets(order_id)) == 1
        read = data_of(await counter.read(placed["id"]))["order"]
        assert read["customer_info"]["first_name"] == "Ada"
        assert "customer_info" not in data_of(await counter.read(placed["id"], token=False))["order"]
        other = {**body, "menu_items": body["menu_items"][:1]}
        error = refusal_of(await counter.place(other), 409, "payment_reused")
        assert paths_of(error) == [("$.payment_info.payment_init_hash", "reused")]


async def test_a_declined_payment_is_told_at_once_and_the_pos_never_hears_of_the_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        tip = DECLINED - TOTAL
        payment = await counter.payment(DECLINED)
        error = refusal_of(await counter.place(counter.order(payment, tip=tip)), 402, "payment_declined")
        assert error["retryable"] is False
        assert town.pos.ledger.rows("SELECT * FROM tickets") == []


async def test_a_payment_is_good_for_its_own_amount_point_and_application_and_not_for_long(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        less = await counter.payment(TOTAL - 1)
        refusal_of(await counter.place(counter.order(less)), 409, "payment_amount_mismatch")
        refusal_of(await counter.place(counter.order("0" * 32)), 404, "unknown_payment")
        stranger = await an_app(town, "stranger")
        good = await counter.payment(TOTAL)
        refusal_of(await stranger.ask("POST", ORDERS, counter.order(good)), 404, "unknown_payment")
        await town.house.hub.pool.execute("""UPDATE clock SET "offset" = interval '1 hour'""")
        refusal_of(await counter.place(counter.order(good)), 409, "payment_expired")
        rows = await town.house.hub.pool.fetchval("SELECT count(*) FROM orders")
        assert rows == 0


async def test_a_price_that_changed_between_calculate_and_create_is_told_with_both(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        await burgers_cost(town, 1099)
        error = refusal_of(await counter.place(counter.order(payment)), 409, "price_changed")
        assert paths_of(error) == [
            ("$.menu_items[0]", "price_changed"),
            ("$.payment_info.payment_init_hash", "other_amount"),
        ]
        assert "2298" in error["errors"][0]["message"]
        assert "2498" in error["errors"][0]["message"]
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_a_tip_that_makes_more_of_an_order_than_any_may_cost_is_refused(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        counter = await a_counter(town)
        for accurate in (False, True):
            answer = await counter.calculate(tip=MAX_CENTS, calculate_accurate_tax=accurate)
            assert paths_of(refusal_of(answer, 422, "invalid_body")) == [("$", "too_much")]
        assert data_of(await counter.calculate(tip=MAX_CENTS - TOTAL))["calculation"]["total"] == MAX_CENTS


async def test_a_price_that_changed_before_the_payment_was_begun_is_told_with_both(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        calculated = data_of(await counter.calculate())["calculation"]["total"]
        await burgers_cost(town, 1099)
        error = refusal_of(await counter.place(counter.order(await counter.payment(calculated))), 409, "price_changed")
        assert [path for path, _ in paths_of(error)] == ["$.menu_items[0]", "$.payment_info.payment_init_hash"]
        assert error["errors"][0]["message"] == "was 2298 cents, is 2498"
        await burgers_cost(town, 1199)
        error = refusal_of(await counter.place(counter.order(await counter.payment(calculated))), 409, "price_changed")
        assert error["errors"][0]["message"] == "was 2298 cents, is 2698"
        wrong = await counter.place(counter.order(await counter.payment(calculated + 1)))
        [error] = refusal_of(wrong, 409, "payment_amount_mismatch")["errors"]
        assert str(calculated + 1) in error["message"]
        assert "comes to 3192 cents" in error["message"]


async def test_a_tax_that_the_pos_computed_does_not_hide_that_the_price_changed(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL + 7)  # the POS's tax of then was another than the estimate
        await burgers_cost(town, 1099)
        error = refusal_of(await counter.place(counter.order(payment)), 409, "price_changed")
        assert error["errors"][0]["message"] == "was 2298 cents, is 2498"
        assert str(TOTAL + 7) in error["errors"][1]["message"]


async def burgers_cost(town: Town, cents: int) -> None:
    menu = [replace(one, price=Cents(cents)) if one.id == "BURGER" else one for one in a_menu().products()]
    town.pos.sell(a_menu(*menu))
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    await pull_menu(town.house.hub, town.house.outbound, store)


async def test_an_order_whose_pos_refuses_it_gives_the_money_back(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town:
        counter = await a_counter(town)
        placed = data_of(await counter.place(counter.order(await counter.payment(TOTAL))), 201)["order"]
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        await town.until(order_id, Status.REJECTED)
        while (await town.order(order_id)).payment is not PaymentState.VOIDED:
            await asyncio.sleep(0.02)
        read = data_of(await counter.read(placed["id"]))["order"]
        assert (read["status"], read["payment"]["status"]) == ("REJECTED", "VOIDED")


async def test_one_payment_makes_one_order_however_often_it_is_sent_at_once(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        body = counter.order(await counter.payment(TOTAL))
        answers = await asyncio.gather(*(counter.place(body) for _ in range(8)))
        assert {json.loads(one.body)["data"]["order"]["id"] for one in answers} == {
            json.loads(answers[0].body)["data"]["order"]["id"]
        }
        assert sorted(one.status for one in answers) == [200] * 7 + [201]


async def test_a_closed_store_takes_no_order_and_says_when_it_opens(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        today = await town.house.hub.now()
        tomorrow = list(Day)[(today.astimezone(store.zone).weekday() + 2) % 7]
        hours = (read_serving_time([tomorrow], "10:00", "11:00"),)
        await set_hours(town.house.hub, town.venue_id, hours)
        for order_type in ({"id": 6, "pickup_asap": True}, {"id": 6, "pickup_at": later(today)}):
            error = refusal_of(
                await counter.place(counter.order(payment, order_type=order_type)), 422, "pickup_not_possible"
            )
            assert error["errors"][0]["code"] == "outside_hours"
            assert "10:00" in error["message"]
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


def later(now: datetime) -> str:
    return (now + timedelta(hours=1)).isoformat(timespec="seconds")


async def test_an_expired_token_is_good_for_nothing(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        await town.house.hub.pool.execute("""UPDATE clock SET "offset" = interval '2 days'""")
        refusal_of(await counter.calculate(discounts=DISCOUNT), 401, "invalid_token")
        refusal_of(
            await counter.app.ask("POST", CALCULATE, counter.cart(), application="0" * 32), 401, "unknown_application"
        )


BAD_TIMES = [
    ({"id": 6, "pickup_at": "2020-01-01 12:00:00"}, "in_the_past"),
    ({"id": 6, "pickup_at": "2027-03-14 02:30:00"}, "missing_hour"),
    ({"id": 6, "pickup_at": "tomorrow"}, "invalid"),
    ({"id": 6, "pickup_asap": True, "pickup_at": "2026-12-01 12:00:00"}, "contradiction"),
    ({"id": 1, "pickup_at": "2026-12-01 12:00:00"}, "asap_only"),
]


async def test_a_pickup_that_cannot_be_is_refused_and_nothing_is_charged(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        payment = await counter.payment(TOTAL)
        for order_type, code in BAD_TIMES:
            answer = await counter.place(counter.order(payment, order_type=order_type))
            error = json.loads(answer.body)["error"]
            assert answer.status == 422, error
            assert code in [one["code"] for one in error["errors"]], error
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_an_operator_sees_the_arithmetic_of_an_order_and_it_can_be_proven_anew(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        total = data_of(await counter.calculate(discounts=DISCOUNT))["calculation"]["total"]
        body = counter.order(await counter.payment(total), discounts=DISCOUNT)
        order_id = OrderId(id_from_uuid("ord", data_of(await counter.place(body), 201)["order"]["id"]) or "")
        found = await whole_order(town.house.hub, ORGANIZATION, order_id)
        assert found.proof is not None
        prove(found.proof.priced)
        assert (found.proof.priced.total, found.proof.tax_is_estimate) == (total, True)
        office = InProcess(make_office(town.house.hub))
        async with AdminClient("http://here", None, carrier=office) as admin:
            told = (await admin.call(READ_ORDER, order_id=order_id)).arithmetic
        assert told == {**as_data(found.proof.priced), "tax_is_estimate": True}


async def test_an_order_that_a_discount_makes_free_is_placed_and_no_provider_is_asked(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter = await a_counter(town)
        free = [{"discount_amount": 2548, "origin_type": "non_integrated"}]
        calculation = data_of(await counter.calculate(discounts=free))["calculation"]
        adds_up(calculation)
        assert calculation["total"] == 0
        body = counter.order(await counter.payment(0), discounts=free)
        placed = data_of(await counter.place(body), 201)["order"]
        assert placed["payment"]["status"] == "NONE"
        order_id = OrderId(id_from_uuid("ord", placed["id"]) or "")
        assert (await town.until(order_id, Status.READY)).pos_total == 0
        assert data_of(await counter.place(body), 200)["order"]["id"] == placed["id"]
        assert len(town.tickets(order_id)) == 1
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM test_charge_calls") == 0
        nothing = await counter.payment(0)
        refusal_of(await counter.place(counter.order(nothing)), 409, "payment_amount_mismatch")
        refusal_of(await counter.initialize(-1), 422, "invalid_body")
