"""posnext's answers and menus, its registries, and every decoder under garbage."""

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import (
    an_answer,
    as_bytes,
    order_json,
    orders,
    texts,
)
from posnext_golden import MENU

from heard import limits
from heard.domain.menu.model import Availability, ComboComponent
from heard.domain.money import Cents
from heard.domain.pos import (
    ItemType,
    KitchenState,
    PosAnswer,
    PosItem,
    PosOrder,
    PosOrderType,
    PosStatus,
    RequestType,
)
from heard.domain.refusals import Refused
from heard.domain.stores import Amounts
from heard.protocols.posnext import decode, encode, menus, status
from heard.protocols.posnext.operations import OPERATIONS, Host
from lengths import examples

MINOR, DECIMAL = Amounts.MINOR, Amounts.DECIMAL
DETAILS = "$.order_details"
ITEM = {"id": "b", "name": "B", "item_type": "Item", "quantity": 1, "price": 1299}
ANSWER = {
    "status": "placed",
    "request_uid": "u",
    "request_datetime": "2025-01-15T18:30:00.000Z",
    "location_id": "l",
}


def an_answer_of(**members: Any) -> PosAnswer:
    return decode.decode_answer(as_bytes({**ANSWER, **members}), MINOR)


def refused_answer(**members: Any) -> str:
    with pytest.raises(Refused) as caught:
        an_answer_of(**members)
    return caught.value.errors[0].path


# --- answers ----------------------------------------------------------------------------------------------


def test_status_words_are_the_documented_ones() -> None:
    words = {status.status_word(word) for word in PosStatus}
    assert words == {"validated", "placed", "pending", "errored", "rejected", "cancelled"}
    assert {an_answer_of(status=word).status for word in words} == set(PosStatus)
    kitchen = {status.kitchen_word(word) for word in KitchenState}
    assert kitchen == {"in_preparation", "ready", "completed"}
    assert {an_answer_of(fulfillment_status=word).kitchen for word in kitchen} == set(KitchenState)


@pytest.mark.parametrize("word", ["", "PLACED", "accepted", " placed", None, 1, "x" * 1000])
def test_an_unknown_status_is_refused_never_pending(word: object) -> None:
    assert refused_answer(status=word) == "$.status"
    if word is not None:
        assert refused_answer(fulfillment_status=word) == "$.fulfillment_status"


def test_an_answer_may_lack_totals_and_details() -> None:
    assert an_answer_of().totals is None
    assert an_answer_of(order_details=None).items == ()
    assert an_answer_of(order_details={"online_order_id": "o"}).totals is None


def test_half_of_the_totals_is_refused() -> None:
    assert refused_answer(order_details={"subtotal": 1}) == f"{DETAILS}.grand_total"
    assert refused_answer(order_details={"total": 1}) == f"{DETAILS}.subtotal"
    assert refused_answer(order_details={"subtotal": 1, "total": 1, "grand_total": 2}) == f"{DETAILS}.total"


def test_an_answers_sums_are_the_poss_own() -> None:
    totals = an_answer_of(order_details={"subtotal": 1, "grand_total": 9_999, "menu_items": [ITEM]}).totals
    assert totals is not None
    assert (totals.subtotal, totals.grand_total) == (1, 9_999)


def test_an_error_may_be_bare_and_a_long_message_is_cut() -> None:
    bare, long = an_answer_of(errors=[{"code": "x"}, {"code": "y", "message": "m" * 50_000, "retryable": True}]).errors
    assert (bare.message, bare.path, bare.retryable) == ("", None, False)
    assert len(long.message) == limits.TEXT_MAX


# --- menus ------------------------------------------------------------------------------------------------


def a_menu(**product: Any) -> dict[str, Any]:
    fields = {"id": "p", "name": "P", "price": 12.99, "state": "available", **product}
    return {"location_id": "l", "menus": [{"id": "m", "name": "M", "products": [fields]}]}


def refused_menu(body: object) -> str:
    with pytest.raises(Refused) as caught:
        menus.decode_menu(as_bytes(body))
    return caught.value.errors[0].path


def test_the_documented_members_are_enough() -> None:
    (product,) = menus.decode_menu(as_bytes(a_menu())).products()
    assert (product.id, product.price, product.availability) == ("p", 1299, Availability.AVAILABLE)


def test_an_unknown_state_is_unavailable_and_reported() -> None:
    group = {"id": "g", "name": "G", "modifiers": [{"id": "a", "name": "A"}, {"id": "b", "name": "B", "state": "86"}]}
    menu = menus.decode_menu(as_bytes(a_menu(state="Available", modifier_groups=[group])))
    path = "$.menus[0].products[0]"
    assert set(menu.unknown_states) == {f"{path}.state", f"{path}.modifier_groups[0].modifiers[1].state"}
    (product,) = menu.products()
    assert product.availability is Availability.UNAVAILABLE
    assert [m.availability for m in product.modifiers()] == [Availability.AVAILABLE, Availability.UNAVAILABLE]


