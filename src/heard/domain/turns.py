"""Taking turns: the first of everybody before the second of anybody."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turns(items: Iterable[T], whose: Callable[[T], Hashable], each: int) -> list[T]:
    """The items in their turns, within a turn as they came; of nobody more than `each`.

    >>> in_turns(["a1", "a2", "a3", "b1"], lambda item: item[0], 2)
    ['a1', 'b1', 'a2']
    """
    return [item for _, item in sorted(_numbered(items, whose, each), key=lambda one: one[0])]


def spread(items: Sequence[T], whose: Callable[[T], Hashable], wanted: int, each: int) -> bool:
    """Whether so many can be had of them with nobody having more than a quarter of these, nor more than `each`."""
    share = min(each, max(1, wanted // 4))
    return len(_numbered(items, whose, share)) >= wanted


def _numbered(items: Iterable[T], whose: Callable[[T], Hashable], each: int) -> list[tuple[int, T]]:
    """Each with the number of its turn, up to a last one."""
    turns: Counter[Hashable] = Counter()
    numbered = []
    for item in items:
        turns[whose(item)] += 1
        if turns[whose(item)] <= each:
            numbered.append((turns[whose(item)], item))
    return numbered
