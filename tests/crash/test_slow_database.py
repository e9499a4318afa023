"""A database behind a line that is slow, or cut: requests are refused in time, the worker waits, and both go on."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from storm_links import Link, Streams

from asking import a_token, an_order_body, ask_json, problem_of
from heard.domain.ids import OrderId
from heard.domain.order.model import Status
from lengths import patience
from parties import Town, a_town

ORDERS = "/link/v2/orders"


@pytest.fixture
async def line(dsn: str) -> AsyncIterator[Link]:
    """The only way from the hub to its database."""

    async def connect() -> Streams:
        [folder] = parse_qs(urlsplit(dsn).query)["host"]
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")

    made = await Link("database", connect, random.Random(1)).open()
    yield made
    await made.close()


@pytest.mark.parametrize("fault", ["slow", "cut"])
async def test_a_hub_whose_database_is_far_away_refuses_in_time_and_resumes_by_itself(
    dsn: str, line: Link, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr("heard.limits.DATABASE_SILENT_S", 0.8)
    monkeypatch.setattr("heard.limits.DATABASE_WAIT_S", 0.4)
    far = f"postgresql://heard@127.0.0.1:{line.port}{urlsplit(dsn).path}"
    async with a_town(far) as town:
        token = await a_token(town)
        await accepted(town, token, body(town, "A-0"))
        bodies = [body(town, f"A-{n}") for n in range(1, 40)]
        trouble = asyncio.create_task(line.slow(1.0, 600) if fault == "slow" else line.part(600))
        await asyncio.sleep(0.1)
        async with patience():  # the trouble lasts far longer
            answers = await asyncio.gather(*(ask_json(town, ORDERS, one, token) for one in bodies))
        for answer in answers:
            problem_of(answer, 503, "unavailable")
            assert "retry-after" in answer.headers
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)
        orders = [await accepted(town, token, one) for one in bodies[:3]]
        for order_id in orders:
            await town.until(order_id, Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED)
            assert len(town.tickets(order_id)) == 1


def body(town: Town, number: str) -> bytes:
    return json.dumps(an_order_body(town, number)).encode()


async def accepted(town: Town, token: str, sent: bytes) -> OrderId:
    """An order's id, sent again while it is refused; one that was on disk before all the same is answered 200."""
    async with patience():
        while (answer := await ask_json(town, ORDERS, sent, token)).status == 503:
            await asyncio.sleep(0.1)
    assert answer.status in (200, 201), answer.body
    return OrderId(json.loads(answer.body)["order_id"])
