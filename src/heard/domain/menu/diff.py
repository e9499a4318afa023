"""What differs between two menus of a store: each change with its id, its name, what kind it is, before and after.

The POS's own version and the notes on unknown states are no content: menus that differ in them alone are the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from heard.domain.menu.model import ComboComponent, Menu, MenuSection, Modifier, ModifierGroup, PriceRule, Product

T = TypeVar("T")
Value = int | str | tuple[str, ...] | None


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    PRICE = "price"
    AVAILABILITY = "availability"
    STRUCTURE = "structure"


class Entity(StrEnum):
    """What a change is about."""

    MENU = "menu"
    SECTION = "section"
    PRODUCT = "product"
    GROUP = "group"
    MODIFIER = "modifier"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Prices are cents. The same change in several places is one, with how many `places` it has.

    `within` says where the first of them is, by ids from the section down; `member` is what changed of it.
    """

    kind: ChangeKind
    entity: Entity
    id: str
    name: str
    member: str
    before: Value
    after: Value
    within: tuple[str, ...] = ()
    places: int = 1


def diff_menus(before: Menu, after: Menu) -> tuple[Change, ...]:
    """Every change, in an order that depends on nothing but the two menus. Empty: they are the same."""
    found: dict[tuple[object, ...], Change] = {}
    for change in _changes(before, after):
        key = (change.kind, change.entity, change.id, change.member, change.before, change.after)
        known = found.get(key)
        found[key] = change if known is None else replace(known, places=known.places + 1)
    return tuple(found.values())


def _changes(before: Menu, after: Menu) -> Iterable[Change]:
    whole = _Node(Entity.MENU, str(after.location_id), "", ())
    yield from whole.compare("location_id", before.location_id, after.location_id)
    yield from whole.compare("currency", before.currency, after.currency)
    yield from whole.compare("tax_rates", _rates(before), _rates(after))
    sections = _match(before.sections, after.sections, lambda section: section.id)
    for section in sections.gone:
        yield Change(ChangeKind.REMOVED, Entity.SECTION, section.id, section.name, "", section.name, None)
    for section in sections.new:
        yield Change(ChangeKind.ADDED, Entity.SECTION, section.id, section.name, "", None, section.name)
    yield from whole.reordered(sections)
    for old, new in sections.pairs:
        yield from _Node(Entity.SECTION, new.id, new.name, ()).compare("name", old.name, new.name)
    yield from _products(before, after, sections)


def _products(before: Menu, after: Menu, sections: "_Matched[MenuSection]") -> Iterable[Change]:
    """Products are matched within their section first; what is left over has moved, or came, or went."""
    gone: list[tuple[str, Product]] = [(one.id, product) for one in sections.gone for product in one.products]
    new: list[tuple[str, Product]] = [(one.id, product) for one in sections.new for product in one.products]
    for old_section, new_section in sections.pairs:
        if old_section.products is new_section.products:
            continue
        matched = _match(old_section.products, new_section.products, lambda product: product.id)
        yield from _Node(Entity.SECTION, new_section.id, new_section.name, ()).reordered(matched)
        gone += [(old_section.id, product) for product in matched.gone]
        new += [(new_section.id, product) for product in matched.new]
        for old, fresh in matched.pairs:
            if old is not fresh:
                yield from _product(old, fresh, (new_section.id,))
    if gone or new:
        yield from _moved(gone, new, {one.id for one in before.products()}, {one.id for one in after.products()})


def _moved(
    gone: Sequence[tuple[str, Product]], new: Sequence[tuple[str, Product]], before: set[str], after: set[str]
) -> Iterable[Change]:
    matched = _match(gone, new, lambda placed: placed[1].id)
    for (old_place, old), (new_place, fresh) in matched.pairs:
        node = _Node(Entity.PRODUCT, fresh.id, fresh.name, (new_place,))
        yield Change(
            ChangeKind.STRUCTURE, node.entity, node.id, node.name, "section", old_place, new_place, (new_place,)
        )
        yield from _product(old, fresh, (new_place,))
    for place, product in matched.gone:
        if product.id in after:
            yield Change(
                ChangeKind.STRUCTURE, Entity.PRODUCT, product.id, product.name, "section", place, None, (place,)
            )
        else:
            yield Change(
                ChangeKind.REMOVED, Entity.PRODUCT, product.id, product.name, "", product.price, None, (place,)
            )
    for place, product in matched.new:
        if product.id in before:
            yield Change(
                ChangeKind.STRUCTURE, Entity.PRODUCT, product.id, product.name, "section", None, place, (place,)
            )
        else:
            yield Change(ChangeKind.ADDED, Entity.PRODUCT, product.id, product.name, "", None, product.price, (place,))


def _product(old: Product, new: Product, within: tuple[str, ...]) -> Iterable[Change]:
    node = _Node(Entity.PRODUCT, new.id, new.name, within)
    yield from node.compare("price", old.price, new.price, ChangeKind.PRICE)
    if old.prices != new.prices:
        yield from node.compare("prices", _rules(old.prices), _rules(new.prices), ChangeKind.PRICE)
    yield from node.compare("availability", old.availability, new.availability, ChangeKind.AVAILABILITY)
    for member in ("name", "type", "description", "tax_category", "categories", "image_url"):
        yield from node.compare(member, getattr(old, member), getattr(new, member))
    yield from node.compare("components", _parts(old.components), _parts(new.components))
    yield from _groups(old.groups, new.groups, node)


