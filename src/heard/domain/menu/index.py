"""What an order is held against: the ids of a menu, each with its type, its price, its choices, and whether it can be
had now.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.choosing import Choosing, Place, Taken, place_of
from heard.domain.menu.model import Menu, MenuSection, ProductType
from heard.domain.menu.off import NOTHING_OFF, Off
from heard.domain.menu.offer import Component, Group, Offer
from heard.domain.menu.traits import SectionTraits, traits_of_section
from heard.domain.money import Cents
from heard.domain.order.content import LineModifier, OrderContent
from heard.domain.refusals import FieldError


@dataclass(frozen=True, slots=True)
class MenuIndex:
    """Look-ups of one menu version. A modifier id that stands in several products is one thing."""

    version: str
    product_types: Mapping[ProductId, ProductType]
    sold_out: frozenset[str]
    offers: Mapping[ProductId, Offer]
    _places: "dict[ProductId, Place[Cents]]" = field(default_factory=dict, init=False, repr=False, compare=False)

    def place(self, product_id: ProductId) -> "Place[Cents]":
        """What may be chosen of a product, ready to be looked into: made when it is first ordered, and kept."""
        known = self._places.get(product_id)
        if known is None:
            _, groups, components = self.offers[product_id]
            known = self._places[product_id] = place_of([*groups, *map(_as_group, components)])
        return known


@dataclass(frozen=True, slots=True)
class PriceDifference:
    """A place of an order, by its JSON path, with a price that is not the menu's."""

    path: str
    menu: Cents
    order: Cents


@dataclass(frozen=True, slots=True)
class Held:
    """What came of holding an order against a menu: what the menu cannot serve, and where the prices differ."""

    faults: tuple[FieldError, ...]
    differences: tuple[PriceDifference, ...]


def index_menu(
    menu: Menu, version: str, traits: Callable[[MenuSection], SectionTraits] = traits_of_section
) -> MenuIndex:
    """The index of a menu whose checks passed.

    Our reading: what stands in several places is one thing, and cannot be had where any of them says so.
    """
    types: dict[ProductId, ProductType] = {}
    offers: dict[ProductId, Offer] = {}
    sold_out: set[str] = set()
    for section in menu.sections:
        known = traits(section)
        types |= known.types
        offers |= known.offers  # checked: a product that stands twice stands there as the same thing
        sold_out |= known.sold_out
    return MenuIndex(version, types, frozenset(sold_out), offers)


def hold_against(content: OrderContent, menu: MenuIndex, off: Off = NOTHING_OFF) -> Held:
    """Every place of an order that the menu cannot serve, less what is off it, or sells at another price, by JSON path
    of the order.
    """
    differences: list[PriceDifference] = []
    choosing = Choosing(menu.sold_out, [], "modifier_id", off)
    for place, line in enumerate(content.lines):
        path = f"$.items[{place}]"
        if line.product_id not in menu.product_types:
            choosing.fault(f"{path}.item_id", "unknown_item", f"{line.product_id!r} is not on the menu")
            continue
        if line.product_id in menu.sold_out or line.product_id in off:
            choosing.gone(f"{path}.item_id", line.product_id)
        price, groups, components = menu.offers[line.product_id]
        if line.unit_price != price:
            differences.append(PriceDifference(f"{path}.unit_price", price, line.unit_price))
        if line.modifiers or groups or components:
            at = menu.place(line.product_id)
            taken = choosing.level(f"{path}.modifiers", at, line.modifiers, line.product_id)
            differences.extend(_differences(f"{path}.modifiers", taken))
    return Held(tuple(choosing.faults), tuple(differences))


def _as_group(component: Component) -> Group:
    """Our reading: a combo's part costs nothing beyond the combo's price, and comes as it is: no choices of its own."""
    name, least, most, product_ids = component
    return name, least, most, tuple([(ModifierId(one), Cents(0), ()) for one in product_ids])


def _differences(path: str, taken: "Sequence[Taken[LineModifier, Cents]]") -> Iterator[PriceDifference]:
    for place, wanted, offered, below in taken:
        if wanted.unit_price not in offered:
            yield PriceDifference(f"{path}[{place}].unit_price", offered[0], wanted.unit_price)
        if below:
            yield from _differences(f"{path}[{place}].modifiers", below)
