"""The browser that the console's tests are run with: one that is there, else Debian's, where it may be installed.

python tools/chromium.py                    (make test does it first)

HEARD_TEST_CHROMIUM names another one. Without any, the tests that need a browser are skipped; with CI=true that is a
failure, since nobody would read that they were.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from heard.bench.first_paint import chromium

WITHIN_S = 600.0


def find() -> str | None:
    """The program's path; None: there is none."""
    named = os.environ.get("HEARD_TEST_CHROMIUM")
    if named:
        return shutil.which(named)
    return chromium()


def install() -> str | None:
    """Debian's. Why it could not be; None: it is there."""
    if os.environ.get("HEARD_TEST_CHROMIUM"):
        return "HEARD_TEST_CHROMIUM names no program"
    apt = shutil.which("apt-get")
    if apt is None:
        return "this system has no apt-get"
    if os.geteuid() != 0:
        return "only root may install one"
    sys.stdout.write("There is no Chromium for the tests of the console: installing Debian's ...\n")
    sys.stdout.flush()
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--no-install-recommends", "chromium"]):
        try:
            done = subprocess.run(  # noqa: S603
                [apt, "-qq", "-y", *command], env=quiet, capture_output=True, text=True, timeout=WITHIN_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"apt-get {command[0]} took longer than {WITHIN_S:g} s"
        if done.returncode != 0:
            return f"apt-get {command[0]} failed: {(done.stderr.strip().splitlines() or ['it did not say why'])[-1]}"
    return None


def is_wanted() -> bool:
    """Whether tests may not go without one."""
    return os.environ.get("CI") == "true"


def main() -> int:
    if find() is not None:
        return 0
    why = install() if Path("/etc/debian_version").exists() else "this is no Debian"
    if find() is not None:
        return 0
    sys.stdout.write(f"No Chromium, so the tests that need a browser are skipped: {why}.\n")
    return 1 if is_wanted() else 0


if __name__ == "__main__":
    sys.exit(main())
