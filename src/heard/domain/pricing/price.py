"""The price of a cart: lines, the discount's shares, taxes, the total. Pure, and exact to the cent.

The rules and what follows from them: docs/why/pricing.md.
"""

from collections.abc import Iterable, Sequence
from operator import sub
from typing import NamedTuple, cast

from heard.domain.money import Cents
from heard.domain.pricing.allocate import spread
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
from heard.domain.pricing.discount import highest_taxed, shares_of
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax
from heard.domain.pricing.tax import Rates, taxes_of, taxes_of_one


class _Pieces(NamedTuple):
    """What is taxed of a combo: its parts' money, their shares of the discount, what is left of each, their rates."""

    subtotals: Sequence[Cents]
    discounts: Sequence[Cents]
    taxable: Sequence[Cents]
    rates: Sequence[Rates]


def price(cart: Cart, rules: PricingRules) -> Priced:
    """Every number of a cart, up to its total. Raises CartError, and of these DiscountExceedsSubtotal."""
    discount = cart.discount
    modifiers, subtotals, combos = _subtotals(cart.lines)
    subtotal = Cents(sum(subtotals))
    _check_amounts(cart, subtotal)
    step = _step(cart, modifiers)
    lines = cart.lines
    parts = {place: _parts(lines[place], modifiers[place], step) for place in combos}
    shares, of_parts = shares_of(cart, subtotals, parts, rules, step)
    pieces = [_pieces(lines[place], parts[place], of_parts[place]) for place in combos]
    taxable = cast("list[Cents]", list(map(sub, subtotals, shares)))
    per_order = iter(_order_taxes(lines, taxable, pieces, rules, step)) if rules.per is TaxPer.ORDER else None
    inclusive = rules.inclusive
    priced = []
    of_combos = iter(pieces)
    for line, below, whole, share, left in zip(lines, modifiers, subtotals, shares, taxable, strict=True):
        odd = share * subtotal > discount * whole  # more than its exact proportion
        if not line.components:
            components: tuple[PricedComponent, ...] = ()
            amounts = next(per_order) if per_order else taxes_of_one(left, line.taxes, rules, step)
            taxes, tax = _taxes(line.taxes, left, amounts)
        else:
            combo = next(of_combos)
            each = (
                [next(per_order) for _ in combo.rates]
                if per_order
                else taxes_of(combo.taxable, combo.rates, rules, step)
            )
            components = _components(line, whole, share, combo, each, inclusive)
            taxes = by_rate([one for part in components for one in part.taxes])
            tax = Cents(sum([part.tax for part in components]))
        total = left if inclusive else Cents(left + tax)
        priced.append(PricedLine(line, below, whole, share, odd, left, taxes, tax, total, components))
    summed = by_rate([tax for line in priced for tax in line.taxes])
    tax_total = Cents(sum([tax.amount for tax in summed]))
    total = Cents(subtotal - discount + cart.tip + cart.fees + (0 if rules.inclusive else tax_total))
    return Priced(cart, rules, tuple(priced), summed, subtotal, discount, tax_total, total)


def _step(cart: Cart, modifiers: Sequence[Cents]) -> int:
    """What shares and taxes are multiples of: the currency's step, unless an amount of the cart is none itself."""
    step = cart.currency.step
    if step == 1 or cart.discount % step:
        return 1
    units = zip(cart.lines, modifiers, strict=True)
    return 1 if any((line.unit_price + below) % step for line, below in units) else step


def cost_of(modifiers: Sequence[CartModifier]) -> int:
    """What the choices of one unit cost, nested ones included. Raises CartError."""
    cents = 0
    for _, name, quantity, unit_price, below in modifiers:
        if quantity < 1 or unit_price < 0:
            raise CartError(f"{name}: {quantity} at {unit_price} cents")
        cents += quantity * (unit_price + cost_of(below) if below else unit_price)
    return cents


def _subtotals(lines: Sequence[CartLine]) -> tuple[list[Cents], list[Cents], list[int]]:
    """Of each line, what the choices of one unit cost, and what all of it costs; and the places of combos."""
    modifiers: list[int] = []
    subtotals: list[int] = []
    combos: list[int] = []
    known: tuple[TaxRate, ...] = ()
    for _, name, quantity, unit_price, chosen, rates, components in lines:
        if quantity < 1 or unit_price < 0:
            raise CartError(f"{name}: {quantity} at {unit_price} cents")
        if rates is not known:  # many lines have the very same
            _check_taxes(rates)
            known = rates
        if components:
            combos.append(len(subtotals))
        below = cost_of(chosen) if chosen else 0
        modifiers.append(below)
        subtotals.append(quantity * (unit_price + below))
    return cast("list[Cents]", modifiers), cast("list[Cents]", subtotals), combos


