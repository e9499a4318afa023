"""The price of a cart as one works it out on paper: fractions, one cent handed out after another. It knows the cart's
shape and nothing of the code that prices it; the table of worked carts is held against it too.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

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


@dataclass(slots=True)
class Sum:
    """A line, or a component of a combo."""

    of: CartLine | CartComponent
    rates: tuple[TaxRate, ...]
    subtotal: int
    discount: int
    tax: int
    components: list["Sum"]

    @property
    def left(self) -> int:
        return self.subtotal - self.discount


@dataclass(slots=True)
class OnPaper:
    lines: list[Sum]
    subtotal: int
    tax: int
    total: int


def on_paper(cart: Cart, rules: PricingRules) -> OnPaper:
    """For amounts that are whole steps of the currency."""
    step = cart.currency.step
    lines = [Sum(line, line.taxes, line.quantity * _unit(line), 0, 0, []) for line in cart.lines]
    subtotal = sum(line.subtotal for line in lines)
    for line, wanted in zip(lines, cart.lines, strict=True):
        _open(line, wanted, step)
    _take_off(cart, lines, rules, step)
    groups = [_pieces([line]) for line in lines] if rules.per is TaxPer.LINE else [_pieces(lines)]
    for pieces in groups:
        (_tax_within if rules.inclusive else _tax_on_top)(pieces, rules, step)
    for line in lines:
        line.tax += sum(part.tax for part in line.components)
    tax = sum(line.tax for line in lines)
    total = subtotal - cart.discount + cart.tip + cart.fees + (0 if rules.inclusive else tax)
    return OnPaper(lines, subtotal, tax, total)


def _take_off(cart: Cart, lines: Sequence[Sum], rules: PricingRules, step: int) -> None:
    """As if all lines of one thing were one line; what that gets is handed out to them by their quantities."""
    alike: dict[str, list[tuple[int, Sum]]] = {}
    for line, wanted in zip(lines, cart.lines, strict=True):
        alike.setdefault(_spelled(wanted), []).append((wanted.quantity, line))
    costs = [sum(line.subtotal for _, line in having) for having in alike.values()]
    likings = [_liking(having, rules) for having in alike.values()]
    for having, share in zip(alike.values(), hand_out(cart.discount, costs, step, likings), strict=True):
        larger = [-quantity for quantity, _ in having]
        parts = [sorted(line.components, key=lambda part: part.of) for _, line in having]
        columns = list(zip(*parts, strict=True)) or [[line for _, line in having]]
        sold = [sum(piece.subtotal for piece in column) for column in columns]
        first = [_high(column[0].of, cents) for column, cents in zip(columns, sold, strict=True)]
        of_parts = hand_out(share, sold, step, first)
        for column, of_part in zip(columns, of_parts, strict=True):
            shares = hand_out(of_part, [piece.subtotal for piece in column], step, larger)
            for piece, off in zip(column, shares, strict=True):
                piece.discount = off
        for _, line in having:
            line.discount = sum(part.discount for part in line.components) or line.discount


def _liking(having: Sequence[tuple[int, Sum]], rules: PricingRules) -> tuple[object, ...]:
    """The highest taxed is served first; of those taxed the same, by what else the tax hangs on."""
    pieces = _pieces([line for _, line in having])
    taxes = [sum(rate.millionths for rate in piece.rates) for piece in pieces]
    if not any(piece.rates for piece in pieces):
        return (Fraction(0),)
    cost = sum(piece.subtotal for piece in pieces)
    tax = sum(piece.subtotal * rate for piece, rate in zip(pieces, taxes, strict=True))
    first = having[0][1]
    count = sum(quantity for quantity, _ in having)
    parts = sorted((part.rates, count * part.subtotal // having[0][0]) for part in first.components)
    liking = (Fraction(-tax, cost or 1), parts or [(first.rates,)])
    return liking if rules.per is TaxPer.ORDER else (*liking, -cost, sorted(quantity for quantity, _ in having))


def _high(part: CartLine | CartComponent, cost: int) -> object:
    return -sum(rate.millionths for rate in part.taxes), part.taxes, -cost, part


def _spelled(wanted: CartLine) -> str:
    """One text for the same thing, in whatever order its choices and its parts came."""
    parts = sorted(map(str, wanted.components))
    return str((wanted.id, wanted.name, wanted.unit_price, _spelled_choices(wanted.modifiers), wanted.taxes, parts))


def _spelled_choices(choices: Sequence[CartModifier]) -> list[str]:
    return sorted(
        str((one.id, one.name, one.quantity, one.unit_price, _spelled_choices(one.modifiers))) for one in choices
    )


def hand_out(amount: int, weights: Sequence[int], step: int, likings: Sequence[Any] | None = None) -> list[int]:
    """Everybody gets the whole steps of the exact share; then, step by step, whoever has most left to get.

    Of several who have as much to get, the most liked (the lowest), and of those the first.
    """
    if amount == 0:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    got = [share // step * step for share in exact]
    owed = [share - have for share, have in zip(exact, got, strict=True)]
    while sum(got) < amount:
        places = [place for place, left in enumerate(owed) if left == max(owed)]
        most = min(places, key=lambda place: (likings[place], place)) if likings else places[0]
        got[most] += step
        owed[most] -= step
    return got


def round_to(exact: Fraction, rounding: Rounding, step: int) -> int:
    below = exact // step * step
    over = exact - below
    half = 2 * over == step and (rounding is Rounding.HALF_UP or below // step % 2 == 1)
    return below + step if half or 2 * over > step else below


def _unit(line: CartLine) -> int:
    return line.unit_price + sum(_cost(one) for one in line.modifiers)


def _cost(modifier: CartModifier) -> int:
    return sum(modifier.unit_price + sum(_cost(one) for one in modifier.modifiers) for _ in range(modifier.quantity))


def _open(line: Sum, wanted: CartLine, step: int) -> None:
    """A combo's money, of one combo, goes to its parts by what they cost alone."""
    if not wanted.components:
        return
    costs = [part.quantity * part.list_price for part in wanted.components]
    if not any(costs):
        costs = [1 for _ in costs]
    likings = [_high(part, cost) for part, cost in zip(wanted.components, costs, strict=True)]
    money = [wanted.quantity * part for part in hand_out(_unit(wanted), costs, step, likings)]
    line.components = [
        Sum(part, part.taxes, cents, 0, 0, []) for part, cents in zip(wanted.components, money, strict=True)
    ]


def _pieces(lines: Sequence[Sum]) -> list[Sum]:
    return [piece for line in lines for piece in (line.components or [line])]


def _tax_on_top(pieces: Sequence[Sum], rules: PricingRules, step: int) -> None:
    for rate in dict.fromkeys(rate for piece in pieces for rate in piece.rates):
        having = [piece for piece in pieces if rate in piece.rates]
        exact = Fraction(sum(piece.left for piece in having) * rate.millionths, 10**6)
        _give(round_to(exact, rules.rounding, step), having, step)


def _tax_within(pieces: Sequence[Sum], rules: PricingRules, step: int) -> None:
    kinds: dict[Hashable, list[Sum]] = {}
    for piece in pieces:
        kinds.setdefault(piece.rates, []).append(piece)
    for having in kinds.values():
        together = Fraction(sum(rate.millionths for rate in having[0].rates), 10**6)
        gross = sum(piece.left for piece in having)
        _give(round_to(gross - gross / (1 + together), rules.rounding, step), having, step)


def _give(amount: int, having: Sequence[Sum], step: int) -> None:
    for piece, share in zip(having, hand_out(amount, [piece.left for piece in having], step), strict=True):
        piece.tax += share
