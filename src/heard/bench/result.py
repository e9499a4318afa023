"""What every benchmark prints: the same eight members, and its details."""

import resource
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Result:
    """None where a figure does not apply. `ratio` is rate over limit, measured in one run on one machine."""

    name: str
    rate_per_s: float | None = None
    limit_per_s: float | None = None
    ratio: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us_per_unit: float | None = None
    rss_mb: float | None = None
    details: dict[str, object] = field(default_factory=dict)


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value that so many percent do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else None


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of each round's own ratio: what disturbs a machine for a round disturbs both sides of it."""
    return round(median(mine / other for mine, other in zip(ours, theirs, strict=True)), 3)


def note_spent(figures: Sequence[list[float]], before: Sequence[float], after: Sequence[float], count: int) -> None:
    """Add to each of the figures what was spent of it between two readings in seconds: microseconds a unit."""
    for figure, start, end in zip(figures, before, after, strict=True):
        figure.append((end - start) / count * 1e6)


def ms(seconds: float | None) -> float | None:
    """Milliseconds as a result shows them."""
    return None if seconds is None else round(seconds * 1000, 2)


def cpu_s(pid: int) -> float:
    """Seconds of processor time a Linux process has used, its own and the system's for it."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / 100


def family_cpu_s(pid: int) -> float:
    """... that it and its children have used, those that have ended too: of PostgreSQL, all its connections."""
    ended = sum(map(int, _stat(pid)[13:15])) / 100
    living = [other for other in Path("/proc").iterdir() if other.name.isdigit()]
    return cpu_s(pid) + ended + sum(_cpu_if_child_s(int(other.name), pid) for other in living)


def _cpu_if_child_s(pid: int, parent: int) -> float:
    try:
        return cpu_s(pid) if parent_of(pid) == parent else 0.0
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0.0


def parent_of(pid: int) -> int:
    """Whose child a Linux process is."""
    return int(_stat(pid)[1])


def children_cpu_s() -> float:
    """Seconds of processor time of this process's own children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on."""
    return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()


def rss_mb(pid: int) -> float:
    """Megabytes of memory a Linux process holds now."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024
