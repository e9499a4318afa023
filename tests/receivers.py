"""Webhook receivers for tests: one that answers as it is told to, and what it heard."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard.domain.ids import OrderId
from heard.engine.hub import Hub
from heard.engine.resend_events import Replay, resend_batch
from heard.net.listening import listening
from heard.net.serving import serve
from lengths import patience
from parties import Town

GOOD = Response(status_code=204)
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Heard:
    """One delivery as it came, and the status it was answered with."""

    headers: dict[str, str]
    body: bytes
    at: float
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        kind: str = json.loads(self.body)["type"]
        return kind


@dataclass
class Receiver:
    """Answers the n-th delivery (from 1) as `behave` says."""

    behave: Callable[[int], Response | Awaitable[Response]]
    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    begun: int = 0

    async def hear(self, request: Request) -> Response:
        body, at = await request.body(), time.monotonic()
        self.begun += 1
        answer = self.behave(self.begun)
        answer = answer if isinstance(answer, Response) else await answer
        self.heard.append(Heard(dict(request.headers), body, at, answer.status_code))
        return answer

    async def until(self, type_: str) -> list[Heard]:
        """Wait until an event of this type was taken; everything heard so far."""
        async with patience():
            while not any(one.type == type_ and one.status < 300 for one in self.heard):
                await asyncio.sleep(0.02)
        return self.heard


@asynccontextmanager
async def a_receiver(behave: Callable[[int], Response | Awaitable[Response]]) -> AsyncIterator[Receiver]:
    receiver = Receiver(behave)
    with listening("127.0.0.1", 0) as bound:
        receiver.url = f"http://127.0.0.1:{bound.getsockname()[1]}/hooks"
        app = Starlette(routes=[Route("/{rest:path}", receiver.hear, methods=["POST", "GET"])])
        serving = asyncio.create_task(serve(app, bound))
        try:
            yield receiver
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def listen_at(town: Town, receiver: Receiver) -> None:
    """The town's marketplace wants its events there from now on."""
    await town.house.hub.pool.execute("UPDATE endpoints SET url = $1", receiver.url)


async def deliveries_of(town: Town, order_id: OrderId, *states: str) -> list[tuple[str, str]]:
    """Wait until every delivery of an order stands at one of these; (state, last error) in the events' order."""
    sql = "SELECT state, last_error FROM deliveries WHERE order_id = $1 ORDER BY sequence"
    async with patience():
        while True:
            found = await town.house.hub.pool.fetch(sql, order_id)
            if found and all(row["state"] in states for row in found):
                return [(row["state"], row["last_error"]) for row in found]
            await asyncio.sleep(0.05)


async def all_again(hub: Hub, replay: Replay) -> int:
    """Make all that is chosen due, batch by batch; how many they were."""
    batch = await resend_batch(hub, [replay])
    count = batch.count
    while batch.more:
        replay = replace(replay, after=batch.last)
        batch = await resend_batch(hub, [replay])
        count += batch.count
    return count


@asynccontextmanager
async def a_stranger(handle: Speak, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that speaks as it likes to each connection, HTTP or not; its address."""
    under_way: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            under_way.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    finally:
        server.close()
        for task in under_way.copy():
            task.cancel()
        await asyncio.gather(*under_way.copy(), return_exceptions=True)
        await asyncio.sleep(0)


def a_self_signed(name: str, until: datetime | None = None) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key, and a certificate that it has signed for itself; good for a month until then, or from now."""
    until = until or datetime.now(UTC) + timedelta(days=29)
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(until - timedelta(days=30)).not_valid_after(until).add_extension(names, critical=False)
    return key, made.sign(key, hashes.SHA256())


def a_certificate(folder: Path, name: str, until: datetime) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has signed but itself."""
    key, certificate = a_self_signed(name, until)
    file = folder / "certificate.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(plain + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
