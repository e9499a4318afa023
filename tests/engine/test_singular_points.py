"""Where at a store orders are placed to: added, read, removed; a store's name for each stands once."""

import asyncio

import pytest

from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import SingularPointId, VenueId, id_from_uuid, uuid_of
from heard.domain.order_types import OrderType
from heard.domain.refusals import Refused
from heard.domain.singular_points import SingularPoint
from heard.domain.stores import Store
from heard.engine.singular_points import add_point, points_of, points_page, remove_point
from parties import Town, a_town


async def the_store(town: Town) -> Store:
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    return store


async def test_a_point_is_read_by_its_id_and_no_more_once_it_is_removed(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, store = town.house.hub, await the_store(town)
        point = await add_point(hub, store, "Counter", [OrderType.DELIVERY, OrderType.TAKEOUT, OrderType.TAKEOUT])
        kinds = (OrderType.TAKEOUT, OrderType.DELIVERY)
        assert point == SingularPoint(ORGANIZATION, point.singular_point_id, town.venue_id, "Counter", kinds)
        assert id_from_uuid("spt", uuid_of(point.singular_point_id)) == point.singular_point_id
        assert await hub.singular_point(point.singular_point_id) == point
        assert await points_of(hub, store) == [point]
        await remove_point(hub, ORGANIZATION, point.singular_point_id)
        assert await hub.singular_point(point.singular_point_id) is None
        assert await points_of(hub, store) == []
        assert await hub.pool.fetchval("SELECT count(*) FROM singular_points") == 1, "orders may name it"
        with pytest.raises(Refused, match="There is no singular point"):
            await remove_point(hub, ORGANIZATION, point.singular_point_id)


async def test_what_there_is_not_is_not_found(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        assert await hub.singular_point(SingularPointId("spt_none")) is None
        with pytest.raises(Refused, match="There is no store"):
            await points_page(hub, ORGANIZATION, VenueId("ven_none"), 10)


async def test_of_many_who_add_one_name_at_once_one_does(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, store = town.house.hub, await the_store(town)
        wishes = (add_point(hub, store, "Counter", [OrderType.TAKEOUT]) for _ in range(8))
        made = await asyncio.gather(*wishes, return_exceptions=True)
        assert sum(isinstance(one, SingularPoint) for one in made) == 1
        assert all("has a singular point" in str(one) for one in made if not isinstance(one, SingularPoint))
        (point,) = await points_of(hub, store)
        await remove_point(hub, ORGANIZATION, point.singular_point_id)
        assert (await add_point(hub, store, "Counter", [OrderType.FOODSPOT])).name == "Counter"


async def test_a_store_has_so_many_and_no_more(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SINGULAR_POINTS_MAX", 2)
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, store = town.house.hub, await the_store(town)
        for name in ("A", "B"):
            await add_point(hub, store, name, [OrderType.TAKEOUT])
        with pytest.raises(Refused, match="may have no more"):
            await add_point(hub, store, "C", [OrderType.TAKEOUT])


async def test_pages_hold_together(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, store = town.house.hub, await the_store(town)
        made = sorted([(await add_point(hub, store, f"T{n}", list(OrderType))).singular_point_id for n in range(5)])
        first = await points_page(hub, ORGANIZATION, town.venue_id, 3)
        rest = await points_page(hub, None, None, 3, first[-1].singular_point_id)
        assert [one.singular_point_id for one in (*first, *rest)] == made
