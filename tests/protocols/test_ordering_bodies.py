"""What applications may send, and what is refused: each wrong place by its JSON path, its code and a plain text."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heard import limits
from heard.domain.cart import WantedItem, WantedModifier
from heard.domain.ids import uuid_of
from heard.domain.money import Cents
from heard.domain.order_types import OrderType
from heard.domain.refusals import Code, Refused
from heard.protocols.ordering import decode
from heard.protocols.ordering.asked import AskedCart

POINT = "spt_01kdvdna000000000000000000"
DISCOUNT = {"discount_amount": 250, "origin_type": "non_integrated"}


def a_body(**changes: Any) -> dict[str, Any]:
    """A good cart; a member that is None is left out."""
    body = {
        "singular_point_id": uuid_of(POINT),
        "order_type": {"id": 6},
        "menu_items": [{"id": "burger", "quantity": 2}],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def calculated(**changes: Any) -> AskedCart:
    return decode.decode_calculate(json.dumps(a_body(**changes)).encode())


def refused(raw: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        decode.decode_calculate(raw)
    return caught.value


def faults(**changes: Any) -> list[tuple[str, str, str]]:
    """Path, code and text of each wrong place of a cart that must be refused."""
    found = refused(json.dumps(a_body(**changes)).encode())
    assert found.code is Code.INVALID_BODY
    return [(one.path, one.code, one.message) for one in found.errors]


def places(**changes: Any) -> list[tuple[str, str]]:
    return [(path, code) for path, code, _ in faults(**changes)]


def test_a_cart_is_read_whole() -> None:
    side = {"id": "fries", "quantity": 1, "modifiers": [{"id": "dip", "quantity": 2}]}
    item = {"id": "burger", "quantity": 2, "price_level_id": "large", "modifiers": [side], "comment": "no onions"}
    combo = {"id": "meal", "quantity": 1, "menu_items": [{"id": "cola", "quantity": 1}], "modifiers": [{"id": "ice"}]}
    cart = calculated(
        menu_items=[item], combo_meals=[combo], discounts=[DISCOUNT], tip=300, calculate_accurate_tax=True, notes="x"
    )
    assert cart.singular_point_id == POINT
    wanted = cart.wanted
    assert (wanted.order_type, wanted.discount, wanted.tip, cart.notes) == (OrderType.TAKEOUT, 250, 300, "x")
    assert (cart.accurate_tax, cart.pickup_asap, cart.pickup_at) == (True, None, None)
    [burger] = wanted.items
    assert (burger.id, burger.quantity, burger.price_level_id, burger.comment) == ("burger", 2, "large", "no onions")
    assert burger.modifiers == (WantedModifier("fries", 1, (WantedModifier("dip", 2),)),)
    [meal] = wanted.combos
    assert meal.items == (WantedItem("cola", 1),)  # type: ignore[arg-type]
    assert meal.modifiers == (WantedModifier("ice", 1),)


def test_what_the_samples_leave_out_is_empty_and_null_is_as_good() -> None:
    names = "combo_meals discounts discount_cards tip calculate_accurate_tax notes".split()
    bare = calculated()
    assert bare == decode.decode_calculate(json.dumps({**a_body(), **dict.fromkeys(names)}).encode())
    assert calculated(combo_meals=[], discounts=[], discount_cards=[]) == bare
    assert (bare.wanted.combos, bare.wanted.discount, bare.wanted.tip, bare.accurate_tax) == ((), 0, 0, False)


def test_members_that_are_not_named_are_ignored() -> None:
    assert calculated(venue="x", order_type={"id": 6, "name": "takeout"}) == calculated()


@pytest.mark.parametrize(("tip", "cents"), [(0, 0), (150, 150), ({"amount": 150}, 150), ({"amount": 0}, 0)])
def test_a_tip_is_a_number_of_cents_or_an_object_with_one(tip: Any, cents: int) -> None:
    assert calculated(tip=tip).wanted.tip == cents


@pytest.mark.parametrize("tip", [-1, 1.5, 150.0, "150", True, [], {}, {"amount": -1}, {"amount": "1"}])
def test_any_other_tip_is_refused(tip: Any) -> None:
    assert faults(tip=tip)[0][0].startswith("$.tip")


# --- discounts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        {"origin_type": "non_integrated"},
        {"origin_type": "non-integrated"},
        {"origin": "non-integrated"},
        {"origin": "non_integrated"},
        {"origin_type": "non_integrated", "origin": "non-integrated"},
        {"origin_type": "non_integrated", "origin": None},
    ],
)
def test_both_keys_and_both_spellings_of_an_origin_are_taken(origin: dict[str, Any]) -> None:
    assert calculated(discounts=[{"discount_amount": 250, **origin}]).wanted.discount == Cents(250)


@pytest.mark.parametrize(
    ("origin", "path", "code"),
    [
        ({}, "$.discounts[0].origin_type", "missing"),
        ({"origin_type": "loyalty"}, "$.discounts[0].origin_type", "unknown_origin"),
        ({"origin": "Non_Integrated"}, "$.discounts[0].origin", "unknown_origin"),
        ({"origin_type": ""}, "$.discounts[0].origin_type", "unknown_origin"),
        ({"origin_type": "non_integrated", "origin": "integrated"}, "$.discounts[0].origin", "contradiction"),
        ({"origin_type": "integrated", "origin": "non-integrated"}, "$.discounts[0].origin", "contradiction"),
        ({"origin_type": 1}, "$.discounts[0].origin_type", "invalid"),
    ],
)
def test_an_origin_that_is_missing_unknown_or_contradicts_itself_is_refused(
    origin: dict[str, Any], path: str, code: str
) -> None:
    assert places(discounts=[{"discount_amount": 250, **origin}]) == [(path, code)]


@pytest.mark.parametrize(
    ("amount", "code", "text"),
    [
        (b"0", "not_positive", "must be above 0 cents, not 0"),
        (b"-250", "not_positive", "must be above 0 cents, not -250"),
        (b"12.5", "not_whole_cents", "must be a whole number of cents such as 250, not 12.5"),
        (b"12.0", "not_whole_cents", "must be a whole number of cents such as 250, not 12.0"),
        (b"1e2", "not_whole_cents", "must be a whole number of cents such as 250, not 1E+2"),
        (b'"250"', "not_whole_cents", "must be a whole number of cents such as 250, not a string"),
        (b"true", "not_whole_cents", "must be a whole number of cents such as 250, not a boolean"),
        (b"null", "not_whole_cents", "must be a whole number of cents such as 250, not a null"),
        (b"[]", "not_whole_cents", "must be a whole number of cents such as 250, not a list or an object"),
    ],
)
def test_a_discount_that_is_no_whole_number_of_cents_above_zero_is_refused_in_plain_words(
    amount: bytes, code: str, text: str
) -> None:
    raw = json.dumps(a_body(discounts=[{**DISCOUNT, "discount_amount": "AMOUNT"}])).encode()
    [error] = refused(raw.replace(b'"AMOUNT"', amount)).errors
    assert (error.path, error.code, error.message) == ("$.discounts[0].discount_amount", code, text)


def test_a_discount_beyond_all_bounds_or_without_an_amount_is_refused() -> None:
    assert places(discounts=[{**DISCOUNT, "discount_amount": 10**12}]) == [
        ("$.discounts[0].discount_amount", "out_of_range")
    ]
    assert places(discounts=[{"origin_type": "non_integrated"}]) == [("$.discounts[0].discount_amount", "missing")]
    assert places(discounts={"discount_amount": 1}) == [("$.discounts", "invalid")]


def test_one_discount_at_most_and_the_surplus_ones_are_named() -> None:
    assert places(discounts=[DISCOUNT, DISCOUNT]) == [("$.discounts[1]", "too_many_discounts")]
    assert [path for path, _ in places(discounts=[DISCOUNT] * 3)] == ["$.discounts[1]", "$.discounts[2]"]


def test_a_discount_card_is_refused_and_said_why() -> None:
    [(path, code, text)] = faults(discount_cards=[{"id": "card-1"}])
    assert (path, code) == ("$.discount_cards[0]", "not_supported")
    assert text == "no loyalty provider is integrated, so that no card is taken: send discounts"


# --- lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [0, -1, 10_000, 1.0, 1.5, "1", True])
def test_a_quantity_out_of_bounds_or_no_number_is_refused_wherever_it_stands(quantity: Any) -> None:
    bad, why = {"id": "x", "quantity": quantity}, "out_of_range" if type(quantity) is int else "invalid"
    deep = {"id": "a", "quantity": 1, "modifiers": [{"id": "b", "modifiers": [bad]}]}
    assert places(menu_items=[bad]) == [("$.menu_items[0].quantity", why)]
    assert places(menu_items=[deep]) == [("$.menu_items[0].modifiers[0].modifiers[0].quantity", why)]
    assert places(combo_meals=[bad]) == [("$.combo_meals[0].quantity", why)]
    combo = {"id": "meal", "quantity": 1, "menu_items": [bad]}
    assert places(combo_meals=[combo]) == [("$.combo_meals[0].menu_items[0].quantity", why)]


def test_the_largest_quantity_is_taken() -> None:
    assert calculated(menu_items=[{"id": "x", "quantity": 9_999}]).wanted.items[0].quantity == limits.CART_QUANTITY_MAX


def test_a_cart_may_have_combos_alone() -> None:
    """That it has nothing at all is for whoever fills it to say."""
    for empty in ({"menu_items": None}, {"menu_items": []}, {"menu_items": [], "combo_meals": []}):
        assert calculated(**empty).wanted.items == ()
    assert calculated(menu_items=None, combo_meals=[{"id": "meal", "quantity": 1}]).wanted.combos


def test_more_than_an_order_may_have_is_refused() -> None:
    one, most = {"id": "x", "quantity": 1}, limits.ORDER_LINES_MAX
    assert places(menu_items=[one] * (most + 1)) == [("$.menu_items", "too_many")]
    assert places(menu_items=[one] * most, combo_meals=[one]) == [("$.combo_meals", "too_many")]
    choices = [{"id": "m"}] * (limits.MODIFIERS_PER_LINE_MAX + 1)
    assert places(menu_items=[{**one, "modifiers": choices}]) == [("$.menu_items[0].modifiers", "too_many")]
    parts = [one] * (limits.MODIFIERS_PER_LINE_MAX + 1)
    assert places(combo_meals=[{**one, "menu_items": parts}]) == [("$.combo_meals[0].menu_items", "too_many")]
    nested: dict[str, Any] = {"id": "m"}
    for _ in range(limits.MODIFIER_DEPTH_MAX):
        nested = {"id": "m", "modifiers": [nested]}
    [(path, code)] = places(menu_items=[{**one, "modifiers": [nested]}])
    assert (path.count("modifiers"), code) == (limits.MODIFIER_DEPTH_MAX + 1, "too_deep")


# --- order types and places -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 3, 5, 8, 10, -6, 10**17])
def test_an_order_type_that_is_not_named_is_refused_with_those_that_are(number: int) -> None:
    [(path, code, text)] = faults(order_type={"id": number})
    assert (path, code) == ("$.order_type.id", "unknown_order_type")
    assert text.endswith("1 (table-service), 4 (dine-in-pickup), 6 (takeout), 7 (delivery), 9 (foodspot)")


@pytest.mark.parametrize(
    ("chosen", "path", "code"),
    [
        ({"id": 6, "pickup_asap": "yes"}, "$.order_type.pickup_asap", "invalid"),
        ({"id": 7, "delivery_info": {"address": 1}}, "$.order_type.delivery_info.address", "invalid"),
        ({"id": "6"}, "$.order_type.id", "invalid"),
        ({}, "$.order_type.id", "missing"),
        ([], "$.order_type", "invalid"),
        ({"id": 6, "pickup_at": 5}, "$.order_type.pickup_at", "invalid"),
    ],
)
def test_an_order_type_of_another_shape_is_refused(chosen: Any, path: str, code: str) -> None:
    assert places(order_type=chosen) == [(path, code)]


def test_when_an_order_is_wanted_is_kept_as_it_was_said() -> None:
    cart = calculated(order_type={"id": 7, "pickup_at": "2026-03-14 12:00:00", "delivery_info": {"address": "Way 1"}})
    assert (cart.pickup_asap, cart.pickup_at) == (None, "2026-03-14 12:00:00")
    assert cart.delivery_address == "Way 1"
    assert calculated(order_type={"id": 6, "pickup_asap": True}).pickup_asap


@pytest.mark.parametrize("point", ["x", "spt_01kdvdna000000000000000000", "019b76daa80000000000000000000000", " "])
def test_a_singular_point_that_is_no_uuid_is_refused(point: str) -> None:
    assert places(singular_point_id=point) == [("$.singular_point_id", "not_a_uuid")]


def test_every_fault_is_told_at_once() -> None:
    found = places(singular_point_id="x", order_type={"id": 2}, discount_cards=[{}])
    assert {path for path, _ in found} == {
        "$.singular_point_id",
        "$.order_type.id",
        "$.discount_cards[0]",
    }


# --- orders and payments ----------------------------------------------------------------------------------

PAYS = {"payment_info": {"payment_init_hash": "0123456789abcdef0123456789abcdef"}}


def test_an_order_is_a_cart_with_a_guest_and_a_payment() -> None:
    guest = {"email": "a@b.example", "first_name": "Ann", "last_name": "Bee", "phone_number": "+1 555 0100"}
    order = decode.decode_new_order(json.dumps(a_body(**PAYS, customer_info=guest, is_reorder=True)).encode())
    assert order.cart == calculated()
    assert (order.customer.email, order.customer.last_name, order.is_reorder) == ("a@b.example", "Bee", True)
    assert order.payment_init_hash == PAYS["payment_info"]["payment_init_hash"]
    bare = decode.decode_new_order(json.dumps(a_body(**PAYS)).encode())
    assert (bare.customer.email, bare.is_reorder) == (None, False)
    for secret in (*guest.values(), order.payment_init_hash):
        assert secret not in repr(order)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "$.payment_info"),
        ({"payment_info": {}}, "$.payment_info.payment_init_hash"),
        ({"payment_info": {"payment_init_hash": ""}}, "$.payment_info.payment_init_hash"),
        ({**PAYS, "customer_info": {"email": 5}}, "$.customer_info.email"),
        ({**PAYS, "is_reorder": "yes"}, "$.is_reorder"),
        ({**PAYS, "discounts": [{**DISCOUNT, "discount_amount": 0}]}, "$.discounts[0].discount_amount"),
    ],
)
def test_an_order_without_what_it_needs_is_refused(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as caught:
        decode.decode_new_order(json.dumps(a_body(**changes)).encode())
    assert [one.path for one in caught.value.errors] == [path]


def test_a_payment_is_of_an_amount_that_can_be_paid() -> None:
    good = {"singular_point_id": uuid_of(POINT), "amount": 1300, "currency": "JPY", "payment_method": "pm_1"}
    payment = decode.decode_payment(json.dumps(good).encode())
    assert (payment.singular_point_id, payment.amount, payment.currency) == (POINT, 1300, "JPY")
    for changes, path in (
        ({"amount": 1301}, "$.amount"),
        ({"amount": -100}, "$.amount"),
        ({"amount": 12.5}, "$.amount"),
        ({"currency": "KWD"}, "$.currency"),
        ({"currency": "dollars"}, "$.currency"),
        ({"singular_point_id": "1"}, "$.singular_point_id"),
    ):
        with pytest.raises(Refused) as caught:
            decode.decode_payment(json.dumps({**good, **changes}).encode())
        assert [one.path for one in caught.value.errors] == [path], changes


TEXT = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(a_body())), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [*a_body(), "combo_meals", "discounts", "discount_cards", "tip", "payment_info"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=5))
def test_whatever_is_sent_is_read_or_refused_and_never_breaks_anything(changes: dict[str, Any]) -> None:
    raw = json.dumps({**a_body(**PAYS), **changes}).encode()
    for read in (decode.decode_calculate, decode.decode_new_order, decode.decode_payment, decode.decode_webhook):
        try:
            read(raw)
        except Refused as found:
            assert found.code is Code.INVALID_BODY
            assert found.errors
            assert all(one.path.startswith("$") and one.message for one in found.errors)
