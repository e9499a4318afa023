"""If-None-Match and Accept-Encoding, as they come."""

import pytest

from heard.net.conditional import has_it, takes_gzip


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"v1"', True),
        ('W/"v1"', True),
        ('"v0", W/"v1"', True),
        ('"v0","v1-gzip"', True),
        (" * ", True),
        ('"v2"', False),
        ("v1", False),
        ('"v1', False),
        ('"*"', False),
        ('"v0, v1"', False),
        ('"v11", "xv1"', False),
    ],
)
def test_a_caller_has_it_or_not(header: str | None, expected: bool) -> None:
    assert has_it(header, '"v1"', '"v1-gzip"') is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("br, gzipped", False),
    ],
)
def test_a_caller_takes_gzip_or_not(header: str | None, expected: bool) -> None:
    assert takes_gzip(header) is expected
