"""JSON from strangers: what is refused, and that refusing it is quick."""

import contextlib
import json
import time
from decimal import Decimal
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.protocols import strict_json

QUICK_S = 30.0  # a linear scan of 512 kB takes milliseconds, a quadratic one minutes


class Priced(msgspec.Struct):
    price: int | Decimal
    name: str = ""


def refused(raw: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        strict_json.parse(raw)
    assert caught.value.code is Code.MALFORMED_JSON
    assert len(caught.value.detail) < 300
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b'{"a":1}}',
        b'{"a":1} {"b":2}',
        b'{"a":1,}',
        b"{'a':1}",
        b"[1,]",
        b"]",
        b'"open',
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"tru",
        b"// note\n1",
        b'"a\nb"',
        b'"\x00"',
        b'"\\x41"',
        b'"\\u12"',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
    ],
)
def test_what_is_not_json_in_utf_8_is_refused(raw: bytes) -> None:
    refused(raw)


@pytest.mark.parametrize("raw", [b"NaN", b"Infinity", b"-Infinity", b'{"a":NaN}', b"[1e400]", b"-1e400", b"1e-400"])
def test_numbers_that_are_none_are_refused(raw: bytes) -> None:
    refused(raw)


@pytest.mark.parametrize("raw", [b"1e9999999999999999999", b"1e-9999999999999999999", b"1E+99999999999999999999999"])
def test_an_exponent_beyond_decimals_own_bounds_is_refused_not_raised(raw: bytes) -> None:
    refused(raw)


def test_whole_numbers_have_eighteen_digits_at_most() -> None:
    assert strict_json.parse(b"9" * 18) == 10**18 - 1
    assert strict_json.parse(b"-" + b"9" * 18) == 1 - 10**18
    refused(b"9" * 19)
    refused(b"9" * 100_000)


def test_fractions_are_exact_decimals_of_bounded_length() -> None:
    assert strict_json.parse(b"[12.99,1e2,0.10]") == [Decimal("12.99"), Decimal("1e2"), Decimal("0.10")]
    assert isinstance(strict_json.parse(b"1.5"), Decimal)
    assert strict_json.parse(b"0.0833333333333333333333333333") == Decimal("0.0833333333333333333333333333")
    refused(b"0." + b"1" * 100)


@pytest.mark.parametrize(
    "raw",
    [b'{"a":1,"a":1}', b'{"a":1,"b":{"c":1,"c":2}}', b'[{"a":1,"\\u0061":2}]', b'{"a":1,"b":2,"a":null}'],
)
def test_a_key_that_stands_twice_is_refused(raw: bytes) -> None:
    assert "twice" in refused(raw).detail


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_exactly(opening: str, closing: str) -> None:
    def nested(depth: int) -> bytes:
        return (opening * depth + "1" + closing * depth).encode()

    strict_json.parse(nested(limits.JSON_DEPTH_MAX))
    for depth in (limits.JSON_DEPTH_MAX + 1, 10_000, 100_000):
        assert "deeper" in refused(nested(depth)).detail


@pytest.mark.parametrize(("outer", "inner"), [('{"a":[', "]}"), ('[{"a":', "}]")])
def test_depth_counts_brackets_and_braces_alike(outer: str, inner: str) -> None:
    strict_json.parse((outer * 16 + "1" + inner * 16).encode())
    refused((outer * 16 + "[1]" + inner * 16).encode())
    refused((outer * 17 + "1" + inner * 17).encode())


def test_depth_that_never_closes_is_refused() -> None:
    refused(b"[" * 100_000)
    refused(b'{"a":' * 100_000)


def test_brackets_inside_strings_are_no_depth() -> None:
    text = "[{" * 1000 + '\\"['
    assert strict_json.parse(json.dumps({"a": text}).encode()) == {"a": text}


