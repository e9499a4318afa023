"""When a store is open, and for when an order may be placed: by its own clock, through real clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard import limits
from heard.domain.hours import (
    Day,
    ServingTime,
    check_pickup,
    instants_of,
    is_open_at,
    next_opening,
    read_pickup_at,
    read_serving_time,
)
from heard.domain.order_types import OrderType
from heard.domain.refusals import Code, Refused

NEW_YORK, BERLIN, LORD_HOWE = (ZoneInfo(name) for name in ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe"))
NOW = datetime(2026, 3, 13, 16, 0, tzinfo=UTC)  # a Friday, noon in New York


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(*texts: str) -> tuple[ServingTime, ...]:
    """`fri 10:00-02:00`"""
    parts = [text.replace("-", " ").split() for text in texts]
    return tuple(read_serving_time(days.split(","), opens, closes) for days, opens, closes in parts)


def asked(
    pickup_at: str | None = None,
    asap: bool | None = None,
    order_type: OrderType = OrderType.TAKEOUT,
    zone: ZoneInfo = NEW_YORK,
    now: datetime = NOW,
    times: tuple[ServingTime, ...] = (),
) -> datetime | tuple[Code, str, str] | None:
    """The time that is wanted, or what is wrong and where."""
    try:
        return check_pickup(order_type, asap, pickup_at, now, zone, times)
    except Refused as refused:
        (error,) = refused.errors
        return refused.code, error.path, error.code


# --- serving times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-03-13 09:59:59", False),
        ("2026-03-13 10:00:00", True),
        ("2026-03-13 23:59:59", True),
        ("2026-03-14 00:00:00", True),
        ("2026-03-14 01:59:59", True),
        ("2026-03-14 02:00:00", False),
        ("2026-03-14 12:00:00", False),
        ("2026-03-15 01:00:00", False),
        ("2026-03-15 12:00:00", True),
        ("2026-03-15 15:00:00", False),
        ("2026-03-15 18:00:00", True),
        ("2026-03-16 00:00:00", False),
    ],
)
def test_a_store_is_open_past_midnight_and_several_times_a_day(local: str, is_open: bool) -> None:
    times = hours("fri 10:00-02:00", "sun 11:00-15:00", "sun 17:00-24:00")
    (at,) = instants_of(datetime.fromisoformat(local), BERLIN)
    assert is_open_at(times, at, BERLIN) is is_open


def test_a_store_without_serving_times_is_always_open() -> None:
    assert is_open_at((), NOW, BERLIN)
    assert next_opening((), NOW, BERLIN) == NOW


def test_one_that_closes_when_it_opens_is_open_around_the_clock_of_that_day() -> None:
    times = hours("fri 06:00-06:00")
    assert is_open_at(times, utc("2026-03-14 09:59:59"), NEW_YORK)
    assert not is_open_at(times, utc("2026-03-14 10:00:00"), NEW_YORK)


@pytest.mark.parametrize(
    ("zone", "at", "times", "opens"),
    [
        (NEW_YORK, "2026-03-13 20:00", "mon 08:00-10:00", "2026-03-16 12:00"),
        (NEW_YORK, "2026-03-13 20:00", "fri 08:00-10:00", "2026-03-20 12:00"),
        (NEW_YORK, "2026-03-08 06:20", "sun 02:30-05:00", "2026-03-08 07:00"),  # half past two is skipped
        (NEW_YORK, "2026-03-08 06:20", "sun 02:30-02:45", "2026-03-15 06:30"),  # and so is all of it
        (BERLIN, "2026-03-29 00:30", "sun 02:15-04:00", "2026-03-29 01:00"),
        (BERLIN, "2026-10-25 00:45", "sun 02:15-02:30", "2026-10-25 01:15"),  # it comes twice
        (LORD_HOWE, "2026-10-03 15:00", "sun 02:10-03:00", "2026-10-03 15:30"),  # the clocks skip half an hour
    ],
)
def test_the_next_opening_is_found_through_clock_changes(zone: ZoneInfo, at: str, times: str, opens: str) -> None:
    assert next_opening(hours(times), utc(at), zone) == utc(opens)


_clocks = st.times().map(lambda one: one.replace(second=0, microsecond=0))
_serving = st.builds(ServingTime, st.lists(st.sampled_from(Day), min_size=1, unique=True).map(tuple), _clocks, _clocks)
_zones = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, ZoneInfo("Asia/Kathmandu")])
_instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(st.lists(_serving, min_size=1, max_size=3).map(tuple), _instants, _zones)
def test_a_next_opening_is_open_and_nothing_before_it_is(
    times: tuple[ServingTime, ...], at: datetime, zone: ZoneInfo
) -> None:
    opens = next_opening(times, at, zone)
    assert opens is not None
    assert opens >= at
    assert is_open_at(times, opens, zone)
    shifts = {(at + n * timedelta(hours=6)).astimezone(zone).utcoffset() for n in range(4 * 16)}
    if len(shifts) == 1:
        before = [at + (opens - at) * n / 50 for n in range(50)]
        assert not any(is_open_at(times, one, zone) for one in before if one < opens)


def test_days_and_times_that_are_none_are_refused() -> None:
    for days, opens, closes in ((["someday"], "08:00", "09:00"), ([], "08:00", "09:00"), (["mon"], "8:00", "09:00")):
        with pytest.raises(ValueError, match=r"no day|no time"):
            read_serving_time(days, opens, closes)
    assert read_serving_time(["sun", "mon"], "08:00", "24:00") == ServingTime((Day.MON, Day.SUN), time(8), time(0))


# --- a pickup's time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        (NEW_YORK, "2026-03-14 18:30:00", "2026-03-14 22:30"),
        (NEW_YORK, "2026-03-08 01:59:59", "2026-03-08 06:59:59"),
        (NEW_YORK, "2026-03-08 03:00:00", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01 01:30:00", "2026-11-01 05:30"),  # it comes twice: the earlier
        (BERLIN, "2026-10-25 02:30:00", "2026-10-25 00:30"),
        (LORD_HOWE, "2026-04-05 01:45:00", "2026-04-04 14:45"),  # half an hour comes twice
        (LORD_HOWE, "2026-10-04 02:30:00", "2026-10-03 15:30"),
        (BERLIN, "2026-03-14 18:30:00Z", "2026-03-14 18:30"),
        (BERLIN, "2026-03-14T18:30:00-05:00", "2026-03-14 23:30"),
        (BERLIN, "2026-03-14 18:30:00 +0530", "2026-03-14 13:00"),
        (BERLIN, "2026-03-29 02:30:00+01:00", "2026-03-29 01:30"),  # with a zone, no hour is missing
    ],
)
def test_a_time_without_a_zone_is_the_stores_and_with_one_it_is_as_written(
    zone: ZoneInfo, text: str, expected: str
) -> None:
    assert read_pickup_at(text, zone, "$.x", utc("2026-01-01 00:00")) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        (NEW_YORK, "2026-03-08 02:00:00"),
        (NEW_YORK, "2026-03-08 02:59:59"),
        (BERLIN, "2026-03-29 02:30:00"),
        (LORD_HOWE, "2026-10-04 02:15:00"),
    ],
)
def test_an_hour_that_a_clock_change_skips_is_refused(zone: ZoneInfo, text: str) -> None:
    now = utc(text) - timedelta(days=3)
    assert asked(text, zone=zone, now=now) == (Code.PICKUP_NOT_POSSIBLE, "$.order_type.pickup_at", "missing_hour")


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-03-14", "18:30:00", "2026-03-14 18:30", "2026-02-30 18:30:00", "2026-03-14 25:00:00",
     "2026-03-14 18:30:00.5", "2026-03-14 18:30:00 Berlin", "2026-03-14 18:30:00+25:00", "1773513000"],
)  # fmt: skip
def test_what_is_no_time_is_told_so(text: str) -> None:
    assert asked(text) == (Code.INVALID_BODY, "$.order_type.pickup_at", "invalid")


@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "1999-12-31 23:59:59", "9999-12-31 23:59:59"])
def test_a_year_beyond_all_bounds_is_refused(text: str) -> None:
    assert asked(text) == (Code.INVALID_BODY, "$.order_type.pickup_at", "out_of_range")


def test_of_a_time_that_comes_twice_the_later_is_meant_once_the_earlier_is_over() -> None:
    for now, expected in (("05:29", "05:30"), ("05:31", "06:30"), ("06:29", "06:30")):
        at = utc(f"2026-11-01 {now}")
        assert asked("2026-11-01 01:30:00", now=at) == utc(f"2026-11-01 {expected}")
    over = (Code.PICKUP_NOT_POSSIBLE, "$.order_type.pickup_at", "in_the_past")
    assert asked("2026-11-01 01:30:00", now=utc("2026-11-01 06:31")) == over


@given(_instants, _zones)
def test_every_instant_is_named_by_its_own_wall_clock(at: datetime, zone: ZoneInfo) -> None:
    wall = at.astimezone(zone).replace(tzinfo=None)
    named = instants_of(wall, zone)
    assert at in named
    assert list(named) == sorted(named)


# --- the rules of a pickup -----------------------------------------------------------------------------------


def test_as_soon_as_possible_needs_no_time_and_a_time_is_given_in_utc() -> None:
    assert asked(asap=True) is None
    for asap in (None, False):
        assert asked("2026-03-14 18:30:00", asap) == utc("2026-03-14 22:30")


def test_both_and_neither_are_refused() -> None:
    assert asked("2026-03-14 18:30:00", asap=True) == (Code.INVALID_BODY, "$.order_type.pickup_at", "contradiction")
    for asap in (None, False):
        assert asked(asap=asap) == (Code.INVALID_BODY, "$.order_type", "missing")


@pytest.mark.parametrize("order_type", OrderType)
def test_a_table_is_served_at_once_and_every_other_order_may_wait(order_type: OrderType) -> None:
    assert asked(asap=True, order_type=order_type) is None
    told = asked("2026-03-14 18:30:00", order_type=order_type)
    if order_type is OrderType.TABLE_SERVICE:
        assert told == (Code.PICKUP_NOT_POSSIBLE, "$.order_type.pickup_at", "asap_only")
    else:
        assert told == utc("2026-03-14 22:30")


def test_what_is_over_or_too_far_ahead_is_refused() -> None:
    over = (Code.PICKUP_NOT_POSSIBLE, "$.order_type.pickup_at", "in_the_past")
    assert asked("2026-03-13 11:59:59") == over
    assert asked("2026-03-13 12:00:00") == NOW
    last = NOW + timedelta(days=limits.PAID_AHEAD_DAYS_MAX)
    assert asked(last.isoformat(sep=" ")) == last
    further = (last + timedelta(seconds=1)).isoformat(sep=" ")
    assert asked(further) == (Code.PICKUP_NOT_POSSIBLE, "$.order_type.pickup_at", "too_far_ahead")


def test_outside_opening_hours_nothing_is_taken_and_the_next_opening_is_told() -> None:
    times = hours("mon,tue,wed,thu,fri 13:00-22:00")
    refused = Code.PICKUP_NOT_POSSIBLE
    assert asked(asap=True, times=times) == (refused, "$.order_type.pickup_asap", "outside_hours")
    assert asked("2026-03-14 18:00:00", times=times) == (refused, "$.order_type.pickup_at", "outside_hours")
    assert asked("2026-03-13 13:00:00", times=times) == utc("2026-03-13 17:00")
    with pytest.raises(Refused, match="it opens 2026-03-16 13:00"):
        check_pickup(OrderType.TAKEOUT, None, "2026-03-14 18:00:00", NOW, NEW_YORK, times)
