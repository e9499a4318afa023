"""What an answer says again of its request (wire.md 1.4): the order as it came, with what nobody here knows. [ours]

Made as JSON while the request is being read: decoded, an order is twenty times as large, and waits with its answer.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import msgspec

from heard.protocols.posnext import wire
from heard.protocols.posnext.status import CANCEL_ORDER

# What an echo never holds: what only a request says, since an answer echoes the order and not how it was asked for;
# and what only the answer itself may say, whatever a request called so.
_NOT_ECHOED = frozenset(
    wire.OrderRequest.__struct_fields__ + wire.CancelRequest.__struct_fields__ + wire.OrderAnswer.__struct_fields__
)
_DETAILS_NOT_ECHOED = frozenset(wire.AnswerDetails.__struct_fields__) - {"menu_items"}
_DETAILS = b'"order_details":{'
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Echo:
    """Members of JSON objects, without their braces: beside an answer's own, and in its order_details, which are before
    its own there. `details` None: it tells of no order.
    """

    members: bytes = field(default=b"", repr=False)
    details: bytes | None = field(default=None, repr=False)


def echo_of(sent: Mapping[str, object]) -> Echo:
    """The echo of a request's JSON. A cancel tells of no order."""
    details = sent.get("order_details")
    if not isinstance(details, dict) or sent.get("request_type") == CANCEL_ORDER:
        return Echo(_members(sent, _NOT_ECHOED))
    return Echo(_members(sent, _NOT_ECHOED), _members(details, _DETAILS_NOT_ECHOED))


def echoing(own: bytes, echo: Echo) -> bytes:
    """An answer's own JSON with the echo in it, its order_details before those that the answer states itself."""
    if echo.details is not None:
        place = own.find(_DETAILS)  # only there: in a text, its quotes would be escaped
        if place < 0:
            own, place = own[:-1] + b"," + _DETAILS + b"}}", len(own)
        place += len(_DETAILS)
        own = b"".join((own[:place], *_before(echo.details, own[place : place + 1]), own[place:]))
    return b"".join((own[:1], *_before(echo.members, own[1:2]), own[1:])) if echo.members else own


def _members(said: Mapping[str, object], unsaid: Container[str]) -> bytes:
    return _ENCODER.encode({name: value for name, value in said.items() if name not in unsaid})[1:-1]


def _before(members: bytes, following: bytes) -> tuple[bytes, bytes]:
    return members, b"," if members and following != b"}" else b""
