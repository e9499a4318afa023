"""Partitions are made ahead and dropped when they are over; nothing that is open is lost with them."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import asyncpg
import pytest

from builders import ORGANIZATION
from databases import Databases
from heard.domain.ids import ids_from, made_at
from heard.domain.order.model import Status
from heard.storage import deliveries, migrate, partitions
from heard.storage.partitions import PARTED, Kept, period_after
from heard.storage.sql import query
from heard.work.retention import Tidied
from heard.work.retention import keep_house as keep_the_house
from parties import a_town

KEPT = Kept(orders_months=1, exchanges_days=7)
LONG_AFTER = timedelta(days=31 * 4)


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    await connection.execute("INSERT INTO organizations (organization_id) VALUES ($1)", ORGANIZATION)
    yield connection
    await connection.close()


async def go_to(connection: "asyncpg.Connection[asyncpg.Record]", at: datetime) -> None:
    """Move the business clock."""
    await connection.execute('UPDATE clock SET "offset" = $1 - clock_timestamp()', at)


async def an_order(
    connection: "asyncpg.Connection[asyncpg.Record]", at: datetime, name: str = "0", **columns: object
) -> str:
    """An order of a time, with a body, a line of history, an event and an exchange."""
    order_id = ids_from("ord", at) + name
    given = {"next_at": None, "attention": None, "parked": False, "status": "completed", **columns}
    await connection.execute(
        "INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,"
        " received_at, accept_by, status, validation, ticket, version, sequence, attempts, parked, attention, next_at)"
        " VALUES ($1, $2, 'ven', 'mkt', $2, 'USD', 1, $3, $3, $4, 'due', 'none', 1, 0, 0, $5, $6, $7)",
        ORGANIZATION, order_id, at, given["status"], given["parked"], given["attention"], given["next_at"],
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO order_bodies (organization_id, order_id, content, raw, menu_version) VALUES ($1, $2, '', '', '')",
        ORGANIZATION, order_id,
    )  # fmt: skip
    await connection.execute(
        'INSERT INTO order_history (organization_id, order_id, line, at, step, after, "by", changed)'
        " VALUES ($1, $2, 1, $3, 'accept', 'x', 'x', true)",
        ORGANIZATION, order_id, at,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
        " VALUES ($1, $2, 'mkt', $3, 1, 'ready', '', $4)",
        ORGANIZATION, ids_from("evt", at) + name, order_id, at,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, ms)"
        " VALUES ($1, $2, $3, $4, 'in', 'channel', 'POST', '/', 1)",
        ORGANIZATION, ids_from("exc", at) + name, order_id, at,
    )  # fmt: skip
    return order_id


async def left(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    """How many rows each table has."""
    names = [table.name for table in PARTED]
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names}


async def keep_house(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """As a worker does; the names of what was dropped."""
    await partitions.make_ahead(connection)
    dropped = await partitions.drop_over(connection, KEPT)
    while await partitions.sweep_defaults(connection, KEPT):
        pass
    return [one.name for one in dropped]


async def test_a_fresh_schema_needs_no_partition_for_weeks(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await partitions.make_ahead(connection) == []
    found = await partitions.partitions(connection)
    assert {one.name for one in found} == {f"{table.name}_{part}" for table in PARTED for part in ("first", "default")}


async def test_partitions_lie_end_to_end(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    now = datetime.now(UTC)
    for days in (0, 30, 60, 150):
        await go_to(connection, now + timedelta(days=days))
        await partitions.make_ahead(connection)
    for table in PARTED:
        ends = [one.ends for one in await partitions.partitions(connection) if one.table == table.name and one.ends]
        assert ends[-1] > now + timedelta(days=150 + 6)
        for one, following in itertools.pairwise(ends):
            assert following == period_after(table.period, one)


def test_periods_end_with_their_month_and_their_sunday() -> None:
    for text, month, week in (
        ("2026-11-22T13:00:00", "2026-12-01", "2026-11-23"),
        ("2026-12-31T23:59:59", "2027-01-01", "2027-01-04"),
        ("2027-01-01T00:00:00", "2027-02-01", "2027-01-04"),
        ("2027-01-04T00:00:00", "2027-02-01", "2027-01-11"),
    ):
        at = datetime.fromisoformat(f"{text}+00:00")
        assert period_after("month", at) == datetime.fromisoformat(f"{month}T00:00:00+00:00")
        assert period_after("week", at) == datetime.fromisoformat(f"{week}T00:00:00+00:00")


def test_orders_are_kept_for_whole_months() -> None:
    assert Kept(13, 1).orders_since(datetime(2026, 11, 30, 23, tzinfo=UTC)) == datetime(2025, 10, 1, tzinfo=UTC)
    assert Kept(13, 1).orders_since(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2024, 12, 1, tzinfo=UTC)
    assert Kept(1, 1).orders_since(datetime(2026, 1, 5, tzinfo=UTC)) == datetime(2025, 12, 1, tzinfo=UTC)


async def test_what_fell_between_partitions_moves_into_its_own(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    late = datetime.now(UTC) + timedelta(days=70)
    order_id = await an_order(connection, late)
    place = "SELECT tableoid::regclass::text FROM orders WHERE order_id = $1"
    assert await connection.fetchval(place, order_id) == "orders_default"
    await go_to(connection, late)
    made = await partitions.make_ahead(connection)
    assert await connection.fetchval(place, order_id) == f"orders_{late:%Y%m}01"
    assert f"orders_{late:%Y%m}01" in made
    assert set((await left(connection)).values()) == {1}


async def test_orders_go_with_all_that_is_theirs_and_exchanges_before_them(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    now = datetime.now(UTC)
    await an_order(connection, now)
    await go_to(connection, now + timedelta(days=22))
    assert all(name.startswith("exchanges_") for name in await keep_house(connection))
    assert await left(connection) == {"orders": 1, "order_bodies": 1, "order_history": 1, "events": 1, "exchanges": 0}
    await go_to(connection, now + LONG_AFTER)
    dropped = await keep_house(connection)
    assert {"orders_first", "order_bodies_first", "order_history_first", "events_first"} <= set(dropped)
    assert set((await left(connection)).values()) == {0}


@pytest.mark.parametrize(
    "still",
    [{"next_at": datetime.now(UTC)}, {"attention": "payment"}, {"parked": True}],
    ids=lambda still: next(iter(still)),
)
async def test_an_order_that_is_open_outlives_its_partition_with_all_but_its_exchanges(
    connection: "asyncpg.Connection[asyncpg.Record]", still: dict[str, object]
) -> None:
    now = datetime.now(UTC)
    over, open_ = await an_order(connection, now, "0"), await an_order(connection, now, "1", **still)
    await go_to(connection, now + LONG_AFTER)
    assert "orders_first" in await keep_house(connection)
    for table in ("orders", "order_bodies", "order_history", "events"):
        rows = await connection.fetch(f"SELECT order_id FROM {table}")
        assert [row["order_id"] for row in rows] == [open_] != [over]
    await connection.execute("UPDATE orders SET next_at = NULL, attention = NULL, parked = false")
    await keep_house(connection)
    assert set((await left(connection)).values()) == {0}, "closed at last, it goes too"


async def test_an_event_that_is_still_to_be_delivered_outlives_its_partition(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    now = datetime.now(UTC)
    for name, state in (("0", "due"), ("1", "dead"), ("2", "delivered")):
        order_id = await an_order(connection, now, name)
        await connection.execute(
            "INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, state,"
            " give_up_at) VALUES ($1, $2, 'whk', $3, $3, 1, $4, now())",
            ORGANIZATION, ids_from("evt", now) + name, order_id, state,
        )  # fmt: skip
    await go_to(connection, now + LONG_AFTER)
    await keep_house(connection)
    events = await connection.fetch("SELECT event_id FROM events")
    waiting = await connection.fetch("SELECT event_id, state FROM deliveries")
    assert [row["event_id"] for row in events] == [ids_from("evt", now) + "0"]
    assert [tuple(row) for row in waiting] == [(ids_from("evt", now) + "0", "due")]


async def test_whoever_needs_a_table_is_not_waited_for_and_nothing_is_half_done(
    connection: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    now = datetime.now(UTC)
    await an_order(connection, now)
    await go_to(connection, now + LONG_AFTER)
    before = await partitions.partitions(connection)
    other = await asyncpg.connect(dsn)
    reading = other.transaction()
    await reading.start()
    await other.fetch("SELECT * FROM order_history")  # the last of the tables that are taken
    with pytest.raises(asyncpg.LockNotAvailableError):
        await partitions.drop_over(connection, KEPT)
    assert [one.name for one in await partitions.partitions(connection)] == [one.name for one in before]
    await reading.rollback()
    await other.close()
    assert "orders_first" in await keep_house(connection)


async def test_two_that_keep_house_at_once_do_it_once(
    connection: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    await go_to(connection, datetime.now(UTC) + LONG_AFTER)
    others = [await asyncpg.connect(dsn) for _ in range(3)]
    made = await asyncio.gather(*map(partitions.make_ahead, others))
    dropped = await asyncio.gather(*(partitions.drop_over(one, KEPT) for one in others))
    for one in others:
        await one.close()
    for names in ([name for each in made for name in each], [one.name for each in dropped for one in each]):
        assert len(names) == len(set(names)) > 5


async def test_the_schema_s_ids_begin_as_ours_do(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for at in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 7, 9, 1, 2, 3, 456000, tzinfo=UTC)):
        text = await connection.fetchval("SELECT ids_from('ord', $1)", at)
        assert text == ids_from("ord", at)
        assert made_at(text) == at


_KEY = re.compile(r"\b(order_id|event_id|exchange_id) (=|<=|>=|<|>) (?!\$|ANY)")


def _left_out_while_running(plan: dict[str, Any], several: bool = False) -> list[str]:
    """Conditions by which a plan's node would choose among several partitions once it runs."""
    own = [
        text
        for name, text in plan.items()
        if name.endswith(("Cond", "Filter")) and isinstance(text, str) and _KEY.search(text)
    ]
    parted = any(str(plan.get("Relation Name", "")).startswith(f"{table.name}_") for table in PARTED)
    several_below = plan["Node Type"] in ("Append", "Merge Append")
    below = [text for one in plan.get("Plans", ()) for text in _left_out_while_running(one, several_below)]
    return (own if several and parted else []) + below


