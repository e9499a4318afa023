"""What is off a menu is unavailable in the documents that channels read, as if its POS had said so; all else stays."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, NOW, VENUE, a_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu
from heard.domain.order_types import OrderType
from heard.protocols.link.menus import MenuFacts, encode_menu
from heard.protocols.ordering.menus import MenuView, OrderingMenuFacts, encode_menus
from menu_builders import menus, without

IDS = st.sets(st.sampled_from(["P1", "P2", "P3", "HAM", "EGG", "GHOST"]))


def link_document(menu: Menu, *off: str) -> Any:
    return json.loads(encode_menu(menu, MenuFacts(VENUE, "v1", "USD", NOW, frozenset(off))))


def ordering_facts(*off: str, version: str = "v1") -> OrderingMenuFacts:
    return OrderingMenuFacts(version, (OrderType.TAKEOUT,), (), MenuView.NESTED, frozenset(off))


def states(document: Any) -> set[tuple[str, str]]:
    """Every item and every choice with its state."""
    choices = [one for group in document["modifier_groups"] for one in group["modifiers"]]
    return {(one["id"], one["state"]) for one in (*document["items"], *choices)}


def test_items_and_choices_that_are_off_are_unavailable_to_marketplaces() -> None:
    before, after = link_document(a_menu()), link_document(a_menu(), "FRIES", "CHEESE")
    assert {state for _, state in states(before)} == {"available"}
    assert states(after) - states(before) == {("FRIES", "unavailable"), ("CHEESE", "unavailable")}
    assert (before["version"], after["version"].startswith("v1-")) == ("v1", True)
    as_before = json.loads(json.dumps(after).replace('"unavailable"', '"available"'))
    assert {**as_before, "version": "v1"} == before


@given(menus, IDS)
def test_a_marketplace_reads_of_what_is_off_what_it_reads_of_the_unavailable(menu: Menu, ids: set[str]) -> None:
    if not check_menu(menu, LOCATION):
        assert states(link_document(menu, *ids)) == states(link_document(without(menu, ids)))


@given(menus, IDS)
def test_an_application_reads_of_what_is_off_what_it_reads_of_the_unavailable(menu: Menu, ids: set[str]) -> None:
    if not check_menu(menu, LOCATION):
        assert encode_menus(menu, ordering_facts(*ids)) == encode_menus(without(menu, ids), ordering_facts())


def test_a_documents_tag_changes_with_what_is_off_and_comes_back_with_it() -> None:
    plain = ordering_facts().tag
    assert plain == ordering_facts().tag
    assert len({plain, ordering_facts("FRIES").tag, ordering_facts("COLA").tag, ordering_facts("A", "B").tag}) == 4
    assert MenuFacts(VENUE, "v1", "USD", NOW).tag == "v1"
    assert MenuFacts(VENUE, "v1", "USD", NOW, frozenset({"A"})).tag == link_document(a_menu(), "A")["version"]
