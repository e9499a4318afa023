"""The price of a cart: lines, the discount's shares, taxes, the total. Pure, and exact to the cent.

The rules and what follows from them: docs/why/pricing.md.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from heard.domain.money import Cents
from heard.domain.pricing.allocate import allocate, spread
from heard.domain.pricing.cart import (
    WHOLE_MILLIONTHS,
    Cart,
    CartError,
    CartLine,
    CartModifier,
    DiscountExceedsSubtotal,
    PricingRules,
    TaxPer,
    TaxRate,
)
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax
from heard.domain.pricing.tax import Piece, taxes_of, taxes_of_one


class _Spread(NamedTuple):
    """A combo's money and its share of the discount, over its components."""

    subtotals: tuple[Cents, ...]
    discounts: tuple[Cents, ...]


def price(cart: Cart, rules: PricingRules) -> Priced:
    """Every number of a cart, up to its total. Raises CartError, and of these DiscountExceedsSubtotal."""
    step, discount = cart.currency.step, cart.discount
    modifiers = [_modifiers(line.modifiers) if line.modifiers else Cents(0) for line in cart.lines]
    subtotals = [_subtotal(line, below) for line, below in zip(cart.lines, modifiers, strict=True)]
    subtotal = Cents(sum(subtotals))
    _check_amounts(cart, subtotal)
    shares = allocate(discount, subtotals, step)
    spreads = [
        _over_components(line, below, share, step) if line.components else None
        for line, below, share in zip(cart.lines, modifiers, shares, strict=True)
    ]
    taxable = [Cents(whole - share) for whole, share in zip(subtotals, shares, strict=True)]
    amounts = _tax_amounts(cart.lines, taxable, spreads, rules, step)
    lines = []
    columns = zip(cart.lines, modifiers, subtotals, shares, spreads, amounts, strict=True)
    for line, below, whole, share, parts, of_pieces in columns:
        odd = share * subtotal > discount * whole  # more than its exact proportion
        if parts is None:
            lines.append(_item(line, below, whole, share, odd, of_pieces[0], rules.inclusive))
        else:
            lines.append(_combo(line, below, whole, share, odd, parts, of_pieces, rules.inclusive))
    taxes = _summed([tax for line in lines for tax in line.taxes])
    tax_total = Cents(sum([tax.amount for tax in taxes]))
    total = Cents(subtotal - discount + cart.tip + cart.fees + (0 if rules.inclusive else tax_total))
    return Priced(cart, rules, tuple(lines), taxes, subtotal, discount, tax_total, total)


def _modifiers(modifiers: Sequence[CartModifier]) -> Cents:
    """What the choices of one unit cost, nested ones included."""
    cents = 0
    for one in modifiers:
        if one.quantity < 1 or one.unit_price < 0:
            raise CartError(f"{one.name}: {one.quantity} at {one.unit_price} cents")
        cents += one.quantity * (one.unit_price + (_modifiers(one.modifiers) if one.modifiers else 0))
    return Cents(cents)


def _subtotal(line: CartLine, modifiers: Cents) -> Cents:
    if line.quantity < 1 or line.unit_price < 0:
        raise CartError(f"{line.name}: {line.quantity} at {line.unit_price} cents")
    return Cents(line.quantity * (line.unit_price + modifiers))


def _over_components(line: CartLine, modifiers: Cents, share: Cents, step: int) -> _Spread:
    """One combo's money is spread, so that each of the line is like the other; then the line's share of the discount."""
    if line.taxes:
        raise CartError(f"{line.name}: a combo is taxed by its components")
    weights = [part.quantity * part.list_price for part in line.components]
    for part, weight in zip(line.components, weights, strict=True):
        if part.quantity < 1 or part.list_price < 0 or type(weight) is not int:
            raise CartError(f"{part.name}: {part.quantity} at {part.list_price} cents")
    one = spread(Cents(line.unit_price + modifiers), weights if any(weights) else [1] * len(weights), step)
    subtotals = tuple([Cents(line.quantity * cents) for cents in one])
    return _Spread(subtotals, allocate(share, subtotals, step))


