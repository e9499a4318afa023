"""Runs the tests of the release before on the first halves of this one's schema: what a rolling upgrade relies on.

python tools/previous_release.py            (make test-previous; REF=... for another release)
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent.parent
_MIGRATIONS = Path("src/heard/storage/migrations")
_TESTS = ("tests/storage", "tests/engine", "tests/work", "tests/http")
# What is about the schema's very shape is about its own release's.
_OF_ITS_OWN = (
    "tests/storage/test_schema.py::test_the_table_of_orders_holds_every_member_of_an_order",
    "tests/storage/test_migrate.py",
)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--ref", default=(_HERE / "tests/previous-release").read_text("ascii").strip())
    asked.add_argument("--workers", default="4", help="pytest's processes")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="heard-previous-") as name:
        tree = Path(name) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), given.ref)
        try:
            newer = _bring(tree)
            what = ", ".join(newer) or "its own schema: no migration is newer"
            sys.stdout.write(f"{given.ref[:12]} on {what}\n")
            sys.stdout.flush()
            return _test(tree, given.workers)
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _bring(tree: Path) -> list[str]:
    """First halves that the release before does not have are put among its own."""
    known = {file.name for file in (tree / _MIGRATIONS).glob("*.sql")}
    newer = sorted(
        file
        for file in (_HERE / _MIGRATIONS).glob("*.sql")
        if file.name not in known and not file.name.endswith(".post.sql")
    )
    for file in newer:
        shutil.copy(file, tree / _MIGRATIONS)
    return [file.stem for file in newer]


def _test(tree: Path, workers: str) -> int:
    left_out = [part for test in _OF_ITS_OWN for part in ("--deselect", test)]
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "worksteal", *left_out, *_TESTS]
    paths = os.pathsep.join((str(tree / "src"), str(tree / "tests")))
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, cwd=tree, env=environment, check=False).returncode  # noqa: S603


def _git(*args: str) -> None:
    subprocess.run(["git", "-C", str(_HERE), *args], check=True)  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main())
