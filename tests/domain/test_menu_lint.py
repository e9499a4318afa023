"""A menu's lint: every fault is named by its place and keeps the menu out; a warning does not; a good menu has none."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from builders import LOCATION, a_menu
from heard import limits
from heard.domain.ids import LocationId, ModifierId, PriceLevelId, ProductId
from heard.domain.menu.index import index_menu
from heard.domain.menu.lint import check_menu, lint_menu
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.menu.traits import Severity
from heard.domain.money import Cents
from menu_builders import menus

FIRST = "$.menus[0].products[0]"


def a_product(product_id: str = "SOUP", cents: int = 500, *groups: ModifierGroup, **changes: Any) -> Product:
    values = {"tax_category": "food", "groups": groups, **changes}
    return Product(ProductId(product_id), product_id.title(), Cents(cents), Availability.AVAILABLE, **values)


def a_choice(modifier_id: str, *groups: ModifierGroup, gone: bool = False) -> Modifier:
    state = Availability.UNAVAILABLE if gone else Availability.AVAILABLE
    return Modifier(ModifierId(modifier_id), modifier_id.title(), Cents(0), state, groups)


def a_group(least: int, most: int | None, *modifiers: Modifier, group_id: str = "G") -> ModifierGroup:
    return ModifierGroup(group_id, "Group", modifiers, least, most)


def faults(menu: Menu) -> list[tuple[str, str]]:
    return [(error.path, error.code) for error in check_menu(menu, LOCATION)]


def warnings(menu: Menu) -> list[tuple[str, str]]:
    found = lint_menu(menu, LOCATION)
    assert [one for one in found if one.severity is Severity.ERROR] == []
    return [(one.path, one.code) for one in found]


def of_groups(*groups: ModifierGroup) -> Menu:
    return a_menu(a_product("SOUP", 500, *groups))


def test_a_good_menu_has_nothing_to_be_found() -> None:
    assert lint_menu(a_menu(), LOCATION) == ()
    assert lint_menu(a_menu()) == ()


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
    for same in (soup, replace(soup, name="Soup of the day"), replace(soup, availability=Availability.HIDDEN)):
        sections = (MenuSection("M1", "Lunch", (soup,)), MenuSection("M2", "Dinner", (same,)))
        assert faults(replace(a_menu(), sections=sections)) == []
    for other in (a_product(cents=501), a_product(type=ProductType.COMBO), a_product(tax_category=None)):
        errors = check_menu(a_menu(soup, other), LOCATION)
        assert [(error.path, error.code) for error in errors] == [("$.menus[0].products[1].id", "duplicate_id")]
        assert "'SOUP'" in errors[0].message


def test_a_menus_own_id_stands_once() -> None:
    section = MenuSection("M1", "Lunch", (a_product(),))
    assert faults(replace(a_menu(), sections=(section, section))) == [("$.menus[1].id", "duplicate_id")]


def test_an_id_that_stands_twice_in_one_place_is_named() -> None:
    ham, group = a_choice("HAM"), a_group(0, 1, a_choice("EGG"))
    assert faults(of_groups(a_group(0, 1, ham, ham))) == [
        (f"{FIRST}.modifier_groups[0].modifiers[1].id", "duplicate_id")
    ]
    assert faults(of_groups(group, group)) == [(f"{FIRST}.modifier_groups[1].id", "duplicate_id")]
    inner = replace(group, id="INNER")
    below = a_group(0, 1, a_choice("SIDE", inner, inner))
    where = f"{FIRST}.modifier_groups[0].modifiers[0].modifier_groups[1].id"
    assert faults(of_groups(below)) == [(where, "duplicate_id")]


CHOICES = (a_choice("A"), a_choice("B"), a_choice("C"))


@pytest.mark.parametrize(("least", "most"), [(0, None), (0, 0), (2, 2), (1, 3), (3, None), (0, 9)])
def test_a_group_that_can_be_chosen_from_is_fine(least: int, most: int | None) -> None:
    assert lint_menu(of_groups(a_group(least, most, *CHOICES)), LOCATION) == ()


@pytest.mark.parametrize(("least", "most"), [(-1, None), (-1, 2), (2, 1), (1, 0), (0, -1), (4, 4), (4, None)])
def test_a_group_that_nobody_can_choose_from_is_named_by_its_place(least: int, most: int | None) -> None:
    groups = (a_group(0, 1, *CHOICES), a_group(least, most, *CHOICES, group_id="H"))
    menu = a_menu(a_product("BREAD"), a_product("SOUP", 500, *groups))
    assert faults(menu) == [("$.menus[0].products[1].modifier_groups[1]", "impossible_group")]


def test_a_group_that_is_short_of_choices_today_is_a_warning() -> None:
    group = a_group(2, 2, a_choice("A"), a_choice("B", gone=True))
    assert warnings(of_groups(group)) == [(f"{FIRST}.modifier_groups[0]", "short_group")]


def test_an_empty_group_is_a_warning_until_something_must_be_chosen() -> None:
    assert warnings(of_groups(a_group(0, 1))) == [(f"{FIRST}.modifier_groups[0]", "empty_group")]
    assert faults(of_groups(a_group(1, 1))) == [(f"{FIRST}.modifier_groups[0]", "impossible_group")]


def test_a_fault_below_a_modifier_is_found_too() -> None:
    inner = a_choice("DIP", a_group(2, 1, group_id="G3"))
    outer = a_choice("SIDE", a_group(0, 1, inner, group_id="G2"))
    place = f"{FIRST}.modifier_groups[0].modifiers[0].modifier_groups[0].modifiers[0].modifier_groups[0]"
    assert faults(of_groups(a_group(0, 1, outer))) == [(place, "impossible_group")]


def test_a_combos_part_that_is_no_product_is_named() -> None:
    parts = (ComboComponent("Drink", (ProductId("COLA"), ProductId("RUM"))),)
    menu = a_menu(a_product("MEAL", components=parts, type=ProductType.COMBO), a_product("COLA"))
    assert faults(menu) == [(f"{FIRST}.components[0].product_ids[1]", "dangling_id")]


@pytest.mark.parametrize(("ids", "least", "most"), [(("COLA",), 2, 1), (("COLA",), -1, 1), ((), 1, 1)])
def test_a_combos_choice_that_nobody_can_make_is_named(ids: tuple[str, ...], least: int, most: int) -> None:
    part = ComboComponent("Drink", tuple(map(ProductId, ids)), least, most)
    menu = a_menu(a_product("MEAL", components=(part,)), a_product("COLA"))
    assert faults(menu) == [(f"{FIRST}.components[0]", "impossible_component")]


def test_a_group_that_stands_below_itself_is_a_cycle() -> None:
    inner = a_group(0, 1, a_choice("DIP"))
    within = f"{FIRST}.modifier_groups[0].modifiers[0].modifier_groups[0]"
    assert faults(of_groups(a_group(0, 1, a_choice("SIDE", inner)))) == [(within, "cycle")]


def test_groups_that_share_an_id_make_a_cycle_whatever_they_hold() -> None:
    def nested(outer: str, inner: str) -> ModifierGroup:
        return a_group(0, 1, a_choice("X", a_group(0, 1, a_choice("Y"), group_id=inner)), group_id=outer)

    three = [a_product(f"P{n}", 1, nested(*pair)) for n, pair in enumerate(("AB", "BC", "CA"))]
    assert faults(a_menu(*three[:2])) == []
    assert [code for _, code in faults(a_menu(*three))] == ["cycle"]


def test_a_long_way_down_is_no_cycle_and_is_walked_once() -> None:
    def step(n: int, to: int) -> Product:
        below = a_group(0, 1, a_choice("Y"), group_id=f"G{to}")
        return a_product(f"P{n}", 1, a_group(0, 1, a_choice("X", below), group_id=f"G{n}"))

    chain = [step(n, n + 1) for n in range(20_000)]
    assert faults(a_menu(*chain)) == []
    assert [code for _, code in faults(a_menu(*chain, step(20_000, 0)))] == ["cycle"]


def test_what_taxes_are_not_known_of_is_a_warning() -> None:
    assert warnings(a_menu(a_product(tax_category=None))) == [(f"{FIRST}.tax_category", "no_tax_category")]
    assert warnings(a_menu(a_product(tax_category="wine"))) == [(f"{FIRST}.tax_category", "unknown_tax_category")]
    assert lint_menu(replace(a_menu(a_product(tax_category="wine")), tax_rates=()), LOCATION) == ()


def a_price(cents: int, level: str | None = None, *order_types: str) -> PriceRule:
    return PriceRule(Cents(cents), PriceLevelId(level) if level else None, None, order_types)


@pytest.mark.parametrize(
    "rules",
    [
        (a_price(700, "L"), a_price(800, "L", "delivery"), a_price(600, None, "delivery"), a_price(900, "XL")),
        (a_price(700, "L", "pickup", "delivery"), a_price(700, "L", "delivery")),
        (a_price(500),),
        (a_price(500, None, "catering", "curbside"),),
    ],
)
def test_prices_that_leave_no_doubt_are_fine(rules: tuple[PriceRule, ...]) -> None:
    assert lint_menu(a_menu(a_product(prices=rules)), LOCATION) == ()


@pytest.mark.parametrize(
    "rules",
    [
        (a_price(700, "L"), a_price(701, "L")),
        (a_price(700, "L", "pickup", "delivery"), a_price(701, "L", "delivery")),
        (a_price(700, None, "dine_in"), a_price(701, None, "pickup", "dine_in")),
        (a_price(500), a_price(501)),
    ],
)
def test_two_prices_for_one_level_and_order_type_keep_the_menu_out(rules: tuple[PriceRule, ...]) -> None:
    assert faults(a_menu(a_product(prices=rules))) == [(f"{FIRST}.prices[1]", "conflicting_prices")]
    choice = replace(a_choice("HAM"), price=Cents(500), prices=rules)
    place = f"{FIRST}.modifier_groups[0].modifiers[0].prices[1]"
    assert faults(of_groups(a_group(0, 1, choice))) == [(place, "conflicting_prices")]


def test_a_price_in_no_known_way_of_ordering_is_a_warning() -> None:
    menu = a_menu(a_product(prices=(a_price(500, "L", "pickup"), a_price(600, None, "delivery", "drone"))))
    assert warnings(menu) == [(f"{FIRST}.prices[1].order_types[1]", "unknown_order_type")]


def test_a_tax_that_stands_twice_in_one_category_is_named() -> None:
    rates = (("food", (("State", "6"), ("City", "2.25"), ("State", "6.0"))), ("drink", (("State", "6"),)))
    assert faults(replace(a_menu(), tax_rates=rates)) == [("$.tax_rates['food'][2].name", "duplicate_tax")]


def test_an_unknown_state_is_a_warning() -> None:
    menu = replace(a_menu(), unknown_states=(f"{FIRST}.state",))
    assert warnings(menu) == [(f"{FIRST}.state", "unknown_state")]


def test_all_faults_are_told_at_once_and_errors_come_first() -> None:
    menu = a_menu(
        a_product("TEA", tax_category=None),
        a_product("SOUP", 500, a_group(2, 1)),
        a_product(cents=1),
        location_id=LocationId("LOC-2"),
    )
    found = lint_menu(menu, LOCATION)
    assert [one.code for one in found] == ["other_location", "impossible_group", "duplicate_id", "no_tax_category"]
    assert len(check_menu(menu, LOCATION)) == 3


@given(menus)
def test_any_menu_can_be_linted_and_its_findings_name_places_in_it(menu: Menu) -> None:
    found = lint_menu(menu)
    assert found == lint_menu(menu)
    assert all(one.path.startswith("$") and one.code and one.message for one in found)
    if check_menu(menu, LOCATION) == ():
        assert set(index_menu(menu, "1").product_types) == {product.id for product in menu.products()}
