"""Which locations have requests under way, and the news that came before its ticket was known.

A kitchen may be quicker than the answer to its submit: while one is under way at the location, news is kept.
"""

from dataclasses import dataclass, field

from heard import limits
from heard.pos.adapter import Location, Standing


@dataclass(slots=True)
class Place:
    """A location that has requests under way; `early` is news by the ticket's number."""

    location: Location
    requests: int = 0
    early: dict[str, Standing] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        return self.requests > limits.WAITING_MAX


class Places:
    """One kit's."""

    def __init__(self) -> None:
        self._open: dict[Location, Place] = {}

    def enter(self, location: Location) -> Place:
        """The place of a request that begins; to be left with its end."""
        place = self._open.get(location)
        if place is None:
            place = self._open[location] = Place(location)
        place.requests += 1
        return place

    def leave(self, place: Place) -> None:
        """With the last request goes the news that nobody asked for."""
        place.requests -= 1
        if not place.requests:
            del self._open[place.location]

    def keep(self, location: Location, number: str, standing: Standing) -> bool:
        """News of a ticket that may become known; False where nothing is under way, or too much was told."""
        place = self._open.get(location)
        if place is None or len(place.early) >= limits.WAITING_MAX:
            return False
        place.early[number] = standing
        return True

    def is_kept(self, location: Location, number: str) -> bool:
        """Whether there still is news of it."""
        place = self._open.get(location)
        return place is not None and number in place.early

    def drop(self, location: Location, number: str) -> None:
        """Its news was told."""
        place = self._open.get(location)
        if place is not None:
            place.early.pop(number, None)
