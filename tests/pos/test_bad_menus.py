"""Menus that adapters get wrong: what a hub could not read never leaves the kit, and what is large still does."""

import asyncio
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from asking import problem_of
from builders import a_menu
from heard.net.call import Answer
from heard.pos import (
    Availability,
    ComboComponent,
    Location,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    ModifierId,
    PriceRule,
    Product,
    ProductId,
)
from heard.pos.mapping import check_locations
from heard.protocols.posnext.menus import decode_menu
from pos.kits import ScriptedPos
from pos.strangers import MENUS, Header, Stranger, a_served_kit, an_order, the_log

MAIN = Location("demo", "main")


def ask(stranger: Stranger, *headers: Header) -> Any:
    return stranger.call("POST", MENUS, {"organization_id": "demo", "location_id": "demo-1"}, *headers)


def a_product(**changes: Any) -> Product:
    values: dict[str, Any] = {"id": "P", "name": "P", "price": 100, "availability": Availability.AVAILABLE}
    return Product(**{**values, **changes})


def with_group(**changes: Any) -> Product:
    values: dict[str, Any] = {"id": "G", "name": "G", "modifiers": (Modifier(ModifierId("M"), "M", 50),)}  # type: ignore[arg-type]
    return a_product(groups=(ModifierGroup(**{**values, **changes}),))


def with_modifier(**changes: Any) -> Product:
    values: dict[str, Any] = {"id": "M", "name": "M", "price": 50}
    return with_group(modifiers=(Modifier(**{**values, **changes}),))


UNREADABLE: dict[str, Callable[[], Any]] = {
    "a float price": lambda: a_menu(a_product(price=9.99)),
    "a price as text": lambda: a_menu(a_product(price="9.99")),
    "no price": lambda: a_menu(a_product(price=None)),
    "a price of true": lambda: a_menu(a_product(price=True)),
    "a negative price": lambda: a_menu(a_product(price=-1)),
    "a price too large": lambda: a_menu(a_product(price=10**12)),
    "a modifier's float price": lambda: a_menu(with_modifier(price=0.5)),
    "a modifier's negative price": lambda: a_menu(with_modifier(price=-50)),
    "an id that is a number": lambda: a_menu(a_product(id=7)),
    "an empty id": lambda: a_menu(a_product(id="")),
    "an id too long": lambda: a_menu(a_product(id="x" * 129)),
    "no name": lambda: a_menu(a_product(name=None)),
    "a name too long": lambda: a_menu(a_product(name="x" * 2001)),
    "a lone surrogate": lambda: a_menu(a_product(name="\ud800")),
    "a NUL": lambda: a_menu(a_product(name="\x00")),
    "another word for available": lambda: a_menu(a_product(availability="on sale")),
    "no availability": lambda: a_menu(a_product(availability=None)),
    "another type": lambda: a_menu(a_product(type="Soup")),
    "a description that is a number": lambda: a_menu(a_product(description=7)),
    "categories that are none": lambda: a_menu(a_product(categories=7)),
    "groups that are none": lambda: a_menu(a_product(groups=None)),
    "a group that is a modifier": lambda: a_menu(a_product(groups=(Modifier(ModifierId("M"), "M", 1),))),  # type: ignore[arg-type]
    "choices below none": lambda: a_menu(with_group(min_selected=-1)),
    "choices that are text": lambda: a_menu(with_group(max_selected="all")),
    "a combo of nothing that is a list": lambda: a_menu(a_product(components=(ComboComponent("C", 7),))),  # type: ignore[arg-type]
    "a product that is a dict": lambda: a_menu({"id": "P"}),  # type: ignore[arg-type]
    "no sections": lambda: replace(a_menu(), sections=None),  # type: ignore[arg-type]
    "a section without products": lambda: replace(a_menu(), sections=(MenuSection("S", "S", None),)),  # type: ignore[arg-type]
    "a section that is a product": lambda: replace(a_menu(), sections=(a_product(),)),  # type: ignore[arg-type]
    "rates that are numbers": lambda: replace(a_menu(), tax_rates=(("food", 8.25),)),  # type: ignore[arg-type]
    "rates that are no percent": lambda: replace(a_menu(), tax_rates=(("food", "8,25 %"),)),
    "a price rule in dollars": lambda: a_menu(a_product(prices=(PriceRule(12.99),))),  # type: ignore[arg-type]
    "rates that are none": lambda: replace(a_menu(), tax_rates=None),  # type: ignore[arg-type]
    "a currency that is none": lambda: replace(a_menu(), currency="Dollars"),
    "three decimals": lambda: replace(a_menu(), currency="KWD"),
    "none": lambda: None,
    "the class": lambda: Menu,
    "JSON": lambda: {"menus": []},
    "its bytes": lambda: b'{"menus":[]}',
}


