"""What people look at of a kept menu: a part of it, what differs between two versions, what is wrong with one.

Pure work for a processor: in a thread, or in a process of its own. What comes back is never more than a page shows.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from heard import limits
from heard.domain.ids import LocationId
from heard.domain.menu.diff import Change, ChangeKind, diff_menus
from heard.domain.menu.lint import lint_menu
from heard.domain.menu.model import Availability, Menu, Modifier, ModifierGroup, Product
from heard.domain.menu.taxes import Rates
from heard.domain.menu.traits import Finding, Severity


class Look(Protocol):
    """A question about menus, which are given in the order it was asked with."""

    def at(self, menus: Sequence[Menu]) -> object: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A modifier, or the group that it and those behind it stand in (without a price), so deep below its product."""

    depth: int
    id: str
    name: str
    bounds: tuple[int, int | None] | None = None
    price: int | None = None
    availability: Availability = Availability.AVAILABLE


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product with its section, and the first of its choices. Its own groups are left out."""

    section: str
    product: Product
    choices: tuple[Choice, ...]
    more_choices: bool


@dataclass(frozen=True, slots=True)
class SectionCount:
    """A section, and how many of its products match."""

    id: str
    name: str
    products: int


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a menu's products; `matched` is how many there are in all that were asked for. `missing`: what is off
    and not on this menu.
    """

    currency: str | None
    tax_rates: tuple[tuple[str, Rates], ...]
    sections: tuple[SectionCount, ...]
    products: tuple[ShownProduct, ...]
    matched: int
    unavailable: int
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Browse:
    """Products of a section, or of all, whose name or id has a text in it; `gone_only`: those that cannot be had.
    `off`: the ids of what is off the menu.
    """

    section: str | None = None
    text: str = ""
    gone_only: bool = False
    skip: int = 0
    off: frozenset[str] = frozenset()

    def at(self, menus: Sequence[Menu]) -> Part:
        menu, text = menus[0], self.text.casefold()
        page: list[ShownProduct] = []
        counts: list[SectionCount] = []
        matched = 0
        for section in menu.sections:
            fit = [one for one in section.products if self._fits(one, text)]
            counts.append(SectionCount(section.id, section.name, len(fit)))
            if self.section not in (None, section.id):
                continue
            room = limits.MENU_SHOWN_PRODUCTS - len(page)
            first = max(0, self.skip - matched)
            page.extend(_shown(section.name, one) for one in fit[first : first + room])
            matched += len(fit)
        gone = sum(self._is_gone(one) for one in menu.products())
        return Part(
            menu.currency,
            menu.tax_rates[: limits.MENU_SHOWN_SECTIONS],
            tuple(counts[: limits.MENU_SHOWN_SECTIONS]),
            tuple(page),
            matched,
            gone,
            self.off.difference(Names(self.off).at(menus)) if self.off else self.off,
        )

    def _fits(self, product: Product, text: str) -> bool:
        if self.gone_only and not self._is_gone(product):
            return False
        return not text or text in product.name.casefold() or text in product.id.casefold()

    def _is_gone(self, product: Product) -> bool:
        return product.availability is not Availability.AVAILABLE or product.id in self.off


@dataclass(frozen=True, slots=True)
class Names:
    """What some products and modifiers are called, by their ids; what the menu does not have is left out."""

    ids: frozenset[str]

    def at(self, menus: Sequence[Menu]) -> dict[str, str]:
        found: dict[str, str] = {}
        for product in menus[0].products():
            things: list[Product | Modifier] = [product, *product.modifiers()]
            for one in things:
                if one.id in self.ids:
                    found.setdefault(one.id, one.name)
        return found


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs, counted by kind, and a page of it: of one kind, where one was asked for."""

    counts: dict[str, int]
    changes: tuple[Change, ...]
    matched: int


@dataclass(frozen=True, slots=True)
class Compare:
    """What differs between two versions."""

    kind: ChangeKind | None = None
    skip: int = 0

    def at(self, menus: Sequence[Menu]) -> Differences:
        changes = diff_menus(menus[0], menus[1])
        wanted = [one for one in changes if self.kind in (None, one.kind)]
        page = tuple(wanted[self.skip : self.skip + limits.MENU_SHOWN_ROWS])
        return Differences(dict(Counter(one.kind.value for one in changes)), page, len(wanted))


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of what is wrong with a menu, errors first."""

    findings: tuple[Finding, ...]
    errors: int
    warnings: int


@dataclass(frozen=True, slots=True)
class Lint:
    """What is wrong with a version, whose location it should be told."""

    location_id: LocationId
    skip: int = 0

    def at(self, menus: Sequence[Menu]) -> Findings:
        found = lint_menu(menus[0], self.location_id)
        errors = sum(one.severity is Severity.ERROR for one in found)
        return Findings(found[self.skip : self.skip + limits.MENU_SHOWN_ROWS], errors, len(found) - errors)


def _shown(section: str, product: Product) -> ShownProduct:
    choices: list[Choice] = []
    for choice in _choices(product.groups):
        if len(choices) == limits.MENU_SHOWN_CHOICES:
            return ShownProduct(section, _bare(product), tuple(choices), more_choices=True)
        choices.append(choice)
    return ShownProduct(section, _bare(product), tuple(choices), more_choices=False)


def _bare(product: Product) -> Product:
    """Without its choices, which may be many, and with no more of its parts than are shown."""
    few = limits.MENU_SHOWN_CHOICES
    return Product(
        product.id,
        product.name,
        product.price,
        product.availability,
        product.type,
        product.description,
        product.tax_category,
        product.categories[:few],
        product.image_url,
        (),
        product.components[:few],
        product.prices[:few],
    )


def _choices(groups: Sequence[ModifierGroup]) -> Iterator[Choice]:
    """Every group with its modifiers, each with what stands below it, in the order that people read."""
    pending = [(0, group) for group in reversed(groups)]
    while pending:
        depth, group = pending.pop()
        yield Choice(depth, group.id, group.name, (group.min_selected, group.max_selected))
        for modifier in group.modifiers:
            yield Choice(depth + 1, modifier.id, modifier.name, None, modifier.price, modifier.availability)
            pending.extend((depth + 2, below) for below in reversed(modifier.groups))
