"""The rules an order keeps once its bytes are read: what may stand where, and that everything adds up (wire.md 1.3).

Checked after the signature: whoever cannot sign learns nothing of them.
"""

from collections.abc import Iterator

from heard.domain.pos import CHILD_ITEM_TYPES, MAIN_ITEM_TYPES, ItemType, PosItem, PosOrder, PosTotals
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols.strict_json import invalid_body

_DETAILS = "$.order_details"
# Looked up once: an enum's member costs as much to name as a line of an order to check.
_MEMO, _DISCOUNT = ItemType.MEMO, ItemType.DISCOUNT


def check_order(order: PosOrder) -> None:
    """The rules of wire.md 1.3: which item may stand where, and that everything adds up.

    Raises Refused: invalid_body, totals_mismatch.
    """
    path = f"{_DETAILS}.menu_items"
    if not order.items:
        raise invalid_body(FieldError(path, "empty", "an order has at least one line"))
    sums = _sums(order.items, MAIN_ITEM_TYPES)
    if sums is None:
        lines = ((item, f"{path}[{place}]") for place, item in enumerate(order.items))
        raise invalid_body(*(error for item, at in lines for error in _line_errors(item, at, main=True)))
    _check_sums(order.totals, *sums)


def _line_errors(item: PosItem, path: str, *, main: bool) -> Iterator[FieldError]:
    """Our reading: a Memo costs nothing, and nothing hangs on a Memo or a Discount."""
    allowed = MAIN_ITEM_TYPES if main else CHILD_ITEM_TYPES
    if item.item_type not in allowed:
        text = f"{item.item_type} cannot be {'a main item' if main else 'a child'}"
        yield FieldError(f"{path}.item_type", "wrong_place", text)
    if item.item_type is _MEMO and item.price:
        yield FieldError(f"{path}.price", "memo_costs", "a Memo costs nothing")
    if item.menu_items and item.item_type in (_MEMO, _DISCOUNT):
        yield FieldError(f"{path}.menu_items", "wrong_place", f"nothing hangs on a {item.item_type}")
    for place, child in enumerate(item.menu_items):
        yield from _line_errors(child, f"{path}.menu_items[{place}]", main=False)


def _sums(items: tuple[PosItem, ...], allowed: tuple[ItemType, ...]) -> tuple[int, int] | None:
    """The lines without Discounts, and the Discounts; None when an item stands where it may not (_line_errors).

    A child counts once per unit of its parent, except a Discount: that is for its whole line, whatever the quantity of
    what it hangs on.
    """
    subtotal = discount = 0
    for item in items:
        kind, children = item.item_type, item.menu_items
        each: int = item.price
        if kind not in allowed:
            return None
        if children:
            below = None if kind is _MEMO or kind is _DISCOUNT else _sums(children, CHILD_ITEM_TYPES)
            if below is None:
                return None
            each += below[0]
            discount += below[1]
        if kind is _DISCOUNT:
            discount += item.quantity * each
        elif kind is _MEMO and each:
            return None
        else:
            subtotal += item.quantity * each
    return subtotal, discount


def _check_sums(stated: PosTotals, subtotal: int, discount: int) -> None:
    """All amounts stated against the same amounts added up; each difference is named with both figures."""
    grand_total = stated.subtotal - stated.discount_total + stated.tax + stated.tip + stated.fees
    errors = [
        FieldError(f"{_DETAILS}.{name}", "mismatch", f"stated {said} cents, added up {added}")
        for name, said, added in (
            ("subtotal", stated.subtotal, subtotal),
            ("discount_total", stated.discount_total, discount),
            ("grand_total", stated.grand_total, grand_total),
        )
        if said != added
    ]
    if errors:
        detail = "; ".join(f"{error.path}: {error.message}" for error in errors)
        raise Refused(Code.TOTALS_MISMATCH, detail, *errors)
