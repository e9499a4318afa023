"""Runs every benchmark, one after another, and writes docs/reference/benchmarks.md: `make benchmarks`.

`--only accept,claims` runs some and keeps the other figures; `--page` runs none and writes the page anew. The figures
stand in benchmarks.json beside the page, with what each was measured on; a test compares the page with them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from heard.storage.embedded import find_binaries

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
FIGURES = PAGE.with_suffix(".json")
_ADDITIONS = 10_000_000
_SYNCS, _SYNC_BYTES = 300, 8192  # a page of PostgreSQL's log


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One command, and what is to be known of its figures."""

    name: str
    words: str  # what it is given, besides --json
    measures: str
    limit: str
    target: str


BENCHMARKS = (
    Benchmark(
        "accept",
        "",
        "New orders over Link into one `heard serve`, each on disk before its answer; no worker runs. The rate is"
        " a closed loop's, the latency an open loop's at half of that rate, from when an order was due to be sent.",
        "pgbench on the same PostgreSQL: one row with a body as long as an order's, a commit each, with the best"
        " number of clients.",
        "0.55 of the limit; p99 under 50 ms; under 250 MB",
    ),
    Benchmark(
        "life",
        "",
        "Whole orders through one `heard serve` and one `heard work`: accepted, validated and submitted at the"
        " POS, told by a signed webhook. The rate is of bursts, to the last webhook; the latency is of orders at a"
        " pace, from the marketplace's request to the first byte of the validate at the POS.",
        "A program that keeps the same body, makes the same calls and commits before and after each, with no logic.",
        "0.55 of the limit; 1,500 orders/s; under 250 MB each process",
    ),
    Benchmark(
        "claims",
        "",
        "Due orders of twenty stores, leased 500 at a time by the query the worker uses, read into our types,"
        " their leases ended by one bare statement a batch; two connections, no network. `by_12` and `by_100`:"
        " fewer at a time, the first as many as the worker takes. `saved`: a step of each is saved with its"
        " history instead.",
        "A bare claim (`FOR UPDATE SKIP LOCKED`) and a bare end of as many rows of a bare table, by the same driver.",
        "20,000/s",
    ),
    Benchmark(
        "growth",
        "",
        "What accepting, claiming and reading an order cost beside 5 million old orders of thirteen months, in their"
        " partitions. The latency is of accepting one.",
        "The same statements on a database of the same server with 50,000 old orders.",
        "each at most 1.2 times its cost with few",
    ),
    Benchmark(
        "noisy",
        "",
        "Orders of twenty stores at a pace, through one `heard serve` and one `heard work`, beside a store whose POS"
        " is dead and 10,000 orders that wait for it. The latency is from the marketplace's request to the validate at"
        " the POS; `told` is to the webhook that the order is confirmed.",
        "The same in turns without the waiting orders.",
        "p99 at most 1.5 times what it is without",
    ),
    Benchmark(
        "webhooks",
        "",
        "Deliveries that become due in one commit, each of an order of its own, sent by one `heard work` to one"
        " receiver that verifies each. The latency is of events that come one by one, from the commit to the first"
        " byte.",
        "A bare sender of the same posts, signed, as many at once, with a commit after each.",
        "under 250 MB",
    ),
    Benchmark(
        "rush",
        "--rate 500 --seconds 20",
        "500 new orders a second, each with its whole life: how long their answers take (p99 here), how old an"
        " event is when its webhook arrives, and when the POS has taken an order.",
        "None: the pace is given.",
        "an answer within 100 ms, an event within 250 ms, at the 99th percentile",
    ),
    Benchmark(
        "replay",
        "",
        "100,000 dead letters sent again by `heard webhooks replay`, to a receiver that verifies each and checks"
        " each order's sequence.",
        "A bare sender of the same posts, without a database and in any order.",
        "60 s, none out of its order's sequence",
    ),
    Benchmark(
        "feed",
        "",
        "A feed of 100,000 events, read in pages of 1,000 by `heard.clients.link`.",
        "The same client on a bare program that has the pages in its memory.",
        "5 s",
    ),
    Benchmark(
        "kit",
        "",
        "Validates a second of the POS kit, with an adapter that does nothing.",
        "A bare ASGI function that checks token and digest and decodes the same body with the same code.",
        "none",
    ),
    Benchmark(
        "menu",
        "",
        "A menu of 30,000 products, from its POS into use, then one changed price.",
        "msgspec's bare decode of the same bytes.",
        "none",
    ),
    Benchmark(
        "calculate",
        "",
        "Carts of the Ordering API, priced by estimate over HTTP.",
        "A bare route with the same decoding.",
        "0.4 of the limit",
    ),
    Benchmark(
        "console",
        "",
        "The console's pages at the server, with 1 million orders stored and 500 of them open; a change of an order,"
        " from its commit to an open board; and what 50 open boards take of a core at 20 orders a second. The"
        " latency is of the board's page; a browser, if there is one, says when the first of it was painted and when"
        " all of its cards were there.",
        "A bare template of as many bytes, by the same kind of server.",
        "the board and its first paint within 300 ms, a change within 500 ms, an order's page within 100 ms,"
        " 10 % of a core",
    ),
    Benchmark(
        "price",
        "",
        "The arithmetic of a cart of twelve lines, with choices, a combo and a discount.",
        "A bare addition of the same cart.",
        "60 us in the median",
    ),
)
_AT_LEAST = frozenset({"ratio", "rate_per_s", "taken"})  # of a figure with a bound; all others may be that at most
_TOP = ("rate_per_s", "limit_per_s", "ratio", "p50_ms", "p99_ms", "cpu_us_per_unit", "rss_mb")


