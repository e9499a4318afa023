"""A hub on a cluster whose leader is lost, frozen, cut off and switched under load; then everybody's ledger is read.

PYTHONPATH=tests:tests/crash python tests/cluster/cluster.py --failovers 10 --seed 1          (make cluster-test)
"""

import argparse
import asyncio
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TextIO

import msgspec
from cluster_nodes import TTL_S, ClusterError, PatroniCluster, find_programs
from cluster_page import page
from cluster_plan import KINDS, LOSING, Failover, Run, Seen, plan
from storm_disk import Disk
from storm_ledgers import settle, wrongs
from storm_parties import StormTown, end, furnish

from heard.net.call import Answer, Call
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound

_PROCESSES = ("serve-0", "serve-1", "work-0", "work-1")
_ORDERS_PER_S = 12.0
_WARM_ORDERS, _WARM_WITHIN_S = 30, 60.0
_LOST_FOR_S = 3.0  # after the next one leads, a lost node comes back
_LEADS_WITHIN_S = TTL_S + 30.0
_READY_WITHIN_S = 60.0
_WELL_WITHIN_S = 120.0
_SETTLE_WITHIN_S = 120.0
_SETTLE_PLANTED_WITHIN_S = 20.0


@dataclass(slots=True)
class ClusterTown(StormTown):
    """The parties of a storm on a cluster of three nodes, all of whose hosts they know."""

    async def database_url(self, name: str) -> str:
        return self.server.dsn


@dataclass(slots=True)
class Pace:
    """When orders were answered as accepted, as the marketplace wrote it down."""

    ledger: Path
    count: int = 0
    grew_at: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(sqlite3.Error), closing(sqlite3.connect(self.ledger, timeout=5)) as connection:
                (count,) = connection.execute("SELECT count(*) FROM sent WHERE order_id IS NOT NULL").fetchone()
                if count > self.count:
                    self.count = count
                    self.grew_at.append(time.monotonic())
            await asyncio.sleep(0.05)

    def silent_s(self, since: float) -> float:
        """The longest time since then that no order was answered."""
        last = [since, *(at for at in self.grew_at if at < since)][-1]
        times = [last, *(at for at in self.grew_at if at >= since)]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    async def well_under_way(self) -> None:
        """Wait until the first orders are answered."""
        async with asyncio.timeout(_WARM_WITHIN_S):
            while self.count < _WARM_ORDERS:
                await asyncio.sleep(0.05)


@dataclass(slots=True)
class Readiness:
    """When a process of the hub last said that it was not ready, or said nothing."""

    town: ClusterTown
    outbound: Outbound
    last_at: float = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*map(self._watch_one, _PROCESSES))

    async def _watch_one(self, name: str) -> None:
        while True:
            if not await self.of(name):
                self.last_at = time.monotonic()
            await asyncio.sleep(0.2)

    async def of(self, name: str) -> bool:
        url = f"http://127.0.0.1:{self.town.metrics[name]}/readyz"
        answer = await self.outbound.send(Call("GET", url, {}, None, 2.0, 1 << 16))
        return isinstance(answer, Answer) and answer.status == 200


@dataclass(slots=True)
class Stage:
    """Everything a failover is played on."""

    cluster: PatroniCluster
    town: ClusterTown
    pace: Pace
    readiness: Readiness


async def play(folder: Path, packages: Path, failovers: list[Failover], run: Run) -> None:
    """Bring up cluster and town, let everything befall it, wait for peace, and read the ledgers into `run`."""
    begun = time.monotonic()
    async with _a_stage(folder, packages, run) as stage:
        watching = (_keep_up(stage.town), stage.pace.watch(), stage.readiness.watch())
        keeping = [asyncio.create_task(one) for one in watching]
        try:
            await stage.pace.well_under_way()
            for failover in failovers:
                await asyncio.sleep(failover.calm_s)
                run.seen.append(await _see(stage, failover))
                _say(sys.stderr, _worded(run.seen[-1]))
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
        stage.town.end_orders()
        left = await settle(stage.town, _SETTLE_WITHIN_S if run.synchronous else _SETTLE_PLANTED_WITHIN_S)
        found, run.ends = await wrongs(stage.town)
        run.wrongs = [*stage.town.complaints, *left, *found]
    run.took_s = time.monotonic() - begun


@asynccontextmanager
async def _a_stage(folder: Path, packages: Path, run: Run) -> AsyncIterator[Stage]:
    place = folder / "cluster"
    place.mkdir()
    programs = await asyncio.to_thread(find_programs, packages, place)
    async with Outbound(AddressGuard(("127.0.0.0/8",))) as outbound:
        cluster = PatroniCluster(place, programs, outbound, run.synchronous)
        try:
            await cluster.start()
            disk = Disk(folder, small=False)
            town = ClusterTown(folder, cluster, disk, random.Random(run.seed), orders_per_s=_ORDERS_PER_S)
            try:
                await furnish(town, [name for name in _PROCESSES if "serve" in name], [*_PROCESSES[2:]])
                yield Stage(cluster, town, Pace(folder / "marketplace.sqlite"), Readiness(town, outbound))
            finally:
                await end(town)
        finally:
            cluster.close()


async def _keep_up(town: StormTown) -> None:
    """As an init system does: a process of the hub that ends is started again."""
    while True:
        await asyncio.sleep(0.5)
        await town.recover()


