"""When a store is open, and for when an order may be placed: local wall-clock times of its zone, and clock changes.

Our readings: a time that a clock change skips is refused; of one that comes twice the earlier is meant, unless it is
over; and a store without serving times is always open.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from heard import limits
from heard.domain.order_types import OrderType
from heard.domain.refusals import Code, FieldError, Refused

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2} ?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_DAYS_AHEAD: Final = 15  # a weekly time comes again within seven, and a clock change may skip it once
_DAY: Final = timedelta(days=1)


class Day(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK: Final = tuple(Day)  # as datetime.weekday() counts


@dataclass(frozen=True, slots=True)
class ServingTime:
    """From when to when a store is open on some days, by its wall clock. One that closes no later than it opens does so
    on the next day.
    """

    days: tuple[Day, ...]
    opens: time
    closes: time

    def spans(self, wall: datetime) -> bool:
        """Whether it is open at a local wall-clock time, by what began that day or the day before."""
        today, yesterday = (_WEEK[(wall - back).weekday()] in self.days for back in (0 * _DAY, _DAY))
        clock = wall.timetz()
        if self.opens < self.closes:
            return today and self.opens <= clock < self.closes
        return (today and self.opens <= clock) or (yesterday and clock < self.closes)

    @property
    def words(self) -> dict[str, object]:
        """As it is written in tables and bodies."""
        days = [day.value for day in self.days]
        return {"days": days, "from": f"{self.opens:%H:%M}", "to": f"{self.closes:%H:%M}"}


def read_serving_time(days: Iterable[str], opens: str, closes: str) -> ServingTime:
    """Raises ValueError for a day or a time that is none."""
    named = set(days)
    unknown = sorted(named - set(_WEEK))
    if unknown or not named:
        found = f"{unknown[0][:20]!r} is no day" if unknown else "no day is named"
        raise ValueError(f"{found}; there are {', '.join(_WEEK)}")
    return ServingTime(tuple(day for day in _WEEK if day in named), _clock(opens), _clock(closes))


def _clock(text: str) -> time:
    """24:00 is the midnight at the end of a day, which is written as 00:00 from here on."""
    found = _CLOCK.fullmatch("00:00" if text == "24:00" else text)
    if found is None:
        raise ValueError(f"{text[:20]!r} is no time of day such as 08:30")
    return time(int(found[1]), int(found[2]))


def is_open_at(hours: tuple[ServingTime, ...], at: datetime, zone: ZoneInfo) -> bool:
    """Whether a store is open at an instant."""
    wall = at.astimezone(zone).replace(tzinfo=None)
    return not hours or any(one.spans(wall) for one in hours)


def next_opening(hours: tuple[ServingTime, ...], at: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant from `at` on at which a store is open, in UTC; None where no day is served."""
    if is_open_at(hours, at, zone):
        return at.astimezone(UTC)
    first = at.astimezone(zone).date()
    for ahead in range(_DAYS_AHEAD):
        date = first + ahead * _DAY
        found = [
            instant
            for one in hours
            for instant in _from(datetime.combine(date, one.opens), zone)
            if instant >= at and is_open_at(hours, instant, zone)
        ]
        if found:
            return min(found)
    return None


def instants_of(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """What a wall-clock time names, in UTC, the earlier first: two if it comes twice, none if it is skipped."""
    found: list[datetime] = []
    for fold in (0, 1):
        at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if at.astimezone(zone).replace(tzinfo=None) == wall and at not in found:
            found.append(at)
    return tuple(found)


def _from(wall: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants of a wall-clock time; of one that is skipped, the instant of the clock change."""
    found = instants_of(wall, zone)
    yield from found
    if not found:
        before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
        offset = before.astimezone(zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = (before + (after - before) / 2).replace(microsecond=0)
            if middle.astimezone(zone).utcoffset() == offset:
                before = middle
            else:
                after = middle
        yield after


def check_pickup(
    order_type: OrderType,
    asap: bool | None,
    pickup_at: str | None,
    now: datetime,
    zone: ZoneInfo,
    hours: tuple[ServingTime, ...],
    path: str = "$.order_type",
) -> datetime | None:
    """When an order is wanted, in UTC; None: as soon as possible. `path` is where the order type stands.

    Raises Refused: invalid_body for what cannot be understood, pickup_not_possible for what cannot be served.
    """
    if pickup_at is not None and asap:
        raise _invalid(f"{path}.pickup_at", "contradiction", "pickup_asap and pickup_at do not go together")
    if pickup_at is None and not asap:
        raise _invalid(path, "missing", "say when: pickup_asap or pickup_at")
    if pickup_at is None:
        if not is_open_at(hours, now, zone):
            raise _impossible(f"{path}.pickup_asap", "outside_hours", _closed("now", hours, now, zone))
        return None
    place = f"{path}.pickup_at"
    if order_type.asap_only:
        text = f"order type {order_type.value} is for now: send pickup_asap"
        raise _impossible(place, "asap_only", text)
    wanted = read_pickup_at(pickup_at, zone, place, now)
    if wanted < now:
        raise _impossible(place, "in_the_past", f"{pickup_at} is over")
    if wanted > now + timedelta(days=limits.PAID_AHEAD_DAYS_MAX):
        text = f"more than {limits.PAID_AHEAD_DAYS_MAX} days ahead: money is not held for longer"
        raise _impossible(place, "too_far_ahead", text)
    if not is_open_at(hours, wanted, zone):
        raise _impossible(place, "outside_hours", _closed("then", hours, wanted, zone))
    return wanted


def read_pickup_at(text: str, zone: ZoneInfo, path: str, now: datetime) -> datetime:
    """A time in UTC: `YYYY-MM-DD HH:mm:ss` by the store's wall clock, or with a zone as written.

    Of a wall-clock time that comes twice, the first that is not over by `now`.

    Raises Refused: invalid_body for what is no time, pickup_not_possible for one that a clock change skips.
    """
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        at = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
    except ValueError:
        example = "a time such as 2026-03-14 18:30:00, or with a zone: 2026-03-14T18:30:00Z"
        raise _invalid(path, "invalid", f"{text[: limits.WORD_MAX]!r} is not {example}") from None
    if not limits.YEAR_MIN <= at.year <= limits.YEAR_MAX:
        raise _invalid(path, "out_of_range", f"the year must be from {limits.YEAR_MIN} to {limits.YEAR_MAX}")
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    instants = instants_of(at, zone)
    if not instants:
        raise _impossible(path, "missing_hour", f"the clocks of {zone.key} skip {text}")
    return next((one for one in instants if one >= now), instants[0])


def _closed(when: str, hours: tuple[ServingTime, ...], at: datetime, zone: ZoneInfo) -> str:
    opens = next_opening(hours, at, zone)
    text = f"the store is closed {when}"
    return f"{text}; it opens {opens.astimezone(zone):%Y-%m-%d %H:%M}" if opens else text


def _invalid(path: str, code: str, text: str) -> Refused:
    return Refused(Code.INVALID_BODY, f"{path}: {text}", FieldError(path, code, text))


def _impossible(path: str, code: str, text: str) -> Refused:
    return Refused(Code.PICKUP_NOT_POSSIBLE, f"{path}: {text}", FieldError(path, code, text))