@pytest.mark.parametrize(
    "raw", [b'"\\ud800"', b'"\\uDFFF"', b'{"\\ud83d":1}', b'"a\\u0000b"', b'[{"a":["\\ude00\\ud83d"]}]']
)
def test_escapes_that_spell_no_character_are_refused(raw: bytes) -> None:
    refused(raw)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert strict_json.parse(b'"\\ud83c\\udf54"') == "\N{HAMBURGER}"
    assert strict_json.parse(b'"\\\\ud800"') == "\\ud800"


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * 250_000,
        b'"' * 500_001,
        b'"\\\n' * 150_000,
        b"{" + b",".join(b'"%d":1' % n for n in range(50_000)) + b',"z":1,"z":1}',
        b'{"a":1,' * 70_000,
        b"[" * 250_000 + b"]" * 250_000,
        b"[{" * 250_000,
    ],
    ids=["escaped quotes", "quotes", "broken escapes", "late duplicate", "unclosed", "deep", "deep, unclosed"],
)
def test_hostile_bodies_are_refused_quickly(raw: bytes) -> None:
    began = time.perf_counter()
    refused(raw)
    assert time.perf_counter() - began < QUICK_S


def test_a_string_is_no_amount() -> None:
    for raw in (b'{"price":"12.99"}', b'{"price":true}', b'{"price":null}', b"{}", b"[]", b'{"price":1,"name":2}'):
        with pytest.raises(Refused) as caught:
            strict_json.read(raw, Priced)
        assert caught.value.code is Code.INVALID_BODY
        assert caught.value.errors[0].path.startswith("$")


def test_the_json_path_of_a_wrong_value_is_named() -> None:
    with pytest.raises(Refused) as caught:
        strict_json.read(b'[{"price":1},{"price":[]}]', list[Priced])
    assert caught.value.errors[0].path == "$[1].price"


def test_every_wrong_value_is_named_up_to_a_bound() -> None:
    with pytest.raises(Refused) as caught:
        strict_json.read(b'[{"price":1},{"price":[],"name":2},{}]', list[Priced])
    assert [error.path for error in caught.value.errors] == ["$[1].price", "$[1].name", "$[2].price"]
    with pytest.raises(Refused) as caught:
        strict_json.read(b"[" + b"7," * 500 + b"7]", list[Priced])
    assert len(caught.value.errors) == limits.FIELD_ERRORS_MAX


def test_a_fault_at_the_end_of_a_large_body_is_found_quickly() -> None:
    raw = b"[" + b'{"price":1},' * 40_000 + b'{"price":null}]'
    began = time.perf_counter()
    with pytest.raises(Refused) as caught:
        strict_json.read(raw, list[Priced])
    assert [error.path for error in caught.value.errors] == ["$[40000].price"]
    assert time.perf_counter() - began < QUICK_S


@given(st.binary(max_size=200))
def test_only_refused_escapes_from_any_bytes(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        strict_json.parse(raw)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=10,
)


@given(_json, st.integers(0, 100), st.binary(max_size=3))
def test_only_refused_escapes_from_damaged_json(value: object, place: int, damage: bytes) -> None:
    raw = json.dumps(value).encode("utf-8", "replace")
    with contextlib.suppress(Refused):
        strict_json.parse(raw[:place] + damage + raw[place + len(damage) :])


class Bounded(msgspec.Struct):
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=3)] = "a"
    code: Annotated[str, msgspec.Meta(min_length=2)] = "ab"
    few: Annotated[list[int], msgspec.Meta(min_length=2, max_length=3)] = []


@pytest.mark.parametrize(
    ("body", "path", "code", "message"),
    [
        ({"count": 0}, "$.count", "out_of_range", "must be at least 1"),
        ({"count": 10}, "$.count", "out_of_range", "must be at most 9"),
        ({"count": "1"}, "$.count", "invalid", "Expected `int`, got `str`"),
        ({"name": ""}, "$.name", "empty", "must not be empty"),
        ({"name": "abcd"}, "$.name", "too_long", "must have at most 3 characters"),
        ({"code": "a"}, "$.code", "too_short", "must have at least 2 characters"),
        ({"few": [1]}, "$.few", "too_few", "must have at least 2 entries"),
        ({"few": [1, 2, 3, 4]}, "$.few", "too_many", "must have at most 3 entries"),
    ],
)
def test_what_is_out_of_bounds_says_which_they_are(body: dict[str, object], path: str, code: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        strict_json.read(json.dumps(body).encode(), Bounded)
    [error] = caught.value.errors
    assert (error.path, error.code, error.message) == (path, code, message)
