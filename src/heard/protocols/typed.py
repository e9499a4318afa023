"""Values of our own types out of JSON, on any thread.

What msgspec knows of a type it finds out when the type is first read. Meanwhile that knowledge stands half made where
other threads take it for whole, and the process ends at once (a segmentation fault, with 0.22). So it is made here, by
one thread at a time, and nothing else in the hub reads into a type by itself.
"""

from decimal import Decimal
from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_known: set[Any] = set()
_making = Lock()


def convert(value: object, type_: type[T]) -> T:
    """Parsed values as this type. Raises msgspec.ValidationError.

    Decimal counts as built in: otherwise msgspec would take the string "12.99" for a number.
    """
    _make_known(type_)
    return msgspec.convert(value, type_, strict=True, builtin_types=(Decimal,))


def decode(raw: bytes | str, type_: type[T]) -> T:
    """JSON that we wrote ourselves, as this type; a stranger's is read by `strict_json`. Raises msgspec.DecodeError."""
    _make_known(type_)
    return msgspec.json.decode(raw, type=type_)


def decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    """Decodes many of this type."""
    with _making:
        return msgspec.json.Decoder(type_)


def _make_known(type_: Any) -> None:
    if type_ not in _known:
        decoder(type_)  # finds out all there is to know of it, and of every type within
        _known.add(type_)
