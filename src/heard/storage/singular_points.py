"""Where orders are placed to, in its table. What was removed is hidden, since orders and payments name it."""

import asyncpg

from heard import limits
from heard.domain.ids import OrganizationId, SingularPointId, VenueId
from heard.domain.order_types import OrderType
from heard.domain.singular_points import SingularPoint
from heard.storage.orders import Connection
from heard.storage.sql import Values

_COLUMNS = "p.organization_id, p.singular_point_id, p.venue_id, p.name, p.order_types"


async def add(connection: Connection, point: SingularPoint) -> None:
    await connection.execute(
        "INSERT INTO singular_points (organization_id, singular_point_id, venue_id, name, order_types)"
        " VALUES ($1, $2, $3, $4, $5)",
        point.organization_id,
        point.singular_point_id,
        point.venue_id,
        point.name,
        [int(one) for one in point.order_types],
    )


async def find(connection: Connection, singular_point_id: SingularPointId) -> SingularPoint | None:
    """None for one that was removed, as for one that never was."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM singular_points p WHERE singular_point_id = $1 AND removed_at IS NULL LIMIT 1",  # noqa: S608
        singular_point_id,
    )
    return _point(row) if row else None


async def of_venue(connection: Connection, organization_id: OrganizationId, venue_id: VenueId) -> list[SingularPoint]:
    """Those of a store, the oldest first; a store has SINGULAR_POINTS_MAX at most."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM singular_points p"  # noqa: S608
        " WHERE organization_id = $1 AND venue_id = $2 AND removed_at IS NULL ORDER BY singular_point_id LIMIT $3",
        organization_id,
        venue_id,
        limits.SINGULAR_POINTS_MAX,
    )
    return [_point(row) for row in rows]


async def remove(connection: Connection, point: SingularPoint) -> bool:
    """False when it was removed meanwhile."""
    done = await connection.execute(
        "UPDATE singular_points SET removed_at = business_now()"
        " WHERE organization_id = $1 AND singular_point_id = $2 AND removed_at IS NULL",
        point.organization_id,
        point.singular_point_id,
    )
    return done.endswith(" 1")


async def list_points(
    connection: Connection,
    count: int,
    after: str = "",
    organization_id: OrganizationId | None = None,
    venue_id: VenueId | None = None,
) -> list[SingularPoint]:
    """A page of them, by their ids."""
    values = Values(min(count, limits.PAGE_MAX))
    where = f"p.removed_at IS NULL AND p.singular_point_id > {values(after)}"
    if organization_id is not None:
        where += f" AND p.organization_id = {values(organization_id)}"
    if venue_id is not None:
        where += f" AND p.venue_id = {values(venue_id)}"
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM singular_points p WHERE {where} ORDER BY p.singular_point_id LIMIT $1",  # noqa: S608
        *values.given,
    )
    return [_point(row) for row in rows]


def _point(row: asyncpg.Record) -> SingularPoint:
    return SingularPoint(**{**dict(row), "order_types": tuple(map(OrderType, row["order_types"]))})
