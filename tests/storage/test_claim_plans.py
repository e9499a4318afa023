"""A claim looks at little more than it leases, also where the planner knows nothing of the tables yet."""

import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from heard.storage.sql import query

DUE = 5_000
_FILL = (
    "INSERT INTO organizations (organization_id) VALUES ('acme')",
    (
        "INSERT INTO marketplaces (organization_id, marketplace_id, name, client_secret_hash)"
        " VALUES ('acme', 'mkt', 'nosh', 'x')"
    ),
    (
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " SELECT 'acme', 'whk_' || n, 'mkt', 'http://x', 'x' FROM generate_series(0, 2) n"
    ),
    (
        "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
        " SELECT 'acme', 'evt_' || n, 'mkt', 'ord_' || n / 4, n % 4, 'ready', 'x', now()"
        f" FROM generate_series(1, {DUE}) n"
    ),
    (
        "INSERT INTO deliveries"
        " (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at)"
        " SELECT 'acme', 'evt_' || n, 'whk_' || (n / 4) % 3, 'ord_' || n / 4, 'ord_' || n / 4, n % 4,"
        f" now() + interval '1 hour', now() - make_interval(secs => n / 1000.0) FROM generate_series(1, {DUE}) n"
    ),
)


_STORES = (
    "INSERT INTO organizations (organization_id) VALUES ('acme')",
    (
        "INSERT INTO stores (organization_id, venue_id, location_id, name, currency, timezone, pos_url,"
        " shared_id_sealed, amounts, signature, accept_within_s, prep_time_min, validate_first, total_tolerance)"
        " SELECT 'acme', 'ven_' || n, 'L' || n, 'x', 'USD', 'UTC', 'http://x', 'x', 'minor', 'digest', 660, 15, true, 0"
        f" FROM generate_series(1, {DUE}) n"
    ),
    (
        "INSERT INTO store_pauses (organization_id, venue_id, held_by, reason, since, until)"
        " SELECT 'acme', 'ven_' || n, 'staff', 'x', now(), now() + make_interval(mins => n - 50)"
        f" FROM generate_series(1, {DUE}) n"
    ),
)


_OFF = (
    "INSERT INTO items_off (organization_id, venue_id, item_id, name, taken_by, off_since, off_until)"
    " SELECT 'acme', 'ven_' || n, 'SOUP', 'Soup', 'ada', now(), now() + make_interval(mins => n - 50)"
    f" FROM generate_series(1, {DUE}) n"
)


def rows_touched(node: dict[str, Any]) -> float:
    """Rows that a plan's nodes gave or threw away, over all their loops."""
    own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    return float(own * node["Actual Loops"] + sum(rows_touched(below) for below in node.get("Plans", ())))


