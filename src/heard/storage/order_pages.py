"""Pages of orders, by whatever an operator looks for."""

from dataclasses import dataclass

from heard import limits
from heard.domain.ids import OrganizationId
from heard.domain.order.model import Order, Status
from heard.storage.orders import Connection
from heard.storage.rows import order_from


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders: all that is given must hold; of `statuses`, one. None given: whichever."""

    statuses: frozenset[Status] = frozenset()
    attention: bool = False
    venue_id: str | None = None
    marketplace_id: str | None = None
    external_order_id: str | None = None


async def page(
    connection: Connection, organization_id: OrganizationId | None, wanted: Wanted, count: int, last: Order | None
) -> list[Order]:
    """A page of an organization's orders, or of everybody's, the newest first; `last` is that of the page before."""
    rows = await connection.fetch(
        "SELECT * FROM orders WHERE ($1::text IS NULL OR organization_id = $1)"
        " AND (cardinality($2::text[]) = 0 OR status = ANY ($2)) AND (NOT $3 OR attention IS NOT NULL OR parked)"
        " AND ($4::text IS NULL OR venue_id = $4) AND ($5::text IS NULL OR marketplace_id = $5)"
        " AND ($6::text IS NULL OR order_id IN (SELECT k.order_id FROM marketplaces m"
        "   JOIN order_keys k USING (organization_id, marketplace_id)"
        "   WHERE ($1::text IS NULL OR m.organization_id = $1) AND k.external_order_id = $6))"
        " AND ($7::timestamptz IS NULL OR (received_at, order_id) < ($7, $8))"
        " ORDER BY received_at DESC, order_id DESC LIMIT $9",
        organization_id,
        sorted(wanted.statuses),
        wanted.attention,
        wanted.venue_id,
        wanted.marketplace_id,
        wanted.external_order_id,
        last.received_at if last else None,
        last.order_id if last else None,
        min(count, limits.PAGE_MAX),
    )
    return [order_from(row) for row in rows]
