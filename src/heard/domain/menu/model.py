"""A location's menu as its POS gives it, in our words. Prices in cents; ids are the POS's own.

Source: posnext's menu document; all but location, menus, products, id, name, price and state is our reading.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from heard.domain.ids import LocationId, ModifierId, PriceLevelId, ProductId
from heard.domain.menu.taxes import Rates
from heard.domain.money import Cents


class Availability(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    HIDDEN = "hidden"


class ProductType(StrEnum):
    """What a product is when ordered as a main line."""

    ITEM = "Item"
    COMBO = "Combo"
    PROMOTION = "Promotion"


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What a thing costs at one price level, in some ways of ordering, or both. `order_types` are posnext's words, as
    they were written; none: in any way.
    """

    price: Cents
    price_level_id: PriceLevelId | None = None
    name: str | None = None
    order_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Modifier:
    id: ModifierId
    name: str
    price: Cents
    availability: Availability = Availability.AVAILABLE
    groups: tuple["ModifierGroup", ...] = ()
    prices: tuple[PriceRule, ...] = ()  # where they say nothing, `price` holds


@dataclass(frozen=True, slots=True)
class ModifierGroup:
    id: str
    name: str
    modifiers: tuple[Modifier, ...]
    min_selected: int = 0
    max_selected: int | None = None  # None: no bound


@dataclass(frozen=True, slots=True)
class ComboComponent:
    """One choice of a combo: so many of these products."""

    name: str
    product_ids: tuple[ProductId, ...]
    min_selected: int = 1
    max_selected: int = 1


@dataclass(frozen=True, slots=True)
class Product:
    id: ProductId
    name: str
    price: Cents
    availability: Availability
    type: ProductType = ProductType.ITEM
    description: str | None = None
    tax_category: str | None = None
    categories: tuple[str, ...] = ()
    image_url: str | None = None
    groups: tuple[ModifierGroup, ...] = ()
    components: tuple[ComboComponent, ...] = ()
    prices: tuple[PriceRule, ...] = ()  # where they say nothing, `price` holds

    def modifiers(self) -> Iterator[Modifier]:
        """Every modifier below this product, at any depth."""
        pending = list(self.groups)
        while pending:
            group = pending.pop()
            for modifier in group.modifiers:
                yield modifier
                pending.extend(modifier.groups)


@dataclass(frozen=True, slots=True)
class MenuSection:
    """One of a location's menus: Breakfast, Drinks ..."""

    id: str
    name: str
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    location_id: LocationId
    sections: tuple[MenuSection, ...]
    tax_rates: tuple[tuple[str, Rates], ...] = ()  # by category
    currency: str | None = None
    version: str | None = None  # the POS's own; ours is the content's hash
    unknown_states: tuple[str, ...] = ()  # JSON paths of states that we do not know and count as unavailable

    def gone(self) -> set[str]:
        """The ids of products and modifiers that cannot be had: what is gone in one place is gone in all of them."""
        found: set[str] = set()
        for product in self.products():
            if product.availability is not Availability.AVAILABLE:
                found.add(product.id)
            found.update(one.id for one in product.modifiers() if one.availability is not Availability.AVAILABLE)
        return found

    def products(self) -> Iterator[Product]:
        for section in self.sections:
            yield from section.products
