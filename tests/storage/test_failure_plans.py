"""What failed is found among all that did not without reading it, and a cause with many hides no other."""

from datetime import UTC, datetime, timedelta
from typing import cast

from heard.domain.ids import ids_from
from heard.storage import failures
from heard.storage.failures import Cause, Kind
from heard.storage.orders import Connection
from storage.test_listing_plans import ACME, COUNT, explained

_STORE = (
    "INSERT INTO stores (organization_id, venue_id, location_id, name, currency, timezone, pos_url, shared_id_sealed,"
    " amounts, signature, accept_within_s, prep_time_min, validate_first, total_tolerance) VALUES"
    " ('acme', 'ven', 'loc', 'The Copper Ladle', 'USD', 'UTC', 'http://pos', 'x', 'minor', 'digest', 300, 15, true, 0)"
)
_NOW = datetime.now(UTC)
# Of many orders some failed lately, one staff rejected, one needs somebody; the others are well.
_ORDERS = (
    (
        "INSERT INTO orders (organization_id, order_id, venue_id, marketplace_id, external_order_id, currency, total,"
        " received_at, accept_by, status, version, sequence, validation, ticket, attempts, parked, reason_code, reason)"
        " SELECT 'acme', 'ord_' || to_char(n, 'FM00000'), 'ven', 'mkt', 'A-' || n, 'USD', 1,"
        " now() - make_interval(secs => n), now() - make_interval(secs => n),"
        f" CASE WHEN n <= 6 OR n > {COUNT - 10} THEN 'rejected' ELSE 'completed' END, 1, 0,"
        " 'not_asked', 'placed', 0, n = 7, CASE WHEN n <= 6 THEN 'item_unavailable' END,"
        f" CASE WHEN n <= 6 THEN 'no soup, ticket ' || (10000 + n) END FROM generate_series(1, {COUNT}) n"
    ),
    f"UPDATE orders SET accept_by = now() - interval '30 hours' WHERE order_id > 'ord_0{COUNT - 10}'",
    (
        'INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed)'
        " VALUES ('acme', 'ord_00006', 2, now(), 'reject', 'awaiting_staff', 'rejected', 'staff', true)"
    ),
)
_LONG_AGO = ids_from("evt", _NOW - timedelta(days=2))
_DELIVERIES = (
    (
        "INSERT INTO endpoints (organization_id, endpoint_id, marketplace_id, url, secret_sealed)"
        " SELECT 'acme', 'whk' || n, 'mkt', 'http://x/' || n, 'x' FROM generate_series(1, 3) n"
    ),
    (
        "INSERT INTO deliveries (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at,"
        f" state, dead_at, last_error) SELECT 'acme', '{_LONG_AGO}' || to_char(n, 'FM00000'), 'whk' || (1 + n % 3),"
        f" 'ord', 'ord', n, now(), CASE WHEN n % 500 = 0 THEN 'dead' ELSE 'delivered' END, now(),"
        f" CASE WHEN n % 500 = 0 THEN 'the endpoint answered 503' END FROM generate_series(1, {COUNT}) n"
    ),
)


async def test_orders_that_failed_are_found_among_many_that_did_not(dsn: str) -> None:
    connection, listing = await explained(dsn, _STORE, *_ORDERS)
    asked = cast("Connection", listing)
    [group] = await failures.groups(asked, ACME, Kind.ENDED)
    expected = Cause(Kind.ENDED, "ven", "rejected/item_unavailable", "no soup, ticket …")
    assert (group.cause, group.count) == (expected, 5)  # what staff rejected is none, nor what failed the day before
    assert listing.touched < COUNT / 10
    found = await failures.orders_of(asked, ACME, group.cause, 2, 1)
    assert [one.order.order_id for one in found] == ["ord_00002", "ord_00003"]
    assert listing.touched < COUNT / 10
    [parked] = await failures.groups(asked, ACME, Kind.ATTENTION)
    assert (parked.cause.code, parked.count, parked.name) == ("parked", 1, "The Copper Ladle")
    assert listing.touched < COUNT / 10
    await connection.close()


