"""Menus for tests of what marketplaces get: groups that repeat, groups that only share an id, combos."""

from dataclasses import replace

from builders import a_menu
from heard.domain.ids import ModifierId, ProductId
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


def modifier(modifier_id: str, cents: int = 0, *groups: ModifierGroup, state: str = "available") -> Modifier:
    return Modifier(ModifierId(modifier_id), modifier_id.title(), Cents(cents), Availability(state), groups)


def group(group_id: str, *modifiers: Modifier, least: int = 0, most: int | None = None) -> ModifierGroup:
    return ModifierGroup(group_id, group_id.title(), modifiers, least, most)


def product(product_id: str, cents: int, *groups: ModifierGroup, state: str = "available") -> Product:
    name = product_id.title()
    return Product(ProductId(product_id), name, Cents(cents), Availability(state), tax_category="food", groups=groups)


def combo(product_id: str, cents: int, *components: ComboComponent) -> Product:
    return replace(product(product_id, cents), type=ProductType.COMBO, components=components)


def component(name: str, *product_ids: str, least: int = 1, most: int = 1) -> ComboComponent:
    return ComboComponent(name, tuple(ProductId(one) for one in product_ids), least, most)


def a_full_menu() -> Menu:
    """A burger with a size and extras, whose bacon has a choice of its own; fries; drinks; a meal of them."""
    crispy = group("CRISP", modifier("CRISPY"), modifier("SOFT"), least=1, most=1)
    extras = group("EXTRAS", modifier("CHEESE", 150), modifier("BACON", 200, crispy), most=2)
    sizes = group("SIZE", modifier("SINGLE"), modifier("DOUBLE", 300), least=1, most=1)
    cups = group("SIZE", modifier("SMALL"), modifier("LARGE", 80), least=1, most=1)
    burger, fries = product("BURGER", 999, sizes, extras), product("FRIES", 349, extras)
    cola, water = product("COLA", 250, cups), product("WATER", 200, state="unavailable")
    meal = combo("MEAL", 1399, component("Burger", "BURGER"), component("Drink", "COLA", "WATER"))
    menu = a_menu()
    return replace(
        menu,
        sections=(
            MenuSection("FOOD", "Food", (burger, fries)),
            MenuSection("DRINKS", "Drinks", (cola, water)),
            MenuSection("MEALS", "Meals", (meal, burger)),
        ),
    )