async def test_no_statement_that_locks_rows_chooses_among_partitions_while_it_runs(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """PostgreSQL 18 crashes where such a row has changed meanwhile: docs/why/growth.md."""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    seen = 0
    for file in resources.files("heard.storage").joinpath("queries").iterdir():
        text = query(name := file.name.removesuffix(".sql"))
        if "FOR UPDATE" in text or re.search(r"^\s*UPDATE ", text, re.MULTILINE):
            await connection.execute(f"PREPARE {name} AS {text}")
            types = await connection.fetchval(
                "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1", name
            )
            given = ", ".join("'ord_0'" if kind == "text" else "NULL" for kind in types)
            found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {name} ({given})")
            assert _left_out_while_running(json.loads(found)[0]["Plan"]) == [], name
            await connection.execute(f"DEALLOCATE {name}")
            seen += 1
    assert seen > 8


async def test_a_hub_works_on_tables_that_are_not_partitioned_yet(dsn: str, databases: Databases) -> None:
    """As between the halves of the migration: the release before may still run."""
    admin = await asyncpg.connect(dsn)
    await admin.execute("CREATE DATABASE halfway")
    await admin.close()
    halfway = databases.dsn("halfway")
    connection = await asyncpg.connect(halfway)
    await migrate.upgrade(connection, migrate.load_migrations()[:7])
    async with a_town(halfway) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        assert "order.completed" in await town.told(order_id, "order.completed")
        assert await keep_the_house(town.house.hub, KEPT) == Tidied([], [], 0)
    assert await connection.fetchval("SELECT relkind::text FROM pg_class WHERE relname = 'orders'") == "r"
    await migrate.upgrade(connection)
    assert await connection.fetchval("SELECT relkind::text FROM pg_class WHERE relname = 'orders'") == "p"
    assert await connection.fetchval("SELECT status FROM orders_first") == "completed"
    await connection.close()
    admin = await asyncpg.connect(dsn)
    await admin.execute("DROP DATABASE halfway WITH (FORCE)")
    await admin.close()


async def test_a_schema_of_another_name_has_every_index(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    count = (
        "SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE c.relnamespace = $1::regnamespace"
    )
    usual = await connection.fetchval(count, "public")
    await connection.execute("CREATE SCHEMA heard; SET search_path = heard, public")
    await migrate.upgrade(connection)
    assert await connection.fetchval(count, "heard") == usual
    await connection.execute("DROP SCHEMA heard CASCADE")
    await connection.close()


async def test_an_order_in_progress_that_left_its_partition_is_kept_until_its_own_time_is_over(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    now = datetime.now(UTC)
    await an_order(connection, now, next_at=now)
    await go_to(connection, now + LONG_AFTER)
    await keep_house(connection)
    await connection.execute("UPDATE orders SET next_at = NULL, confirmed_at = business_now()")
    await keep_house(connection)
    assert (await left(connection))["orders"] == 1
    await go_to(connection, now + 2 * LONG_AFTER)
    await keep_house(connection)
    assert set((await left(connection)).values()) == {0}


async def test_a_delivery_without_its_event_is_dead_and_holds_up_nothing(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await connection.execute(
        "INSERT INTO marketplaces (organization_id, marketplace_id, name, client_secret_hash)"
        " VALUES ($1, 'm', 'm', '')",
        ORGANIZATION,
    )
    await connection.execute(
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " VALUES ($1, 'whk', 'm', 'http://x', '')",
        ORGANIZATION,
    )
    await connection.execute(
        "INSERT INTO deliveries (organization_id, event_id, endpoint_id, subject, sequence, give_up_at, next_at)"
        " VALUES ($1, 'evt_1', 'whk', 'ven_1', 1, now() + interval '1 hour', now())",
        ORGANIZATION,
    )
    assert await deliveries.claim(connection, 10, 10, {}, 30.0) == []
    row = await connection.fetchrow("SELECT state, last_error, next_at FROM deliveries")
    assert tuple(row or ()) == ("dead", "its event is no longer kept", None)
