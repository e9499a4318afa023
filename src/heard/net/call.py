"""One call to another party as a value, and what came of it. Connectors make and read these; work/ carries them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from heard import limits


@dataclass(frozen=True, slots=True)
class Call:
    """`headers` may hold secrets and never show in a repr. `timeout_s` covers everything up to the last byte.

    `whole` False: the status is all that counts; a body that is too large or breaks off is let go. `name`: what it is
    for, as its span is called; else its method.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout_s: float
    answer_bytes_max: int
    whole: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def retry_after_s(self) -> float | None:
        """Retry-After in seconds, bounded; None when absent or a date."""
        text = self.headers.get("retry-after", "").strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return None
        return min(float(text), limits.RETRY_AFTER_S_MAX)

    def asked_to_wait_s(self, now: datetime) -> float:
        """Retry-After in seconds, given so or as a date; 0 for anything else. Source: RFC 9110, 10.2.3.

        A date is held against the answer's own Date, whose clock it is of, and against `now` where there is none.
        """
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            return float(text)
        until = _http_date(text)
        if until is None:
            return 0.0
        return max(0.0, (until - (_http_date(self.headers.get("date", "")) or now)).total_seconds())


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is no answer. `sent` False: it is certain that no byte of the request reached the other side.

    `refused`: we did not let it go ourselves, and would not another time.
    """

    reason: str
    sent: bool
    refused: bool = False


class Carrier(Protocol):
    """Whatever carries out calls: over a socket, or to an app in this process."""

    async def send(self, call: Call) -> Answer | NoAnswer: ...


def _http_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
