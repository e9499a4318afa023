"""What is chosen at one place of an order, held against the groups that stand there on the menu, at any depth.

Groups are plain tuples. What is said of a choice (`P`: its price, and whatever else) is the menu's own affair.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple, Protocol, Self, TypeAlias, TypeVar

from heard.domain.ids import ModifierId
from heard.domain.refusals import FieldError

P = TypeVar("P")

# A group: its name for people, at least so many, at most so many (None: no bound), and what there is to choose.
Choice: TypeAlias = "tuple[ModifierId, P, tuple[Group[P], ...]]"
Group: TypeAlias = "tuple[str, int, int | None, tuple[Choice[P], ...]]"


class Wanted(Protocol):
    """A choice as an order makes it."""

    @property
    def modifier_id(self) -> ModifierId: ...

    @property
    def quantity(self) -> int: ...

    @property
    def modifiers(self) -> Sequence[Self]: ...


W = TypeVar("W", bound=Wanted)


# A choice that stands on the menu: its number at its place, what the menu says of it in each of its groups, and below.
Taken: TypeAlias = "tuple[int, W, tuple[P, ...], tuple[Taken[W, P], ...]]"


class Choosing(NamedTuple):
    """One order being held against a menu. `id_name`: what an id is called in the order's body."""

    sold_out: Container[str]
    faults: list[FieldError]
    id_name: str

    def level(
        self, path: str, groups: "tuple[Group[P], ...]", chosen: Sequence[W], of: str
    ) -> "tuple[Taken[W, P], ...]":
        """The choices of one place: each from a group that stands there, and so many of each group as there may be.

        Our reading: a choice counts as often as its quantity says.
        """
        ids = [one.modifier_id for one in chosen]
        wanted = set(ids)
        spots: dict[ModifierId, list[tuple[int, P, tuple[Group[P], ...]]]] = {}
        for number, (_, _, _, choices) in enumerate(groups if ids else ()):
            for modifier_id, offered, below in choices:
                if modifier_id in wanted:
                    spots.setdefault(modifier_id, []).append((number, offered, below))
        counts = [0] * len(groups)
        shared: list[tuple[int, list[int]]] = []
        taken: list[Taken[W, P]] = []
        for place, one in enumerate(chosen):
            modifier_id, found = ids[place], spots.get(ids[place])
            if found is None:
                text = f"{modifier_id!r} is no choice of {of!r}"
                self.fault(f"{path}[{place}].{self.id_name}", "unknown_modifier", text)
                continue
            if modifier_id in self.sold_out:
                self.fault(f"{path}[{place}].{self.id_name}", "sold_out", f"{modifier_id!r} cannot be had now")
            number, offered, groups_below = found[0]
            inner: tuple[Taken[W, P], ...] = ()
            every: tuple[P, ...] = (offered,)
            if groups_below or one.modifiers:
                inner = self.level(f"{path}[{place}].modifiers", groups_below, one.modifiers, modifier_id)
            if len(found) == 1:
                counts[number] += one.quantity
            else:
                every = tuple([each for _, each, _ in found])
                shared.append((one.quantity, [each for each, _, _ in found]))
            taken.append((place, one, every, inner))
        for quantity, numbers in shared:
            _share_out(quantity, numbers, groups, counts)
        self._bounds(path, groups, counts)
        return tuple(taken)

    def fault(self, path: str, code: str, message: str) -> None:
        self.faults.append(FieldError(path, code, message))

    def _bounds(self, path: str, groups: "tuple[Group[P], ...]", counts: list[int]) -> None:
        for (name, least, most, _), count in zip(groups, counts, strict=True):
            if count < least:
                text = f"of {name!r} at least {least} must be chosen, not {count}"
                self.fault(path, "too_few_choices", text)
            elif most is not None and count > most:
                text = f"of {name!r} at most {most} may be chosen, not {count}"
                self.fault(path, "too_many_choices", text)


def _share_out(quantity: int, numbers: list[int], groups: "tuple[Group[P], ...]", counts: list[int]) -> None:
    """A choice that stands in several groups of one place counts where it is needed, then where there is room.

    Our reading: an order names no group, so that it is right if it can be read in a way that is.
    """
    for number in numbers:
        needed = min(quantity, max(0, groups[number][1] - counts[number]))
        counts[number] += needed
        quantity -= needed
    for number in numbers:
        most = groups[number][2]
        room = quantity if most is None else min(quantity, max(0, most - counts[number]))
        counts[number] += room
        quantity -= room
    counts[numbers[0]] += quantity
