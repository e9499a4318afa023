"""What carts are filled from: names, prices by level and order type, taxes, choices, of everything on a menu."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, a_menu
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.index import index_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu, MenuSection, PriceRule, ProductType
from heard.domain.menu.price_book import Price, book_of, levels_of, price_at
from heard.domain.money import Cents
from heard.domain.order.content import FulfillmentType
from menu_builders import menus, price_rules
from menu_documents import a_full_menu, group, modifier, product

PICKUP, DELIVERY, DINE_IN = FulfillmentType.PICKUP, FulfillmentType.DELIVERY, FulfillmentType.DINE_IN


def a_rule(cents: int, level: str | None = None, *order_types: str) -> PriceRule:
    return PriceRule(Cents(cents), PriceLevelId(level) if level else None, None, order_types)


def price_of(*rules: PriceRule, plain: int = 500) -> Price:
    soup = replace(product("SOUP", plain), prices=rules)
    return book_of(a_menu(soup), "v1").entries[ProductId("SOUP")][1]


RULES = (a_rule(700, "L"), a_rule(800, "L", "delivery"), a_rule(600, None, "delivery", "dine_in"), a_rule(900, "XL"))


@pytest.mark.parametrize(
    ("level", "order_type", "cents"),
    [
        (None, PICKUP, 500),
        (None, DELIVERY, 600),
        (None, DINE_IN, 600),
        ("L", PICKUP, 700),
        ("L", DELIVERY, 800),
        ("L", DINE_IN, 700),
        ("XL", DELIVERY, 900),
        ("S", PICKUP, 500),
        ("S", DELIVERY, 600),
    ],
)
def test_the_most_specific_price_holds(level: str | None, order_type: FulfillmentType, cents: int) -> None:
    for rules in (RULES, RULES[::-1]):
        price = price_of(*rules)
        assert price_at(price, PriceLevelId(level) if level else None, order_type) == cents
        assert levels_of(price) == {"L", "XL"}


def test_a_rule_for_other_ways_of_ordering_is_for_nobody_here() -> None:
    price = price_of(a_rule(900, None, "curbside", "drone"), a_rule(500))
    assert {price_at(price, None, one) for one in FulfillmentType} == {500}
    assert levels_of(price) == set()


@given(price_rules, st.sampled_from([None, "S", "L"]), st.sampled_from(FulfillmentType))
def test_a_price_is_the_plain_one_or_one_of_a_rule_that_fits(
    rules: tuple[PriceRule, ...], level: str | None, order_type: FulfillmentType
) -> None:
    fitting = {
        rule.price
        for rule in rules
        if rule.price_level_id in (None, level) and (not rule.order_types or order_type in rule.order_types)
    }
    found = price_at(price_of(*rules, plain=9), PriceLevelId(level) if level else None, order_type)
    assert found in fitting | {9}


def test_taxes_are_those_of_the_category_and_none_where_there_is_none() -> None:
    rates = (("food", "8.25"), ("wine", (("State", "6"), ("City", "2.25"))))
    kinds = {"SOUP": "food", "WINE": "wine", "TEA": None, "SALT": "spice"}
    products = [replace(product(name, 500), tax_category=category) for name, category in kinds.items()]
    book = book_of(replace(a_menu(*products), tax_rates=rates), "v1")
    assert {name: book.taxes_of(ProductId(name)) for name in kinds} == {
        "SOUP": (("food", 82_500),),
        "WINE": (("State", 60_000), ("City", 22_500)),
        "TEA": (),
        "SALT": (),
    }


def test_what_stands_in_several_places_is_one_thing() -> None:
    soup, gone = product("SOUP", 500), replace(product("SOUP", 500, state="hidden"), name="Soup of the day")
    sections = tuple(MenuSection(name, name, (one,)) for name, one in (("A", soup), ("B", gone)))
    book = book_of(replace(a_menu(), sections=sections), "v1")
    assert book.entries[ProductId("SOUP")][1][0] == "Soup"
    assert book.sold_out == {"SOUP"}


def test_a_modifier_has_its_name_and_price_where_it_stands() -> None:
    left, right = (
        group("LEFT", modifier("HAM")),
        group("RIGHT", modifier("HAM", 50, group("CUT", modifier("THIN", 10)))),
    )
    book = book_of(a_menu(product("PIZZA", 900, left, right)), "v1")
    kind, _, (first, second), components, category = book.entries[ProductId("PIZZA")]
    assert (kind, components, category) == (ProductType.ITEM, (), "food")
    assert first == ("Left", 0, None, (("HAM", ("Ham", 0, ()), ()),))
    assert second[3][0][:2] == ("HAM", ("Ham", 50, ()))
    assert second[3][0][2] == (("Cut", 0, None, (("THIN", ("Thin", 10, ()), ()),)),)


def test_a_product_is_made_ready_when_it_is_first_ordered_and_nothing_is_kept_of_what_is_not_there() -> None:
    book, index = book_of(a_full_menu(), "v1"), index_menu(a_full_menu(), "v1")
    burger, meal = book.offered(ProductId("BURGER")), book.offered(ProductId("MEAL"))
    assert burger is not None
    assert meal is not None
    assert book.offered(ProductId("BURGER")) is burger
    assert (burger.is_combo, burger.sold_out, meal.is_combo) == (False, False, True)
    assert index.place(ProductId("BURGER")) is index.place(ProductId("BURGER"))
    assert book.offered(ProductId("NOBODY")) is None
    assert book.offered(ProductId("NOBODY")) is None
    assert book == book_of(a_full_menu(), "v1"), "what was made ready is no part of what a book says"
    assert replace(book, entries={}).offered(ProductId("BURGER")) is None, "another book has its own"


def test_a_choice_is_found_in_all_its_groups_and_what_is_below_it_is_the_firsts() -> None:
    left = group("LEFT", modifier("HAM", 0, group("CUT", modifier("THIN", 10))), least=1)
    right = group("RIGHT", modifier("HAM", 50), modifier("EGG", 30), most=2)
    offered = book_of(a_menu(product("PIZZA", 900, left, right)), "v1").offered(ProductId("PIZZA"))
    assert offered is not None
    bounds, spots = offered.choices
    assert bounds == (("Left", 1, None), ("Right", 0, 2))
    assert set(spots) == {"HAM", "EGG"}
    numbers, prices, below = spots[ModifierId("HAM")]
    assert (numbers, prices, set(below[1])) == ((0, 1), (("Ham", 0, ()), ("Ham", 50, ())), {"THIN"})
    assert spots[ModifierId("EGG")] == ((1,), (("Egg", 30, ()),), ((), {}))


@given(menus)
def test_a_book_and_an_index_are_of_the_same_things(menu: Menu) -> None:
    if check_menu(menu, LOCATION):
        return
    book, index = book_of(menu, "v1"), index_menu(menu, "v1")
    assert book.sold_out == index.sold_out
    assert {name: entry[0] for name, entry in book.entries.items()} == index.product_types
    for name, (price, groups, components) in index.offers.items():
        _, (_, plain, _), priced, parts, _ = book.entries[name]
        assert (plain, parts) == (price, components)
        assert [one[:3] for one in priced] == [one[:3] for one in groups]


def test_the_menu_of_the_tests_is_whole_in_its_book() -> None:
    assert set(book_of(a_full_menu(), "v1").entries) == {"BURGER", "FRIES", "COLA", "WATER", "MEAL"}
