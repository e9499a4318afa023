"""Where the cluster, its programs and its socket live, and how it is first made. Starting it is launcher.py's."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from heard.storage.embedded.account import Account, choose_account
from heard.storage.embedded.binaries import Binaries, find_binaries
from heard.storage.embedded.errors import OWN_SERVER, EmbeddedPostgresError

ROLE = "heard"
_SHARED = Path("/var/lib/heard")  # for root: the first folder that any user gets into and that is ours to make
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_MAX = 103  # the shortest limit of the systems we run on, its end included
_INITDB_TIMEOUT_S = 120

_SETTINGS = """
# Written by Heard at the first start.
listen_addresses = ''
max_connections = 100
shared_buffers = 128MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_wal_size = 1GB
checkpoint_timeout = 10min
autovacuum_naptime = 15s
log_min_messages = warning
timezone = 'UTC'
log_timezone = 'UTC'
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder's cluster: who runs it, where it is, where it listens."""

    account: Account
    folder: Path
    socket_dir: Path
    log: Path


def locate(data_dir: Path) -> Cluster:
    """Where a data folder's cluster is or will be. Makes the folders it needs, touches none it did not make."""
    account = choose_account()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        place = _place(data_dir, account)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"data.folder: cannot write to {error.filename or data_dir}: {error.strerror}, {OWN_SERVER}"
        ) from None
    return Cluster(account, place / "postgres", _socket_dir(place, account), place / "postgres.log")


def make(cluster: Cluster, binaries: Binaries) -> None:
    """Initialise the cluster unless it is there. One that was left half-made has no name, and is thrown away."""
    if cluster.folder.exists():
        return
    for leftover in cluster.folder.parent.glob("postgres-new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=cluster.folder.parent, prefix="postgres-new-"))  # 0700
    cluster.account.own(draft)
    command = [
        str(binaries.bin_dir / "initdb"),
        *(
            "-D",
            str(draft),
            "-U",
            ROLE,
            "-A",
            "peer",
            "-E",
            "UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ),
    ]
    run = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        command,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=_INITDB_TIMEOUT_S,
        check=False,
        **cluster.account.switch,
    )
    if run.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        words = (run.stderr.strip() or run.stdout.strip()).splitlines()[-1:]
        raise EmbeddedPostgresError(f"initdb failed: {' '.join(words)}")
    _append(draft / "postgresql.conf", _SETTINGS)
    users = dict.fromkeys(("root", cluster.account.name))
    _append(draft / "pg_ident.conf", "".join(f"heard {user} {ROLE}\n" for user in users))
    (draft / "pg_hba.conf").write_text("local all all peer map=heard\n", "ascii")
    draft.rename(cluster.folder)


def programs_for(cluster: Cluster) -> Binaries:
    """Programs of the cluster's own major version that its user can run; copied once to where it can, if need be."""
    binaries = find_binaries(_major(cluster.folder))
    if cluster.account.can_run(binaries.bin_dir / "postgres"):
        return binaries
    copy = _SHARED / "programs" / hashlib.sha256(str(binaries.root).encode()).hexdigest()[:16]
    mark = json.dumps([str(binaries.root), (binaries.bin_dir / "postgres").stat().st_mtime])
    if not (copy / "copied-from").exists() or (copy / "copied-from").read_text("utf-8") != mark:
        _copy_programs(binaries, copy, mark)
    return Binaries(copy / binaries.root.parent.name / binaries.root.name / "bin", binaries.major)


def _copy_programs(binaries: Binaries, copy: Path, mark: str) -> None:
    try:
        _make_open_folder(copy.parent)
        draft = Path(tempfile.mkdtemp(dir=copy.parent))
        package = binaries.root.parent
        without_headers = shutil.ignore_patterns("include")
        inside = draft / "whole" / package.name / binaries.root.name
        shutil.copytree(binaries.root, inside, symlinks=True, ignore=without_headers)
        libraries = package.with_name(f"{package.name}.libs")  # where the wheel's programs look, from where they are
        if libraries.is_dir():
            shutil.copytree(libraries, draft / "whole" / libraries.name, symlinks=True)
        (draft / "whole" / "copied-from").write_text(mark, "utf-8")
        for path in [draft / "whole", *(draft / "whole").rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() or os.access(path, os.X_OK) else 0))
        if copy.exists():
            copy.rename(draft / "old")
        (draft / "whole").rename(copy)
        shutil.rmtree(draft)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"cannot copy PostgreSQL's programs to {copy}: {error.strerror}, {OWN_SERVER}"
        ) from None


def _major(folder: Path) -> int | None:
    try:
        text = (folder / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        if folder.exists():
            raise EmbeddedPostgresError(f"{folder} is no PostgreSQL cluster: move it away, {OWN_SERVER}") from None
        return None
    except (OSError, ValueError):
        text = "unreadable"
    if not text.isdigit():
        raise EmbeddedPostgresError(
            f"{folder / 'PG_VERSION'} says {text[:20]!r}, which is no version: restore a backup"
        )
    return int(text)


def _place(data_dir: Path, account: Account) -> Path:
    """The data folder itself, unless the server's user cannot get there: then a folder of ours that it can reach."""
    pointer = data_dir / "postgres.location"
    if pointer.exists():
        return Path(pointer.read_text("utf-8").strip())
    if account.is_us or (data_dir / "postgres").exists() or account.can_enter(data_dir):
        return data_dir
    place = _SHARED / "clusters" / hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    _make_open_folder(place)
    pointer.write_text(f"{place}\n", "utf-8")
    return place


def _make_open_folder(folder: Path) -> None:
    """A folder that all may enter, whatever the umask; parents that were there stay as they are."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            with suppress(FileExistsError):  # another process was first
                path.mkdir()
                path.chmod(0o755)


def _socket_dir(place: Path, account: Account) -> Path:
    """Beside the cluster if the path is short enough for a socket, else a short folder of our own."""
    beside = place / "socket"
    if len(os.fsencode(str(beside / _SOCKET_NAME))) > _SOCKET_PATH_MAX:
        name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:16]
        beside = Path(tempfile.gettempdir()) / f"heard-{os.geteuid()}-{name}"
    if not beside.exists():
        # Made whole under another name: a process that starts at the same moment never sees it half-made.
        draft = Path(tempfile.mkdtemp(dir=beside.parent, prefix="socket-new-"))  # 0700
        account.own(draft)
        try:
            draft.rename(beside)
        except OSError:  # another process was first, and its socket is in there already
            draft.rmdir()
    seen = beside.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != account.uid or seen.st_mode & 0o077:
        raise EmbeddedPostgresError(f"{beside} is not a folder of {account.name}'s alone: remove it")
    return beside


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
