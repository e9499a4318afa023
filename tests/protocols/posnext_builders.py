"""posnext values with defaults, and Hypothesis strategies for orders that add up."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from heard.domain.ids import LocationId, OrganizationId, PosOrderId, RequestUid
from heard.domain.money import Cents
from heard.domain.order.content import Customer
from heard.domain.pos import (
    ItemType,
    KitchenState,
    PosAnswer,
    PosError,
    PosItem,
    PosOrder,
    PosOrderType,
    PosPayment,
    PosStatus,
    PosTotals,
    RequestType,
)
from heard.domain.stores import Amounts, PosConnection, SignatureScheme

SHARED_ID = "SharedSecret-123"
AT = datetime(2025, 1, 15, 18, 30, tzinfo=UTC)  # 1736965800


def a_connection(**changes: Any) -> PosConnection:
    return replace(PosConnection("https://pos.example", SHARED_ID), **changes)


def totals_of(items: tuple[PosItem, ...], tax: int = 0, tip: int = 0, fees: int = 0) -> PosTotals:
    """Added up anew, apart from decode's own sums."""
    subtotal = discount = 0
    pending = [(item, 1) for item in items]
    while pending:
        item, times = pending.pop()
        if item.item_type is ItemType.DISCOUNT:
            discount += item.quantity * item.price
        else:
            subtotal += times * item.quantity * item.price
            pending.extend((below, times * item.quantity) for below in item.menu_items)
    grand_total = subtotal - discount + tax + tip + fees
    return PosTotals(*(Cents(n) for n in (subtotal, discount, tax, tip, fees, grand_total)))


def an_item(**changes: Any) -> PosItem:
    return replace(PosItem("burger", "Burger", ItemType.ITEM, 1, Cents(1299)), **changes)


def an_order(**changes: Any) -> PosOrder:
    """Signs like the second half of wire.md's vectors: 1299 and 104 are 1403."""
    items = changes.get("items", (an_item(),))
    order = PosOrder(
        request_uid=RequestUid("order-12345"),
        request_type=RequestType.PLACE,
        request_datetime=AT,
        organization_id=OrganizationId("org-1"),
        location_id=LocationId("PAR-LOC-12345"),
        online_order_id="OO-1001",
        order_type=PosOrderType.PICKUP,
        items=items,
        totals=totals_of(items, tax=104),
    )
    return replace(order, **changes)


def a_full_order(request_type: RequestType = RequestType.PLACE) -> PosOrder:
    fries = PosItem("fries", "Fries", ItemType.MODIFIER, 1, Cents(250), menu_items=(
        PosItem("dip", "Dip", ItemType.MODIFIER, 2, Cents(50)),
    ))  # fmt: skip
    items = (
        an_item(
            item_type=ItemType.COMBO,
            quantity=2,
            notes="no onions",
            menu_items=(fries, PosItem("discount", "Discount", ItemType.DISCOUNT, 1, Cents(300))),
        ),
        PosItem("memo", "Birthday – sing!", ItemType.MEMO, 1, Cents(0)),
    )
    return an_order(
        request_type=request_type,
        items=items,
        totals=totals_of(items, tax=248, tip=100, fees=199),
        customer=Customer("Zoë O'Neil", "+15550100", "zoe@example.com"),
        requested_at=AT + timedelta(hours=2),
        notes="Ring twice",
        payments=(PosPayment("prepaid", totals_of(items, tax=248, tip=100, fees=199).grand_total, "EXT-7"),),
        callback_url="https://hub.example/posnext/callbacks/order-12345",
        ttl_s=660,
        received_at=AT + timedelta(milliseconds=250),
    )


def an_answer(**changes: Any) -> PosAnswer:
    answer = PosAnswer(
        status=PosStatus.PLACED,
        request_uid=RequestUid("order-12345"),
        request_datetime=AT,
        organization_id=OrganizationId("org-1"),
        location_id=LocationId("PAR-LOC-12345"),
        online_order_id="OO-1001",
        pos_order_id=PosOrderId("T-42"),
        totals=an_order().totals,
        items=(an_item(),),
    )
    return replace(answer, **changes)


