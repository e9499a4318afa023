"""Writes the pages of docs/reference that can be read off the code. `make reference` runs it; a test compares."""

import json
import re
import sys
from pathlib import Path

from heard.config import SETTINGS
from heard.domain.order.lifecycle import TABLE, Step
from heard.domain.order.model import Status
from heard.domain.payments import TABLE as PAYMENT_TABLE
from heard.domain.refusals import Code, Refused
from heard.net.problems import problem, retryable
from heard.pos.options import SETTINGS as KIT_SETTINGS
from heard.protocols.admin import operations as admin
from heard.protocols.admin.openapi import admin_document
from heard.protocols.link import operations as link
from heard.protocols.link.openapi import link_document
from heard.protocols.ordering import operations as ordering
from heard.protocols.ordering.openapi import ordering_document
from heard.protocols.posnext import operations as posnext
from heard.protocols.posnext.openapi import posnext_document

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
DATA_FOLDER = next(one.default for one in SETTINGS if one.key == "data.folder")
MADE = "<!-- Made by `make reference` from the code; do not edit. -->\n"


def lifecycle() -> str:
    """The order's life: a diagram of the moves, and the whole table."""
    moves = [
        (before, step, after)
        for step, row in TABLE.items()
        for before, after in sorted(row.items())
        if before is not after
    ]
    arrows: dict[tuple[Status, Status], list[str]] = {}
    for before, step, after in moves:
        arrows.setdefault((before, after), []).append(step)
    diagram = [f"    {before} --> {after}: {', '.join(steps)}" for (before, after), steps in arrows.items()]
    rows = [_lifecycle_row(step) for step in Step]
    return "\n".join(
        [
            MADE,
            "# The life of an order",
            "",
            "Where an order stands, and which step leads where. A step that is not listed for a status comes late or",
            "twice there: it is recorded and changes nothing.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            "    [*] --> received: receive",
            *diagram,
            "```",
            "",
            "| step | moves | is recorded, and keeps the status, in |",
            "|---|---|---|",
            *rows,
            "",
            *_payment_life(),
        ]
    )


def _payment_life() -> list[str]:
    """The states of an order's payment, drawn from their own table."""
    moves = [(step, before, after) for step, row in PAYMENT_TABLE.items() for before, after in row.items()]
    return [
        "## Its payment",
        "",
        "An order that is paid through the hub has a payment with states of its own; [payments](../why/payments.md)",
        "says what each means. Each step is a line `pay` of the order's history, with the amount in words.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> due",
        *(f"    {before} --> {after}: {step}" for step, before, after in moves if before is not after),
        "```",
        "",
    ]


def _lifecycle_row(step: Step) -> str:
    row = TABLE[step]
    moves = ", ".join(f"{before} to {after}" for before, after in sorted(row.items()) if before is not after)
    keeps = ", ".join(sorted(before for before, after in row.items() if before is after))
    return (
        f"| `{step}` | {moves or ('the first step, to received' if step is Step.RECEIVE else '-')} | {keeps or '-'} |"
    )


def settings() -> str:
    """Every setting of heard.toml."""
    rows = [
        f"| `{one.key}` | `{one.variable}` | {'-' if not one.default else f'`{_plain(one.default)}`'} | {one.doc} |"
        for one in SETTINGS
    ]
    head = "A value comes from its environment variable, else from `heard.toml`, else it is the default."
    lines = [MADE, "# Settings", "", head, "`heard config show` prints what is in force, and where it came from.", ""]
    table = ["| key | variable | default | meaning |", "|---|---|---|---|", *rows]
    kit_rows = [
        f"| `{one.variable}` | {f'`{one.default}`' if one.default else '-'} | {one.doc} |" for one in KIT_SETTINGS
    ]
    kit = [
        "",
        "## Of the POS kit",
        "",
        "For `heard pos serve` and `heard.pos.app(...)`, which also take them by name.",
        "",
    ]
    return "\n".join([*lines, *table, *kit, "| variable | default | meaning |", "|---|---|---|", *kit_rows, ""])


def _plain(default: str) -> str:
    """A default that does not depend on whose machine this is."""
    return "~/.local/share/heard" if default == DATA_FOLDER else default


