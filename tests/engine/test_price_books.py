"""Price books as a hub gives them: made once for a version, the same here and in the process that judges menus."""

import asyncio
from dataclasses import replace

from builders import LOCATION, a_menu
from heard import limits
from heard.bench.menu import make_menu
from heard.domain.ids import PriceLevelId, ProductId
from heard.domain.menu.model import Menu, PriceRule
from heard.domain.menu.price_book import book_of
from heard.domain.money import Cents
from heard.engine.judge_apart import JudgeApart
from heard.engine.judge_menu import price_document
from heard.protocols.posnext.encode import encode_menu
from heard.protocols.posnext.menus import decode_menu
from heard.storage.menus import Document
from menu_documents import a_full_menu
from parties import a_town, put_menu


def priced_menu() -> Menu:
    menu = a_full_menu()
    food, *others = menu.sections
    burger, fries = food.products
    large = PriceRule(Cents(499), PriceLevelId("L"), "Large", ("delivery",))
    sections = (replace(food, products=(burger, replace(fries, prices=(large,)))), *others)
    return replace(menu, sections=sections, tax_rates=(("food", (("State", "6"), ("City", "2.25"))),))


def test_a_book_is_the_same_made_here_and_apart() -> None:
    apart = JudgeApart()
    try:
        for menu in (priced_menu(), decode_menu(make_menu(2_000))):
            document = Document.pack(encode_menu(menu))
            book = apart.price_book(document, "v1")
            assert book == price_document(document, "v1") == book_of(menu, "v1")
    finally:
        apart.close()


async def test_a_hub_makes_the_book_of_a_version_once(dsn: str) -> None:
    async with a_town(dsn, menu=priced_menu(), worker=False) as town:
        hub, store = town.house.hub, await town.house.hub.store(town.venue_id)
        assert store is not None
        assert store.menu_version is not None
        books = await asyncio.gather(*(hub.price_book(store, store.menu_version) for _ in range(10)))
        assert all(book is books[0] for book in books)
        assert books[0] == book_of(priced_menu(), store.menu_version)
        assert books[0].taxes["food"] == (("State", 60_000), ("City", 22_500))


async def test_a_new_version_has_a_book_of_its_own_and_the_old_one_stays(dsn: str) -> None:
    async with a_town(dsn, menu=priced_menu(), worker=False) as town:
        hub, store = town.house.hub, await town.house.hub.store(town.venue_id)
        assert store is not None
        assert store.menu_version is not None
        await put_menu(hub, store, a_menu(location_id=LOCATION))
        again = await hub.store(town.venue_id)
        assert again is not None
        assert again.menu_version not in (None, store.menu_version)
        assert ProductId("MEAL") in (await hub.price_book(store, store.menu_version)).entries
        assert ProductId("MEAL") not in (await hub.price_book(again, again.menu_version or "")).entries


async def test_the_book_of_a_long_menu_is_made_apart(dsn: str) -> None:
    body = make_menu(4_000)
    assert len(Document.pack(body).packed) > limits.MENU_APART_PACKED_BYTES_MIN
    menu = replace(decode_menu(body), location_id=LOCATION)
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, store = town.house.hub, await town.house.hub.store(town.venue_id)
        assert store is not None
        await put_menu(hub, store, menu)
        again = await hub.store(town.venue_id)
        assert again is not None
        assert again.menu_version is not None
        assert await hub.price_book(again, again.menu_version) == book_of(menu, again.menu_version)
