"""How commands print: tables for people, one JSON document for programs, one line for what went wrong."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text


class _Paper(Console):
    """Prints texts as they are. Strangers choose many of them: a number such as `[/]` is no markup, and nothing of
    theirs moves the cursor. Lines are never broken, so that ids and secrets can be copied.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        if objects and all(isinstance(one, str | Text) for one in objects):
            options.setdefault("soft_wrap", True)
        super().print(*(printable(one) if isinstance(one, str) else one for one in objects), **options)


console = _Paper(highlight=False, markup=False, emoji=False)


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, default=_plain, indent=2))


def print_rows(title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], empty: str) -> None:
    """Rows in aligned columns, never cut, so that ids can be copied. `columns` maps a member to its heading;
    `empty` says how to get the first row.
    """
    if not rows:
        for said in empty.split("\n"):
            console.print(said)
        return
    cells = [list(columns.values()), *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    print_head(title)
    for number, line in enumerate(cells):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        console.print(Text(text, "bold" if number == 0 else ""))


def print_head(strong: str, rest: str = "") -> None:
    """A line whose first words stand out; a line break before them is a blank line."""
    if strong.startswith("\n"):
        console.print()
    console.print(Text.assemble((printable(strong.removeprefix("\n")), "bold"), printable(rest)))


def money(cents: int, currency: str) -> str:
    """1299, USD -> 12.99 USD."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d} {currency}"


def when(at: datetime | str | None) -> str:
    """A time, or a time as the admin API writes it, for people: UTC to the second."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def row_of(document: msgspec.Struct) -> dict[str, Any]:
    """What the admin API told, as a row for people."""
    return msgspec.structs.asdict(document)


def fail(message: str, status: int = 1) -> "SystemExit":
    """One line on stderr, and the exit status."""
    print(f"heard: {printable(message)}", file=sys.stderr)
    return SystemExit(status)


def printable(text: str) -> str:
    """Text of strangers for a terminal: what would move the cursor is spelled out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _cell(value: object) -> str:
    return printable(_worded(value))


def _worded(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return when(value)
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
