"""Which failovers a run has, and what it did: the same seed, the same plan."""

import random
from collections import Counter
from dataclasses import dataclass, field

# What befalls a cluster, and for how many seconds: docs/why/cluster.md tells of each.
KINDS: dict[str, tuple[float, float]] = {
    "lost": (0.0, 0.0),
    "cut off, then lost": (1.0, 3.0),
    "frozen": (3.0, 8.0),
    "crashed": (0.0, 0.0),
    "switched": (0.0, 0.0),
    "standby lost": (2.0, 4.0),
    "etcd lost": (12.0, 20.0),
}
LOSING = ("cut off, then lost",)
"""What a cluster that does not wait for a standby loses orders by."""


@dataclass(frozen=True, slots=True)
class Failover:
    """One thing that befalls the cluster, for so many seconds."""

    kind: str
    seconds: float
    calm_s: float
    """Of peace before it."""


def plan(seed: int, count: int, kinds: tuple[str, ...] = tuple(KINDS)) -> list[Failover]:
    """So many; each kind comes once before one comes twice."""
    dice = random.Random(seed)
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += dice.sample(kinds, len(kinds))
    return [
        Failover(kind, round(dice.uniform(*KINDS[kind]), 2), round(dice.uniform(1.0, 3.0), 2)) for kind in drawn[:count]
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """One failover as the channel and the operator saw it."""

    kind: str
    led: str
    leads: str
    silent_s: float
    """The longest time that no order was answered as accepted."""
    ready_s: float
    """From its beginning until every process of the hub said that it was ready, for good."""
    well_s: float
    """... and until three nodes followed one another again."""


@dataclass(slots=True)
class Run:
    """What a run was, and what it did."""

    seed: int
    synchronous: bool
    seen: list[Seen] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
