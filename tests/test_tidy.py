"""The style of the house, checked by a program. Each check is a function that is itself tested on a bad example."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "heard"
FILES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
IN_THREADS = [path for path in FILES if path.name != "typed.py" and "bench" not in path.parts]  # a benchmark has one
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
OPENING_LINES_MAX = 6
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "service", "services", "common", "misc"})
CLOCKS_AND_CHANCE = frozenset({"now", "utcnow", "today", "time", "monotonic", "perf_counter", "urandom", "uuid4"})

# Loops without an end, each with what ends it.
ENDLESS_LOOPS = {
    "sandbox/demo.py": "the demo places orders until it is stopped",
    "sandbox/marketplace.py": "the marketplace cancels what its guests call off until it is stopped",
    "sandbox/pos.py": "the kitchen cooks until it is stopped",
    "clients/link/feed.py": "a feed is followed for as long as whoever follows it wants more",
    "pos/kit.py": "the kit looks after abandoned requests until it is closed",
    "engine/passes.py": "revocations are heard until the server stops",
    "work/lane.py": "a lane looks for work until it is cancelled",
    "work/worker.py": "a worker works until it is cancelled",
    "work/chores.py": "a worker's chores come back for as long as it runs, with a minute or an hour between two times",
    "cli/demo.py": "the screen is drawn until Ctrl-C; waiting for one order has its own time limit",
    "cli/serve.py": "the watch ends with the server",
}

Check = Callable[[ast.Module, str], Iterator[str]]


def long_functions(tree: ast.Module, _: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            words = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - len((words or "").splitlines())
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name} has {lines} lines"


def long_file(_: ast.Module, text: str) -> Iterator[str]:
    if len(text.splitlines()) > FILE_LINES_MAX:
        yield f"{len(text.splitlines())} lines"


def broad_excepts(tree: ast.Module, text: str) -> Iterator[str]:
    lines = text.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.id if isinstance(node.type, ast.Name) else ""
            reasoned = " - " in lines[node.lineno - 1].partition("#")[2] or "log.exception(" in ast.unparse(node)
            reraised = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
            if node.type is None or (caught in ("Exception", "BaseException") and not (reasoned or reraised)):
                yield f"line {node.lineno} catches everything without a reason"


def opening(tree: ast.Module, _: str) -> Iterator[str]:
    words = ast.get_docstring(tree)
    if not words:
        yield "the module does not open by saying what lives here"
    elif len(words.splitlines()) > OPENING_LINES_MAX:
        yield f"the module's opening has {len(words.splitlines())} lines"


def impure(tree: ast.Module, _: str) -> Iterator[str]:
    """For the domain: no waiting, no log, no clock, no chance."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"line {node.lineno} waits"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS_AND_CHANCE:
            yield f"line {node.lineno} reads a clock or chance"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            for name in names:
                if (name or "").split(".")[0] in ("logging", "random", "secrets", "time", "os", "socket", "asyncio"):
                    yield f"line {node.lineno} imports {name}"


