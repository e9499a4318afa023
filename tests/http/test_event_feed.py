"""The event feed over a socket: the webhooks' own bytes, page by page, to whom they belong and to nobody else."""

import asyncio
import base64
import json
from typing import Any

import pytest

from asking import a_token, ask, ask_token, problem_of
from builders import ORGANIZATION
from heard.domain.ids import MarketplaceId
from heard.engine.add_parties import add_marketplace, connect_store
from heard.net.call import Answer, Call
from heard.protocols.link.cursor import encode_cursor
from parties import Town, a_town

EVENTS = "/link/v2/events"
MANY = 100_000


async def page(town: Town, token: str, query: str = "") -> dict[str, Any]:
    answer = await ask(town, "GET", EVENTS + query, token=token)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json"), answer.body
    found: dict[str, Any] = json.loads(answer.body)
    assert set(found) == {"events", "next"}
    return found


async def write_events(town: Town, count: int, orders: int = 25_000) -> None:
    """Events of the town's marketplace that nobody is to be told about; some at a time, as a statement has its time."""
    for first in range(0, count, 10_000):
        await town.house.hub.pool.execute(
            "INSERT INTO events (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
            " SELECT $1, 'evt_' || lpad(n::text, 26, '0'), $2, 'ord_' || n % $5, n / $5 + 1, 'ready', convert_to("
            '   \'{"type":"order.ready","timestamp":"2026-03-14T12:00:00.000Z","data":{"venue_id":"ven_1",'
            '"order_id":"ord_\' || n % $5 || \'","external_order_id":"X","status":"READY",'
            "\"sequence\":' || n / $5 + 1 || '}}', 'UTF8'), business_now()"
            " FROM generate_series($3::integer, $4::integer) n",
            ORGANIZATION,
            town.marketplace._client_id,
            first,
            min(first + 10_000, count) - 1,
            orders,
        )


async def test_the_feed_holds_the_webhooks_of_an_order_byte_for_byte_and_in_their_order(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        kinds = await town.told(order_id, "order.completed")
        token = await a_token(town, "events")
        raw = (await ask(town, "GET", EVENTS, token=token)).body
        events = json.loads(raw)["events"]
        assert [event["type"] for event in events] == kinds
        assert [event["data"]["sequence"] for event in events] == list(range(1, len(kinds) + 1))
        assert all(list(event) == ["id", "type", "timestamp", "data"] for event in events)
        sent = await town.house.hub.pool.fetch("SELECT event_id, body FROM events ORDER BY sequence")
        for row, event in zip(sent, events, strict=True):
            assert event["id"] == row["event_id"]
            assert row["body"][1:] in raw
            assert {"id": event["id"], **json.loads(row["body"])} == event


async def test_reading_goes_on_where_it_ended_and_destroys_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town, "events")
        empty = await page(town, token)
        assert empty["events"] == []
        assert await page(town, token, f"?after={empty['next']}") == empty
        await write_events(town, 250)
        first = await page(town, token, f"?after={empty['next']}")
        assert len(first["events"]) == 100
        rest = await page(town, token, f"?after={first['next']}&limit=1000")
        assert len(rest["events"]) == 150
        end = await page(town, token, f"?after={rest['next']}")
        assert end == {"events": [], "next": rest["next"]}
        await write_events_more(town)
        assert [event["id"] for event in (await page(town, token, f"?after={end['next']}"))["events"]] == ["evt_late"]
        assert await page(town, token, f"?after={empty['next']}") == first
        ids = [event["id"] for event in first["events"] + rest["events"]]
        assert len(set(ids)) == 250
        again = await page(town, token, "?limit=1000")
        assert [event["id"] for event in again["events"]] == [*ids, "evt_late"]


async def write_events_more(town: Town) -> None:
    await town.house.hub.pool.execute(
        "INSERT INTO events (organization_id, event_id, marketplace_id, venue_id, sequence, kind, body, created_at)"
        " VALUES ($1, 'evt_late', $2, 'ven_1', 1, 'store_paused', $3, now())",
        ORGANIZATION,
        town.marketplace._client_id,
        b'{"type":"store.paused","timestamp":"2026-03-14T12:00:00.000Z","data":{"venue_id":"ven_1","sequence":1}}',
    )


