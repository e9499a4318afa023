"""How many choices an order makes and at what prices, held against the menu: every place that is wrong is told."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, VENUE, a_content, a_line, a_menu
from heard.domain.ids import ExternalOrderId, ModifierId, ProductId
from heard.domain.menu.index import Held, PriceDifference, hold_against, index_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Availability, Menu
from heard.domain.money import Cents
from heard.domain.order.content import Line, LineModifier
from heard.sandbox.demo import demo_menu
from heard.sandbox.orders import random_order
from menu_builders import menus
from menu_documents import a_full_menu, combo, component, group, modifier, product

SINGLE, CHEESE = ("SINGLE", 0), ("CHEESE", 150)


def chosen(modifier_id: str, cents: int = 0, *below: LineModifier, quantity: int = 1) -> LineModifier:
    return LineModifier(ModifierId(modifier_id), modifier_id, quantity, Cents(cents), below)


def ordered(product_id: str, cents: int, *modifiers: LineModifier) -> Line:
    return a_line(product_id=ProductId(product_id), name=product_id, unit_price=Cents(cents), modifiers=modifiers)


def held(menu: Menu, *lines: Line) -> Held:
    assert check_menu(menu, LOCATION) == ()
    return hold_against(a_content("X-1", *lines), index_menu(menu, "v1"))


def faults(menu: Menu, *lines: Line) -> list[tuple[str, str]]:
    return [(fault.path, fault.code) for fault in held(menu, *lines).faults]


def test_an_order_within_every_bound_can_be_served() -> None:
    bacon = chosen("BACON", 200, chosen("CRISPY"))
    whole = ordered("BURGER", 999, chosen("DOUBLE", 300), chosen("CHEESE", 150), bacon)
    plain = ordered("FRIES", 349)
    assert held(a_full_menu(), whole, plain) == Held((), ())


def test_too_few_and_too_many_choices_are_told_by_their_place() -> None:
    menu = a_full_menu()
    place = "$.items[0].modifiers"
    assert faults(menu, ordered("BURGER", 999)) == [(place, "too_few_choices")]
    both = ordered("BURGER", 999, chosen(*SINGLE), chosen("DOUBLE", 300))
    assert faults(menu, both) == [(place, "too_many_choices")]
    much = ordered("BURGER", 999, chosen(*SINGLE), chosen(*CHEESE), chosen("CHEESE", 150, quantity=2))
    assert faults(menu, much) == [(place, "too_many_choices")]
    assert "'Extras' at most 2 may be chosen, not 3" in held(menu, much).faults[0].message


def test_a_quantity_counts_as_so_many_choices() -> None:
    menu = a_menu(product("PIE", 900, group("SIDES", modifier("SALAD"), modifier("SLAW"), least=2, most=2)))
    assert faults(menu, ordered("PIE", 900, chosen("SALAD", quantity=2))) == []
    assert faults(menu, ordered("PIE", 900, chosen("SALAD"))) == [("$.items[0].modifiers", "too_few_choices")]
    three = ordered("PIE", 900, chosen("SALAD", quantity=3))
    assert faults(menu, three) == [("$.items[0].modifiers", "too_many_choices")]


def test_the_choices_of_a_choice_have_their_own_bounds() -> None:
    menu = a_full_menu()
    bare = ordered("BURGER", 999, chosen(*SINGLE), chosen("BACON", 200))
    assert faults(menu, bare) == [("$.items[0].modifiers[1].modifiers", "too_few_choices")]
    both = chosen("BACON", 200, chosen("CRISPY"), chosen("SOFT"))
    assert faults(menu, ordered("BURGER", 999, chosen(*SINGLE), both)) == [
        ("$.items[0].modifiers[1].modifiers", "too_many_choices")
    ]


def test_a_combos_components_are_bound_and_come_as_they_are() -> None:
    menu = a_full_menu()
    burger, cola = chosen("BURGER"), chosen("COLA")
    assert held(menu, ordered("MEAL", 1399, burger, cola)) == Held((), ())
    assert faults(menu, ordered("MEAL", 1399, burger)) == [("$.items[0].modifiers", "too_few_choices")]
    assert faults(menu, ordered("MEAL", 1399, burger, cola, cola)) == [("$.items[0].modifiers", "too_many_choices")]
    with_cheese = ordered("MEAL", 1399, chosen("BURGER", 0, chosen("CHEESE", 150)), cola)
    assert faults(menu, with_cheese) == [("$.items[0].modifiers[0].modifiers[0].modifier_id", "unknown_modifier")]


def test_a_component_is_paid_with_the_combo() -> None:
    menu = a_menu(product("SOUP", 500), combo("MEAL", 900, component("Soup", "SOUP")))
    assert held(menu, ordered("MEAL", 900, chosen("SOUP", 500))).differences == (
        PriceDifference("$.items[0].modifiers[0].unit_price", Cents(0), Cents(500)),
    )


def test_every_price_that_is_not_the_menus_is_told_by_its_place() -> None:
    line = ordered("BURGER", 899, chosen("DOUBLE", 301), chosen("BACON", 200, chosen("CRISPY", 1)))
    found = held(a_full_menu(), ordered("FRIES", 349), line)
    assert found.faults == ()
    assert found.differences == (
        PriceDifference("$.items[1].unit_price", Cents(999), Cents(899)),
        PriceDifference("$.items[1].modifiers[0].unit_price", Cents(300), Cents(301)),
        PriceDifference("$.items[1].modifiers[1].modifiers[0].unit_price", Cents(0), Cents(1)),
    )


def test_a_choice_that_stands_in_two_groups_counts_where_it_is_right() -> None:
    left, right = group("LEFT", modifier("HAM"), least=1, most=1), group("RIGHT", modifier("HAM", 50), least=1, most=1)
    menu = a_menu(product("PIZZA", 900, left, right))
    assert held(menu, ordered("PIZZA", 900, chosen("HAM"), chosen("HAM", 50))) == Held((), ())
    assert held(menu, ordered("PIZZA", 900, chosen("HAM", quantity=2))) == Held((), ())
    assert faults(menu, ordered("PIZZA", 900, chosen("HAM"))) == [("$.items[0].modifiers", "too_few_choices")]
    three = ordered("PIZZA", 900, chosen("HAM", quantity=3))
    assert faults(menu, three) == [("$.items[0].modifiers", "too_many_choices")]


def test_a_group_that_is_short_today_cannot_be_satisfied() -> None:
    dips = group("DIPS", modifier("MAYO", state="unavailable"), least=1, most=1)
    menu = a_menu(product("FRIES", 349, dips))
    assert faults(menu, ordered("FRIES", 349)) == [("$.items[0].modifiers", "too_few_choices")]
    assert faults(menu, ordered("FRIES", 349, chosen("MAYO"))) == [("$.items[0].modifiers[0].modifier_id", "sold_out")]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_demo_orders_is_within_its_menu(seed: int) -> None:
    chance, menu = random.Random(seed), demo_menu()
    index = index_menu(menu, "v1")
    for number in range(50):
        content = random_order(menu, VENUE, ExternalOrderId(f"X-{number}"), datetime(2026, 1, 1, tzinfo=UTC), chance)
        assert hold_against(content, index) == Held((), ())


@given(menus, st.randoms(use_true_random=False))
def test_every_price_that_an_order_changes_is_told_and_no_other(menu: Menu, chance: random.Random) -> None:
    good = [one for one in menu.products() if one.availability is Availability.AVAILABLE and not one.components]
    if check_menu(menu, LOCATION) or not good:
        return
    index = index_menu(menu, "v1")
    picked = [chance.choice(good) for _ in range(3)]
    off = [chance.randint(0, 1) for _ in picked]
    lines = [ordered(one.id, one.price + more) for one, more in zip(picked, off, strict=True)]
    content = replace(a_content("X-1"), lines=tuple(lines))
    told = [one.path for one in hold_against(content, index).differences]
    assert told == [f"$.items[{place}].unit_price" for place, more in enumerate(off) if more]
