"""What is chosen at one place of an order, held against the groups that stand there on the menu, at any depth.

Groups are plain tuples. What is said of a choice (`P`: its price, and whatever else) is the menu's own affair.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self, TypeAlias, TypeVar

from heard.domain.ids import ModifierId
from heard.domain.menu.off import NOTHING_OFF, Off, off_text
from heard.domain.refusals import FieldError

P = TypeVar("P")

# A group: its name for people, at least so many, at most so many (None: no bound), and what there is to choose.
Choice: TypeAlias = "tuple[ModifierId, P, tuple[Group[P], ...]]"
Group: TypeAlias = "tuple[str, int, int | None, tuple[Choice[P], ...]]"

# The groups of one place, made ready to be looked into: their bounds, and every choice by its id.
Place: TypeAlias = "tuple[tuple[Bounds, ...], Mapping[ModifierId, Spot[P]]]"
Bounds: TypeAlias = tuple[str, int, int | None]
# A choice at its place: the numbers of its groups, what the menu says of it in each of them, and the place below it.
Spot: TypeAlias = "tuple[tuple[int, ...], tuple[P, ...], Place[P]]"


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
Taken: TypeAlias = "tuple[int, W, tuple[P, ...], Sequence[Taken[W, P]]]"


_NOWHERE: "Final[Place[Any]]" = ((), {})  # what is below most choices


def place_of(groups: "Sequence[Group[P]]") -> "Place[P]":
    """A place of these groups. It takes time and memory: it is made of what is ordered, and kept.

    Below a choice that stands in several of the groups is what the first of them says.
    """
    if not groups:
        return _NOWHERE
    spots: dict[ModifierId, Spot[P]] = {}
    for number, (_, _, _, choices) in enumerate(groups):
        alone = (number,)
        for modifier_id, offered, below in choices:
            known = spots.get(modifier_id)
            if known is None:
                spots[modifier_id] = (alone, (offered,), place_of(below))
            else:
                spots[modifier_id] = ((*known[0], number), (*known[1], offered), known[2])
    return tuple([(name, least, most) for name, least, most, _ in groups]), spots


class Choosing(NamedTuple):
    """One order being held against a menu. `id_name`: what an id is called in the order's body; `off`: what of the menu
    was taken off it for now.
    """

    sold_out: Container[str]
    faults: list[FieldError]
    id_name: str
    off: Off = NOTHING_OFF

    def level(self, path: str, place: "Place[P]", chosen: Sequence[W], of: str) -> "list[Taken[W, P]]":
        """The choices of one place: each from a group that stands there, and so many of each group as there may be.

        Our reading: a choice counts as often as its quantity says.
        """
        (groups, spots), sold_out, off = place, self.sold_out, self.off
        counts = [0] * len(groups)
        shared: list[tuple[int, tuple[int, ...]]] = []
        taken: list[Taken[W, P]] = []
        for number, one in enumerate(chosen):
            modifier_id = one.modifier_id
            spot = spots.get(modifier_id)
            if spot is None:
                text = f"{modifier_id!r} is no choice of {of!r}"
                self.fault(f"{path}[{number}].{self.id_name}", "unknown_modifier", text)
                continue
            if modifier_id in sold_out or modifier_id in off:
                self.gone(f"{path}[{number}].{self.id_name}", modifier_id)
            numbers, offered, below = spot
            inner: Sequence[Taken[W, P]] = ()
            if below[0] or one.modifiers:
                inner = self.level(f"{path}[{number}].modifiers", below, one.modifiers, modifier_id)
            if len(numbers) == 1:
                counts[numbers[0]] += one.quantity
            else:
                shared.append((one.quantity, numbers))
            taken.append((number, one, offered, inner))
        for quantity, numbers in shared:
            _share_out(quantity, numbers, groups, counts)
        for number, (name, least, most) in enumerate(groups):
            count = counts[number]
            if count < least:
                text = f"of {name!r} at least {least} must be chosen, not {count}"
                self.fault(path, "too_few_choices", text)
            elif most is not None and count > most:
                text = f"of {name!r} at most {most} may be chosen, not {count}"
                self.fault(path, "too_many_choices", text)
        return taken

    def gone(self, path: str, item_id: str) -> None:
        """It cannot be had: the menu says so, or it was taken off."""
        sold_out = item_id in self.sold_out
        text = f"{item_id!r} cannot be had now" if sold_out else off_text(item_id, self.off[item_id])
        self.fault(path, "sold_out", text)

    def fault(self, path: str, code: str, message: str) -> None:
        self.faults.append(FieldError(path, code, message))


def _share_out(quantity: int, numbers: tuple[int, ...], groups: tuple[Bounds, ...], counts: list[int]) -> None:
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
