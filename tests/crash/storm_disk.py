"""A small disk for a data folder, where this user may mount one, so that it can be full."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SIZE_MB = 400


@dataclass(slots=True)
class Disk:
    """What a data folder lies on. `small`: it can be filled, and nothing else suffers."""

    folder: Path
    small: bool

    def fill(self) -> None:
        """Take all the room that is left."""
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        with suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(1 << 10))

    def empty(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


@contextmanager
def a_disk(folder: Path) -> Iterator[Disk]:
    """A disk in memory at this folder; the folder as it is where nobody lets us mount one."""
    folder.mkdir(parents=True)
    small = _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m,mode=0755", "tmpfs", str(folder))
    try:
        yield Disk(folder, small)
    finally:
        until = time.monotonic() + 10
        while small and not _run("umount", str(folder)) and time.monotonic() < until:
            time.sleep(0.2)


def _run(*command: str) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    return subprocess.run([program, *command[1:]], capture_output=True, check=False).returncode == 0
