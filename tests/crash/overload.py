"""A flood of orders over real processes, ten times and more what they can bear; then everybody's word is held against
the database. `make overload` is the long form; test_flood.py the short one.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from builders import ORGANIZATION, a_content, a_menu, a_store
from heard.bootstrap import open_house
from heard.config import load
from heard.domain.stores import ConnectorKind
from heard.engine.add_parties import add_marketplace, add_store, connect_store
from heard.engine.link_tokens import issue_token
from heard.protocols.credentials import TokenRequest
from heard.protocols.link.encode import encode_new_order
from heard.protocols.posnext.encode import encode_menu
from heard.storage.embedded import EmbeddedPostgres
from heard.storage.sealing import new_key
from heard.work.menus import import_menu

_MARK = b"NUMBER-16-DIGITS"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Flood:
    """What came of it. `strange`: whatever was neither 201 nor a 503 that says when to come again."""

    took_s: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    back_after_s: float = 0.0
    peak_mb: dict[str, float] = field(default_factory=dict)

    def wrongs(self) -> list[str]:
        """What must not be, in words."""
        said, there = set(self.accepted), set(self.stored)
        found = [f"strange: {one}" for one in self.strange[:10]]
        found += [f"accepted and not there: {one}" for one in sorted(said - there)[:10]]
        found += [f"refused and there: {one}" for one in sorted(there - said)[:10]]
        found += [f"there twice: {one}" for one, count in Counter(self.stored).items() if count > 1]
        found += [
            f"nothing was {word}" for word, status in (("accepted", 201), ("shed", 503)) if not self.answers[status]
        ]
        found += [f"an answer took {self.slowest_s:.1f} s"] * (self.slowest_s > 10.0)
        found += [f"{name} took {mb:.0f} MB" for name, mb in self.peak_mb.items() if mb > 250.0]
        return found


class _Hose(asyncio.Protocol):
    """One connection: an order, its answer, the next order, until the time is over."""

    def __init__(self, request: bytes, flood: Flood) -> None:
        self._request, self._flood, self._until = request, flood, 0.0
        self._received, self._number, self._sent_at = bytearray(), "", 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream socket's always is one

    def open(self, until: float) -> None:
        self._until = until
        self._next()

    def _next(self) -> None:
        begun, self._sent_at = self._number != "", time.monotonic()
        if begun and self._sent_at >= self._until:  # each sends one at least
            self._number = ""
            self._transport.close()
            return
        self._number = os.urandom(8).hex()
        self._transport.write(self._request.replace(_MARK, self._number.encode()))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        length = _LENGTH.search(self._received, 0, max(head, 0))
        if head < 0 or len(self._received) < head + 4 + (int(length[1]) if length else 0):
            return
        status, flood = int(self._received[9:12]), self._flood
        flood.answers[status] += 1
        flood.slowest_s = max(flood.slowest_s, time.monotonic() - self._sent_at)
        if status == 201:
            flood.accepted.append(self._number)
        elif status != 503 or b"\r\nretry-after: " not in self._received[:head]:
            flood.strange.append(self._received[:300].decode("latin-1"))
        self._received.clear()
        self._next()

    def connection_lost(self, exception: Exception | None) -> None:
        if self._number:
            self._flood.strange.append(f"no answer: {exception}")
        if not self.ended.done():
            self.ended.set_result(None)


async def overload(folder: Path, seconds: float, connections: int) -> Flood:
    """Flood a `heard serve` with a `heard work` beside it, on a database of their own in this folder."""
    server = await EmbeddedPostgres.start(folder / "pg")
    try:
        settings = {
            "HEARD_DATABASE_URL": server.dsn,
            "HEARD_SECRET_KEY": new_key(),
            "HEARD_LOG_LEVEL": "error",
            "HEARD_HTTP_PORT": "0",
        }
        request = await _a_request(settings)
        async with _running(settings, "serve") as (serving, said), _running(settings, "work") as (working, _):
            port = int(said.rpartition(":")[2].split(",")[0])
            before = await _flood(port, request, 0.0, 1)  # a hub that has just started knows no token yet
            flood = await _flood(port, request, seconds, connections)
            begun = time.monotonic()
            while not (after := await _flood(port, request, 0.0, 1)).accepted:
                await asyncio.sleep(0.05)
            flood.back_after_s = time.monotonic() - begun
            flood.accepted += before.accepted + after.accepted
            flood.peak_mb = {"serve": _peak_mb(serving), "work": _peak_mb(working)}
        connection = await asyncpg.connect(server.dsn)
        flood.stored = [
            row["external_order_id"] for row in await connection.fetch("SELECT external_order_id FROM orders")
        ]
        await connection.close()
        return flood
    finally:
        await server.close()


async def _flood(port: int, request: bytes, seconds: float, connections: int) -> Flood:
    flood, loop = Flood(), asyncio.get_running_loop()
    made = [loop.create_connection(lambda: _Hose(request, flood), "127.0.0.1", port) for _ in range(connections)]
    hoses = [hose for _, hose in await asyncio.gather(*made)]
    begun = time.monotonic()
    for hose in hoses:
        hose.open(begun + seconds)
    async with asyncio.timeout(seconds + 60.0):
        await asyncio.gather(*(hose.ended for hose in hoses))
    flood.took_s = time.monotonic() - begun
    return flood


async def _a_request(settings: dict[str, str]) -> bytes:
    """An order for a store whose staff work without a POS, as it stands on the wire."""
    async with open_house(load(settings)) as house:
        hub, now = house.hub, await house.hub.now()
        store = a_store(connector=ConnectorKind.MANUAL, pos=None)
        await add_store(hub, store)
        made = await add_marketplace(hub, ORGANIZATION, "flood", "http://127.0.0.1:9/", now)
        await connect_store(hub, store.venue_id, made.marketplace_id)
        await import_menu(hub, store, encode_menu(a_menu()))
        token, _ = await issue_token(hub, TokenRequest(made.marketplace_id, made.client_secret, ("orders",)))
    body = encode_new_order(a_content(_MARK.decode(), venue_id=store.venue_id, placed_at=datetime.now(UTC)))
    head = f"POST /link/v2/orders HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def _running(settings: dict[str, str], command: str) -> AsyncIterator[tuple[int, str]]:
    """A process of the hub's, from when it says that it is there; its number and what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heard", command), env={**clean, **settings}, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(60):
            yield child.pid, (await child.stdout.readline()).decode().strip()
    finally:
        child.terminate()
        await child.communicate()


def _peak_mb(pid: int) -> float:
    """The most memory that a Linux process has ever held."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Flood a hub, tell how it went; 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heard-overload-") as name:
        Path(name).chmod(0o755)
        flood = asyncio.run(overload(Path(name), asked.seconds, asked.connections))
    total, took_s, wrongs = sum(flood.answers.values()), flood.took_s, flood.wrongs()
    lines = [
        f"answered {total / took_s:,.0f} a second, accepted {flood.answers[201] / took_s:,.0f} a second",
        f"slowest answer {flood.slowest_s:.2f} s; the first order after the flood {flood.back_after_s:.2f} s",
        "peak memory: " + ", ".join(f"{name} {mb:.0f} MB" for name, mb in flood.peak_mb.items()),
        *(wrongs or [f"every one of {len(flood.accepted):,} accepted orders is there once, and no other"]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(bool(wrongs))


if __name__ == "__main__":
    main()
