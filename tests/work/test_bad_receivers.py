"""Endpoints that do everything wrong: each attempt ends, is recorded and made again, and no other endpoint waits."""

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import EndpointId
from heard.engine.add_parties import add_marketplace, connect_store
from heard.sandbox.ledger import marketplace_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from heard.storage import endpoints, marketplaces
from lengths import patience
from parties import Town, a_town
from receivers import GOOD, Speak, a_certificate, a_receiver, a_stranger

REFUSED = ["10.0.0.1", "::1", "::ffff:127.0.0.2", "127.0.0.2", "169.254.169.254", "fd00::1", "::ffff:10.1.2.3"]
ONLY_HERE = {"HEARD_OUTBOUND_ALLOW": "127.0.0.1/32"}


def says(*pieces: bytes, pause_s: float = 0.0, stay_s: float = 0.0) -> Speak:
    """Hears a request out, then writes this, piece by piece, and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        await asyncio.sleep(stay_s)

    return speak


def status(line: str, *headers: str) -> Speak:
    return says("\r\n".join([f"HTTP/1.1 {line}", "content-length: 0", *headers, "", ""]).encode())


DRIPPED = [bytes([one]) for one in b"HTTP/1.1 200 OK\r\nx-slow: " + b"x" * 60]
STRANGERS: dict[str, tuple[Speak, str | None]] = {  # how it behaves, and what is written down; None: it counts as taken
    "hangs": (says(stay_s=60), "no answer within 5 s"),
    "drips its head": (says(*DRIPPED, pause_s=1.0), "no answer within 5 s"),
    "hangs up": (says(), "the connection broke"),
    "speaks no HTTP": (says(b"220 mail.example ESMTP\r\n"), "the connection broke"),
    "answers 10 MB": (says(b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n", b"x" * 10_485_760), None),
    "fails with 10 MB": (
        says(b"HTTP/1.1 500 Oh\r\ncontent-length: 10485760\r\n\r\n", b"x" * 10_485_760),
        "the endpoint answered 500",
    ),
    "drips its body": (
        says(b"HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n", *[b"x"] * 60, pause_s=1.0),
        None,
    ),
    "breaks off its body": (says(b"HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n", b"half"), None),
    "is well": (status("204 No Content"), None),
    "redirects to metadata": (
        status("307 Go", "location: http://169.254.169.254/latest/meta-data"),
        "the endpoint answered 307",
    ),
    "is moved": (status("301 Moved", "location: /elsewhere"), "the endpoint answered 301"),
    "knows nothing": (status("404 Not Found"), "the endpoint answered 404"),
    "is overrun": (status("503 Busy", "retry-after: 1"), "the endpoint answered 503"),
}


async def add_endpoint(town: Town, name: str, url: str) -> EndpointId:
    """One more endpoint of the town's marketplace, whatever its address."""
    hub, endpoint_id = town.house.hub, EndpointId(f"whk_{name.replace(' ', '_')}")
    async with hub.connection() as connection:
        [marketplace] = await marketplaces.find_marketplaces(connection, "nosh")
        secret = town.marketplace._webhook_secret
        await endpoints.add(connection, marketplace, endpoint_id, url, secret, hub.sealer)
    return endpoint_id


async def first_attempt(town: Town, endpoint_id: EndpointId) -> tuple[str, str | None]:
    """What came of the first attempt to tell an endpoint of its first event: the delivery's state, and the fault."""
    async with patience():
        while True:
            row = await town.house.hub.pool.fetchrow(
                "SELECT x.error, d.state FROM exchanges x"
                " JOIN deliveries d USING (organization_id, event_id, endpoint_id)"
                " WHERE endpoint_id = $1 ORDER BY d.sequence, x.at LIMIT 1",
                endpoint_id,
            )
            if row is not None:
                return row["state"], row["error"]
            await asyncio.sleep(0.05)


