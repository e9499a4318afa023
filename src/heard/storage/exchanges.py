"""What was said about an order beside the decisions about it: a call that changed nothing, the requests and the events.
The exchanges of a decision are written with it (orders.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from heard import limits
from heard.domain.ids import EventId, ExchangeId, OrganizationId, VenueId
from heard.storage.answers import pack
from heard.storage.orders import Connection
from heard.storage.rows import Exchange, OrderRef
from heard.storage.sql import query


async def add(
    connection: Connection, ref: OrderRef, venue_id: VenueId, exchange_id: ExchangeId, exchange: Exchange
) -> None:
    """Record a call that changes nothing of an order; nothing where this store has no such order."""
    await connection.execute(
        "INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms,"
        " error, answer, verdict, request_id)"
        " SELECT organization_id, $4, order_id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 FROM orders"
        " WHERE organization_id = $1 AND order_id = $2 AND venue_id = $3",
        ref.organization_id,
        ref.order_id,
        venue_id,
        exchange_id,
        exchange.at,
        exchange.direction,
        exchange.peer,
        exchange.method,
        exchange.path,
        exchange.status,
        exchange.ms,
        exchange.error,
        pack(exchange.answer),
        exchange.verdict,
        exchange.request_id,
    )


@dataclass(frozen=True, slots=True)
class Requested:
    """The beginning of the request that brought an order, and the version of the menu it was ordered from."""

    raw: bytes = field(repr=False)
    cut: bool
    menu_version: str


async def read_requested(connection: Connection, ref: OrderRef) -> Requested:
    row = await connection.fetchrow(
        "SELECT substr(raw, 1, $3) AS raw, length(raw) > $3 AS cut, menu_version FROM order_bodies"
        " WHERE organization_id = $1 AND order_id = $2",
        ref.organization_id,
        ref.order_id,
        limits.SAID_TEXT_MAX,
    )
    assert row is not None  # written with the order, in one statement
    return Requested(**dict(row))


async def read_told(
    connection: Connection, organization_id: OrganizationId, event_ids: Sequence[EventId]
) -> dict[EventId, bytes]:
    """The bodies of some events; those that are still kept."""
    if not event_ids:
        return {}
    rows = await connection.fetch(query("event_bodies"), [organization_id] * len(event_ids), list(event_ids))
    return {row["event_id"]: row["body"] for row in rows}
