"""`heard pos map check`: what it says of a menu that cannot be served."""

from pathlib import Path

from heard.pos import Location, Menu, read_menu
from heard.pos.mapping import check_locations
from heard.pos.store import Mapped, open_store
from pos.kits import ScriptedPos

BROKEN = b"""{"location_id": "x", "menus": [{"id": "m", "name": "M", "products": [
    {"id": "a", "name": "A", "price": 1.999, "state": "available"},
    {"id": "b", "name": "B", "price": -1, "state": "available"}]}]}"""


class Reader(ScriptedPos):
    """Reads its menu from a document, as a starter does."""

    def menu(self, location: Location) -> Menu:
        return super().menu(location) if location.location_id == "main" else read_menu(BROKEN)


async def test_a_menu_that_cannot_be_read_is_told_by_every_place(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "kit.sqlite"))
    await store.add_location(Mapped("demo", "demo-1", Location("demo", "main")))
    await store.add_location(Mapped("demo", "demo-2", Location("demo", "other")))
    good, broken = await check_locations(store, Reader())
    await store.close()
    assert (good.faults, good.products) == ((), 3)
    assert [fault.partition(":")[0] for fault in broken.faults] == [
        "$.menus[0].products[0].price",
        "$.menus[0].products[1].price",
    ]
