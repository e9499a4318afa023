"""The pages of menus: what is on one, its versions, what differs, what is wrong; hostile and large ones too."""

import re
from dataclasses import replace

from builders import LOCATION, a_menu
from heard import limits
from heard.domain.ids import ModifierId, OrganizationId, ProductId
from heard.domain.menu.model import Availability, Menu, MenuSection, Modifier, ModifierGroup, Product
from heard.domain.money import Cents
from heard.domain.people import Role
from heard.storage import menus
from menu_builders import repriced
from parties import Town, a_town, put_menu
from visiting import Guest, a_guest

HOSTILE = "<script>alert(1)</script>\u202egnihton" + "\U0001f355" * 3


async def have(town: Town, menu: Menu) -> str:
    """Give the store a menu; its version."""
    hub = town.house.hub
    store = await hub.store(town.venue_id)
    assert store is not None
    await put_menu(hub, store, menu)
    async with hub.connection() as connection:
        current = await menus.current(connection, store)
    assert current is not None
    return current.version


async def seen(guest: Guest, town: Town, below: str = "") -> str:
    answer = await guest.get(f"/console/menus/{town.venue_id}{below}")
    assert answer.status == 200, answer.body
    return guest.text


def many(count: int) -> Menu:
    """Each product with a choice, in two sections."""
    one = ModifierGroup("G", "Size", (Modifier(ModifierId("BIG"), "Big", Cents(100)),))
    products = [
        Product(ProductId(f"P-{n}"), f"Dish {n}", Cents(500 + n), Availability.AVAILABLE, groups=(one,))
        for n in range(count)
    ]
    half = count // 2
    sections = MenuSection("A", "First", tuple(products[:half])), MenuSection("B", "Second", tuple(products[half:]))
    return Menu(LOCATION, sections, (), "USD", "1")


async def test_a_menu_is_browsed_by_category_and_searched_with_its_choices_and_prices(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.VIEWER)
        fries, cola = a_menu().sections[0].products[1:]
        gone = replace(fries, availability=Availability.UNAVAILABLE, image_url="https://img.example/f.jpg")
        odd = replace(cola, image_url="javascript:alert(1)")
        burger = a_menu().sections[0].products[0]
        later = MenuSection("M2", "Late & night", (odd,))
        await have(town, Menu(LOCATION, (MenuSection("M1", "All day", (burger, gone)), later), (("food", "8"),), "USD"))
        text = await seen(guest, town)
        assert "1 products cannot be had" in text
        assert "Extras 0 to any number Cheese 1.50 USD" in text
        assert "✕ unavailable" in text
        assert 'href="https://img.example/f.jpg" rel="noreferrer noopener" target="_blank"' in guest.page
        assert "javascript:" not in guest.page
        pictures = re.findall(r'<img[^>]* src="([^"?]*)', guest.page.partition("<main")[2])
        assert pictures == ["/console/menus/picture"], "no browser asks another host for one"
        assert "Burger" not in await seen(guest, town, "?section=M2")
        assert "Cola" in guest.text
        assert "Burger" not in await seen(guest, town, "?gone=true")
        assert "1 to 1 of 1" in await seen(guest, town, "?q=bURg")
        assert "Nothing here is called that" in await seen(guest, town, "?q=soup")
        await seen(guest, town, "?skip=9999999999999&section=nowhere")
        assert "Nothing to see here" in guest.text
        assert "/publish" not in guest.page
        await guest.get("/console/menus")
        assert re.search(r"Acme One [0-9a-f]{16} 3", guest.text)


async def test_two_versions_are_compared_either_way_round_and_by_kind(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.VIEWER)
        assert "one version only" in await seen(guest, town, "/compare")
        first = await have(town, a_menu())
        tea = Product(ProductId("TEA"), HOSTILE, Cents(300), Availability.AVAILABLE, tax_category="food")
        burger, fries, _ = repriced(a_menu(), "BURGER", 1299).sections[0].products
        gone = replace(fries, availability=Availability.UNAVAILABLE)
        second = await have(town, a_menu(burger, gone, tea))
        text = await seen(guest, town, "/versions")
        assert f"{second} ● in use 3 1 added, 1 availability, 1 price, 1 removed" in text
        text = await seen(guest, town, "/compare")
        assert "9.99 USD 12.99 USD" in text
        assert "available unavailable" in text
        assert HOSTILE in text
        assert "<script>alert" not in guest.page
        text = await seen(guest, town, f"/compare?before={second}&after={first}&kind=price")
        assert "12.99 USD 9.99 USD" in text
        assert "1 to 1 of 1" in text
        assert "Nothing differs" in await seen(guest, town, f"/compare?before={first}&after={first}")
        assert "not the one in use" in await seen(guest, town, f"?version={first}")
        assert "Cola" in guest.text


