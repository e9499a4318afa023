"""Taxes of pieces that are rounded together: the pieces of one line, or those of the whole order. Integers only.

A piece is what has taxes of its own: a line, or each component of a combo. Every sum is rounded once, to the currency's
step, and then spread back over the pieces, so that they add up to it.
"""

from collections.abc import Sequence

from heard.domain.money import Cents
from heard.domain.pricing.allocate import allocate, spread
from heard.domain.pricing.cart import WHOLE_MILLIONTHS, PricingRules, Rounding, TaxRate

_HALF_UP = Rounding.HALF_UP  # reading it off its class takes four times as long, and a cart does so for every line


Rates = tuple[TaxRate, ...]


def taxes_of(bases: Sequence[Cents], rates: Sequence[Rates], rules: PricingRules, step: int) -> list[list[Cents]]:
    """For each piece, by what is left of it after the discount and the rates it has: their amounts."""
    if rules.inclusive:
        return _within(bases, rates, rules, step)
    return _on_top(bases, rates, rules, step)


def taxes_of_one(base: Cents, rates: Rates, rules: PricingRules, step: int) -> list[Cents]:
    """What `taxes_of` says of a piece that is alone, which most lines are."""
    if len(rates) == 1:  # most have one
        ((_, millionths),) = rates
        within = millionths if rules.inclusive else 0
        return [rounded(base * millionths, WHOLE_MILLIONTHS + within, rules, step)]
    if not rules.inclusive:
        return [rounded(base * millionths, WHOLE_MILLIONTHS, rules, step) for _, millionths in rates]
    together = sum([millionths for _, millionths in rates])
    whole = rounded(base * together, WHOLE_MILLIONTHS + together, rules, step)
    return list(spread(whole, [millionths for _, millionths in rates], step))


def rounded(numerator: int, denominator: int, rules: PricingRules, step: int) -> Cents:
    """A fraction of cents, of zero or more, as whole steps."""
    denominator *= step
    if rules.rounding is _HALF_UP:
        return Cents((2 * numerator + denominator) // (2 * denominator) * step)
    units, rest = divmod(numerator, denominator)
    return Cents((units + (2 * rest + units % 2 > denominator)) * step)


def _on_top(bases: Sequence[Cents], rates: Sequence[Rates], rules: PricingRules, step: int) -> list[list[Cents]]:
    """Each rate is summed over all pieces that have it and rounded once."""
    taxed: dict[TaxRate, list[Cents]] = {}
    for base, of_piece in zip(bases, rates, strict=True):
        for rate in of_piece:
            taxed.setdefault(rate, []).append(base)
    shares = {
        rate: iter(spread(rounded(sum(having) * rate[1], WHOLE_MILLIONTHS, rules, step), having, step))
        for rate, having in taxed.items()
    }
    return [[next(shares[rate]) for rate in of_piece] for of_piece in rates]


def _within(bases: Sequence[Cents], rates: Sequence[Rates], rules: PricingRules, step: int) -> list[list[Cents]]:
    """Pieces with the same rates are summed; the whole of their tax is rounded once, and its parts add up to it.

    Rounded rate by rate, the parts of a small price could exceed it.
    """
    found: dict[Rates, list[int]] = {}
    for place, of_piece in enumerate(rates):
        found.setdefault(of_piece, []).append(place)
    amounts: list[list[Cents]] = [[] for _ in bases]
    for together, places in found.items():
        taxed = [bases[place] for place in places]
        millionths = [rate.millionths for rate in together]
        whole = rounded(sum(taxed) * sum(millionths), WHOLE_MILLIONTHS + sum(millionths), rules, step)
        left = spread(whole, taxed, step)
        for part in spread(whole, millionths, step)[:-1]:
            shares = allocate(part, left, step)  # no more than there is
            left = tuple([Cents(rest - share) for rest, share in zip(left, shares, strict=True)])
            for place, share in zip(places, shares, strict=True):
                amounts[place].append(share)
        if together:  # what is left is the last rate's
            for place, rest in zip(places, left, strict=True):
                amounts[place].append(rest)
    return amounts
