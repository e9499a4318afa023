"""A listing reads little more than it shows: the one plan that a connection keeps for it fits what was asked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest

from heard import limits
from heard.domain.ids import EndpointId, EventId, OrganizationId, VenueId
from heard.storage import deliveries, order_pages
from heard.storage.deliveries import Chosen
from heard.storage.order_pages import Wanted
from heard.storage.orders import Connection
from heard.storage.search import Where
from heard.storage.store_figures import store_figures
from storage.test_claim_plans import rows_touched

ACME = OrganizationId("acme")
COUNT = 5_000
_MARKETPLACE = (
    "INSERT INTO organizations (organization_id) VALUES ('acme')",
    (
        "INSERT INTO marketplaces (organization_id, marketplace_id, name, client_secret_hash)"
        " VALUES ('acme', 'mkt', 'nosh', 'x')"
    ),
)
_ORDERS = (
    (
        "INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,"
        " received_at, accept_by, status, version, sequence, validation, ticket, attempts, parked)"
        " SELECT 'acme', 'ord_' || n, 'ven', 'mkt', 'A-' || n, 'USD', 1, now() - make_interval(secs => n), now(),"
        f" 'ready', 1, 0, 'not_asked', 'placed', 0, n = {COUNT} FROM generate_series(1, {COUNT}) n"
    ),
    (
        "INSERT INTO order_keys (organization_id, marketplace_id, external_order_id, order_id, content_hash)"
        f" SELECT 'acme', 'mkt', 'A-' || n, 'ord_' || n, 'x' FROM generate_series(1, {COUNT}) n"
    ),
)
_DEAD_LETTERS = (
    (
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " VALUES ('acme', 'whk', 'mkt', 'http://x', 'x')"
    ),
    (
        "INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at,"
        f" state, dead_at) SELECT 'acme', 'evt_' || to_char({COUNT} + n, 'FM00000'), 'whk', 'ord', 'ord', n, now(),"
        f" 'dead', now() FROM generate_series(1, {COUNT}) n"
    ),
)


class Explained:
    """A connection that also notes how many rows each listing touched, planned whatever its values are."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection, self.touched = connection, 0.0

    async def fetch(self, text: str, *values: object, timeout: float | None = None) -> list[Any]:  # noqa: ASYNC109
        await self._connection.execute("SET plan_cache_mode = force_generic_plan")
        await self._connection.execute(f"PREPARE listing AS {text}")
        run = f"EXECUTE listing({', '.join(map(_literal, values))})"
        [[found]] = await self._connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {run}")
        self.touched = rows_touched(json.loads(found)[0]["Plan"])
        await self._connection.execute("DEALLOCATE listing")
        return await self._connection.fetch(text, *values)


def _literal(value: object) -> str:
    if isinstance(value, list | tuple):
        return "'{" + ",".join(map(str, value)) + "}'"
    return "NULL" if value is None else f"'{value}'"


async def explained(dsn: str, *rows: str) -> tuple["asyncpg.Connection[asyncpg.Record]", Explained]:
    connection = await asyncpg.connect(dsn)
    for statement in (*_MARKETPLACE, *rows, "ANALYZE"):
        await connection.execute(statement)
    return connection, Explained(connection)


@pytest.mark.parametrize(
    "wanted", [Wanted(attention=True), Wanted(external_order_id="A-4000")], ids=["attention", "id"]
)
async def test_an_old_order_among_many_is_found_without_reading_the_many(dsn: str, wanted: Wanted) -> None:
    connection, listing = await explained(dsn, *_ORDERS)
    found = await order_pages.page(cast("Connection", listing), ACME, wanted, 20, None)
    assert [order.order_id for order in found] == ["ord_5000" if wanted.attention else "ord_4000"]
    assert listing.touched < COUNT / 10
    await connection.close()


async def test_an_order_is_found_by_the_numbers_of_others_without_reading_the_many(dsn: str) -> None:
    connection, listing = await explained(dsn, *_ORDERS)
    await connection.execute("UPDATE orders SET pos_order_id = 'T-' || order_id, payment_ref = 'P-' || order_id")
    await connection.execute("ANALYZE")
    for whose in (ACME, None):
        where = Where(cast("Connection", listing), whose)
        for look, wanted in (
            (where.orders_by_pos_number, "T-ord_4000"),
            (where.orders_by_payment, "P-ord_4000"),
            (where.orders_by_channel_number, "A-4000"),
        ):
            assert [row["order_id"] for row in await look(wanted)] == ["ord_4000"]
            assert listing.touched < COUNT / 10, wanted
    await connection.close()


async def test_a_late_page_of_orders_reads_no_more_than_the_first(dsn: str) -> None:
    connection, listing = await explained(dsn, *_ORDERS)
    asked = cast("Connection", listing)
    [last] = await order_pages.page(asked, ACME, Wanted(external_order_id="A-4000"), 1, None)
    found = await order_pages.page(asked, ACME, Wanted(venue_id="ven"), 20, last)
    assert [order.order_id for order in found] == [f"ord_{4000 + n}" for n in range(1, 21)]
    assert listing.touched < COUNT / 10
    await connection.close()


async def test_what_is_told_of_a_busy_store_is_read_off_its_newest_orders_alone(dsn: str) -> None:
    connection, listing = await explained(dsn, *_ORDERS)
    stores = [(ACME, VenueId("ven")), (ACME, VenueId("quiet"))]
    found = await store_figures(cast("Connection", listing), stores, datetime.now(UTC) - timedelta(days=1))
    assert [found[venue_id].orders for _, venue_id in stores] == [limits.STORE_ORDERS_LOOKED_AT, 0]
    assert listing.touched < COUNT / 2
    await connection.close()


async def test_a_late_batch_of_a_replay_reads_no_more_than_the_first(dsn: str) -> None:
    connection, listing = await explained(dsn, *_DEAD_LETTERS)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    chosen = Chosen(ACME, (EndpointId("whk"),), EventId("evt_09000"), EventId("evt_~"), False, long_ago)
    found = await deliveries.choose(cast("Connection", listing), chosen, 20)
    assert [event_id for event_id, _ in found] == [f"evt_{9000 + n:05}" for n in range(1, 21)]
    assert listing.touched < COUNT / 10
    await connection.close()
