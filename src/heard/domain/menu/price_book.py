"""What a cart is filled from: of every product and modifier of one menu its name, its prices, its taxes, its choices.

Plain tuples of plain values, as the index's. What is ordered is made ready besides: docs/why/carts.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from heard.domain.ids import ModifierId, PriceLevelId, ProductId
from heard.domain.menu import choosing
from heard.domain.menu.choosing import place_of
from heard.domain.menu.model import Availability, Menu, Modifier, ModifierGroup, Product, ProductType
from heard.domain.menu.offer import Component, components_of
from heard.domain.menu.taxes import rates_of
from heard.domain.money import Cents
from heard.domain.order.content import FulfillmentType
from heard.domain.pricing.cart import TaxRate

# Of one price level (None: whatever level), for one order type (None: any), so many cents.
Rule: TypeAlias = tuple[PriceLevelId | None, str | None, Cents]
# A name for people, the plain price, and the rules beside it.
Price: TypeAlias = tuple[str, Cents, tuple[Rule, ...]]
Group: TypeAlias = "choosing.Group[Price]"
Place: TypeAlias = "choosing.Place[Price]"
Entry: TypeAlias = "tuple[ProductType, Price, tuple[Group, ...], tuple[Component, ...], str | None]"


class Offered(NamedTuple):
    """A product as a cart asks for it. `taxes`: its own; `parts`: of a combo, what each may be."""

    is_combo: bool
    sold_out: bool
    price: Price
    taxes: tuple[TaxRate, ...]
    choices: Place
    parts: Place


@dataclass(frozen=True, slots=True)
class PriceBook:
    """One menu version, as carts need it. An entry ends with its product's tax category.

    Our reading: a product that stands in several places is one thing, called as in the first of them; what cannot be
    had in one place cannot be had in any.
    """

    version: str
    entries: Mapping[ProductId, Entry]
    sold_out: frozenset[str]
    taxes: Mapping[str, tuple[TaxRate, ...]]
    _offered: dict[ProductId, Offered] = field(default_factory=dict, init=False, repr=False, compare=False)

    def offered(self, product_id: ProductId) -> Offered | None:
        """A product with its choices ready to be looked into: made when it is first ordered, and kept."""
        known = self._offered.get(product_id)
        if known is None and product_id in self.entries:
            known = self._offered[product_id] = self._made_ready(product_id)
        return known

    def _made_ready(self, product_id: ProductId) -> Offered:
        """Our reading: whatever has parts is a combo."""
        kind, price, groups, components, _ = self.entries[product_id]
        return Offered(
            is_combo=kind is ProductType.COMBO or bool(components),
            sold_out=product_id in self.sold_out,
            price=price,
            taxes=self.taxes_of(product_id),
            choices=place_of(groups),
            parts=place_of([self._as_group(one) for one in components]),
        )

    def _as_group(self, component: Component) -> Group:
        """Our reading: a combo's part comes as it is, without choices of its own."""
        name, least, most, product_ids = component
        return name, least, most, tuple([(ModifierId(one), self.entries[one][1], ()) for one in product_ids])

    def taxes_of(self, product_id: ProductId) -> tuple[TaxRate, ...]:
        """Our reading: a product without a category, or with one that has no rate, is not taxed. The lint says so."""
        category = self.entries[product_id][4]
        return () if category is None else self.taxes.get(category, ())


def book_of(menu: Menu, version: str) -> PriceBook:
    """The price book of a menu whose checks passed."""
    entries: dict[ProductId, Entry] = {}
    sold_out: set[str] = set()
    for product in menu.products():
        if product.id not in entries:
            groups, components = _groups(product.groups), components_of(product)
            entries[product.id] = (product.type, _price(product), groups, components, product.tax_category)
        if product.availability is not Availability.AVAILABLE:
            sold_out.add(product.id)
        sold_out.update(one.id for one in product.modifiers() if one.availability is not Availability.AVAILABLE)
    taxes = {category: tuple([TaxRate(*one) for one in rates]) for category, rates in rates_of(menu.tax_rates).items()}
    return PriceBook(version, entries, frozenset(sold_out), taxes)


def price_at(price: Price, level: PriceLevelId | None, order_type: FulfillmentType) -> Cents:
    """The most specific rule wins: level and order type, the level, the order type; else the plain price."""
    _, plain, rules = price
    if not rules:
        return plain
    known = {(of_level, way): cents for of_level, way, cents in rules}
    for wanted in ((level, order_type.value), (level, None), (None, order_type.value)):
        if wanted != (None, None) and wanted in known:
            return known[wanted]
    return plain


def levels_of(price: Price) -> frozenset[PriceLevelId]:
    """The price levels that a thing knows."""
    return frozenset(level for level, _, _ in price[2] if level is not None)


def _price(priced: Product | Modifier) -> Price:
    rules = [(rule.price_level_id, way, rule.price) for rule in priced.prices for way in rule.order_types or (None,)]
    return priced.name, priced.price, tuple(rules)


def _groups(groups: tuple[ModifierGroup, ...]) -> tuple[Group, ...]:
    return tuple(
        [
            (
                group.name,
                group.min_selected,
                group.max_selected,
                tuple([(one.id, _price(one), _groups(one.groups)) for one in group.modifiers]),
            )
            for group in groups
        ]
    )
