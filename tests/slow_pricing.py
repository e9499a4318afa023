"""The price of a cart as one works it out on paper: fractions, one cent handed out after another. It knows the cart's
shape and nothing of the code that prices it; the table of worked carts is held against it too.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heard.domain.pricing.cart import Cart, CartLine, CartModifier, PricingRules, Rounding, TaxPer, TaxRate


@dataclass(slots=True)
class Sum:
    """A line, or a component of a combo."""

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
    lines = [Sum(line.taxes, line.quantity * _unit(line), 0, 0, []) for line in cart.lines]
    subtotal = sum(line.subtotal for line in lines)
    for line, share in zip(lines, hand_out(cart.discount, [line.subtotal for line in lines], step), strict=True):
        line.discount = share
    for line, wanted in zip(lines, cart.lines, strict=True):
        _open(line, wanted, step)
    groups = [_pieces([line]) for line in lines] if rules.per is TaxPer.LINE else [_pieces(lines)]
    for pieces in groups:
        (_tax_within if rules.inclusive else _tax_on_top)(pieces, rules, step)
    for line in lines:
        line.tax += sum(part.tax for part in line.components)
    tax = sum(line.tax for line in lines)
    total = subtotal - cart.discount + cart.tip + cart.fees + (0 if rules.inclusive else tax)
    return OnPaper(lines, subtotal, tax, total)


def hand_out(amount: int, weights: Sequence[int], step: int) -> list[int]:
    """Everybody gets the whole steps of the exact share; then, step by step, whoever has most left to get."""
    if amount == 0:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    got = [share // step * step for share in exact]
    owed = [share - have for share, have in zip(exact, got, strict=True)]
    while sum(got) < amount:
        most = owed.index(max(owed))
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
    """A combo's money, of one combo, goes to its parts by what they cost alone; so does the line's discount."""
    if not wanted.components:
        return
    costs = [part.quantity * part.list_price for part in wanted.components]
    if not any(costs):
        costs = [1 for _ in costs]
    money = [wanted.quantity * part for part in hand_out(_unit(wanted), costs, step)]
    off = hand_out(line.discount, money, step)
    line.components = [
        Sum(part.taxes, cents, less, 0, []) for part, cents, less in zip(wanted.components, money, off, strict=True)
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
