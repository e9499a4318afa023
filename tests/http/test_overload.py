"""More than the hub can bear: refused at once and in each API's own words, nothing half-done, and room again after."""

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette

from asking import a_token, an_order_body, ask, ask_json, nothing_remains, problem_of
from heard import limits
from heard.engine import metrics
from heard.http.doors import Doors
from heard.net.call import Answer
from heard.net.connections import LET_WAIT
from lengths import patience
from parties import Town, a_town

ORDERS = "/link/v2/orders"


def shed_of(api: str) -> float:
    return metrics.REGISTRY.get_sample_value("heard_requests_shed_total", {"api": api}) or 0.0


def under_way(api: str) -> float | None:
    return metrics.REGISTRY.get_sample_value("heard_requests_under_way", {"api": api})


@pytest.mark.parametrize(
    ("api", "method", "path"),
    [
        ("link", "POST", ORDERS),
        ("link", "POST", "/link/v2/oauth/token"),
        ("posnext", "POST", "/posnext/callbacks/ven_1"),
        ("admin", "GET", "/admin/v1/orders"),
        ("other", "GET", "/nosuch"),
    ],
)
async def test_where_the_house_is_full_a_request_is_refused_unread(
    dsn: str, monkeypatch: pytest.MonkeyPatch, api: str, method: str, path: str
) -> None:
    async with a_town(dsn, worker=False) as town:
        before = shed_of(api)
        monkeypatch.setattr("heard.limits.REQUESTS_MAX", 0)
        answers = [await ask(town, method, path, b"no JSON, no token" if method == "POST" else None) for _ in range(8)]
        problems = [problem_of(answer, 503, "unavailable") for answer in answers]
        assert all(problem["retryable"] for problem in problems)
        waits = [int(answer.headers["retry-after"]) for answer in answers]
        assert sorted(set(waits)) == list(range(1, limits.SHED_RETRY_S_MAX + 1)), "they all come back at once"
        assert shed_of(api) == before + 8
        assert under_way(api) == 0
        assert (await ask(town, "GET", "/healthz")).status == 200
        assert (await ask(town, "GET", "/readyz")).status == 200
        assert await nothing_remains(town)


async def test_an_application_is_refused_in_the_envelope(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn, worker=False) as town:
        monkeypatch.setattr("heard.limits.REQUESTS_MAX", 0)
        answer = await ask(town, "POST", "/api/orders", b"{}", content_type="application/json", api_version="4.44.0")
    assert (answer.status, answer.headers["api-version"]) == (503, "4.44.0")
    assert int(answer.headers["retry-after"]) >= 1
    assert (json.loads(answer.body)["status"], json.loads(answer.body)["code"]) == ("ERROR", 503)


