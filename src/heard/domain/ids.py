"""Every id is a type, ours and theirs never mix. Ours are `prefix_` + 26 characters that sort by time."""

import re
from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID

# Ours
OrderId = NewType("OrderId", str)  # ord_...
VenueId = NewType("VenueId", str)  # ven_...  a store, as channels name it
MarketplaceId = NewType("MarketplaceId", str)  # mkt_..., an application's app_...; also the OAuth client id
KeyId = NewType("KeyId", str)  # key_...  a key to the admin API
PersonId = NewType("PersonId", str)  # per_...  who comes into the console
EndpointId = NewType("EndpointId", str)  # whk_...
EventId = NewType("EventId", str)  # evt_...  also the webhook-id
ExchangeId = NewType("ExchangeId", str)  # exc_...
PaymentId = NewType("PaymentId", str)  # pay_...  its order's id is made from it
SingularPointId = NewType("SingularPointId", str)  # spt_...  where at a store orders are placed to
RequestUid = NewType("RequestUid", str)  # sub_... / val_...: one request to a POS, kept over its retries

# Theirs
OrganizationId = NewType("OrganizationId", str)  # the brand; the first part of every key
LocationId = NewType("LocationId", str)  # a store, as its POS connection names it
ExternalOrderId = NewType("ExternalOrderId", str)  # a marketplace's own order number
PosOrderId = NewType("PosOrderId", str)
ProductId = NewType("ProductId", str)  # a POS's product; an item_id on Link
ModifierId = NewType("ModifierId", str)
PriceLevelId = NewType("PriceLevelId", str)  # a size, or a list of prices, as the POS has them

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # ten bits at a time
_CHANCE_BYTES = 10
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def make_id(prefix: str, at: datetime, chance: bytes) -> str:
    """An id of ours: `prefix_`, 48 bits of milliseconds since 1970, 80 bits of chance, in base 32.

    >>> from datetime import UTC
    >>> make_id("ord", datetime(2026, 1, 1, tzinfo=UTC), bytes(10))
    'ord_01kdvdna000000000000000000'
    """
    if len(chance) != _CHANCE_BYTES:
        raise ValueError(f"an id needs {_CHANCE_BYTES} bytes of chance, got {len(chance)}")
    milliseconds = int(at.timestamp() * 1000)
    number = milliseconds << 80 | int.from_bytes(chance, "big")
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])}"


def ids_from(prefix: str, at: datetime) -> str:
    """What every id made at a time or after it sorts behind, and every one made before it does not."""
    milliseconds = max(0, int(at.timestamp() * 1000))
    return f"{prefix}_{''.join(ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))}"


def made_at(own_id: str) -> datetime:
    """When an id of ours was made, or what `ids_from` was asked for.

    >>> made_at("ord_01kdvdna000000000000000000").isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    milliseconds = 0
    for letter in own_id.partition("_")[2][:10]:
        milliseconds = milliseconds << 5 | ALPHABET.index(letter)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def ids_about(prefix: str, order_id: OrderId) -> str:
    """What every id of an order's own events and exchanges sorts behind: a day before it, whosever clock was off."""
    return ids_from(prefix, made_at(order_id) - timedelta(days=1))


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


def paid_order_id(payment_id: PaymentId) -> OrderId:
    """The one order that a payment may pay for: derived, so that no repeat and no restart can make a second one."""
    return OrderId(f"ord_{payment_id.removeprefix('pay_')}")


def payment_id_of(order_id: OrderId) -> PaymentId:
    """The payment of an order that came through the Ordering API."""
    return PaymentId(f"pay_{order_id.removeprefix('ord_')}")


def uuid_of(own_id: str) -> str:
    """An id of ours as the Ordering API writes it: its 128 bits as a UUID.

    >>> uuid_of("ord_01kdvdna000000000000000000")
    '019b76da-a800-0000-0000-000000000000'
    """
    number = 0
    for letter in own_id.partition("_")[2]:
        number = number << 5 | ALPHABET.index(letter)
    return str(UUID(int=number))


def id_from_uuid(prefix: str, uuid: str) -> str | None:
    """The id of ours that a UUID stands for; None when the text is no UUID in the usual form, in either case."""
    if _UUID.fullmatch(uuid) is None:
        return None
    number = UUID(uuid).int
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])}"
