"""An order's arithmetic as a readable table, from its proof as data (docs/reference/carts.md)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from heard.cli.output import console, money, print_rows

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
Data = Mapping[str, Any]


def print_arithmetic(proof: Data, title: str) -> None:
    """Each line with its share of the discount and its taxes, then the sums, then how it was rounded."""
    print_rows(title, list(_rows(proof)), _COLUMNS, "")
    for line in _sums(proof):
        console.print(line)


def _rows(proof: Data) -> Iterator[dict[str, Any]]:
    for line in proof["lines"]:
        yield {
            "what": line["name"],
            "each": _plain(line["unit_price"] + line["modifiers_price"]),
            "quantity": line["quantity"],
            "rates": "" if line["components"] else _named(line["taxes"]),
            **_amounts(line),
        }
        if line["modifiers"]:
            yield _only(f"  {line['name']} alone", _plain(line["unit_price"]))
        yield from (_only(*row) for row in _choices(line["modifiers"], "  "))
        for part in line["components"]:
            yield {
                "what": f"  of it {part['name']}",
                "each": "",
                "quantity": part["quantity"] * line["quantity"],
                "rates": _named(part["taxes"]),
                **_amounts(part),
            }


def _amounts(piece: Data) -> dict[str, str]:
    share = f"{_plain(piece['discount'])}{' +' if piece['odd_cent'] else ''}"
    return {"discount": share, **{name: _plain(piece[name]) for name in ("subtotal", "taxable", "tax", "total")}}


def _choices(modifiers: Sequence[Data], indent: str) -> Iterator[tuple[str, str, str]]:
    for one in modifiers:
        yield f"{indent}+ {one['name']}", _plain(one["unit_price"]), str(one["quantity"])
        yield from _choices(one["modifiers"], indent + "  ")


def _only(what: str, each: str, quantity: str = "") -> dict[str, Any]:
    return {**dict.fromkeys(_COLUMNS, ""), "what": what, "each": each, "quantity": quantity}


def _sums(proof: Data) -> Iterator[str]:
    rules = proof["rules"]
    rows: list[tuple[str, int]] = [("Subtotal", proof["subtotal"])]
    if proof["discount_total"]:
        rows.append(("Discount", -proof["discount_total"]))
    within = "in it: " if rules["prices_include_tax"] else ""
    rows += [
        (f"{within}{tax['name']} {tax['rate']} % of {_plain(tax['base'])}", tax["amount"]) for tax in proof["taxes"]
    ]
    rows += [(name, cents) for name, cents in (("Tip", proof["tip"]), ("Fees", proof["fees"])) if cents]
    width = max(len(name) for name, _ in rows)
    yield ""
    for name, cents in rows:
        yield f"{name.ljust(width)}  {_plain(cents):>10}"
    yield f"{'Total'.ljust(width)}  {_plain(proof['total']):>10} {proof['currency']}"
    yield ""
    yield from _remarks(proof)


def _remarks(proof: Data) -> Iterator[str]:
    rules = proof["rules"]
    if proof.get("tax_is_estimate", True):
        scope = "the order" if rules["per"] == "order" else "each line"
        yield f"Tax is rounded for {scope}, {rules['rounding'].replace('_', ' ')}; everything adds up."
    else:
        yield "The tax is the POS's, spread over the lines as our estimate was; everything adds up."
    if any(line["odd_cent"] or any(part["odd_cent"] for part in line["components"]) for line in proof["lines"]):
        yield "+ after a discount: this share got a cent that was left over, by the largest remainder."


def _named(taxes: Sequence[Data]) -> str:
    return ", ".join(f"{tax['name']} {tax['rate']} %" for tax in taxes) or "-"


def _plain(cents: int) -> str:
    return money(cents, "").rstrip()
