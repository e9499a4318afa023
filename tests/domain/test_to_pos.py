"""A channel's order as its POS gets it: every cent arrives, and each line is what the menu says it is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, NOW, a_content, a_line, a_menu, an_order
from heard.domain.ids import ModifierId, ProductId, submit_uid
from heard.domain.menu.index import MenuIndex, index_menu
from heard.domain.menu.model import Availability, Product, ProductType
from heard.domain.money import Cents, currency
from heard.domain.order.content import (
    Customer,
    Fulfillment,
    FulfillmentType,
    Line,
    LineModifier,
    OrderContent,
    PaymentMethod,
)
from heard.domain.order.to_pos import pos_items, pos_order
from heard.domain.pos import ItemType, PosItem, PosOrder, PosOrderType, PosPayment, RequestType
from heard.domain.pricing.cart import Cart, CartLine, PricingRules
from heard.domain.pricing.price import price

CENTS = st.integers(0, 10**6).map(Cents)


def modifiers(depth: int = 2) -> st.SearchStrategy[LineModifier]:
    below: st.SearchStrategy[list[LineModifier]] = st.lists(modifiers(depth - 1), max_size=2) if depth else st.just([])
    return st.builds(
        lambda quantity, price, inner: LineModifier(ModifierId("CHEESE"), "Cheese", quantity, price, tuple(inner)),
        st.integers(1, 5),
        CENTS,
        below,
    )


LINES = st.lists(
    st.builds(
        lambda quantity, price, choices: a_line(quantity=quantity, unit_price=price, modifiers=tuple(choices)),
        st.integers(1, 20),
        CENTS,
        st.lists(modifiers(), max_size=3),
    ),
    min_size=1,
    max_size=12,
)


def the_menu() -> MenuIndex:
    return index_menu(a_menu(), "v1")


def sum_of(item: PosItem) -> int:
    """What a POS reckons for an item: a child once per unit of its parent, a Discount once for its whole line."""
    discount = sum(child.price for child in item.menu_items if child.item_type is ItemType.DISCOUNT)
    children = sum(sum_of(child) for child in item.menu_items if child.item_type is not ItemType.DISCOUNT)
    return item.quantity * (item.price + children) - discount


def a_pos_order(content: OrderContent, callback_url: str | None = None, after_s: float = 0.0) -> PosOrder:
    order = an_order(external_order_id=content.external_order_id, total=content.totals.total)
    return pos_order(
        order,
        content,
        the_menu(),
        request_type=RequestType.PLACE,
        request_uid=submit_uid(order.order_id),
        request_datetime=NOW + timedelta(seconds=after_s),
        location_id=LOCATION,
        callback_url=callback_url,
    )


@given(LINES, st.data())
def test_a_discount_is_spread_to_the_cent_and_no_line_falls_below_zero(lines: list[Line], data: st.DataObject) -> None:
    subtotal = sum(line.subtotal for line in lines)
    discount = data.draw(st.integers(0, subtotal))
    items = pos_items(tuple(lines), Cents(discount), the_menu())
    shares = [child.price for item in items for child in item.menu_items if child.item_type is ItemType.DISCOUNT]
    assert sum(shares) == discount
    assert all(share > 0 for share in shares)
    assert sum(sum_of(item) for item in items) == subtotal - discount
    assert all(sum_of(item) >= 0 for item in items)


@given(LINES, st.data(), st.sampled_from(["USD", "JPY"]))
def test_the_pos_is_told_the_very_shares_that_the_order_was_priced_with(
    lines: list[Line], data: st.DataObject, code: str
) -> None:
    money = currency(code)
    lines = [replace(line, unit_price=Cents(line.unit_price * money.step), modifiers=()) for line in lines]
    cart = Cart(tuple(CartLine(line.product_id, line.name, line.quantity, line.unit_price) for line in lines), money)
    units = sum(line.subtotal for line in lines) // money.step
    discount = Cents(data.draw(st.integers(0, units)) * money.step)
    shares = tuple(line.discount for line in price(cart._replace(discount=discount), PricingRules()).lines)
    content = replace(a_content(), lines=tuple(lines), currency=code, discount_shares=shares)
    told = [
        sum(child.price for child in one.menu_items if child.item_type is ItemType.DISCOUNT)
        for one in a_pos_order(content).items
    ]
    assert told == list(shares)


def test_a_discount_whose_shares_nobody_priced_is_spread_in_the_currency_s_coins() -> None:
    lines = (a_line(unit_price=Cents(33_300), modifiers=()), a_line(unit_price=Cents(99_900), modifiers=()))
    items = pos_items(lines, Cents(10_000), the_menu(), 100)
    assert [child.price for item in items for child in item.menu_items] == [2_500, 7_500]


@given(LINES)
def test_without_a_discount_each_line_keeps_its_price_and_has_no_discount(lines: list[Line]) -> None:
    items = pos_items(tuple(lines), Cents(0), the_menu())
    assert [sum_of(item) for item in items] == [line.subtotal for line in lines]
    assert ItemType.DISCOUNT not in {inner.item_type for item in items for inner in item.walk()}


@pytest.mark.parametrize("discount", [-1, 1150])
def test_a_discount_beyond_the_lines_is_no_order(discount: int) -> None:
    with pytest.raises(ValueError, match="cannot be spread"):
        pos_items((a_line(),), Cents(discount), the_menu())


@pytest.mark.parametrize("kind", list(ProductType))
def test_a_line_is_of_the_type_the_menu_gives_its_product(kind: ProductType) -> None:
    product = Product(ProductId("BURGER"), "Burger", Cents(999), Availability.AVAILABLE, type=kind)
    (item,) = pos_items((a_line(),), Cents(100), index_menu(a_menu(product), "v1"))
    assert item.item_type.value == kind.value
    assert [child.item_type for child in item.menu_items] == [ItemType.MODIFIER, ItemType.DISCOUNT]


def test_a_line_takes_its_names_notes_and_nested_choices_along() -> None:
    dip = LineModifier(ModifierId("DIP"), "Dip", 2, Cents(30))
    line = a_line(
        quantity=3, notes="no salt", modifiers=(LineModifier(ModifierId("SIDE"), "Side", 1, Cents(10), (dip,)),)
    )
    (item,) = pos_items((line,), Cents(0), the_menu())
    assert (item.id, item.name, item.quantity, item.price, item.notes) == ("BURGER", "Burger", 3, 999, "no salt")
    assert [(inner.id, inner.name, inner.quantity, inner.price) for inner in item.walk()][1:] == [
        ("SIDE", "Side", 1, 10),
        ("DIP", "Dip", 2, 30),
    ]


@given(LINES, st.data(), CENTS, CENTS, CENTS)
def test_the_totals_of_the_channel_arrive_and_add_up(
    lines: list[Line], data: st.DataObject, tax: Cents, tip: Cents, fee: Cents
) -> None:
    discount = data.draw(st.integers(0, sum(line.subtotal for line in lines)))
    content = a_content("X-1", *lines, discount=discount, tax=tax, tip=tip, delivery_fee=fee)
    found = a_pos_order(content)
    totals = found.totals
    assert totals.grand_total == totals.subtotal - totals.discount_total + totals.tax + totals.tip + totals.fees
    assert totals.grand_total == content.totals.total
    assert sum(sum_of(item) for item in found.items) == totals.subtotal - totals.discount_total
    assert [payment.amount for payment in found.payments] == [totals.grand_total]


@pytest.mark.parametrize("kind", list(FulfillmentType))
def test_the_way_the_guest_gets_the_food_is_told(kind: FulfillmentType) -> None:
    later = NOW + timedelta(hours=2)
    found = a_pos_order(a_content(fulfillment=Fulfillment(kind, later)))
    assert (found.order_type, found.requested_at) == (PosOrderType(kind.value), later)


@pytest.mark.parametrize("method", list(PaymentMethod))
def test_the_payment_names_how_it_is_paid_and_the_channels_number(method: PaymentMethod) -> None:
    content = a_content("X-77", payment=method)
    assert a_pos_order(content).payments == (PosPayment(method.value, content.totals.total, "X-77"),)


def test_the_order_is_named_by_our_id_and_the_guest_and_the_notes_go_along() -> None:
    found = a_pos_order(a_content(customer=Customer("Bo"), notes="ring twice"), callback_url="https://hub.example/cb")
    assert found.online_order_id == an_order().order_id
    assert (found.organization_id, found.location_id) == ("acme", LOCATION)
    assert (found.customer.name, found.notes, found.callback_url) == ("Bo", "ring twice", "https://hub.example/cb")


@pytest.mark.parametrize(("after_s", "ttl_s"), [(0.0, 660), (600.5, 59), (659.5, 1), (700.0, 1)])
def test_the_pos_has_until_the_store_must_have_accepted_and_never_less_than_a_second(
    after_s: float, ttl_s: int
) -> None:
    assert a_pos_order(a_content(), after_s=after_s).ttl_s == ttl_s


def test_the_same_order_is_the_same_value_every_time() -> None:
    content = a_content(discount=7)
    assert a_pos_order(content) == a_pos_order(content)
    assert a_pos_order(content) != a_pos_order(replace(content, notes="other"))
