"""What went in and out lately: recorded calls and events, the latest first, for whoever looks for what is going on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from heard import limits
from heard.domain.ids import OrderId, OrganizationId, VenueId, ids_about, ids_from
from heard.storage.orders import Connection
from heard.storage.sql import Values

_ORGANIZATIONS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class About:
    """Which of it: all that is given must hold. `since`: no earlier one, where no order is named."""

    since: datetime
    order_id: OrderId | None = None
    venue_id: VenueId | None = None
    peer: str | None = None
    failed: bool = False


async def calls(
    connection: Connection, organization_id: OrganizationId | None, about: About
) -> list[Mapping[str, Any]]:
    """The latest calls, made and answered."""
    values = Values(limits.DRAWER_ROWS)
    conditions = [f"e.exchange_id > {values(_from('exc', about))}"]
    if about.order_id is not None:
        conditions.append(f"e.order_id = {values(about.order_id)}")
    if about.peer is not None:
        conditions.append(f"e.peer = {values(about.peer)}")
    if about.failed:
        conditions.append("(e.status IS NULL OR e.status >= 400)")
    if about.venue_id is not None:
        conditions.append(_at_store(values(about.venue_id)))
    rows = await connection.fetch(
        "SELECT e.* FROM (SELECT organization_id FROM organizations"  # noqa: S608
        f" WHERE {_whose(values, organization_id)} LIMIT {_ORGANIZATIONS_MAX}) whose CROSS JOIN LATERAL ("
        "SELECT e.exchange_id AS id, e.at, e.direction, e.peer, e.method, e.path, e.status, e.ms, e.error, e.order_id,"
        f" e.event_id FROM exchanges e WHERE e.organization_id = whose.organization_id AND {' AND '.join(conditions)}"
        " ORDER BY e.exchange_id DESC LIMIT $1) e ORDER BY e.id DESC LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


async def events(
    connection: Connection, organization_id: OrganizationId | None, about: About
) -> list[Mapping[str, Any]]:
    """The latest events that channels are told."""
    values = Values(limits.DRAWER_ROWS)
    conditions = [f"e.event_id > {values(_from('evt', about))}"]
    if about.order_id is not None:
        conditions.append(f"e.order_id = {values(about.order_id)}")
    if about.venue_id is not None:
        conditions.append(_at_store(values(about.venue_id)))
    rows = await connection.fetch(
        "SELECT e.* FROM (SELECT organization_id FROM organizations"  # noqa: S608
        f" WHERE {_whose(values, organization_id)} LIMIT {_ORGANIZATIONS_MAX}) whose CROSS JOIN LATERAL ("
        "SELECT e.event_id AS id, e.created_at AS at, e.kind, e.order_id, e.marketplace_id, e.sequence"
        f" FROM events e WHERE e.organization_id = whose.organization_id AND {' AND '.join(conditions)}"
        " ORDER BY e.event_id DESC LIMIT $1) e ORDER BY e.id DESC LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


def _at_store(venue: str) -> str:
    """About the store itself, or an order of its."""
    return (
        f"(e.venue_id = {venue} OR EXISTS (SELECT FROM orders o WHERE o.organization_id = e.organization_id"
        f" AND o.order_id = e.order_id AND o.venue_id = {venue}))"
    )


def _from(prefix: str, about: About) -> str:
    return ids_about(prefix, about.order_id) if about.order_id is not None else ids_from(prefix, about.since)


def _whose(values: Values, organization_id: OrganizationId | None) -> str:
    return "true" if organization_id is None else f"organization_id = {values(organization_id)}"
