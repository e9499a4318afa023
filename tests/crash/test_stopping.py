"""A process that is told to stop takes nothing more, ends what it has begun or gives it back, and is gone in time."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from storm_links import Link, Streams

from asking import a_token, an_order_body, ask, ask_json, problem_of
from heard.domain.ids import OrderId
from heard.sandbox.pos import Mood
from heard.storage.sealing import new_key
from lengths import patience
from parties import Town, a_town
from shell import Shell

KEY = new_key()


@dataclass
class Hub:
    """A real process, `serve --with-worker`, whose way to the database can be held up."""

    process: asyncio.subprocess.Process
    database: Link
    port: int

    async def ended(self) -> str:
        """What it logged. It has ended by itself if its status is 0: one that is not done in time leaves with 1."""
        assert self.process.stderr is not None
        async with patience():
            said = await self.process.stderr.read()
            await self.process.wait()
        return said.decode()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@asynccontextmanager
async def a_hub(town: Town, dsn: str, folder: Path, **settings: str) -> AsyncIterator[Hub]:
    port = await town.stop_hub()
    socket = parse_qs(urlsplit(dsn).query)["host"][0]

    async def connect() -> Streams:
        return await asyncio.open_unix_connection(f"{socket}/.s.PGSQL.5432")

    link = await Link("hub to database", connect, random.Random(1)).open()
    named = urlsplit(dsn)
    own = {
        "HEARD_DATABASE_URL": f"postgresql://{named.username or 'heard'}@127.0.0.1:{link.port}{named.path}",
        "HEARD_SECRET_KEY": KEY,
        "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
    }
    process = await Shell(folder, {**own, **settings}).start("serve", "--with-worker", "--port", str(port))
    assert process.stdout is not None
    try:
        async with patience():
            line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        yield Hub(process, link, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await link.close()


async def half_a_request(hub: Hub, town: Town, number: str) -> tuple[Streams, bytes]:
    """An order of which half the body is on its way; the other half. The town closes it."""
    token = await a_token(town)
    body = json.dumps(an_order_body(town, number)).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    head = (
        f"POST /link/v2/orders HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:20])
    await writer.drain()
    town.stack.callback(writer.close)
    return (reader, writer), body[20:]


def silent(_: object) -> Mood:
    return Mood.SILENT


async def held(town: Town) -> int:
    """How many orders are under a lease."""
    count: int = await town.house.hub.pool.fetchval("SELECT count(*) FROM orders WHERE lease_until > clock_timestamp()")
    return count


async def submitted(town: Town, order_id: OrderId) -> None:
    """Until its ticket is in the POS, which does not answer."""
    async with patience():
        while not town.tickets(order_id):
            await asyncio.sleep(0.05)


async def test_a_request_under_way_is_ended_one_that_hangs_is_told_and_a_call_that_hangs_is_given_back(
    dsn: str, own_folder: Path
) -> None:
    stopped = {"HEARD_SECRET_KEY": KEY}
    async with a_town(dsn, worker=False, settings=stopped, mood=silent) as town, a_hub(town, dsn, own_folder) as hub:
        await submitted(town, await town.send("S-1"))
        (reader, writer), rest = await half_a_request(hub, town, "S-2")
        (hanging, _kept), _ = await half_a_request(hub, town, "S-3")
        assert await held(town) == 1
        hub.stop()
        await asyncio.sleep(1.0)
        with pytest.raises(OSError, match="Connect"):
            await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(rest)
        assert (await reader.readline()).split()[1] == b"201"
        said = await hub.ended()
        told = await hanging.read()
        assert (told.split()[1], b"retry-after" in told, b"unavailable" in told) == (b"503", True, True)
        assert await held(town) == 0
    assert hub.process.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize("fault", ["frozen", "gone"])
async def test_a_database_that_is_away_holds_up_no_end(dsn: str, own_folder: Path, fault: str) -> None:
    stopped = {"HEARD_SECRET_KEY": KEY}
    async with a_town(dsn, worker=False, settings=stopped, mood=silent) as town, a_hub(town, dsn, own_folder) as hub:
        await submitted(town, await town.send("S-1"))
        (_, writer), rest = await half_a_request(hub, town, "S-2")
        link = hub.database
        away = asyncio.create_task(link.slow(600, 600) if fault == "frozen" else link.part(600))
        await asyncio.sleep(0.1)
        writer.write(rest)
        await asyncio.sleep(0.5)  # its lanes have asked the database meanwhile, and wait
        hub.stop()
        said = await hub.ended()
        away.cancel()
    assert hub.process.returncode == 0, said


async def test_a_second_signal_ends_a_process_at_once(dsn: str, own_folder: Path) -> None:
    stopped = {"HEARD_SECRET_KEY": KEY}
    async with a_town(dsn, worker=False, settings=stopped, mood=silent) as town, a_hub(town, dsn, own_folder) as hub:
        await submitted(town, await town.send("S-1"))
        await half_a_request(hub, town, "S-2")
        hub.stop()
        await asyncio.sleep(0.5)
        assert hub.process.returncode is None
        hub.stop()
        await hub.ended()
    assert hub.process.returncode == 130, "it waited for what it was at"


async def test_while_it_drains_a_hub_says_that_it_is_not_ready_and_takes_orders_all_the_same(
    dsn: str, own_folder: Path
) -> None:
    stopped, drain = {"HEARD_SECRET_KEY": KEY}, {"HEARD_HTTP_DRAIN_S": "8"}
    async with a_town(dsn, worker=False, settings=stopped) as town, a_hub(town, dsn, own_folder, **drain) as hub:
        token = await a_token(town)
        assert (await ask(town, "GET", "/readyz")).status == 200
        hub.stop()
        async with patience():
            while (answer := await ask(town, "GET", "/readyz")).status != 503:
                await asyncio.sleep(0.02)
        assert "it is being stopped" in problem_of(answer, 503, "unavailable")["detail"]
        assert (await ask(town, "GET", "/healthz")).status == 200
        body = json.dumps(an_order_body(town, "S-1")).encode()
        assert (await ask_json(town, "/link/v2/orders", body, token)).status == 201
        await hub.ended()
    assert hub.process.returncode == 0