def test_a_combos_choices_default_to_one() -> None:
    menu = menus.decode_menu(as_bytes(a_menu(item_type="Combo", components=[{"name": "Main", "product_ids": ["x"]}])))
    (product,) = menu.products()
    assert product.components == (ComboComponent("Main", ("x",), 1, 1),)  # type: ignore[arg-type]


def test_what_is_wrong_in_a_menu_is_named() -> None:
    path = "$.menus[0].products[0]"
    assert refused_menu(a_menu(price=-1)) == f"{path}.price"
    assert refused_menu(a_menu(price=1.999)) == f"{path}.price"
    assert refused_menu(a_menu(price="12.99")) == f"{path}.price"
    assert refused_menu(a_menu(item_type="Modifier")) == f"{path}.item_type"
    assert refused_menu(a_menu(state=None)) == f"{path}.state"
    assert refused_menu({**a_menu(), "currency": "KWD"}) == "$.currency"
    assert refused_menu({**a_menu(), "currency": "usd"}) == "$.currency"
    assert refused_menu({**a_menu(), "tax_rates": {"food": "8,25"}}).startswith("$.tax_rates")
    assert refused_menu({**a_menu(), "tax_rates": {"food": 8.25}}).startswith("$.tax_rates")


def test_a_menu_has_a_bounded_number_of_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MENU_PRODUCTS_MAX", 0)
    assert refused_menu(a_menu()) == "$.menus"


# --- garbage ----------------------------------------------------------------------------------------------

DECODERS = (
    lambda raw: decode.decode_order(raw, MINOR),
    lambda raw: decode.decode_order(raw, DECIMAL),
    lambda raw: decode.decode_answer(raw, MINOR),
    lambda raw: decode.decode_answer(raw, DECIMAL),
    menus.decode_menu,
    decode.decode_menu_request,
)


@given(st.binary(max_size=100))
def test_only_refused_escapes_from_any_bytes(raw: bytes) -> None:
    for decoder in DECODERS:
        with contextlib.suppress(Refused):
            decoder(raw)


GOOD = (
    order_json(tip=0, customer={"name": "n"}, payments=[{"type": "cash", "amount": 1403}], requested_at=None),
    {**ANSWER, "order_details": {"menu_items": [ITEM], "subtotal": 1, "grand_total": 2}, "errors": [{"code": "c"}]},
    {
        **a_menu(modifier_groups=[{"id": "g", "name": "G", "modifiers": [{"id": "x", "name": "X"}]}]),
        "tax_rates": {"a": "1"},
        "currency": "USD",
    },
)
_anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    texts,
    st.sampled_from(["\ud800", "\0", "1e999", "9999-12-31T23:59:59-23:59", [], {}, [[]], {"": {}}, 10**400]),
)


def _places(value: object) -> list[tuple[Any, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in members for place in ((value, key), *_places(below))]


@given(st.data())
@settings(max_examples=examples(400))
def test_only_refused_escapes_from_a_good_body_gone_wrong(data: st.DataObject) -> None:
    body = copy.deepcopy(data.draw(st.sampled_from(GOOD)))
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(body)
        if places:
            parent, key = data.draw(st.sampled_from(places))
            parent[key] = copy.deepcopy(data.draw(_anything))
    for decoder in DECODERS:
        with contextlib.suppress(Refused):
            decoder(as_bytes(body))


@given(orders(), st.integers(0, 2_000), st.binary(min_size=1, max_size=4))
def test_only_refused_escapes_from_damaged_bytes(order: PosOrder, place: int, damage: bytes) -> None:
    raw = encode.encode_order(order, DECIMAL)
    for decoder in DECODERS:
        with contextlib.suppress(Refused):
            decoder(raw[:place] + damage + raw[place + len(damage) :])


# --- registries -------------------------------------------------------------------------------------------


def test_the_table_of_operations_names_the_documented_calls() -> None:
    at_the_pos = {
        (call.method, path) for call in OPERATIONS if call.host is Host.POS for path in (call.path, *call.aliases)
    }
    assert at_the_pos == {
        ("POST", "/posnext/order/validate"),
        ("POST", "/posnext/orders/validate"),
        ("POST", "/posnext/order/submit"),
        ("POST", "/posnext/orders/submit"),
        ("GET", "/posnext/orders/{order_id}"),
        ("POST", "/posnext/orders/{order_id}/cancel"),
        ("POST", "/posnext/menus"),
    }
    assert [call.name for call in OPERATIONS if call.host is Host.HUB] == ["callback"]
    assert len({call.name for call in OPERATIONS}) == len(OPERATIONS)


def test_the_words_of_requests_are_the_documented_ones() -> None:
    assert {word.value for word in RequestType} == {"validate-order", "place-order"}
    assert {word.value for word in PosOrderType} == {"pickup", "delivery", "dine_in", "curbside", "catering"}
    assert {word.value for word in ItemType} == {"Item", "Combo", "Promotion", "Modifier", "Discount", "Memo"}


def test_a_menu_comes_back_as_it_went() -> None:
    assert menus.decode_menu(encode.encode_menu(MENU)) == MENU
    assert an_answer().items == (PosItem("burger", "Burger", ItemType.ITEM, 1, Cents(1299)),)
