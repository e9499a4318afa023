"""Pages of orders, by whatever an operator looks for."""

from collections.abc import Iterator
from dataclasses import dataclass

from heard import limits
from heard.domain.ids import OrganizationId
from heard.domain.order.lifecycle import DEADLINE_RUNS
from heard.domain.order.model import Order, Status
from heard.storage.orders import Connection
from heard.storage.rows import order_from
from heard.storage.sql import UNDECIDED, Values


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
    values = Values(min(count, limits.PAGE_MAX))
    conditions = list(_conditions(values, organization_id, wanted, last))
    rows = await connection.fetch(
        f"SELECT * FROM orders WHERE {' AND '.join(conditions) or 'true'}"  # noqa: S608
        " ORDER BY received_at DESC, order_id DESC LIMIT $1",
        *values.given,
    )
    return [order_from(row) for row in rows]


def _conditions(
    values: Values, organization_id: OrganizationId | None, wanted: Wanted, last: Order | None
) -> Iterator[str]:
    if organization_id is not None:
        yield f"organization_id = {values(organization_id)}"
    if wanted.statuses:
        yield f"status = ANY ({values(sorted(wanted.statuses))})"
        if wanted.statuses <= DEADLINE_RUNS:  # said in its index's words, which a parameter could not
            yield f"status IN ({UNDECIDED})"
    if wanted.attention:
        yield "(attention IS NOT NULL OR parked)"
    if wanted.venue_id is not None:
        yield f"venue_id = {values(wanted.venue_id)}"
    if wanted.marketplace_id is not None:
        yield f"marketplace_id = {values(wanted.marketplace_id)}"
    if wanted.external_order_id is not None:  # whoever's number it is: found marketplace by marketplace
        whose = f" AND m.organization_id = {values(organization_id)}" if organization_id is not None else ""
        yield (
            "(organization_id, order_id) IN (SELECT k.organization_id, k.order_id FROM marketplaces m"  # noqa: S608
            " JOIN order_keys k USING (organization_id, marketplace_id)"
            f" WHERE k.external_order_id = {values(wanted.external_order_id)}{whose})"
        )
    if last is not None:
        yield f"(received_at, order_id) < ({values(last.received_at)}, {values(last.order_id)})"
