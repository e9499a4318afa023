"""What an order is held against: the ids of a menu, each with its type, its price, its choices, and whether it can be
had now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Menu, MenuSection, ProductType
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


def hold_against(content: OrderContent, menu: MenuIndex) -> Held:
    """Every place of an order that the menu cannot serve or sells at another price, by JSON path of the order."""
    holding = _Holding(menu)
    for place, line in enumerate(content.lines):
        path = f"$.items[{place}]"
        if line.product_id not in menu.product_types:
            holding.fault(f"{path}.item_id", "unknown_item", f"{line.product_id!r} is not on the menu")
            continue
        if line.product_id in menu.sold_out:
            holding.fault(f"{path}.item_id", "sold_out", f"{line.product_id!r} cannot be had now")
        price, groups, components = menu.offers[line.product_id]
        holding.price(f"{path}.unit_price", (price,), line.unit_price)
        if line.modifiers or groups or components:
            choosing = (*groups, *map(_as_group, components))
            holding.level(f"{path}.modifiers", choosing, line.modifiers, line.product_id)
    return Held(tuple(holding.faults), tuple(holding.differences))


def _as_group(component: Component) -> Group:
    """Our reading: a combo's part costs nothing beyond the combo's price, and comes as it is: no choices of its own."""
    name, least, most, product_ids = component
    return name, least, most, tuple([(ModifierId(one), Cents(0), ()) for one in product_ids])


class _Holding:
    """One order being held against a menu."""

    def __init__(self, menu: MenuIndex) -> None:
        self._menu = menu
        self.faults: list[FieldError] = []
        self.differences: list[PriceDifference] = []

    def fault(self, path: str, code: str, message: str) -> None:
        self.faults.append(FieldError(path, code, message))

    def price(self, path: str, menu: tuple[Cents, ...], order: Cents) -> None:
        if order not in menu:
            self.differences.append(PriceDifference(path, menu[0], order))

    def level(self, path: str, groups: tuple[Group, ...], chosen: tuple[LineModifier, ...], of: str) -> None:
        """The choices of one place: each from a group that stands there, and so many of each group as there may be.

        Our reading: a choice counts as often as its quantity says.
        """
        spots: dict[ModifierId, list[tuple[int, Cents, tuple[Group, ...]]]] = {}
        wanted = {modifier.modifier_id for modifier in chosen}
        for number, (_, _, _, choices) in enumerate(groups if wanted else ()):
            for modifier_id, price, below in choices:
                if modifier_id in wanted:
                    spots.setdefault(modifier_id, []).append((number, price, below))
        counts = [0] * len(groups)
        for place, modifier in enumerate(chosen):
            here, found = f"{path}[{place}]", spots.get(modifier.modifier_id)
            if found is None:
                text = f"{modifier.modifier_id!r} is no choice of {of!r}"
                self.fault(f"{here}.modifier_id", "unknown_modifier", text)
                continue
            if modifier.modifier_id in self._menu.sold_out:
                self.fault(f"{here}.modifier_id", "sold_out", f"{modifier.modifier_id!r} cannot be had now")
            self.price(f"{here}.unit_price", tuple([price for _, price, _ in found]), modifier.unit_price)
            if len(found) == 1:
                counts[found[0][0]] += modifier.quantity
            below = found[0][2]
            if below or modifier.modifiers:
                self.level(f"{here}.modifiers", below, modifier.modifiers, modifier.modifier_id)
        for modifier in chosen:
            found = spots.get(modifier.modifier_id, [])
            if len(found) > 1:
                _share_out(modifier.quantity, [number for number, _, _ in found], groups, counts)
        self._bounds(path, groups, counts)

    def _bounds(self, path: str, groups: tuple[Group, ...], counts: list[int]) -> None:
        for (name, least, most, _), count in zip(groups, counts, strict=True):
            if count < least:
                text = f"of {name!r} at least {least} must be chosen, not {count}"
                self.fault(path, "too_few_choices", text)
            elif most is not None and count > most:
                text = f"of {name!r} at most {most} may be chosen, not {count}"
                self.fault(path, "too_many_choices", text)


def _share_out(quantity: int, numbers: list[int], groups: tuple[Group, ...], counts: list[int]) -> None:
    """A choice that stands in several groups of one place counts where it is needed, then where there is room.

    Our reading: an order names no group, so that it is right if it can be read in a way that is.
    """
    for number in numbers:
        needed = min(quantity, max(0, groups[number][1] - counts[number]))
        counts[number] += needed
        quantity -= needed
    for number in numbers:
        most = groups[number][2]
        room = quantity if most is None else min(quantity, max(0, most - counts[number]))
        counts[number] += room
        quantity -= room
    counts[numbers[0]] += quantity
