"""What is counted of orders and of calls to their POSes, and what follows from the counts: rates, percentiles, days."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class What(StrEnum):
    """What happens to an order, and what comes of a call to its POS."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CALL_ANSWERED = "call_answered"
    CALL_FAILED = "call_failed"  # by a 5xx
    CALL_UNANSWERED = "call_unanswered"


class Span(StrEnum):
    """Over which time figures are asked for: sixty minutes, 24 hours, thirty days."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(slots=True)
class Tally:
    """Counts by what happened, and how long it took in steps: ten of them are a decade of milliseconds."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, what: str, step: int, count: int) -> None:
        self.counts[what, step] += count

    def of(self, *whats: What) -> int:
        return sum(count for (what, _), count in self.counts.items() if what in whats)

    def percentile_ms(self, what: What, percent: float) -> float | None:
        """How long so many percent of them took at most, within an eighth of it; None of nothing."""
        steps = sorted((step, count) for (one, step), count in self.counts.items() if one == what)
        total = sum(count for _, count in steps)
        if not total:
            return None
        rank, before = total * percent / 100, 0
        for step, count in steps:
            if before + count >= rank:
                return step_ms(step + (rank - before) / count)
            before += count
        return step_ms(steps[-1][0] + 1)

    @property
    def calls(self) -> int:
        """To POSes."""
        return self.of(What.CALL_ANSWERED, What.CALL_FAILED, What.CALL_UNANSWERED)

    @property
    def calls_lost(self) -> float | None:
        """The share of calls that brought no answer, or a 5xx."""
        return _share(self.of(What.CALL_FAILED, What.CALL_UNANSWERED), self.calls)

    @property
    def orders_lost(self) -> float | None:
        """The share of orders that were rejected or failed, of those that were decided about."""
        lost = self.of(What.REJECTED, What.FAILED)
        return _share(lost, lost + self.of(What.CONFIRMED))


def summed(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    total = Tally()
    for one in tallies:
        total.counts.update(one.counts)
    return total


def step_ms(step: float) -> float:
    """Where a step begins, in milliseconds.

    >>> round(step_ms(0)), round(step_ms(10)), round(step_ms(35))
    (1, 10, 3162)
    """
    return float(10 ** (step / 10))


def days_at(zone: str, begins: datetime, ends: datetime) -> tuple[date, datetime | None]:
    """Which day it is in a time zone when a time of less than a day begins, and when the next one does, if that is
    before its end. An unknown zone counts as UTC.

    >>> days_at("America/New_York", datetime(2026, 3, 2, 4, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC))
    (datetime.date(2026, 3, 1), datetime.datetime(2026, 3, 2, 5, 0, tzinfo=datetime.timezone.utc))
    """
    known = zone_of(zone)
    day = begins.astimezone(known).date()
    next_at = datetime.combine(day + timedelta(days=1), time(), known).astimezone(UTC)
    return day, next_at if next_at < ends else None


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name; UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _share(some: int, all_of_them: int) -> float | None:
    return some / all_of_them if all_of_them else None
