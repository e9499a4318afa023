"""docs/why/dependencies.md names every library that is installed, says how many there are, and is one table."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "why" / "dependencies.md").read_text("utf-8")
NUMBERS = {"sixteen": 16, "eighteen": 18, "nineteen": 19, "twenty": 20, "twenty-one": 21, "twenty-two": 22}


def ours() -> set[str]:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return {re.split(r"[><=;\s]", one)[0] for one in stated}


def locked(name: str = "runtime") -> set[str]:
    lines = (ROOT / "locks" / f"{name}.txt").read_text("utf-8").splitlines()
    return {line.partition("==")[0] for line in lines if re.match(r"[a-z0-9-]+==", line)}


def test_every_library_of_ours_has_its_row_and_no_other_has_one() -> None:
    rows = [row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| ")][1:]
    named = [name.strip() for row in rows for name in row.split(",")]
    assert sorted(named) == sorted(ours())


def test_every_library_that_comes_with_them_is_named_and_they_are_counted() -> None:
    more = locked() - ours()
    (said,) = re.findall(r"^These (\S+) bring (\S+) more: ((?:.+\n)+)", PAGE, re.MULTILINE)
    assert (NUMBERS[said[0]], NUMBERS[said[1]]) == (len(ours()), len(more))
    assert [name for name in sorted(more) if name not in said[2]] == []


def test_the_extra_is_locked_with_the_same_versions_and_all_that_it_brings_is_named() -> None:
    (said,) = re.findall(r"^One extra, ((?:.+\n)+)", PAGE, re.MULTILINE)
    more = locked("otel") - locked()
    assert more
    assert [name for name in sorted(more) if name not in said] == []
    assert locked() <= locked("otel")
    assert versions("runtime") <= versions("otel")


def versions(name: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / "locks" / f"{name}.txt").read_text("utf-8"), re.MULTILINE))
