"""What a run on a cluster is made of. The run itself takes minutes, and a cluster: make cluster-test."""

from collections import Counter

from cluster_page import page
from cluster_plan import KINDS, Run, Seen, plan


def test_a_seed_always_brings_the_same_failovers() -> None:
    assert plan(7, 20) == plan(7, 20) != plan(8, 20)


def test_every_kind_comes_once_before_one_comes_twice() -> None:
    for seed in range(20):
        assert {one.kind for one in plan(seed, len(KINDS))} == set(KINDS)
        counts = Counter(one.kind for one in plan(seed, 3 * len(KINDS) - 1))
        assert sorted(counts.values()) == [2] + [3] * (len(KINDS) - 1)


def test_the_page_tells_the_median_and_the_longest_of_each_kind() -> None:
    seen = [Seen("lost", "a", "b", silent_s, silent_s + 1, 31.0) for silent_s in (19.0, 20.0, 27.0)]
    text = page(Run(1, True, [*seen, Seen("switched", "b", "a", 2.0, 3.0, 8.0)], ends=Counter(confirmed=7)), "make it")
    assert "| lost | 3 | 20.0 s, 27.0 s | 21.0 s, 28.0 s | 31.0 s, 31.0 s |" in text
    assert "| together | 4 | 19.5 s, 27.0 s | 20.5 s, 28.0 s | 31.0 s, 31.0 s |" in text
    assert "Of 7 orders (7 confirmed), 0 were lost" in text
