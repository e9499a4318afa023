"""When an endpoint has failed for too long: often enough and for long enough, both."""

from datetime import timedelta

import pytest

from builders import NOW
from heard import limits
from heard.domain.endpoints import failed_for_too_long

LONG = timedelta(seconds=limits.ENDPOINT_FAILING_FOR_S)
MANY = limits.ENDPOINT_FAILURES_MIN


@pytest.mark.parametrize(
    ("failures", "since"),
    [(MANY - 1, NOW - 2 * LONG), (10_000, NOW - LONG + timedelta(seconds=1)), (MANY, None), (0, None), (1, NOW)],
)
def test_few_failures_or_a_short_time_disable_nothing(failures: int, since: object) -> None:
    assert failed_for_too_long(failures, since, NOW) is None  # type: ignore[arg-type]


def test_both_together_do_and_say_how_often_and_how_long() -> None:
    assert failed_for_too_long(MANY, NOW - LONG, NOW) == f"it took none of {MANY} deliveries within 5 days"
