"""What an order is held against: every item the menu cannot serve is named by its place in the order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_content, a_line, a_menu
from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.index import hold_against, index_menu
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from heard.domain.order.content import Line, LineModifier

GONE = [state for state in Availability if state is not Availability.AVAILABLE]


def a_modifier(modifier_id: str, state: Availability = Availability.AVAILABLE, *below: Modifier) -> Modifier:
    groups = (ModifierGroup("G", "Group", below),) if below else ()
    return Modifier(ModifierId(modifier_id), modifier_id.title(), Cents(50), state, groups)


def a_product(product_id: str, *choices: Modifier, state: Availability = Availability.AVAILABLE) -> Product:
    groups = (ModifierGroup("G", "Group", choices),) if choices else ()
    return Product(ProductId(product_id), product_id.title(), Cents(500), state, groups=groups)


def ordered(product_id: str, *modifiers: LineModifier) -> Line:
    return a_line(product_id=ProductId(product_id), name=product_id, modifiers=modifiers)


def chosen(modifier_id: str, *below: LineModifier) -> LineModifier:
    return LineModifier(ModifierId(modifier_id), modifier_id, 1, Cents(50), below)


def faults(menu: Menu, *lines: Line) -> list[tuple[str, str]]:
    found = hold_against(a_content("X-1", *lines), index_menu(menu, "v1")).faults
    return [(error.path, error.code) for error in found]


def test_an_order_of_what_is_on_the_menu_can_be_served() -> None:
    assert faults(a_menu(), a_line(), ordered("FRIES"), ordered("COLA")) == []


def test_an_unknown_item_is_named_once_whatever_hangs_on_it() -> None:
    line = ordered("PIZZA", chosen("CHEESE"), chosen("HAM"))
    assert faults(a_menu(), a_line(), line) == [("$.items[1].item_id", "unknown_item")]


@pytest.mark.parametrize("state", GONE)
def test_what_is_not_available_cannot_be_had_now(state: Availability) -> None:
    menu = a_menu(a_product("SOUP", state=state), a_product("STEW", a_modifier("HAM", state)))
    assert faults(menu, ordered("SOUP"), ordered("STEW", chosen("HAM"))) == [
        ("$.items[0].item_id", "sold_out"),
        ("$.items[1].modifiers[0].modifier_id", "sold_out"),
    ]


def test_a_choice_of_another_product_is_no_choice_of_this_one() -> None:
    assert faults(a_menu(), ordered("FRIES", chosen("CHEESE"))) == [
        ("$.items[0].modifiers[0].modifier_id", "unknown_modifier")
    ]


def test_choices_of_choices_are_looked_at_too() -> None:
    dip = a_modifier("DIP", Availability.UNAVAILABLE)
    menu = a_menu(a_product("MEAL", a_modifier("SIDE", Availability.AVAILABLE, dip)))
    line = ordered("MEAL", chosen("SIDE", chosen("DIP"), chosen("SALT")))
    below = "$.items[0].modifiers[0].modifiers"
    assert faults(menu, line) == [
        (f"{below}[0].modifier_id", "sold_out"),
        (f"{below}[1].modifier_id", "unknown_modifier"),
    ]
    assert faults(menu, ordered("MEAL", chosen("DIP"))) == [
        ("$.items[0].modifiers[0].modifier_id", "unknown_modifier")
    ], "a choice of a choice stands below it"


def test_a_combos_parts_are_choices_of_it_and_may_be_sold_out_themselves() -> None:
    part = ComboComponent("Drink", (ProductId("COLA"), ProductId("WATER")))
    combo = replace(a_product("COMBO"), type=ProductType.COMBO, components=(part,))
    menu = a_menu(combo, a_product("COLA"), a_product("WATER", state=Availability.UNAVAILABLE), a_product("WINE"))
    assert faults(menu, ordered("COMBO", chosen("COLA"))) == []
    place = "$.items[0].modifiers[0].modifier_id"
    assert faults(menu, ordered("COMBO", chosen("WATER"))) == [(place, "sold_out")]
    assert faults(menu, ordered("COMBO", chosen("WINE"))) == [
        (place, "unknown_modifier"),
        ("$.items[0].modifiers", "too_few_choices"),
    ]


def test_an_index_knows_each_products_type_and_the_menus_version() -> None:
    combo = replace(a_product("COMBO"), type=ProductType.COMBO)
    index = index_menu(a_menu(a_product("SOUP"), combo), "v7")
    assert index.version == "v7"
    assert index.product_types == {"SOUP": ProductType.ITEM, "COMBO": ProductType.COMBO}


@pytest.mark.parametrize("gone_first", [True, False])
def test_a_product_that_one_of_two_menus_calls_sold_out_cannot_be_had(gone_first: bool) -> None:
    states = [Availability.UNAVAILABLE, Availability.AVAILABLE]
    sections = [MenuSection(state, state, (a_product("SOUP", state=state),)) for state in states]
    menu = replace(a_menu(), sections=tuple(sections if gone_first else sections[::-1]))
    assert faults(menu, ordered("SOUP")) == [("$.items[0].item_id", "sold_out")]


@given(st.lists(st.sampled_from(["BURGER", "FRIES", "COLA", "PIZZA", "RICE"]), min_size=1, max_size=20))
def test_every_place_that_cannot_be_served_is_named_and_no_other(names: list[str]) -> None:
    expected = [f"$.items[{place}].item_id" for place, name in enumerate(names) if name in ("PIZZA", "RICE")]
    assert [path for path, _ in faults(a_menu(), *(ordered(name) for name in names))] == expected
