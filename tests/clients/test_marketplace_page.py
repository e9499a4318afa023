"""The marketplace of docs/guides/marketplace.md, as it stands there: run against a whole hub, killed, run again."""

import ast
import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from builders import LOCATION, ORGANIZATION
from heard.clients import link
from heard.clients.link import LinkClient, LinkError
from heard.domain.ids import OrderId
from heard.domain.order.model import Status
from heard.engine.add_parties import add_marketplace, connect_store
from heard.http.app import make_app
from heard.net.listening import listening
from heard.net.serving import serve
from heard.sandbox.demo import demo_menu
from heard.sandbox.pos import Pace
from lengths import patience
from parties import Town, a_town
from ports import keep_port

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "marketplace.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
PROGRAM = BLOCKS[0]
PACE = Pace(slow_s=0.3, start_s=0.4, cook_s=0.4, hand_over_s=0.4, silence_s=1.5)


class Marketplace:
    """The program in a folder of its own, and what it prints."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        (folder / "marketplace.py").write_text(PROGRAM, "utf-8")
        self.said: list[str] = []

    async def run_until(self, done: Callable[[dict[str, str]], bool]) -> None:
        """Run it until its table is as wanted, then kill it; not before it has said that its order was taken, which
        the first event may overtake.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "marketplace.py"),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        before, listening_to = len(self.said), asyncio.create_task(self._listen(process.stdout))
        try:
            async with patience():
                while process.returncode is None and not (self._was_taken(before) and done(self.table())):
                    await asyncio.sleep(0.02)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await listening_to
        assert await process.stderr.read() == b""
        await process.wait()

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            self.said.append(line.decode().rstrip("\n"))

    def _was_taken(self, before: int) -> bool:
        return any(line.endswith("PENDING") for line in self.said[before:])

    def table(self) -> dict[str, str]:
        """What it holds its orders for."""
        with closing(sqlite3.connect(self.folder / "marketplace.sqlite")) as database:
            try:
                return dict(database.execute("SELECT number, status FROM orders"))
            except sqlite3.OperationalError:  # not made yet
                return {}


@asynccontextmanager
async def a_marketplace(town: Town, folder: Path) -> AsyncIterator[Marketplace]:
    """The page's program, made known to the town's hub as the page says."""
    hub, port = town.house.hub, keep_port()
    made = await add_marketplace(hub, ORGANIZATION, "mine", f"http://127.0.0.1:{port}/", await hub.now())
    await connect_store(hub, town.venue_id, made.marketplace_id)
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(make_app(hub, town.house.outbound), bound))
        environment = {
            "HUB_URL": f"http://127.0.0.1:{bound.getsockname()[1]}",
            "CLIENT_ID": made.marketplace_id,
            "CLIENT_SECRET": made.client_secret,
            "WEBHOOK_SECRET": made.webhook_secret,
            "WEBHOOK_PORT": str(port),
            "VENUE_ID": town.venue_id,
        }
        yield Marketplace(folder, environment)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_the_page_keeps_its_word_of_thirty_lines() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_page_shows_is_python_and_calls_what_there_is(block: str) -> None:
    tree = compile(block, str(PAGE), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hub":
            assert hasattr(LinkClient, node.attr)


def test_every_error_has_its_row_on_the_page() -> None:
    kinds = {name for name, kind in vars(link).items() if isinstance(kind, type) and issubclass(kind, LinkError)}
    assert {name for name in kinds if f"`{name}`" not in PAGE.read_text("utf-8")} == set()


async def test_the_pages_marketplace_works_when_pasted_and_misses_nothing_when_killed(dsn: str, tmp_path: Path) -> None:
    menu = replace(demo_menu(), location_id=LOCATION)
    async with a_town(dsn, menu=menu, pace=PACE) as town, a_marketplace(town, tmp_path) as marketplace:
        await marketplace.run_until(lambda table: list(table.values()) == ["COMPLETED"])
        statuses = ["PENDING", "CONFIRMED", "IN_PREP", "READY", "COMPLETED"]
        said = [line.split(" is ")[1] for line in marketplace.said]
        assert "PENDING" in said
        assert [status for status in said if status != "PENDING"] == statuses[1:]

        await marketplace.run_until(lambda table: list(table.values()) == ["COMPLETED", "CONFIRMED"])
        orders = await town.house.hub.pool.fetch("SELECT order_id, external_order_id FROM orders")
        for row in orders:  # the rest of the second one happens while nobody listens
            await town.until(OrderId(row["order_id"]), Status.COMPLETED)
        assert len(orders) == 2

        await marketplace.run_until(lambda table: list(table.values()) == ["COMPLETED"] * 3)
        assert set(marketplace.table()) > {row["external_order_id"] for row in orders}
        assert len(marketplace.said) == len(set(marketplace.said)) == 3 * len(statuses)
