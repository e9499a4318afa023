"""The store's rows as values."""

from dataclasses import dataclass, field
from typing import NamedTuple

from heard.pos.adapter import Location


class Key(NamedTuple):
    """What makes a request the same request. All three are PAR's; the organization is "" where none was named."""

    organization_id: str
    request_type: str
    request_uid: str


@dataclass(frozen=True, slots=True)
class Record:
    """One request. `status` None: still under way, for whoever holds the lease; else `answer` is its final answer,
    without the echo of its request.

    `attempt` fences: it grows with every lease, and only its own number may finish the request.
    """

    key: Key
    body_hash: bytes
    body: bytes | None = field(repr=False)  # None: a validate that was answered at once; a repeat brings its own
    location: Location  # yours, as the ids meant when the request came
    received_at_s: float  # Unix seconds
    attempt: int
    status: int | None
    answer: bytes | None = field(repr=False)
    word: str | None  # the answer's status word
    pos_order_id: str | None
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """PAR's ids of a location, and yours."""

    organization_id: str
    location_id: str
    own: Location


@dataclass(frozen=True, slots=True)
class DueCallback:
    """An answer to bring to its hub. `number` grows with each piece of news, `attempts` counts those that failed."""

    key: Key
    number: int
    url: str
    body: bytes = field(repr=False)
    attempts: int
    age_s: float
