"""What a store's newest orders say of it: how many it accepted, and how long its POS takes to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heard import limits
from heard.domain.ids import OrganizationId, VenueId, ids_from
from heard.storage.orders import Connection
from heard.storage.sql import query


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """Of the newest orders: how many the store accepted and turned away. Of the last calls to its POS: how many failed,
    and how long the slowest of twenty took.
    """

    orders: int = 0
    accepted: int = 0
    turned_away: int = 0
    calls: int = 0
    failed_calls: int = 0
    p95_ms: float | None = None

    @property
    def accept_rate(self) -> float | None:
        """Of the orders that were decided on; None: none was."""
        decided = self.accepted + self.turned_away
        return self.accepted / decided if decided else None


async def store_figures(
    connection: Connection, stores: Sequence[tuple[OrganizationId, VenueId]], since: datetime
) -> dict[VenueId, StoreFigures]:
    """The figures of these stores, of orders since a time."""
    rows = await connection.fetch(
        query("store_figures"),
        [organization_id for organization_id, _ in stores],
        [venue_id for _, venue_id in stores],
        since,
        ids_from("ord", since),
        ids_from("exc", since),
        limits.STORE_ORDERS_LOOKED_AT,
        limits.STORE_CALLS_LOOKED_AT,
    )
    named = ("orders", "accepted", "turned_away", "calls", "failed_calls", "p95_ms")
    return {row["venue_id"]: StoreFigures(**{name: row[name] for name in named}) for row in rows}
