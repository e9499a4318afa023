"""A menu's checks: every fault is named by its place, and a good menu has none."""

from dataclasses import replace

import pytest

from builders import LOCATION, a_menu
from heard import limits
from heard.domain.ids import LocationId, ModifierId, ProductId
from heard.domain.menu.check import check_menu
from heard.domain.menu.model import Availability, Menu, MenuSection, Modifier, ModifierGroup, Product, ProductType
from heard.domain.money import Cents


def a_product(product_id: str = "SOUP", cents: int = 500, *groups: ModifierGroup, **changes: ProductType) -> Product:
    return Product(
        ProductId(product_id), product_id.title(), Cents(cents), Availability.AVAILABLE, groups=groups, **changes
    )


def a_group(least: int, most: int | None, *modifiers: Modifier) -> ModifierGroup:
    return ModifierGroup("G", "Group", modifiers, least, most)


def faults(menu: Menu) -> list[tuple[str, str]]:
    return [(error.path, error.code) for error in check_menu(menu, LOCATION)]


def test_a_good_menu_has_no_fault() -> None:
    assert check_menu(a_menu(), LOCATION) == ()


def test_another_locations_menu_is_kept_out() -> None:
    assert faults(a_menu(location_id=LocationId("LOC-2"))) == [("$.location_id", "other_location")]


@pytest.mark.parametrize("sections", [(), (MenuSection("M1", "All day", ()),)])
def test_a_menu_without_a_product_is_kept_out(sections: tuple[MenuSection, ...]) -> None:
    assert faults(replace(a_menu(), sections=sections)) == [("$.menus", "empty")]


def test_a_menu_of_endless_length_is_kept_out() -> None:
    product = a_product()
    menu = replace(a_menu(), sections=(MenuSection("M1", "All", (product,) * limits.MENU_PRODUCTS_MAX),))
    assert faults(menu) == []
    longer = replace(menu, sections=(*menu.sections, MenuSection("M2", "More", (product,))))
    assert faults(longer) == [("$.menus", "too_many")]


def test_a_product_may_stand_in_two_menus_but_not_as_two_things() -> None:
    soup = a_product()
    twice = replace(a_menu(), sections=(MenuSection("M1", "Lunch", (soup,)), MenuSection("M2", "Dinner", (soup,))))
    assert faults(twice) == []
    for other in (a_product(cents=501), a_product(type=ProductType.COMBO)):
        errors = check_menu(a_menu(soup, other), LOCATION)
        assert [(error.path, error.code) for error in errors] == [("$.menus", "duplicate_id")]
        assert "'SOUP'" in errors[0].message


@pytest.mark.parametrize(("least", "most"), [(0, None), (0, 0), (2, 2), (1, 3), (3, None)])
def test_a_group_that_can_be_chosen_from_is_fine(least: int, most: int | None) -> None:
    assert faults(a_menu(a_product("SOUP", 500, a_group(least, most)))) == []


@pytest.mark.parametrize(("least", "most"), [(-1, None), (-1, 2), (2, 1), (1, 0), (0, -1)])
def test_a_group_that_nobody_can_choose_from_is_named_by_its_place(least: int, most: int | None) -> None:
    menu = a_menu(a_product("BREAD"), a_product("SOUP", 500, a_group(0, 1), a_group(least, most)))
    assert faults(menu) == [("$.menus[0].products[1].modifier_groups[1]", "impossible_group")]


def test_a_fault_below_a_modifier_is_found_too() -> None:
    inner = Modifier(ModifierId("DIP"), "Dip", Cents(0), groups=(a_group(2, 1),))
    outer = Modifier(ModifierId("SIDE"), "Side", Cents(0), groups=(a_group(0, 1, inner),))
    menu = a_menu(a_product("SOUP", 500, a_group(0, 1, outer)))
    place = "$.menus[0].products[0].modifier_groups[0].modifiers[0].modifier_groups[0].modifiers[0].modifier_groups[0]"
    assert faults(menu) == [(place, "impossible_group")]


def test_all_faults_are_told_at_once() -> None:
    menu = a_menu(a_product("SOUP", 500, a_group(2, 1)), a_product(cents=1), location_id=LocationId("LOC-2"))
    assert {code for _, code in faults(menu)} == {"other_location", "duplicate_id", "impossible_group"}
