"""A diff of two menus tells every difference, each once, and nothing of two that are the same."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import a_menu
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.diff import Change, ChangeKind, Entity, diff_menus
from heard.domain.menu.model import (
    Availability,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from lengths import examples
from menu_builders import menus, repriced

BURGER, FRIES, COLA = a_menu().sections[0].products


def changed(**changes: object) -> tuple[Change, ...]:
    """What a change of the burger's members is told as."""
    return diff_menus(a_menu(), a_menu(replace(BURGER, **changes), FRIES, COLA))


def told(change: Change) -> tuple[str, str, str, str, object, object]:
    return change.kind, change.entity, change.id, change.member, change.before, change.after


@given(menus)
def test_a_menu_does_not_differ_from_itself(menu: Menu) -> None:
    assert diff_menus(menu, menu) == ()
    assert diff_menus(menu, replace(menu, version="another", unknown_states=("$.x",))) == ()


@given(menus, menus)
@settings(max_examples=examples(200))
def test_two_menus_differ_exactly_when_something_is_told(one: Menu, other: Menu) -> None:
    same = replace(one, version=None) == replace(other, version=None)
    assert (diff_menus(one, other) == ()) is same


@given(menus, menus)
def test_a_diff_depends_on_the_two_menus_alone_and_tells_nothing_twice(one: Menu, other: Menu) -> None:
    changes = diff_menus(one, other)
    assert changes == diff_menus(one, other)
    keys = [(change.kind, change.entity, change.id, change.member, change.before, change.after) for change in changes]
    assert len(keys) == len(set(keys))


@given(st.integers(0, 10**9).filter(lambda cents: cents != BURGER.price))
def test_a_changed_price_is_one_entry(cents: int) -> None:
    section = a_menu().sections[0]
    twice = replace(a_menu(), sections=(section, replace(section, id="M2")))
    for menu, places in ((a_menu(), 1), (twice, 2)):
        (change,) = diff_menus(menu, repriced(menu, "BURGER", cents))
        assert told(change) == ("price", "product", "BURGER", "price", 999, cents)
        assert (change.name, change.within, change.places) == ("Burger", ("M1",), places)


def test_a_modifiers_price_is_one_entry_wherever_it_stands() -> None:
    def menu(cents: int) -> Menu:
        group = ModifierGroup("DIPS", "Dips", (Modifier(ModifierId("MAYO"), "Mayo", Cents(cents)),))
        return a_menu(replace(BURGER, groups=(group,)), replace(FRIES, groups=(group,)))

    (change,) = diff_menus(menu(50), menu(60))
    assert told(change) == ("price", "modifier", "MAYO", "price", 50, 60)
    assert (change.within, change.places) == (("M1", "BURGER", "DIPS"), 2)


def test_what_came_and_went_is_told_with_its_price() -> None:
    changes = diff_menus(a_menu(BURGER, FRIES), a_menu(BURGER, COLA))
    assert [told(change) for change in changes] == [
        ("removed", "product", "FRIES", "", 349, None),
        ("added", "product", "COLA", "", None, 250),
    ]


def test_what_can_no_longer_be_had_is_a_change_of_availability() -> None:
    (change,) = changed(availability=Availability.UNAVAILABLE)
    assert told(change) == ("availability", "product", "BURGER", "availability", "available", "unavailable")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "Cheeseburger"),
        ("tax_category", "drink"),
        ("type", ProductType.COMBO),
        ("description", "with onions"),
        ("categories", ("hot",)),
        ("image_url", "https://img.example/1.jpg"),
    ],
)
def test_other_members_are_changes_of_structure(member: str, value: object) -> None:
    (change,) = changed(**{member: value})
    assert (change.kind, change.id, change.member, change.after) == (ChangeKind.STRUCTURE, "BURGER", member, value)


def test_a_group_and_a_modifier_are_told_by_their_own_ids() -> None:
    (extras,) = BURGER.groups
    ham = Modifier(ModifierId("HAM"), "Ham", Cents(200))
    (bound,) = changed(groups=(replace(extras, max_selected=1),))
    assert told(bound) == ("structure", "group", "EXTRAS", "max_selected", None, 1)
    (added,) = changed(groups=(replace(extras, modifiers=(*extras.modifiers, ham)),))
    assert told(added) == ("added", "modifier", "HAM", "", None, 200)
    assert added.within == ("M1", "BURGER", "EXTRAS")
    (gone,) = changed(groups=())
    assert told(gone) == ("removed", "group", "EXTRAS", "", "Extras", None)


def test_a_move_to_another_section_is_no_loss() -> None:
    lunch, dinner = MenuSection("L", "Lunch", (BURGER, FRIES)), MenuSection("D", "Dinner", (COLA,))
    before = replace(a_menu(), sections=(lunch, dinner))
    after = replace(a_menu(), sections=(replace(lunch, products=(BURGER,)), replace(dinner, products=(COLA, FRIES))))
    (change,) = diff_menus(before, after)
    assert told(change) == ("structure", "product", "FRIES", "section", "L", "D")


def test_another_order_is_told_once() -> None:
    (change,) = diff_menus(a_menu(BURGER, FRIES, COLA), a_menu(COLA, BURGER, FRIES))
    assert told(change) == (
        "structure",
        "section",
        "M1",
        "order",
        ("BURGER", "FRIES", "COLA"),
        ("COLA", "BURGER", "FRIES"),
    )


def test_taxes_are_the_menus_own() -> None:
    (change,) = diff_menus(a_menu(), replace(a_menu(), tax_rates=(("food", "9"),)))
    assert (change.entity, change.member, change.after) == (Entity.MENU, "tax_rates", ("food 9",))


def test_a_long_menu_is_compared_without_looking_into_what_is_the_same() -> None:
    products = tuple(Product(ProductId(f"P{n}"), f"P{n}", Cents(n), Availability.AVAILABLE) for n in range(20_000))
    other = (*products[:9_999], replace(products[9_999], price=Cents(1)), *products[10_000:])
    (change,) = diff_menus(a_menu(*products), a_menu(*other))
    assert told(change) == ("price", "product", "P9999", "price", 9_999, 1)


def test_a_changed_price_rule_is_a_change_of_price() -> None:
    large = PriceRule(Cents(1299), PriceLevelId("L"), "Large", ("delivery",))
    (change,) = changed(prices=(large,))
    assert told(change) == ("price", "product", "BURGER", "prices", (), ("1299 at 'L' ('Large') for 'delivery'",))
    (extras,) = BURGER.groups
    cheese = replace(extras.modifiers[0], prices=(PriceRule(Cents(200), order_types=("pickup",)),))
    (change,) = changed(groups=(replace(extras, modifiers=(cheese,)),))
    assert (change.kind, change.entity, change.id, change.member) == ("price", "modifier", "CHEESE", "prices")


def test_a_rate_that_is_split_is_a_change_of_taxes() -> None:
    split = (("food", (("State", "6"), ("City", "2.25"))),)
    (change,) = diff_menus(a_menu(), replace(a_menu(), tax_rates=split))
    assert (change.before, change.after) == (("food 8.25",), ("food [('State', '6'), ('City', '2.25')]",))
