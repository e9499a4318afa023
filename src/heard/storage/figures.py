"""Figures of what happened: counted once for each hour that is over, and read from the orders themselves where none is.

An hour is counted by whoever moves `figures_counted.until` on, in that transaction: of two workers at it the second
waits, sees that it was moved, and leaves it. docs/why/console.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import asyncpg

from heard import limits
from heard.domain.figures import days_at
from heard.domain.ids import MarketplaceId, OrganizationId, VenueId, ids_from
from heard.storage.orders import Connection
from heard.storage.sql import Values, query

HOUR = timedelta(hours=1)
_ALL = "*"
_ROWS_MAX = 200_000  # a thousand stores, each with as many steps as ever come about
_LATE = timedelta(seconds=limits.FIGURES_SETTLE_S)  # an id may be made so long before or after what it is of
_PAID = timedelta(seconds=limits.PAYMENT_GOOD_FOR_S)  # an order's id may be as old as its payment


@dataclass(frozen=True, slots=True)
class Of:
    """Whose figures: an organization's or, where none is given, everybody's; of a store, of a channel, or of all."""

    organization_id: OrganizationId | None
    venue_id: VenueId | None = None
    marketplace_id: MarketplaceId | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """`at`, `venue_id`, `marketplace_id`: by which of these it was counted; the others are None."""

    at: datetime | date | None
    venue_id: str | None
    marketplace_id: str | None
    what: str
    step: int
    count: int


async def counted_until(connection: Connection) -> datetime | None:
    """All hours before that are counted; None: none is."""
    until: datetime | None = await connection.fetchval(
        "SELECT until FROM figures_counted WHERE organization_id = $1", _ALL
    )
    return until


async def count_next_hour(connection: Connection) -> datetime | None:
    """Count the next hour that is over and was not counted, of everybody's orders; which. None: there is none.

    To be called in a transaction of its own. Nothing that is older than FIGURES_BACK_DAYS is begun with.
    """
    now: datetime = await connection.fetchval("SELECT business_now()")
    hour = await counted_until(connection)
    if hour is None:
        first = await first_hour(connection, now)
        if first is None:
            return None
        await connection.execute("INSERT INTO figures_counted VALUES ($1, $2) ON CONFLICT DO NOTHING", _ALL, first)
        return await count_next_hour(connection)
    if hour + HOUR + _LATE > now:
        return None
    onward = max(hour + HOUR, whole_hour(now) - timedelta(days=limits.FIGURES_BACK_DAYS))
    moved = await connection.execute(
        "UPDATE figures_counted SET until = $3 WHERE organization_id = $1 AND until = $2", _ALL, hour, onward
    )
    if moved == "UPDATE 0":
        return await count_next_hour(connection)  # another worker did that one
    hour = onward - HOUR
    await connection.execute(
        "INSERT INTO figures (organization_id, venue_id, marketplace_id, at, day, what, step, count)"  # noqa: S608
        " SELECT organization_id, coalesce(venue_id, ''), coalesce(marketplace_id, ''), $2, day, what, step, count(*)"
        f" FROM ({_happened()}) h"
        " GROUP BY GROUPING SETS ((organization_id, day, what, step),"
        " (organization_id, venue_id, day, what, step), (organization_id, marketplace_id, day, what, step))",
        *await _asked(connection, None, hour, onward),
    )
    return hour


async def first_hour(connection: Connection, now: datetime) -> datetime | None:
    """Where counting begins: the hour of the oldest order, if that is not too long ago. None: there is no order."""
    oldest = await connection.fetchval("SELECT received_at FROM orders ORDER BY received_at, order_id LIMIT 1")
    if oldest is None:
        return None
    return max(whole_hour(oldest), whole_hour(now) - timedelta(days=limits.FIGURES_BACK_DAYS))


async def forget(connection: Connection, before: datetime) -> int:
    """Delete some figures that are too old; how many."""
    done = await connection.execute(
        "DELETE FROM figures WHERE ctid = ANY (ARRAY(SELECT ctid FROM figures WHERE at < $1 LIMIT $2))",
        before,
        limits.ROWS_SWEPT,
    )
    return int(done.rpartition(" ")[2])


async def happened(connection: Connection, of: Of, begins: datetime, ends: datetime, by: str) -> list[Counted]:
    """What happened between two times, from the orders themselves: by minute, hour or day, by store and by channel."""
    place = "h.day" if by == "day" else f"date_trunc('{by}', h.at, 'UTC')"
    values = Values(*await _asked(connection, of.organization_id, begins, ends))
    rows = await connection.fetch(
        f"SELECT {place} AS at, venue_id, marketplace_id, what, step, count(*) AS count"  # noqa: S608
        f" FROM ({_happened()}) h WHERE {_chosen(of, values)}"
        f" GROUP BY GROUPING SETS (({place}, what, step), (venue_id, what, step), (marketplace_id, what, step))"
        f" LIMIT {_ROWS_MAX}",
        *values.given,
    )
    return [_counted(row) for row in rows]


async def counted(
    connection: Connection, of: Of, begins: datetime, ends: datetime, by: str, *, each: bool
) -> list[Counted]:
    """What was counted of the hours between two times, by hour or day; with `each` also by store and by channel."""
    place = "day" if by == "day" else "at"
    values = Values(begins, ends)
    whose = values.equal("p.organization_id", of.organization_id)
    venue, channel = values(of.venue_id or ""), values(of.marketplace_id or "")
    rows = await connection.fetch(
        f"SELECT {place} AS at, NULL AS venue_id, NULL AS marketplace_id, what, step, sum(count)::bigint AS count"  # noqa: S608
        " FROM organizations p JOIN figures f ON f.organization_id = p.organization_id"
        f" AND f.venue_id = {venue} AND f.marketplace_id = {channel} AND f.at >= $1 AND f.at < $2"
        f" WHERE {whose} GROUP BY 1, what, step LIMIT {_ROWS_MAX}",
        *values.given,
    )
    found = [_counted(row) for row in rows]
    for one, other, table in (("venue_id", "marketplace_id", "stores"), ("marketplace_id", "venue_id", "marketplaces")):
        if not each:
            continue
        values = Values(begins, ends)
        whose = values.equal("p.organization_id", of.organization_id)
        rows = await connection.fetch(
            f"SELECT NULL AS at, f.{one}, NULL AS {other}, what, step, sum(count)::bigint AS count"  # noqa: S608
            f" FROM {table} p JOIN figures f ON f.organization_id = p.organization_id AND f.{one} = p.{one}"
            f" AND f.{other} = '' AND f.at >= $1 AND f.at < $2"
            f" WHERE {whose} GROUP BY f.{one}, what, step LIMIT {_ROWS_MAX}",
            *values.given,
        )
        found += [_counted(row) for row in rows]
    return found


async def names(
    connection: Connection, organization_id: OrganizationId | None
) -> tuple[dict[str, str], dict[str, str]]:
    """What stores and channels are called, by their ids: so many as a person can choose from."""
    found = []
    for table, key in (("stores", "venue_id"), ("marketplaces", "marketplace_id")):
        values = Values(limits.PAGE_MAX)
        whose = values.equal("organization_id", organization_id)
        rows = await connection.fetch(
            f"SELECT {key} AS id, name FROM {table} WHERE {whose} ORDER BY name, {key} LIMIT $1",  # noqa: S608
            *values.given,
        )
        found.append({row["id"]: row["name"] for row in rows})
    return found[0], found[1]


async def name_of(connection: Connection, of: Of) -> tuple[str, str | None] | None:
    """What the store or the channel that was chosen is called, and a store's time zone; None: there is no such one."""
    values = Values(of.venue_id or of.marketplace_id)
    whose = values.equal("organization_id", of.organization_id)
    source = (
        "name, timezone FROM stores WHERE venue_id"
        if of.venue_id
        else ("name, NULL AS timezone FROM marketplaces WHERE marketplace_id")
    )
    row = await connection.fetchrow(f"SELECT {source} = $1 AND {whose} LIMIT 1", *values.given)
    return (row["name"], row["timezone"]) if row else None


