"""Writes a vendor's first POS: a package that runs, with its tests. The files stand in template/, `bistro` in them is
the name to be given.
"""

import keyword
import re
from importlib import resources
from importlib.abc import Traversable
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SUFFIX = ".tmpl"  # so that the house's own checks take a template for what it is
_TAKEN = frozenset({"heard", "test", "tests", "asyncio", "sqlite3"})


class StarterError(Exception):
    """Why nothing was written, in one line."""


def write_starter(folder: Path, name: str) -> list[Path]:
    """Write the starter into a new folder of that name; the files, from `folder`. Raises StarterError."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in _TAKEN:
        raise StarterError(f"name: {name!r} cannot be a package; take small letters, digits and _, such as bistro")
    root = folder / name
    if root.exists():
        raise StarterError(f"name: there is a {name} here already")
    written = []
    for place, text in _files(resources.files(__name__).joinpath("template"), ""):
        path = root / _named(place, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_named(text, name), "utf-8")
        written.append(path.relative_to(folder))
    return sorted(written)


def _files(folder: Traversable, place: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, f"{place}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            found.append((place + entry.name.removesuffix(_SUFFIX), entry.read_text("utf-8")))
    return found


def _named(text: str, name: str) -> str:
    class_name = "".join(word.capitalize() for word in name.split("_"))
    return text.replace("Bistro", class_name).replace("bistro", name)
