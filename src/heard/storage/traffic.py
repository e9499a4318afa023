"""What went in and out lately: recorded calls and events, the latest first, for whoever looks for what is going on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from heard import limits
from heard.domain.ids import OrderId, OrganizationId, VenueId, ids_about, ids_from
from heard.storage.orders import Connection
from heard.storage.partitions import EVENTS, EXCHANGES, Parted
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
    conditions = list(_conditions(values, about))
    if about.peer is not None:
        conditions.append(f"e.peer = {values(about.peer)}")
    if about.failed:
        conditions.append("(e.status IS NULL OR e.status >= 400)")
    columns = "e.at, e.direction, e.peer, e.method, e.path, e.status, e.ms, e.error, e.order_id, e.event_id"
    return await _latest(connection, organization_id, values, EXCHANGES, columns, about, conditions)


async def events(
    connection: Connection, organization_id: OrganizationId | None, about: About
) -> list[Mapping[str, Any]]:
    """The latest events that channels are told."""
    values = Values(limits.DRAWER_ROWS)
    columns = "e.created_at AS at, e.kind, e.order_id, e.marketplace_id, e.sequence"
    return await _latest(connection, organization_id, values, EVENTS, columns, about, list(_conditions(values, about)))


async def _latest(
    connection: Connection,
    organization_id: OrganizationId | None,
    values: Values,
    table: Parted,
    columns: str,
    about: About,
    conditions: Sequence[str],
) -> list[Mapping[str, Any]]:
    """The newest rows of a table whose ids are made as its rows are, organization by organization."""
    whose = values.equal("organization_id", organization_id)
    since = f"e.{table.key} > {values(_from(table.prefix, about))}"
    rows = await connection.fetch(
        f"SELECT e.* FROM (SELECT organization_id FROM organizations WHERE {whose} LIMIT {_ORGANIZATIONS_MAX}) whose"  # noqa: S608
        f" CROSS JOIN LATERAL (SELECT e.{table.key} AS id, {columns} FROM {table.name} e"
        f" WHERE {' AND '.join(['e.organization_id = whose.organization_id', since, *conditions])}"
        f" ORDER BY e.{table.key} DESC LIMIT $1) e ORDER BY e.id DESC LIMIT $1",
        *values.given,
    )
    return [dict(row) for row in rows]


def _conditions(values: Values, about: About) -> Iterator[str]:
    if about.order_id is not None:
        yield f"e.order_id = {values(about.order_id)}"
    if about.venue_id is not None:
        yield _at_store(values(about.venue_id))


def _at_store(venue: str) -> str:
    """About the store itself, or an order of its."""
    return (
        f"(e.venue_id = {venue} OR EXISTS (SELECT FROM orders o WHERE o.organization_id = e.organization_id"
        f" AND o.order_id = e.order_id AND o.venue_id = {venue}))"
    )


def _from(prefix: str, about: About) -> str:
    return ids_about(prefix, about.order_id) if about.order_id is not None else ids_from(prefix, about.since)
