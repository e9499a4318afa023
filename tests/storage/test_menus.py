"""Menus in their tables: what was kept before there was a schedule goes on, and is fetched at once."""

import asyncpg
from test_migrate import empty  # noqa: F401 - a fixture

from builders import a_store
from heard.storage import menus, stores
from heard.storage.menus import Document, Outcome, Result
from heard.storage.migrate import load_migrations, upgrade
from heard.storage.sealing import Sealer

BODY = b'{"location_id": "LOC-1", "menus": []}' * 100


def test_a_document_comes_out_of_its_packing_as_it_went_in() -> None:
    packed = Document.pack(BODY)
    assert packed.unpacked == BODY
    assert len(packed.packed) < len(BODY)
    assert Document("none", BODY).unpacked == BODY


async def test_a_hub_of_before_finds_its_menus_and_fetches_them_at_once(
    empty: asyncpg.Connection,  # noqa: F811 - the fixture
) -> None:
    every = load_migrations()
    place = next(number for number, one in enumerate(every) if one.name == "menu_sync")
    await upgrade(empty, every[:place])
    await empty.execute("INSERT INTO organizations VALUES ('acme')")
    await empty.execute(
        "INSERT INTO stores (organization_id, venue_id, location_id, name, currency, timezone, pos_url,"
        " shared_id_sealed, amounts, signature, accept_within_s, prep_time_min, validate_first, total_tolerance,"
        " menu_version) VALUES ('acme', $1, 'LOC-1', 'One', 'USD', 'UTC', 'http://x', '', 'minor', 'digest', 660, 15,"
        " true, 0, 'v1')",
        a_store().venue_id,
    )
    await empty.execute(
        "INSERT INTO menus (organization_id, venue_id, version, document, product_count)"
        " VALUES ('acme', $1, 'v1', $2, 3)",
        a_store().venue_id,
        BODY,
    )
    await upgrade(empty, every)
    kept = await menus.current(empty, a_store())
    assert kept is not None
    assert (kept.version, kept.body_hash, kept.kept_at == kept.fetched_at) == ("v1", None, True)
    document = await menus.read_document(empty, a_store().organization_id, a_store().venue_id, "v1")
    assert document is not None
    assert document.unpacked == BODY
    (due,) = await menus.claim(empty, 10, [], 30.0)
    assert (due.venue_id, due.failures) == (a_store().venue_id, 0)


async def test_only_the_newest_lease_ends_a_fetch_and_a_store_without_a_schedule_stays_so(
    dsn: str, sealer: Sealer
) -> None:
    connection = await asyncpg.connect(dsn)
    store = a_store()
    await stores.add_organization(connection, store.organization_id)
    assert await stores.add_store(connection, store, sealer)
    assert not await stores.add_store(connection, store, sealer)
    (first,) = await menus.claim(connection, 10, [], 30.0)
    second = await menus.take(connection, store, 30.0)
    assert not await menus.settle(connection, first, Result(Outcome.UNCHANGED))
    await connection.execute("UPDATE menu_fetches SET next_at = NULL")
    assert await menus.settle(connection, second, Result(Outcome.UNCHANGED, next_s=60.0))
    last = await menus.last_fetch(connection, store)
    assert (last.outcome, last.next_at) == (Outcome.UNCHANGED, None)
    assert await menus.claim(connection, 10, [], 30.0) == []
    await connection.close()
