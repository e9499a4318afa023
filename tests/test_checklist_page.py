"""The checklist's page names tests that are there, and every test of the checklist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.findall(r"`(tests/[\w/.]+)::(\w+)`", (ROOT / "docs/reference/posnext-checklist.md").read_text("utf-8"))


def functions(file: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))


def test_every_row_names_a_test_that_is_there() -> None:
    assert len(NAMED) > 20
    assert [(file, name) for file, name in NAMED if name not in functions(file)] == []


def test_every_test_of_the_checklist_is_on_the_page() -> None:
    file = "tests/pos/test_checklist.py"
    assert functions(file) == {name for named, name in NAMED if named == file}