def _parts(line: CartLine, modifiers: Cents, step: int) -> list[Cents]:
    """What each part of a combo's line comes to. One combo's money is spread, so that all of the line are alike."""
    if line.taxes:
        raise CartError(f"{line.name}: a combo is taxed by its components")
    weights = []
    for _, name, quantity, list_price, rates in line.components:
        weight = quantity * list_price
        if quantity < 1 or weight < 0 or type(weight) is not int:
            raise CartError(f"{name}: {quantity} at {list_price} cents")
        _check_taxes(rates)
        weights.append(weight)
    if not any(weights):
        weights = [1] * len(weights)
    one = spread(Cents(line.unit_price + modifiers), weights, step, highest_taxed(line.components, weights))
    return cast("list[Cents]", [line.quantity * cents for cents in one])


def _pieces(line: CartLine, parts: Sequence[Cents], discounts: Sequence[Cents]) -> _Pieces:
    taxable = cast("list[Cents]", list(map(sub, parts, discounts)))
    return _Pieces(parts, discounts, taxable, [part.taxes for part in line.components])


def _order_taxes(
    lines: Sequence[CartLine],
    taxable: Sequence[Cents],
    combos: Sequence[_Pieces],
    rules: PricingRules,
    step: int,
) -> list[list[Cents]]:
    """The tax amounts of everything that has taxes of its own, one after the other, rounded together."""
    bases: list[Cents] = []
    rates: list[Rates] = []
    of_combos = iter(combos)
    for line, base in zip(lines, taxable, strict=True):
        if line.components:
            combo = next(of_combos)
            bases += combo.taxable
            rates += combo.rates
        else:
            bases.append(base)
            rates.append(line.taxes)
    return taxes_of(bases, rates, rules, step)


def _check_amounts(cart: Cart, subtotal: Cents) -> None:
    """A float anywhere in a line would have made the subtotal one."""
    for name, amount in (("lines", subtotal), ("discount", cart.discount), ("tip", cart.tip), ("fees", cart.fees)):
        if type(amount) is not int or amount < 0:
            raise CartError(f"{name}: {amount!r} is no whole number of cents from 0")
    if cart.discount > subtotal:
        raise DiscountExceedsSubtotal(cart.discount, subtotal)


def _check_taxes(taxes: tuple[TaxRate, ...]) -> None:
    for name, millionths in taxes:
        if type(millionths) is not int or not 0 <= millionths <= WHOLE_MILLIONTHS:
            raise CartError(f"{name}: {millionths!r} millionths are no rate from 0 to {WHOLE_MILLIONTHS}")
    if len(taxes) > 1 and len(set(taxes)) < len(taxes):
        raise CartError(f"{taxes[0].name}: the same tax stands twice at one line")


def _taxes(rates: tuple[TaxRate, ...], base: Cents, amounts: Sequence[Cents]) -> tuple[tuple[PricedTax, ...], Cents]:
    """The taxes of one piece, and their sum."""
    if len(amounts) == 1:  # most have one
        ((name, millionths),), (amount,) = rates, amounts
        return (PricedTax(name, millionths, base, amount),), amount
    named = zip(rates, amounts, strict=True)
    taxes = tuple([PricedTax(name, millionths, base, amount) for (name, millionths), amount in named])
    return taxes, Cents(sum(amounts))


def _components(
    line: CartLine, subtotal: Cents, discount: Cents, combo: _Pieces, amounts: list[list[Cents]], inclusive: bool
) -> tuple[PricedComponent, ...]:
    """A component is to its combo what a line is to the cart."""
    components = []
    columns = zip(line.components, combo.subtotals, combo.discounts, combo.taxable, amounts, strict=True)
    for component, whole, share, left, of_part in columns:
        odd = share * subtotal > discount * whole
        taxes, tax = _taxes(component.taxes, left, of_part)
        total = left if inclusive else Cents(left + tax)
        components.append(PricedComponent(component, whole, share, odd, left, taxes, tax, total))
    return tuple(components)


def by_rate(taxes: Iterable[PricedTax]) -> tuple[PricedTax, ...]:
    """Each rate once, with its bases and amounts added up."""
    sums: dict[tuple[str, int], list[int]] = {}
    for name, millionths, base, amount in taxes:
        found = sums.get((name, millionths))
        if found is None:
            sums[name, millionths] = [base, amount]
        else:
            found[0] += base
            found[1] += amount
    return tuple([PricedTax(*rate, Cents(base), Cents(amount)) for rate, (base, amount) in sums.items()])
