"""What follows from counts: percentiles near what was measured, shares of what there was, days as zones have them."""

from datetime import UTC, date, datetime, timedelta
from math import floor, log10

import pytest

from heard.domain.figures import Tally, What, days_at, summed


def a_tally(*took_ms: float) -> Tally:
    tally = Tally()
    for ms in took_ms:
        tally.add(What.CONFIRMED, floor(10 * log10(max(1.0, ms))), 1)
    return tally


@pytest.mark.parametrize("ms", [1.0, 7.0, 80.0, 999.0, 4_321.0, 600_000.0])
def test_a_percentile_is_within_a_quarter_of_what_was_measured_and_in_the_middle_within_an_eighth(ms: float) -> None:
    tally = a_tally(*[ms] * 100)
    for percent in (1, 50, 95, 100):
        assert tally.percentile_ms(What.CONFIRMED, percent) == pytest.approx(ms, rel=0.26)
    half = tally.percentile_ms(What.CONFIRMED, 50)
    assert half == pytest.approx(ms, rel=0.13)


def test_percentiles_of_a_sum_are_those_of_all_together() -> None:
    together = summed([a_tally(*[10.0] * 96), a_tally(*[5_000.0] * 4)])
    assert (together.percentile_ms(What.CONFIRMED, 95) or 0) < 13
    assert (together.percentile_ms(What.CONFIRMED, 99) or 0) > 3_900
    assert Tally().percentile_ms(What.CONFIRMED, 50) is None


def test_shares_are_of_what_there_was_and_of_nothing_there_is_none() -> None:
    tally = Tally()
    assert (tally.orders_lost, tally.calls_lost, tally.calls) == (None, None, 0)
    for what, count in ((What.CONFIRMED, 6), (What.REJECTED, 1), (What.FAILED, 1), (What.CANCELLED, 5)):
        tally.add(what, 0, count)
    for what, count in ((What.CALL_ANSWERED, 7), (What.CALL_FAILED, 2), (What.CALL_UNANSWERED, 1)):
        tally.add(what, 3, count)
    assert (tally.orders_lost, tally.calls_lost, tally.calls) == (0.25, 0.3, 10)


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "begins", "day", "next_at"),
    [
        ("UTC", at(1, 23), date(2026, 3, 1), None),
        ("Asia/Kolkata", at(1, 18), date(2026, 3, 1), at(1, 18, 30)),
        ("America/New_York", at(8, 4, 30), date(2026, 3, 7), at(8, 5)),
        ("America/New_York", at(9, 4), date(2026, 3, 9), None),
        # Clocks go forward at midnight in Cairo: the day begins at what would have been 0:00.
        ("Africa/Cairo", at(23, 21, 30, month=4), date(2026, 4, 23), at(23, 22, month=4)),
        ("Nowhere/At_all", at(1, 12), date(2026, 3, 1), None),
        ("../etc/passwd", at(1, 12), date(2026, 3, 1), None),
    ],
)
def test_a_day_ends_when_it_does_at_the_store(zone: str, begins: datetime, day: date, next_at: datetime | None) -> None:
    assert days_at(zone, begins, begins + timedelta(hours=1)) == (day, next_at)