async def send(town: Town, token: str, *, body: bytes, cut: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An order whose body has come as far as `cut`."""
    host, _, port = town.hub_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {ORDERS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n"
    writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body[:cut])
    await writer.drain()
    return reader, writer


async def test_who_sends_slowly_takes_no_place_from_others(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town)
        monkeypatch.setattr("heard.limits.REQUESTS_MAX", 1)
        body = encoded(town, "SLOW")
        slow = [await send(town, token, body=body, cut=20) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert (await ask_json(town, ORDERS, encoded(town, "QUICK"), token)).status == 201
        reader, writer = slow[0]
        writer.write(body[20:])
        assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
        for _, writer in slow:
            writer.close()
        await all_gone("link")


async def test_who_gets_no_place_after_a_slow_body_leaves_nothing(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_town(dsn, worker=False) as town:
        token, body = await a_token(town), encoded(town, "SLOW")
        reader, writer = await send(town, token, body=body, cut=20)
        await asyncio.sleep(0.05)
        with monkeypatch.context() as full:
            full.setattr("heard.limits.REQUESTS_MAX", 0)
            writer.write(body[20:])
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in answer
        assert await nothing_remains(town)
        await all_gone("link")


async def test_bodies_that_are_too_much_together_are_refused_though_each_is_small_enough(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_town(dsn, worker=False) as town:
        token, body = await a_token(town), encoded(town, "A-1")
        monkeypatch.setattr("heard.limits.BODIES_BYTES_MAX", 2 * len(body))
        slow = [await send(town, token, body=body, cut=len(body) - 1) for _ in range(2)]
        await asyncio.sleep(0.05)
        problem_of(await ask_json(town, ORDERS, encoded(town, "A-2"), token), 503, "unavailable")
        assert await nothing_remains(town)
        for _, writer in slow:
            writer.close()
        async with patience():
            while (await ask_json(town, ORDERS, encoded(town, "A-2"), token)).status != 201:
                await asyncio.sleep(0.01)


async def test_a_flood_leaves_each_order_accepted_once_or_refused_whole(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.REQUESTS_MAX", 4)
    async with a_town(dsn, worker=False) as town:
        token = await a_token(town)
        numbers = [f"F-{n}" for n in range(60)]
        answers = await asyncio.gather(*(ask_json(town, ORDERS, encoded(town, n), token) for n in numbers))
        outcome = dict(zip(numbers, answers, strict=True))
        assert {answer.status for answer in answers} == {201, 503}
        assert all("retry-after" in answer.headers for answer in answers if answer.status == 503)
        stored = await town.house.hub.pool.fetch("SELECT external_order_id FROM orders")
        accepted = sorted(number for number, answer in outcome.items() if answer.status == 201)
        assert sorted(row["external_order_id"] for row in stored) == accepted
        monkeypatch.undo()
        shed = [number for number, answer in outcome.items() if answer.status == 503]
        again = await asyncio.gather(*(ask_json(town, ORDERS, encoded(town, n), token) for n in shed))
        assert {answer.status for answer in again} == {201}
        await all_gone("link")


async def all_gone(api: str) -> None:
    """Every place is free again."""
    async with patience():
        while under_way(api):
            await asyncio.sleep(0.01)
    assert under_way(api) == 0


def encoded(town: Town, number: str, **changes: Any) -> bytes:
    return json.dumps(an_order_body(town, number, **changes)).encode()


async def busy(town: Town, token: str, number: str) -> Answer:
    """An order while the database is of no use: refused clearly, and before a caller would give up."""
    async with patience():
        answer = await ask_json(town, ORDERS, encoded(town, number), token)
    problem_of(answer, 503, "unavailable")
    assert "retry-after" in answer.headers
    return answer


async def test_a_database_that_answers_slowly_is_told_within_a_bound_and_gone_on_with_by_itself(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.STATEMENT_S", 0.4)
    monkeypatch.setattr("heard.limits.DATABASE_WAIT_S", 0.3)
    async with a_town(dsn) as town:
        token = await a_token(town)
        locked = await town.house.hub.connect_apart()
        async with locked.transaction():
            await locked.execute("LOCK TABLE order_keys, orders")
            answers = await asyncio.gather(*(busy(town, token, f"S-{n}") for n in range(100)))
            assert b"too slowly" in answers[0].body
            assert town.house.hub.waiting()["look_up_all"] == 0, "they pile up"
        await locked.close()
        async with patience():
            while (answer := await ask_json(town, ORDERS, encoded(town, "S-1"), token)).status == 503:
                await asyncio.sleep(0.1)
        assert answer.status == 201
        assert await town.told(json.loads(answer.body)["order_id"], "order.confirmed")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 1


async def test_only_who_comes_again_while_very_many_are_refused_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """To refuse is work as well: without this, the requests inside would never end."""
    monkeypatch.setattr("heard.limits.REQUESTS_MAX", 0)
    monkeypatch.setattr("heard.limits.SHED_PER_S_MAX", 100)
    held_back: list[float] = []
    statuses: list[int] = []
    doors = Doors(Starlette())

    async def receive() -> Any:
        raise AssertionError("the body of a request that is shed is not read")

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    for _ in range(250):  # in one second, or in two
        scope = {"type": "http", "method": "POST", "path": ORDERS, "headers": [], LET_WAIT: held_back.append}
        await doors(scope, receive, send)
    assert statuses == [503] * 250
    assert 50 <= len(held_back) <= 150
    assert set(held_back) == {limits.SHED_PAUSE_S}
