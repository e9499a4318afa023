"""What may be ordered of a product: its price, its groups of choices. Compact: a hub keeps it of every product.

Plain tuples of plain values, which Python's collector of garbage soon leaves alone; a long menu has 100,000 of them.
"""

from typing import TypeAlias

from heard.domain.ids import ProductId
from heard.domain.menu import choosing
from heard.domain.menu.model import ModifierGroup, Product
from heard.domain.money import Cents

# A group of choices, each with its price.
Group: TypeAlias = "choosing.Group[Cents]"
# A component of a combo: the same, of products.
Component: TypeAlias = tuple[str, int, int, tuple[ProductId, ...]]
Offer: TypeAlias = "tuple[Cents, tuple[Group, ...], tuple[Component, ...]]"


def offer_of(product: Product) -> Offer:
    """What may be ordered of a product."""
    return product.price, _groups(product.groups), components_of(product)


def components_of(product: Product) -> tuple[Component, ...]:
    """A combo's parts."""
    return tuple([(one.name, one.min_selected, one.max_selected, one.product_ids) for one in product.components])


def _groups(groups: tuple[ModifierGroup, ...]) -> tuple[Group, ...]:
    return tuple(
        [
            (
                group.name,
                group.min_selected,
                group.max_selected,
                tuple([(one.id, one.price, _groups(one.groups)) for one in group.modifiers]),
            )
            for group in groups
        ]
    )
