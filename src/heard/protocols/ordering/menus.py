"""A venue's menus as applications read them, each thing where it hangs. Ids are the POS's own.

Our readings stand here: a section is a menu, what is hidden is not told, a combo's parts cost nothing of their own.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from heard.domain.hours import ServingTime
from heard.domain.ids import ProductId
from heard.domain.menu import model
from heard.domain.menu.model import Availability, Menu, MenuSection, PriceRule, Product, ProductType
from heard.domain.menu.off import version_shown
from heard.domain.order_types import OrderType
from heard.protocols import typed
from heard.protocols.ordering import wire_answers as wire
from heard.protocols.ordering.encode import encode, serving_time

_DIGEST_CHARS: Final = 8


class MenuView(StrEnum):
    """How much of a venue's menus is told."""

    PLAIN = "plain"
    NESTED = "nested"


@dataclass(frozen=True, slots=True)
class OrderingMenuFacts:
    """What a document of menus says besides the menu. `off`: the ids of what is off it."""

    version: str
    order_types: tuple[OrderType, ...]
    serving_times: tuple[ServingTime, ...]
    view: MenuView = MenuView.PLAIN
    off: frozenset[str] = frozenset()

    @property
    def tag(self) -> str:
        """Names the document's content: what an operator changes makes it another one, as another menu does."""
        said = repr((self.order_types, [one.words for one in self.serving_times]))
        return f"{version_shown(self.version, self.off)}-{hashlib.sha256(said.encode()).hexdigest()[:_DIGEST_CHARS]}"


def encode_menus(menu: Menu, facts: OrderingMenuFacts) -> bytes:
    """The answer to GET /api/venues/{venue_id}/menus. A long one takes a second: not on a loop."""
    written = _Writer(menu, facts.off)
    menus = [
        wire.MenuView(
            id=section.id,
            name=section.name,
            order_types=[int(one) for one in facts.order_types],
            serving_times=[serving_time(one) for one in facts.serving_times],
            categories=written.categories(section) if facts.view is MenuView.NESTED else None,
        )
        for section in menu.sections
    ]
    return encode(wire.MenusAnswer(data=wire.MenusData(menus=menus)))


class _Told(msgspec.Struct):
    id: str
    categories: msgspec.Raw


class _ToldMenus(msgspec.Struct):
    menus: list[_Told]


class _ToldAnswer(msgspec.Struct):
    data: _ToldMenus


def pick_categories(nested: bytes, menu_id: str) -> bytes | None:
    """The answer to .../menus/{menu_id}/categories, out of that to .../menus with all that belongs to it; None when
    there is no such menu.
    """
    for menu in typed.decode(nested, _ToldAnswer).data.menus:
        if menu.id == menu_id:
            return b'{"status":"OK","code":200,"data":{"categories":%b}}' % bytes(menu.categories)
    return None


class _Writer:
    """One menu being told."""

    def __init__(self, menu: Menu, off: Collection[str]) -> None:
        self._gone = menu.gone().union(off)
        self._products: dict[ProductId, Product] = {}
        for product in menu.products():
            self._products.setdefault(product.id, product)

    def categories(self, section: MenuSection) -> list[wire.CategoryView]:
        """Our reading: the categories that a section's products name, in the order in which they come; what names none
        stands in one of the section's own name. A category's id is its name: a POS gives it no other.
        """
        found: dict[tuple[str, str], list[Product]] = {}
        for product in section.products:
            if product.availability is not Availability.HIDDEN:
                named = [(name, name) for name in product.categories] or [(section.id, section.name)]
                for key in dict.fromkeys(named):
                    found.setdefault(key, []).append(product)
        return [
            wire.CategoryView(
                id=category_id,
                name=name,
                items=[self._item(one) for one in products if one.type is not ProductType.COMBO],
                combos=[self._combo(one) for one in products if one.type is ProductType.COMBO],
            )
            for (category_id, name), products in found.items()
        ]

    def _item(self, product: Product) -> wire.ItemView:
        return wire.ItemView(
            id=product.id,
            name=product.name,
            price=product.price,
            is_available=product.id not in self._gone,
            description=product.description,
            image_url=product.image_url,
            price_levels=_levels(product.prices),
            order_type_prices=_by_order_type(product.prices),
            modifier_groups=self._groups(product.groups),
        )

    def _combo(self, product: Product) -> wire.ComboView:
        return wire.ComboView(
            id=product.id,
            name=product.name,
            price=product.price,
            is_available=product.id not in self._gone,
            description=product.description,
            image_url=product.image_url,
            price_levels=_levels(product.prices),
            order_type_prices=_by_order_type(product.prices),
            components=[
                wire.ComboComponent(
                    name=one.name,
                    min_selected=one.min_selected,
                    max_selected=one.max_selected,
                    items=self._parts(one.product_ids),
                )
                for one in product.components
            ],
            modifier_groups=self._groups(product.groups),
        )

    def _parts(self, product_ids: Iterable[ProductId]) -> list[wire.ComponentItem]:
        parts = [self._products[product_id] for product_id in dict.fromkeys(product_ids)]
        return [
            wire.ComponentItem(id=one.id, name=one.name, is_available=one.id not in self._gone)
            for one in parts
            if one.availability is not Availability.HIDDEN
        ]

    def _groups(self, groups: Iterable[model.ModifierGroup]) -> list[wire.ModifierGroupView]:
        return [
            wire.ModifierGroupView(
                id=group.id,
                name=group.name,
                min_selected=group.min_selected,
                max_selected=group.max_selected,
                modifiers=[
                    self._modifier(one) for one in group.modifiers if one.availability is not Availability.HIDDEN
                ],
            )
            for group in groups
        ]

    def _modifier(self, modifier: model.Modifier) -> wire.ModifierView:
        return wire.ModifierView(
            id=modifier.id,
            name=modifier.name,
            price=modifier.price,
            is_available=modifier.id not in self._gone,
            price_levels=_levels(modifier.prices),
            order_type_prices=_by_order_type(modifier.prices),
            modifier_groups=self._groups(modifier.groups),
        )


def _levels(rules: Iterable[PriceRule]) -> list[wire.PriceLevel]:
    """Each level once, at what it costs however one orders; else at the first price that it has."""
    found: dict[str, PriceRule] = {}
    for rule in sorted(rules, key=lambda one: bool(one.order_types)):
        if rule.price_level_id is not None:
            found.setdefault(rule.price_level_id, rule)
    return [wire.PriceLevel(id=level, name=rule.name or level, price=rule.price) for level, rule in found.items()]


def _by_order_type(rules: Iterable[PriceRule]) -> list[wire.OrderTypePrice]:
    """What is asked in some ways of ordering only. A way that no order type stands for is not told."""
    found = []
    for rule in rules:
        order_types = [int(one) for one in OrderType if one.fulfillment.value in rule.order_types]
        if order_types:
            level = rule.price_level_id
            found.append(wire.OrderTypePrice(order_types=order_types, price_level_id=level, price=rule.price))
    return found