@pytest.mark.parametrize("name", ["plain", "async"])
async def test_a_menu_that_no_hub_could_read_is_not_told_and_the_log_says_where(name: str) -> None:
    class OddMenu(ScriptedPos):
        odd: Callable[[], Any]

        def menu(self, location: Location) -> Any:
            return self.odd()

    class OddAsyncMenu(OddMenu):
        async def menu(self, location: Location) -> Any:
            return self.odd()

    pos = OddMenu() if name == "plain" else OddAsyncMenu()
    async with a_served_kit(pos) as stranger:
        for why, pos.odd in UNREADABLE.items():
            with the_log() as entries:
                answer = await ask(stranger)
            assert problem_of(answer, 503, "unavailable")["detail"].startswith("The POS gives no menu now"), why
            assert any(entry["log_level"] == "error" for entry in entries), why
            (checked,) = await check_locations(stranger.kit.store, pos)
            assert checked.faults, why
            assert not any("\n" in fault for fault in checked.faults)
        pos.odd = a_menu
        answer = await ask(stranger)
        assert json.loads(answer.body)["location_id"] == "demo-1"
        stranger.good(await stranger.submit(an_order()))


async def test_a_menu_with_faults_is_told_as_it_is_and_its_author_is_told_too() -> None:
    """A hub keeps the last good one; which it is, is the hub's to say."""
    pos = ScriptedPos()
    faulty = {
        "empty": Menu(a_menu().location_id, ()),
        "twice, at two prices": a_menu(a_product(), a_product(price=200)),
        "impossible": a_menu(with_group(min_selected=3, max_selected=1)),
    }
    async with a_served_kit(pos) as stranger:
        for name, menu in faulty.items():
            pos.menus[MAIN] = menu
            with the_log() as entries:
                answer: Answer = await ask(stranger)
            assert answer.status == 200, name
            assert any("fault" in entry["event"] for entry in entries), name
            (checked,) = await check_locations(stranger.kit.store, pos)
            assert checked.faults, name


async def test_the_location_in_a_menu_is_the_one_that_was_asked_for_whatever_the_pos_calls_it() -> None:
    pos = ScriptedPos()
    async with a_served_kit(pos) as stranger:
        for own in ("main", "", None, 7, "\ud800"):
            pos.menus[MAIN] = replace(a_menu(), location_id=own)  # type: ignore[arg-type]
            assert json.loads((await ask(stranger)).body)["location_id"] == "demo-1"


async def test_thirty_thousand_products_are_told_while_orders_go_on() -> None:
    pos = ScriptedPos()
    products = [a_product(id=ProductId(f"P-{number}"), name=f"Product {number}") for number in range(30_000)]
    pos.menus[MAIN] = a_menu(*products)
    async with a_served_kit(pos) as stranger:
        asking = asyncio.create_task(ask(stranger, ("accept-encoding", "br, gzip")))
        orders = 0
        while not asking.done():
            stranger.good(await stranger.submit(an_order(f"U-{orders}")))
            orders += 1
        answer = await asking
        assert orders > 5
        assert answer.headers["content-encoding"] == "gzip"
        raw = gzip.decompress(answer.body)
        assert len(list(decode_menu(raw).products())) == 30_000
        same = await ask(stranger, ("if-none-match", answer.headers["etag"]))
        assert (same.status, same.body) == (304, b"")
        plain = await ask(stranger, ("if-none-match", '"another"'), ("accept-encoding", "identity"))
        assert (plain.status, plain.body) == (200, raw)
