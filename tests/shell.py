"""`heard` as people run it: real processes on a data folder of the test's own."""

import asyncio
import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import forking
from lengths import PATIENCE_S, patience


def _end(server: subprocess.Popen[bytes], folder: Path) -> None:
    server.communicate()
    shutil.rmtree(folder)


@cache
def _forker() -> str:
    """Where this process's own forking server listens. It ends with us: its stdin is then closed."""
    folder = Path(tempfile.mkdtemp(prefix="heard-forks-"))
    address = folder / "socket"
    command = [sys.executable, forking.__file__, str(address)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEARD_", "OTEL_"))}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=clean)
    atexit.register(_end, server, folder)
    until = time.monotonic() + PATIENCE_S
    while not address.exists():
        assert server.poll() is None, "the forking server ended at once"
        assert time.monotonic() < until
        time.sleep(0.02)
    return str(address)


class Forked:
    """A process that was forked: what asyncio's own are, as far as tests ask."""

    def __init__(self, pid: int, told: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._ended = asyncio.create_task(self._end(told, line))

    @staticmethod
    async def _end(told: asyncio.StreamReader, line: asyncio.StreamWriter) -> bytes:
        try:
            return await told.readline()
        finally:
            line.close()

    @property
    def returncode(self) -> int | None:
        return int(self._ended.result()) if self._ended.done() else None

    async def wait(self) -> int:
        return int(await asyncio.shield(self._ended))

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> None:
        """Returns when it has ended."""
        self.send_signal(signal.SIGKILL)
        await self.wait()


async def fork(
    words: Sequence[str], environment: dict[str, str], folder: Path, out: int, err: int, program: Path | None = None
) -> Forked:
    """`heard` with these words, or a program of the tests, from a process that has imported all of it."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(_forker())
        message = {"words": words, "environment": environment, "folder": str(folder), "program": str(program or "")}
        socket.send_fds(asked, [json.dumps(message).encode()], [out, err])
        asked.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=asked.dup())
    return Forked(int(await reader.readline()), reader, writer)


Running = tuple[Forked, asyncio.StreamReader]  # a program, and what it says


@asynccontextmanager
async def forked(program: Path, *words: str, environment: dict[str, str]) -> AsyncIterator[Running]:
    """A program of the tests, and what it says; killed on leaving."""
    heard, says = os.pipe()
    said = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), os.fdopen(heard, "rb"))
    try:
        try:
            process = await fork(words, environment, program.parent, says, sys.stderr.fileno(), program)
        finally:
            os.close(says)
        try:
            yield process, said
        finally:
            await process.kill()
    finally:
        pipe.close()


@dataclass(slots=True)
class Shell:
    """Runs `heard` on one data folder."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEARD_", "OTEL_"))}
        return {**clean, "HEARD_DATA_FOLDER": str(self.folder), **self.settings}

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "heard", *words),
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = await fork(words, self.environment, self.folder, out.fileno(), err.fileno())
            try:
                async with asyncio.timeout(3 * PATIENCE_S):  # it may do a lot
                    status = await process.wait()
            finally:
                await process.kill()
            out.seek(0)
            err.seek(0)
            return status, out.read().decode(), err.read().decode()

    async def json(self, *words: str) -> Any:
        status, out, err = await self.run(*words, "--json")
        assert status == 0, err
        return json.loads(out)

    @asynccontextmanager
    async def hub(self, *words: str) -> AsyncIterator[str]:
        """`heard serve`, from when it says where it serves; stopped by SIGTERM."""
        process = await self.start("serve", *words)
        assert process.stdout is not None
        try:
            async with patience():
                line = (await process.stdout.readline()).decode()
            address = re.search(r"http://\S+?:\d+", line)
            assert address, line + (await process.stderr.read()).decode()  # type: ignore[union-attr]
            yield address.group()
        finally:
            process.send_signal(signal.SIGTERM)
            async with patience():
                _, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
