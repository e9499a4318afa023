"""A cart as a file, for `heard price`, and a cart's prices as plain JSON: its proof, which an order keeps.

Amounts are whole cents, rates percent as text ("8.25"). Ours, all of it; docs/reference/carts.md has the members.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from heard import limits
from heard.domain.ids import ModifierId, ProductId
from heard.domain.money import MAX_CENTS, Cents, MoneyError, currency
from heard.domain.pricing.cart import (
    WHOLE_MILLIONTHS,
    Cart,
    CartComponent,
    CartError,
    CartLine,
    CartModifier,
    DiscountExceedsSubtotal,
    PricingRules,
    Rounding,
    TaxPer,
    TaxRate,
)
from heard.domain.pricing.price import price
from heard.domain.pricing.priced import Priced, PricedTax
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols.bodies import Id, Word
from heard.protocols.strict_json import invalid_body, read

Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_CENTS)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=limits.QUANTITY_MAX)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TEXT_MAX)]

_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?", re.ASCII)
_OPTIONS: dict[str, Any] = {"kw_only": True, "frozen": True, "forbid_unknown_fields": True}


class TaxInFile(msgspec.Struct, **_OPTIONS):
    name: Text
    rate: Word


class ModifierInFile(msgspec.Struct, **_OPTIONS):
    name: Text
    id: Id | None = None
    quantity: Quantity = 1
    unit_price: Amount = 0
    modifiers: Annotated[list["ModifierInFile"], msgspec.Meta(max_length=limits.MODIFIERS_PER_LINE_MAX)] = []


class ComponentInFile(msgspec.Struct, **_OPTIONS):
    name: Text
    list_price: Amount
    id: Id | None = None
    quantity: Quantity = 1
    taxes: Annotated[list[TaxInFile], msgspec.Meta(max_length=limits.TAXES_PER_LINE_MAX)] = []


class LineInFile(msgspec.Struct, **_OPTIONS):
    name: Text
    unit_price: Amount
    id: Id | None = None
    quantity: Quantity = 1
    modifiers: Annotated[list[ModifierInFile], msgspec.Meta(max_length=limits.MODIFIERS_PER_LINE_MAX)] = []
    taxes: Annotated[list[TaxInFile], msgspec.Meta(max_length=limits.TAXES_PER_LINE_MAX)] = []
    components: Annotated[list[ComponentInFile], msgspec.Meta(max_length=limits.MODIFIERS_PER_LINE_MAX)] = []


class RulesInFile(msgspec.Struct, **_OPTIONS):
    rounding: Rounding = Rounding.HALF_UP
    per: TaxPer = TaxPer.LINE
    prices_include_tax: bool = False


class CartFile(msgspec.Struct, **_OPTIONS):
    currency: Word
    lines: Annotated[list[LineInFile], msgspec.Meta(min_length=1, max_length=limits.ORDER_LINES_MAX)]
    rules: RulesInFile = RulesInFile()
    discount: Amount = 0
    tip: Amount = 0
    fees: Amount = 0


def price_file(raw: bytes) -> Priced:
    """The prices of a cart file.

    Raises Refused: malformed_json, invalid_body naming every JSON path that is wrong, discount_exceeds_subtotal.
    """
    cart, rules = read_cart(raw)
    try:
        return price(cart, rules)
    except DiscountExceedsSubtotal as error:
        fault = FieldError("$.discount", "too_large", f"{error.discount} is more than the subtotal of {error.subtotal}")
        raise Refused(Code.DISCOUNT_EXCEEDS_SUBTOTAL, f"{fault.path}: {fault.message}", fault) from None
    except CartError as error:
        raise invalid_body(FieldError("$.lines", "invalid", str(error))) from None


def read_cart(raw: bytes) -> tuple[Cart, PricingRules]:
    """A cart file as our words. Raises Refused(malformed_json | invalid_body)."""
    file = read(raw, CartFile)
    faults = list(_faults(file))
    if faults:
        raise invalid_body(*faults[: limits.FIELD_ERRORS_MAX])
    lines = tuple(
        CartLine(
            ProductId(one.id or one.name),
            one.name,
            one.quantity,
            Cents(one.unit_price),
            _modifiers(one.modifiers),
            _rates(one.taxes),
            tuple(
                CartComponent(
                    ProductId(part.id or part.name),
                    part.name,
                    part.quantity,
                    Cents(part.list_price),
                    _rates(part.taxes),
                )
                for part in one.components
            ),
        )
        for one in file.lines
    )
    rules = PricingRules(file.rules.rounding, file.rules.per, file.rules.prices_include_tax)
    cart = Cart(lines, currency(file.currency), Cents(file.discount), Cents(file.tip), Cents(file.fees))
    return cart, rules


def millionths(percent: str) -> int:
    """A rate as written, such as "8.25", in millionths. Raises ValueError for what is no percentage from 0 to 100."""
    match = _PERCENT.fullmatch(percent)
    rate = int(match[1] + (match[2] or "").ljust(4, "0")) if match else WHOLE_MILLIONTHS + 1
    if rate > WHOLE_MILLIONTHS:
        raise ValueError(f"{percent[:40]!r} is no percentage from 0 to 100 with at most four decimals, such as 8.25")
    return rate


def percent(rate: int) -> str:
    """Millionths as one writes a rate: 82_500 is "8.25"."""
    whole, rest = divmod(rate, WHOLE_MILLIONTHS // 100)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def as_data(priced: Priced) -> dict[str, Any]:
    """A cart's prices as plain values, everything that leads to the total: the proof that an order keeps."""
    return {
        "currency": priced.currency.code,
        "rules": {
            "rounding": priced.rules.rounding.value,
            "per": priced.rules.per.value,
            "prices_include_tax": priced.rules.inclusive,
        },
        "lines": [
            {
                "id": line.id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "modifiers": [_modifier_data(one) for one in line.line.modifiers],
                "modifiers_price": line.modifiers,
                "subtotal": line.subtotal,
                "discount": line.discount,
                "odd_cent": line.odd,
                "taxable": line.taxable,
                "taxes": _taxes_data(line.taxes),
                "tax": line.tax,
                "total": line.total,
                "components": [
                    {
                        "id": part.component.id,
                        "name": part.component.name,
                        "quantity": part.component.quantity,
                        "list_price": part.component.list_price,
                        "subtotal": part.subtotal,
                        "discount": part.discount,
                        "odd_cent": part.odd,
                        "taxable": part.taxable,
                        "taxes": _taxes_data(part.taxes),
                        "tax": part.tax,
                        "total": part.total,
                    }
                    for part in line.components
                ],
            }
            for line in priced.lines
        ],
        "taxes": _taxes_data(priced.taxes),
        "subtotal": priced.subtotal,
        "discount_total": priced.discount_total,
        "tax_total": priced.tax_total,
        "tip": priced.tip,
        "fees": priced.fees,
        "total": priced.total,
    }


