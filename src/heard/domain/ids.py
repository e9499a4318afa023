"""Every id is a type, ours and theirs never mix. Ours are `prefix_` + 26 characters that sort by time."""

from datetime import datetime
from typing import NewType

# Ours
OrderId = NewType("OrderId", str)  # ord_...
VenueId = NewType("VenueId", str)  # ven_...  a store, as channels name it
MarketplaceId = NewType("MarketplaceId", str)  # mkt_... also the OAuth client id
KeyId = NewType("KeyId", str)  # key_...  a key to the admin API
EndpointId = NewType("EndpointId", str)  # whk_...
EventId = NewType("EventId", str)  # evt_...  also the webhook-id
ExchangeId = NewType("ExchangeId", str)  # exc_...
RequestUid = NewType("RequestUid", str)  # sub_... / val_...: one request to a POS, kept over its retries

# Theirs
OrganizationId = NewType("OrganizationId", str)  # the brand; the first part of every key
LocationId = NewType("LocationId", str)  # a store, as its POS connection names it
ExternalOrderId = NewType("ExternalOrderId", str)  # a marketplace's own order number
PosOrderId = NewType("PosOrderId", str)
ProductId = NewType("ProductId", str)  # a POS's product; an item_id on Link
ModifierId = NewType("ModifierId", str)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits at a time
_CHANCE_BYTES = 10


def make_id(prefix: str, at: datetime, chance: bytes) -> str:
    """An id of ours: `prefix_`, 48 bits of milliseconds since 1970, 80 bits of chance, in base 32.

    >>> from datetime import UTC
    >>> make_id("ord", datetime(2026, 1, 1, tzinfo=UTC), bytes(10))
    'ord_01kdvp1e000000000000000000'
    """
    if len(chance) != _CHANCE_BYTES:
        raise ValueError(f"an id needs {_CHANCE_BYTES} bytes of chance, got {len(chance)}")
    milliseconds = int(at.timestamp() * 1000)
    number = milliseconds << 80 | int.from_bytes(chance, "big")
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])}"


def ids_from(prefix: str, at: datetime) -> str:
    """What every id made at a time or after it sorts behind, and every one made before it does not."""
    milliseconds = max(0, int(at.timestamp() * 1000))
    return f"{prefix}_{''.join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))}"


def submit_uid(order_id: OrderId) -> RequestUid:
    """The uid of the one submit an order may have: derived, so that a restart cannot invent a second one."""
    return RequestUid(f"sub_{order_id.removeprefix('ord_')}")


def validate_uid(order_id: OrderId) -> RequestUid:
    """The uid of an order's validate. Validate and submit are different requests."""
    return RequestUid(f"val_{order_id.removeprefix('ord_')}")


def order_id_of(uid: RequestUid) -> OrderId | None:
    """The order a submit's uid belongs to; None when the uid is not one of our submits."""
    head, _, tail = uid.partition("_")
    return OrderId(f"ord_{tail}") if head == "sub" and tail else None