async def under_way(connection: Connection, organization_id: OrganizationId | None) -> tuple[int, int]:
    """How many orders are not over, and how many a person should look at."""
    whose = None if organization_id is None else [organization_id]
    row = await connection.fetchrow(
        query("figures_open"), whose, limits.BOARD_READY_S, limits.BOARD_KITCHEN_S, limits.UNDER_WAY_MAX
    )
    assert row is not None  # it has no condition
    return row["open"], row["attention"]


def whole_hour(at: datetime) -> datetime:
    """When the hour began that a time lies in."""
    return at.replace(minute=0, second=0, microsecond=0)


async def _asked(
    connection: Connection, organization_id: OrganizationId | None, begins: datetime, ends: datetime
) -> Sequence[object]:
    """What figures_happened.sql is to be given."""
    rows = await connection.fetch("SELECT DISTINCT timezone FROM stores LIMIT $1", limits.PAGE_MAX)
    zones = [row["timezone"] for row in rows]
    days = [days_at(zone, begins, ends) for zone in zones]
    return [
        None if organization_id is None else [organization_id],
        begins,
        ends,
        ids_from("ord", begins - _PAID - _LATE),
        ids_from("ord", ends + _LATE),
        *(ids_from(prefix, at) for prefix in ("evt", "exc") for at in (begins - _LATE, ends + _LATE)),
        zones,
        [day for day, _ in days],
        [next_at for _, next_at in days],
    ]


def _happened() -> str:
    return query("figures_happened")


def _chosen(of: Of, values: Values) -> str:
    if of.venue_id is not None:
        return f"venue_id = {values(of.venue_id)}"
    return values.equal("marketplace_id", of.marketplace_id)


def _counted(row: asyncpg.Record) -> Counted:
    return Counted(row["at"], row["venue_id"], row["marketplace_id"], row["what"], row["step"], row["count"])
