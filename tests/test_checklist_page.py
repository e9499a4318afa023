"""The pages that name tests name such that are there; the checklist's names every one of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("posnext-checklist", "link-flows", "external-discounts")


def named(page: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "reference" / f"{page}.md").read_text("utf-8")
    return re.findall(r"`(tests/[\w/.]+)::(\w+)`", text)


def functions(file: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_test_that_is_there(page: str) -> None:
    assert len(named(page)) > 20
    assert [(file, name) for file, name in named(page) if name not in functions(file)] == []


def test_every_test_of_the_checklist_is_on_the_page() -> None:
    file = "tests/pos/test_checklist.py"
    assert functions(file) == {name for one, name in named("posnext-checklist") if one == file}


def test_every_test_of_the_external_discounts_is_on_the_page() -> None:
    file = "tests/http/test_external_discounts.py"
    assert functions(file) == {name for one, name in named("external-discounts") if one == file}


def test_every_flow_and_every_state_has_its_row() -> None:
    text = (ROOT / "docs" / "reference" / "link-flows.md").read_text("utf-8")
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == set(range(1, 13))
    states = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert states == ["PENDING", "CONFIRMED", "IN_PREP", "READY", "COMPLETED", "REJECTED", "CANCELLED"]
