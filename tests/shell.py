"""`heard` as people run it: real processes on a data folder of the test's own."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
        process = await self.start(*words)
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

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
