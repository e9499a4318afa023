"""Tables that are partitioned by time: partitions made ahead, and old ones dropped once what is open has left them.

An id begins with the time it was made at, so ids are the partitions' bounds, and whoever knows an id looks into one of
them. What falls between no bounds is in a table's default partition: ids of a clock that is far off, and orders that
were still open when their time was over. docs/why/growth.md.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from heard import limits
from heard.domain.ids import ids_from, made_at
from heard.storage.orders import Connection
from heard.storage.sql import query

_LOCK = 0x48656173  # the advisory lock under which partitions are made and dropped, in one process at a time
_UPPER = re.compile(r" TO \('([a-z0-9_]+)'\)$")
# What something or somebody is still to do. Each has an index of its own, so that a month of orders is not read.
_DUE, _SEEN_TO = "next_at IS NOT NULL", "(attention IS NOT NULL OR parked)"


@dataclass(frozen=True, slots=True)
class Parted:
    """A table that is partitioned by one of its ids. `options`: storage parameters of each partition."""

    name: str
    key: str
    prefix: str
    period: Literal["month", "week"]
    options: str = ""


ORDERS = Parted("orders", "order_id", "ord", "month", " WITH (fillfactor = 80)")
BODIES = Parted("order_bodies", "order_id", "ord", "month")
HISTORY = Parted("order_history", "order_id", "ord", "month")
EVENTS = Parted("events", "event_id", "evt", "month")
EXCHANGES = Parted("exchanges", "exchange_id", "exc", "week")
PARTED = (ORDERS, BODIES, HISTORY, EVENTS, EXCHANGES)
_AHEAD_DAYS = {"month": limits.MONTHS_AHEAD_DAYS, "week": limits.WEEKS_AHEAD_DAYS}
_BY_NAME = {table.name: table for table in PARTED}


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table. `bound` is the id that it ends before, `ends` the time of that; None: the default one."""

    table: str
    name: str
    bound: str | None

    @property
    def ends(self) -> datetime | None:
        return None if self.bound is None else made_at(self.bound)


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long at least: orders with all that was said of them, and the exchanges."""

    orders_months: int
    exchanges_days: int

    def orders_since(self, now: datetime) -> datetime:
        """Partitions that end by then are over: whole months."""
        months = now.year * 12 + now.month - 1 - self.orders_months
        return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)

    def exchanges_since(self, now: datetime) -> datetime:
        return now - timedelta(days=self.exchanges_days)


async def partitions(connection: Connection) -> list[Partition]:
    """Every partition, the oldest of each table first and its default one last."""
    rows = await connection.fetch(
        "SELECT p.relname AS table, c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound"
        " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent"
        " WHERE p.relkind = 'p' AND p.relname = ANY ($1) AND p.relnamespace = current_schema()::regnamespace"
        " LIMIT 9999",
        list(_BY_NAME),
    )
    found = [Partition(row["table"], row["name"], _bound(row["bound"])) for row in rows]
    places = {table.name: place for place, table in enumerate(PARTED)}
    return sorted(found, key=lambda one: (places[one.table], one.ends or datetime.max.replace(tzinfo=UTC)))


async def sizes(connection: Connection, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of each partition, how many rows it has, as the planner believes, and how many bytes with its indexes."""
    rows = await connection.fetch(
        "SELECT relname, greatest(0, reltuples)::bigint AS rows, pg_total_relation_size(oid) AS bytes FROM pg_class"
        " WHERE relname = ANY ($1) AND relnamespace = current_schema()::regnamespace LIMIT 9999",
        names,
    )
    return {row["relname"]: (row["rows"], row["bytes"]) for row in rows}


def over(found: Iterable[Partition], kept: Kept, now: datetime) -> list[Partition]:
    """Those whose time is over."""
    return [one for one in found if one.ends is not None and one.ends <= _since(one, kept, now)]


async def make_ahead(connection: Connection) -> list[str]:
    """Make each table's partitions for some time ahead; the names of those that were missing. Of a table that is none
    yet (its migration is not closed), none.

    Raises asyncpg.LockNotAvailableError where a table was in use for too long: nothing was made of that one.
    """
    made: list[str] = []
    for table in PARTED:
        async with connection.transaction():
            now = await _alone(connection)
            bound = max(
                (one.bound or "" for one in await partitions(connection) if one.table == table.name), default=""
            )
            while bound and made_at(bound) < now + timedelta(days=_AHEAD_DAYS[table.period]):
                begins, bound = bound, ids_from(table.prefix, period_after(table.period, made_at(bound)))
                made.append(await make(connection, table, begins, bound))
    return made


async def drop_over(connection: Connection, kept: Kept) -> list[Partition]:
    """Drop what is over. Orders that are still open move into the default partition first, with all that is theirs.

    Raises asyncpg.LockNotAvailableError as `make_ahead` does.
    """
    dropped: list[Partition] = []
    while True:
        async with connection.transaction():
            now = await _alone(connection)
            due = over(await partitions(connection), kept, now)
            if not due:
                return dropped
            begun = [one for one in due if one.ends == due[0].ends and _BY_NAME[one.table].key == _key(due[0])]
            await _drop(connection, begun)
            dropped += begun


