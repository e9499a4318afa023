"""posnext's requests both ways: what goes through unchanged, what is refused and where."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import (
    AT,
    a_connection,
    amounts_modes,
    an_item,
    an_order,
    answers,
    as_bytes,
    order_json,
    orders,
    totals_of,
)

from heard import limits
from heard.domain.money import Cents
from heard.domain.pos import (
    ItemType,
    PosAnswer,
    PosOrder,
    PosTotals,
)
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Amounts
from heard.protocols.posnext import auth, decode, encode

MINOR, DECIMAL = Amounts.MINOR, Amounts.DECIMAL
DETAILS = "$.order_details"
ITEM = {"id": "b", "name": "B", "item_type": "Item", "quantity": 1, "price": 1299}


def refused_order(body: object, amounts: Amounts = MINOR) -> Refused:
    with pytest.raises(Refused) as caught:
        decode.decode_order(body if isinstance(body, bytes) else as_bytes(body), amounts)
    return caught.value


def refused_path(body: object, amounts: Amounts = MINOR) -> str:
    refused = refused_order(body, amounts)
    assert refused.code is Code.INVALID_BODY
    return refused.errors[0].path


def good_order(body: object, amounts: Amounts = MINOR) -> PosOrder:
    return decode.decode_order(as_bytes(body), amounts)


# --- there and back ---------------------------------------------------------------------------------------


@given(orders(), amounts_modes)
def test_an_order_comes_back_as_it_went(order: PosOrder, amounts: Amounts) -> None:
    raw = encode.encode_order(order, amounts)
    assert decode.decode_order(raw, amounts) == order
    assert encode.encode_order(decode.decode_order(raw, amounts), amounts) == raw


@given(answers(), amounts_modes)
def test_an_answer_comes_back_as_it_went(answer: PosAnswer, amounts: Amounts) -> None:
    assert decode.decode_answer(encode.encode_answer(answer, amounts), amounts) == answer


@given(orders())
def test_both_amount_forms_sign_alike(order: PosOrder) -> None:
    signed = {
        auth.sign_order(decode.decode_order(encode.encode_order(order, amounts), amounts), b"", a_connection())
        for amounts in Amounts
    }
    assert len(signed) == 1


def test_every_cent_from_0_to_100_is_exact_through_the_decimal_form() -> None:
    for cents in range(10_001):
        items = (an_item(price=Cents(cents)),)
        order = an_order(items=items, totals=totals_of(items))
        raw = encode.encode_order(order, DECIMAL)
        assert b'"grand_total":%d.%02d' % divmod(cents, 100) in raw
        back = decode.decode_order(raw, DECIMAL)
        assert back.totals.grand_total == back.totals.subtotal == cents
        message = f"order-12345|PAR-LOC-12345|OO-1001|{cents}|{cents}|1736965800"
        assert auth.sign_order(back, raw, a_connection()) == auth.digest(a_connection().shared_id, message)


def test_a_time_without_a_zone_is_a_bug_not_a_guess() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        encode.encode_order(an_order(request_datetime=AT.replace(tzinfo=None)), MINOR)


# --- required members, words, bounds ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["request_uid", "request_datetime", "request_type", "location_id", "order_details"])
def test_a_required_member_is_missed_by_name(name: str) -> None:
    body = order_json()
    del body[name]
    refused = refused_order(body)
    assert name in refused.detail
    assert refused_path({**order_json(), name: None}) == f"$.{name}"


@pytest.mark.parametrize("name", ["order_type", "menu_items", "subtotal", "grand_total"])
def test_a_required_detail_is_missed_by_name(name: str) -> None:
    body = order_json()
    del body["order_details"][name]
    assert name in refused_order(body).detail


@pytest.mark.parametrize("name", ["id", "name", "item_type", "quantity", "price"])
def test_a_required_member_of_a_line_is_missed_by_name(name: str) -> None:
    line = {key: value for key, value in ITEM.items() if key != name}
    refused = refused_order(order_json(menu_items=[ITEM, line]))
    assert refused.errors[0].path == f"{DETAILS}.menu_items[1].{name}"
    assert refused.errors[0].code == "missing"


def test_unknown_members_are_ignored_and_null_counts_as_absent() -> None:
    body = {**order_json(tip=None, customer=None, payments=None, extra=1, fees=None), "new": [0.1], "ttl": None}
    assert good_order(body) == good_order(order_json())


def test_unknown_words_are_refused() -> None:
    assert refused_path({**order_json(), "request_type": "submit"}) == "$.request_type"
    assert refused_path({**order_json(), "schedule_type": "later"}) == "$.schedule_type"
    assert refused_path(order_json(order_type="drone")) == f"{DETAILS}.order_type"
    assert refused_path(order_json(menu_items=[{**ITEM, "item_type": "item"}])) == f"{DETAILS}.menu_items[0].item_type"


@pytest.mark.parametrize("name", ["request_uid", "location_id"])
@pytest.mark.parametrize("value", ["", "a|b", "a\nb", "a\n", "x" * (limits.ID_MAX + 1), 7])
def test_a_signed_id_is_short_and_cannot_shift_the_signed_text(name: str, value: object) -> None:
    assert refused_path({**order_json(), name: value}) == f"$.{name}"
    assert refused_path(order_json(online_order_id=value)) == f"{DETAILS}.online_order_id"


@pytest.mark.parametrize("quantity", [0, -1, limits.QUANTITY_MAX + 1, "1", None, True])
def test_a_quantity_is_a_positive_whole_number(quantity: object) -> None:
    assert refused_path(order_json(menu_items=[{**ITEM, "quantity": quantity}])) == f"{DETAILS}.menu_items[0].quantity"


def test_a_quantity_with_a_fraction_is_refused() -> None:
    assert refused_path(order_json(menu_items=[{**ITEM, "quantity": 1.5}])) == f"{DETAILS}.menu_items[0].quantity"


@pytest.mark.parametrize("ttl", [-1, limits.TTL_S_MAX + 1, 1.5, "60"])
def test_a_ttl_is_bounded_whole_seconds(ttl: object) -> None:
    assert refused_path({**order_json(), "ttl": ttl}) == "$.ttl"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:1", "https://", "", "https://a b"])
def test_a_callback_goes_over_http(url: str) -> None:
    assert refused_path({**order_json(), "callback_url": url}) == "$.callback_url"


def test_lines_and_what_hangs_on_them_are_counted() -> None:
    assert refused_path(order_json(menu_items=[])) == f"{DETAILS}.menu_items"
    assert refused_path(order_json(menu_items=[ITEM] * (limits.ORDER_LINES_MAX + 1))) == f"{DETAILS}.menu_items"
    child = {**ITEM, "item_type": "Modifier", "price": 0}
    full = {**ITEM, "menu_items": [child] * limits.MODIFIERS_PER_LINE_MAX}
    assert good_order(order_json(menu_items=[full]))
    fuller = {**ITEM, "menu_items": [*full["menu_items"], child]}
    assert refused_path(order_json(menu_items=[fuller])) == f"{DETAILS}.menu_items[0].menu_items"


def test_depth_below_a_line_is_bounded_exactly() -> None:
    def nested(depth: int) -> dict[str, Any]:
        item: dict[str, Any] = {**ITEM, "item_type": "Modifier", "price": 0}
        for _ in range(depth - 1):
            item = {**ITEM, "item_type": "Modifier", "price": 0, "menu_items": [item]}
        return {**ITEM, "menu_items": [item]}

    assert good_order(order_json(menu_items=[nested(limits.MODIFIER_DEPTH_MAX)]))
    assert "deeper" in refused_order(order_json(menu_items=[nested(limits.MODIFIER_DEPTH_MAX + 1)])).detail
    assert refused_order(order_json(menu_items=[nested(40)])).code is Code.MALFORMED_JSON


# --- times ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-15T18:30:00Z", AT),
        ("2025-01-15T18:30:00.000Z", AT),
        ("2025-01-15T19:30:00+01:00", AT),
        ("2025-01-15T13:00:00.0-05:30", AT),
        ("2025-01-15T18:30:00.9999999Z", AT.replace(microsecond=999_999)),
        ("2025-01-15T18:30:00.5Z", AT.replace(microsecond=500_000)),
    ],
)
def test_times_may_have_a_fraction_and_an_offset(text: str, moment: datetime) -> None:
    order = good_order({**order_json(), "request_datetime": text})
    assert order.request_datetime == moment
    assert order.request_datetime.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T18:30:00",
        "2025-01-15T18:30:00.000",
        "2025-01-15",
        "2025-01-15 18:30:00Z",
        "2025-02-30T00:00:00Z",
        "2025-01-15T25:00:00Z",
        "2025-01-15T18:30:60Z",
        "2025-01-15T18:30:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1969-12-31T23:59:59Z",
        "２０２５-01-15T18:30:00Z",
        "2025-01-15T18:30:00Z\n",
        "",
        1736965800,
    ],
)
def test_a_time_without_a_zone_or_out_of_the_calendar_is_refused(text: object) -> None:
    assert refused_path({**order_json(), "request_datetime": text}) == "$.request_datetime"


def test_schedule_and_requested_time_must_agree() -> None:
    later = "2025-01-15T20:00:00Z"
    assert good_order({**order_json(requested_at=later), "schedule_type": "future"}).requested_at is not None
    for schedule in ("current", None):
        assert refused_path({**order_json(requested_at=later), "schedule_type": schedule}).endswith("requested_at")
    assert refused_path({**order_json(), "schedule_type": "future"}).endswith("requested_at")


# --- amounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["12.99", "1299.0", "1e3", '"1299"', "-1", "true", "null", "[]", "100000000001", "NaN"]
)
def test_minor_amounts_are_whole_cents(text: str) -> None:
    raw = as_bytes(order_json()).replace(b'"subtotal": 1299', f'"subtotal": {text}'.encode())
    refused = refused_order(raw)
    assert refused.code is Code.MALFORMED_JSON or refused.errors[0].path == f"{DETAILS}.subtotal"


@pytest.mark.parametrize(
    "text",
    ["12.999", "12.9900000000000000000000000000000000000001", "1e3", "1.0E+2", '"12.99"', "-0.01", "1e11", "true"],
)
def test_decimal_amounts_have_two_decimals_and_no_exponent(text: str) -> None:
    raw = as_bytes(order_json()).replace(b'"tax": 104', f'"tax": {text}'.encode())
    assert refused_path(raw, DECIMAL) == f"{DETAILS}.tax"


@pytest.mark.parametrize(
    ("text", "cents"), [("1", 100), ("1.5", 150), ("1.50", 150), ("1.500", 150), ("0", 0), ("-0.0", 0)]
)
def test_decimal_amounts_count_in_major_units(text: str, cents: int) -> None:
    assert decode.read_amount(int(text) if text.isdigit() else Decimal(text), "$", DECIMAL) == cents


@pytest.mark.parametrize("name", ["subtotal", "discount_total", "tax", "tip", "fees", "grand_total", "total"])
def test_no_total_is_negative(name: str) -> None:
    assert refused_path(order_json(**{name: -1})) == f"{DETAILS}.{name}"


def test_no_price_and_no_payment_is_negative() -> None:
    assert refused_path(order_json(menu_items=[{**ITEM, "price": -1}])) == f"{DETAILS}.menu_items[0].price"
    assert refused_path(order_json(payments=[{"type": "cash", "amount": -1}])) == f"{DETAILS}.payments[0].amount"


def test_total_is_another_name_for_grand_total() -> None:
    body = order_json(total=1403)
    assert good_order(body).totals.grand_total == 1403
    del body["order_details"]["grand_total"]
    assert good_order(body).totals.grand_total == 1403
    assert refused_path(order_json(total=1402)) == f"{DETAILS}.total"


# --- item types and sums ----------------------------------------------------------------------------------

AS_MAIN = {"Item", "Combo", "Promotion", "Discount", "Memo"}
AS_CHILD = {"Modifier", "Discount", "Memo"}


@pytest.mark.parametrize("kind", list(ItemType))
def test_the_table_of_item_types_holds_for_main_lines(kind: ItemType) -> None:
    body = order_json(menu_items=[ITEM, {**ITEM, "item_type": kind.value, "price": 0}])
    if kind.value in AS_MAIN:
        assert good_order(body).items[1].item_type is kind
    else:
        assert refused_path(body) == f"{DETAILS}.menu_items[1].item_type"


@pytest.mark.parametrize("kind", list(ItemType))
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("parent", ["Item", "Combo", "Promotion"])
def test_the_table_of_item_types_holds_for_children(parent: str, kind: ItemType, deep: bool) -> None:
    child: dict[str, Any] = {**ITEM, "item_type": kind.value, "price": 0}
    path = f"{DETAILS}.menu_items[0].menu_items[0]"
    if deep:
        child = {**ITEM, "item_type": "Modifier", "price": 0, "menu_items": [child]}
        path += ".menu_items[0]"
    body = order_json(menu_items=[{**ITEM, "item_type": parent, "menu_items": [child]}])
    if kind.value in AS_CHILD:
        assert good_order(body)
    else:
        assert refused_path(body) == f"{path}.item_type"


@pytest.mark.parametrize("kind", ["Memo", "Discount"])
def test_nothing_hangs_on_a_memo_or_a_discount(kind: str) -> None:
    child = {**ITEM, "item_type": "Modifier", "price": 0}
    line = {**ITEM, "item_type": kind, "price": 0, "menu_items": [child]}
    assert refused_path(order_json(menu_items=[ITEM, line])) == f"{DETAILS}.menu_items[1].menu_items"


def test_a_memo_costs_nothing() -> None:
    memo = {**ITEM, "item_type": "Memo", "price": 1}
    assert refused_path(order_json(menu_items=[ITEM, memo])) == f"{DETAILS}.menu_items[1].price"


def test_a_child_counts_per_unit_of_its_parent_and_a_discount_for_its_line() -> None:
    line = {
        **ITEM,
        "quantity": 3,
        "price": 1000,
        "menu_items": [
            {**ITEM, "item_type": "Modifier", "quantity": 2, "price": 100},
            {**ITEM, "item_type": "Discount", "quantity": 1, "price": 500},
        ],
    }
    sums = {"subtotal": 3600, "discount_total": 500, "tax": 0, "grand_total": 3100}
    totals = good_order(order_json(menu_items=[line], **sums)).totals
    assert totals == PosTotals(*map(Cents, (3600, 500, 0, 0, 0, 3100)))


def test_a_discount_may_be_one_main_line() -> None:
    discount = {**ITEM, "item_type": "Discount", "price": 299}
    assert good_order(order_json(menu_items=[ITEM, discount], discount_total=299, grand_total=1104))


@pytest.mark.parametrize("name", ["subtotal", "discount_total", "grand_total"])
def test_sums_that_do_not_add_up_are_named_with_both_figures(name: str) -> None:
    body = order_json()
    stated = body["order_details"].get(name, 0) + 1
    body["order_details"][name] = stated
    refused = refused_order(body)
    assert refused.code is Code.TOTALS_MISMATCH
    error = next(error for error in refused.errors if error.path == f"{DETAILS}.{name}")
    assert f"stated {stated} cents" in error.message
    assert f"added up {stated - 1}" in error.message


@given(orders(), amounts_modes, st.integers(1, 500))
@settings(max_examples=50)
def test_a_cent_too_many_anywhere_is_a_mismatch(order: PosOrder, amounts: Amounts, more: int) -> None:
    totals = order.totals
    for name in ("subtotal", "discount_total", "tax", "tip", "fees", "grand_total"):
        wrong = replace(totals, **{name: Cents(getattr(totals, name) + more)})
        refused = refused_order(encode.encode_order(replace(order, totals=wrong), amounts), amounts)
        assert refused.code is Code.TOTALS_MISMATCH
