"""The parties of a storm: real processes on real sockets, each behind proxies, with a PostgreSQL of their own."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncpg
from storm_disk import Disk, a_disk
from storm_links import Link, Streams

from builders import ORGANIZATION, SHARED_ID, a_store
from heard.bootstrap import open_house
from heard.config import load
from heard.domain.ids import LocationId, VenueId
from heard.domain.stores import PosConnection, StoreRules
from heard.engine.add_parties import NewMarketplace, add_marketplace, add_store, connect_store
from heard.pos import Location
from heard.pos.store import Mapped, open_store
from heard.storage.embedded import EmbeddedPostgres
from heard.storage.reaching import connect
from heard.storage.sealing import new_key
from heard.work.menus import pull_menu
from lengths import patience
from ports import keep_port
from shell import Forked, fork

_HERE, _PROGRAM = Path(__file__).parent, "storm_program.py"
_STORES = 3
_LEASE_S = 1.5  # who is killed is soon missed
_ACCEPT_WITHIN_S = 100
_SOCKET = ".s.PGSQL.5432"


@dataclass(slots=True)
class Party:
    """A process that is started again after it was killed."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    process: Forked | None = None

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is None or self.process.returncode is not None:
            with (self.folder / f"{self.name}.log").open("ab") as log:
                program, *words = self.command
                to = log.fileno()
                self.process = await fork(words, self.environment, self.folder, to, to, _HERE / program)

    async def kill(self) -> None:
        if self.process is not None:
            await self.process.kill()

    async def stop(self, within_s: float) -> bool:
        """Ask it to end, as an init system does; whether it did in time."""
        process = self.process
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                if process is not None:
                    await process.wait()
                return True
        return False

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def set_clock(self, offset_s: float) -> None:
        """Move its wall clock; the hub's own processes go by the database's."""
        Path(self.environment["STORM_CLOCK"]).write_text(str(offset_s), "ascii")

    def _signal(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)


class Server(Protocol):
    """The database of a town."""

    dsn: str

    async def ensure(self) -> None:
        """Bring it back if it is not there."""


@dataclass(slots=True)
class StormTown:
    """Everybody, and everything that stands between them."""

    folder: Path
    server: Server
    disk: Disk
    dice: random.Random
    planted: str | None = None
    orders_per_s: float = 6.0
    settings: dict[str, str] = field(default_factory=dict)
    venues: list[VenueId] = field(default_factory=list)
    made: NewMarketplace | None = None  # the marketplace's keys
    metrics: dict[str, int] = field(default_factory=dict)  # where each of the hub's processes shows its figures
    complaints: list[str] = field(default_factory=list)  # what was seen to be wrong on the way
    parties: dict[str, Party] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    async def database(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Straight to it, past every proxy."""
        return await connect(self.server.dsn)

    async def database_url(self, name: str) -> str:
        """The way of one of the hub's processes to it."""
        link = await self.link(f"{name} to PostgreSQL")
        return f"postgresql://heard@127.0.0.1:{link.port}/heard"

    def kill_postmaster(self) -> None:
        """PostgreSQL's first process dies; its children follow."""
        [pid_file] = self.folder.glob("pg/**/postmaster.pid")
        with suppress(OSError, ValueError, IndexError):
            os.kill(int(pid_file.read_text("ascii").splitlines()[0]), signal.SIGKILL)

    async def recover(self) -> None:
        """Whoever is dead is started again, as an init system does; a party that ends by itself too."""
        with suppress(Exception):  # a disk that is full: it comes back when there is room
            await self.server.ensure()
        for party in self.parties.values():
            await party.start()

    def end_orders(self) -> None:
        """The marketplace sends no new ones."""
        (self.folder / "quiet").touch()

    # --- building it ------------------------------------------------------------------------------------------

    async def link(self, name: str, port: int | None = None) -> Link:
        """A proxy to a port of this machine, or to the database."""

        async def connect() -> Streams:
            if port is not None:
                return await asyncio.open_connection("127.0.0.1", port)
            socket = next(self.folder.glob(f"pg/**/{_SOCKET}"), None)
            if socket is None:
                raise ConnectionRefusedError("PostgreSQL is down")
            return await asyncio.open_unix_connection(socket)

        self.links[name] = await Link(name, connect, self.dice).open()
        return self.links[name]

    def party(self, name: str, *command: str, planted: bool = True, **settings: str) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("HEARD_")}
        environment = {
            **clean,
            "STORM_CLOCK": str(self.folder / f"{name}.clock"),
            **({"STORM_PLANTED": self.planted} if planted and self.planted else {}),
            **settings,
        }
        self.parties[name] = Party(name, command, environment, self.folder)


@asynccontextmanager
async def a_storm_town(
    folder: Path,
    dice: random.Random,
    planted: str | None = None,
    *,
    servers: int = 2,
    workers: int = 2,
    lease_s: float = _LEASE_S,
) -> AsyncIterator[StormTown]:
    """Hub processes, workers, a POS behind the kit, a marketplace; all of them running."""
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(a_disk(folder / "pg"))
        server = await EmbeddedPostgres.start(folder / "pg")
        stack.push_async_callback(server.close)
        town = StormTown(folder, server, disk, dice, planted)
        await _spare_the_disk(server)
        stack.push_async_callback(end, town)
        await furnish(town, [f"serve-{n}" for n in range(servers)], [f"work-{n}" for n in range(workers)], lease_s)
        yield town


