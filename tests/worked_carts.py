"""The notation of the table of worked carts, tests/domain/pricing_carts.txt; how to read it stands there."""

import re
from dataclasses import dataclass
from pathlib import Path

from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import Cents, currency
from heard.domain.pricing.cart import (
    Cart,
    CartComponent,
    CartLine,
    CartModifier,
    PricingRules,
    Rounding,
    TaxPer,
    TaxRate,
)
from heard.protocols.carts import millionths

TABLE = Path(__file__).resolve().parent / "domain" / "pricing_carts.txt"

_LINE = re.compile(r"(?P<quantity>\d+)\*(?P<price>\d+)(?P<modifiers>[^@{]*)(?:@(?P<rates>\S+))?(?:\{(?P<parts>.*)\})?")
_PART = re.compile(r"(?:(?P<quantity>\d+)\*)?(?P<price>\d+)(?:@(?P<rates>\S+))?")
_SUMS = re.compile(r"(?P<subtotal>\d+)-(?P<discount>\d+)=(?P<taxable>\d+) tax (?P<tax>\d+)")


@dataclass(frozen=True, slots=True)
class Worked:
    """A row: a cart, its rules, and what they come to. A line's numbers: subtotal, discount, taxable, tax; a combo's
    components have theirs below it.
    """

    number: str
    cart: Cart
    rules: PricingRules
    lines: list[tuple[tuple[int, ...], list[tuple[int, ...]]]]
    subtotal: int
    tax: int
    total: int


def worked_carts() -> list[Worked]:
    """Every row of the table, in its order."""
    rows = [line for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [_row(row) for row in rows]


def _row(row: str) -> Worked:
    number, rules, carted, discount, tip, fees, lines, sums = (cell.strip() for cell in row.split("|"))
    money, rounding, per, placed = rules.split()
    cart = Cart(
        tuple(_line(text.strip()) for text in carted.split(";")),
        currency(money),
        *(Cents(int(cell or 0)) for cell in (discount, tip, fees)),
    )
    subtotal, tax, total = (int(cell) for cell in sums.split())
    return Worked(
        number,
        cart,
        PricingRules(Rounding(f"half_{rounding}"), TaxPer(per), placed == "in"),
        [_numbers(text) for text in lines.split(";")],
        subtotal,
        tax,
        total,
    )


def _line(text: str) -> CartLine:
    """Lines that differ in nothing but their quantity are of one item."""
    found = _LINE.fullmatch(text)
    assert found, text
    thing = text.partition("*")[2]
    line = CartLine(
        ProductId(f"item {thing}"),
        f"Item {thing}",
        int(found["quantity"]),
        Cents(int(found["price"])),
        _modifiers(found["modifiers"]),
    )
    if found["parts"] is None:
        return line._replace(taxes=_rates(found["rates"]))
    parts = [_PART.fullmatch(part.strip()) for part in found["parts"].split(",")]
    return line._replace(
        components=tuple(
            CartComponent(
                ProductId("C"), "Part", int(one["quantity"] or 1), Cents(int(one["price"])), _rates(one["rates"])
            )
            for one in parts
            if one
        )
    )


def _modifiers(text: str) -> tuple[CartModifier, ...]:
    """`+75`, `+2*75`, `+75(+2*25)`."""
    found, depth, start = [], 0, 0
    for place, character in enumerate(text + "+"):
        if character == "+" and depth == 0 and place:
            found.append(text[start + 1 : place].strip())
            start = place
        depth += (character == "(") - (character == ")")
    return tuple(_modifier(one) for one in found if one)


def _modifier(text: str) -> CartModifier:
    head, _, below = text.partition("(")
    quantity, _, price = head.rpartition("*")
    return CartModifier(
        ModifierId("M"), "Choice", int(quantity or 1), Cents(int(price)), _modifiers(below.removesuffix(")"))
    )


def _rates(text: str | None) -> tuple[TaxRate, ...]:
    """`8.25` or `5&9.975`: percent; a rate's name is its text."""
    return tuple(TaxRate(one, millionths(one)) for one in text.split("&")) if text else ()


def _numbers(text: str) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    first, *rest = (tuple(map(int, found.groups())) for found in _SUMS.finditer(text))
    return first, rest
