"""JSON from strangers, decoded once and strictly: what comes through is UTF-8, unambiguous, finite, shallow.

The standard parser would take the last of two equal keys, read NaN, and turn 12.99 into a binary float.
"""

import json
import re
import types
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import accumulate, islice
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

import msgspec

from heard import limits
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols import typed

T = TypeVar("T")

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)  # open at the end: else a stray quote costs n * n
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_NESTING = {"[": 1, "{": 1, "]": -1, "}": -1}
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_STRING_BYTES = re.compile(_STRING.pattern.encode(), re.DOTALL)
_SUSPECT_ESCAPE_BYTES = re.compile(_SUSPECT_ESCAPE.pattern.encode())
_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))  # and no quotes
_BRACKETS = bytes.maketrans(b"[]{}", b"()()")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * (limits.NUMBER_DIGITS_MAX + 1)
_BOUND = re.compile(r"Expected `(?P<type>\w+)` (?P<length>of length )?(?P<sign>>=|<=) (?P<limit>-?\d+)")
_CONVERT_PATH = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)


def parse(raw: bytes) -> object:
    """Plain values of one JSON text; numbers with a fraction or an exponent become Decimal.

    Raises Refused(malformed_json): not UTF-8, not JSON, duplicate keys, NaN, too deep, number out of all bounds.
    """
    try:
        return _quickly(raw)
    except (_Doubt, msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused):
        return _carefully(raw)


# --- the quick way: takes what is surely good, and leaves the rest to the careful one to take or to explain ---


class _Doubt(Exception):
    """Perhaps good, perhaps not."""


def _quickly(raw: bytes) -> object:
    """Half of the careful way's time and less. The fast parser does not mind depth, huge numbers and equal keys: what
    stands outside of strings tells the first two and, held against what was parsed, the last.
    """
    if b"\\u" in raw and _SUSPECT_ESCAPE_BYTES.search(raw):
        raise _Doubt
    if _LONG_NUMBER in raw.translate(_DIGITS) and _LONG_NUMBER in _outside(raw).translate(_DIGITS):
        raise _Doubt
    brackets = raw.translate(_BRACKETS, _NO_BRACKETS).replace(b'""', b"")
    if b'"' in brackets or b"\\" in raw:  # some stand inside of strings
        brackets = _outside(raw).translate(_BRACKETS, _NO_BRACKETS)
    for _ in range(limits.JSON_DEPTH_MAX):  # each round takes the innermost pairs away
        if not brackets:
            break
        brackets = brackets.replace(b"()", b"")
    if brackets:
        raise _Doubt
    value = _DECODER.decode(raw)
    again = _ENCODER.encode(value)
    if again != raw and _outside(again).count(b":") != _outside(raw).count(b":"):
        raise _Doubt  # of two equal keys, one has gone
    return value


def _outside(raw: bytes) -> bytes:
    """What stands outside of strings."""
    return _STRING_BYTES.sub(b"", raw) if b"\\" in raw else b"".join(raw.split(b'"')[::2])


# --- the careful way ----------------------------------------------------------------------------------------


def _carefully(raw: bytes) -> object:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"not UTF-8 at byte {error.start}") from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            parse_float=_finite,
            parse_int=_whole,
            parse_constant=_constant,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        raise _malformed(f"not JSON: {error.msg} on line {error.lineno}, character {error.colno}") from None
    except RecursionError:
        raise _malformed(f"nested deeper than {limits.JSON_DEPTH_MAX}") from None
    if _SUSPECT_ESCAPE.search(text):
        _check_characters(value)
    return value


def read(raw: bytes, type_: type[T]) -> T:
    """A wire struct from one JSON text. Raises Refused: malformed_json, or invalid_body naming the JSON path."""
    return shape(parse(raw), type_)


def shape(value: object, type_: type[T]) -> T:
    """A wire struct from parsed values. Raises Refused(invalid_body) naming the JSON path of everything wrong."""
    try:
        return typed.convert(value, type_)
    except msgspec.ValidationError:
        raise invalid_body(*islice(_faults(value, type_, "$"), limits.FIELD_ERRORS_MAX)) from None


