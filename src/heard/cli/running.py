"""How a command gets at the hub, and how a long one is stopped."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from getpass import getpass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from structlog.dev import plain_traceback  # the pretty one shows locals: SharedIds, guests' names

from heard import limits
from heard.bootstrap import House, StartError, open_house
from heard.cli.output import fail
from heard.config import Config, ConfigError, load
from heard.domain.ids import OrganizationId, VenueId
from heard.domain.money import MoneyError
from heard.domain.refusals import Refused
from heard.domain.stores import Store
from heard.net import tracing
from heard.net.listening import CannotListen
from heard.pos.adapter import AdapterError
from heard.pos.options import OptionError
from heard.pos.store.database import StoreError
from heard.storage.embedded import EmbeddedPostgresError

_KIT = (AdapterError, OptionError, StoreError)  # what a POS vendor can mend

T = TypeVar("T")


def read_config(**texts: str | None) -> Config:
    """The configuration, with what the command line gives. Ends the process with one line when it is broken."""
    try:
        return load().with_values(**{name: text for name, text in texts.items() if text is not None})
    except ConfigError as error:
        raise fail(str(error)) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command to its end; what an operator can mend is one line, not a traceback."""
    with told_in_one_line():
        return _loop_runner()(work)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """What an operator or a POS vendor can mend ends the process with one line."""
    try:
        yield
    except (StartError, ConfigError, EmbeddedPostgresError, MoneyError, CannotListen, *_KIT) as error:
        raise fail(str(error)) from None
    except Refused as refused:
        raise fail(refused.detail) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def read_shared_id(variable: str | None, default: str | None = None, status: int = 1) -> str:
    """The SharedId from an environment variable or typed unseen: never from an argument, which others could read."""
    name = variable or (default if default and os.environ.get(default) else None)
    if name is not None:
        shared_id = os.environ.get(name, "")
        if not shared_id:
            raise fail(f"--shared-id-env: the environment variable {name} is not set", status)
    elif sys.stdin.isatty():
        shared_id = getpass("SharedId (not shown): ")
    else:
        where = f"in {default}, or " if default else ""
        raise fail(
            f"give the SharedId {where}with --shared-id-env NAME, or run this in a terminal to be asked for it", status
        )
    if len(shared_id) < limits.SHARED_ID_LENGTH_MIN:
        raise fail(f"the SharedId must have at least {limits.SHARED_ID_LENGTH_MIN} characters", status)
    return shared_id


@asynccontextmanager
async def house(config: Config | None = None) -> AsyncIterator[House]:
    """The hub for one command, whether another process runs it or none does. Its log would stand among the answers.

    Raises ConfigError where the hub is said to be elsewhere: the command would work on a database that nobody means.
    """
    set_up_log("error")
    config = config or read_config()
    if config.get("hub.url") is not None and config.get("database.url") is None:
        text = "names a hub elsewhere, and this command works on its database: run it there, or set HEARD_DATABASE_URL"
        raise ConfigError(f"HEARD_HUB_URL: {text}")
    async with open_house(config) as opened:
        yield opened


async def known_store(opened: House, venue_id: VenueId) -> Store:
    """The store of that id. Ends the process with one line when there is none."""
    store = await opened.hub.store(venue_id)
    if store is None:
        raise fail(f"there is no store {venue_id!r}; see `heard stores list`")
    return store


async def organization_of(opened: House, named: str | None) -> OrganizationId:
    """The organization that is meant: named, configured, or the only one."""
    from heard.engine.oversee import organization_for  # few commands ask

    return await organization_for(opened.hub, None, named or opened.config.get("organization"))


async def until_stopped(work: Callable[[], Coroutine[Any, Any, None]], gone_within_s: float | None = None) -> None:
    """Run until Ctrl-C or SIGTERM, then let it clean up, but not for longer than `gone_within_s`. A second one ends it.

    Nothing that hangs holds the end up: what a killed process leaves behind, others know how to take up.
    """
    task = asyncio.current_task()
    assert task is not None  # this is a coroutine: it runs in a task
    loop = asyncio.get_running_loop()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if stopped:
            _leave_in(limits.GONE_AT_ONCE_S, 130)
            raise SystemExit(130)
        stopped = True
        if gone_within_s is not None:
            _leave_in(gone_within_s, 1)
        running.cancel()

    running = asyncio.create_task(work())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _leave_in(seconds: float, status: int) -> None:
    """End this process then, whatever it is at: from a thread, since its loop may be what hangs."""

    def leave() -> None:
        structlog.get_logger().error("it did not end in time, and leaves as it is", after_s=seconds)
        os._exit(status)

    leaving = threading.Timer(seconds, leave)
    leaving.daemon = True  # whoever ends before takes it along
    leaving.start()


def set_up_log(level: str, file: Path | None = None) -> None:
    """The hub's log: readable lines on a terminal, JSON elsewhere; to stderr, or to a file.

    What the libraries warn of stands in it in the same form.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = file.open("a", encoding="utf-8") if file else sys.stderr
    pretty = file is None and sys.stderr.isatty()
    said: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        tracing.stamp,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=plain_traceback)]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[*said, *written],
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    theirs = logging.StreamHandler(stream)
    theirs.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*said, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[theirs], force=True)


def _loop_runner() -> Callable[[Coroutine[Any, Any, T]], T]:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.run
    return uvloop.run
