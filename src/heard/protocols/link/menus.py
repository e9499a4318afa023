"""A store's menu as marketplaces read it: flat, each thing once, references by id. Ids are the POS's own.

Our readings stand here: a section is a category, a combo's choices are modifier groups, and two groups of one id that
are not the same get two ids.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from heard.domain.ids import ProductId, VenueId
from heard.domain.menu.model import Availability, ComboComponent, Menu, Modifier, ModifierGroup, Product
from heard.domain.menu.off import version_shown
from heard.protocols.link import wire
from heard.protocols.link.encode import time_text
from heard.protocols.link.status import availability_word

_encoder = msgspec.json.Encoder()
_DIGEST_CHARS = 8
_NO_RULES = b',"prices":[]'  # an id once given out stays: it is older than price rules


@dataclass(frozen=True, slots=True)
class MenuFacts:
    """What a menu's document says besides the menu. `off`: the ids of what is off it."""

    venue_id: VenueId
    version: str
    currency: str
    published_at: datetime
    off: frozenset[str] = frozenset()

    @property
    def tag(self) -> str:
        """Names the document's content, and is what marketplaces read as its version."""
        return version_shown(self.version, self.off)


def encode_menu(menu: Menu, facts: MenuFacts) -> bytes:
    """The document at menu_url. A long one takes a second: not on a loop. The same menu and facts, the same bytes."""
    return _encoder.encode(_Writer(menu, facts.off).document(facts))


class _Writer:
    """One menu being flattened."""

    def __init__(self, menu: Menu, off: Collection[str]) -> None:
        self._menu = menu
        self._products: dict[ProductId, Product] = {}
        for product in menu.products():
            self._products.setdefault(product.id, product)
        self._gone = menu.gone().union(off)
        self._taken = {group.id for group in _groups_below(self._products.values())}
        self._named: dict[str, list[tuple[ModifierGroup, str]]] = {}  # by the POS's id: what it stands for, and our id
        self._groups: list[wire.MenuGroup] = []

    def document(self, facts: MenuFacts) -> wire.MenuDocument:
        items = [self._item(product) for product in self._products.values()]
        return wire.MenuDocument(
            venue_id=facts.venue_id,
            version=facts.tag,
            currency=facts.currency,
            published_at=time_text(facts.published_at),
            categories=[
                wire.MenuCategory(
                    id=section.id,
                    name=section.name,
                    item_ids=list(dict.fromkeys(product.id for product in section.products)),
                )
                for section in self._menu.sections
            ],
            items=items,
            modifier_groups=self._groups,
        )

    def _item(self, product: Product) -> wire.MenuItem:
        components = [
            self._component(product, place, component) for place, component in enumerate(product.components, 1)
        ]
        return wire.MenuItem(
            id=product.id,
            name=product.name,
            price=product.price,
            item_type=product.type,
            state=self._state(product.id, product.availability),
            description=product.description,
            tax_category=product.tax_category,
            image_url=product.image_url,
            modifier_group_ids=self._references(product.groups) + components,
        )

    def _references(self, groups: Iterable[ModifierGroup]) -> list[str]:
        return [self._reference(group) for group in groups]

    def _reference(self, group: ModifierGroup) -> str:
        """Our reading: groups are the same thing when nothing differs. The first of an id keeps it; another one, under
        the same id, gets it with a digest of its content, so that neither is taken for the other.
        """
        known = self._named.setdefault(group.id, [])
        for other, name in known:
            if other is group or other == group or _shown(other) == _shown(group):
                return name
        name = self._other_name(group) if known else group.id
        known.append((group, name))
        modifiers = [self._modifier(modifier) for modifier in group.modifiers]
        self._add(name, group.name, group.min_selected, group.max_selected, modifiers)
        return name

    def _other_name(self, group: ModifierGroup) -> str:
        shown = _encoder.encode(_shown(group)).replace(_NO_RULES, b"")
        digest = hashlib.sha256(shown).hexdigest()
        return self._free(f"{group.id}~{digest[:_DIGEST_CHARS]}")

    def _component(self, combo: Product, place: int, component: ComboComponent) -> str:
        """Our reading: a combo's part costs nothing beyond the combo's price, and has no choices of its own."""
        name = self._free(f"{combo.id}~{place}")
        parts = [self._products[product_id] for product_id in dict.fromkeys(component.product_ids)]
        modifiers = [
            wire.MenuModifier(id=part.id, name=part.name, price=0, state=self._state(part.id, part.availability))
            for part in parts
        ]
        self._add(name, component.name, component.min_selected, component.max_selected, modifiers)
        return name

    def _modifier(self, modifier: Modifier) -> wire.MenuModifier:
        return wire.MenuModifier(
            id=modifier.id,
            name=modifier.name,
            price=modifier.price,
            state=self._state(modifier.id, modifier.availability),
            modifier_group_ids=self._references(modifier.groups),
        )

    def _add(self, name: str, title: str, least: int, most: int | None, modifiers: list[wire.MenuModifier]) -> None:
        self._groups.append(
            wire.MenuGroup(id=name, name=title, min_selected=least, max_selected=most, modifiers=modifiers)
        )

    def _free(self, name: str) -> str:
        """An id that no group of the POS's has, nor one of ours."""
        while name in self._taken:
            name += "~"
        self._taken.add(name)
        return name

    def _state(self, thing_id: str, own: Availability) -> str:
        """What is off, or cannot be had in one place, cannot be had in any: orders are held against that too."""
        if own is Availability.AVAILABLE and thing_id in self._gone:
            return availability_word(Availability.UNAVAILABLE)
        return availability_word(own)


def _shown(group: ModifierGroup) -> ModifierGroup:
    """A group without its price rules, which marketplaces know nothing of."""
    below = [replace(one, groups=tuple(map(_shown, one.groups)), prices=()) for one in group.modifiers]
    return replace(group, modifiers=tuple(below))


def _groups_below(products: Iterable[Product]) -> Iterator[ModifierGroup]:
    for product in products:
        pending = list(product.groups)
        while pending:
            group = pending.pop()
            yield group
            pending.extend(below for modifier in group.modifiers for below in modifier.groups)
