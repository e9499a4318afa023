"""What carts cost, and orders, as applications read them: golden bytes, and nothing of a guest for who may not know."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from builders import an_order
from heard.domain.ids import OrderId, ProductId, SingularPointId, VenueId
from heard.domain.money import Cents, currency
from heard.domain.order.model import ReasonCode, Status
from heard.domain.order_types import OrderType
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxRate
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced
from heard.domain.refusals import FieldError
from heard.protocols.ordering import encode
from heard.protocols.ordering.asked import AskedCustomer
from heard.protocols.ordering.encode_orders import (
    PlacedOrder,
    encode_calculation,
    encode_order,
    encode_payment,
    rate_text,
)

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "ordering"
POINT = SingularPointId("spt_01kdvdna000000000000000000")
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
GUEST = AskedCustomer("ann@guests.example", "Ann", "Bee", "+1 555 0100")


def priced() -> Priced:
    """An item with a choice and two taxes, a combo of two parts, a discount, a tip."""
    state, city = TaxRate("State", 62_500), TaxRate("City", 20_000)
    cheese = CartModifier("CHEESE", "Cheese", 1, Cents(150))  # type: ignore[arg-type]
    burger = CartLine(ProductId("BURGER"), "Burger", 2, Cents(999), (cheese,), (state, city))
    parts = (
        CartComponent(ProductId("WRAP"), "Wrap", 1, Cents(800), (state,)),
        CartComponent(ProductId("COLA"), "Cola", 1, Cents(300), (state, city)),
    )
    meal = CartLine(ProductId("MEAL"), "Meal", 1, Cents(999), (), (), parts)
    return price(Cart((burger, meal), currency("USD"), Cents(1000), Cents(200)), PricingRules())


def placed(**changes: Any) -> PlacedOrder:
    order = an_order(
        order_id=OrderId("ord_01kdvdna000000000000000000"),
        venue_id=VenueId("ven_01kdvdna000000000000000000"),
        received_at=NOON,
        accept_by=NOON.replace(minute=11),
        **changes,
    )
    return PlacedOrder(order, priced(), POINT, OrderType.TAKEOUT, None, "authorized", None)


CASES = {
    "calculation": encode_calculation(priced(), tax_is_estimate=True),
    "order": encode_order(placed(), 201),
    "order_rejected": encode_order(
        placed(status=Status.REJECTED, reason_code=ReasonCode.ITEM_UNAVAILABLE, reason="out of buns")
    ),
    "payment": encode_payment("0123456789abcdef" * 2, POINT, Cents(3100), "USD", NOON),
    "refusal": encode.encode_refusal(
        422, "invalid_body", "$.tip: too much", [FieldError("$.tip", "too_much", "too much")], False
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_as_it_was_agreed_byte_by_byte(name: str) -> None:
    assert CASES[name] == (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


def test_every_number_of_a_calculation_adds_up() -> None:
    told = json.loads(CASES["calculation"])["data"]["calculation"]
    lines = told["lines"]
    assert sum(one["subtotal"] for one in lines) == told["subtotal"] == 2 * (999 + 150) + 999
    assert sum(one["discount"] for one in lines) == told["discount_total"] == 1000
    assert sum(tax["amount"] for one in lines for tax in one["taxes"]) == told["tax_total"]
    assert told["total"] == told["subtotal"] - told["discount_total"] + told["tax_total"] + told["tip"] + told["fees"]
    for line in lines:
        assert line["taxable"] == line["subtotal"] - line["discount"]
        for part in ("subtotal", "discount", "taxable", "total"):
            assert sum(one[part] for one in line.get("components", ())) in (0, line[part])
    assert sum(one["amount"] for one in told["taxes"]) == told["tax_total"]


def test_a_guest_is_told_only_where_the_caller_may_know() -> None:
    bare, whole = placed(), placed()
    known = PlacedOrder(*(getattr(whole, name) for name in PlacedOrder.__slots__[:-1]), GUEST)
    assert "customer_info" not in json.loads(encode_order(bare))["data"]["order"]
    assert json.loads(encode_order(known))["data"]["order"]["customer_info"] == {
        "email": "ann@guests.example",
        "first_name": "Ann",
        "last_name": "Bee",
        "phone_number": "+1 555 0100",
    }
    assert "Ann" not in repr(known)


@pytest.mark.parametrize(
    ("millionths", "text"),
    [(82_500, "8.25"), (70_000, "7"), (0, "0"), (1, "0.0001"), (1_000_000, "100"), (105_010, "10.501")],
)
def test_a_rate_is_told_in_percent_exactly(millionths: int, text: str) -> None:
    assert rate_text(millionths) == text


def test_an_orders_code_is_five_letters_that_nobody_takes_for_digits() -> None:
    codes = [encode.order_code(OrderId(f"ord_{number:026}")) for number in range(500)]
    assert all(len(code) == 5 and code.isalpha() and code.isupper() and not set(code) & set("IO") for code in codes)
    assert len(set(codes)) > 490
    assert codes[7] == encode.order_code(OrderId(f"ord_{7:026}"))
