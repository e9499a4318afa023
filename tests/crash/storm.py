"""A storm: from a seed, so many faults on a town of real processes; then peace, and everybody's ledger is read.

PYTHONPATH=tests python tests/crash/storm.py --seed 7 --faults 200        (make crash N=10000 runs many)
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import msgspec
from storm_ledgers import settle, wrongs
from storm_page import page
from storm_parties import StormTown, a_storm_town
from storm_planted import PLANTED

FAULTS_PER_S = 3.0
_SETTLE_WITHIN_S = 150.0
_STOP_WITHIN_S = 10.0 + 4.0 + 2.0  # it may be frozen meanwhile, and its database slow
_SETTLE_PLANTED_WITHIN_S = 25.0
_USUAL_BUILD_S = 3.0  # how long a town takes to be built on a machine that has nothing else to do
_SLOWNESS_MAX = 4.0
_WARM_S = 2.0  # of peace before the first fault, and between the last and the question whether all is well
_NAMES = ("serve-0", "serve-1", "work-0", "work-1", "kit", "marketplace")
_HTTP = ("marketplace to serve-0", "marketplace to serve-1", "kit to serve-0", "work to kit", "work to marketplace")
_DATABASE = tuple(f"{name} to PostgreSQL" for name in _NAMES[:4])


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: when, what, with whom, and for how long or by how much."""

    at_s: float
    kind: str
    target: str
    seconds: float


# How often each kind comes, whom it may befall, and its seconds.
KINDS: dict[str, tuple[int, tuple[str, ...], tuple[float, float]]] = {
    "kill": (22, _NAMES, (0.0, 0.0)),
    "stop": (6, _NAMES[:5], (0.0, 0.0)),
    "freeze": (18, _NAMES, (0.2, 4.0)),
    "cut": (20, _HTTP + _DATABASE, (0.0, 0.0)),
    "part": (8, _HTTP + _DATABASE, (0.2, 2.0)),
    "slow": (10, _HTTP + _DATABASE, (0.05, 0.6)),
    "double": (14, _HTTP, (0.0, 0.0)),
    "hold": (8, _HTTP, (0.2, 2.0)),
    "clock": (4, ("kit", "marketplace"), (-7200.0, 7200.0)),
    "postmaster": (3, ("PostgreSQL",), (0.0, 0.0)),
    "full disk": (2, ("PostgreSQL",), (0.3, 1.5)),
}


def plan(
    seed: int,
    count: int,
    kinds: Sequence[str] = tuple(KINDS),
    only: Callable[[str], bool] = lambda _: True,
    per_s: float = FAULTS_PER_S,
) -> list[Fault]:
    """So many faults of these kinds, that befall only some; always the same of a seed."""
    dice = random.Random(seed)
    weights = [KINDS[kind][0] for kind in kinds]
    at_s, faults = 0.0, []
    for kind in dice.choices(kinds, weights, k=count):
        _, targets, (least, most) = KINDS[kind]
        at_s += dice.uniform(0.0, 2.0 / per_s)
        target, seconds = dice.choice([one for one in targets if only(one)]), dice.uniform(least, most)
        faults.append(Fault(round(at_s, 3), kind, target, round(seconds, 3)))
    return faults


@dataclass(slots=True)
class Storm:
    """What a storm was, and what it did."""

    seed: int
    planted: str | None
    faults: list[Fault] = field(repr=False)
    left_out: int = 0  # faults that this machine does not let us inflict
    wrongs: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0

    def report(self) -> dict[str, object]:
        """The same as data; the faults counted by their kind."""
        kinds = Counter(fault.kind for fault in self.faults)
        return {
            "seed": self.seed,
            "planted": self.planted,
            "faults": len(self.faults) - self.left_out,
            "left_out": self.left_out,
            "kinds": dict(sorted(kinds.items())),
            "orders": sum(self.ends.values()),
            "ends": dict(sorted(self.ends.items())),
            "wrongs": self.wrongs,
            "took_s": round(self.took_s, 1),
        }


async def storm(folder: Path, faults: list[Fault], seed: int, planted: str | None = None) -> Storm:
    """Make a town, let the storm pass over it, wait for peace, and read the ledgers. With a planted fault, peace is not
    waited for as long, and on a slow machine its faults come slower: they are to hit processes that are up.
    """
    done = Storm(seed, planted, faults)
    begun = time.monotonic()
    async with a_storm_town(folder, random.Random(seed), planted) as town:
        slowness = min(_SLOWNESS_MAX, max(1.0, (time.monotonic() - begun) / _USUAL_BUILD_S)) if planted else 1.0
        await asyncio.sleep(_WARM_S * slowness)
        raging = asyncio.create_task(_keep_up(town))
        try:
            await _rage(town, done, slowness)
        finally:
            raging.cancel()
            await asyncio.gather(raging, return_exceptions=True)
        await _calm(town)
        left = await settle(town, _SETTLE_WITHIN_S if planted is None else _SETTLE_PLANTED_WITHIN_S)
        found, done.ends = await wrongs(town)
        done.wrongs = [*town.complaints, *left, *found]
    done.took_s = time.monotonic() - begun
    return done


