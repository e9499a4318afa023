"""Chance that is drawn in pieces is as good as chance drawn each time: nothing of it is handed out twice."""

import random
from itertools import pairwise

import pytest

from heard.engine.chance import Chance


def test_whatever_is_taken_is_what_the_system_gave_in_its_order_and_never_the_same_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[bytes] = []

    def urandom(count: int) -> bytes:
        given.append(random.Random(len(given)).randbytes(count))
        return given[-1]

    monkeypatch.setattr("heard.engine.chance.os.urandom", urandom)
    chance, dice = Chance(), random.Random(7)
    places = []
    for _ in range(3_000):
        taken = chance.take(dice.choice((4, 10, 32)))
        places.append((len(given), given[-1].index(taken), len(taken)))
    assert len(given) > 5
    for (piece, start, size), (next_piece, next_start, _) in pairwise(places):
        assert next_start >= start + size if next_piece == piece else (next_piece, next_start) == (piece + 1, 0)


def test_a_fraction_is_below_one() -> None:
    chance = Chance()
    fractions = [chance.fraction() for _ in range(5_000)]
    assert 0 <= min(fractions) < 0.01
    assert 0.99 < max(fractions) < 1
