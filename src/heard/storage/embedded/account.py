"""Whom the server runs as. PostgreSQL refuses to be root: then an unprivileged user that is there already runs it.

Nothing here changes the permissions of a folder that it did not make.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heard.storage.embedded.errors import OWN_SERVER, EmbeddedPostgresError

_CANDIDATES = ("heard", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """The user the server runs as. `switch` is what a child process needs to become it; empty when it is us."""

    name: str
    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def switch(self) -> dict[str, Any]:
        return {} if self.is_us else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Whether this user gets into a folder, tried by going there as it."""
        return self._try(["test", "-x", str(folder)])

    def can_run(self, program: Path) -> bool:
        """Whether this user can run a program, tried by running it."""
        return self._try([str(program), "--version"])

    def own(self, folder: Path) -> None:
        """Give a folder that we have just made to this user."""
        if not self.is_us:
            os.chown(folder, self.uid, self.gid)

    def _try(self, command: list[str]) -> bool:
        try:
            run = subprocess.run(  # noqa: S603 - fixed programs
                command, cwd="/", capture_output=True, timeout=20, check=False, **self.switch
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return run.returncode == 0


def choose_account() -> Account:
    """Us, or as root an unprivileged user. Raises EmbeddedPostgresError when there is none."""
    if os.geteuid() != 0:
        return _account(os.geteuid())
    named = os.environ.get("HEARD_POSTGRES_USER")
    for name in (named,) if named else _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    wanted = f"HEARD_POSTGRES_USER names {named!r}, which" if named else f"as root, one of {', '.join(_CANDIDATES)}"
    raise EmbeddedPostgresError(f"{wanted} must be an unprivileged user of this machine, {OWN_SERVER}")


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedPostgresError(
            f"user {uid} has no name here, which PostgreSQL needs: give it one, {OWN_SERVER}"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