def _groups(old: Sequence[ModifierGroup], new: Sequence[ModifierGroup], owner: "_Node") -> Iterable[Change]:
    if old is new:
        return
    matched = _match(old, new, lambda group: group.id)
    yield from owner.reordered(matched)
    for group in matched.gone:
        yield Change(ChangeKind.REMOVED, Entity.GROUP, group.id, group.name, "", group.name, None, owner.path)
    for group in matched.new:
        yield Change(ChangeKind.ADDED, Entity.GROUP, group.id, group.name, "", None, group.name, owner.path)
    for before, after in matched.pairs:
        node = _Node(Entity.GROUP, after.id, after.name, owner.path)
        for member in ("name", "min_selected", "max_selected"):
            yield from node.compare(member, getattr(before, member), getattr(after, member))
        yield from _modifiers(before.modifiers, after.modifiers, node)


def _modifiers(old: Sequence[Modifier], new: Sequence[Modifier], owner: "_Node") -> Iterable[Change]:
    matched = _match(old, new, lambda modifier: modifier.id)
    yield from owner.reordered(matched)
    for one in matched.gone:
        yield Change(ChangeKind.REMOVED, Entity.MODIFIER, one.id, one.name, "", one.price, None, owner.path)
    for one in matched.new:
        yield Change(ChangeKind.ADDED, Entity.MODIFIER, one.id, one.name, "", None, one.price, owner.path)
    for before, after in matched.pairs:
        node = _Node(Entity.MODIFIER, after.id, after.name, owner.path)
        yield from node.compare("price", before.price, after.price, ChangeKind.PRICE)
        if before.prices != after.prices:
            yield from node.compare("prices", _rules(before.prices), _rules(after.prices), ChangeKind.PRICE)
        yield from node.compare("availability", before.availability, after.availability, ChangeKind.AVAILABILITY)
        yield from node.compare("name", before.name, after.name)
        yield from _groups(before.groups, after.groups, node)


@dataclass(frozen=True, slots=True)
class _Matched(Generic[T]):
    """Children of one owner before and after: those on both sides in pairs, and whether their order is the same."""

    pairs: list[tuple[T, T]]
    gone: list[T]
    new: list[T]
    order_before: tuple[str, ...]
    order_after: tuple[str, ...]


def _match(before: Sequence[T], after: Sequence[T], key: Callable[[T], str]) -> "_Matched[T]":
    """By id; where an id stands several times, the first with the first, the second with the second."""
    if len(before) == len(after) and all(key(old) == key(new) for old, new in zip(before, after, strict=True)):
        return _Matched(list(zip(before, after, strict=True)), [], [], (), ())
    old, new = _numbered(before, key), _numbered(after, key)
    kept_before = [name for name in old if name in new]
    kept_after = [name for name in new if name in old]
    return _Matched(
        [(old[name], new[name]) for name in kept_after],
        [one for name, one in old.items() if name not in new],
        [one for name, one in new.items() if name not in old],
        tuple(name for name, _ in kept_before) if kept_before != kept_after else (),
        tuple(name for name, _ in kept_after) if kept_before != kept_after else (),
    )


def _numbered(children: Sequence[T], key: Callable[[T], str]) -> dict[tuple[str, int], T]:
    seen: Counter[str] = Counter()
    numbered: dict[tuple[str, int], T] = {}
    for child in children:
        name = key(child)
        numbered[name, seen[name]] = child
        seen[name] += 1
    return numbered


@dataclass(frozen=True, slots=True)
class _Node:
    """Something on a menu, and where it is."""

    entity: Entity
    id: str
    name: str
    within: tuple[str, ...]

    @property
    def path(self) -> tuple[str, ...]:
        return (*self.within, self.id)

    def compare(
        self, member: str, before: Value, after: Value, kind: ChangeKind = ChangeKind.STRUCTURE
    ) -> Iterable[Change]:
        if before != after:
            yield Change(kind, self.entity, self.id, self.name, member, before, after, self.within)

    def reordered(self, matched: "_Matched[T]") -> Iterable[Change]:
        yield from self.compare("order", matched.order_before, matched.order_after)


def _rates(menu: Menu) -> tuple[str, ...]:
    return tuple(
        f"{category} {rates}" if isinstance(rates, str) else f"{category} {list(rates)}"
        for category, rates in menu.tax_rates
    )


def _rules(rules: Sequence[PriceRule]) -> tuple[str, ...]:
    """Price rules in words that are equal only for equal ones."""
    return tuple(
        f"{rule.price} at {rule.price_level_id!r} ({rule.name!r}) for {', '.join(map(repr, rule.order_types)) or 'any'}"
        for rule in rules
    )


def _parts(components: Sequence[ComboComponent]) -> tuple[str, ...]:
    """Components in words that are equal only for equal ones."""
    return tuple(
        f"{part.name!r}: {part.min_selected} to {part.max_selected} of {', '.join(map(repr, part.product_ids))}"
        for part in components
    )
