"""What an order is held against: the ids of a menu, each with its type and whether it can be had now."""

from collections.abc import Mapping
from dataclasses import dataclass

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Availability, Menu, ProductType
from heard.domain.order.content import OrderContent
from heard.domain.refusals import FieldError


@dataclass(frozen=True, slots=True)
class MenuIndex:
    """Look-ups of one menu version. A modifier id that stands in several products is one thing."""

    version: str
    product_types: Mapping[ProductId, ProductType]
    sold_out: frozenset[str]
    modifiers_of: Mapping[ProductId, frozenset[ModifierId]]


def index_menu(menu: Menu, version: str) -> MenuIndex:
    """The index of a menu whose checks passed."""
    types: dict[ProductId, ProductType] = {}
    modifiers: dict[ProductId, frozenset[ModifierId]] = {}
    states: dict[str, Availability] = {}
    for product in menu.products():
        types[product.id] = product.type
        below = list(product.modifiers())
        modifiers[product.id] = frozenset(modifier.id for modifier in below)
        states[product.id] = product.availability
        states.update((modifier.id, modifier.availability) for modifier in below)
    sold_out = frozenset(name for name, state in states.items() if state is not Availability.AVAILABLE)
    components = {
        product.id: frozenset(ModifierId(choice) for part in product.components for choice in part.product_ids)
        for product in menu.products()
    }
    return MenuIndex(version, types, sold_out, {name: own | components[name] for name, own in modifiers.items()})


def unavailable(content: OrderContent, menu: MenuIndex) -> tuple[FieldError, ...]:
    """Every place of an order that the menu cannot serve, by JSON path of the order."""
    errors: list[FieldError] = []
    for place, line in enumerate(content.lines):
        path = f"$.items[{place}]"
        if line.product_id not in menu.product_types:
            errors.append(FieldError(f"{path}.item_id", "unknown_item", f"{line.product_id!r} is not on the menu"))
            continue
        if line.product_id in menu.sold_out:
            errors.append(FieldError(f"{path}.item_id", "sold_out", f"{line.product_id!r} cannot be had now"))
        known = menu.modifiers_of[line.product_id]
        for modifier in (below for top in line.modifiers for below in top.walk()):
            if modifier.modifier_id not in known:
                text = f"{modifier.modifier_id!r} is no choice of {line.product_id!r}"
                errors.append(FieldError(f"{path}.modifiers", "unknown_modifier", text))
            elif modifier.modifier_id in menu.sold_out:
                text = f"{modifier.modifier_id!r} cannot be had now"
                errors.append(FieldError(f"{path}.modifiers", "sold_out", text))
    return tuple(errors)
