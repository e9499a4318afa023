"""Pages of one organization's orders, by whatever an operator looks for."""

from dataclasses import dataclass
from datetime import datetime

from heard import limits
from heard.domain.ids import OrderId, OrganizationId
from heard.domain.order.model import Order, Status
from heard.storage.orders import Connection
from heard.storage.rows import order_from


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders: all that is given must hold."""

    status: Status | None = None
    attention: bool = False
    venue_id: str | None = None
    marketplace_id: str | None = None
    external_order_id: str | None = None


async def page(
    connection: Connection, organization_id: OrganizationId, wanted: Wanted, count: int, after: OrderId | None
) -> list[Order] | None:
    """A page of orders, the newest first; `after` is the last of the page before. None: there is no such order."""
    last_at: datetime | None = None
    if after is not None:
        last_at = await connection.fetchval(
            "SELECT received_at FROM orders WHERE organization_id = $1 AND order_id = $2", organization_id, after
        )
        if last_at is None:
            return None
    rows = await connection.fetch(
        "SELECT * FROM orders WHERE organization_id = $1"
        " AND ($2::text IS NULL OR status = $2) AND (NOT $3 OR attention IS NOT NULL OR parked)"
        " AND ($4::text IS NULL OR venue_id = $4) AND ($5::text IS NULL OR marketplace_id = $5)"
        " AND ($6::text IS NULL OR order_id IN (SELECT k.order_id FROM marketplaces m"
        "   JOIN order_keys k USING (organization_id, marketplace_id)"
        "   WHERE m.organization_id = $1 AND k.external_order_id = $6))"
        " AND ($7::timestamptz IS NULL OR (received_at, order_id) < ($7, $8))"
        " ORDER BY received_at DESC, order_id DESC LIMIT $9",
        organization_id,
        wanted.status,
        wanted.attention,
        wanted.venue_id,
        wanted.marketplace_id,
        wanted.external_order_id,
        last_at,
        after,
        min(count, limits.PAGE_MAX),
    )
    return [order_from(row) for row in rows]
