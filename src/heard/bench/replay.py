"""`heard bench replay`: dead letters by the hundred thousand go out again to a receiver, each order's in their order.

The letters are put into the tables beforehand. Then `heard webhooks replay` makes them due, as an operator would, and
`heard work` sends them; the receiver, a program of its own, verifies each and checks the order. Beside it, to the same
receiver: a bare sender of as many posts, signed, as many at once, with no database.
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from heard.bench.bare_sender import Sent
from heard.bench.past_events import an_hour_of_outage, keep, past_events
from heard.bench.programs import Say, hub_environment, output_of, running, url_of, working
from heard.bench.replay_receiver import Figures
from heard.bench.result import Result, children_cpu_s, cpu_s, family_cpu_s, parent_of, rss_mb
from heard.bootstrap import House, open_house
from heard.config import load
from heard.domain.endpoints import DeliveryState
from heard.domain.ids import OrganizationId
from heard.engine.add_parties import NewMarketplace, add_marketplace
from heard.net.call import Answer, Call
from heard.net.listening import listening

WITHIN_S = 60.0  # for as many as AMOUNT
AMOUNT = 100_000
_SETTLE_S = 30.0  # without a single event: then no more will come
_SETTLED_S = 1.0  # for the last attempts to be written down
_LOOK_S = 0.25
_SAY_EVERY_S = 5.0
_ORGANIZATION = OrganizationId("bench")


async def replay(count: int, say: Say) -> Result:
    """So many dead letters, from the command that sends them again to the last that has come."""
    with tempfile.TemporaryDirectory(prefix="heard-bench-") as name, listening("127.0.0.1", 0) as webhook:
        Path(name).chmod(0o755)
        environment = hub_environment(Path(name))
        async with open_house(load(environment)) as house:
            made = await add_marketplace(house.hub, _ORGANIZATION, "bench", url_of(webhook), await house.hub.now())
            begun = an_hour_of_outage(count)
            events = past_events(count, made.marketplace_id, begun)
            await keep(house.hub, _ORGANIZATION, made.marketplace_id, events, dead=True)
            say(f"{count:,} dead letters are written")
            webhook.set_inheritable(True)
            secret = {"WEBHOOK_SECRET": made.webhook_secret}
            command = [sys.executable, "-m", "heard.bench.replay_receiver", str(webhook.fileno())]
            async with running(command, url_of(webhook), {**os.environ, **secret}, (webhook.fileno(),)) as receiver:
                receiving = _Receiving(house, url_of(webhook), receiver, count, say)
                ours = await _replayed(receiving, environment, begun)
                await receiving.ask("DELETE")
                bare = await _bare(receiving, made, begun)
            return _result(count, ours, bare)


@dataclass(frozen=True, slots=True)
class _Replayed:
    """How it went. `due_s`: until the command had ended; processor times are of the whole replay."""

    figures: Figures
    took_s: float
    due_s: float
    worker_s: float
    command_s: float
    postgres_s: float
    receiver_s: float
    rss_mb: float
    left: int  # letters that the hub does not count as delivered


@dataclass(frozen=True, slots=True)
class _Receiving:
    """The receiver, seen from here."""

    house: House
    url: str
    pid: int
    count: int
    say: Say

    async def until_all(self) -> Figures:
        """The figures once all have come, or once no more come."""
        figures, moved_at, said_at = await self.ask("GET"), time.monotonic(), time.monotonic()
        while figures.taken < self.count and time.monotonic() - moved_at < _SETTLE_S:
            await asyncio.sleep(_LOOK_S)
            before, figures = figures, await self.ask("GET")
            if figures.taken > before.taken:
                moved_at = time.monotonic()
            if time.monotonic() - said_at > _SAY_EVERY_S:
                said_at = time.monotonic()
                self.say(f"{figures.taken:,} of {self.count:,} have come")
        return figures

    async def ask(self, method: str) -> Figures:
        answer = await self.house.outbound.send(Call(method, self.url, {}, None, 30.0, 1024))
        assert isinstance(answer, Answer)
        return msgspec.json.decode(answer.body, type=Figures)


async def _replayed(receiving: _Receiving, environment: dict[str, str], since: datetime) -> _Replayed:
    command = [sys.executable, "-m", "heard", "webhooks", "replay", "--since", since.isoformat(), "--json"]
    async with working(environment) as worker:
        postgres = parent_of(await receiving.house.hub.pool.fetchval("SELECT pg_backend_pid()"))
        before = (cpu_s(worker), family_cpu_s(postgres), cpu_s(receiving.pid), children_cpu_s())
        begun = time.monotonic()
        printed = await output_of(command, environment)
        due_s, command_s = time.monotonic() - begun, children_cpu_s() - before[3]
        assert msgspec.json.decode(printed)["resent"] == receiving.count, printed
        figures = await receiving.until_all()
        after = (cpu_s(worker), family_cpu_s(postgres), cpu_s(receiving.pid))
        await asyncio.sleep(_SETTLED_S)
        sql = "SELECT count(*) FROM deliveries WHERE state <> $1"
        return _Replayed(
            figures,
            took_s=figures.last_at - begun,
            due_s=due_s,
            worker_s=after[0] - before[0],
            command_s=command_s,
            postgres_s=after[1] - before[1],
            receiver_s=after[2] - before[2],
            rss_mb=rss_mb(worker),
            left=await receiving.house.hub.pool.fetchval(sql, DeliveryState.DELIVERED),
        )


async def _bare(receiving: _Receiving, made: NewMarketplace, begun: datetime) -> Sent:
    words = [receiving.url, str(receiving.count), made.marketplace_id, begun.isoformat()]
    command = [sys.executable, "-m", "heard.bench.bare_sender", *words]
    printed = await output_of(command, {**os.environ, "WEBHOOK_SECRET": made.webhook_secret})
    sent = msgspec.json.decode(printed, type=Sent)
    figures = await receiving.ask("GET")
    assert (figures.taken, sent.refused) == (receiving.count, 0), "the bare sender's posts were not taken"
    return sent


def _result(count: int, ours: _Replayed, bare: Sent) -> Result:
    def each_us(seconds: float) -> int:
        return round(seconds / count * 1e6)

    return Result(
        name="replay",
        rate_per_s=round(count / ours.took_s, 1),
        limit_per_s=round(count / bare.took_s, 1),
        ratio=round(bare.took_s / ours.took_s, 3),
        cpu_us_per_unit=each_us(ours.worker_s + ours.command_s),
        rss_mb=round(ours.rss_mb, 1),
        details={
            "events": count,
            "orders": ours.figures.orders,
            "took_s": round(ours.took_s, 2),
            "took_s_limit": WITHIN_S * max(1.0, count / AMOUNT),
            "out_of_order": ours.figures.out_of_order,
            "out_of_order_limit": 0,
            "taken": ours.figures.taken,
            "taken_limit": count,
            "repeated": ours.figures.repeated,
            "forged": ours.figures.forged,
            "not_delivered": ours.left,
            "all_due_after_s": round(ours.due_s, 2),
            "worker_cpu_us_per_unit": each_us(ours.worker_s),
            "postgres_cpu_us_per_unit": each_us(ours.postgres_s),
            "receiver_cpu_us_per_unit": each_us(ours.receiver_s),
            "bare_took_s": round(bare.took_s, 2),
            "bare_cpu_us_per_unit": each_us(bare.cpu_s),
            "took_s_is": "from the start of `heard webhooks replay` to the last event at the receiver",
            "limit": "a bare sender of the same posts to the same receiver, without a database and in any order",
        },
    )
