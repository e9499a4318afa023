"""The programs that a benchmark runs beside itself: a hub, and the bare one."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from heard.net.listening import listening

_SETTLE_WITHIN_S = 60.0

Say = Callable[[str], None]  # tells whoever waits how far a long benchmark has come


def hub_environment(folder: Path, port: int | None = None) -> dict[str, str]:
    """What a hub of the benchmark's own runs with: its data folder, its port, and no setting of the machine's."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEARD_")},
        "HEARD_DATA_FOLDER": str(folder),
        "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
        "HEARD_LOG_LEVEL": "warning",
        **({} if port is None else {"HEARD_HTTP_PORT": str(port)}),
    }


async def output_of(command: list[str], environment: dict[str, str]) -> bytes:
    """What a program prints, once it has ended well."""
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    printed, _ = await child.communicate()
    assert child.returncode == 0, f"{command[2:5]} ended with {child.returncode}"
    return printed


@asynccontextmanager
async def bare_program(
    dsn: str, parties: Iterable[tuple[str, str]], order: Path, event: Path
) -> AsyncIterator[tuple[int, str]]:
    """`heard.bench.bare`: its number and its address. `parties`: POSes and receivers; the files are sent to them."""
    with listening("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        words = ["--dsn", dsn, "--order", str(order), "--event", str(event), "--fd", str(bound.fileno())]
        called = [word for pos_url, webhook_url in parties for word in ("--parties", pos_url, webhook_url)]
        command = [sys.executable, "-m", "heard.bench.bare", *words, *called]
        async with running(command, url_of(bound), dict(os.environ), (bound.fileno(),)) as pid:
            yield pid, url_of(bound)


@asynccontextmanager
async def running(
    command: list[str], url: str, environment: dict[str, str], inherited: tuple[int, ...] = ()
) -> AsyncIterator[int]:
    """A program, from when it answers at its address until we are done with it."""
    child = await asyncio.create_subprocess_exec(
        *command, env=environment, pass_fds=inherited, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: _answers(*host_and_port(url)) or child.returncode is not None)
        yield child.pid
    finally:
        await _end(child, command[2])


@asynccontextmanager
async def working(environment: dict[str, str]) -> AsyncIterator[int]:
    """`heard work`, from when it says that it works."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heard", "work"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert b"working" in await child.stdout.readline(), "the worker ended at once"
        yield child.pid
    finally:
        await _end(child, "the worker")


async def _end(child: asyncio.subprocess.Process, name: str) -> None:
    """We are done with it. Whatever else went wrong: that it had ended by itself is why."""
    by_itself = child.returncode is not None
    if not by_itself:
        child.terminate()
    await child.communicate()
    assert not by_itself, f"{name} ended by itself, with {child.returncode}"


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something outside this process; TimeoutError when it does not come about."""
    async with asyncio.timeout(_SETTLE_WITHIN_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def host_and_port(url: str) -> tuple[str, int]:
    """Of such an address as `url_of` gives."""
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def url_of(bound: socket.socket) -> str:
    """The address of a bound socket."""
    return f"http://127.0.0.1:{bound.getsockname()[1]}"
