"""What was said about an order: its calls as they are read, one that changed nothing, the requests and the events.
The exchanges of a decision are written with it (orders.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from heard import limits
from heard.domain.ids import EventId, ExchangeId, OrganizationId, VenueId, ids_about
from heard.storage.answers import pack, unpack
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


async def read_requested(connection: Connection, ref: OrderRef, bytes_max: int = limits.SAID_TEXT_MAX) -> Requested:
    row = await connection.fetchrow(
        "SELECT substr(raw, 1, $3) AS raw, length(raw) > $3 AS cut, menu_version FROM order_bodies"
        " WHERE organization_id = $1 AND order_id = $2",
        ref.organization_id,
        ref.order_id,
        bytes_max,
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


async def read_exchanges(connection: Connection, ref: OrderRef) -> list[Exchange]:
    """The calls about an order, the oldest first; the first and the newest with what was answered."""
    rows = await connection.fetch(
        "SELECT at, direction, peer, method, path, status, ms, error, verdict, request_id, event_id, exchange_id,"
        " endpoint_id,"
        " CASE WHEN row_number() OVER (ORDER BY at DESC, exchange_id DESC) <= $5"
        "  OR row_number() OVER (ORDER BY at, exchange_id) <= $6 THEN answer END AS answer"
        " FROM exchanges"
        " WHERE organization_id = $1 AND order_id = $2 AND exchange_id > $4 ORDER BY at, exchange_id LIMIT $3",
        ref.organization_id,
        ref.order_id,
        limits.HISTORY_MAX,
        ids_about("exc", ref.order_id),
        limits.EXCHANGES_TOLD_NEWEST,
        limits.EXCHANGES_TOLD_FIRST,
    )
    return [_exchange(row) for row in rows]


def _exchange(row: asyncpg.Record) -> Exchange:
    said = unpack(row["answer"])
    members = dict(row) | ({"answer": None} if said is None else {"answer": said.body, "answer_cut": said.cut})
    return Exchange(**members)
