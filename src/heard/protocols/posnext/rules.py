"""The rules an order keeps once its bytes are read: what may stand where, and that everything adds up (wire.md 1.3).

Checked after the signature: whoever cannot sign learns nothing of them.
"""

from collections.abc import Iterator

from heard.domain.pos import CHILD_ITEM_TYPES, MAIN_ITEM_TYPES, ItemType, PosItem, PosOrder
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols.strict_json import invalid_body

_DETAILS = "$.order_details"


def check_order(order: PosOrder) -> None:
    """The rules of wire.md 1.3: which item may stand where, and that everything adds up.

    Raises Refused: invalid_body, totals_mismatch.
    """
    _check_lines(order.items)
    _check_sums(order)


def _check_lines(items: tuple[PosItem, ...]) -> None:
    path = f"{_DETAILS}.menu_items"
    if not items:
        raise invalid_body(FieldError(path, "empty", "an order has at least one line"))
    if _are_right(items, MAIN_ITEM_TYPES):
        return
    errors = [error for place, item in enumerate(items) for error in _line_errors(item, f"{path}[{place}]", main=True)]
    raise invalid_body(*errors)


def _are_right(items: tuple[PosItem, ...], allowed: frozenset[ItemType]) -> bool:
    """Whether there is nothing that _line_errors would say of them; nearly always so, and much quicker told."""
    for item in items:
        kind = item.item_type
        if kind not in allowed or (kind is ItemType.MEMO and item.price):
            return False
        if item.menu_items:
            leaf = kind is ItemType.MEMO or kind is ItemType.DISCOUNT
            if leaf or not _are_right(item.menu_items, CHILD_ITEM_TYPES):
                return False
    return True


def _line_errors(item: PosItem, path: str, *, main: bool) -> Iterator[FieldError]:
    """Our reading: a Memo costs nothing, and nothing hangs on a Memo or a Discount."""
    allowed = MAIN_ITEM_TYPES if main else CHILD_ITEM_TYPES
    if item.item_type not in allowed:
        text = f"{item.item_type} cannot be {'a main item' if main else 'a child'}"
        yield FieldError(f"{path}.item_type", "wrong_place", text)
    if item.item_type is ItemType.MEMO and item.price:
        yield FieldError(f"{path}.price", "memo_costs", "a Memo costs nothing")
    if item.menu_items and item.item_type in (ItemType.MEMO, ItemType.DISCOUNT):
        yield FieldError(f"{path}.menu_items", "wrong_place", f"nothing hangs on a {item.item_type}")
    for place, child in enumerate(item.menu_items):
        yield from _line_errors(child, f"{path}.menu_items[{place}]", main=False)


def _check_sums(order: PosOrder) -> None:
    """All amounts stated against the same amounts added up; each difference is named with both figures."""
    stated = order.totals
    subtotal, discount = _sums(order.items)
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


def _sums(items: tuple[PosItem, ...]) -> tuple[int, int]:
    """The lines without Discounts, and the Discounts. A child counts once per unit of its parent, except a Discount:
    that is for its whole line, whatever the quantity of what it hangs on.
    """
    subtotal = discount = 0
    for item in items:
        if item.item_type is ItemType.DISCOUNT:
            discount += item.quantity * item.price
        elif item.menu_items:
            below, below_discount = _sums(item.menu_items)
            subtotal += item.quantity * (item.price + below)
            discount += below_discount
        else:
            subtotal += item.quantity * item.price
    return subtotal, discount