def limits() -> str:
    """Every bound, with its reason."""
    source = (ROOT / "src" / "heard" / "limits.py").read_text("utf-8")
    lines = [MADE, "# Limits", "", "What Heard holds itself and others to. An operator cannot change these.", ""]
    for line in source.splitlines():
        section = re.match(r"# --- (.*?) -+$", line)
        bound = re.match(r"(\w+): Final = (.*?)  # (.*)$", line) or re.match(r"(\w+): Final = ([^#]*)()$", line)
        if section:
            lines += ["", f"## {section[1][0].upper()}{section[1][1:]}", "", "| bound | value | why |", "|---|---|---|"]
        elif bound:
            lines.append(f"| `{bound[1]}` | {bound[2].strip()} | {bound[3] or '-'} |")
    return "\n".join([*lines, ""])


def faults() -> str:
    """Every public code of a refusal."""
    head = [
        MADE,
        "# Faults",
        "",
        "Faults are `application/problem+json` with `type, title, status, detail, code, retryable, request_id` and",
        "`errors[] {path, code, message}`, each naming the JSON path that is wrong. The codes keep their meaning.",
        "The Ordering API says the same in its envelope: `status, code` (the HTTP status) and `error {code, message,",
        "errors[], retryable}`. Link's token endpoint answers in the words of RFC 6749 instead.",
        "",
        "| status | code | worth trying again as it is |",
        "|---|---|---|",
    ]
    rows = [(problem(Refused(code, ""), "")[0], code) for code in Code]
    return "\n".join(
        [*head, *(f"| {s} | `{code}` | {'yes' if retryable(code) else 'no'} |" for s, code in sorted(rows)), ""]
    )


def calls() -> str:
    """Every call of the protocols."""
    lines = [MADE, "# Calls", "", "## Link: marketplaces call the hub", "", "| call | scope | does |", "|---|---|---|"]
    lines += [f"| `{one.method} {one.path}` | {one.scope or '-'} | {one.summary} |" for one in link.OPERATIONS]
    lines += ["", "## The Ordering API: applications call the hub", ""]
    lines += ["| call | token | scope | does |", "|---|---|---|---|"]
    lines += [
        f"| `{one.method} {one.path}` | {one.token} | {one.scope or '-'} | {one.summary} |"
        for one in ordering.OPERATIONS
    ]
    lines += ["", "## The admin API: an operator's programs call the hub", ""]
    lines += ["| call | scope | does |", "|---|---|---|"]
    lines += [f"| `{one.method} {one.path}` | {one.scope} | {one.summary} |" for one in admin.OPERATIONS]
    lines += ["", "## posnext: who hosts it", "", "| call | hosted by | does |", "|---|---|---|"]
    for call in posnext.OPERATIONS:
        also = f" (also `{'`, `'.join(call.aliases)}`)" if call.aliases else ""
        lines.append(f"| `{call.method} {call.path}`{also} | {call.host} | {call.summary} |")
    return "\n".join([*lines, ""])


def posnext_openapi() -> str:
    """The POS's side of posnext, for generators of clients and servers."""
    return json.dumps(posnext_document(), indent=1, ensure_ascii=False) + "\n"


def link_openapi() -> str:
    """The hub's side of Link, for generators of clients."""
    return json.dumps(link_document(), indent=1, ensure_ascii=False) + "\n"


def ordering_openapi() -> str:
    """The Ordering API, for generators of clients."""
    return json.dumps(ordering_document(), indent=1, ensure_ascii=False) + "\n"


def admin_openapi() -> str:
    """The admin API, for generators of clients."""
    return json.dumps(admin_document(), indent=1, ensure_ascii=False) + "\n"


PAGES = {
    "lifecycle.md": lifecycle,
    "settings.md": settings,
    "limits.md": limits,
    "faults.md": faults,
    "calls.md": calls,
    "posnext-openapi.json": posnext_openapi,
    "link-openapi.json": link_openapi,
    "ordering-openapi.json": ordering_openapi,
    "admin-openapi.json": admin_openapi,
}


def main() -> None:
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
