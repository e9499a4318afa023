"""`heard bench webhooks`: due deliveries by the thousand, sent by a real `heard work` to a receiver that verifies each.

Each is of an order of its own; they become due in one commit, and the rate runs from there to the last that has come.
Beside it, in turns: a bare sender of as many posts, signed, as many at once, with a commit after each. Then events come
one by one, each with a commit of its own, and are timed from that commit to the first byte of the post.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from heard.bench.bare_sender import Sent
from heard.bench.past_events import PastEvent, make_due, past_events
from heard.bench.programs import Say, hub_environment, output_of, running, url_of, working
from heard.bench.replay_receiver import ARRIVALS, Figures
from heard.bench.result import Result, cpu_s, family_cpu_s, median_ratio, ms, note_spent, parent_of, percentile, rss_mb
from heard.bench.shop import age
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import OrganizationId
from heard.engine.add_parties import NewMarketplace, add_marketplace
from heard.net.call import Answer, Call
from heard.net.listening import listening

MEMORY_MB = 250.0
_ORGANIZATION = OrganizationId("bench")
_PACED, _PACED_PER_S = 200, 50.0
_WARM = 200
_WITHIN_S = 120.0
_LOOK_S = 0.05
_FIGURES_BYTES_MAX = 64 * 1024 * 1024


async def webhooks(count: int, rounds: int, say: Say) -> Result:
    """So many deliveries each way in each of the rounds; medians."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name:
        Path(name).chmod(0o755)
        async with _sides(Path(name)) as sides:
            ours, bare = _Rounds(), _Rounds()
            await sides.hub_sends(min(count, _WARM), _Rounds())
            await age(sides.house)
            for number in range(1, rounds + 1):
                await sides.hub_sends(count, ours)
                await sides.bare_sends(count, bare)
                say(f"round {number}: {ours.rates[-1]:,.0f} deliveries/s beside {bare.rates[-1]:,.0f} posts/s")
            ages = await sides.paced(min(count, _PACED))
            memory_mb, left = rss_mb(sides.worker), await sides.left()
    return Result(
        name="webhooks",
        rate_per_s=round(median(ours.rates), 1),
        limit_per_s=round(median(bare.rates), 1),
        ratio=median_ratio(ours.rates, bare.rates),
        p50_ms=ms(percentile(ages, 50)),
        p99_ms=ms(percentile(ages, 99)),
        cpu_us_per_unit=round(median(ours.own_us)),
        rss_mb=round(memory_mb, 1),
        details={
            "rss_mb_limit": MEMORY_MB,
            "deliveries_per_round": count,
            "rounds": rounds,
            "not_delivered": left,
            "repeated": ours.repeated,
            "forged": ours.forged,
            "postgres_cpu_us_per_unit": round(median(ours.postgres_us)),
            "receiver_cpu_us_per_unit": round(median(ours.receiver_us)),
            "bare_cpu_us_per_unit": round(median(bare.own_us)),
            "bare_postgres_cpu_us_per_unit": round(median(bare.postgres_us)),
            "paced": len(ages),
            "paced_at_per_s": _PACED_PER_S,
            "rate_per_s_is": "from the commit that makes all of them due to the last that has come",
            "p99_ms_is": "from an event's commit to the first byte of its webhook, of events that come one by one",
            "limit": "a bare sender of the same posts to the same receiver, with a commit after each, in any order",
        },
    )


@dataclass(slots=True)
class _Rounds:
    """How each round of one side went."""

    rates: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    receiver_us: list[float] = field(default_factory=list)
    repeated: int = 0
    forged: int = 0