def _tax_amounts(
    lines: Sequence[CartLine],
    taxable: Sequence[Cents],
    spreads: Sequence[_Spread | None],
    rules: PricingRules,
    step: int,
) -> list[list[list[Cents]]]:
    """For each line, for each piece of it that has taxes of its own: their amounts."""
    if rules.per is TaxPer.LINE:
        return [
            [taxes_of_one(base, _checked(line.name, line.taxes), rules, step)]
            if parts is None
            else taxes_of(_pieces(line, base, parts), rules, step)
            for line, base, parts in zip(lines, taxable, spreads, strict=True)
        ]
    pieces = [_pieces(line, base, parts) for line, base, parts in zip(lines, taxable, spreads, strict=True)]
    flat = iter(taxes_of([piece for of_line in pieces for piece in of_line], rules, step))
    return [[next(flat) for _ in of_line] for of_line in pieces]


def _pieces(line: CartLine, taxable: Cents, parts: _Spread | None) -> list[Piece]:
    if parts is None:
        return [Piece(taxable, _checked(line.name, line.taxes))]
    return [
        Piece(Cents(subtotal - discount), _checked(part.name, part.taxes))
        for part, subtotal, discount in zip(line.components, parts.subtotals, parts.discounts, strict=True)
    ]


def _check_amounts(cart: Cart, subtotal: Cents) -> None:
    """A float anywhere in a line would have made the subtotal one."""
    for name, amount in (("lines", subtotal), ("discount", cart.discount), ("tip", cart.tip), ("fees", cart.fees)):
        if type(amount) is not int or amount < 0:
            raise CartError(f"{name}: {amount!r} is no whole number of cents from 0")
    if cart.discount > subtotal:
        raise DiscountExceedsSubtotal(cart.discount, subtotal)


def _checked(name: str, taxes: tuple[TaxRate, ...]) -> tuple[TaxRate, ...]:
    for _, millionths in taxes:
        if type(millionths) is not int or not 0 <= millionths <= WHOLE_MILLIONTHS:
            raise CartError(f"{name}: a rate of {millionths!r} millionths is none from 0 to {WHOLE_MILLIONTHS}")
    if len(taxes) > 1 and len(set(taxes)) < len(taxes):
        raise CartError(f"{name}: the same tax twice")
    return taxes


def _taxes(rates: tuple[TaxRate, ...], base: Cents, amounts: Sequence[Cents]) -> tuple[PricedTax, ...]:
    if len(rates) == 1:  # most lines
        ((name, millionths),) = rates
        return (PricedTax(name, millionths, base, amounts[0]),)
    return tuple([PricedTax(*rate, base, amount) for rate, amount in zip(rates, amounts, strict=True)])


def _item(
    line: CartLine, modifiers: Cents, subtotal: Cents, discount: Cents, odd: bool, amounts: list[Cents], inclusive: bool
) -> PricedLine:
    taxable = Cents(subtotal - discount)
    tax = Cents(sum(amounts))
    taxes = _taxes(line.taxes, taxable, amounts)
    total = taxable if inclusive else Cents(taxable + tax)
    return PricedLine(line, modifiers, subtotal, discount, odd, taxable, taxes, tax, total)


def _combo(
    line: CartLine,
    modifiers: Cents,
    subtotal: Cents,
    discount: Cents,
    odd: bool,
    parts: _Spread,
    amounts: list[list[Cents]],
    inclusive: bool,
) -> PricedLine:
    components = []
    for component, whole, share, of_part in zip(line.components, *parts, amounts, strict=True):
        left, tax = Cents(whole - share), Cents(sum(of_part))
        taxes = _taxes(component.taxes, left, of_part)
        more = share * subtotal > discount * whole
        total = left if inclusive else Cents(left + tax)
        components.append(PricedComponent(component, whole, share, more, left, taxes, tax, total))
    taxable = Cents(subtotal - discount)
    taxes = _summed([tax for part in components for tax in part.taxes])
    tax = Cents(sum([part.tax for part in components]))
    total = taxable if inclusive else Cents(taxable + tax)
    return PricedLine(line, modifiers, subtotal, discount, odd, taxable, taxes, tax, total, tuple(components))


def _summed(taxes: Iterable[PricedTax]) -> tuple[PricedTax, ...]:
    """Each rate once, with its bases and amounts added up."""
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for name, millionths, base, amount in taxes:
        bases, amounts = sums.get((name, millionths), (0, 0))
        sums[name, millionths] = bases + base, amounts + amount
    return tuple([PricedTax(*rate, Cents(base), Cents(amount)) for rate, (base, amount) in sums.items()])
