"""What a menu must be before orders are taken on it. A menu that fails is kept out, the last good one stays."""

from collections import Counter

from heard import limits
from heard.domain.ids import LocationId
from heard.domain.menu.model import Menu, ModifierGroup
from heard.domain.refusals import FieldError


def check_menu(menu: Menu, location_id: LocationId) -> tuple[FieldError, ...]:
    """Everything wrong with a menu, by JSON path; empty for a good one."""
    errors: list[FieldError] = []
    if menu.location_id != location_id:
        text = f"the menu is for {menu.location_id!r}, asked was {location_id!r}"
        errors.append(FieldError("$.location_id", "other_location", text))
    products = list(menu.products())
    if not products:
        errors.append(FieldError("$.menus", "empty", "there is no product to order"))
    if len(products) > limits.MENU_PRODUCTS_MAX:
        errors.append(FieldError("$.menus", "too_many", f"more than {limits.MENU_PRODUCTS_MAX} products"))
    errors.extend(_differing_duplicates(menu))
    errors.extend(_groups(menu))
    return tuple(errors)


def _differing_duplicates(menu: Menu) -> list[FieldError]:
    """A product may stand in several menus, as long as it is the same product."""
    kinds = Counter(
        product_id for product_id, _, _ in {(product.id, product.type, product.price) for product in menu.products()}
    )
    return [
        FieldError("$.menus", "duplicate_id", f"product {product_id!r} stands twice, with other prices or types")
        for product_id, count in kinds.items()
        if count > 1
    ]


def _groups(menu: Menu) -> list[FieldError]:
    errors: list[FieldError] = []
    for place, section in enumerate(menu.sections):
        for number, product in enumerate(section.products):
            path = f"$.menus[{place}].products[{number}]"
            pending = [(f"{path}.modifier_groups[{n}]", group) for n, group in enumerate(product.groups)]
            while pending:
                where, group = pending.pop()
                errors.extend(_group(where, group))
                pending.extend(
                    (f"{where}.modifiers[{m}].modifier_groups[{n}]", below)
                    for m, modifier in enumerate(group.modifiers)
                    for n, below in enumerate(modifier.groups)
                )
    return errors


def _group(path: str, group: ModifierGroup) -> list[FieldError]:
    most = group.max_selected if group.max_selected is not None else group.min_selected
    if group.min_selected < 0 or most < group.min_selected:
        text = f"min_selected {group.min_selected} and max_selected {group.max_selected} cannot both hold"
        return [FieldError(path, "impossible_group", text)]
    return []
