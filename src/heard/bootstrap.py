"""Putting the house together from its configuration: database, key, hub, server, worker. Nothing else does."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from heard import limits
from heard.config import Config, ConfigError
from heard.engine.hub import Hub
from heard.engine.passes import keep_hearing
from heard.net.guard import AddressGuard
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.storage import migrate, stores
from heard.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError
from heard.storage.faults import UNREACHABLE
from heard.storage.partitions import Kept
from heard.storage.reaching import connect
from heard.storage.sealing import Sealer, SealError, new_key
from heard.storage.sql import plan_once

if TYPE_CHECKING:
    from heard.console.elsewhere import Elsewhere
    from heard.work.worker import Worker

log = structlog.get_logger()


class StartError(Exception):
    """Why the hub cannot start, in one line fit for an operator."""


@dataclass(frozen=True, slots=True)
class House:
    """A hub and what it stands on."""

    hub: Hub
    outbound: Outbound
    config: Config
    dsn: str
    embedded: EmbeddedPostgres | None

    async def recover(self) -> None:
        """Bring a dead embedded server back; a server of the operator's is the operator's."""
        if self.embedded is not None:
            try:
                await self.embedded.ensure()
            except EmbeddedPostgresError as error:
                log.error("the embedded PostgreSQL does not come back", error=str(error))

    def worker(self) -> "Worker":
        from heard.work.worker import Worker  # most commands need neither a worker nor a server

        lease_s, poll_s = self.config.get("work.lease_s"), self.config.get("work.poll_s")
        return Worker(self.hub, self.outbound, self.kept(), lease_s=lease_s, poll_s=poll_s, recover=self.recover)

    def kept(self) -> Kept:
        """For how long what is over is kept."""
        return Kept(self.config.get("retention.orders_months"), self.config.get("retention.exchanges_days"))


@asynccontextmanager
async def open_database(config: Config) -> AsyncIterator[tuple[str, EmbeddedPostgres | None]]:
    """The database's address: the operator's own, or the embedded one, started and joined."""
    url: str | None = config.get("database.url")
    if url is not None:
        yield url, None
        return
    try:
        embedded = await EmbeddedPostgres.start(config.data_folder)
    except EmbeddedPostgresError as error:
        raise StartError(str(error)) from None
    try:
        yield embedded.dsn, embedded
    finally:
        await embedded.close()


@asynccontextmanager
async def open_house(config: Config, *, public_url: str | None = None) -> AsyncIterator[House]:
    """The hub, its schema brought up to date. Raises StartError or ConfigError in one line."""
    _check_provider(config)
    async with open_database(config) as (dsn, embedded):
        direct = past_pooler(config, dsn)
        await upgrade(direct, whole=embedded is not None)
        sealer, key_origin = _sealer(config, embedded is not None)
        async with (
            _open_pool(dsn, config.get("database.pool")) as pool,
            Outbound(AddressGuard(config.get("outbound.allow"))) as outbound,
        ):
            hub = Hub(pool, direct, sealer, public_url or config.get("http.public_url"))
            with _reaching():
                await _check_key(hub, key_origin)
            try:
                yield House(hub, outbound, config, dsn, embedded)
            finally:
                await hub.close()


def _check_provider(config: Config) -> None:
    """Raises StartError, where somebody to sign in through is named and not who we are there."""
    missing = [key for key in ("oidc.client_id", "oidc.client_secret") if config.get(key) is None]
    if missing and config.get("oidc.issuer") is not None:
        names = " and ".join(config.values[key].setting.variable for key in missing)
        raise StartError(f"HEARD_OIDC_ISSUER is of no use without {names}; the provider gives you both")


def past_pooler(config: Config, dsn: str) -> str:
    """The way to the database for what needs a session to itself."""
    direct: str | None = config.get("database.direct_url")
    return direct or dsn


async def upgrade(dsn: str, *, whole: bool = True) -> tuple[migrate.Migration, ...]:
    """Apply what is missing of the schema, or of first halves only; the migrations begun. Raises StartError."""
    with _reaching(asyncpg.PostgresError, ValueError):
        connection = await connect(dsn)
    try:
        with _reaching():
            return await migrate.upgrade(connection, whole=whole)
    except migrate.MigrationError as error:
        raise StartError(str(error)) from None
    finally:
        await connection.close()


@contextmanager
def _reaching(*more: type[Exception]) -> Iterator[None]:
    """While a process starts: a database that is not there, or goes away again, is told in one line."""
    try:
        yield
    except UNREACHABLE + more as error:
        raise StartError(f"HEARD_DATABASE_URL: the database cannot be reached: {error}") from None


async def serve_hub(house: House, bound: socket.socket) -> None:
    """The hub's own app, which hears of revocations while it serves.

    Once it is to end, it says at /readyz that it is not there any more, and goes on for as long as it takes others to
    look (setting http.drain_s).
    """
    from heard.console.app import routes
    from heard.http.app import make_app
    from heard.net.serving import serve

    elsewhere = _elsewhere(house)
    hearing = asyncio.create_task(keep_hearing(house.hub))
    app = make_app(house.hub, house.outbound, routes(house.hub, house.outbound, elsewhere))
    serving = asyncio.create_task(serve(app, bound))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        house.hub.readiness.stop()
        await asyncio.sleep(house.config.get("http.drain_s"))
        raise
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


def _elsewhere(house: House) -> "Elsewhere | None":
    """Whom people sign in to the console through, as the settings say."""
    from heard.console.elsewhere import Elsewhere
    from heard.protocols.oidc import Client

    config = house.config
    issuer = config.get("oidc.issuer")
    if issuer is None:
        return None
    client = Client(issuer, config.get("oidc.client_id"), config.get("oidc.client_secret"), config.get("oidc.name"))
    return Elsewhere(house.hub, house.outbound, client, config.get("oidc.joins_as"))


async def first_link(house: House, url: str) -> str | None:
    """The link that lets the first person into the console of a hub, which is served at `url`; None: there is one."""
    from heard.engine.people import invite_first

    secret = await invite_first(house.hub)
    return None if secret is None else f"{(house.hub.public_url or url).rstrip('/')}/console/join/{secret}"


@asynccontextmanager
async def watched(house: House) -> AsyncIterator[str | None]:
    """Meanwhile the process shows how it is, at the address of its metrics; None where it has none."""
    port: int | None = house.config.get("metrics.port")
    if port is None:
        yield None
        return
    from heard.http.watch import make_watch
    from heard.net.serving import serve

    with listening(house.config.get("metrics.host"), port) as bound:
        showing = asyncio.create_task(serve(make_watch(house.hub), bound, finish_s=0.5))
        try:
            address, number = bound.getsockname()[:2]
            yield f"http://{address}:{number}/metrics"
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)


@asynccontextmanager
async def _open_pool(dsn: str, size: int) -> AsyncIterator[asyncpg.Pool]:
    """Connections, all let go in the end: a query that was broken off and does not come back is not waited for.

    None is kept beyond need: where a database is out of reach, the pool would try to all the time, and log each try.
    """
    with _reaching():
        pool = await asyncpg.create_pool(  # type: ignore[call-overload]  # the stubs want each keyword of `connect`
            dsn,
            min_size=0,
            max_size=size,
            connect=connect,
            init=plan_once,
            reset=_leave_as_it_is,
        )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(limits.POOL_CLOSE_S):
                await pool.close()
        except TimeoutError:
            log.warning("a query did not end; its connection is cut")
            pool.terminate()


async def _leave_as_it_is(_: object) -> None:
    """No use case leaves anything behind in its session, and cleaning up after each would cost a round trip."""


def _sealer(config: Config, embedded: bool) -> tuple[Sealer, str]:
    """The sealer, and where its key comes from."""
    key: str | None = config.get("secret.key")
    origin = "HEARD_SECRET_KEY"
    if key is None:
        if not embedded:
            raise ConfigError("HEARD_SECRET_KEY: is needed with a database of your own (32 bytes in base64)")
        path = config.data_folder / "secret.key"
        key, origin = _key_file(path), str(path)
    try:
        return Sealer(key), origin
    except SealError as error:
        raise ConfigError(f"{origin}: {error}") from None


def _key_file(path: Path) -> str:
    """The key in the data folder. The first start makes it, whole and readable by its owner alone."""
    try:
        if not path.exists():
            handle, draft = tempfile.mkstemp(dir=path.parent, prefix="secret-")  # 0600
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(new_key() + "\n")
            with suppress(FileExistsError):  # another process was first: its key counts
                Path(path).hardlink_to(draft)
            Path(draft).unlink()
        return path.read_text("ascii")
    except OSError as error:
        raise StartError(f"data.folder: cannot keep the key in {path}: {error.strerror}") from None


async def _check_key(hub: Hub, origin: str) -> None:
    """The key must be the one that sealed what is there: better no start than orders that fail."""
    async with hub.connection() as connection:
        venue_id = await stores.any_sealed_store(connection)
        try:
            if venue_id is not None:
                await stores.find_store(connection, venue_id, hub.sealer)
        except SealError as error:
            raise ConfigError(f"{origin}: {error}") from None
