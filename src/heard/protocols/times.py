"""Times as channels and the hub write them: ISO 8601 with an offset from UTC."""

import re
from datetime import UTC, datetime

from heard import limits
from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

# Our reading: of ISO 8601's many forms RFC 3339's, seconds optional. Python's own reader takes any letter for the T.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<offset>Z|[+-]\d\d:\d\d)?", re.ASCII)


def read_time(text: str, path: str) -> datetime:
    """An ISO 8601 time with its offset, as UTC. Raises Refused(invalid_body), also for a time no order can have."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise invalid_body(FieldError(path, "not_a_time", f"{text[:40]!r} is no time such as 2026-03-14T12:00:00Z"))
    if match["offset"] is None:
        raise invalid_body(FieldError(path, "no_offset", f"{text!r} needs Z or an offset from UTC"))
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid_body(FieldError(path, "not_a_time", f"{text!r} is on no calendar or clock")) from None
    if not limits.YEAR_MIN <= at.year < limits.YEAR_MAX:
        span = f"the years {limits.YEAR_MIN} to {limits.YEAR_MAX - 1}"
        raise invalid_body(FieldError(path, "out_of_range", f"{text!r} is not within {span}"))
    return at