async def sweep_defaults(connection: Connection, kept: Kept) -> int:
    """Forget some of what is over in the default partitions, and some deliveries of events that are; how many rows."""
    async with connection.transaction():
        now = await _alone(connection)
        names = {one.name for one in await partitions(connection)}
        if not names:
            return 0
        orders, exchanges, some = kept.orders_since(now), kept.exchanges_since(now), limits.ROWS_SWEPT
        swept = [
            await connection.execute(query("sweep_orders"), ids_from("ord", orders), orders, some),
            await connection.execute(query("sweep_events"), ids_from("evt", orders), some),
            await connection.execute(query("sweep_exchanges"), ids_from("exc", exchanges), some),
        ]
        if f"{EVENTS.name}_first" not in names:  # which holds whatever is older
            swept.append(await connection.execute(query("sweep_deliveries"), ids_from("evt", orders), some))
    return sum(int(done.rpartition(" ")[2]) for done in swept)


def period_after(period: Literal["month", "week"], begins: datetime) -> datetime:
    """When the period that a time lies in ends: with its month, or with its Sunday; UTC."""
    day = begins.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        return day + timedelta(days=7 - day.weekday())
    return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1, day=1)


async def _alone(connection: Connection) -> datetime:
    """The business time, once nobody else is at the partitions. Waits for tables in use for a short time only: behind
    whoever waits for a whole table, everybody else waits too.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    await connection.execute(
        f"SET LOCAL lock_timeout = '{limits.TABLE_LOCK_S}s';"
        f" SET LOCAL statement_timeout = '{limits.LONG_STATEMENT_S:.0f}s';"
        f" SET LOCAL idle_in_transaction_session_timeout = '{limits.STATEMENT_S:.0f}s'"  # whoever stands still lets go
    )
    now: datetime = await connection.fetchval("SELECT business_now()")
    return now


async def make(connection: Connection, table: Parted, begins: str, ends: str) -> str:
    """A partition between two ids, with what the default one had of it meanwhile."""
    name = f"{table.name}_{made_at(begins):%Y%m%d}"
    await connection.execute(
        f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
        f"{table.options}"
    )
    await connection.execute(f"LOCK TABLE {table.name}_default IN ACCESS EXCLUSIVE MODE")
    await connection.execute(
        f"WITH moved AS (DELETE FROM {table.name}_default WHERE {table.key} >= $1 AND {table.key} < $2 RETURNING *)"  # noqa: S608
        f" INSERT INTO {name} SELECT * FROM moved",
        begins,
        ends,
    )
    await connection.execute(
        f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES FROM ('{begins}') TO ('{ends}')"
    )
    return name


async def _drop(connection: Connection, over: Sequence[Partition]) -> None:
    """Drop partitions of the same time, once what is still wanted of them is in the default ones."""
    await connection.execute(
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
    )
    await connection.execute(f"LOCK TABLE {', '.join(one.table for one in over)} IN ACCESS EXCLUSIVE MODE")
    for one in over:
        await connection.execute(f"ALTER TABLE {one.table} DETACH PARTITION {one.name}")
    by_table = {one.table: one.name for one in over}
    if ORDERS.name in by_table:
        await connection.execute(
            f"INSERT INTO orders SELECT * FROM {by_table[ORDERS.name]} WHERE {_DUE} UNION ALL"  # noqa: S608
            f" SELECT * FROM {by_table[ORDERS.name]} WHERE {_SEEN_TO} AND NOT ({_DUE})"
        )
    for table in (BODIES, HISTORY):
        if table.name in by_table:
            await connection.execute(
                f"INSERT INTO {table.name} SELECT old.* FROM orders_default o JOIN {by_table[table.name]} old"  # noqa: S608
                " ON old.organization_id = o.organization_id AND old.order_id = o.order_id"
            )
    if EVENTS.name in by_table:
        await connection.execute(
            f"INSERT INTO events SELECT old.* FROM {by_table[EVENTS.name]} old"  # noqa: S608
            " WHERE (organization_id, event_id) IN ("
            f" SELECT e.organization_id, e.event_id FROM orders_default o JOIN {by_table[EVENTS.name]} e"
            "    ON e.organization_id = o.organization_id AND e.order_id = o.order_id"
            "  UNION SELECT d.organization_id, d.event_id FROM deliveries d WHERE d.state = 'due' AND d.event_id < $1)",
            over[0].bound,
        )
    for one in over:
        await connection.execute(f"DROP TABLE {one.name}")


def _since(partition: Partition, kept: Kept, now: datetime) -> datetime:
    return kept.exchanges_since(now) if partition.table == EXCHANGES.name else kept.orders_since(now)


def _key(partition: Partition) -> str:
    return _BY_NAME[partition.table].key


def _bound(says: str) -> str | None:
    upper = _UPPER.search(says)
    return upper[1] if upper else None
