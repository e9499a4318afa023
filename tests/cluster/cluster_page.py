"""What a run on a cluster did, as docs/reference/cluster.md has it."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from cluster_plan import Run, Seen

_HEAD = """# Failovers

Three PostgreSQL nodes under Patroni, one of them leading, one followed synchronously; two processes of `heard serve`,
two of `heard work`, a POS behind `heard pos serve`, a marketplace that sends orders all the time; all on one machine.
After these failovers the ledgers of hub, POS and marketplace were read against each other, as after a
[storm](storm.md): every order that was answered as accepted was in the hub once, had one ticket at most in the POS and
of its amount, and every event about it was heard, in order. What the kinds are, and which settings the times hang on:
[docs/why/cluster.md](../why/cluster.md).

This is the run of

    {command}

| what befell the cluster | times | no order accepted for | the hub ready again after | three nodes again after |
|---|---|---|---|---|"""


def page(run: Run, command: str) -> str:
    """The page. Times are the median and the longest, in seconds."""
    return "\n".join([_HEAD.format(command=command), *_kinds(run.seen), "", *_orders(run), ""])


def _kinds(seen: list[Seen]) -> Iterator[str]:
    of: defaultdict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        of[one.kind].append(one)
    for kind in sorted(of):
        yield _row(kind, of[kind])
    yield _row("together", seen)


def _row(name: str, seen: list[Seen]) -> str:
    times = (
        [one.silent_s for one in seen],
        [one.ready_s for one in seen],
        [one.well_s for one in seen],
    )
    cells = [f"{median(one):.1f} s, {max(one):.1f} s" for one in times]
    return f"| {name} | {len(seen)} | {' | '.join(cells)} |"


def _orders(run: Run) -> Iterator[str]:
    ends = ", ".join(f"{count} {end.replace('!', ' and told to a person')}" for end, count in sorted(run.ends.items()))
    yield f"Of {sum(run.ends.values())} orders ({ends}), {len(run.wrongs)} were lost, doubled or otherwise wrong."
    yield "Times are the median and the longest; how fast a lost leader is missed is Patroni's `ttl`, 20 s here."