async def furnish(town: StormTown, servers: list[str], workers: list[str], lease_s: float = _LEASE_S) -> None:
    """Make the parties of a town whose database is there, and start them."""
    ports = {name: keep_port() for name in ("kit", "marketplace", *servers)}
    fronts = [await town.link(f"marketplace to {name}", ports[name]) for name in servers]
    back = await town.link("kit to serve-0", ports["serve-0"])
    to_kit = await town.link("work to kit", ports["kit"])
    to_marketplace = await town.link("work to marketplace", ports["marketplace"])
    key = new_key()
    common = {
        "HEARD_SECRET_KEY": key,
        "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
        "HEARD_WORK_LEASE_S": str(lease_s),
        "HEARD_WORK_POLL_S": "0.2",
        "HEARD_LOG_LEVEL": "warning",
        "HEARD_HTTP_PUBLIC_URL": f"http://127.0.0.1:{back.port}",
    }
    for name in (*servers, *workers):
        url = await town.database_url(name)
        serving = ("--port", str(ports[name])) if name in ports else ()
        town.metrics[name] = keep_port()
        town.party(
            name,
            _PROGRAM,
            name.partition("-")[0],
            *serving,
            **common,
            HEARD_DATABASE_URL=url,
            HEARD_METRICS_PORT=str(town.metrics[name]),
        )
    await _add_kit(town, ports["kit"])
    venues, made = await _open_stores(town, common, f"http://127.0.0.1:{to_kit.port}", to_marketplace.port)
    town.settings, town.venues, town.made = common, venues, made
    town.party(
        "marketplace",
        "storm_marketplace.py",
        planted=False,
        STORM_LEDGER=str(town.folder / "marketplace.sqlite"),
        STORM_QUIET=str(town.folder / "quiet"),
        CLIENT_ID=made.marketplace_id,
        CLIENT_SECRET=made.client_secret,
        WEBHOOK_SECRET=made.webhook_secret,
        WEBHOOK_PORT=str(ports["marketplace"]),
        HUB_URLS=" ".join(f"http://127.0.0.1:{link.port}" for link in fronts),
        VENUES=" ".join(venues),
        ORDERS_PER_S=str(town.orders_per_s),
    )
    await town.recover()


async def _add_kit(town: StormTown, port: int) -> None:
    where = str(town.folder / "kit.sqlite")
    town.party(
        "kit",
        *(_PROGRAM, "pos", "serve", "paper_pos:PaperPos", "--port", str(port), "--log-level", "warning"),
        PAPER_POS=str(town.folder / "pos.sqlite"),
        HEARD_POS_SHARED_ID=SHARED_ID,
        HEARD_POS_STORE=where,
        HEARD_POS_ANSWER_WITHIN_S="0.5",
        HEARD_POS_ALLOW="127.0.0.0/8",
    )
    store = await open_store(where)
    for number in range(_STORES):
        await store.add_location(Mapped(ORGANIZATION, _location(number), Location("acme", f"main-{number}")))
    await store.close()
    await town.parties["kit"].start()


async def _open_stores(
    town: StormTown, settings: dict[str, str], pos_url: str, webhook_port: int
) -> tuple[list[VenueId], NewMarketplace]:
    venues = []
    config = load({**settings, "HEARD_DATABASE_URL": town.server.dsn})
    async with open_house(config) as house:
        hub, now = house.hub, await house.hub.now()
        made = await add_marketplace(hub, ORGANIZATION, "storm", f"http://127.0.0.1:{webhook_port}/webhooks", now)
        for number in range(_STORES):
            store = a_store(
                venue_id=VenueId(hub.new_id("ven", now)),
                location_id=_location(number),
                pos=PosConnection(pos_url, SHARED_ID),
                rules=StoreRules(accept_within_s=_ACCEPT_WITHIN_S),
            )
            await add_store(hub, store)
            await connect_store(hub, store.venue_id, made.marketplace_id)
            async with patience():
                while True:
                    with suppress(Exception):  # the kit is not there yet
                        await pull_menu(hub, house.outbound, store)
                        break
                    await asyncio.sleep(0.1)
            venues.append(store.venue_id)
    return venues, made


def _location(number: int) -> LocationId:
    return LocationId(f"PAR-LOC-{number}")


async def _spare_the_disk(server: EmbeddedPostgres) -> None:
    """The cluster fits a small disk; what is killed are processes, so the kernel keeps what they wrote."""
    connection = await asyncpg.connect(server.dsn)
    for setting in ("fsync = off", "max_wal_size = '48MB'", "min_wal_size = '32MB'", "checkpoint_timeout = '30s'"):
        await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


async def end(town: StormTown) -> None:
    """Nobody of it runs any more."""
    for party in town.parties.values():
        await party.kill()
    for link in town.links.values():
        await link.close()