def floating_money(tree: ast.Module, _: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and isinstance(node.annotation, ast.Name):
            target = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
            money = re.search(r"(cents|price|total|amount|discount|tax|tip|fee)s?$", target)
            if money and node.annotation.id == "float":
                yield f"line {node.lineno} holds money in a float: {target}"


def endless_loops(tree: ast.Module, _: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value:
            leaves = any(isinstance(inner, ast.Return | ast.Break) for inner in ast.walk(node))
            if not leaves:
                yield f"line {node.lineno} loops for ever"


def unbounded_reads(tree: ast.Module, _: str) -> Iterator[str]:
    """SQL in the code that reads many rows says how many at most, or names all of one key."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fetch"):
            continue
        text = " ".join(part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and _is_text(part))
        if "SELECT" in text and "LIMIT" not in text:
            yield f"line {node.lineno} reads without a bound: {text[:60]}"


def untamed_reading(tree: ast.Module, _: str) -> Iterator[str]:
    """Reading into a type of ours is left to heard.protocols.typed, which says why."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            whole = ast.unparse(node.func)
            typed = (whole.endswith("Decoder") and node.args) or any(key.arg == "type" for key in node.keywords)
            if whole == "msgspec.convert" or (re.match(r"msgspec\.(json|msgpack)\.(D|d)ecode", whole) and typed):
                yield f"line {node.lineno} reads into a type without heard.protocols.typed"


def _is_text(part: ast.Constant) -> bool:
    return isinstance(part.value, str)


def unfinished(_: ast.Module, text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"line {number} is not finished"


EVERYWHERE: tuple[Check, ...] = (
    long_functions,
    long_file,
    broad_excepts,
    opening,
    floating_money,
    unbounded_reads,
    unfinished,
)


def complaints(path: Path, checks: tuple[Check, ...]) -> list[str]:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    return [f"{path.relative_to(ROOT)}: {one}" for check in checks for one in check(tree, text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_keeps_to_the_style(path: Path) -> None:
    assert complaints(path, EVERYWHERE) == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_module_keeps_to_its_size(path: Path) -> None:
    assert complaints(path, (long_functions, long_file, opening)) == []


@pytest.mark.parametrize("path", sorted((SOURCE / "domain").rglob("*.py")), ids=lambda path: path.name)
def test_the_domain_is_pure(path: Path) -> None:
    assert complaints(path, (impure,)) == []


@pytest.mark.parametrize("path", IN_THREADS, ids=lambda path: str(path.relative_to(SOURCE)))
def test_types_are_read_by_one_thread_first(path: Path) -> None:
    assert complaints(path, (untamed_reading,)) == []


def test_loops_without_an_end_are_written_down_with_what_ends_them() -> None:
    found = {str(path.relative_to(SOURCE)) for path in FILES if complaints(path, (endless_loops,))}
    assert found == set(ENDLESS_LOOPS)


BAD = {
    long_functions: "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX,
    long_file: "x = 1\n" * (FILE_LINES_MAX + 1),
    broad_excepts: "try:\n    x = 1\nexcept Exception:\n    pass\n",
    opening: "x = 1\n",
    impure: "from datetime import datetime\nx = datetime.now()\n",
    floating_money: "total: float = 0.0\n",
    endless_loops: "while True:\n    x = 1\n",
    unbounded_reads: "c.fetch('SELECT * FROM orders')\n",
    unfinished: "x = 1  # TO" + "DO\n",
    untamed_reading: "msgspec.json.decode(raw, type=Order)\n",
}


@pytest.mark.parametrize("check", BAD, ids=lambda check: check.__name__)
def test_a_check_can_fail(check: Check) -> None:
    text = BAD[check]
    assert list(check(ast.parse(text), text))


def test_names_say_what_lives_there() -> None:
    assert [path for path in FILES if path.stem in VAGUE_NAMES or path.parent.name in VAGUE_NAMES] == []


def test_every_query_file_is_used_and_every_one_that_is_used_is_there() -> None:
    files = {path.stem for path in (SOURCE / "storage" / "queries").glob("*.sql")}
    used = {name for path in FILES for name in re.findall(r'\bquery\("(\w+)"\)', path.read_text("utf-8"))}
    assert files == used


def test_every_limit_has_a_reason_and_is_kept_somewhere() -> None:
    text = (SOURCE / "limits.py").read_text("utf-8")
    bounds = re.findall(r"^(\w+): Final = [^#\n]*(#.*)?$", text, re.MULTILINE)
    assert [name for name, reason in bounds if not reason] == []
    everything = "\n".join(path.read_text("utf-8") for path in FILES if path.name != "limits.py")
    assert [name for name, _ in bounds if f"limits.{name}" not in everything] == []


def test_every_command_module_is_in_the_tree_of_commands() -> None:
    main = (SOURCE / "cli" / "main.py").read_text("utf-8")
    others = {"__init__", "main", "arguments", "arithmetic", "office", "output", "running"}
    others |= {"staff", "publishing", "store_rules"}  # their commands are named in orders.py, menus.py and stores.py
    nouns = {path.stem for path in (SOURCE / "cli").glob("*.py")} - others
    assert {name for name in nouns if f'"heard.cli.{name}:' not in main} == set()


def test_the_architecture_page_names_every_folder_and_nothing_that_is_not_there() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    tops = {path.name for path in SOURCE.iterdir() if path.name not in ("__pycache__", "py.typed")}
    tops -= {"__init__.py", "__main__.py"}
    assert {name for name in tops if f"`{name}" not in page} == set()
    named = set(
        re.findall(
            r"`((?:domain|protocols|connectors|net|pos|clients|storage|engine|work|http|cli|sandbox|tests)/[\w./]*)`",
            page,
        )
    )
    there = {name for name in named if (SOURCE / name).exists() or (ROOT / name).exists()}
    assert named - there == {"storage/migrations/", "storage/queries/"} - there


def test_the_contracts_speak_of_every_folder() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = next(one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers")
    named = {part.strip() for layer in layers["layers"] for part in layer.split("|")}
    tops = {path.stem for path in SOURCE.iterdir() if path.suffix in ("", ".py")} - {"__init__", "__pycache__"}
    assert named == tops


def test_every_decision_page_is_listed() -> None:
    folder = ROOT / "docs" / "why"
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (folder / "README.md").read_text("utf-8")))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}


def _pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", _pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
