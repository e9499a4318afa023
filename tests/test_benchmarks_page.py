"""The page of all benchmarks: it has each command, and says of each figure with a bound whether it keeps to it."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from heard.cli.bench import app

ROOT = Path(__file__).resolve().parent.parent
TOOL = runpy.run_path(str(ROOT / "tools" / "benchmarks.py"))


def test_the_page_shows_the_figures_that_are_kept() -> None:
    figures = json.loads(TOOL["FIGURES"].read_text("utf-8"))
    assert TOOL["PAGE"].read_text("utf-8") == TOOL["page"](figures), "run `python tools/benchmarks.py --page`"


def test_every_benchmark_there_is_stands_on_the_page() -> None:
    commands = {name for name in app if not name.startswith("-")}
    assert {one.name for one in TOOL["BENCHMARKS"]} == commands


def test_a_figure_beyond_its_bound_is_told_as_missed_and_one_that_keeps_to_it_is_not() -> None:
    result = a_result(
        ratio=0.5,
        p99_ms=40.0,
        ratio_limit=0.55,
        p99_ms_limit=50.0,
        taken=10,
        taken_limit=10,
        took_s=61,
        took_s_limit=60,
    )
    assert TOOL["missed"](result) == ["ratio", "took_s"]
    assert "| missed: ratio, took_s |" in TOOL["page"]({"machine": {"cores": 2}, "results": {"accept": result}})


def test_what_the_figures_hang_on_is_told() -> None:
    machine = TOOL["machine"]()
    assert machine["cores"] >= 1
    assert machine["PostgreSQL"][0].isdigit()
    assert machine["fdatasync of 8 kB, median"].endswith(" us")


def test_each_figure_says_when_it_was_taken_and_how_quick_the_machine_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOL["now"].__globals__, "_ADDITIONS", 1000)
    page = TOOL["page"]({"machine": {"cores": 2}, "results": {"accept": a_result(ratio=0.5)}})
    assert "Measured on 2026-11-22 at abc1234; ten million additions took 0.55 s just before." in page
    assert TOOL["now"]()["additions"].endswith(" s")


def a_result(**figures: float) -> dict[str, Any]:
    """A result with these figures, in their places."""
    top = dict.fromkeys(TOOL["_TOP"]) | {name: value for name, value in figures.items() if name in TOOL["_TOP"]}
    measured = {"day": "2026-11-22", "revision": "abc1234", "additions": "0.55 s"}
    return {
        **top,
        "measured": measured,
        "details": {name: value for name, value in figures.items() if name not in TOOL["_TOP"]},
    }
