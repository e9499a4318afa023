"""One PostgreSQL for the run, a fresh database for each test, cloned from a migrated template."""

import gc
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, settings
from structlog.testing import CapturingLogger

from databases import TEMPLATE, Databases
from heard import limits
from heard.storage import migrate
from heard.storage.embedded import EmbeddedPostgres
from heard.storage.sealing import Sealer, new_key
from lengths import PATIENCE_S, examples
from shell import Shell
from thrift import few_authorities, known_types

_numbers = count(1)
_OTHERS = r"HEARD_(?!POSTGRES_USER)|OTEL_"

# How long anything takes is for benchmarks: a machine that is busy fails no test.
settings.register_profile(
    "heard", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("heard")


@pytest.fixture(scope="session", autouse=True)
def _quiet_log() -> None:
    """The hub's log would drown the test report; what it says is tested where it matters."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))


@pytest.fixture
def said() -> Iterator[CapturingLogger]:
    """Every line that is logged, whatever its level."""
    before, logger = structlog.get_config(), CapturingLogger()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        logger_factory=lambda *_: logger,
    )
    yield logger
    structlog.configure(**before)


@pytest.fixture(scope="session", autouse=True)
def _patient_databases() -> Iterator[None]:
    """Who says that a database answers too slowly is tried where it matters; elsewhere the machine is only busy."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_SILENT_S", "DATABASE_WAIT_S", "STORE_TIMEOUT_S"):
            patch.setattr(limits, name, PATIENCE_S)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """No setting of the developer's own hub reaches a test."""
    saved = {
        name: os.environ.pop(name) for name in list(os.environ) if re.match(r"HEARD_(?!POSTGRES_USER)|OTEL_", name)
    }
    yield
    os.environ.update(saved)


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """A folder for the whole run that any user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="heard-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _thrift(run_folder: Path) -> Iterator[None]:
    with few_authorities(run_folder / "authorities"), known_types():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(run_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """The run's PostgreSQL, with a migrated template database.

    It waits for no disk: what tests kill are processes, PostgreSQL's own too, and the kernel keeps what those wrote.
    What its planner knows, and when, is not left to chance.
    """
    running = await EmbeddedPostgres.start(run_folder / "pg", database=TEMPLATE)
    connection = await asyncpg.connect(running.dsn)
    try:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("ALTER SYSTEM SET autovacuum = off")
        await connection.execute("SELECT pg_reload_conf()")
        await migrate.upgrade(connection)
    finally:
        await connection.close()
    yield running
    await running.close()


@pytest.fixture(scope="session")
def databases(server: EmbeddedPostgres) -> Databases:
    return Databases(server)


@pytest_asyncio.fixture
async def dsn(databases: Databases) -> AsyncIterator[str]:
    """The address of a database of the test's own, migrated and empty."""
    name = await databases.lend()
    yield databases.dsn(name)
    await databases.take_back(name)


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(new_key())


@pytest.fixture
def own_folder(run_folder: Path) -> Path:
    """A folder of the test's own that any user may enter, PostgreSQL's too."""
    folder = run_folder / f"own-{next(_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture
def shell(own_folder: Path) -> Iterator[Shell]:
    yield Shell(own_folder)
    left = own_folder / "postgres" / "postmaster.pid"
    assert not left.exists(), "the last process out did not stop the embedded server"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark by folder, so that `-m` can choose. What takes long comes first: begun last, it would keep one of the run's
    processes busy when the others are done. The first of them gets all that is killed, one after another, since each
    has many programs at work; the others share what drives a browser or whole commands.
    """
    killed = [item for item in items if item.path.parent.name == "crash"]
    driven = [item for item in items if item.path.parent.name in ("acceptance", "browser")]
    others = [item for item in items if item.path.parent.name not in ("crash", "acceptance", "browser")]
    hands: int = getattr(config, "workerinput", {}).get("workercount", 1)  # each is dealt as many, one after another
    shares = [killed] + [driven[hand :: hands - 1] for hand in range(hands - 1)] if hands > 1 else [killed + driven]
    size = len(items) // hands
    items.clear()
    for hand, share in enumerate(shares, 1):
        items += share
        count = max(0, size * hand - len(items))
        items += others[:count]
        del others[:count]
    items += others
    for item in items:
        for mark in ("acceptance", "crash"):
            if mark in item.path.parts:
                item.add_marker(mark)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No collection meanwhile: a finalizer whose traceback is told while Python 3.11 parses a failed test's source, for
    its report, spoils that parse (python/cpython#106905), and the SystemError would end this whole process of the run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
