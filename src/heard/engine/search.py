"""Any id of any party leads to what has it: ours, a channel's number, a POS's, a payment provider's, a name.

What another organization has is not found, as if nobody had it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from heard.domain.channels import kind_of
from heard.domain.ids import MarketplaceId, OrganizationId, id_from_uuid
from heard.engine.hub import Hub
from heard.storage.search import Row, Where

_ORDER_WORDS: Final = ("ord", "sub", "val", "pay")  # all made of an order's id, for one party each
_OWN_CHARACTERS: Final = 26


@dataclass(frozen=True, slots=True)
class Found:
    """A thing. `by`: what of it was looked for. An event or an exchange is about an order or a store."""

    kind: str
    id: str
    organization_id: str
    by: str
    name: str | None = None
    order_id: str | None = None
    venue_id: str | None = None


async def search_any(hub: Hub, organization_id: OrganizationId | None, text: str) -> list[Found]:
    """What has this id, this number or this name; orders first. Nothing is found twice."""
    prefix, _, rest = text.partition("_")
    ours = prefix if len(rest) == _OWN_CHARACTERS else ""
    found: dict[tuple[str, str, str], Found] = {}
    async with hub.connection() as connection:
        where = Where(connection, organization_id)
        for one in [*await _orders(where, text, ours), *await _others(where, text, ours)]:
            found.setdefault((one.kind, one.organization_id, one.id), one)
    return list(found.values())


async def _orders(where: Where, text: str, ours: str) -> list[Found]:
    ids = [f"ord_{text.partition('_')[2]}"] if ours in _ORDER_WORDS else list(_from_uuid("ord", text))
    if ids:
        by = "the hub's own id" if ours == "ord" else "an id made of the hub's own"
        return [_order(row, by) for row in await where.orders_by_id(ids)]
    if ours in _OTHERS:
        return []
    found = [_order(row, "the channel's number") for row in await where.orders_by_channel_number(text)]
    found += [_order(row, "the POS's number") for row in await where.orders_by_pos_number(text)]
    found += [_order(row, "the payment's number") for row in await where.orders_by_payment(text)]
    found += [_order(row, "the end of the channel's number") for row in await where.open_orders_ending(text)]
    return found


_OTHERS: Final = ("evt", "exc", "ven", "whk", "mkt", "app")


async def _others(where: Where, text: str, ours: str) -> list[Found]:
    if ours in _ORDER_WORDS:
        return []
    if ours == "evt":
        return [_about(row, "event", row["event_id"]) for row in await where.events(text)]
    if ours == "exc":
        return [_about(row, "exchange", row["exchange_id"]) for row in await where.exchanges(text)]
    endpoints = await where.endpoints([text, *_from_uuid("whk", text)])
    stores = await where.stores([text, *_from_uuid("ven", text)], text)
    return [
        *(Found("endpoint", row["endpoint_id"], row["organization_id"], "its id", row["url"]) for row in endpoints),
        *(_store(row, text) for row in stores),
        *(_channel(row, text) for row in await where.channels(text)),
    ]


def _from_uuid(prefix: str, text: str) -> Iterator[str]:
    """The Ordering API writes our ids as UUIDs."""
    own = id_from_uuid(prefix, text)
    if own is not None:
        yield own


def _order(row: Row, by: str) -> Found:
    order_id = row["order_id"]
    return Found("order", order_id, row["organization_id"], by, row["external_order_id"], order_id=order_id)


def _about(row: Row, kind: str, own_id: str) -> Found:
    return Found(kind, own_id, row["organization_id"], "its id", order_id=row["order_id"], venue_id=row["venue_id"])


def _store(row: Row, text: str) -> Found:
    by = "its name" if text.casefold() in row["name"].casefold() else "its id"
    return Found("store", row["venue_id"], row["organization_id"], by, row["name"], venue_id=row["venue_id"])


def _channel(row: Row, text: str) -> Found:
    by = "its name" if text.casefold() in row["name"].casefold() else "its id"
    noun = kind_of(MarketplaceId(row["marketplace_id"])).noun
    return Found(noun, row["marketplace_id"], row["organization_id"], by, row["name"])
