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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import forking


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
    until = time.monotonic() + 60
    while not address.exists():
        assert server.poll() is None, "the forking server ended at once"
        assert time.monotonic() < until
        time.sleep(0.02)
    return str(address)


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

    async def run(self, *words: str, within_s: float = 60.0) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, socket.socket(socket.AF_UNIX) as asked:
            asked.connect(_forker())
            message = {"words": words, "environment": self.environment, "folder": str(self.folder)}
            socket.send_fds(asked, [json.dumps(message).encode()], [out.fileno(), err.fileno()])
            asked.setblocking(False)
            reader, writer = await asyncio.open_unix_connection(sock=asked)
            pid = int(await reader.readline())
            try:
                async with asyncio.timeout(within_s):
                    status = int(await reader.readline())
            except BaseException:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise
            finally:
                writer.close()
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
            async with asyncio.timeout(60):
                line = (await process.stdout.readline()).decode()
            address = re.search(r"http://\S+?:\d+", line)
            assert address, line + (await process.stderr.read()).decode()  # type: ignore[union-attr]
            yield address.group()
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await process.communicate()
