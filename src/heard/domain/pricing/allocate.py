"""Spreading an amount over shares so that it sums to the cent: largest remainder, ties to the earlier share."""

from collections.abc import Sequence

from heard.domain.money import Cents


def allocate(amount: Cents, weights: Sequence[Cents]) -> tuple[Cents, ...]:
    """Shares of `amount` in proportion to `weights`; they sum to it exactly and none exceeds its weight.

    Needs 0 <= amount <= sum(weights) and no negative weight (ValueError): then no line falls below zero.

    >>> allocate(Cents(1000), [Cents(333), Cents(333), Cents(334)])
    (333, 333, 334)
    """
    whole = sum(weights)
    if any(weight < 0 for weight in weights) or not 0 <= amount <= whole:
        raise ValueError(f"{amount} cents cannot be spread over {whole}")
    if whole == 0:
        return tuple(Cents(0) for _ in weights)
    floors = [amount * weight // whole for weight in weights]
    remainders = [amount * weight % whole for weight in weights]
    missing = amount - sum(floors)
    first = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))[:missing]
    return tuple(Cents(floor + (index in first)) for index, floor in enumerate(floors))
