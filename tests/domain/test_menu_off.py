"""What is off a menu counts as what the menu itself says is unavailable, for as long as it says, and says why."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, NOW, a_content, a_line, a_menu
from heard.domain.cart import Filled, WantedCart, WantedCombo, WantedItem, WantedModifier, fill
from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.index import hold_against, index_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu
from heard.domain.menu.off import ItemOff, Off, off_at, version_shown
from heard.domain.menu.price_book import book_of
from heard.domain.money import Cents, currency
from heard.domain.order.content import Line, LineModifier
from heard.domain.order_types import OrderType
from heard.domain.refusals import FieldError
from menu_builders import menus, without
from menu_documents import a_full_menu

SOON = datetime(2026, 3, 14, 13, 5, tzinfo=NOW.tzinfo)
IDS = st.sets(st.sampled_from(["P1", "P2", "P3", "HAM", "EGG", "GHOST"]))


def an_item_off(item_id: str, until: datetime | None = None) -> ItemOff:
    return ItemOff(item_id, item_id.title(), "ada", NOW, until)


def ordered(product_id: str, *modifier_ids: str) -> Line:
    chosen = tuple(LineModifier(ModifierId(one), one, 1, Cents(0)) for one in modifier_ids)
    return a_line(product_id=ProductId(product_id), name=product_id, modifiers=chosen)


def faults(menu: Menu, off: Off, *lines: Line) -> tuple[FieldError, ...]:
    return hold_against(a_content("X-1", *lines), index_menu(menu, "v1"), off).faults


def cart_faults(off: Off, *items: WantedItem, combos: tuple[WantedCombo, ...] = ()) -> list[tuple[str, str, str]]:
    wanted = WantedCart(OrderType.TAKEOUT, items, combos)
    result = fill(wanted, book_of(a_full_menu(), "v1"), currency("USD"), off)
    return [] if isinstance(result, Filled) else [(one.path, one.code, one.message) for one in result]


def test_something_is_off_until_its_time_and_not_a_moment_longer() -> None:
    items = an_item_off("FRIES", SOON), an_item_off("COLA")
    assert off_at(items, SOON - timedelta(microseconds=1)) == {"FRIES": SOON, "COLA": None}
    assert off_at(items, SOON) == {"COLA": None}


def test_an_order_with_a_product_that_is_off_is_told_until_when() -> None:
    (fault,) = faults(a_menu(), {"FRIES": SOON}, a_line(), ordered("FRIES"))
    assert (fault.path, fault.code) == ("$.items[1].item_id", "sold_out")
    assert fault.message == "'FRIES' is taken off the menu until 2026-03-14T13:05:00Z"
    assert faults(a_menu(), {"FRIES": SOON}, a_line(), ordered("COLA")) == ()


def test_a_choice_that_is_off_is_named_by_its_place() -> None:
    (fault,) = faults(a_menu(), {"CHEESE": None}, a_line())
    assert (fault.path, fault.code) == ("$.items[0].modifiers[0].modifier_id", "sold_out")
    assert fault.message == "'CHEESE' is taken off the menu until the store puts it back"


def test_what_the_menu_does_not_have_either_is_said_to_be_gone_without_a_time() -> None:
    gone = without(a_menu(), {"FRIES"})
    (fault,) = faults(gone, {"FRIES": SOON}, ordered("FRIES"))
    assert fault.message == "'FRIES' cannot be had now"


def test_a_cart_finds_what_is_off_among_items_choices_combos_and_their_parts() -> None:
    single = WantedModifier(ModifierId("SINGLE"))
    burger, cola = WantedItem(ProductId("BURGER"), modifiers=(single,)), WantedItem(ProductId("COLA"))
    meal = WantedCombo(ProductId("MEAL"), items=(WantedItem(ProductId("BURGER")), cola))
    assert cart_faults({}, burger, combos=(meal,)) == []
    until = "is taken off the menu until the store puts it back"
    assert cart_faults({"BURGER": None}, burger, combos=(meal,)) == [
        ("$.menu_items[0].id", "sold_out", f"'BURGER' {until}"),
        ("$.combo_meals[0].menu_items[0].id", "sold_out", f"'BURGER' {until}"),
    ]
    assert cart_faults({"SINGLE": None}, burger) == [
        ("$.menu_items[0].modifiers[0].id", "sold_out", f"'SINGLE' {until}")
    ]
    assert cart_faults({"MEAL": None}, combos=(meal,)) == [("$.combo_meals[0].id", "sold_out", f"'MEAL' {until}")]


@given(menus, IDS)
def test_what_is_off_is_refused_exactly_where_an_unavailable_item_would_be(menu: Menu, ids: set[str]) -> None:
    if check_menu(menu, LOCATION):
        return
    lines = [ordered(one, "HAM", "EGG") for one in ("P1", "P2", "P3", "P4")]
    off: Off = dict.fromkeys(ids)
    told = [(one.path, one.code) for one in faults(menu, off, *lines)]
    assert told == [(one.path, one.code) for one in faults(without(menu, ids), {}, *lines)]


@pytest.mark.parametrize("item_id", ["🍟" * 60, "a/b/../c", "x\ny", "%2F?q=1", " ", "<b>"])
def test_an_odd_id_is_off_as_any_other(item_id: str) -> None:
    menu = a_menu(replace(a_menu().sections[0].products[1], id=ProductId(item_id)))
    assert [one.code for one in faults(menu, {item_id: SOON}, ordered(item_id))] == ["sold_out"]


def test_channels_know_a_menu_by_its_version_until_something_is_off_it() -> None:
    assert version_shown("v1", ()) == "v1"
    one, other = version_shown("v1", {"FRIES"}), version_shown("v1", {"FRIES", "COLA"})
    assert len({"v1", one, other, version_shown("v2", {"FRIES"})}) == 4
    assert other == version_shown("v1", ["COLA", "FRIES"]), "in whatever order"
    assert version_shown("v1", {"a\nb"}) != version_shown("v1", {"a", "b"})