async def _see(stage: Stage, failover: Failover) -> Seen:
    """Let it happen, and wait until all is well again."""
    cluster = stage.cluster
    led = await cluster.named("leader")
    assert led is not None
    begun = time.monotonic()
    await _BEFALL[failover.kind](stage, led, failover.seconds)
    await _ready(stage)
    await cluster.settle(_WELL_WITHIN_S)
    well_s = time.monotonic() - begun
    leads = await cluster.named("leader")
    ready_s = max(0.0, stage.readiness.last_at - begun)
    return Seen(failover.kind, led, str(leads), stage.pace.silent_s(begun), ready_s, well_s)


async def _ready(stage: Stage) -> None:
    """Wait until an order is answered, and every process of the hub says that it is ready."""
    answered = stage.pace.count
    async with asyncio.timeout(_READY_WITHIN_S):
        for name in _PROCESSES:
            while not await stage.readiness.of(name):
                await asyncio.sleep(0.1)
        while stage.pace.count == answered:
            await asyncio.sleep(0.05)


async def _another_leads(stage: Stage, than: str) -> None:
    async with asyncio.timeout(_LEADS_WITHIN_S):
        while await stage.cluster.named("leader") in (None, than):
            await asyncio.sleep(0.2)


# --- what befalls a cluster -----------------------------------------------------------------------------------


async def _lost(stage: Stage, leader: str, _: float) -> None:
    """The machine of the leader is gone; when another leads, it comes back."""
    stage.cluster.nodes[leader].kill()
    await _another_leads(stage, leader)
    await asyncio.sleep(_LOST_FOR_S)
    stage.cluster.nodes[leader].start()


async def _cut_off(stage: Stage, leader: str, seconds: float) -> None:
    """What the leader writes reaches no standby any more; then it is gone."""
    for pid in await stage.cluster.senders(leader):
        stage.cluster.nodes[leader].signal_one(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    await _lost(stage, leader, 0.0)


async def _frozen(stage: Stage, leader: str, seconds: float) -> None:
    """The leader stands still for longer than its lease, and wakes up as one of two."""
    stage.cluster.nodes[leader].freeze()
    try:
        await _another_leads(stage, leader)
        await asyncio.sleep(seconds)
    finally:
        stage.cluster.nodes[leader].thaw()


async def _crashed(stage: Stage, leader: str, _: float) -> None:
    """PostgreSQL dies, and its Patroni knows at once."""
    stage.cluster.nodes[leader].kill_server()
    await asyncio.sleep(1.0)


async def _switched(stage: Stage, leader: str, _: float) -> None:
    """The operator makes another one leader."""
    said = await stage.cluster.switch_over(leader)
    if "witched over" not in said:
        raise ClusterError(f"Patroni did not switch over: {said}")


async def _standby_lost(stage: Stage, _: str, seconds: float) -> None:
    """The machine of the standby that commits wait for is gone for a while."""
    standby = await stage.cluster.named("sync_standby") or await stage.cluster.named("replica")
    assert standby is not None
    stage.cluster.nodes[standby].kill()
    await asyncio.sleep(seconds)
    stage.cluster.nodes[standby].start()


async def _etcd_lost(stage: Stage, _: str, seconds: float) -> None:
    """Nobody knows who leads: whoever did steps back."""
    stage.cluster.etcd.kill()
    await asyncio.sleep(seconds)
    stage.cluster.etcd.start()


_BEFALL: dict[str, Callable[[Stage, str, float], Awaitable[None]]] = {
    "lost": _lost,
    "cut off, then lost": _cut_off,
    "frozen": _frozen,
    "crashed": _crashed,
    "switched": _switched,
    "standby lost": _standby_lost,
    "etcd lost": _etcd_lost,
}


# --- as a program ---------------------------------------------------------------------------------------------


def main() -> int:
    """0 when every ledger agrees; 1, and what is lost, when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failovers", type=int, default=7)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="only these; else all")
    parser.add_argument("--planted", choices=["async"], help="a cluster that waits for no standby: orders are lost")
    parser.add_argument("--packages", type=Path, default=Path(".cluster"), help="where Patroni and etcd are installed")
    parser.add_argument("--page", type=Path, help="where to write a page of it, when all is well")
    parser.add_argument("--keep", action="store_true", help="keep everybody's folders and logs")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="heard-cluster-"))
    folder.chmod(0o755)
    kinds = tuple(given.kinds or (LOSING if given.planted else KINDS))
    run = Run(given.seed, synchronous=given.planted is None)
    try:
        asyncio.run(play(folder, given.packages.resolve(), plan(given.seed, given.failovers, kinds), run))
    except (ClusterError, TimeoutError) as error:
        run.wrongs.append(str(error) or "it took too long")
    _say(sys.stdout, msgspec.json.encode(run).decode(), _summary(run))
    if given.keep or (run.wrongs and run.synchronous):
        _say(sys.stderr, f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if run.wrongs:
        _say(sys.stderr, f"{len(run.wrongs)} WRONG:", *run.wrongs)
        return 1
    if given.page:
        given.page.write_text(page(run, f"make cluster-test N={given.failovers} SEED={given.seed}"), "utf-8")
    return 0


def _summary(run: Run) -> str:
    orders = sum(run.ends.values())
    silent = sorted(one.silent_s for one in run.seen) or [0.0]
    return (
        f"{orders} orders, {len(run.seen)} failovers, {run.took_s:.0f} s; no order was accepted for"
        f" {statistics.median(silent):.1f} s (half of the failovers), {silent[-1]:.1f} s (the longest)"
    )


def _worded(seen: Seen) -> str:
    return (
        f"{seen.kind}: {seen.led} led, {seen.leads} leads; no order was accepted for {seen.silent_s:.1f} s,"
        f" all processes ready after {seen.ready_s:.1f} s, three nodes again after {seen.well_s:.1f} s"
    )


def _say(where: TextIO, *lines: str) -> None:
    where.writelines(f"{line}\n" for line in lines)
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
