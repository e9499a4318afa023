"""Menus are fetched when they are due, by one worker at a time, and what came of it is kept."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from builders import ORGANIZATION, a_menu
from heard.connectors.contract import MenuUnavailable
from heard.domain.ids import ProductId
from heard.domain.menu.model import Menu, ModifierGroup
from heard.domain.refusals import Code
from heard.domain.stores import Store, StoreRules
from heard.engine.change_order import LeaseLost
from heard.engine.keep_menu import MenuRefused
from heard.protocols.posnext import encode
from heard.storage import menus
from heard.storage.menus import LastFetch, MenuVersion, Outcome
from heard.work.menus import fetch_menu, pull_menu
from lengths import patience
from menu_builders import repriced
from parties import Town, a_town

DEAR = repriced(a_menu(), "BURGER", 1299)


async def store_of(town: Town) -> Store:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def last(town: Town) -> LastFetch:
    async with town.house.hub.connection() as connection:
        return await menus.last_fetch(connection, await store_of(town))


async def versions(town: Town) -> list[MenuVersion]:
    async with town.house.hub.connection() as connection:
        return await menus.versions(connection, await store_of(town), 100)


async def in_use(town: Town) -> MenuVersion | None:
    async with town.house.hub.connection() as connection:
        return await menus.current(connection, await store_of(town))


def serves(town: Town, menu: Menu, etag: str | None = None) -> None:
    """The POS has another menu from now on."""
    town.pos._menu_body = encode.encode_menu(menu)
    town.pos._etag = etag or f'"{hash(town.pos._menu_body)}"'


async def until(town: Town, outcome: Outcome, than: LastFetch | None = None) -> LastFetch:
    """Wait for a fetch that ended so, after another if one is given."""
    async with patience():
        while (seen := await last(town)).outcome is not outcome or (than and seen.fetched_at == than.fetched_at):
            await asyncio.sleep(0.05)
    return seen


async def make_due(town: Town) -> None:
    await town.house.hub.pool.execute("UPDATE menu_fetches SET next_at = business_now()")


async def test_a_new_stores_menu_is_fetched_at_once_and_then_by_its_own_interval(dsn: str) -> None:
    async with a_town(dsn, pulled=False, scheduled=True, rules=StoreRules(menu_every_min=40)) as town:
        first = await until(town, Outcome.KEPT)
        await town.send("A-1")
        assert first.fetched_at is not None
        assert first.next_at is not None
        assert 36 * 60 - 1 <= (first.next_at - first.fetched_at).total_seconds() <= 44 * 60 + 1
        serves(town, DEAR)
        await make_due(town)
        await until(town, Outcome.KEPT, than=first)
        current = await in_use(town)
        assert current is not None
        assert current.changes == {"price": 1}
        assert [one.version == current.version for one in await versions(town)] == [True, False]


async def test_a_menu_that_did_not_change_is_not_kept_again(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        store = await store_of(town)
        kept = await pull_menu(town.house.hub, town.house.outbound, store)
        assert not kept.changed  # the POS answered 304
        serves(town, replace(a_menu(), version="99"), etag='"other"')  # the same content in other bytes
        kept = await pull_menu(town.house.hub, town.house.outbound, store)
        assert not kept.changed
        assert (await last(town)).outcome is Outcome.UNCHANGED
        current = await in_use(town)
        assert current is not None
        assert current.etag == '"other"'
        assert len(await versions(town)) == 1


async def test_an_older_menu_that_comes_again_is_in_use_again_with_its_new_etag(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, outbound, store = town.house.hub, town.house.outbound, await store_of(town)
        first = await in_use(town)
        assert first is not None
        serves(town, DEAR)
        dear = await pull_menu(hub, outbound, store)
        assert dear.changed
        serves(town, a_menu(), etag='"again"')
        again = await pull_menu(hub, outbound, store)
        assert (again.changed, again.version, again.changes) == (True, first.version, {"price": 1})
        current = await in_use(town)
        assert current is not None
        assert (current.version, current.etag) == (first.version, '"again"')
        assert {one.version for one in await versions(town)} == {first.version, dear.version}


async def test_a_menu_with_errors_is_kept_out_and_its_reasons_are_listed(dsn: str) -> None:
    async with a_town(dsn) as town:
        before = await in_use(town)
        burger, *others = a_menu().products()
        group = ModifierGroup("EXTRAS", "Extras", (), min_selected=1)
        serves(town, a_menu(replace(burger, groups=(group,)), *others))
        with pytest.raises(MenuRefused) as refused:
            await pull_menu(town.house.hub, town.house.outbound, await store_of(town))
        path = "$.menus[0].products[0].modifier_groups[0]"
        assert [(one.path, one.code) for one in refused.value.errors] == [(path, "impossible_group")]
        seen = await last(town)
        assert (seen.outcome, seen.failures, seen.fault_count) == (Outcome.REFUSED, 1, 1)
        assert [(one.path, one.code) for one in seen.faults] == [(path, "impossible_group")]
        assert await in_use(town) == before
        await town.send("A-1")


async def test_a_body_that_cannot_be_read_is_kept_out_with_every_place(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        town.pos._menu_body = town.pos._menu_body.replace(b"9.99", b"9.999").replace(b'"2.50"', b"x")
        town.pos._etag = '"broken"'
        with pytest.raises(MenuRefused):
            await pull_menu(town.house.hub, town.house.outbound, await store_of(town))
        assert [one.path for one in (await last(town)).faults] == ["$.menus[0].products[0].price"]
        town.pos._menu_body = b'{"location_id":'
        with pytest.raises(MenuRefused):
            await pull_menu(town.house.hub, town.house.outbound, await store_of(town))
        assert [(one.path, one.code) for one in (await last(town)).faults] == [("$", Code.MALFORMED_JSON)]


async def test_after_a_failure_the_next_try_comes_sooner_and_then_less_and_less_soon(dsn: str) -> None:
    async with a_town(dsn, scheduled=True) as town:
        kept = await last(town)
        town.pos.menu = replace(town.pos.menu, location_id=town.pos.menu.location_id + "X")  # it answers 404
        waits, seen = [], kept
        for _ in range(4):
            await make_due(town)
            seen = await until(town, Outcome.UNREACHABLE, than=seen)
            assert seen.next_at is not None
            assert seen.fetched_at is not None
            waits.append((seen.next_at - seen.fetched_at).total_seconds() / 60)
        assert [round(wait / 2**n) for n, wait in enumerate(waits)] == [1, 1, 1, 1]
        assert seen.failures == 4
        assert "404" in seen.faults[0].message
        await town.send("A-1")  # with the menu of before


async def test_a_304_to_who_has_no_menu_is_no_menu(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await town.house.hub.pool.execute("UPDATE stores SET menu_version = NULL")
        store = await store_of(town)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(town.house.hub.connector, "menu_body", lambda *_: None, raising=False)
            with pytest.raises(MenuUnavailable):
                await pull_menu(town.house.hub, town.house.outbound, store)
        assert (await last(town)).outcome is Outcome.UNREACHABLE


async def test_workers_never_fetch_the_same_store_at_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, scheduled=True, pulled=False) as town:

        async def look() -> list[Any]:
            async with town.house.hub.connection() as connection:
                return await menus.claim(connection, 10, [], 30.0)

        claimed = await asyncio.gather(*(look() for _ in range(8)))
        assert sorted(map(len, claimed)) == [0] * 7 + [1]


async def test_who_lost_the_lease_keeps_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, store = town.house.hub, await store_of(town)
        async with hub.connection() as connection:
            slow = await menus.take(connection, store, 30.0)
            await menus.take(connection, store, 30.0)
        serves(town, DEAR)
        before = await in_use(town)
        with pytest.raises(LeaseLost):
            await fetch_menu(hub, town.house.outbound, store, slow)
        assert await in_use(town) == before


async def test_a_fault_of_ours_ends_no_lane(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"HEARD_WORK_LEASE_S": "0.5", "HEARD_WORK_POLL_S": "0.1"}
    async with a_town(dsn, pulled=False, scheduled=True, worker=False, settings=settings) as town:
        with monkeypatch.context() as broken:
            broken.setattr("heard.work.worker.fetch_menu", _fail)
            working = asyncio.create_task(town.house.worker().run())
            await until(town, Outcome.UNREACHABLE)
        await town.house.hub.pool.execute("UPDATE menu_fetches SET next_at = business_now()")
        await until(town, Outcome.KEPT)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _fail(*_: object) -> None:
    raise RuntimeError("a fault of ours")


async def test_an_order_is_held_against_the_new_menu_as_soon_as_it_is_kept(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        burger, fries, _ = a_menu().products()
        serves(town, a_menu(burger, fries, replace(fries, id=ProductId("RICE"))))
        kept = await pull_menu(town.house.hub, town.house.outbound, await store_of(town))
        assert kept.changes == {"added": 1, "removed": 1}
        index = await town.house.hub.menu(await store_of(town), kept.version)
        assert set(index.product_types) == {"BURGER", "FRIES", "RICE"}
        row = await town.house.hub.pool.fetchrow("SELECT * FROM menu_fetches WHERE organization_id = $1", ORGANIZATION)
        assert row is not None
        assert row["lease_until"] is None


async def test_a_long_menu_is_judged_apart_and_used_like_any_other(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heard.limits.MENU_APART_BYTES_MIN", 0)
    monkeypatch.setattr("heard.limits.MENU_APART_PACKED_BYTES_MIN", 0)
    async with a_town(dsn) as town:
        hub, store = town.house.hub, await store_of(town)
        serves(town, DEAR)
        kept = await pull_menu(hub, town.house.outbound, store)
        assert kept.changes == {"price": 1}
        assert hub._apart.remembers(f"{ORGANIZATION}/{town.venue_id}", kept.version)
        index = await hub.menu(store, kept.version)
        hub._menus.forget((store.organization_id, store.venue_id, kept.version))
        again = await asyncio.gather(*(hub.menu(store, kept.version) for _ in range(5)))
        assert all(one is again[0] for one in again), "the same menu was read several times at once"
        assert again[0] == index
        await hub.close()  # as if the process had died: what it remembered is read from the database
        serves(town, a_menu())
        assert (await pull_menu(hub, town.house.outbound, store)).changes == {"price": 1}
        await town.send("A-1")
