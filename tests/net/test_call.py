"""What a receiver asks us to wait: in seconds, as a date, or in words that nobody understands."""

from datetime import timedelta

import pytest

from builders import NOW
from heard.net.call import Answer

DATE = "Sat, 14 Mar 2026 12:00:{:02d} GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": DATE.format(30)}, 30.0),  # held against our own clock: it gave none
        ({"retry-after": DATE.format(30), "date": DATE.format(10)}, 20.0),  # its clock is its own
        ({"retry-after": DATE.format(10), "date": DATE.format(30)}, 0.0),
        ({"retry-after": DATE.format(30), "date": "yesterday"}, 30.0),
        ({"retry-after": "Saturday, 14-Mar-26 12:00:05 GMT"}, 5.0),
        ({"retry-after": "Sat, 14 Mar 2026 13:00:00 +0100"}, 0.0),
    ],
)
def test_a_wait_is_read_in_seconds_and_as_a_date(headers: dict[str, str], seconds: float) -> None:
    assert Answer(503, headers, b"").asked_to_wait_s(NOW) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-5", "1.5", "1e9", "٣", "9" * 40, "Sat, 99 Mar 2026 12:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
     "Sat, 14 Mar 99999999999 12:00:00 GMT", "\x00", "Sat, 14 Mar 2026 12:00:00 +9999", "14 Mar", "0x10"],
)  # fmt: skip
def test_what_is_no_wait_is_none(text: str) -> None:
    assert Answer(503, {"retry-after": text}, b"").asked_to_wait_s(NOW) == 0.0


def test_a_date_far_ahead_is_given_as_it_is_and_bounded_by_who_waits() -> None:
    asked = Answer(503, {"retry-after": "Sun, 15 Mar 2026 12:00:00 GMT"}, b"").asked_to_wait_s(NOW)
    assert asked == timedelta(days=1).total_seconds()
