"""What an order is held against: the ids of a menu, each with its type and whether it can be had now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Menu, MenuSection, ProductType
from heard.domain.menu.traits import SectionTraits, traits_of_section
from heard.domain.order.content import OrderContent
from heard.domain.refusals import FieldError


@dataclass(frozen=True, slots=True)
class MenuIndex:
    """Look-ups of one menu version. A modifier id that stands in several products is one thing."""

    version: str
    product_types: Mapping[ProductId, ProductType]
    sold_out: frozenset[str]
    modifiers_of: Mapping[ProductId, frozenset[ModifierId]]


def index_menu(
    menu: Menu, version: str, traits: Callable[[MenuSection], SectionTraits] = traits_of_section
) -> MenuIndex:
    """The index of a menu whose checks passed.

    Our reading: what stands in several places is one thing, and cannot be had where any of them says so.
    """
    types: dict[ProductId, ProductType] = {}
    choices: dict[ProductId, frozenset[ModifierId]] = {}
    sold_out: set[str] = set()
    for section in menu.sections:
        known = traits(section)
        types |= known.types
        several = {name: choices[name] | known.choices[name] for name in choices.keys() & known.choices.keys()}
        choices |= {**known.choices, **several} if several else known.choices
        sold_out |= known.sold_out
    return MenuIndex(version, types, frozenset(sold_out), choices)


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