async def never_analysed(dsn: str, table: str, rows: Sequence[str]) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to a database whose planner learns nothing of a table by itself, with these rows in it."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    for statement in rows:
        await connection.execute(statement)
    return connection


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
async def test_claiming_deliveries_on_a_database_that_was_never_analysed_is_no_work_of_squares(
    dsn: str, plans: str
) -> None:
    connection = await never_analysed(dsn, "deliveries", _FILL)
    await connection.execute(f"SET plan_cache_mode = {plans}")
    await connection.execute("PREPARE claim AS " + query("delivery_claim"))
    found = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim(100, 16, 2, '{}', '{}', 30.0)")
    await connection.close()
    assert rows_touched(json.loads(found)[0]["Plan"]) < DUE / 2


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
async def test_ending_attempts_while_a_queue_is_longer_than_the_planner_knows_is_no_work_of_squares(
    dsn: str, plans: str
) -> None:
    connection = await never_analysed(dsn, "deliveries", _FILL)
    await connection.execute("UPDATE deliveries SET state = 'delivered', next_at = NULL")
    await connection.execute("VACUUM ANALYZE deliveries")  # a healthy hub: nothing waits
    await connection.execute("UPDATE deliveries SET state = 'due', next_at = now() + interval '1 minute'")
    await connection.execute(f"SET plan_cache_mode = {plans}")
    await connection.execute("PREPARE settle AS " + query("delivery_settle"))
    firsts = [f"evt_{4 * n}" for n in range(1, 65)]  # of 64 orders
    endpoints, exchanges = [f"whk_{n % 3}" for n in range(1, 65)], [f"exc_{n}" for n in range(64)]
    columns = [["acme"], firsts, endpoints, ["0"], ["delivered"], [None], [None], exchanges]
    columns += [["2026-03-14"], ["/"], ["204"], ["1"], ["true"], [None]]
    arrays = [_array(column * (64 // len(column))) for column in columns]
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE settle({', '.join(arrays)})")
    due = await connection.fetchval("SELECT count(*) FROM deliveries WHERE next_at <= now()")
    await connection.close()
    assert due == 64 * 3, "each order's later events are due now"
    assert rows_touched(json.loads(found)[0]["Plan"]) < 2 * DUE  # reading all events of a small table is as good as any


def _array(values: Sequence[str | None]) -> str:
    """An array as SQL has it."""
    return "'{" + ",".join("NULL" if value is None else value for value in values) + "}'"


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
async def test_claiming_pauses_that_have_ended_is_no_work_of_squares(dsn: str, plans: str) -> None:
    connection = await never_analysed(dsn, "store_pauses", _STORES)
    await connection.execute(f"SET plan_cache_mode = {plans}")
    await connection.execute("PREPARE claim AS " + query("pause_claim"))
    found = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim(100, '{}', 30.0)")
    await connection.close()
    assert rows_touched(json.loads(found)[0]["Plan"]) < 3 * DUE


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
async def test_claiming_what_is_off_and_has_ended_is_no_work_of_squares(dsn: str, plans: str) -> None:
    connection = await never_analysed(dsn, "items_off", (*_STORES[:-1], _OFF))
    await connection.execute(f"SET plan_cache_mode = {plans}")
    await connection.execute("PREPARE claim AS " + query("items_off_claim"))
    found = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim(100, '{}', 30.0)")
    await connection.close()
    assert rows_touched(json.loads(found)[0]["Plan"]) < 3 * DUE


async def test_a_page_of_the_feed_reads_no_more_than_the_page(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for statement in _FILL[:-1]:
        await connection.execute(statement)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute("PREPARE feed AS " + query("event_feed"))
    found = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE feed('acme', 'mkt', 0, 100, 200)")
    await connection.close()
    plan = json.loads(found)[0]["Plan"]
    assert plan["Actual Rows"] == 200
    assert rows_touched(plan) < 1_000


_ORDERS = (
    "INSERT INTO organizations (organization_id) VALUES ('acme')",
    (
        "INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,"
        " received_at, accept_by, status, validation, ticket, version, sequence, attempts,"
        " parked, next_at)"
        " SELECT 'acme', 'ord_' || n, 'ven_' || n % 40, 'mkt', 'x', 'USD', 1, now(), now(), 'submitting', 'due',"
        " 'none', 1, 0, 0, false,"
        f" now() - make_interval(secs => n / 1000.0) FROM generate_series(1, {DUE}) n"
    ),
)


@pytest.mark.parametrize("analysed", [False, True])
async def test_claiming_a_few_orders_of_a_long_queue_does_not_walk_through_it(dsn: str, analysed: bool) -> None:
    connection = await never_analysed(dsn, "orders_default", _ORDERS)
    if analysed:
        await connection.execute("VACUUM ANALYZE orders")  # a planner that knows of the queue may want to read it
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute("PREPARE due AS " + query("order_due"))
    await connection.execute("PREPARE claim AS " + query("order_claim"))
    looked = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE due(48, 12, '{}')")
    named = [row["order_id"] for row in await connection.fetch("EXECUTE due(48, 12, '{}')")]
    span = f"'{min(named)}', '{max(named)}'"
    leased = await connection.fetchval(
        f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE claim({_array(['acme'])}, {_array(named)}, 12, 30.0, {span})"
    )
    assert await connection.fetchval("SELECT count(*) FROM orders WHERE lease_until > now()") == 12
    await connection.close()
    assert rows_touched(json.loads(looked)[0]["Plan"]) < DUE / 5
    assert rows_touched(json.loads(leased)[0]["Plan"]) < DUE / 5
