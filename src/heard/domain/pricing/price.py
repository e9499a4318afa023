"""The price of a cart: lines, the discount's shares, taxes, the total. Pure, and exact to the cent.

The rules and what follows from them: docs/why/pricing.md.
"""

from collections.abc import Iterable, Sequence
from operator import sub
from typing import NamedTuple, cast

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
from heard.domain.pricing.tax import Rates, taxes_of, taxes_of_one


class _Spread(NamedTuple):
    """A combo's money and its share of the discount, over its components; what is left of each, and its rates."""

    subtotals: Sequence[Cents]
    discounts: Sequence[Cents]
    taxable: Sequence[Cents]
    rates: Sequence[Rates]


def price(cart: Cart, rules: PricingRules) -> Priced:
    """Every number of a cart, up to its total. Raises CartError, and of these DiscountExceedsSubtotal."""
    discount = cart.discount
    modifiers, subtotals = _subtotals(cart.lines)
    subtotal = Cents(sum(subtotals))
    _check_amounts(cart, subtotal)
    step = _step(cart, modifiers)
    shares = allocate(discount, subtotals, step)
    spreads = [
        _over_components(line, below, share, step) if line.components else None
        for line, below, share in zip(cart.lines, modifiers, shares, strict=True)
    ]
    taxable = cast("list[Cents]", list(map(sub, subtotals, shares)))
    per_order = iter(_order_taxes(cart.lines, taxable, spreads, rules, step)) if rules.per is TaxPer.ORDER else None
    lines = []
    inclusive = rules.inclusive
    columns = zip(cart.lines, modifiers, subtotals, shares, taxable, spreads, strict=True)
    for line, below, whole, share, left, parts in columns:
        odd = share * subtotal > discount * whole  # more than its exact proportion
        if parts is None:
            components: tuple[PricedComponent, ...] = ()
            amounts = next(per_order) if per_order else taxes_of_one(left, line.taxes, rules, step)
            taxes, tax = _taxes(line.taxes, left, amounts)
        else:
            each = (
                [next(per_order) for _ in parts.rates]
                if per_order
                else taxes_of(parts.taxable, parts.rates, rules, step)
            )
            components = _components(line, whole, share, parts, each, inclusive)
            taxes = by_rate([one for part in components for one in part.taxes])
            tax = Cents(sum([part.tax for part in components]))
        total = left if inclusive else Cents(left + tax)
        lines.append(PricedLine(line, below, whole, share, odd, left, taxes, tax, total, components))
    summed = by_rate([tax for line in lines for tax in line.taxes])
    tax_total = Cents(sum([tax.amount for tax in summed]))
    total = Cents(subtotal - discount + cart.tip + cart.fees + (0 if rules.inclusive else tax_total))
    return Priced(cart, rules, tuple(lines), summed, subtotal, discount, tax_total, total)


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


def _subtotals(lines: Sequence[CartLine]) -> tuple[list[Cents], list[Cents]]:
    """Of each line, what the choices of one unit cost, and what all of it costs."""
    modifiers, subtotals = [], []
    known: tuple[TaxRate, ...] = ()
    for _, name, quantity, unit_price, chosen, rates, _ in lines:
        if quantity < 1 or unit_price < 0:
            raise CartError(f"{name}: {quantity} at {unit_price} cents")
        if rates is not known:  # many lines have the very same
            _check_taxes(rates)
            known = rates
        below = cost_of(chosen) if chosen else 0
        modifiers.append(below)
        subtotals.append(quantity * (unit_price + below))
    return cast("list[Cents]", modifiers), cast("list[Cents]", subtotals)


def _over_components(line: CartLine, modifiers: Cents, share: Cents, step: int) -> _Spread:
    """One combo's money is spread, so that all of the line are alike; then the line's share of the discount."""
    if line.taxes:
        raise CartError(f"{line.name}: a combo is taxed by its components")
    weights = []
    for _, name, quantity, list_price, rates in line.components:
        weight = quantity * list_price
        if quantity < 1 or weight < 0 or type(weight) is not int:
            raise CartError(f"{name}: {quantity} at {list_price} cents")
        _check_taxes(rates)
        weights.append(weight)
    one = spread(Cents(line.unit_price + modifiers), weights if any(weights) else [1] * len(weights), step)
    subtotals = cast("list[Cents]", [line.quantity * cents for cents in one])
    discounts = allocate(share, subtotals, step)
    taxable = cast("list[Cents]", list(map(sub, subtotals, discounts)))
    return _Spread(subtotals, discounts, taxable, [part.taxes for part in line.components])


def _order_taxes(
    lines: Sequence[CartLine],
    taxable: Sequence[Cents],
    spreads: Sequence[_Spread | None],
    rules: PricingRules,
    step: int,
) -> list[list[Cents]]:
    """The tax amounts of everything that has taxes of its own, one after the other, rounded together."""
    bases: list[Cents] = []
    rates: list[Rates] = []
    for line, base, parts in zip(lines, taxable, spreads, strict=True):
        bases += [base] if parts is None else parts.taxable
        rates += [line.taxes] if parts is None else parts.rates
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
    line: CartLine, subtotal: Cents, discount: Cents, parts: _Spread, amounts: list[list[Cents]], inclusive: bool
) -> tuple[PricedComponent, ...]:
    """A component is to its combo what a line is to the cart."""
    components = []
    columns = zip(line.components, parts.subtotals, parts.discounts, parts.taxable, amounts, strict=True)
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