def page(figures: dict[str, Any]) -> str:
    """The page, with whatever was measured."""
    measured = figures.get("results", {})
    return "\n".join(
        [
            "<!-- Made by `make benchmarks`; do not edit. -->",
            "",
            "# Benchmarks",
            "",
            "What each benchmark measures, beside which limit, and what came of it on one machine. The limit is",
            "measured in the same run, in turns with ours where it can be, so that a noisy machine is noisy to both:",
            "the ratio says more than the rate. Sender, POS and receiver run on the same cores as the hub.",
            "",
            "`make benchmarks` runs all of them, one after another, and writes this page; it takes half an hour, on a",
            "machine that does nothing else. What bounds the figures is in [docs/why/speed.md](../why/speed.md).",
            "",
            *_machine(figures),
            "",
            "| | rate /s | limit /s | ratio | p50 ms | p99 ms | CPU us each | MB | targets |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_row(one, measured.get(one.name)) for one in BENCHMARKS),
            "",
            *(line for one in BENCHMARKS for line in _section(one, measured.get(one.name))),
        ]
    )


def _machine(figures: dict[str, Any]) -> list[str]:
    if "machine" not in figures:
        return ["Nothing was measured yet."]
    return ["| measured on | |", "|---|---|", *(f"| {name} | {value} |" for name, value in figures["machine"].items())]


def _row(benchmark: Benchmark, result: dict[str, Any] | None) -> str:
    link = f"[{benchmark.name}](#{benchmark.name})"
    if result is None:
        return f"| {link} | | | | | | | | not measured |"
    shown = ["" if result[name] is None else f"{result[name]:,}" for name in _TOP]
    return f"| {' | '.join([link, *shown, _verdict(result)])} |"


def _verdict(result: dict[str, Any]) -> str:
    judged = judge(result)
    return "-" if not judged else "met" if all(judged.values()) else "missed: " + ", ".join(missed(result))


def judge(result: dict[str, Any]) -> dict[str, bool]:
    """Whether each figure that has a bound (`NAME_limit` beside `NAME`) keeps to it."""
    known = {**result, **result["details"]}
    bounds = {name.removesuffix("_limit"): value for name, value in known.items() if name.endswith("_limit")}
    return {
        name: known[name] >= bound if name in _AT_LEAST else known[name] <= bound
        for name, bound in bounds.items()
        if known.get(name) is not None
    }


def missed(result: dict[str, Any]) -> list[str]:
    """The figures that do not keep to their bounds."""
    return [name for name, met in judge(result).items() if not met]


def _section(benchmark: Benchmark, result: dict[str, Any] | None) -> list[str]:
    words = f" {benchmark.words}" if benchmark.words else ""
    lines = [
        f"## {benchmark.name}",
        "",
        f"    heard bench {benchmark.name}{words} --json",
        "",
        benchmark.measures,
        "",
        f"**Limit:** {benchmark.limit} **Target:** {benchmark.target}.",
        "",
    ]
    if result is None:
        return lines
    known = result["measured"]
    lines += [f"Measured on {known['day']} at {known['revision']}{_how_quick(known)}.", ""]
    details = [f"{name} = {_shown(value)}" for name, value in result["details"].items() if not name.endswith("_is")]
    return [*lines, "```", *details, "```", ""]


def _how_quick(known: dict[str, str]) -> str:
    return f"; ten million additions took {known['additions']} just before" if "additions" in known else ""


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def machine() -> dict[str, object]:
    """What the figures hang on besides the code."""
    model = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    total = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "")
    program = find_binaries().bin_dir / "postgres"
    version = _printed([str(program), "--version"])
    return {
        "cores": os.cpu_count(),
        "processor": model.partition(":")[2].strip() or model,
        "memory": f"{int(total.split()[1]) // 1024:,} MB" if total else "unknown",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": version.removeprefix("postgres (PostgreSQL) "),
        "fdatasync of 8 kB, median": f"{fdatasync_us():.0f} us",
    }


def now() -> dict[str, str]:
    """What a figure hangs on that changes from one benchmark to the next."""
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "revision": _printed(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]) or "unknown",
        "additions": f"{additions_s():.2f} s",
    }


def additions_s() -> float:
    """How long Python takes here at the moment for ten million additions: shared machines change their speed."""
    begun, total = time.perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    return time.perf_counter() - begun


def fdatasync_us() -> float:
    """How long the disk of the benchmarks' folders takes to keep one page of a log."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_SYNCS):
            file.write(b"\0" * _SYNC_BYTES)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e6


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []


def _printed(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def _measure(benchmark: Benchmark) -> dict[str, Any]:
    command = [sys.executable, "-m", "heard", "bench", benchmark.name, *benchmark.words.split(), "--json"]
    print(" ".join(command[2:]), file=sys.stderr)  # noqa: T201
    before = now()
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603
    return {**json.loads(run.stdout), "measured": before}


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the benchmarks and write their page.")
    parser.add_argument("--only", help="names, separated by commas; the figures of the others stay")
    parser.add_argument("--page", action="store_true", help="run none, write the page of the figures there are")
    given = parser.parse_args()
    names = set(given.only.split(",")) if given.only else {one.name for one in BENCHMARKS}
    unknown = names - {one.name for one in BENCHMARKS}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    figures = json.loads(FIGURES.read_text("utf-8"))
    if not given.page:
        figures["machine"] = machine()
        for benchmark in BENCHMARKS:
            if benchmark.name in names:
                figures.setdefault("results", {})[benchmark.name] = _measure(benchmark)
                FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")  # an hour's work is not lost
    PAGE.write_text(page(figures), "utf-8")


if __name__ == "__main__":
    main()
