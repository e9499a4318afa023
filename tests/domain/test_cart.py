"""A cart is filled from a menu: exact prices and taxes, or every place that is wrong by its path, never half of it."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import LOCATION, a_content, a_menu
from heard import limits
from heard.domain.cart import Filled, WantedCart, WantedCombo, WantedItem, WantedModifier, fill
from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu.index import Held, hold_against, index_menu
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import ComboComponent, Menu, ModifierGroup, PriceRule, ProductType
from heard.domain.menu.price_book import book_of
from heard.domain.money import Cents, currency
from heard.domain.order.content import LineModifier
from heard.domain.order_types import OrderType
from heard.domain.pricing.cart import CartComponent, CartModifier, PricingRules, TaxRate
from heard.domain.pricing.price import price
from menu_builders import without_rules
from menu_documents import a_full_menu, combo, component, group, modifier, product

USD = currency("USD")
FOOD = (TaxRate("food", 82_500),)


def chosen(modifier_id: str, *below: WantedModifier, quantity: int = 1, level: str | None = None) -> WantedModifier:
    return WantedModifier(ModifierId(modifier_id), quantity, below, PriceLevelId(level) if level else None)


def item(product_id: str, *modifiers: WantedModifier, quantity: int = 1, level: str | None = None) -> WantedItem:
    return WantedItem(ProductId(product_id), quantity, PriceLevelId(level) if level else None, modifiers)


def meal(*items: WantedItem, product_id: str = "MEAL", quantity: int = 1, **members: Any) -> WantedCombo:
    return WantedCombo(ProductId(product_id), quantity, items=items, **members)


def wanted(*lines: WantedItem | WantedCombo, order_type: OrderType = OrderType.TAKEOUT, **members: Any) -> WantedCart:
    items = tuple(one for one in lines if isinstance(one, WantedItem))
    return WantedCart(order_type, items, tuple(one for one in lines if isinstance(one, WantedCombo)), **members)


def filled(menu: Menu, cart: WantedCart) -> Filled:
    assert check_menu(menu, LOCATION) == ()
    result = fill(cart, book_of(menu, "v1"), USD)
    assert isinstance(result, Filled), result
    return result


def faults(menu: Menu, *lines: WantedItem | WantedCombo, **members: Any) -> list[tuple[str, str]]:
    assert check_menu(menu, LOCATION) == ()
    result = fill(wanted(*lines, **members), book_of(menu, "v1"), USD)
    assert not isinstance(result, Filled)
    return [(one.path, one.code) for one in result]


# --- what is right -------------------------------------------------------------------------------------------


def test_a_cart_has_the_menus_names_prices_and_taxes() -> None:
    bacon = chosen("BACON", chosen("CRISPY"), quantity=2)
    burger = replace(item("BURGER", chosen("DOUBLE"), bacon, quantity=3), comment="No onions.")
    result = filled(a_full_menu(), wanted(burger, item("FRIES"), discount=Cents(100), tip=Cents(250)))
    first, second = result.cart.lines
    assert first == (
        "BURGER",
        "Burger",
        3,
        999,
        (
            CartModifier(ModifierId("DOUBLE"), "Double", 1, Cents(300)),
            CartModifier(
                ModifierId("BACON"),
                "Bacon",
                2,
                Cents(200),
                (CartModifier(ModifierId("CRISPY"), "Crispy", 1, Cents(0)),),
            ),
        ),
        FOOD,
        (),
    )
    assert second == ("FRIES", "Fries", 1, 349, (), FOOD, ())
    assert (result.cart.discount, result.cart.tip, result.cart.currency) == (100, 250, USD)
    assert [line.notes for line in result.lines] == ["No onions.", None]
    assert [line.subtotal for line in result.lines] == [3 * (999 + 300 + 2 * 200), 349]


def test_a_combos_parts_are_free_at_the_pos_and_carry_their_own_price_and_taxes_in_the_cart() -> None:
    wine = replace(product("WINE", 700), tax_category="wine")
    dinner = combo("DINNER", 1500, component("Main", "SOUP"), component("Drink", "WINE", least=0, most=3))
    dinner = replace(dinner, groups=(group("EXTRA", modifier("BREAD", 100)),))
    menu = replace(a_menu(product("SOUP", 500), wine, dinner), tax_rates=(("food", "8.25"), ("wine", "10")))
    cart = wanted(meal(item("SOUP"), item("WINE", quantity=2), product_id="DINNER", modifiers=(chosen("BREAD"),)))
    result = filled(menu, cart)
    (line,) = result.cart.lines
    assert (line.unit_price, line.taxes) == (1500, ())
    assert line.components == (
        CartComponent(ProductId("SOUP"), "Soup", 1, Cents(500), FOOD),
        CartComponent(ProductId("WINE"), "Wine", 2, Cents(700), (TaxRate("wine", 100_000),)),
    )
    assert result.lines[0].modifiers == (
        LineModifier(ModifierId("SOUP"), "Soup", 1, Cents(0)),
        LineModifier(ModifierId("WINE"), "Wine", 2, Cents(0)),
        LineModifier(ModifierId("BREAD"), "Bread", 1, Cents(100)),
    )
    assert price(result.cart, PricingRules()).subtotal == 1600


def test_a_combo_of_which_nothing_must_be_chosen_is_taxed_as_it_is_itself() -> None:
    menu = a_menu(product("SOUP", 500), combo("DINNER", 1500, component("Main", "SOUP", least=0)))
    (line,) = filled(menu, wanted(meal(product_id="DINNER"))).cart.lines
    assert (line.taxes, line.components) == (FOOD, ())


def test_prices_are_those_of_the_level_and_the_order_type() -> None:
    large = PriceRule(Cents(700), PriceLevelId("L"))
    brought = PriceRule(Cents(600), None, None, ("delivery",))
    ham = replace(modifier("HAM", 50), prices=(PriceRule(Cents(80), PriceLevelId("L")),))
    soup = replace(product("SOUP", 500, group("G", ham, modifier("EGG", 30))), prices=(large, brought))
    cola = replace(product("COLA", 250), prices=(PriceRule(Cents(300), PriceLevelId("L")),))
    menu = a_menu(soup, cola, combo("MEAL", 900, component("Drink", "COLA")))

    def cents(cart: WantedCart) -> list[int]:
        (line,) = filled(menu, cart).lines
        return [line.unit_price, *(one.unit_price for one in line.modifiers)]

    both = (chosen("HAM"), chosen("EGG"))
    assert cents(wanted(item("SOUP", *both))) == [500, 50, 30]
    assert cents(wanted(item("SOUP", *both, level="L"))) == [700, 80, 30], "an egg has no levels"
    assert cents(wanted(item("SOUP", *both), order_type=OrderType.FOODSPOT)) == [600, 50, 30]
    assert cents(wanted(item("SOUP", chosen("HAM", level="L")))) == [500, 80]
    (line,) = filled(menu, wanted(meal(item("COLA", level="L")))).cart.lines
    assert line.components[0].list_price == 300


def test_a_choice_of_several_groups_costs_what_the_first_of_them_says() -> None:
    left, right = group("LEFT", modifier("HAM"), most=1), group("RIGHT", modifier("HAM", 50), most=1)
    menu = a_menu(product("PIZZA", 900, left, right))
    assert filled(menu, wanted(item("PIZZA", chosen("HAM", quantity=2)))).lines[0].subtotal == 900


# --- what is wrong -------------------------------------------------------------------------------------------

BURGER, COLA = item("BURGER"), item("COLA")
GOOD = item("BURGER", chosen("SINGLE"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), [("$.menu_items", "empty")]),
        ((GOOD, item("PIZZA")), [("$.menu_items[1].id", "unknown_item")]),
        ((meal(product_id="PIZZA"),), [("$.combo_meals[0].id", "unknown_item")]),
        ((item("WATER"),), [("$.menu_items[0].id", "sold_out")]),
        ((item("MEAL"),), [("$.menu_items[0].id", "is_combo")]),
        ((meal(product_id="FRIES"),), [("$.combo_meals[0].id", "no_combo")]),
        ((BURGER,), [("$.menu_items[0].modifiers", "too_few_choices")]),
        (
            (item("BURGER", chosen("SINGLE"), chosen("DOUBLE")),),
            [("$.menu_items[0].modifiers", "too_many_choices")],
        ),
        (
            (item("FRIES", chosen("CHEESE"), chosen("KETCHUP")),),
            [("$.menu_items[0].modifiers[1].id", "unknown_modifier")],
        ),
        (
            (GOOD, item("FRIES", chosen("BACON", chosen("CRISPY"), chosen("SALT")))),
            [("$.menu_items[1].modifiers[0].modifiers[1].id", "unknown_modifier")],
        ),
        ((item("FRIES", level="L"),), [("$.menu_items[0].price_level_id", "unknown_price_level")]),
        (
            (item("FRIES", chosen("CHEESE", level="L")),),
            [("$.menu_items[0].modifiers[0].price_level_id", "unknown_price_level")],
        ),
        ((meal(BURGER),), [("$.combo_meals[0].menu_items", "too_few_choices")]),
        ((meal(BURGER, COLA, COLA),), [("$.combo_meals[0].menu_items", "too_many_choices")]),
        ((meal(BURGER, item("WATER")),), [("$.combo_meals[0].menu_items[1].id", "sold_out")]),
        (
            (meal(BURGER, COLA, item("FRIES")),),
            [("$.combo_meals[0].menu_items[2].id", "unknown_modifier")],
        ),
        (
            (meal(item("BURGER", chosen("SINGLE")), COLA),),
            [("$.combo_meals[0].menu_items[0].modifiers[0].id", "unknown_modifier")],
        ),
        (
            (meal(BURGER, COLA, modifiers=(chosen("CHEESE"),)),),
            [("$.combo_meals[0].modifiers[0].id", "unknown_modifier")],
        ),
        (
            (meal(BURGER, item("COLA", level="L"), price_level_id=PriceLevelId("L")),),
            [
                ("$.combo_meals[0].price_level_id", "unknown_price_level"),
                ("$.combo_meals[0].menu_items[1].price_level_id", "unknown_price_level"),
            ],
        ),
        (
            (item("PIZZA"), item("WATER"), meal(BURGER)),
            [
                ("$.menu_items[0].id", "unknown_item"),
                ("$.menu_items[1].id", "sold_out"),
                ("$.combo_meals[0].menu_items", "too_few_choices"),
            ],
        ),
    ],
)
def test_every_place_that_is_wrong_is_told(
    lines: tuple[WantedItem | WantedCombo, ...], expected: list[tuple[str, str]]
) -> None:
    menu = a_full_menu()
    drinks = menu.sections[1]
    cola = replace(drinks.products[0], groups=())
    menu = replace(
        menu, sections=(menu.sections[0], replace(drinks, products=(cola, *drinks.products[1:])), menu.sections[2])
    )
    assert faults(menu, *lines) == expected


@pytest.mark.parametrize("quantity", [0, -1, limits.CART_QUANTITY_MAX + 1, 10_000])
def test_so_many_cannot_be_ordered_of_anything(quantity: int) -> None:
    menu = a_menu(
        product("SOUP", 1, group("G", modifier("HAM"))),
        combo("MEAL", 1, ComboComponent("M", (ProductId("SOUP"),), 0, 9)),
    )
    lines: list[tuple[WantedItem | WantedCombo, str]] = [
        (item("SOUP", quantity=quantity), "$.menu_items[0].quantity"),
        (item("SOUP", chosen("HAM", quantity=quantity)), "$.menu_items[0].modifiers[0].quantity"),
        (meal(quantity=quantity), "$.combo_meals[0].quantity"),
        (meal(item("SOUP", quantity=quantity)), "$.combo_meals[0].menu_items[0].quantity"),
    ]
    for line, path in lines:
        assert (path, "out_of_range") in faults(menu, line)
    assert filled(menu, wanted(item("SOUP", quantity=limits.CART_QUANTITY_MAX))).lines[0].quantity == 9_999


def test_a_cart_that_no_guest_could_pay_is_refused() -> None:
    menu = a_menu(product("GOLD", 10**9))
    assert faults(menu, item("GOLD", quantity=101)) == [("$", "too_much")]
    assert filled(menu, wanted(item("GOLD", quantity=100))).lines[0].subtotal == 10**11


# --- any menu, any cart --------------------------------------------------------------------------------------


def _any_rules(chance: random.Random) -> tuple[PriceRule, ...]:
    ways = [(level, word) for level in (None, "S", "L") for word in (None, "pickup", "delivery") if level or word]
    return tuple(
        PriceRule(Cents(chance.randint(0, 2000)), PriceLevelId(level) if level else None, None, (word,) if word else ())
        for level, word in chance.sample(ways, chance.randint(0, 3))
    )


def _any_groups(chance: random.Random, depth: int) -> tuple[ModifierGroup, ...]:
    groups = []
    for number in range(chance.randint(0, 2)):
        choices = tuple(
            replace(
                modifier(
                    f"M{depth}{number}{place}", chance.randint(0, 500), *_any_groups(chance, depth - 1) if depth else ()
                ),
                prices=_any_rules(chance),
            )
            for place in range(chance.randint(1, 3))
        )
        least = chance.randint(0, len(choices))
        most = chance.choice([None, chance.randint(least, len(choices) + 1)])
        groups.append(group(f"G{depth}{number}", *choices, least=least, most=most))
    return tuple(groups)


def _any_menu(chance: random.Random) -> Menu:
    """A menu that orders can be taken on: items, and combos of them."""
    kinds = ["food", "wine", None]
    items = [
        replace(
            product(f"P{n}", chance.randint(0, 3000), *_any_groups(chance, 1)),
            prices=_any_rules(chance),
            tax_category=chance.choice(kinds),
        )
        for n in range(3)
    ]
    combos = []
    for n in range(2):
        parts = []
        for place in range(chance.randint(0, 2)):
            ids = [one.id for one in chance.sample(items, chance.randint(1, 3))]
            least = chance.randint(0, 2)
            parts.append(component(f"Part {place}", *ids, least=least, most=least + chance.randint(0, 1)))
        made = replace(combo(f"C{n}", chance.randint(0, 5000), *parts), groups=_any_groups(chance, 0))
        combos.append(replace(made, prices=_any_rules(chance), tax_category=chance.choice(kinds)))
    rates = (("food", "8.25"), ("wine", (("State", "6"), ("City", "2.2500"))))
    return replace(a_menu(*items, *combos), tax_rates=rates)


def _any_choices(groups: tuple[ModifierGroup, ...], chance: random.Random) -> Iterator[WantedModifier]:
    for one in groups:
        most = len(one.modifiers) if one.max_selected is None else min(one.max_selected, len(one.modifiers))
        for picked in chance.sample(one.modifiers, chance.randint(one.min_selected, most)):
            yield WantedModifier(picked.id, 1, tuple(_any_choices(picked.groups, chance)))


def _any_cart(menu: Menu, chance: random.Random) -> WantedCart:
    items: list[WantedItem] = []
    combos: list[WantedCombo] = []
    for one in chance.choices(list(menu.products()), k=3):
        known = [None, *(rule.price_level_id for rule in one.prices)]
        level, count = chance.choice(known), chance.randint(1, 3)
        modifiers = tuple(_any_choices(one.groups, chance))
        if one.type is ProductType.COMBO:
            parts = [
                WantedItem(chance.choice(part.product_ids))
                for part in one.components
                for _ in range(chance.randint(part.min_selected, part.max_selected))
            ]
            combos.append(WantedCombo(one.id, count, level, tuple(parts), modifiers))
        else:
            items.append(WantedItem(one.id, count, level, modifiers))
    return WantedCart(chance.choice(list(OrderType)), tuple(items), tuple(combos))


_chances = st.integers(0, 2**32).map(random.Random)


@given(_chances, st.sampled_from([PricingRules(), PricingRules(inclusive=True)]))
def test_whatever_is_filled_costs_the_same_in_the_cart_and_at_the_pos(
    chance: random.Random, rules: PricingRules
) -> None:
    menu = _any_menu(chance)
    cart = _any_cart(menu, chance)
    result = filled(menu, cart)
    priced = price(result.cart, rules)
    assert [line.subtotal for line in result.lines] == [line.subtotal for line in priced.lines]
    assert [line.product_id for line in result.lines] == [one.id for one in (*cart.items, *cart.combos)]
    assert [line.quantity for line in result.lines] == [one.quantity for one in (*cart.items, *cart.combos)]


@given(_chances)
def test_what_a_cart_costs_at_plain_prices_its_lines_cost_when_held_against_the_menu(chance: random.Random) -> None:
    """Both ways of ordering see one menu: what is filled without price rules, Link would take at the same prices."""
    menu = without_rules(_any_menu(chance))
    result = filled(menu, _any_cart(menu, chance))
    held = hold_against(a_content("X-1", *result.lines), index_menu(menu, "v1"))
    assert held == Held((), ())


@given(_chances, st.data())
def test_an_id_that_is_not_on_the_menu_is_named_wherever_it_stands(chance: random.Random, data: st.DataObject) -> None:
    menu = _any_menu(chance)
    cart = _any_cart(menu, chance)
    path, wrong = data.draw(st.sampled_from(list(_with_a_stranger(cart))))
    result = fill(wrong, book_of(menu, "v1"), USD)
    assert not isinstance(result, Filled)
    assert path in [one.path for one in result]


def _with_a_stranger(cart: WantedCart) -> Iterator[tuple[str, WantedCart]]:
    """The cart with one id that nobody knows, for each place of one, and where it stands."""
    for place, one in enumerate(cart.items):
        for path, changed in _strange(one):
            items = (*cart.items[:place], changed, *cart.items[place + 1 :])
            yield f"$.menu_items[{place}]{path}", replace(cart, items=items)
    for place, meal_ in enumerate(cart.combos):
        for path, other in _strange(meal_):
            combos = (*cart.combos[:place], other, *cart.combos[place + 1 :])
            yield f"$.combo_meals[{place}]{path}", replace(cart, combos=combos)


def _strange(one: Any) -> Iterator[tuple[str, Any]]:
    name = "modifier_id" if isinstance(one, WantedModifier) else "id"
    yield ".id", replace(one, **{name: "NOBODY"})
    for name, member in (("menu_items", "items"), ("modifiers", "modifiers")):
        below = getattr(one, member, ())
        for place, inner in enumerate(below):
            for path, changed in _strange(inner):
                whole = (*below[:place], changed, *below[place + 1 :])
                yield f".{name}[{place}]{path}", replace(one, **{member: whole})
