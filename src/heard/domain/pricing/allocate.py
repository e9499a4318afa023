"""Spreading an amount over shares so that it sums to the cent: largest remainder, ties to the earlier share.

This is the only place where money is divided among several.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from heard.domain.money import Cents

Rank = Callable[[int], Any]  # of a place, something to sort by: of places that tie, the lowest comes first


def allocate(amount: Cents, weights: Sequence[Cents], step: int = 1, rank: Rank | None = None) -> tuple[Cents, ...]:
    """Shares of `amount` in proportion to `weights`; they sum to it exactly and none exceeds its weight.

    Needs 0 <= amount <= sum(weights) and no negative weight (ValueError): then no line falls below zero.
    Where amount and weights are whole steps of the currency, so are the shares; else they are whole cents.
    `rank` says which of equal remainders comes first; without it, and among equal ranks, the earlier does.

    >>> allocate(Cents(1000), [Cents(333), Cents(333), Cents(334)])
    (333, 333, 334)
    """
    whole = sum(weights)
    if amount > whole:
        raise ValueError(f"{amount} cents cannot be spread over {whole}")
    if step != 1 and any(weight % step for weight in weights):
        step = 1  # a whole step more could exceed such a weight
    return _spread(amount, weights, whole, step, rank)


def spread(amount: Cents, weights: Sequence[int], step: int = 1, rank: Rank | None = None) -> tuple[Cents, ...]:
    """... whatever the weights count: a share may exceed its weight.

    Where the amount is whole steps, so are the shares; else they are whole cents. Needs an amount and weights of zero
    and more, and some weight where there is an amount (ValueError).

    >>> spread(Cents(1000), [1, 1, 1])
    (334, 333, 333)
    """
    return _spread(amount, weights, sum(weights), step, rank)


def _spread(amount: Cents, weights: Sequence[int], whole: int, step: int, rank: Rank | None) -> tuple[Cents, ...]:
    if amount < 0 or (weights and min(weights) < 0) or (amount and not whole):
        raise ValueError(f"{amount} cents cannot be spread over {whole}")
    if not amount:
        return (Cents(0),) * len(weights)
    if len(weights) == 1:
        return (amount,)
    if amount % step:
        step = 1
    units = amount // step
    exact = [units * weight for weight in weights]
    floors = [part // whole for part in exact]
    missing = units - sum(floors)
    if missing:
        for place in _first([part % whole for part in exact], missing, rank):
            floors[place] += 1
    return cast("tuple[Cents, ...]", tuple(floors if step == 1 else [floor * step for floor in floors]))


def _first(remainders: Sequence[int], count: int, rank: Rank | None) -> Sequence[int]:
    """The places of the largest remainders. At least one more than `count` is above zero, since they sum to `count`
    wholes and each is less than one.
    """
    # The sort is stable, also in reverse: of equal remainders the earlier share stays the earlier.
    places = sorted(range(len(remainders)), key=remainders.__getitem__, reverse=True)
    last = remainders[places[count - 1]]
    if rank is not None and remainders[places[count]] == last:
        certain = [place for place in places if remainders[place] > last]
        tied = sorted([place for place in places if remainders[place] == last], key=rank)
        places = certain + tied
    return places[:count]
