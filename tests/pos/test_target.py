"""What is wrong with an adapter's name, its module or its making is one line that its author can act on."""

import sys
from pathlib import Path

import pytest

from heard.pos import AdapterError, app
from heard.pos.target import load_adapter
from pos.kits import SHARED_ID, ScriptedPos

METHODS = "\n  ".join(f"def {name}(self, about): ..." for name in ("menu", "validate", "place", "status"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def refusal(target: str) -> str:
    with pytest.raises(AdapterError) as refused:
        load_adapter(target)
    text = str(refused.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("target", ["till", "till:", ":Till", ".till:Till", "./till:Till", "shop/till.py:Till", ""])
def test_what_names_no_module_and_class_is_told_by_an_example(folder: Path, target: str) -> None:
    assert "such as bistro:Bistro" in refusal(target)


def test_a_module_that_is_not_there_is_told_with_the_folder_that_was_searched(folder: Path) -> None:
    assert refusal("nobodys_till:Till") == (
        f"nobodys_till:Till: there is no module 'nobodys_till' in {folder} or installed"
    )


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("class Till(:\n  pass\n", "SyntaxError", 1),
        ("import os\nimport nobodys_library\n", "nobodys_library", 2),
        ("from heard.pos import Ordr\n", "cannot import name 'Ordr'", 1),
        ("\n\nraise RuntimeError('no till\\nat all')\n", "RuntimeError: no till at all", 3),
        ("class Till:\n  def __init__(self):\n    raise OSError('no till')\n", "Till() failed: OSError: no till", 3),
        ("class Till:\n  def __init__(self, url): ...\n", "Till() failed: TypeError", None),
    ],
    ids=["syntax", "library", "name", "module", "constructor", "argument"],
)
def test_what_its_author_has_to_mend_is_told_with_its_line(
    folder: Path, request: pytest.FixtureRequest, text: str, says: str, line: int | None
) -> None:
    module = f"till_with_a_bad_{request.node.callspec.id}"
    (folder / f"{module}.py").write_text(text, "utf-8")
    said = refusal(f"{module}:Till")
    assert said.startswith(f"{module}:Till: ")
    assert says in said
    assert line is None or f"{module}.py, line {line})" in said


def test_an_adapter_that_is_told_of_its_start_alone_is_refused(folder: Path) -> None:
    text = f"class Till:\n  {METHODS}\n  async def started(self, kit): ...\n"
    (folder / "till_that_starts.py").write_text(text, "utf-8")
    assert refusal("till_that_starts:Till") == "Till has started alone: started and stopped go together"


def test_a_method_that_cannot_be_called_with_what_it_is_given_is_named(folder: Path) -> None:
    (folder / "till_without_arguments.py").write_text(f"class Till:\n  {METHODS}\n  def cancel(self): ...\n", "utf-8")
    assert refusal("till_without_arguments:Till") == "Till.cancel must take one argument: see heard.pos.Adapter"


async def test_an_adapter_that_cannot_start_says_why_in_one_line() -> None:
    class Till(ScriptedPos):
        async def started(self, kit: object) -> None:
            raise OSError("the till is off")

        async def stopped(self) -> None: ...

    kit = app(Till(), shared_id=SHARED_ID, store=":memory:")
    with pytest.raises(AdapterError, match=r"^Till: started failed: OSError: the till is off"):
        await kit.start()


def test_a_class_and_an_instance_and_a_maker_are_all_taken(folder: Path) -> None:
    text = f"class Till:\n  {METHODS}\nready = Till()\ndef make(): return Till()\n"
    (folder / "till_that_works.py").write_text(text, "utf-8")
    for name in ("Till", "ready", "make"):
        assert type(load_adapter(f"till_that_works:{name}")).__name__ == "Till"