async def test_whatever_an_endpoint_does_it_is_written_down_and_the_next_one_hears_of_everything(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.WEBHOOK_TIMEOUT_S", 5.0)
    async with AsyncExitStack() as stack, a_receiver(lambda _: GOOD) as good, a_town(dsn) as town:
        known = {
            name: await add_endpoint(town, name, await stack.enter_async_context(a_stranger(speak)))
            for name, (speak, _) in STRANGERS.items()
        }
        await add_endpoint(town, "good", good.url)
        await town.send("A-1")
        await good.until("order.completed")
        for name, (_, fault) in STRANGERS.items():
            state, error = await first_attempt(town, known[name])
            if fault is None:
                assert (state, error) == ("delivered", None), name
            else:
                assert state == "due", name
                assert error is not None, name
                assert error.startswith(fault), name
        lost = "SELECT count(*) FROM deliveries d WHERE state NOT IN ('due', 'delivered')"
        assert await town.house.hub.pool.fetchval(lost) == 0


async def test_a_certificate_that_nobody_vouches_for_is_no_endpoint(dsn: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    cases = {"self-signed": ("localhost", now + timedelta(days=30)), "expired": ("localhost", now - timedelta(days=1)),
             "of another": ("other.example", now + timedelta(days=30))}  # fmt: skip
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.write(b"HTTP/1.1 204 OK\r\n\r\n")

    async with AsyncExitStack() as stack, a_receiver(lambda _: GOOD) as good, a_town(dsn) as town:
        known = []
        for name, (host, until) in cases.items():
            (tmp_path / name).mkdir()
            context = a_certificate(tmp_path / name, host, until)
            url = await stack.enter_async_context(a_stranger(listen, context))
            known.append(await add_endpoint(town, name, url.replace("127.0.0.1", "localhost")))
        await add_endpoint(town, "good", good.url)
        await town.send("A-1")
        await good.until("order.completed")
        for endpoint_id in known:
            state, error = await first_attempt(town, endpoint_id)
            assert state == "due"
            assert error is not None
            assert error.startswith("no connection: ")
            assert "certificate" in error
    assert heard == []


async def test_a_name_that_leads_inside_is_refused_when_it_is_resolved(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asyncio.get_running_loop().getaddrinfo
    asked: list[str] = []

    async def resolve(host: str, port: int, **named: Any) -> list[Any]:
        if not str(host).endswith(".example"):
            return await real(host, port, **named)
        asked.append(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (REFUSED[int(str(host)[1])], port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with a_receiver(lambda _: GOOD) as good, a_town(dsn, settings=ONLY_HERE) as town:
        names = [await add_endpoint(town, f"n{n}", f"http://n{n}.example/hooks") for n in range(len(REFUSED))]
        written = [
            await add_endpoint(town, f"a{n}", f"http://{f'[{one}]' if ':' in one else one}/hooks")
            for n, one in enumerate(REFUSED)
        ]
        await add_endpoint(town, "good", good.url)
        await town.send("A-1")
        await good.until("order.completed")
        for endpoint_id in names + written:
            state, error = await first_attempt(town, endpoint_id)
            assert state == "due"
            assert error is not None
            assert error.startswith("the address is refused: "), (endpoint_id, error)
    assert set(asked) == {f"n{n}.example" for n in range(len(REFUSED))}


@pytest.mark.parametrize("hanging", [1, 12])
async def test_hundreds_that_are_due_to_endpoints_that_hang_do_not_delay_another(
    dsn: str, hanging: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heard.limits.WEBHOOK_TIMEOUT_S", 600.0)
    under_way, most, hang_up = 0, 0, asyncio.Event()
    few = hanging * limits.IN_FLIGHT_PER_FAILING_ENDPOINT_MAX

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await reader.read(100_000)
            await hang_up.wait()  # the one of when it came
        finally:
            under_way -= 1

    async with a_stranger(hang) as slow, a_receiver(lambda _: GOOD) as quick, a_town(dsn) as town:
        hub = town.house.hub
        for number in range(hanging):
            await add_marketplace(hub, ORGANIZATION, f"slow-{number}", slow, await hub.now())
        await hub.pool.execute(
            "WITH told AS (INSERT INTO events"
            " (organization_id, event_id, marketplace_id, order_id, sequence, kind, body, created_at)"
            " SELECT $1, 'evt_' || n || endpoint_id, marketplace_id, 'ord_' || n, 1, 'ready', '{}', now()"
            " FROM generate_series(1, 200) n, endpoints WHERE url = $2"
            " RETURNING *)"
            " INSERT INTO deliveries"
            " (organization_id, event_id, endpoint_id, order_id, subject, sequence, give_up_at, next_at)"
            " SELECT $1, event_id, endpoints.endpoint_id, told.order_id, told.order_id, 1,"
            " now() + interval '1 hour', now()"
            " FROM told JOIN endpoints USING (organization_id, marketplace_id)",
            ORGANIZATION,
            slow,
        )
        made = await add_marketplace(hub, ORGANIZATION, "gobble", quick.url, await hub.now())
        await connect_store(hub, town.venue_id, made.marketplace_id)
        ledger = marketplace_ledger(None)
        other = SandboxMarketplace(
            town.hub_url, made.marketplace_id, made.client_secret, made.webhook_secret, ledger, town.house.outbound
        )
        full = min(limits.IN_FLIGHT_PER_ENDPOINT_MAX, limits.IN_FLIGHT_DELIVERIES_MAX // (hanging + 2))
        async with patience():
            while under_way < full * hanging:
                await asyncio.sleep(0.02)
        for number in range(3):
            assert await other.send(town.content(f"B-{number}")) is not None
        async with patience():
            while sum(one.type == "order.completed" for one in quick.heard) < 3:
                await asyncio.sleep(0.02)
        assert full * hanging <= most < limits.IN_FLIGHT_DELIVERIES_MAX
        fails, hang_up = hang_up, asyncio.Event()
        fails.set()
        async with patience():  # once they are known to fail, they have fewer at once
            while under_way > few:
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        assert under_way <= few
        ended = "SELECT count(*) FROM deliveries JOIN endpoints e USING (endpoint_id) WHERE url = $1 AND state <> 'due'"
        assert await hub.pool.fetchval(ended, slow) == 0
        ledger.close()
