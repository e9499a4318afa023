"""An order's numbers as the hub has them beside those that its POS computed, line by line.

What a POS echoes of its lines is its own; a POS that states none is compared by its totals alone. The tax is not
compared: whoever asks a POS for it takes the POS's. Where prices have it in them, the total must be the same with it: a
POS that adds one nevertheless asks for more than the guest was shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from heard.domain.money import Cents
from heard.domain.order.content import Line, Totals
from heard.domain.pos import ItemType, PosItem, PosTotals


@dataclass(frozen=True, slots=True)
class PosComputed:
    """What a POS computed for an order that it would take. `items`: as it echoes them; empty where it echoes none."""

    totals: PosTotals
    items: tuple[PosItem, ...] = ()


@dataclass(frozen=True, slots=True)
class PosDifference:
    """One number that the two have otherwise, in cents. `place`: the line's, None for a total."""

    name: str
    hub: Cents
    pos: Cents
    place: int | None = None


def compare(
    lines: Sequence[Line], totals: Totals, computed: PosComputed, *, tax_included: bool
) -> tuple[PosDifference, ...]:
    """Every number that differs: lines first, then the totals. `tax_included`: in the prices, and not in `totals`."""
    found = [
        PosDifference("line", line.subtotal, sold, place)
        for place, (line, sold) in enumerate(zip(lines, _sold(lines, computed.items), strict=True))
        if sold != line.subtotal
    ]
    pos = computed.totals
    pairs = (
        ("subtotal", totals.subtotal, pos.subtotal),
        ("discount_total", totals.discount, pos.discount_total),
        ("tip", totals.tip, pos.tip),
        ("fees", totals.delivery_fee, pos.fees),
        ("total", totals.total, pos.grand_total)
        if tax_included
        else ("total_before_tax", Cents(totals.total - totals.tax), Cents(pos.grand_total - pos.tax)),
    )
    return (*found, *(PosDifference(name, hub, other) for name, hub, other in pairs if hub != other))


def within(differences: Sequence[PosDifference], tolerance: Cents) -> bool:
    """Whether a store takes such an order: no number differs by more than its tolerance."""
    return all(abs(one.hub - one.pos) <= tolerance for one in differences)


def _sold(lines: Sequence[Line], items: Sequence[PosItem]) -> list[Cents]:
    """What the POS sells each of our lines for; our own number where it does not say.

    Our reading: it echoes lines in the order in which they came, with lines of its own (memos, discounts) between them.
    """
    sold = [line.subtotal for line in lines]
    left = iter([one for one in items if one.item_type not in (ItemType.DISCOUNT, ItemType.MEMO)])
    for place, line in enumerate(lines):
        match = next((one for one in left if one.id == line.product_id), None)
        if match is None:
            break
        sold[place] = Cents(match.quantity * _unit(match))
    return sold


def _unit(item: PosItem) -> int:
    """Cents of one, children included, discounts left out."""
    children = [one for one in item.menu_items if one.item_type is not ItemType.DISCOUNT]
    return item.price + sum(one.quantity * _unit(one) for one in children)
