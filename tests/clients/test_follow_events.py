"""Following the feed: no event twice and none left out, over restarts of either side and any fault of the line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.fake_hub import CLIENT, SECRET, FakeHub, Fault, Said, a_fake_hub, an_event, problem, said
from heard.clients.link import (
    EndpointEvent,
    Event,
    EventPage,
    Forbidden,
    LinkClient,
    MenuEvent,
    OrderEvent,
    StoreEvent,
    Unauthorized,
    Unavailable,
)
from heard.clients.link.feed import follow, read_page
from lengths import patience

PLACED = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def a_client(hub: FakeHub) -> LinkClient:
    return LinkClient(hub.url, CLIENT, SECRET, allow=["127.0.0.0/8"])


async def take(client: LinkClient, count: int, cursor: str | None = None, **how: Any) -> tuple[list[str], str | None]:
    """The ids of so many events, and the cursor behind the last."""
    ids: list[str] = []
    async with patience(), aclosing(client.follow_events(cursor, **how)) as following:
        async for event, behind in following:
            ids.append(event.id)
            cursor = behind
            if len(ids) == count:
                break
    return ids, cursor


async def test_events_come_in_order_over_many_pages_each_once() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [an_event(number) for number in range(530)]
        ids, _ = await take(client, 530, limit=100)
        assert ids == [event["id"] for event in hub.events]


async def test_what_happens_later_comes_too() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        taking = asyncio.create_task(take(client, 3, every_s=0.05))
        for number in range(3):
            await asyncio.sleep(0.1)
            hub.events.append(an_event(number))
        ids, cursor = await taking
        assert ids == ["evt_00000", "evt_00001", "evt_00002"]
        assert cursor == "cur.3"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/events", problem(503, "unavailable", headers={"retry-after": "0"})),
        Fault("/events", problem(429, "rate_limited", headers={"retry-after": "0"})),
        Fault("/events", problem(500, "internal_error")),
        Fault("/events", problem(401, "invalid_token")),
        Fault("/events", None),
        Fault("/events", Said(200, b'{"events": [{"id": "evt_00000"')),
        Fault("/events", said(200, {"events": [an_event(0, sequence="one")], "next": "cur.1"})),
        Fault("/events", said(200, {"events": [an_event(0)], "next": "cur.20"})),
        Fault("/events", Said(200, b"x" * (10 * 1024 * 1024))),
        Fault("/oauth/token", None),
        Fault("/oauth/token", problem(503, "unavailable")),
    ],
    ids=lambda fault: f"{fault.where} {fault.said and (fault.said.status, fault.said.body[:24])}",
)
async def test_a_fault_in_the_midst_costs_no_event(fault: Fault) -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [an_event(number) for number in range(40)]
        ids, cursor = await take(client, 20, limit=10)
        hub.faults = [fault]
        if fault.where == "/oauth/token":
            hub.tokens.clear()
        more, _ = await take(client, 20, cursor, limit=10)
        assert ids + more == [event["id"] for event in hub.events]
        assert hub.faults == []


async def test_a_hub_that_restarts_in_the_midst_costs_no_event() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [an_event(number) for number in range(20)]
        following = client.follow_events(limit=5)
        seen = []
        async with patience():
            async for event, _ in following:
                seen.append(event.id)
                if len(seen) in (5, 12):
                    await hub.stop()
                    hub.tokens.clear()
                    asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(hub.start()))
                if len(seen) == 20:
                    break
        assert seen == [event["id"] for event in hub.events]


async def test_a_token_that_expires_on_the_way_is_not_noticed() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [an_event(number) for number in range(30)]
        seen = []
        async for event, _ in client.follow_events(limit=5):
            seen.append(event.id)
            hub.tokens.clear()
            if len(seen) == 30:
                break
        assert seen == [event["id"] for event in hub.events]
        assert hub.token_calls == 6


@pytest.mark.parametrize(
    ("answer", "kind"), [(problem(403, "insufficient_scope"), Forbidden), (problem(401, "invalid_token"), Unauthorized)]
)
async def test_what_waiting_does_not_mend_is_told(answer: Said, kind: type[Exception]) -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/events", answer)] * 2
        with pytest.raises(kind):
            await take(client, 1)


async def test_a_feed_without_news_is_asked_now_and_then() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        taking = asyncio.create_task(take(client, 1, every_s=0.2))
        await asyncio.sleep(1.0)
        assert 3 <= hub.calls.count(("GET", "/link/v2/events")) <= 8
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def test_a_page_can_be_read_by_hand_from_any_cursor() -> None:
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [an_event(number) for number in range(30)]
        _, cursor = await take(client, 7)
        page = await client.events(cursor, limit=5)
        assert [event.id for event in page.events] == [f"evt_{number:05}" for number in range(7, 12)]
        last = await client.events(page.next)
        assert [event.id for event in last.events] == [f"evt_{number:05}" for number in range(12, 30)]
        assert (await client.events(last.next)).events == ()
        with pytest.raises(ValueError, match="limit"):
            await client.events(limit=0)


async def test_each_kind_of_event_is_a_type_and_an_unknown_kind_is_one_too() -> None:
    store = {"venue_id": "ven_1", "sequence": 7}
    async with a_fake_hub() as hub, a_client(hub) as client:
        hub.events = [
            an_event(0, "order.confirmed", status="CONFIRMED", prep_time_min=12, ready_at="2026-03-14T12:12:00Z"),
            an_event(1, "store.paused") | {"data": {**store, "by": "hub", "reason": "pos_unreachable"}},
            an_event(2, "store.connected") | {"data": store},
            an_event(3, "menu.published") | {"data": {**store, "menu_url": "https://x.example/m", "version": "8"}},
            an_event(4, "menu.unpublished") | {"data": store},
            an_event(5, "endpoint.disabled") | {"data": {"endpoint_id": "whk_1", "url": "https://x", "reason": "gone"}},
            an_event(6, "order.delivered_by_drone", drone="7"),
        ]
        events = (await client.events()).events
    assert [type(event) for event in events] == [
        *(OrderEvent, StoreEvent, StoreEvent, MenuEvent, MenuEvent, EndpointEvent, Event)
    ]
    first = events[0]
    assert isinstance(first, OrderEvent)
    assert (first.status, first.prep_time_min, first.ready_at) == ("CONFIRMED", 12, PLACED.replace(minute=12))
    assert events[6].data["drone"] == "7"


# --- any stops and starts, without a socket -----------------------------------------------------------------


class Feed:
    """A feed whose oldest events may be forgotten."""

    def __init__(self, count: int) -> None:
        self.ids = list(range(count))
        self.forgotten = 0

    async def read(self, after: str | None, limit: int) -> EventPage:
        start = max(int(after or 0), self.forgotten)
        page = self.ids[start : start + limit]
        events = tuple(Event(id=f"evt_{one}", type="x", timestamp=PLACED, data={}) for one in page)
        return EventPage(events, str(start + len(page)))


async def take_some(following: AsyncIterator[tuple[Event, str]], count: int) -> list[tuple[str, str]]:
    return [(event.id, cursor) for event, cursor in [await anext(following) for _ in range(count)]]


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(0, 5)), max_size=12))
def test_wherever_it_stops_it_goes_on_behind_the_event_whose_cursor_was_stored(
    runs: list[tuple[int, int, int]],
) -> None:
    """Each run: a page's size, how many events are handled before it dies, how many of them the hub forgets since."""

    async def all_runs() -> list[str]:
        feed, cursor, seen = Feed(200), None, []
        for limit, count, forget in runs:
            following = follow(feed.read, cursor, limit, 0.0)
            taken = await take_some(following, count)
            seen += [event_id for event_id, _ in taken]
            cursor = taken[-1][1]
            feed.forgotten = min(feed.forgotten + forget, len(seen))
        return seen

    seen = asyncio.run(all_runs())
    assert seen == [f"evt_{number}" for number in range(len(seen))]


async def test_a_feed_that_would_repeat_itself_for_ever_is_not_believed() -> None:
    async def read(after: str | None, limit: int) -> EventPage:
        page = await Feed(3).read(None, limit)
        return EventPage(page.events, "stuck")

    following = follow(read, None, 10, 0.0)
    assert [event_id for event_id, _ in await take_some(following, 3)] == ["evt_0", "evt_1", "evt_2"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await anext(following)
    with pytest.raises(Unavailable, match="does not move on"):
        await read_page(read, "stuck", 10)
