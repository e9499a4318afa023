"""What storms did, as docs/reference/storm.md has it: `make crash PAGE=docs/reference/storm.md`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HEAD = """# Storms

After each of these storms the ledgers of hub, POS and marketplace were read against each other: every order that was
answered as accepted was in the hub once, had one ticket at most in the POS and of its amount, stood where both knew it
to stand, and every event about it was heard, in order. What the faults are, and how we know that a storm would find a
mistake of ours: [docs/why/storms.md](../why/storms.md).

Two processes of `heard serve`, two of `heard work`, a POS behind `heard pos serve`, a marketplace, one PostgreSQL; all
on one machine. These are the storms of

    {command}
"""


def page(reports: Sequence[Mapping[str, Any]], command: str) -> str:
    """The page, of one report a storm."""
    return "\n".join([_HEAD.format(command=command), *_faults(reports), "", *_storms(reports), ""])


def _faults(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    kinds: Counter[str] = Counter()
    for report in reports:
        kinds.update(report["kinds"])
    yield "| fault | times |"
    yield "|---|---|"
    for kind, count in kinds.most_common():
        yield f"| {kind} | {count} |"
    yield f"| together | {sum(report['faults'] for report in reports)} |"


def _storms(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ends = sorted({end for report in reports for end in report["ends"]})
    columns = ["seed", "faults", "orders", *(end.replace("!", ", a person is told") for end in ends), "wrong"]
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for one in reports:
        cells = [
            one["seed"],
            one["faults"],
            one["orders"],
            *(one["ends"].get(end, 0) for end in ends),
            len(one["wrongs"]),
        ]
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield "`failed`: the POS said that it failed, as some are made to; `rejected`: not taken before its deadline."