async def test_what_is_wrong_with_a_menu_is_listed_by_its_place(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.VIEWER)
        assert "Nothing is wrong with it" in await seen(guest, town, "/findings")
        await have(town, many(limits.MENU_SHOWN_ROWS + 3))
        text = await seen(guest, town, "/findings")
        assert f"0 errors , {limits.MENU_SHOWN_ROWS + 3} warnings" in text
        assert "no tax category $.menus[0].products[0].tax_category" in text
        assert f"{limits.MENU_SHOWN_ROWS + 1} to {limits.MENU_SHOWN_ROWS + 3} of" in await seen(
            guest, town, f"/findings?skip={limits.MENU_SHOWN_ROWS}"
        )


async def test_a_hostile_menu_is_shown_as_text_and_a_bottomless_product_in_part(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest = await a_guest(town, Role.VIEWER)
        choices = tuple(Modifier(ModifierId(f"M{n}"), HOSTILE + "x" * 1_900, Cents(1)) for n in range(500))
        group = ModifierGroup("G", HOSTILE, choices)
        product = Product(
            ProductId('P"><img src=x>'),
            HOSTILE * 40,
            Cents(1),
            Availability.HIDDEN,
            description=HOSTILE,
            groups=(group,),
        )
        await have(town, Menu(LOCATION, (MenuSection('S"&x=1', HOSTILE, (product,)),), ((HOSTILE, "8"),), "USD"))
        for below in ("", "?section=S%22%26x%3D1", "?q=%3Cscript%3E", "/versions", "/findings"):
            await seen(guest, town, below)
            assert "<script>alert" not in guest.page
            assert "<img src=x" not in guest.page
            assert len(guest.page) < 200_000
        await seen(guest, town, "?section=S%22%26x%3D1")
        assert guest.page.count("<li class=") == limits.MENU_SHOWN_CHOICES
        assert "And more" in guest.text
        assert "◌ hidden" in guest.text


async def test_a_large_menu_is_read_in_another_process_a_page_at_a_time(dsn: str) -> None:
    count = 6_000
    async with a_town(dsn, worker=False) as town:
        guest, hub = await a_guest(town, Role.VIEWER), town.house.hub
        first = await have(town, many(count))
        await have(town, repriced(many(count), "P-77", 1))
        assert hub._looks_apart._child is None
        assert f"1 to {limits.MENU_SHOWN_PRODUCTS} of {count}" in await seen(guest, town)
        assert hub._looks_apart._child is not None
        assert "Dish 5999 P-5999" in await seen(guest, town, f"?skip={count - 10}")
        assert "Dish 4321" in await seen(guest, town, "?q=p-4321")
        assert "5.77 USD 0.01 USD" in await seen(guest, town, "/compare")
        assert "5.77 USD" in await seen(guest, town, f"?version={first}&q=P-77&section=A")
        hub._looks_apart._child.kill()
        assert f"{count} warnings" in await seen(guest, town, "/findings")


async def test_a_menu_is_put_out_and_taken_back_once_by_who_may(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        guest, path = await a_guest(town, Role.OPERATOR), f"/console/menus/{town.venue_id}"

        async def said(action: str) -> str:
            await guest.follow(await guest.post(f"{path}/{action}", {"back": path}))
            return guest.text

        await seen(guest, town)
        assert "The menu is taken back" in await said("unpublish")
        assert "▲ not published" in guest.text
        assert await town.marketplace.send(town.content("A-1")) is None
        assert "was not published already; nothing was changed" in await said("unpublish")
        assert "The menu is published" in await said("publish")
        await town.send("A-2")
        viewer = await a_guest(town, Role.VIEWER)
        await seen(viewer, town)
        assert (await viewer.post(f"{path}/unpublish")).status == 403
        stranger = await a_guest(town, Role.ADMIN, "stranger", OrganizationId("other"))
        for below in ("", "/versions", "/compare", "/findings"):
            assert (await stranger.get(path + below)).status == 404
        for odd in (
            "?version=nope",
            "?version=%00",
            "/compare?before=0&after=1",
            "/findings?version=..",
            "/versions?older=%20",
        ):
            assert (await guest.get(path + odd)).status in (404, 422), odd


async def test_a_store_without_a_menu_says_how_one_comes(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        guest = await a_guest(town)
        assert "A worker fetches it" in await seen(guest, town)
        for below in ("/versions", "/compare", "/findings"):
            await seen(guest, town, below)
        await seen(guest, town)
        await guest.follow(await guest.post(f"/console/stores/{town.venue_id}/pull", {"back": "/console/menus"}))
        assert "A new menu is kept: 3 products" in guest.text