async def test_deliveries_that_were_not_taken_are_found_among_many_that_were(dsn: str) -> None:
    connection, listing = await explained(dsn, _STORE, *_DELIVERIES)
    asked = cast("Connection", listing)
    found = await failures.groups(asked, ACME, Kind.DELIVERY)
    assert sorted((one.cause.place, one.count) for one in found) == [("whk1", 3), ("whk2", 3), ("whk3", 4)]
    assert {one.cause.code for one in found} == {"dead"}
    assert listing.touched < COUNT / 10
    await connection.execute(
        "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
        " SELECT 'acme', event_id, 'mkt', 'ord', 1, 'x', '{}', now() FROM deliveries WHERE state = 'dead'"
    )
    listed = await failures.deliveries_of(asked, ACME, found[0].cause, 2, 0)
    assert [one.endpoint_id for one in listed] == [found[0].cause.place] * 2
    assert listing.touched < COUNT / 10
    await connection.close()


async def test_an_endpoint_with_countless_dead_letters_hides_no_other(dsn: str) -> None:
    many = _DELIVERIES[1].replace("n % 500 = 0", "n % 3 = 0 OR n % 500 = 1")
    connection, listing = await explained(dsn, _STORE, _DELIVERIES[0], many)
    found = await failures.groups(cast("Connection", listing), None, Kind.DELIVERY)
    assert {one.cause.place for one in found} == {"whk1", "whk2", "whk3"}
    await connection.close()


async def test_stores_and_endpoints_that_are_well_are_not_looked_at(dsn: str) -> None:
    stores = [
        _STORE.replace("('acme', 'ven', 'loc'", "SELECT 'acme', 'ven' || n, 'loc' || n")
        .replace(" VALUES", "")
        .replace("true, 0)", f"true, 0 FROM generate_series(1, {COUNT}) n"),
        "INSERT INTO pos_health (organization_id, venue_id) SELECT organization_id, venue_id FROM stores",
        (
            "UPDATE pos_health SET open_since = now(), probe_at = now(), last_fault = 'connection refused'"
            " WHERE venue_id = 'ven77'"
        ),
        (
            "INSERT INTO menu_fetches (organization_id, venue_id, outcome, fetched_at, faults, fault_count)"
            " SELECT organization_id, venue_id, CASE WHEN venue_id = 'ven9' THEN 'refused' ELSE 'kept' END, now(),"
            ' \'[{"path": "$.products[3]", "code": "x", "severity": "error", "message": "has no price"}]\', 1'
            " FROM stores"
        ),
    ]
    connection, listing = await explained(dsn, *stores)
    asked = cast("Connection", listing)
    [gone] = await failures.groups(asked, ACME, Kind.POS)
    assert (gone.cause.place, gone.count, gone.cause.text) == ("ven77", 0, "connection refused")
    assert listing.touched < COUNT / 10
    [refused] = await failures.groups(asked, ACME, Kind.MENU)
    assert (refused.cause.place, refused.details) == ("ven9", ("$.products[3]: has no price",))
    assert listing.touched < COUNT / 10
    await connection.close()


async def test_why_a_ticket_was_kept_is_read_of_the_orders_that_it_was_kept_of_alone(dsn: str) -> None:
    lines = (
        (
            'INSERT INTO order_history (organization_id, order_id, line, at, step, before, after, "by", changed, note)'
            " SELECT 'acme', 'ord_' || to_char(n, 'FM00000'), line, now(), 'keep', 'cancelled', 'cancelled',"
            f" 'pos', true, 'no ' || line FROM generate_series(10, {COUNT}) n, generate_series(3, 4) line"
        ),
        "UPDATE orders SET attention = 'cancel_at_pos' WHERE order_id IN ('ord_00010', 'ord_00011')",
        "UPDATE orders SET attention = 'totals_differ' WHERE order_id = 'ord_00012'",
    )
    connection, listing = await explained(dsn, _STORE, *_ORDERS, *lines)
    found = await failures.groups(cast("Connection", listing), ACME, Kind.ATTENTION)
    assert {(one.cause.code, one.cause.text, one.count) for one in found} == {
        ("parked", "", 1),
        ("cancel_at_pos", "no 4", 2),
        ("totals_differ", "", 1),
    }
    assert listing.touched < COUNT / 10
    await connection.close()