def invalid_body(*errors: FieldError) -> Refused:
    """The refusal of a body whose JSON is fine and whose content is not."""
    first = errors[0]
    return Refused(Code.INVALID_BODY, f"{first.path}: {first.message}", *errors)


def _faults(value: object, type_: Any, path: str) -> Iterator[FieldError]:
    """The innermost places that are not of their type, since msgspec tells only the first.

    What is right is passed over whole, so a large body with one fault costs little more than a good one.
    """
    try:
        typed.convert(value, type_)
    except msgspec.ValidationError as error:
        within = _faults_within(value, _plain_type(type_), path)
        first = next(within, None)
        if first is not None:
            yield first
            yield from within
            return
        match = _CONVERT_PATH.match(str(error))
        inner = ((match and match["path"]) or "$").removeprefix("$")
        yield _fault(path + inner, match["message"] if match else str(error))


def _fault(path: str, said: str) -> FieldError:
    """What msgspec says of a value, in words that name the fix where it is of the right type and out of bounds."""
    bound = _BOUND.fullmatch(said)
    if bound is None:
        return FieldError(path, "invalid", said)
    which = "at least" if bound["sign"] == ">=" else "at most"
    if bound["length"] is None:
        return FieldError(path, "out_of_range", f"must be {which} {bound['limit']}")
    if (bound["sign"], bound["limit"]) == (">=", "1"):
        return FieldError(path, "empty", "must not be empty")
    text = bound["type"] == "str"
    code = ("too_long" if text else "too_many") if bound["sign"] == "<=" else "too_short" if text else "too_few"
    return FieldError(path, code, f"must have {which} {bound['limit']} {'characters' if text else 'entries'}")


def _faults_within(value: object, type_: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, dict) and isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        for field in msgspec.structs.fields(type_):
            name = field.encode_name
            if name in value:
                yield from _faults(value[name], field.type, f"{path}.{name}")
            elif field.required:
                yield FieldError(f"{path}.{name}", "missing", "is required")
    elif isinstance(value, list) and get_origin(type_) is list:
        for place, element in enumerate(value):
            yield from _faults(element, get_args(type_)[0], f"{path}[{place}]")


def _plain_type(type_: Any) -> Any:
    """The one type behind `Annotated[X, ...]` and `X | None`."""
    while True:
        origin, inner = get_origin(type_), [one for one in get_args(type_) if one is not types.NoneType]
        if origin is Annotated or (origin in (Union, types.UnionType) and len(inner) == 1):
            type_ = inner[0]
        else:
            return type_


def _malformed(detail: str) -> Refused:
    return Refused(Code.MALFORMED_JSON, f"The body is {detail}.")


def _check_depth(text: str) -> None:
    """Count brackets outside strings. Whether they match is for the parser to say."""
    brackets = _NOT_BRACKETS.sub("", _STRING.sub("", text))
    if max(accumulate(map(_NESTING.__getitem__, brackets)), default=0) > limits.JSON_DEPTH_MAX:
        raise _malformed(f"nested deeper than {limits.JSON_DEPTH_MAX}")


def _check_characters(value: object) -> None:
    """Escapes can spell what UTF-8 cannot hold (half a surrogate pair) and what no text should (NUL)."""
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                if "\0" in text or _SURROGATE.search(text):
                    raise _malformed("spelling a character that is none: a lone surrogate or NUL")
            case dict(members):
                pending.extend(members.keys())
                pending.extend(members.values())
            case list(elements):
                pending.extend(elements)
            case _:
                pass


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _malformed(f"ambiguous: the key {twice[:80]!r} stands twice in one object")
    return members


def _finite(text: str) -> Decimal:
    if len(text) > limits.NUMBER_TEXT_MAX:
        raise _malformed(f"out of bounds: a number of {len(text)} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that even Decimal cannot hold
        raise _malformed(f"out of bounds: the number {text}") from None
    if not number.is_finite() or abs(number.adjusted()) > limits.NUMBER_EXPONENT_MAX:
        raise _malformed(f"out of bounds: the number {text}")
    return number


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > limits.NUMBER_DIGITS_MAX:
        raise _malformed(f"out of bounds: a number of {len(text)} digits")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise _malformed(f"not JSON: {text} is not a number")


_DECODER = msgspec.json.Decoder(float_hook=_finite)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
