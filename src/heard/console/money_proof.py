"""Whether an order's money adds up: by the hub's arithmetic where it did any, else the totals of its channel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heard.protocols.admin import wire, wire_orders

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table, in cents. `depth`: how deep it hangs below its line; None: it has no amount there."""

    name: str
    depth: int
    quantity: int | None
    each: int | None
    subtotal: int | None = None
    discount: int | None = None
    taxes: tuple[str, ...] = ()
    tax: int | None = None
    total: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A sum that was made again. `off`: what was stated less what we come to."""

    what: str
    off: int


@dataclass(frozen=True, slots=True)
class MoneyProof:
    """`full`: the hub did the arithmetic, line by line. `sums`: what leads to the total, each with its sign."""

    full: bool
    lines: tuple[Line, ...]
    sums: tuple[tuple[str, int], ...]
    total: int
    checks: tuple[Check, ...]
    remarks: tuple[str, ...]


def money_proof(found: wire_orders.OrderDetail) -> MoneyProof:
    """The proof of an order's total."""
    return _of_channel(found) if found.arithmetic is None else _of_hub(found, found.arithmetic)


# --- the channel's totals -----------------------------------------------------------------------------------


def _of_channel(found: wire_orders.OrderDetail) -> MoneyProof:
    said = found.ordered
    lines = tuple(row for item in said.items for row in _item_rows(item))
    subtotal = sum(_item_price(item) for item in said.items)
    named = (("Discount", -said.discount), ("Tax", said.tax), ("Tip", said.tip), ("Delivery", said.delivery_fee))
    sums = (("Subtotal", said.subtotal), *((name, cents) for name, cents in named if cents))
    checks = [Check("the items come to the subtotal", said.subtotal - subtotal)]
    checks.append(Check("the sums come to the total", said.total - sum(cents for _, cents in sums)))
    checks += _at_pos(found.order)
    return MoneyProof(False, lines, sums, said.total, tuple(checks), ())


def _item_rows(item: wire.OrderedItem) -> Iterator[Line]:
    each = item.unit_price
    yield Line(item.name, 0, item.quantity, each, subtotal=_item_price(item), note=item.notes)
    yield from _modifier_rows(item.modifiers, 1)


def _modifier_rows(modifiers: Sequence[wire.OrderedModifier], depth: int) -> Iterator[Line]:
    for one in modifiers:
        yield Line(one.name, depth, one.quantity, one.unit_price)
        yield from _modifier_rows(one.modifiers, depth + 1)


def _item_price(item: wire.OrderedItem) -> int:
    return item.quantity * (item.unit_price + sum(_modifier_price(one) for one in item.modifiers))


def _modifier_price(one: wire.OrderedModifier) -> int:
    return one.quantity * (one.unit_price + sum(_modifier_price(below) for below in one.modifiers))


# --- the hub's arithmetic -----------------------------------------------------------------------------------


def _of_hub(found: wire_orders.OrderDetail, proof: Data) -> MoneyProof:
    inclusive = proof["rules"]["prices_include_tax"]
    sums: list[tuple[str, int]] = [("Subtotal", proof["subtotal"])]
    if proof["discount_total"]:
        sums.append(("Discount", -proof["discount_total"]))
    taxes = [(f"{tax['name']} {tax['rate']} % of {tax['base'] / 100:,.2f}", tax["amount"]) for tax in proof["taxes"]]
    if not inclusive:
        sums += taxes
    sums += [(name, cents) for name, cents in (("Tip", proof["tip"]), ("Fees", proof["fees"])) if cents]
    lines = proof["lines"]
    checks = (
        Check("the lines come to the subtotal", proof["subtotal"] - sum(line["subtotal"] for line in lines)),
        Check("the shares come to the discount", proof["discount_total"] - sum(line["discount"] for line in lines)),
        Check("the sums come to the total", proof["total"] - sum(cents for _, cents in sums)),
        Check("the channel's total is ours", found.order.total - proof["total"]),
        *_at_pos(found.order),
    )
    rows = tuple(row for line, item in _beside(lines, found.ordered.items) for row in _line_rows(line, item))
    return MoneyProof(True, rows, tuple(sums), proof["total"], checks, tuple(_remarks(proof, taxes)))


def _beside(lines: Sequence[Data], items: Sequence[wire.OrderedItem]) -> Iterator[tuple[Data, wire.OrderedItem | None]]:
    """Each line with the item that it is of, where there are as many."""
    same = len(lines) == len(items)
    for place, line in enumerate(lines):
        yield line, items[place] if same else None


def _line_rows(line: Data, item: wire.OrderedItem | None) -> Iterator[Line]:
    note = None if item is None else item.notes
    yield _line(line, 0, line["quantity"], line["unit_price"], () if line["components"] else line["taxes"], note)
    yield from _choices(line["modifiers"], 1)
    for part in line["components"]:
        yield _line(part, 1, part["quantity"] * line["quantity"], None, part["taxes"], "part of the combo")


def _line(of: Data, depth: int, quantity: int, each: int | None, taxes: Sequence[Data], note: str | None) -> Line:
    named = tuple(f"{tax['name']} {tax['rate']} %" for tax in taxes)
    odd = "with a cent that was left over of the discount" if of["odd_cent"] else None
    said = "; ".join(part for part in (note, odd) if part) or None
    return Line(of["name"], depth, quantity, each, of["subtotal"], of["discount"], named, of["tax"], of["total"], said)


def _choices(modifiers: Sequence[Data], depth: int) -> Iterator[Line]:
    for one in modifiers:
        yield Line(one["name"], depth, one["quantity"], one["unit_price"])
        yield from _choices(one["modifiers"], depth + 1)


def _remarks(proof: Data, taxes: Sequence[tuple[str, int]]) -> Iterator[str]:
    rules = proof["rules"]
    if rules["prices_include_tax"]:
        yield "The prices have the tax in them: " + (", ".join(name for name, _ in taxes) or "none")
    if proof["tax_is_estimate"]:
        scope = "the order" if rules["per"] == "order" else "each line"
        yield f"Tax is rounded for {scope}, {rules['rounding'].replace('_', ' ')}."
    else:
        yield "The tax is the POS's, spread over the lines as the hub's estimate was."


def _at_pos(order: wire.OrderView) -> Iterator[Check]:
    if order.pos_total is not None:
        yield Check("the POS's total is the order's", order.pos_total - order.total)
