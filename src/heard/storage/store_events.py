"""What marketplaces are told about a store, in its tables. Each event gets the store's next number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heard.domain.ids import EventId, MarketplaceId
from heard.domain.stores import Store
from heard.storage.orders import Connection
from heard.storage.sql import query


@dataclass(frozen=True, slots=True)
class NewStoreEvent:
    """One marketplace's copy of an event, encoded."""

    event_id: EventId
    marketplace_id: MarketplaceId
    body: bytes


async def lock(connection: Connection, store: Store) -> None:
    """The store's row, until the transaction ends: of several who change it, each sees what the one before did."""
    await connection.execute(
        "SELECT FROM stores WHERE organization_id = $1 AND venue_id = $2 FOR NO KEY UPDATE",
        store.organization_id,
        store.venue_id,
    )


async def next_sequence(connection: Connection, store: Store) -> int:
    """The number of the store's next event; its row is locked until the transaction ends."""
    sequence: int = await connection.fetchval(
        "UPDATE stores SET sequence = sequence + 1 WHERE organization_id = $1 AND venue_id = $2 RETURNING sequence",
        store.organization_id,
        store.venue_id,
    )
    return sequence


async def connected_marketplaces(connection: Connection, store: Store) -> list[MarketplaceId]:
    """All who may send orders to a store, and so must know how it is."""
    found: list[MarketplaceId] = await connection.fetchval(
        "SELECT coalesce(array_agg(marketplace_id ORDER BY marketplace_id), '{}') FROM connections"
        " WHERE organization_id = $1 AND venue_id = $2",
        store.organization_id,
        store.venue_id,
    )
    return found


async def was_told(connection: Connection, store: Store, marketplace_id: MarketplaceId) -> bool:
    """Whether a marketplace was ever told anything about a store."""
    told: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM events WHERE organization_id = $1 AND venue_id = $2 AND marketplace_id = $3)",
        store.organization_id,
        store.venue_id,
        marketplace_id,
    )
    return told


async def tell(
    connection: Connection,
    store: Store,
    events: Sequence[NewStoreEvent],
    sequence: int,
    kind: str,
    at: datetime,
    give_up_at: datetime,
    trace: str | None = None,
) -> None:
    """Write an event about a store for each of these marketplaces, with its deliveries. `trace`: where in one."""
    await connection.execute(
        query("store_tell"),
        store.organization_id,
        store.venue_id,
        sequence,
        kind,
        at,
        [event.event_id for event in events],
        [event.marketplace_id for event in events],
        [event.body for event in events],
        give_up_at,
        trace,
    )