async def test_another_marketplaces_events_never_show(dsn: str) -> None:
    async with a_town(dsn) as town:
        hub = town.house.hub
        made = await add_marketplace(hub, ORGANIZATION, "gobble", "http://127.0.0.1:1/", await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        await town.told(await town.send("A-1"), "order.completed")
        own = await page(town, await a_token(town, "events"))
        assert len(own["events"]) == 4
        form = {"client_id": made.marketplace_id, "client_secret": made.client_secret, "scope": "events"}
        answer = await ask_token(town, grant_type="client_credentials", **form)
        other = json.loads(answer.body)["access_token"]
        told = [event["type"] for event in (await page(town, other))["events"]]
        assert told == ["store.connected", "menu.published"]  # its own store, and of no order
        problem = problem_of(await ask(town, "GET", f"{EVENTS}?after={own['next']}", token=other), 422, "invalid_body")
        assert problem["errors"][0]["path"] == "after"


async def test_a_cursor_that_is_none_and_a_limit_out_of_bounds_are_named(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town, "events")
        good = (await page(town, token))["next"]
        huge = "evc_" + base64.urlsafe_b64encode(b"\xff" * 16 + b"\0" * 4).decode().rstrip("=")
        forged = "evc_" + base64.urlsafe_b64encode(bytes(15) + b"\x01" + bytes(4)).decode().rstrip("=")
        foreign = encode_cursor((1, 1), MarketplaceId("mkt_other"))
        cursors = ["", "0", "evc_", good[:-1], good + "A", good.upper(), "evt_" + good[4:], huge, forged, foreign]
        cursors += ["evc_" + "!" * 27, "evc_" + "%C3%A9" * 27, f"{good}&after={good}", good + "%0A"]
        counts = ["", "0", "-1", "1001", "99999999999999999999", "1.5", "ten", "%D9%A1", "1&limit=2", "+5", " 5"]
        for name, texts in (("after", cursors), ("limit", counts)):
            for text in texts:
                answer = await ask(town, "GET", f"{EVENTS}?{name}={text}".replace(" ", "%20"), token=token)
                problem = problem_of(answer, 422, "invalid_body")
                assert problem["errors"][0]["path"] == name, text


async def test_the_feed_is_read_with_the_scope_of_events_only(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        problem_of(await ask(town, "GET", EVENTS), 401, "invalid_token")
        problem_of(await ask(town, "GET", EVENTS, token=await a_token(town, "orders")), 403, "insufficient_scope")


async def test_what_an_open_transaction_may_still_add_is_waited_for(dsn: str) -> None:
    """One that began earlier and ends later would otherwise be passed by."""
    async with a_town(dsn, worker=False, pulled=False) as town:
        token = await a_token(town, "events")
        async with town.house.hub.pool.acquire() as slow, slow.transaction():
            await slow.execute("INSERT INTO organizations (organization_id) VALUES ('slow')")  # it has its number now
            await write_events(town, 3)
            held = await page(town, token)
            assert held["events"] == []
        after = await page(town, token, f"?after={held['next']}")
        assert len(after["events"]) == 3


async def test_a_hundred_thousand_events_are_read_in_pages_of_a_thousand(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await write_events(town, MANY)
        token = await a_token(town, "events")
        query, pages, last = "?limit=1000", 0, ""
        while last != query:
            call = Call("GET", town.hub_url + EVENTS + query, {"authorization": f"Bearer {token}"}, None, 30.0, 2**24)
            answer = await town.house.outbound.send(call)
            assert isinstance(answer, Answer)
            pages += answer.body.count(b'"id":"evt_') == 1000
            last, query = query, f"?limit=1000&after={answer.body[-33:-2].decode()}"
        assert pages == MANY // 1000


@pytest.mark.parametrize("query", ["?after=%00", "?limit=%00"])
async def test_a_parameter_with_a_nul_is_refused(dsn: str, query: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        problem_of(await ask(town, "GET", EVENTS + query, token=await a_token(town, "events")), 422, "invalid_body")
        await asyncio.sleep(0)
