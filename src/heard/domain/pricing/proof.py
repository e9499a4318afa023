"""A priced cart held against the rules, slowly and with fractions: it shares no arithmetic with what made it.

It does not repeat the way to a number but asks of each what must be true of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from heard.domain.pricing.cart import CartComponent, CartLine, CartModifier, Rounding, TaxPer, TaxRate
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax

_Piece = PricedLine | PricedComponent


class NotProven(AssertionError):
    """A price does not follow from its cart: a bug of ours. The text says what does not hold."""


def prove(priced: Priced) -> None:
    """Raises NotProven unless every number of the result follows from its cart and all of them add up."""
    faults = list(_faults(priced))
    if faults:
        raise NotProven("; ".join(faults))


def _faults(priced: Priced) -> Iterator[str]:
    for what, holds in _claims(priced):
        if not holds:
            yield what


def _claims(priced: Priced) -> Iterator[tuple[str, bool]]:
    cart, rules, lines = priced.cart, priced.rules, priced.lines
    yield "every amount is a whole number", all(type(amount) is int for amount in _amounts(priced))
    yield "no amount is below zero", all(amount >= 0 for amount in _amounts(priced))
    yield "the lines are the cart's", tuple(line.line for line in lines) == cart.lines
    yield "the subtotal is the sum of the lines", priced.subtotal == sum(line.subtotal for line in lines)
    yield "the discount is the cart's", priced.discount_total == cart.discount
    yield "the discount's shares sum", priced.discount_total == sum(line.discount for line in lines)
    yield from _claims_of_shares(priced)
    yield "the taxes of the lines sum", priced.tax_total == sum(line.tax for line in lines)
    yield "the taxes by their rates sum", priced.tax_total == sum(tax.amount for tax in priced.taxes)
    yield (
        "each rate stands once",
        sorted(map(tuple, priced.taxes)) == _sums([tax for line in lines for tax in line.taxes]),
    )
    total = priced.subtotal - priced.discount_total + cart.tip + cart.fees
    yield "the total adds up", priced.total == total + (0 if rules.inclusive else priced.tax_total)
    yield "the lines' totals add up", priced.total == sum(line.total for line in lines) + cart.tip + cart.fees
    for place, line in enumerate(lines):
        for what, holds in _claims_of_line(priced, line):
            yield f"line {place + 1}: {what}", holds
    scopes = [[line] for line in lines] if rules.per is TaxPer.LINE else [list(lines)]
    for scope in scopes:
        yield "the taxes are rounded once", _taxed(priced, scope)


def _claims_of_shares(priced: Priced) -> Iterator[tuple[str, bool]]:
    """Of the discount: over things (lines of one thing are one), of a combo over its parts, of each over its lines."""
    step = _step(priced)
    things: dict[CartLine, list[PricedLine]] = defaultdict(list)
    for line in priced.lines:
        things[_one_of(line.line)].append(line)
    whole = [sum(line.subtotal for line in lines) for lines in things.values()]
    shares = [sum(line.discount for line in lines) for lines in things.values()]
    order = [_preference(priced, lines) for lines in things.values()]
    fair = _fair(priced.discount_total, whole, shares, step, order)
    yield "the discount's shares are the largest remainders', ties to what is taxed higher, then to the earlier", fair
    for share, lines in zip(shares, things.values(), strict=True):
        columns = _columns(lines)
        sold = [sum(piece.subtotal for piece in column) for column in columns]
        off = [sum(piece.discount for piece in column) for column in columns]
        parts = sorted(part.component for part in lines[0].components)
        liked = _order_of_parts(parts, sold) if parts else None
        yield "a combo's discounts are the largest remainders', ties likewise", _fair(share, sold, off, step, liked)
        larger = [-line.quantity for line in lines]
        for each, column in zip(off, columns, strict=True):
            each_sold, each_off = [piece.subtotal for piece in column], [piece.discount for piece in column]
            yield "lines of one thing share as their quantities", _fair(each, each_sold, each_off, step, larger)


def _one_of(line: CartLine) -> CartLine:
    """What lines of the same thing have in common: all but the quantity, and the order of choices and of parts."""
    return line._replace(quantity=1, modifiers=_by_name(line.modifiers), components=tuple(sorted(line.components)))


def _by_name(modifiers: Sequence[CartModifier]) -> tuple[CartModifier, ...]:
    return tuple(sorted(one._replace(modifiers=_by_name(one.modifiers)) for one in modifiers))


def _columns(lines: Sequence[PricedLine]) -> Sequence[Sequence[_Piece]]:
    """Lines of one thing: of a combo each part in all of them, of an item the lines."""
    parts = [sorted(line.components, key=lambda part: part.component) for line in lines]
    return list(zip(*parts, strict=True)) or [lines]


def _order_of_parts(parts: Sequence[CartComponent], weights: Sequence[int]) -> list[object]:
    """Who comes first among parts of a combo that tie: the highest taxed, the dearest, then by their ids."""
    highest = [-sum(rate.millionths for rate in part.taxes) for part in parts]
    return [(rate, part.taxes, -weight, part) for rate, part, weight in zip(highest, parts, weights, strict=True)]


def _preference(priced: Priced, lines: Sequence[PricedLine]) -> object:
    """Who comes first among things that tie: by the share that tax takes, then by whatever else decides on the tax."""
    columns = _columns(lines)
    sold = [sum(piece.subtotal for piece in column) for column in columns]
    rates = [_rates(column[0].taxes) for column in columns]
    if not any(rates):
        return (0,)
    taxed = sum(cents * sum(rate.millionths for rate in one) for cents, one in zip(sold, rates, strict=True))
    whole = sum(sold)
    pieces = sorted(zip(rates, sold, strict=True)) if lines[0].components else [(rates[0],)]
    shape = (-Fraction(taxed, whole) if whole else 0, pieces)
    if priced.rules.per is TaxPer.ORDER:
        return shape
    return (*shape, -whole, sorted(line.quantity for line in lines))


def _claims_of_line(priced: Priced, line: PricedLine) -> Iterator[tuple[str, bool]]:
    inclusive, step = priced.rules.inclusive, _step(priced)
    yield "its modifiers sum", line.modifiers == sum(_cost(one) for one in line.line.modifiers)
    yield "its subtotal multiplies", line.subtotal == line.quantity * (line.unit_price + line.modifiers)
    yield from _claims_of_piece(line, line.subtotal, priced.discount_total, priced.subtotal, inclusive)
    parts = line.components
    if not parts:
        yield "its rates are its own", _rates(line.taxes) == line.line.taxes
        yield "its taxes are on what is left", all(tax.base == line.taxable for tax in line.taxes)
        return
    yield "its components are the combo's", tuple(part.component for part in parts) == line.line.components
    yield "its components' money sums", line.subtotal == sum(part.subtotal for part in parts)
    weights = [part.component.list_price * part.component.quantity for part in parts]
    weights = weights if any(weights) else [1] * len(parts)
    each = [part.subtotal // line.quantity for part in parts]
    yield "each combo is like the other", [one * line.quantity for one in each] == [part.subtotal for part in parts]
    order = _order_of_parts([part.component for part in parts], weights)
    fair = _fair(line.unit_price + line.modifiers, weights, each, step, order)
    yield "its components' money is spread by list price", fair
    yield "its components' discounts sum", line.discount == sum(part.discount for part in parts)
    yield (
        "its taxes are its components'",
        sorted(map(tuple, line.taxes)) == _sums([tax for part in parts for tax in part.taxes]),
    )
    for part in parts:
        yield from _claims_of_piece(part, part.subtotal, line.discount, line.subtotal, inclusive)
        yield "a component's rates are its own", _rates(part.taxes) == part.component.taxes
        yield "a component's taxes are on what is left", all(tax.base == part.taxable for tax in part.taxes)


def _claims_of_piece(
    piece: _Piece, subtotal: int, discount: int, whole: int, inclusive: bool
) -> Iterator[tuple[str, bool]]:
    yield "what is left is subtotal less discount", piece.taxable == subtotal - piece.discount
    yield "its taxes sum", piece.tax == sum(tax.amount for tax in piece.taxes)
    yield "its total adds up", piece.total == piece.taxable + (0 if inclusive else piece.tax)
    yield "a tax that is in a price does not exceed it", not inclusive or piece.tax <= piece.taxable
    exact = Fraction(discount * subtotal, whole) if whole else Fraction(0)
    yield "who got an odd cent is said", piece.odd == (piece.discount > exact)


def _fair(
    amount: int, weights: Sequence[int], shares: Sequence[int], step: int, order: Sequence[Any] | None = None
) -> bool:
    """Whether shares are those of the largest remainder: nobody is a step off, and odd steps went by the remainders.

    `order`: whom of equal ones they went to first; then, and without it, to the earlier.
    """
    if sum(shares) != amount:
        return False
    if amount == 0:
        return not any(shares)
    got: list[Any] = []
    waiting: list[Any] = []
    for place, (weight, share) in enumerate(zip(weights, shares, strict=True)):
        exact = Fraction(amount * weight, sum(weights) * step)
        rest = exact - int(exact)
        if share == int(exact) * step:
            waiting.append((-rest, order and order[place], place))
        elif share == (int(exact) + 1) * step:
            got.append((-rest, order and order[place], place))
        else:
            return False
    return not got or not waiting or max(got) < min(waiting)


def _taxed(priced: Priced, lines: Sequence[PricedLine]) -> bool:
    """Whether the taxes of lines that are rounded together are what their bases make them."""
    pieces: list[_Piece] = [piece for line in lines for piece in (line.components or [line])]
    groups: dict[object, list[_Piece]] = defaultdict(list)
    for piece in pieces:
        rates = _rates(piece.taxes)
        for key in [rates] if priced.rules.inclusive else rates:
            groups[key].append(piece)
    return all(_group_taxed(priced, key, members) for key, members in groups.items())


def _group_taxed(priced: Priced, key: object, pieces: Sequence[_Piece]) -> bool:
    step, base = _step(priced), sum(piece.taxable for piece in pieces)
    bases = [piece.taxable for piece in pieces]
    if not priced.rules.inclusive:
        amounts = [tax.amount for piece in pieces for tax in piece.taxes if (tax.name, tax.millionths) == key]
        rate = Fraction(key[1], 1_000_000)  # type: ignore[index]
        whole = _rounded(base * rate, priced.rules.rounding, step)
        return sum(amounts) == whole and _fair(whole, bases, amounts, step)
    rates = _rates(pieces[0].taxes)
    together = Fraction(sum(rate.millionths for rate in rates), 1_000_000)
    whole = _rounded(base * together / (1 + together), priced.rules.rounding, step)
    columns = [sum(piece.taxes[place].amount for piece in pieces) for place in range(len(rates))]
    by_rate = _fair(whole, [rate.millionths for rate in rates], columns, step)
    return by_rate and _fair(whole, bases, [piece.tax for piece in pieces], step)


def _step(priced: Priced) -> int:
    """In a cart with an amount that no coin pays, everything is counted in cents."""
    units = [line.unit_price + line.modifiers for line in priced.lines]
    step = priced.currency.step
    return step if all(amount % step == 0 for amount in [*units, priced.discount_total]) else 1


def _rounded(exact: Fraction, rounding: Rounding, step: int) -> int:
    units = exact / step
    below = int(units)
    rest = units - below
    half = Fraction(1, 2)
    up = rest > half or (rest == half and (rounding is Rounding.HALF_UP or below % 2 == 1))
    return (below + up) * step


def _cost(modifier: CartModifier) -> int:
    return modifier.quantity * (modifier.unit_price + sum(_cost(one) for one in modifier.modifiers))


def _rates(taxes: Sequence[PricedTax]) -> tuple[TaxRate, ...]:
    return tuple(TaxRate(tax.name, tax.millionths) for tax in taxes)


def _listed(taxes: Sequence[PricedTax]) -> list[tuple[str, int, int, int]]:
    return sorted((tax.name, tax.millionths, tax.base, tax.amount) for tax in taxes)


def _sums(taxes: Sequence[PricedTax]) -> list[tuple[str, int, int, int]]:
    names = {(tax.name, tax.millionths) for tax in taxes}
    return sorted(
        (
            name,
            millionths,
            sum(tax.base for tax in taxes if (tax.name, tax.millionths) == (name, millionths)),
            sum(tax.amount for tax in taxes if (tax.name, tax.millionths) == (name, millionths)),
        )
        for name, millionths in names
    )


def _amounts(priced: Priced) -> Iterator[int]:
    """Every amount that the result says."""
    yield from (priced.subtotal, priced.discount_total, priced.tax_total, priced.tip, priced.fees, priced.total)
    pieces: list[_Piece] = [*priced.lines, *(part for line in priced.lines for part in line.components)]
    for piece in pieces:
        yield from (piece.subtotal, piece.discount, piece.taxable, piece.tax, piece.total)
    taxes = [*priced.taxes, *(tax for piece in pieces for tax in piece.taxes)]
    for tax in taxes:
        yield from (tax.millionths, tax.base, tax.amount)
