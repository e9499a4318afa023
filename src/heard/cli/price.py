"""`heard price`: what a cart costs, and how each cent of it came about."""

from collections.abc import Iterator, Sequence
from typing import Any

from heard import limits
from heard.cli.arguments import Json
from heard.cli.output import console, fail, money, print_json, print_rows
from heard.cli.sign import FileOrStdin, read_input
from heard.domain.pricing.cart import CartModifier, TaxPer
from heard.domain.pricing.priced import Priced, PricedTax
from heard.domain.pricing.proof import prove
from heard.domain.refusals import Refused
from heard.protocols.carts import as_data, percent, price_file

_COLUMNS = {
    "what": "What",
    "each": "Each",
    "quantity": "Times",
    "subtotal": "Subtotal",
    "discount": "Discount",
    "taxable": "Taxed on",
    "tax": "Tax",
    "rates": "Rates",
    "total": "Total",
}


def price(cart: FileOrStdin, /, *, json: Json = False) -> None:
    """Price a cart and show its arithmetic: each line, its share of the discount, each tax, and who got the odd cents.

    Amounts are whole cents, rates percent as text. Before it is shown the result is added up again by other code.

    For example:

        heard price cart.json

        echo '{"currency": "USD", "discount": 100, "lines": [
          {"name": "Burger", "quantity": 2, "unit_price": 999, "taxes": [{"name": "Sales tax", "rate": "8.25"}],
           "modifiers": [{"name": "Cheese", "unit_price": 75}]},
          {"name": "Lunch", "unit_price": 1200, "components": [
            {"name": "Soup", "list_price": 800, "taxes": [{"name": "Sales tax", "rate": "8.25"}]},
            {"name": "Bread", "list_price": 500}]}]}' | heard price -

    Parameters
    ----------
    cart
        A cart file; - reads stdin. Its members: docs/reference/carts.md.
    json
        Print one JSON document: {"lines": [...], "taxes": [...], "subtotal", "discount_total", "total", ...}.

    """
    raw = read_input(cart, limits.BODY_BYTES_MAX)
    try:
        priced = price_file(raw)
    except Refused as refused:
        said = [f"{fault.path}: {fault.message}" for fault in refused.errors] or [refused.detail]
        told = [fail(f"{cart}: {one}") for one in said]
        raise told[-1] from None
    prove(priced)
    if json:
        print_json(as_data(priced))
        return
    print_rows("Cart", list(_rows(priced)), _COLUMNS, "")
    for line in _sums(priced):
        console.print(line)


def _rows(priced: Priced) -> Iterator[dict[str, Any]]:
    for line in priced.lines:
        yield {
            "what": line.name,
            "each": _plain(line.unit_price + line.modifiers),
            "quantity": line.quantity,
            "subtotal": _plain(line.subtotal),
            "discount": _share(line.discount, line.odd),
            "taxable": _plain(line.taxable),
            "tax": _plain(line.tax),
            "rates": "" if line.components else _named(line.taxes),
            "total": _plain(line.total),
        }
        if line.line.modifiers:
            yield _only(f"  {line.name} alone", _plain(line.unit_price))
        yield from (_only(*row) for row in _choices(line.line.modifiers, "  "))
        for part in line.components:
            yield {
                "what": f"  of it {part.component.name}",
                "each": "",
                "quantity": part.component.quantity * line.quantity,
                "subtotal": _plain(part.subtotal),
                "discount": _share(part.discount, part.odd),
                "taxable": _plain(part.taxable),
                "tax": _plain(part.tax),
                "rates": _named(part.taxes),
                "total": _plain(part.total),
            }


def _choices(modifiers: Sequence[CartModifier], indent: str) -> Iterator[tuple[str, str, str]]:
    for one in modifiers:
        yield f"{indent}+ {one.name}", _plain(one.unit_price), str(one.quantity)
        yield from _choices(one.modifiers, indent + "  ")


def _only(what: str, each: str, quantity: str = "") -> dict[str, Any]:
    return {**dict.fromkeys(_COLUMNS, ""), "what": what, "each": each, "quantity": quantity}


def _sums(priced: Priced) -> Iterator[str]:
    rows: list[tuple[str, int]] = [("Subtotal", priced.subtotal)]
    if priced.discount_total:
        rows.append(("Discount", -priced.discount_total))
    scope = "the order" if priced.rules.per is TaxPer.ORDER else "each line"
    for tax in priced.taxes:
        within = "in it: " if priced.rules.inclusive else ""
        rows.append((f"{within}{tax.name} {percent(tax.millionths)} % of {_plain(tax.base)}", tax.amount))
    rows += [(name, cents) for name, cents in (("Tip", priced.tip), ("Fees", priced.fees)) if cents]
    width = max(len(name) for name, _ in rows)
    yield ""
    for name, cents in rows:
        yield f"{name.ljust(width)}  {_plain(cents):>10}"
    yield f"{'Total'.ljust(width)}  {_plain(priced.total):>10} {priced.currency.code}"
    yield ""
    yield f"Tax is rounded for {scope}, {priced.rules.rounding.value.replace('_', ' ')}; everything adds up."
    if any(line.odd or any(part.odd for part in line.components) for line in priced.lines):
        yield "+ after a discount: this share got a cent that was left over, by the largest remainder."


def _share(cents: int, odd: bool) -> str:
    return f"{_plain(cents)}{' +' if odd else ''}"


def _named(taxes: Sequence[PricedTax]) -> str:
    return ", ".join(f"{tax.name} {percent(tax.millionths)} %" for tax in taxes) or "-"


def _plain(cents: int) -> str:
    return money(cents, "").rstrip()
