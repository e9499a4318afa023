"""Delays between tries: bounded, growing, and spread so that a crowd does not come back at once."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard import limits
from heard.domain.retry import (
    attempt_delay_s,
    delivery_delay_s,
    follow_delay_s,
    full_jitter_s,
    order_event_delay_s,
    poll_delay_s,
    store_event_delay_s,
)

Delay = Callable[[int, float], float]
CHANCE = st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(1, 10**9)
JITTER = 1.25  # a quarter to either side
ALL: dict[Delay, tuple[float, float]] = {
    attempt_delay_s: (limits.BACKOFF_BASE_S / 10, limits.BACKOFF_CAP_S),
    order_event_delay_s: (limits.BACKOFF_BASE_S / 10, limits.BACKOFF_CAP_S),
    poll_delay_s: (limits.POLL_FIRST_S * 0.75, limits.POLL_CAP_S),
    follow_delay_s: (limits.FOLLOW_FIRST_S * 0.75, limits.FOLLOW_CAP_S * JITTER),
}


@pytest.mark.parametrize("delay_s", ALL, ids=lambda delay: delay.__name__)
@given(count=COUNTS, chance=CHANCE)
def test_a_delay_is_never_nothing_and_never_beyond_its_cap(delay_s: Delay, count: int, chance: float) -> None:
    least, most = ALL[delay_s]
    assert least <= delay_s(count, chance) <= most


@pytest.mark.parametrize("delay_s", ALL, ids=lambda delay: delay.__name__)
@given(count=st.integers(1, 100), chance=CHANCE)
def test_a_delay_does_not_shrink_with_the_count(delay_s: Delay, count: int, chance: float) -> None:
    assert delay_s(count, chance) <= delay_s(count + 1, chance)


@given(COUNTS, CHANCE, st.floats(0.01, 100), st.floats(1, 1000))
def test_full_jitter_is_anywhere_below_its_ceiling(failures: int, chance: float, base_s: float, times: float) -> None:
    ceiling = min(base_s * times, base_s * 2.0 ** min(failures - 1, 30))
    found = full_jitter_s(failures, chance, base_s, base_s * times)
    assert found == max(base_s / 10, ceiling * chance)


def test_full_jitter_reaches_from_the_floor_to_the_ceiling() -> None:
    found = [full_jitter_s(4, step / 1000, 1.0, 60.0) for step in range(1000)]
    assert found[0] == 0.1
    assert 7.9 < found[-1] < 8.0
    assert 3.9 < sum(found) / len(found) < 4.1


def test_the_first_retry_comes_within_a_second() -> None:
    assert attempt_delay_s(1, 0.999) < 1.0


def test_an_order_is_polled_after_about_a_second_and_never_more_seldom_than_documented() -> None:
    assert poll_delay_s(0, 0.0) == limits.POLL_FIRST_S
    assert poll_delay_s(100, 0.0) == limits.POLL_CAP_S


def test_an_event_about_a_store_is_tried_as_documented_and_then_given_up() -> None:
    found = [store_event_delay_s(failures, 0.0) for failures in range(1, 9)]
    assert found == [5, 300, 1800, 7200, 18000, 36000, 36000, None]
    longest = [store_event_delay_s(failures, 0.999) or 0.0 for failures in range(1, 9)]
    assert sum(longest) < limits.STORE_EVENT_FOR_S


def a_delay(**changes: Any) -> float | None:
    values: dict[str, Any] = {"of_order": True, "failures": 1, "chance": 0.5, "asked_s": 0.0, "left_s": 600.0}
    return delivery_delay_s(**{**values, **changes})


def test_a_receiver_is_given_the_time_it_asks_for_and_never_less_than_the_ladder() -> None:
    assert a_delay() == 0.5
    assert a_delay(asked_s=60.0) == 60.0
    assert a_delay(of_order=False, asked_s=3.0, left_s=1e6) == pytest.approx(5.25)
    assert a_delay(of_order=False, asked_s=1e9, left_s=1e9) == limits.WEBHOOK_RETRY_AFTER_S_MAX


def test_an_orders_event_gets_a_last_try_before_its_time_is_over_whatever_was_asked_for() -> None:
    assert a_delay(asked_s=3600.0) == 600.0 - limits.WEBHOOK_LAST_TRY_S
    assert a_delay(asked_s=3600.0, left_s=limits.WEBHOOK_LAST_TRY_S) is None
    assert a_delay(left_s=0.4) is None
    assert a_delay(left_s=-1.0) is None


def test_an_orders_ladder_ends_within_its_time_and_another_events_after_seven_retries() -> None:
    for chance in (0.0, 0.5, 0.999):
        left_s, tries = 660.0, 0
        while (delay := a_delay(failures=tries + 1, chance=chance, left_s=left_s)) is not None:
            left_s, tries = left_s - delay, tries + 1
            assert left_s > 0
        assert tries >= 20
    ladder = [a_delay(of_order=False, failures=n, chance=0.0, left_s=limits.STORE_EVENT_FOR_S) for n in range(1, 9)]
    assert ladder == [5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0, None]


def test_the_longest_ladder_of_a_stores_event_fits_into_its_time() -> None:
    longest = sum(step * 1.1 + limits.WEBHOOK_TIMEOUT_S for step in limits.STORE_EVENT_LADDER_S)
    assert longest < limits.STORE_EVENT_FOR_S