@dataclass(frozen=True, slots=True)
class _Sides:
    """The worker, the receiver, and what stands between them."""

    house: House
    made: NewMarketplace
    url: str
    worker: int
    receiver: int
    postgres: int

    async def hub_sends(self, count: int, rounds: _Rounds) -> None:
        """Deliveries that become due at once, until the last has come."""
        events = self._events(count, datetime.now(UTC))
        before = cpu_s(self.worker), family_cpu_s(self.postgres), cpu_s(self.receiver)
        begun = await make_due(self.house.hub, _ORGANIZATION, self.made.marketplace_id, events)
        figures = await self._all_taken(count)
        after = cpu_s(self.worker), family_cpu_s(self.postgres), cpu_s(self.receiver)
        note_spent((rounds.own_us, rounds.postgres_us, rounds.receiver_us), before, after, count)
        rounds.rates.append(count / (figures.last_at - begun))
        rounds.repeated += figures.repeated
        rounds.forged += figures.forged
        await self._until_settled()
        await self._ask("DELETE")

    async def bare_sends(self, count: int, rounds: _Rounds) -> None:
        """The same posts by a program of its own."""
        words = [self.url, str(count), self.made.marketplace_id, datetime.now(UTC).isoformat(), "1"]
        command = [sys.executable, "-m", "heard.bench.bare_sender", *words]
        environment = {**os.environ, "WEBHOOK_SECRET": self.made.webhook_secret, "BARE_DSN": self.house.dsn}
        before = family_cpu_s(self.postgres)
        sent = msgspec.json.decode(await output_of(command, environment), type=Sent)
        assert sent.refused == 0, "the bare sender's posts were not taken"
        rounds.rates.append(count / sent.took_s)
        rounds.own_us.append(sent.cpu_s / count * 1e6)
        rounds.postgres_us.append((family_cpu_s(self.postgres) - before) / count * 1e6)
        await self._ask("DELETE")

    async def paced(self, count: int) -> list[float]:
        """Seconds from each event's commit to its post's first byte, so many events a second."""
        committed: dict[str, float] = {}
        begun = time.monotonic()
        for number, event in enumerate(self._events(count, datetime.now(UTC))):
            await asyncio.sleep(max(0.0, begun + number / _PACED_PER_S - time.monotonic()))
            committed[event.event_id] = await make_due(self.house.hub, _ORGANIZATION, self.made.marketplace_id, [event])
        await self._all_taken(count)
        arrivals = msgspec.json.decode(await self._ask("GET", ARRIVALS), type=dict[str, float])
        await self._until_settled()
        return [arrivals[event_id] - at for event_id, at in committed.items()]

    async def left(self) -> int:
        """Deliveries that the hub does not count as delivered."""
        async with self.house.hub.connection() as connection:
            sql = "SELECT count(*) FROM deliveries WHERE state <> $1"
            count: int = await connection.fetchval(sql, DeliveryState.DELIVERED)
        return count

    async def _all_taken(self, count: int) -> Figures:
        async with asyncio.timeout(_WITHIN_S):
            while True:
                figures = msgspec.json.decode(await self._ask("GET"), type=Figures)
                if figures.taken >= count:
                    return figures
                await asyncio.sleep(_LOOK_S)

    async def _until_settled(self) -> None:
        async with asyncio.timeout(_WITHIN_S):
            while await self.left():  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)

    def _events(self, count: int, begun: datetime) -> list[PastEvent]:
        return past_events(count, self.made.marketplace_id, begun, 1)

    async def _ask(self, method: str, path: str = "") -> bytes:
        answer = await self.house.outbound.send(Call(method, self.url + path, {}, None, 30.0, _FIGURES_BYTES_MAX))
        assert isinstance(answer, Answer)
        return answer.body


@asynccontextmanager
async def _sides(folder: Path) -> AsyncIterator[_Sides]:
    environment = hub_environment(folder)
    with listening("127.0.0.1", 0) as webhook:
        url = url_of(webhook)
        async with open_house(load(environment)) as house:
            made = await add_marketplace(house.hub, _ORGANIZATION, "bench", url, await house.hub.now())
            async with house.hub.connection() as connection:
                postgres = parent_of(await connection.fetchval("SELECT pg_backend_pid()"))
            webhook.set_inheritable(True)
            command = [sys.executable, "-m", "heard.bench.replay_receiver", str(webhook.fileno())]
            secret = {**os.environ, "WEBHOOK_SECRET": made.webhook_secret}
            async with (
                running(command, url, secret, (webhook.fileno(),)) as receiver,
                working(environment) as worker,
            ):
                yield _Sides(house, made, url, worker, receiver, postgres)
