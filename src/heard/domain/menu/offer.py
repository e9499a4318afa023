"""What may be ordered of a product: its price, its groups of choices. Compact: a hub keeps it of every product.

Plain tuples of plain values, which Python's collector of garbage soon leaves alone; a long menu has 100,000 of them.
"""

from typing import TypeAlias

from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import ModifierGroup, Product
from heard.domain.money import Cents

# A group: its name for people, at least so many, at most so many (None: no bound), and what there is to choose.
Choice: TypeAlias = "tuple[ModifierId, Cents, tuple[Group, ...]]"
Group: TypeAlias = "tuple[str, int, int | None, tuple[Choice, ...]]"
# A component of a combo: the same, of products.
Component: TypeAlias = tuple[str, int, int, tuple[ProductId, ...]]
Offer: TypeAlias = "tuple[Cents, tuple[Group, ...], tuple[Component, ...]]"


def offer_of(product: Product) -> Offer:
    """What may be ordered of a product."""
    components = tuple([(one.name, one.min_selected, one.max_selected, one.product_ids) for one in product.components])
    return product.price, _groups(product.groups), components


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