def order_json(**details: Any) -> dict[str, Any]:
    """A good request as plain JSON, amounts in cents; `details` replaces members of order_details."""
    return {
        "request_uid": "order-12345",
        "request_datetime": "2025-01-15T18:30:00.000Z",
        "request_type": "place-order",
        "location_id": "PAR-LOC-12345",
        "order_details": {
            "order_type": "pickup",
            "menu_items": [{"id": "b", "name": "B", "item_type": "Item", "quantity": 1, "price": 1299}],
            "subtotal": 1299,
            "tax": 104,
            "grand_total": 1403,
            **details,
        },
    }


def as_bytes(body: object) -> bytes:
    return json.dumps(body).encode()


# --- strategies -------------------------------------------------------------------------------------------

_letters = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
texts = st.text(_letters, max_size=20)
ids = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="|"), min_size=1, max_size=20
)
cents = st.integers(0, 1_000_000).map(Cents)
moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
_discounts = st.builds(PosItem, ids, texts, st.just(ItemType.DISCOUNT), st.just(1), st.integers(0, 9).map(Cents))
_memos = st.builds(PosItem, ids, texts, st.just(ItemType.MEMO), st.integers(1, 3), st.just(Cents(0)))
_leaves = st.builds(PosItem, ids, texts, st.just(ItemType.MODIFIER), st.integers(1, 3), cents) | _discounts | _memos
_modifiers = st.recursive(
    _leaves,
    lambda below: st.builds(
        PosItem,
        ids,
        texts,
        st.just(ItemType.MODIFIER),
        st.integers(1, 3),
        cents,
        st.none() | texts,
        st.lists(below, max_size=2).map(tuple),
    ),
    max_leaves=4,
)
# 10.00 at least, so that a few cents of discount never take an order below zero
_mains = st.builds(
    PosItem,
    ids,
    texts,
    st.sampled_from([ItemType.ITEM, ItemType.COMBO, ItemType.PROMOTION]),
    st.integers(1, 4),
    st.integers(1_000, 100_000).map(Cents),
    st.none() | texts,
    st.lists(_modifiers, max_size=3).map(tuple),
)


@st.composite
def orders(draw: st.DrawFn) -> PosOrder:
    items = tuple(draw(st.lists(_mains, min_size=1, max_size=3)))
    amounts = [draw(cents) for _ in range(3)]
    return PosOrder(
        request_uid=RequestUid(draw(ids)),
        request_type=draw(st.sampled_from(RequestType)),
        request_datetime=draw(moments),
        organization_id=draw(st.none() | ids.map(OrganizationId)),
        location_id=LocationId(draw(ids)),
        online_order_id=draw(st.none() | ids),
        order_type=draw(st.sampled_from(PosOrderType)),
        items=items,
        totals=totals_of(items, *amounts),
        customer=draw(st.builds(Customer, st.none() | texts, st.none() | texts, st.none() | texts)),
        requested_at=draw(st.none() | moments),
        notes=draw(st.none() | texts),
        payments=tuple(draw(st.lists(st.builds(PosPayment, texts, cents, st.none() | texts), max_size=2))),
        callback_url=draw(st.none() | st.just("https://hub.example/cb")),
        ttl_s=draw(st.none() | st.integers(0, 100_000)),
        received_at=draw(st.none() | moments),
        completed_at=draw(st.none() | moments),
    )


@st.composite
def answers(draw: st.DrawFn) -> PosAnswer:
    order = draw(orders())
    return PosAnswer(
        status=draw(st.sampled_from(PosStatus)),
        request_uid=order.request_uid,
        request_datetime=order.request_datetime,
        organization_id=order.organization_id,
        location_id=order.location_id,
        online_order_id=order.online_order_id,
        pos_order_id=draw(st.none() | ids.map(PosOrderId)),
        totals=draw(st.none() | st.just(order.totals)),
        items=draw(st.sampled_from([(), order.items])),
        received_at=order.received_at,
        completed_at=order.completed_at,
        estimated_ready_at=order.requested_at,
        kitchen=draw(st.none() | st.sampled_from(KitchenState)),
        errors=tuple(draw(st.lists(st.builds(PosError, texts, texts, st.none() | texts, st.booleans()), max_size=2))),
    )


amounts_modes = st.sampled_from(Amounts)
schemes = st.sampled_from(SignatureScheme)
