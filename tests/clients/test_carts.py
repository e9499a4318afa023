"""Carts as an application writes them: what is refused at once, and that a hub reads what was meant."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from clients.fake_ordering import POINT
from heard.clients.ordering import Cart, Customer, OrderType, apply_external_discount, combo, item, modifier, new_cart
from heard.clients.ordering.bodies import calculate_body, order_body, payment_body
from heard.domain.ids import id_from_uuid
from heard.protocols.ordering.decode import decode_calculate, decode_new_order, decode_payment


def a_cart(**changes: Any) -> Cart:
    bowl = item(
        "SOUP",
        quantity=2,
        price_level_id="L",
        modifiers=[modifier("BREAD", quantity=3, modifiers=[modifier("BUTTER", price_level_id="XL")])],
        comment="hot",
    )
    lunch = combo("LUNCH", [item("SOUP"), item("PIE", quantity=2)], quantity=4, modifiers=[modifier("BAG")])
    return new_cart(POINT, **{"order_type": 6, "lines": [bowl, lunch], **changes})


def test_a_hub_reads_what_was_meant() -> None:
    cart = apply_external_discount(a_cart(tip=150, notes="ring"), 250)
    read = decode_calculate(calculate_body(cart, accurate_tax=True))
    assert read.singular_point_id == id_from_uuid("spt", POINT)
    assert (read.wanted.discount, read.wanted.tip, read.notes) == (250, 150, "ring")
    assert read.order_type is OrderType.TAKEOUT
    assert (read.pickup_asap, read.pickup_at, read.accurate_tax) == (True, None, True)
    [bowl], [lunch] = read.wanted.items, read.wanted.combos
    assert (bowl.id, bowl.quantity, bowl.price_level_id, bowl.comment) == ("SOUP", 2, "L", "hot")
    [bread] = bowl.modifiers
    [butter] = bread.modifiers
    assert (bread.modifier_id, bread.quantity, butter.modifier_id, butter.quantity) == ("BREAD", 3, "BUTTER", 1)
    assert (bread.price_level_id, bread.modifiers[0].price_level_id) == (None, "XL")
    assert (lunch.id, lunch.quantity, [one.modifier_id for one in lunch.modifiers]) == ("LUNCH", 4, ["BAG"])
    assert [(one.id, one.quantity) for one in lunch.items] == [("SOUP", 1), ("PIE", 2)]


def test_an_order_is_its_cart_with_who_orders_and_what_pays() -> None:
    cart = apply_external_discount(a_cart(), 250)
    ordered = decode_new_order(order_body(cart, Customer("a@b.example", "Ada", "L", "+1"), "f" * 32, False, True))
    assert ordered.cart == decode_calculate(calculate_body(cart, accurate_tax=False))
    assert (ordered.customer.email, ordered.customer.first_name) == ("a@b.example", "Ada")
    assert (ordered.customer.last_name, ordered.customer.phone_number) == ("L", "+1")
    assert (ordered.payment_init_hash, ordered.is_reorder) == ("f" * 32, True)
    payment = decode_payment(payment_body(POINT, 980, "USD", "pm_1"))
    assert (payment.amount, payment.currency, payment.payment_method) == (980, "USD", "pm_1")


def test_the_same_cart_is_the_same_bytes() -> None:
    first, second = (order_body(a_cart(), Customer(first_name="Ada"), "f" * 32, False, False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 3, 14, 18, 30), "2026-03-14 18:30:00"),  # noqa: DTZ001 - the venue's local time
        (datetime(2026, 3, 14, 18, 30, 5, 999_999, UTC), "2026-03-14 18:30:05+00:00"),
        (datetime(2026, 3, 14, 18, 30, tzinfo=timezone(timedelta(hours=-5))), "2026-03-14 18:30:00-05:00"),
    ],
)
def test_a_pickup_is_told_as_the_venues_time_or_with_its_offset(at: datetime, text: str) -> None:
    told = json.loads(calculate_body(a_cart(pickup_at=at), accurate_tax=False))["order_type"]
    assert told == {"id": 6, "pickup_asap": False, "pickup_at": text}


def test_where_an_order_is_brought_goes_along_and_does_not_show() -> None:
    cart = a_cart(order_type=7, delivery_address="12 Elm Street", delivery_comment="ring twice")
    read = decode_calculate(calculate_body(cart, accurate_tax=False))
    assert (read.delivery_address, read.delivery_comment) == ("12 Elm Street", "ring twice")
    assert "Elm" not in repr(cart)


@pytest.mark.parametrize("cents", [0, -1, True, False, 2.5, 250.0, "250", None, 10**18])
def test_a_discount_that_is_no_whole_cents_above_zero_is_refused(cents: Any) -> None:
    cart = a_cart()
    with pytest.raises(ValueError, match=r"^cents: give a whole number of cents"):
        apply_external_discount(cart, cents)
    assert cart.discount == 0


def test_a_second_discount_is_refused_and_the_cart_that_was_given_stays_as_it_is() -> None:
    cart = a_cart()
    discounted = apply_external_discount(cart, 250)
    assert (cart.discount, discounted.discount) == (0, 250)
    with pytest.raises(ValueError, match="a discount of 250 already, and an order has one at most"):
        apply_external_discount(discounted, 1)
    assert "discounts" not in json.loads(calculate_body(cart, accurate_tax=False))
    told = json.loads(calculate_body(discounted, accurate_tax=False))["discounts"]
    assert told == [{"discount_amount": 250, "origin_type": "non_integrated"}]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"order_type": 5}, r"order_type: 5 is none of 1 \(table-service\)"),
        ({"order_type": "takeout"}, "order_type: 'takeout'"),
        ({"lines": []}, "lines: a cart without"),
        ({"tip": -1}, "tip: "),
        ({"tip": 1.5}, "tip: "),
        ({"order_type": 1, "pickup_at": datetime(2026, 3, 14, tzinfo=UTC)}, "pickup_at: order type 1 is for now only"),
    ],
)
def test_a_cart_that_no_hub_would_take_is_not_made(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        a_cart(**wrong)


@pytest.mark.parametrize("quantity", [0, -1, 10_000, True, 1.0, "2", None])
def test_a_quantity_that_is_none_is_refused(quantity: Any) -> None:
    for make in (lambda: item("A", quantity=quantity), lambda: modifier("A", quantity=quantity)):
        with pytest.raises(ValueError, match="quantity: give a whole number from 1 to 9999"):
            make()
    with pytest.raises(ValueError, match="quantity"):
        combo("A", [], quantity=quantity)


@pytest.mark.parametrize("name", ["", "x" * 129, 7, None])
def test_an_id_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="item_id: give an id of 1 to 128 characters"):
        item(name)
    with pytest.raises(ValueError, match="singular_point_id: give an id"):
        new_cart(name, 6, [item("A")])
