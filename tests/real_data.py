"""A real chain's menu and real orders, from beside the checkout, as our own values. Cents by integers only."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from builders import LOCATION
from heard.domain.ids import ModifierId, ProductId
from heard.domain.menu.model import Availability, Menu, MenuSection, Modifier, ModifierGroup, Product, ProductType
from heard.domain.money import Cents, cents_from_decimal
from heard.domain.order.content import Line, LineModifier

FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
DOMINOS = FOLDER / "dominos-menu.json"
CHIPOTLE = FOLDER / "chipotle-orders.tsv"


def dominos_menu() -> Menu:
    """Every sized variant is a product, with the toppings and sides its kind of product may have; coupons too."""
    document = json.loads(DOMINOS.read_text("utf-8"))
    products = [_variant(document, variant) for variant in document["Variants"].values()]
    coupons = [
        Product(
            ProductId(f"C-{one['Code']}"),
            one["Name"],
            _dollars(one["Price"]),
            Availability.AVAILABLE,
            ProductType.PROMOTION,
        )
        for one in document["Coupons"].values()
        if one["Price"]
    ]
    sections = (MenuSection("ALL", "Menu", tuple(products)), MenuSection("COUPONS", "Coupons", tuple(coupons)))
    return Menu(LOCATION, sections, currency="USD", version="1")


def _variant(document: dict[str, Any], variant: dict[str, Any]) -> Product:
    kind = document["Products"][variant["ProductCode"]]
    groups = [
        ModifierGroup(f"{title}-{kind['ProductType']}", title, tuple(_choices(document[title], kind, allowed)))
        for title, allowed in (("Toppings", kind["AvailableToppings"]), ("Sides", kind["AvailableSides"]))
    ]
    return Product(
        ProductId(variant["Code"]),
        variant["Name"],
        _dollars(variant["Price"]),
        Availability.AVAILABLE,
        description=kind["Description"] or None,
        categories=(kind["ProductType"],),
        groups=tuple(group for group in groups if group.modifiers),
    )


def _choices(table: dict[str, Any], kind: dict[str, Any], allowed: str) -> Iterator[Modifier]:
    named = table.get(kind["ProductType"], {})
    for code in (part.split("=")[0] for part in allowed.split(",") if part):
        if code in named:
            yield Modifier(ModifierId(code), named[code]["Name"], Cents(0))


@dataclass(frozen=True, slots=True)
class RealOrder:
    """One order as it was placed; `total` is the sum of the prices that stand in the file."""

    number: str
    lines: tuple[Line, ...]
    total: Cents


def chipotle_orders() -> list[RealOrder]:
    """The orders in their order. A line's price holds its choices: they are sent at nothing."""
    orders: dict[str, list[tuple[Line, Cents]]] = {}
    with CHIPOTLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            price, quantity = _dollars(row["item_total_price"].strip().removeprefix("$")), int(row["quantity"])
            unit, rest = divmod(price, quantity)
            assert rest == 0, f"{row}: a line that does not divide into units"
            choices = tuple(
                LineModifier(ModifierId(_code(choice)), choice, 1, Cents(0))
                for choice in _split(row["choice_description"])
            )
            name = row["item_name"]
            line = Line(ProductId(_code(name)), name, quantity, Cents(unit), modifiers=choices)
            orders.setdefault(row["order_id"], []).append((line, price))
    return [
        RealOrder(number, tuple(line for line, _ in lines), Cents(sum(price for _, price in lines)))
        for number, lines in orders.items()
    ]


def chipotle_menu(orders: list[RealOrder]) -> Menu:
    """The menu those orders were placed from: each item once, with every choice that was ever made on it."""
    products: dict[ProductId, Product] = {}
    choices: dict[ProductId, dict[ModifierId, Modifier]] = {}
    for line in (line for order in orders for line in order.lines):
        products.setdefault(
            line.product_id, Product(line.product_id, line.name, line.unit_price, Availability.AVAILABLE)
        )
        known = choices.setdefault(line.product_id, {})
        for made in line.modifiers:
            known.setdefault(made.modifier_id, Modifier(made.modifier_id, made.name, Cents(0)))
    whole = tuple(
        Product(
            one.id,
            one.name,
            one.price,
            one.availability,
            groups=(ModifierGroup(f"G-{one.id}", "Choices", tuple(choices[one.id].values())),)
            if choices[one.id]
            else (),
        )
        for one in products.values()
    )
    return Menu(LOCATION, (MenuSection("ALL", "Menu", whole),), currency="USD", version="1")


def _choice_group(product_id: ProductId, choices: tuple[Modifier, ...]) -> tuple[ModifierGroup, ...]:
    return (ModifierGroup(f"G-{product_id}", "Choices", choices),) if choices else ()


def _split(text: str) -> list[str]:
    """`A, [B, C]` and `A, B, C` are the same three choices."""
    return [] if text == "NULL" else [part.strip() for part in re.split(r"[,\[\]]", text) if part.strip()]


def _code(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")


def _dollars(text: str) -> Cents:
    return cents_from_decimal(Decimal(text))
