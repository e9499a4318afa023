"""Taxes of pieces that are rounded together: the pieces of one line, or those of the whole order. Integers only.

A piece is what has taxes of its own: a line, or each component of a combo. Every sum is rounded once, to the currency's
step, and then spread back over the pieces, so that they add up to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from heard.domain.money import Cents
from heard.domain.pricing.allocate import allocate, spread
from heard.domain.pricing.cart import WHOLE_MILLIONTHS, PricingRules, Rounding, TaxRate


class Piece(NamedTuple):
    base: Cents  # what is left of it after the discount
    taxes: tuple[TaxRate, ...]


def taxes_of(pieces: Sequence[Piece], rules: PricingRules, step: int) -> list[list[Cents]]:
    """For each piece its taxes' amounts, in the order of its rates."""
    if rules.inclusive:
        return _within(pieces, rules, step)
    return _on_top(pieces, rules, step)


def taxes_of_one(base: Cents, taxes: Sequence[TaxRate], rules: PricingRules, step: int) -> list[Cents]:
    """What `taxes_of` says of a piece that is alone, which most lines are."""
    if not rules.inclusive:
        return [rounded(base * millionths, WHOLE_MILLIONTHS, rules, step) for _, millionths in taxes]
    together = sum([millionths for _, millionths in taxes])
    whole = rounded(base * together, WHOLE_MILLIONTHS + together, rules, step)
    return list(spread(whole, [millionths for _, millionths in taxes], step))


def rounded(numerator: int, denominator: int, rules: PricingRules, step: int) -> Cents:
    """A fraction of cents, of zero or more, as whole steps."""
    denominator *= step
    if rules.rounding is Rounding.HALF_UP:
        return Cents((2 * numerator + denominator) // (2 * denominator) * step)
    units, rest = divmod(numerator, denominator)
    return Cents((units + (2 * rest + units % 2 > denominator)) * step)


def _on_top(pieces: Sequence[Piece], rules: PricingRules, step: int) -> list[list[Cents]]:
    """Each rate is summed over all pieces that have it and rounded once."""
    found: dict[TaxRate, list[int]] = {}
    for place, piece in enumerate(pieces):
        for rate in piece.taxes:
            found.setdefault(rate, []).append(place)
    amounts: dict[tuple[int, TaxRate], Cents] = {}
    for rate, places in found.items():
        bases = [pieces[place].base for place in places]
        amount = rounded(sum(bases) * rate.millionths, WHOLE_MILLIONTHS, rules, step)
        amounts.update({(place, rate): share for place, share in zip(places, spread(amount, bases, step), strict=True)})
    return [[amounts[place, rate] for rate in piece.taxes] for place, piece in enumerate(pieces)]


def _within(pieces: Sequence[Piece], rules: PricingRules, step: int) -> list[list[Cents]]:
    """Pieces with the same rates are summed; the whole of their tax is rounded once, and its parts add up to it.

    Rounded rate by rate, the parts of a small price could exceed it.
    """
    found: dict[tuple[TaxRate, ...], list[int]] = {}
    for place, piece in enumerate(pieces):
        found.setdefault(piece.taxes, []).append(place)
    amounts: list[list[Cents]] = [[] for _ in pieces]
    for rates, places in found.items():
        bases = [pieces[place].base for place in places]
        together = sum(rate.millionths for rate in rates)
        whole = rounded(sum(bases) * together, WHOLE_MILLIONTHS + together, rules, step)
        left = spread(whole, bases, step)
        parts = spread(whole, [rate.millionths for rate in rates], step)
        for part in parts[:-1]:
            shares = allocate(part, left, step)
            left = tuple([Cents(rest - share) for rest, share in zip(left, shares, strict=True)])
            for place, share in zip(places, shares, strict=True):
                amounts[place].append(share)
        if rates:
            for place, rest in zip(places, left, strict=True):
                amounts[place].append(rest)
    return amounts
