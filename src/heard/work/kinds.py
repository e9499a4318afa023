"""What a lane needs to know of one kind of due work: the same for orders, deliveries, menus, probes, pauses and what
is off a menu.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol, TypeVar

from heard import limits

T = TypeVar("T")


class Kind(Protocol[T]):
    """One kind of due work: how it is leased, grouped, renewed and done.

    `at_once`: how many one look leases at most. `patient`: while this process is behind with what it has begun, no more
    of it is begun.
    """

    name: str
    at_once: int = limits.CLAIM_BATCH_MAX
    patient: bool = False

    def per_group(self, room: int) -> int:
        """How many of one group may be under way here, where there is room for so many more of any."""
        return 1

    async def claim(self, count: int, per_group: int, busy: Sequence[str]) -> list[T]:
        """Lease up to `count` that are due, none of the groups that are `busy`."""
        ...

    async def renew(self, held: Sequence[T], lease_s: float) -> None:
        """Keep leases for so long from now; 0 gives them back. By default nothing: a lease outlives what it is for."""
        return

    async def work(self, item: T) -> float | None:
        """Do it; the seconds until the same item is due again, None when it is not or nobody knows."""
        ...

    def key(self, item: T) -> Hashable: ...
    def group(self, item: T) -> str: ...

    def names(self, item: T) -> Mapping[str, str]:
        """What it is about, as each line of the log says while it is under way, and its span."""
        ...

    def trace(self, item: T) -> str | None:
        """The trace that it goes on with. By default none: nobody else has asked for it."""
        return None
