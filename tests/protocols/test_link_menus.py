"""A menu as marketplaces get it: every thing once, references that hold, ids that never mix two things."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from builders import LOCATION, NOW, VENUE, a_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Availability, Menu, Product
from heard.protocols.link.menus import MenuFacts, encode_menu
from menu_builders import menus, without_rules
from menu_documents import a_full_menu, combo, component, group, modifier, product

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link" / "menus"
FACTS = MenuFacts(VENUE, "4f1c2ab97d3e6085", "USD", NOW)


def document(menu: Menu) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_menu(menu, FACTS))
    return found


def groups_of(menu: Menu) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in document(menu)["modifier_groups"]}


def item(menu: Menu, item_id: str) -> dict[str, Any]:
    [found] = [one for one in document(menu)["items"] if one["id"] == item_id]
    return found


def test_a_menu_is_written_as_it_was_agreed() -> None:
    assert encode_menu(a_full_menu(), FACTS) + b"\n" == (GOLDEN / "menu.json").read_bytes()


def test_sections_are_categories_and_an_item_in_two_of_them_is_one_item() -> None:
    told = document(a_full_menu())
    assert [(one["id"], one["item_ids"]) for one in told["categories"]] == [
        ("FOOD", ["BURGER", "FRIES"]),
        ("DRINKS", ["COLA", "WATER"]),
        ("MEALS", ["MEAL", "BURGER"]),
    ]
    assert [one["id"] for one in told["items"]] == ["BURGER", "FRIES", "COLA", "WATER", "MEAL"]


def test_a_group_that_stands_at_several_items_is_one_group() -> None:
    menu = a_full_menu()
    assert item(menu, "BURGER")["modifier_group_ids"] == ["SIZE", "EXTRAS"]
    assert item(menu, "FRIES")["modifier_group_ids"] == ["EXTRAS"]


def test_two_groups_of_one_id_that_differ_are_two_groups() -> None:
    menu = a_full_menu()
    [cups] = item(menu, "COLA")["modifier_group_ids"]
    assert cups.startswith("SIZE~")
    groups = groups_of(menu)
    assert [one["id"] for one in groups["SIZE"]["modifiers"]] == ["SINGLE", "DOUBLE"]
    assert [one["id"] for one in groups[cups]["modifiers"]] == ["SMALL", "LARGE"]


def test_the_id_of_such_a_group_stays_while_its_content_does() -> None:
    menu = a_full_menu()
    food, drinks, meals = menu.sections
    other = replace(menu, sections=(replace(food, products=(*food.products, product("SOUP", 500))), drinks, meals))
    assert item(other, "COLA")["modifier_group_ids"] == item(menu, "COLA")["modifier_group_ids"]


def test_a_combos_parts_are_groups_of_choices_that_cost_nothing_and_have_no_choices_of_their_own() -> None:
    menu = a_full_menu()
    assert item(menu, "MEAL")["modifier_group_ids"] == ["MEAL~1", "MEAL~2"]
    groups = groups_of(menu)
    [burger] = groups["MEAL~1"]["modifiers"]
    assert burger == {"id": "BURGER", "name": "Burger", "price": 0, "state": "available"}
    drinks = groups["MEAL~2"]
    assert (drinks["name"], drinks["min_selected"], drinks["max_selected"]) == ("Drink", 1, 1)
    assert [(one["id"], one["state"]) for one in drinks["modifiers"]] == [
        ("COLA", "available"),
        ("WATER", "unavailable"),
    ]


def test_a_combos_group_never_takes_the_id_of_a_group_of_the_poss() -> None:
    taken = product("SOUP", 500, group("MEAL~1", modifier("SALT")))
    menu = a_menu(taken, combo("MEAL", 900, component("Soup", "SOUP")))
    assert item(menu, "SOUP")["modifier_group_ids"] == ["MEAL~1"]
    assert item(menu, "MEAL")["modifier_group_ids"] == ["MEAL~1~"]


@pytest.mark.parametrize("state", [state for state in Availability if state is not Availability.AVAILABLE])
def test_what_cannot_be_had_in_one_place_cannot_be_had_in_any(state: Availability) -> None:
    gone = product("SOUP", 500, group("A", modifier("HAM", state=state)), group("B", modifier("HAM")))
    groups = groups_of(a_menu(gone))
    assert groups["A"]["modifiers"][0]["state"] == state
    assert groups["B"]["modifiers"][0]["state"] == "unavailable"


def test_a_group_without_a_bound_says_none() -> None:
    groups = groups_of(a_menu(product("SOUP", 500, group("G", modifier("HAM")))))
    assert "max_selected" not in groups["G"]


@given(menus)
def test_every_reference_leads_somewhere_and_every_id_stands_once(menu: Menu) -> None:
    if check_menu(menu, LOCATION):
        return
    told = document(menu)
    items, groups = [one["id"] for one in told["items"]], [one["id"] for one in told["modifier_groups"]]
    assert len(items) == len(set(items))
    assert len(groups) == len(set(groups))
    assert set(items) == {one.id for one in menu.products()}
    assert {name for one in told["categories"] for name in one["item_ids"]} == set(items)
    referred = [name for one in told["items"] for name in one.get("modifier_group_ids", ())]
    referred += [
        name
        for one in told["modifier_groups"]
        for choice in one["modifiers"]
        for name in choice.get("modifier_group_ids", ())
    ]
    assert set(referred) == set(groups)


@given(menus)
def test_marketplaces_see_nothing_of_price_rules(menu: Menu) -> None:
    if not check_menu(menu, LOCATION):
        assert encode_menu(menu, FACTS) == encode_menu(without_rules(menu), FACTS)


@given(menus)
def test_an_items_groups_are_what_the_pos_said_of_it(menu: Menu) -> None:
    """Followed by their references, the groups have the same bounds and choices as those of the product."""
    if check_menu(menu, LOCATION):
        return
    told = document(menu)
    groups = {one["id"]: one for one in told["modifier_groups"]}
    first: dict[str, Product] = {}
    for one in menu.products():
        first.setdefault(one.id, one)
    for written in told["items"]:
        source = first[written["id"]]
        named = written.get("modifier_group_ids", [])[: len(source.groups)]
        for name, expected in zip(named, source.groups, strict=True):
            found = groups[name]
            assert (found["min_selected"], found.get("max_selected")) == (expected.min_selected, expected.max_selected)
            assert [(one["id"], one["price"]) for one in found["modifiers"]] == [
                (one.id, one.price) for one in expected.modifiers
            ]
