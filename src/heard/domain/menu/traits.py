"""What follows from a product or a section alone, whatever menu it stands in: found once, kept as long as it is."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from heard.domain.ids import ProductId
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.menu.offer import Offer, offer_of
from heard.domain.money import Cents
from heard.domain.pos import PosOrderType


class Severity(StrEnum):
    """An error keeps a menu out, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a menu, by its JSON path. The code is stable."""

    path: str
    code: str
    severity: Severity
    message: str

    def below(self, path: str) -> "Finding":
        return replace(self, path=path + self.path)


@dataclass(frozen=True, slots=True)
class Traits:
    """`findings` are by their path from the product on. `nests`: a group, one right below it, and where that is."""

    findings: tuple[Finding, ...]
    offer: Offer
    sold_out: tuple[str, ...]
    nests: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class SectionTraits:
    """A section's products put together. `remarkable`: the numbers of those that a check must look at."""

    first: dict[ProductId, Product]
    repeats: bool
    remarkable: dict[int, Traits]
    tax_categories: frozenset[str]
    types: dict[ProductId, ProductType]
    offers: dict[ProductId, Offer]
    sold_out: frozenset[str]


_ORDER_TYPES = tuple(one.value for one in PosOrderType)  # posnext's words; a menu's rules may be for any of them
_NO_TAX = Finding(".tax_category", "no_tax_category", Severity.WARNING, "the product has no tax category")


def traits_of(product: Product) -> Traits:
    """The traits of a product; its modifiers are looked at at any depth."""
    sold_out = product.availability is not Availability.AVAILABLE
    plain = not (product.groups or product.components or product.prices or sold_out)
    if plain and product.tax_category is not None:
        return Traits((), offer_of(product), (), ())
    findings = [] if product.tax_category is not None else [_NO_TAX]
    findings.extend(_price_rules(product, ""))
    for place, component in enumerate(product.components):
        findings.extend(_component(component, f".components[{place}]"))
    gone: list[str] = [product.id] if sold_out else []
    nests: list[tuple[str, str, str]] = []
    findings.extend(_twice([group.id for group in product.groups], ".modifier_groups", "group"))
    for path, group, above in _groups_below(product):
        if above is not None:
            nests.append((above.id, group.id, path))
        gone.extend(one.id for one in group.modifiers if one.availability is not Availability.AVAILABLE)
        findings.extend(_group(path, group))
    return Traits(tuple(findings), offer_of(product), tuple(gone), tuple(nests))


def traits_of_section(section: MenuSection, traits: Callable[[Product], Traits] = traits_of) -> SectionTraits:
    """The traits of a section, put together from its products'."""
    known = [traits(product) for product in section.products]
    offers = {product.id: one.offer for product, one in zip(section.products, known, strict=True)}
    return SectionTraits(
        first={product.id: product for product in reversed(section.products)},
        repeats=len(offers) < len(known),
        remarkable={
            number: one
            for number, (product, one) in enumerate(zip(section.products, known, strict=True))
            if one.findings or one.nests or product.components
        },
        tax_categories=frozenset(one.tax_category for one in section.products if one.tax_category is not None),
        types={product.id: product.type for product in section.products},
        offers=offers,
        sold_out=frozenset().union(*(one.sold_out for one in known if one.sold_out)),
    )


def _groups_below(product: Product) -> Iterator[tuple[str, ModifierGroup, ModifierGroup | None]]:
    pending: list[tuple[str, ModifierGroup, ModifierGroup | None]] = [
        (f".modifier_groups[{n}]", group, None) for n, group in enumerate(product.groups)
    ]
    for path, group, above in pending:
        yield path, group, above
        pending.extend(
            (f"{path}.modifiers[{m}].modifier_groups[{n}]", below, group)
            for m, modifier in enumerate(group.modifiers)
            for n, below in enumerate(modifier.groups)
        )


def _group(path: str, group: ModifierGroup) -> Iterator[Finding]:
    """Our reading: a group that is short of choices only today is no fault of the menu."""
    most = group.max_selected if group.max_selected is not None else group.min_selected
    count = len(group.modifiers)
    if group.min_selected < 0 or most < group.min_selected:
        text = f"min_selected {group.min_selected} and max_selected {group.max_selected} cannot both hold"
        yield Finding(path, "impossible_group", Severity.ERROR, text)
    elif group.min_selected > count:
        text = f"min_selected is {group.min_selected}, and there are {count} choices"
        yield Finding(path, "impossible_group", Severity.ERROR, text)
    elif not count:
        yield Finding(path, "empty_group", Severity.WARNING, "there is nothing to choose from")
    elif group.min_selected > sum(one.availability is Availability.AVAILABLE for one in group.modifiers):
        text = f"min_selected is {group.min_selected}, and fewer choices can be had now"
        yield Finding(path, "short_group", Severity.WARNING, text)
    yield from _twice([modifier.id for modifier in group.modifiers], f"{path}.modifiers", "modifier")
    for number, modifier in enumerate(group.modifiers):
        if modifier.groups:
            ids = [below.id for below in modifier.groups]
            yield from _twice(ids, f"{path}.modifiers[{number}].modifier_groups", "group")
        if modifier.prices:
            yield from _price_rules(modifier, f"{path}.modifiers[{number}]")


def _price_rules(priced: Product | Modifier, path: str) -> Iterator[Finding]:
    """Our reading: a rule that names neither a level nor an order type says what `price` says."""
    seen: dict[tuple[str | None, str | None], Cents] = {(None, None): priced.price}
    for place, rule in enumerate(priced.prices):
        where = f"{path}.prices[{place}]"
        if any(seen.setdefault((rule.price_level_id, word), rule.price) != rule.price for word in _ways(rule)):
            text = "another price stands for the same price level and order type"
            yield Finding(where, "conflicting_prices", Severity.ERROR, text)
        for number, word in enumerate(rule.order_types):
            if word not in _ORDER_TYPES:
                text = f"{word!r} is none of {', '.join(_ORDER_TYPES)}; no order has this price"
                yield Finding(f"{where}.order_types[{number}]", "unknown_order_type", Severity.WARNING, text)


def _ways(rule: PriceRule) -> tuple[str | None, ...]:
    return rule.order_types or (None,)


def _twice(ids: Sequence[str], path: str, what: str) -> Iterator[Finding]:
    """Two of one id in one place: nobody can say which of them is meant."""
    if len(ids) < 2 or len(set(ids)) == len(ids):
        return
    seen = Counter[str]()
    for place, name in enumerate(ids):
        seen[name] += 1
        if seen[name] == 2:
            text = f"{what} {name!r} stands twice in one place"
            yield Finding(f"{path}[{place}].id", "duplicate_id", Severity.ERROR, text)


def _component(component: ComboComponent, path: str) -> Iterator[Finding]:
    least, most, count = component.min_selected, component.max_selected, len(component.product_ids)
    if least < 0 or most < least:
        text = f"min_selected {least} and max_selected {most} cannot both hold"
        yield Finding(path, "impossible_component", Severity.ERROR, text)
    elif least > 0 and not count:
        yield Finding(path, "impossible_component", Severity.ERROR, "there is no product to choose")
