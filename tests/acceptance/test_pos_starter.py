"""A vendor's first minutes: `heard pos new`, its tests, its server, and an order from the demo. Real processes."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lengths import patience
from shell import Shell

SHARED_ID = "try-me-shared-id"


@asynccontextmanager
async def a_served_starter(shell: Shell, folder: Path) -> AsyncIterator[str]:
    """`heard pos serve`, from when it says where."""
    words = ("pos", "serve", "bistro:Bistro", "--port", "0", "--allow", "127.0.0.0/8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heard", *words),
        cwd=folder,
        env=shell.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with patience():
            line = (await process.stdout.readline()).decode()
        address = re.search(r"http://\S+", line)
        assert address, line
        yield address.group()
    finally:
        process.send_signal(signal.SIGTERM)
        async with patience():
            await process.wait()


async def in_folder(folder: Path, environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with patience():
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_starter_takes_an_order_from_the_demo_unchanged(shell: Shell) -> None:
    shell.settings["HEARD_POS_SHARED_ID"] = SHARED_ID
    status, out, err = await shell.run("pos", "new", "bistro")
    assert status == 0, err
    folder = shell.folder / "bistro"
    status, out, err = await in_folder(
        folder, shell.environment, "heard", "pos", "map", "add", "demo", "demo-1", "main"
    )
    assert (status, out) == (0, "demo demo-1 is main\n"), err
    status, out, err = await in_folder(folder, shell.environment, "heard", "pos", "map", "check", "bistro:Bistro")
    assert (status, out) == (0, "demo demo-1 is main: 4 products\n"), err
    async with a_served_starter(shell, folder) as url:
        data = str(shell.folder / "demo")
        status, out, err = await shell.run("demo", "--pos", url, "--once", "--json", "--data", data)
    assert status == 0, err
    document = json.loads(out)
    assert document["final_status"] == "ready"
    assert [step["step"] for step in document["steps"]][-3:] == ["place", "start", "finish"]


async def test_the_starter_s_own_tests_pass(shell: Shell) -> None:
    status, _, err = await shell.run("pos", "new", "corner_shop")
    assert status == 0, err
    environment = {**shell.environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    words = ("pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider")
    status, out, _ = await in_folder(shell.folder / "corner_shop", environment, *words)
    assert status == 0, out
    assert "5 passed" in out
    assert "class CornerShop:" in (shell.folder / "corner_shop" / "corner_shop" / "pos.py").read_text()


async def test_a_starter_is_never_written_over(shell: Shell) -> None:
    (shell.folder / "bistro").mkdir()
    for name, why in (("bistro", "there is a bistro here already"), ("Bad-Name", "cannot be a package")):
        status, _, err = await shell.run("pos", "new", name)
        assert (status, len(err.strip().splitlines())) == (1, 1)
        assert why in err