async def _rage(town: StormTown, done: Storm, slowness: float) -> None:
    begun, beside = time.monotonic(), set[asyncio.Task[None]]()
    for fault in done.faults:
        await asyncio.sleep(max(0.0, begun + fault.at_s * slowness - time.monotonic()))
        if fault.kind == "full disk" and not town.disk.small:
            done.left_out += 1
            continue
        beside.add(asyncio.create_task(_INFLICT[fault.kind](town, fault)))
    await asyncio.gather(*beside)


async def _keep_up(town: StormTown) -> None:
    """As an init system does: what died is started again."""
    while True:
        await asyncio.sleep(0.5)
        await town.recover()


async def _calm(town: StormTown) -> None:
    town.disk.empty()
    for party in town.parties.values():
        party.thaw()
        party.set_clock(0.0)
    await town.recover()
    await asyncio.sleep(_WARM_S)
    town.end_orders()


# --- faults -----------------------------------------------------------------------------------------------


async def _kill(town: StormTown, fault: Fault) -> None:
    await town.parties[fault.target].kill()  # and it is started again soon: _keep_up


async def _stop(town: StormTown, fault: Fault) -> None:
    if not await town.parties[fault.target].stop(_STOP_WITHIN_S):
        town.complaints.append(f"{fault.target} did not end within {_STOP_WITHIN_S:g} s of being told to")


async def _freeze(town: StormTown, fault: Fault) -> None:
    party = town.parties[fault.target]
    party.freeze()
    await asyncio.sleep(fault.seconds)
    party.thaw()


async def _cut(town: StormTown, fault: Fault) -> None:
    town.links[fault.target].cut()


async def _part(town: StormTown, fault: Fault) -> None:
    await town.links[fault.target].part(fault.seconds)


async def _slow(town: StormTown, fault: Fault) -> None:
    await town.links[fault.target].slow(fault.seconds, 2.0)


async def _double(town: StormTown, fault: Fault) -> None:
    town.links[fault.target].double()


async def _hold(town: StormTown, fault: Fault) -> None:
    town.links[fault.target].hold(fault.seconds)


async def _clock(town: StormTown, fault: Fault) -> None:
    party = town.parties[fault.target]
    party.set_clock(fault.seconds)
    await asyncio.sleep(2.0)
    party.set_clock(0.0)


async def _postmaster(town: StormTown, fault: Fault) -> None:
    town.kill_postmaster()


async def _full_disk(town: StormTown, fault: Fault) -> None:
    await asyncio.to_thread(town.disk.fill)
    await asyncio.sleep(fault.seconds)
    town.disk.empty()


_INFLICT: dict[str, Callable[[StormTown, Fault], Awaitable[None]]] = {
    "kill": _kill,
    "stop": _stop,
    "freeze": _freeze,
    "cut": _cut,
    "part": _part,
    "slow": _slow,
    "double": _double,
    "hold": _hold,
    "clock": _clock,
    "postmaster": _postmaster,
    "full disk": _full_disk,
}


# --- as a program -------------------------------------------------------------------------------------------


def main() -> int:
    """Storms of some hundred faults each, one after another, until so many were inflicted; 1 at the first that found
    something wrong.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first storm; each next has the next")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--each", type=int, default=200, help="faults of one storm")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="a fault of ours to be found")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), help="only these; else all")
    parser.add_argument("--report", type=Path, help="where to write what happened, as JSON")
    parser.add_argument("--page", type=Path, help="where to write it as a page, when all is well")
    parser.add_argument("--keep", action="store_true", help="keep the parties' folders and logs")
    given = parser.parse_args()
    reports: list[dict[str, object]] = []
    for number in range(-(-given.faults // given.each)):
        folder = Path(tempfile.mkdtemp(prefix="heard-storm-"))
        folder.chmod(0o755)
        count = min(given.each, given.faults - number * given.each)
        seed = given.seed + number
        done = asyncio.run(storm(folder, plan(seed, count, given.kinds or tuple(KINDS)), seed, given.planted))
        reports.append(done.report())
        _say(sys.stdout, msgspec.json.encode(reports[-1]).decode())
        if given.report:
            given.report.write_bytes(msgspec.json.format(msgspec.json.encode(reports)))
        if given.keep or done.wrongs:
            _say(sys.stderr, f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if done.wrongs:
            _say(sys.stderr, *(str(asdict(fault)) for fault in done.faults))
            return 1
    if given.page:
        given.page.write_text(page(reports, f"make crash N={given.faults} SEED={given.seed}"), "utf-8")
    return 0


def _say(where: TextIO, *lines: str) -> None:
    where.writelines(f"{line}\n" for line in lines)
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
