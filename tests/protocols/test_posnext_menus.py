"""Reading menus: every fault of a body at once, and the same result however a body is cut up."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import as_bytes

from heard import limits
from heard.domain.menu.model import Menu
from heard.domain.refusals import Code, Refused
from heard.protocols import strict_json
from heard.protocols.posnext import menus as reading
from heard.protocols.posnext.encode import encode_menu
from lengths import examples
from menu_builders import menus

PRODUCT = {"id": "p", "name": "P", "price": 12.99, "state": "available"}


def a_body(*products: object, **members: Any) -> dict[str, Any]:
    return {"location_id": "l", "menus": [{"id": "m", "name": "M", "products": list(products)}], **members}


def told(raw: bytes) -> Menu | tuple[Code, tuple[str, ...]]:
    """What is read, or the code of the refusal and the places it names."""
    try:
        return reading.decode_menu(raw)
    except Refused as refused:
        return refused.code, tuple(error.path for error in refused.errors) or (refused.detail,)


def told_uncut(raw: bytes, patch: pytest.MonkeyPatch) -> Menu | tuple[Code, tuple[str, ...]]:
    """The same, with the whole body put to the strict reader."""
    with patch.context() as within:
        within.setattr(reading, "_cut_bytes", lambda _: None)
        return told(raw)


def test_every_fault_of_a_body_is_told_at_once() -> None:
    group = {"id": "g", "name": "G", "modifiers": [{"id": "a", "name": "A", "price": 0.125}, {"id": "b"}]}
    body = a_body(
        {**PRODUCT, "price": 1.999},
        PRODUCT,
        {**PRODUCT, "price": -1, "item_type": "Thing"},
        {**PRODUCT, "price": "12.99", "name": 7},
        {**PRODUCT, "modifier_groups": [{**group, "modifiers": group["modifiers"][:1]}]},
        {**PRODUCT, "modifier_groups": [group]},
        "a product",
        tax_rates={"food": "8,25"},
        currency="KWD",
    )
    at = "$.menus[0].products"
    result = told(as_bytes(body))
    assert isinstance(result, tuple)
    assert result[0] is Code.INVALID_BODY
    assert set(result[1]) == {
        "$.tax_rates['food']",
        "$.currency",
        f"{at}[0].price",
        f"{at}[2].price",
        f"{at}[2].item_type",
        f"{at}[3].price",
        f"{at}[3].name",
        f"{at}[4].modifier_groups[0].modifiers[0].price",
        f"{at}[5].modifier_groups[0].modifiers[1].name",
        f"{at}[6]",
    }


@pytest.mark.parametrize("percent", ["0", "8.25", "100", "100.0000", "0.0001", "12.3456"])
def test_a_rate_is_percent_with_at_most_four_decimals(percent: str) -> None:
    for rates in (percent, [{"name": "State", "rate": percent}]):
        assert isinstance(told(as_bytes(a_body(PRODUCT, tax_rates={"food": rates}))), Menu)


@pytest.mark.parametrize(
    "percent", ["", "8,25", "-1", "+1", "8.25%", "1e1", "100.0001", "101", "8.25001", ".5", "8.", " 8"]
)
def test_a_rate_that_is_no_percent_is_told_by_its_place(percent: str) -> None:
    rates = [{"name": "State", "rate": "6"}, {"name": "City", "rate": percent}]
    body = as_bytes(a_body(PRODUCT, tax_rates={"food": percent, "wine": rates}))
    assert told(body) == (Code.INVALID_BODY, ("$.tax_rates['food']", "$.tax_rates['wine'][1].rate"))


def test_price_rules_are_read_with_every_fault_by_its_place() -> None:
    rules = [{"price": 14.5, "price_level_id": "L", "order_types": ["delivery"]}, {"price": 1.999}, {"price": -1}]
    choice = {"id": "c", "name": "C", "prices": [{"price": 0.125, "price_level_id": "L"}]}
    product = {**PRODUCT, "prices": rules, "modifier_groups": [{"id": "g", "name": "G", "modifiers": [choice]}]}
    result = told(as_bytes(a_body(product)))
    assert isinstance(result, tuple)
    at = "$.menus[0].products[0]"
    assert set(result[1]) == {
        f"{at}.prices[1].price",
        f"{at}.prices[2].price",
        f"{at}.modifier_groups[0].modifiers[0].prices[0].price",
    }
    (place,) = told(as_bytes(a_body({**PRODUCT, "prices": [{"price": "9"}]})))[1]  # type: ignore[index]
    assert place == f"{at}.prices[0].price"


def test_no_more_faults_are_told_than_anyone_mends() -> None:
    result = told(as_bytes(a_body(*({**PRODUCT, "price": 0.001} for _ in range(300)))))
    assert isinstance(result, tuple)
    assert len(result[1]) == limits.FIELD_ERRORS_MAX


@pytest.mark.parametrize(
    "raw",
    [
        b'{"location_id":"l","menus":[{"id":"m","name":"M","products":[{"id":"p","id":"p"}]}]}',
        b'{"location_id":"l","location_id":"l","menus":[{"id":"m","name":"M","products":[{"id":"p"}]}]}',
        b'{"location_id":"l","menus":[{"products":[{"id":"p"}],"id":"m","name":"M","products":[{"id":"p"}]}]}',
        b'{"location_id":"l","menus":[],"menus":[{"id":"m","name":"M","products":[{"id":"p"}]}]}',
        b'{"menus":[{"products":[{"id":"\\ud800"}]}]}',
        b'{"menus":[{"products":[{"id":"\\u0000"}]}]}',
        b'{"menus":[{"products":[{"id":"\xff"}]}]}',
        b'{"menus":[{"products":[{"price":NaN}]}]}',
        b'{"menus":[{"products":[{"price":1e999}]}]}',
        b'{"menus":[{"products":[{"price":1234567890123456789}]}]}',
        b'{"menus":[{"products":[{"id":"p",}]}]}',
        b'{"menus":[{"products":[{"id":"p"},]}]}',
        b'{"menus":[{"products":[{"id":"p"}{"id":"p"}]}]}',
        b'{"menus":[{"products":[{"id":"p"}]}]} x',
        b'{"menus":[{"products":[{"a":' + b"[" * 29 + b"]" * 29 + b"}]}]}",
        b'{"menus":[{"products":[{"id":"p"}',
    ],
)
def test_what_strict_json_refuses_is_refused_in_a_menu_in_the_same_words(
    raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused) as strict:
        strict_json.parse(raw)
    assert told(raw) == told_uncut(raw, monkeypatch) == (Code.MALFORMED_JSON, (strict.value.detail,))


def test_a_product_may_nest_as_deep_as_json_may_and_no_deeper() -> None:
    def body(depth: int) -> bytes:
        deep = json.dumps({**PRODUCT, "more": 0}).replace('"more": 0', '"more": ' + "[" * depth + "]" * depth)
        return json.dumps(a_body()).replace('"products": []', f'"products": [{deep}]').encode()

    assert isinstance(told(body(limits.JSON_DEPTH_MAX - 5)), Menu)
    assert told(body(limits.JSON_DEPTH_MAX - 4))[0] is Code.MALFORMED_JSON  # type: ignore[index]


@pytest.mark.parametrize(
    "decoy",
    [
        {"decoy": [PRODUCT]},
        {"decoy": json.dumps(PRODUCT)},
        {"decoy": {"menus": [{"products": [PRODUCT]}]}},
    ],
)
def test_what_looks_like_a_product_elsewhere_is_not_taken_for_one(decoy: dict[str, Any]) -> None:
    for body in ({**decoy, **a_body(PRODUCT)}, {**a_body(PRODUCT), **decoy}, a_body({**PRODUCT, **decoy}, PRODUCT)):
        menu = reading.decode_menu(as_bytes(body))
        assert {product.id for product in menu.products()} == {"p"}


@given(menus, st.sampled_from([None, 1]))
def test_a_menu_is_read_as_it_was_written_however_it_is_spaced(menu: Menu, indent: int | None) -> None:
    raw = encode_menu(menu)
    assert reading.decode_menu(raw) == menu
    spaced = json.dumps(json.loads(raw), indent=indent, ensure_ascii=False).encode()
    assert reading.decode_menu(spaced) == menu


@given(menus, menus)
def test_what_was_read_before_is_read_the_same_beside_it(one: Menu, other: Menu) -> None:
    _, known = reading.read_menu(encode_menu(one), {})
    menu, shelves = reading.read_menu(encode_menu(other), known)
    assert menu == other
    again, _ = reading.read_menu(encode_menu(other), shelves)
    for section, same in zip(menu.sections, again.sections, strict=True):
        assert section.products is same.products, "what was read was read again"


_damage = st.sampled_from([b"", b",", b"{", b"}", b"[", b"]", b'"', b"\\", b"\x00", b"\xff", b"1", b'"id":1,', b" "])


@given(menus, st.integers(0, 3_000), _damage)
@settings(max_examples=examples(400), deadline=None)
def test_a_damaged_body_is_understood_the_same_cut_and_uncut(menu: Menu, place: int, damage: bytes) -> None:
    raw = encode_menu(menu)
    place %= len(raw)
    for broken in (raw[:place] + damage + raw[place:], raw[:place] + damage + raw[place + 1 :]):
        with pytest.MonkeyPatch.context() as patch:
            assert told(broken) == told_uncut(broken, patch)


_wrong = st.sampled_from([None, True, 7, -1, 0.001, "", "x" * 3_000, [], {}, [[]], {"id": 1}, 10**30])


@given(menus, st.data())
@settings(max_examples=examples(300), deadline=None)
def test_a_wrong_value_is_told_the_same_cut_and_uncut(menu: Menu, data: st.DataObject) -> None:
    body = json.loads(encode_menu(menu))
    for _ in range(data.draw(st.integers(1, 3))):
        parent, key = data.draw(st.sampled_from(_places(body)))
        parent[key] = copy.deepcopy(data.draw(_wrong))
    with pytest.MonkeyPatch.context() as patch:
        raw = as_bytes(body)
        assert told(raw) == told_uncut(raw, patch)


def _places(value: object) -> list[tuple[Any, Any]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in list(members) for place in ((value, key), *_places(below))]
