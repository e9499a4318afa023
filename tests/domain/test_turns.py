"""Everybody has a turn before anybody has another."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from heard.domain.turns import in_turns, spread

QUEUES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers()), max_size=60)


def owner(item: tuple[str, int]) -> str:
    return item[0]


@given(QUEUES, st.integers(1, 8))
def test_nobody_has_a_second_turn_before_everybody_has_had_a_first(queue: list[tuple[str, int]], each: int) -> None:
    had: Counter[str] = Counter()
    waiting = Counter(map(owner, queue))
    for item in in_turns(queue, owner, each):
        had[owner(item)] += 1
        behind = [one for one in waiting if had[one] < min(had[owner(item)] - 1, each, waiting[one])]
        assert behind == []
    assert had == Counter({one: min(each, count) for one, count in waiting.items()})


@given(QUEUES, st.integers(1, 8))
def test_each_ones_own_come_in_their_order(queue: list[tuple[str, int]], each: int) -> None:
    taken = in_turns(queue, owner, each)
    for one in set(map(owner, queue)):
        assert [item for item in taken if owner(item) == one] == [item for item in queue if owner(item) == one][:each]


def test_a_queue_is_spread_where_a_quarter_each_is_enough() -> None:
    four = [(name, number) for number in range(3) for name in "abcd"]
    assert spread(four, owner, 12, 8)
    assert not spread(four, owner, 12, 2), "nobody may have so many"
    assert not spread(four[:8] + four[:1], owner, 12, 8)
    assert spread([("a", 1)], owner, 1, 8)
    assert not spread([], owner, 1, 8)
