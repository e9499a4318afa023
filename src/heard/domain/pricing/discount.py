"""A cart's discount, over its lines and on over the parts of its combos.

Lines of the very same thing count as one, and of things that tie for a cent the one that is taxed higher gets it. So
neither the order in which a cart is written nor how a quantity is changes what is taxed: docs/why/pricing.md.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from heard.domain.money import Cents
from heard.domain.pricing.allocate import Rank, allocate
from heard.domain.pricing.cart import Cart, CartComponent, CartLine, CartModifier, PricingRules, TaxPer

Parts = Sequence[Cents]  # what each part of a combo comes to, in the order of its components
_PER_LINE = TaxPer.LINE


class Shares(NamedTuple):
    """Of each line its share of the discount, and of each line that is a combo those of its parts, by its place."""

    lines: Sequence[Cents]
    parts: Mapping[int, Parts]


class _Thing(NamedTuple):
    """What one or several lines are of: their places, what they cost together, and, of a combo, each of its parts.

    `line`: any of them; where they are several, as `_as_one` writes them, and `parts` in that order.
    """

    line: CartLine
    places: Sequence[int]
    subtotal: Cents
    parts: Parts | None


def shares_of(
    cart: Cart, subtotals: Sequence[Cents], parts: Mapping[int, Parts], rules: PricingRules, step: int
) -> Shares:
    """`parts`: those of the lines that are combos, by their places; they sum to the line's subtotal.

    Needs a discount of no more than the sum of `subtotals`.
    """
    lines = cart.lines
    if len({line[0] for line in lines}) == len(lines):  # all of different things, as nearly always

        def rank(place: int) -> Any:
            return _rank(_Thing(lines[place], (place,), subtotals[place], parts.get(place)), lines, rules)

        shares = allocate(cart.discount, subtotals, step, rank)
        return Shares(shares, {place: _over_parts(shares[place], lines[place], parts[place], step) for place in parts})
    things = _things(lines, subtotals, parts)
    whole = [thing.subtotal for thing in things]
    of_things = allocate(cart.discount, whole, step, lambda place: _rank(things[place], lines, rules))
    of_lines = [Cents(0)] * len(lines)
    of_parts: dict[int, Parts] = {}
    for thing, share in zip(things, of_things, strict=True):
        _give(thing, share, lines, step, of_lines, of_parts)
    return Shares(of_lines, of_parts)


def highest_taxed(components: Sequence[CartComponent], weights: Sequence[int]) -> Rank:
    """Which of a combo's parts that tie for a cent comes first; of those that are taxed alike the dearer, then by their
    ids: wherever the combo stands, and however its parts are written, they come to the same.
    """

    def rank(place: int) -> Any:
        part = components[place]
        return -sum([millionths for _, millionths in part.taxes]), part.taxes, -weights[place], part

    return rank


def _over_parts(share: Cents, combo: CartLine, parts: Parts, step: int) -> Parts:
    return allocate(share, parts, step, highest_taxed(combo.components, parts))


def _things(lines: Sequence[CartLine], subtotals: Sequence[Cents], parts: Mapping[int, Parts]) -> list[_Thing]:
    """In the order of their first lines. What is equal but for its quantity is the same."""
    having: dict[CartLine, list[int]] = {}
    for place, line in enumerate(lines):
        having.setdefault(_as_one(line), []).append(place)
    things = []
    for line, places in having.items():
        rows = [[parts[place][spot] for spot in _order(lines[place])] for place in places if line.components]
        sums = [Cents(sum(column)) for column in zip(*rows, strict=True)]
        things.append(_Thing(line, places, Cents(sum([subtotals[place] for place in places])), sums or None))
    return things


def _as_one(line: CartLine) -> CartLine:
    """One of a thing, in whatever order its choices and its parts were written."""
    components = tuple([line.components[spot] for spot in _order(line)])
    return line._replace(quantity=1, modifiers=_sorted(line.modifiers), components=components)


def _order(combo: CartLine) -> Sequence[int]:
    return sorted(range(len(combo.components)), key=combo.components.__getitem__)


def _sorted(modifiers: Sequence[CartModifier]) -> tuple[CartModifier, ...]:
    return tuple(sorted([one._replace(modifiers=_sorted(one.modifiers)) for one in modifiers]))


def _give(
    thing: _Thing, share: Cents, lines: Sequence[CartLine], step: int, of_lines: list[Cents], of_parts: dict[int, Parts]
) -> None:
    """A thing's share to its lines by quantity, ties to the larger; a combo's to its parts first."""
    quantities = [lines[place].quantity for place in thing.places]
    count = sum(quantities)

    def over_lines(amount: Cents, each: int) -> Sequence[Cents]:
        weights = [Cents(quantity * each) for quantity in quantities]
        return allocate(amount, weights, step, lambda place: -quantities[place])

    if thing.parts is None:
        for place, cents in zip(thing.places, over_lines(share, thing.subtotal // count), strict=True):
            of_lines[place] = cents
        return
    shares = zip(_over_parts(share, thing.line, thing.parts, step), thing.parts, strict=True)
    columns = [over_lines(of_part, whole // count) for of_part, whole in shares]
    for place, row in zip(thing.places, zip(*columns, strict=True), strict=True):
        as_written = sorted(zip(_order(lines[place]), row, strict=True))
        of_lines[place], of_parts[place] = Cents(sum(row)), [cents for _, cents in as_written]


def _rank(thing: _Thing, lines: Sequence[CartLine], rules: PricingRules) -> Any:
    """Which of things that tie for a cent comes first: the one that is taxed higher.

    The rest of it says what else the tax would be otherwise for. Where all of that is equal, it does not matter to any
    sum who gets the cent, and the earlier does.
    """
    line, _, subtotal, parts = thing
    rates = [line.taxes] if parts is None else [part.taxes for part in line.components]
    if not any(rates):
        return (Fraction(0),)
    pieces = sorted(zip(rates, parts or [subtotal], strict=True))
    taxed = sum([cents * sum([millionths for _, millionths in of_piece]) for of_piece, cents in pieces])
    shape = (Fraction(-taxed, subtotal), pieces if parts else [(line.taxes,)])
    if rules.per is not _PER_LINE:
        return shape
    return (*shape, -subtotal, sorted([lines[place].quantity for place in thing.places]))
