"""Following a hub's event feed: no event twice, none left out, whatever happens to the line.

The hub gives one cursor for a page; whoever handles events one by one needs one behind each of them. A cursor within a
page is therefore made here: where the page began, which event was the last, and how many there were up to it.
"""

import asyncio
import logging
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from heard import limits
from heard.clients.calling import retry_delay_s
from heard.clients.errors import Unavailable, UnknownOutcome
from heard.protocols.link.events import Event, EventPage

log = logging.getLogger("heard.clients.link")

Read = Callable[[str | None, int], Awaitable[EventPage]]
_WITHIN: Final = re.compile(r"within\.(?P<count>\d{1,6})\.(?P<event_id>[\w-]{1,128})\.(?P<start>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to go on: behind an event of the page that begins at `start`, or at its beginning."""

    start: str | None
    event_id: str | None = None
    count: int = 0


async def read_page(read: Read, cursor: str | None, limit: int) -> EventPage:
    """What comes behind a cursor, the hub's or one of ours."""
    place = _place(cursor)
    page = await read(place.start, min(limits.FEED_PAGE_MAX, place.count + limit))
    if page.events and page.next == place.start:
        raise Unavailable("the feed's cursor does not move on", code="bad_answer", retryable=True)
    return EventPage(_behind(page.events, place), page.next)


async def follow(read: Read, cursor: str | None, limit: int, every_s: float) -> AsyncGenerator[tuple[Event, str], None]:
    """Each event with the cursor behind it, for ever. Raises LinkError only for what waiting does not mend."""
    failures = 0
    while True:
        try:
            page = await read_page(read, cursor, limit)
        except (Unavailable, UnknownOutcome) as error:
            failures += 1
            if failures == 1:
                log.warning("the feed cannot be read; it is tried again until it can: %s", error)
            await asyncio.sleep(retry_delay_s(error, failures, limits.FEED_BACKOFF_CAP_S))
            continue
        failures = 0
        place = _place(cursor)
        for number, event in enumerate(page.events, 1):
            last = number == len(page.events)
            yield event, page.next if last else _cursor(place.start, event, place.count + number)
        cursor = page.next
        if len(page.events) < min(limit, limits.FEED_BUSY):
            await asyncio.sleep(every_s * (0.75 + random.random() / 2))  # noqa: S311 - spreads a crowd, hides nothing


def _behind(events: tuple[Event, ...], place: _Place) -> tuple[Event, ...]:
    """The events behind the place. Where its own event is gone, the hub has forgotten it and all that was before."""
    for number, event in enumerate(events):
        if event.id == place.event_id:
            return events[number + 1 :]
    return events


def _cursor(start: str | None, event: Event, count: int) -> str:
    return f"within.{count}.{event.id}.{start or ''}"


def _place(cursor: str | None) -> _Place:
    match = _WITHIN.fullmatch(cursor or "")
    if match is None:
        return _Place(cursor)
    return _Place(match["start"] or None, match["event_id"], int(match["count"]))
