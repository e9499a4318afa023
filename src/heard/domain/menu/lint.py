"""What is wrong with a menu, all of it, by JSON path. An error keeps a menu out, and the last good one stays in use."""

from collections.abc import Callable, Container, Iterator
from dataclasses import replace

from heard import limits
from heard.domain.ids import LocationId, ProductId
from heard.domain.menu.model import Availability, Menu, MenuSection, Product
from heard.domain.menu.traits import Finding, SectionTraits, Severity, traits_of_section
from heard.domain.refusals import FieldError


def lint_menu(
    menu: Menu,
    location_id: LocationId | None = None,
    traits: Callable[[MenuSection], SectionTraits] = traits_of_section,
) -> tuple[Finding, ...]:
    """Every finding, errors first, each kind in the order of the menu. `location_id`: whose menu it should be."""
    found = list(_findings(menu, location_id, traits))
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def check_menu(menu: Menu, location_id: LocationId) -> tuple[FieldError, ...]:
    """What keeps a menu out; empty for one that orders can be taken on."""
    return errors_of(lint_menu(menu, location_id))


def errors_of(findings: tuple[Finding, ...]) -> tuple[FieldError, ...]:
    """The findings that keep a menu out."""
    return tuple(FieldError(one.path, one.code, one.message) for one in findings if one.severity is Severity.ERROR)


def _findings(
    menu: Menu, location_id: LocationId | None, traits: Callable[[MenuSection], SectionTraits]
) -> Iterator[Finding]:
    if location_id is not None and menu.location_id != location_id:
        text = f"the menu is for {menu.location_id!r}, asked was {location_id!r}"
        yield Finding("$.location_id", "other_location", Severity.ERROR, text)
    count = sum(len(section.products) for section in menu.sections)
    if not count:
        yield Finding("$.menus", "empty", Severity.ERROR, "there is no product to order")
    if count > limits.MENU_PRODUCTS_MAX:
        text = f"more than {limits.MENU_PRODUCTS_MAX} products"
        yield Finding("$.menus", "too_many", Severity.ERROR, text)
    yield from _taxes(menu)
    yield from _sections(menu)
    yield from _products(menu, traits)
    for path in menu.unknown_states:
        yield Finding(path, "unknown_state", Severity.WARNING, "a state nobody knows; it counts as unavailable")


def _taxes(menu: Menu) -> Iterator[Finding]:
    for category, rates in menu.tax_rates:
        names = [] if isinstance(rates, str) else [name for name, _ in rates]
        for number, name in enumerate(names):
            if name in names[:number]:
                path, text = f"$.tax_rates[{category!r}][{number}].name", f"tax {name!r} stands twice"
                yield Finding(path, "duplicate_tax", Severity.ERROR, text)


def _sections(menu: Menu) -> Iterator[Finding]:
    seen: set[str] = set()
    for place, section in enumerate(menu.sections):
        if section.id in seen:
            text = f"menu {section.id!r} stands twice"
            yield Finding(f"$.menus[{place}].id", "duplicate_id", Severity.ERROR, text)
        seen.add(section.id)


def _products(menu: Menu, traits: Callable[[MenuSection], SectionTraits]) -> Iterator[Finding]:
    first: dict[ProductId, Product] = {}
    rates = {category for category, _ in menu.tax_rates}
    nests: list[tuple[str, str, str]] = []
    combos: list[tuple[str, Product]] = []
    for place, section in enumerate(menu.sections):
        known = traits(section)
        clash = known.repeats or not first.keys().isdisjoint(known.first)
        unrated = known.tax_categories - rates if rates else frozenset()
        first |= {**known.first, **first} if clash else known.first
        for number in range(len(section.products)) if clash or unrated else known.remarkable:
            product, path = section.products[number], f"$.menus[{place}].products[{number}]"
            same = first[product.id]
            if same is not product and _ordered(same) != _ordered(product):
                text = f"product {product.id!r} stands twice, and not as the same thing"
                yield Finding(f"{path}.id", "duplicate_id", Severity.ERROR, text)
            if product.tax_category in unrated:
                text = f"{product.tax_category!r} has no rate in tax_rates"
                yield Finding(f"{path}.tax_category", "unknown_tax_category", Severity.WARNING, text)
            if number in known.remarkable:
                one = known.remarkable[number]
                yield from (finding.below(path) for finding in one.findings)
                nests += [(above, below, path + inner) for above, below, inner in one.nests]
                if product.components:
                    combos.append((path, product))
    for path, product in combos:
        yield from _dangling(path, product, first.keys())
    yield from _cycles(nests)


def _ordered(product: Product) -> Product:
    """What an order of it depends on. What it is called and whether it can be had now may differ between menus."""
    return replace(
        product,
        name="",
        description=None,
        categories=(),
        image_url=None,
        availability=Availability.AVAILABLE,
    )


def _dangling(path: str, product: Product, known: Container[ProductId]) -> Iterator[Finding]:
    for place, component in enumerate(product.components):
        for number, product_id in enumerate(component.product_ids):
            if product_id not in known:
                where = f"{path}.components[{place}].product_ids[{number}]"
                yield Finding(where, "dangling_id", Severity.ERROR, f"there is no product {product_id!r}")


def _cycles(nests: list[tuple[str, str, str]]) -> Iterator[Finding]:
    """Groups are known by their ids: one that stands below itself, by whatever way, could be chosen from for ever.

    Told where the way down comes back to a group that it came through.
    """
    below: dict[str, dict[str, str]] = {}
    for above, inner, path in nests:
        below.setdefault(above, {}).setdefault(inner, path)
    done: set[str] = set()
    for start, first in below.items():
        way: dict[str, Iterator[tuple[str, str]]] = {} if start in done else {start: iter(first.items())}
        while way:
            here = next(reversed(way))
            inner, path = next(way[here], ("", ""))
            if not path:
                done.add(here)
                del way[here]
            elif inner in way:
                yield Finding(path, "cycle", Severity.ERROR, f"group {inner!r} stands below itself")
            elif inner not in done:
                way[inner] = iter(below.get(inner, {}).items())
