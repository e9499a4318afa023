"""`heard bench kit`: how many validates a second the POS kit answers with an adapter that does nothing, beside a bare
ASGI function that only checks token and digest and decodes the same 3 KB body, and the leanest such function there is.

All are programs of their own, pelted in turns so that a noisy machine is noisy to each. The kit's answers are on disk.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from heard.bench.peers import SHARED_ID
from heard.bench.pelting import Pelted, pelt
from heard.bench.programs import running, url_of
from heard.bench.result import Result, cpu_s, median_ratio, ms, percentile, rss_mb
from heard.domain.ids import LocationId, OrganizationId, RequestUid
from heard.domain.pos import PosOrder, RequestType
from heard.domain.stores import Amounts, PosConnection
from heard.net.listening import listening
from heard.pos import Location
from heard.pos.store import Mapped, open_store
from heard.pos.testing import a_modifier, an_item, an_order
from heard.protocols.posnext import auth, encode
from heard.protocols.posnext.operations import VALIDATE

_ROUNDS = 15
_CONNECTIONS = 32
_ORGANIZATION, _LOCATION = OrganizationId("bench"), LocationId("bench-1")
_LINE = PosConnection("", SHARED_ID)


@dataclass(slots=True)
class _Side:
    """One of the two programs, and how each of its rounds went."""

    pid: int
    host: str
    port: int
    rates: list[float]
    cpu_us: list[float]
    latencies: list[float]

    async def round(self, requests: list[bytes]) -> None:
        before = cpu_s(self.pid)
        pelted: Pelted = await pelt(self.host, self.port, requests, _CONNECTIONS)
        assert not pelted.refused, f"{pelted.refused} requests of the benchmark were refused"
        self.rates.append(len(requests) / pelted.took_s)
        self.cpu_us.append((cpu_s(self.pid) - before) / len(requests) * 1e6)
        self.latencies += pelted.latencies


async def kit(count: int) -> Result:
    """So many requests each way in each of fifteen rounds; medians."""
    order = _an_order()
    size = len(encode.encode_order(order, Amounts.MINOR))
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as folder:
        async with _served_kit(Path(folder)) as ours, _served_bare() as bare, _served_bare("--leanest") as leanest:
            for _ in range(_ROUNDS):
                token = auth.make_token(SHARED_ID, _ORGANIZATION, datetime.now(UTC), secrets.token_hex(8))
                requests = [_request(order, token) for _ in range(count)]
                for side in (bare, ours, leanest):
                    await side.round(requests)
            memory = rss_mb(ours.pid)
    rate, limit = median(ours.rates), median(bare.rates)
    return Result(
        name="kit",
        rate_per_s=round(rate, 1),
        limit_per_s=round(limit, 1),
        ratio=median_ratio(ours.rates, bare.rates),
        p50_ms=ms(percentile(ours.latencies, 50)),
        p99_ms=ms(percentile(ours.latencies, 99)),
        cpu_us_per_unit=round(median(ours.cpu_us)),
        rss_mb=round(memory, 1),
        details={
            "requests_per_round": count,
            "rounds": _ROUNDS,
            "body_bytes": size,
            "at_once": _CONNECTIONS,
            "bare_p50_ms": ms(percentile(bare.latencies, 50)),
            "bare_cpu_us_per_unit": round(median(bare.cpu_us)),
            "limit": "a bare ASGI function: token, digest and strict decode by the same code; it keeps nothing",
            "leanest_per_s": round(median(leanest.rates), 1),
            "leanest_cpu_us_per_unit": round(median(leanest.cpu_us)),
            "ratio_to_leanest": median_ratio(ours.rates, leanest.rates),
            "leanest": "PyJWT and msgspec alone, which would take bodies that posnext must refuse",
        },
    )


@asynccontextmanager
async def _served_kit(folder: Path) -> AsyncIterator[_Side]:
    where = str(folder / "kit.sqlite")
    store = await open_store(where)
    await store.add_location(Mapped(_ORGANIZATION, _LOCATION, Location("bench", "main")))
    await store.close()
    with listening("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    environment = {**os.environ, "HEARD_POS_SHARED_ID": SHARED_ID, "HEARD_POS_STORE": where}
    command = [sys.executable, "-m", "heard", "pos", "serve", "heard.bench.bare_pos:Nothing", "--port", str(port)]
    async with running([*command, "--log-level", "warning"], f"http://127.0.0.1:{port}", environment) as pid:
        yield _Side(pid, "127.0.0.1", port, [], [], [])


@asynccontextmanager
async def _served_bare(*words: str) -> AsyncIterator[_Side]:
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        command = [sys.executable, "-m", "heard.bench.bare_pos", "--fd", str(bound.fileno()), *words]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)) as pid:
            yield _Side(pid, "127.0.0.1", bound.getsockname()[1], [], [], [])


def _an_order() -> PosOrder:
    """Twelve lines with choices: some 3 KB."""
    lines = [
        an_item(f"item-{number}", 899 + number, a_modifier(f"sauce-{number}", 75), a_modifier("no-onions", 0))
        for number in range(12)
    ]
    order = an_order(*lines, tax_cents=912, organization_id=_ORGANIZATION, location_id=_LOCATION)
    return replace(order, request_type=RequestType.VALIDATE)


def _request(order: PosOrder, token: str) -> bytes:
    """A whole request with ids and digest of its own; the token is the round's, as of a hub that keeps its tokens."""
    uid = secrets.token_hex(12)
    order = replace(order, request_uid=RequestUid(uid), online_order_id=f"OO-{uid}")
    body = encode.encode_order(order, Amounts.MINOR)
    head = (
        f"POST {VALIDATE.path} HTTP/1.1\r\nhost: pos\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\nx-pch-digest: {auth.sign_order(order, body, _LINE)}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