def _modifier_data(modifier: CartModifier) -> dict[str, Any]:
    return {
        "id": modifier.id,
        "name": modifier.name,
        "quantity": modifier.quantity,
        "unit_price": modifier.unit_price,
        "modifiers": [_modifier_data(one) for one in modifier.modifiers],
    }


def _taxes_data(taxes: Sequence[PricedTax]) -> list[dict[str, Any]]:
    return [
        {"name": tax.name, "rate": percent(tax.millionths), "base": tax.base, "amount": tax.amount} for tax in taxes
    ]


def _modifiers(modifiers: Sequence[ModifierInFile]) -> tuple[CartModifier, ...]:
    return tuple(
        CartModifier(
            ModifierId(one.id or one.name), one.name, one.quantity, Cents(one.unit_price), _modifiers(one.modifiers)
        )
        for one in modifiers
    )


def _rates(taxes: Sequence[TaxInFile]) -> tuple[TaxRate, ...]:
    return tuple(TaxRate(one.name, millionths(one.rate)) for one in taxes)


def _faults(file: CartFile) -> Iterator[FieldError]:
    """What the types of the members do not say."""
    try:
        currency(file.currency)
    except MoneyError as error:
        yield FieldError("$.currency", "invalid", str(error))
    for number, line in enumerate(file.lines):
        path = f"$.lines[{number}]"
        if line.components and line.taxes:
            yield FieldError(f"{path}.taxes", "not_allowed", "a combo is taxed by its components")
        yield from _faults_of_taxes(line.taxes, f"{path}.taxes")
        for place, part in enumerate(line.components):
            yield from _faults_of_taxes(part.taxes, f"{path}.components[{place}].taxes")


def _faults_of_taxes(taxes: Sequence[TaxInFile], path: str) -> Iterator[FieldError]:
    seen = set()
    for place, tax in enumerate(taxes):
        try:
            rate = TaxRate(tax.name, millionths(tax.rate))
        except ValueError as error:
            yield FieldError(f"{path}[{place}].rate", "invalid", str(error))
            continue
        if rate in seen:
            yield FieldError(f"{path}[{place}]", "repeated", f"{tax.name} {tax.rate} stands twice")
        seen.add(rate)
