"""The loyalty provider of docs/guides/loyalty.md, as it stands there: run against a whole hub, its money counted."""

import ast
import asyncio
import os
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from builders import LOCATION
from clients.counters import Counter, a_counter
from heard.clients import ordering
from heard.clients.ordering import OrderingClient, OrderingError, SyncOrderingClient
from heard.domain.ids import OrderId, uuid_of
from heard.domain.payments import PaymentState
from heard.domain.pos import PosOrder
from heard.engine.pause_store import pause_store
from heard.sandbox.demo import demo_menu
from heard.sandbox.pos import Mood
from lengths import patience
from parties import Town, a_town

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guides" / "loyalty.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PROGRAM = BLOCKS[0]


class Provider:
    """The page's program in a folder of its own."""

    def __init__(self, folder: Path, counter: Counter) -> None:
        self.folder, made = folder, counter.made
        (folder / "loyalty.py").write_text(PROGRAM, "utf-8")
        self.environment = {
            "HUB_URL": counter.town.hub_url,
            "APPLICATION_KEY": made.application_key,
            "CLIENT_ID": made.application_id,
            "CLIENT_SECRET": made.client_secret,
            "SINGULAR_POINT_ID": counter.point,
        }

    async def run(self) -> tuple[list[str], str]:
        """What it prints, and what it complains of."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "loyalty.py"),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with patience():
            out, err = await process.communicate()
        return out.decode().splitlines(), err.decode()

    def points(self) -> int:
        with closing(sqlite3.connect(self.folder / "loyalty.sqlite")) as database:
            (left,) = database.execute("SELECT cents FROM points").fetchone()
            return int(left)


async def orders_of(town: Town) -> list[OrderId]:
    rows = await town.house.hub.pool.fetch("SELECT order_id FROM orders ORDER BY received_at LIMIT 10")
    return [OrderId(row["order_id"]) for row in rows]


def test_the_page_keeps_its_word_of_thirty_lines() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_what_the_page_shows_is_python_and_calls_what_there_is(block: str) -> None:
    tree = compile(block, str(PAGE), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "hub":
            assert hasattr(OrderingClient, node.attr)
            assert hasattr(SyncOrderingClient, node.attr)


def test_every_error_has_its_row_on_the_page() -> None:
    kinds = {
        name for name, kind in vars(ordering).items() if isinstance(kind, type) and issubclass(kind, OrderingError)
    }
    assert {name for name in kinds if f"`{name}`" not in TEXT} == set()


async def test_the_pages_provider_works_when_pasted_and_prints_what_the_page_shows(dsn: str, tmp_path: Path) -> None:
    async with a_town(dsn, menu=replace(demo_menu(), location_id=LOCATION)) as town:
        counter = await a_counter(town)
        provider = Provider(tmp_path, counter)
        out, err = await provider.run()
        assert err == ""
        shown = TEXT.split("$ python loyalty.py\n")[1].split("```")[0].splitlines()
        assert out[:3] == shown[:3]
        assert out[3].split(" for ")[1].replace("COMPLETED", "READY") == shown[3].split(" for ")[1]
        [order_id] = await orders_of(town)
        assert await counter.money(uuid_of(order_id)) == (PaymentState.CAPTURED, 0, 1588)
        assert provider.points() == 0

        out, err = await provider.run()
        assert err == ""
        assert "for 2119 is" in out[3]
        assert [line.split(" - ")[1].split(" + ")[0] for line in out[:3]] == ["0", "0", "0"]


async def test_a_guest_whose_order_the_store_refuses_keeps_money_and_points(dsn: str, tmp_path: Path) -> None:
    def refuse(_: PosOrder) -> Mood:
        return Mood.REFUSE

    async with a_town(dsn, menu=replace(demo_menu(), location_id=LOCATION), mood=refuse) as town:
        counter = await a_counter(town)
        provider = Provider(tmp_path, counter)
        out, err = await provider.run()
        assert err == ""
        assert "REJECTED" in out[3]
        assert out[3].endswith("Ada has 500 left")
        [order_id] = await orders_of(town)
        async with patience():
            while (await counter.money(uuid_of(order_id)))[0] is not PaymentState.VOIDED:
                await asyncio.sleep(0.05)
        assert await counter.money(uuid_of(order_id)) == (PaymentState.VOIDED, 0, 0)


async def test_a_provider_whose_brand_takes_no_payments_yet_is_told_so_and_points_are_kept(
    dsn: str, tmp_path: Path
) -> None:
    async with a_town(dsn, menu=replace(demo_menu(), location_id=LOCATION)) as town:
        counter = await a_counter(town)
        await town.house.hub.pool.execute("UPDATE organizations SET payment_provider = NULL")
        provider = Provider(tmp_path, counter)
        out, err = await provider.run()
        assert out == []
        assert "payments_not_set_up" in err
        assert provider.points() == 500
        assert await orders_of(town) == []


async def test_a_provider_whose_order_is_refused_gives_the_points_back(dsn: str, tmp_path: Path) -> None:
    async with a_town(dsn, menu=replace(demo_menu(), location_id=LOCATION)) as town:
        provider = Provider(tmp_path, await a_counter(town))
        store = await town.house.hub.store(town.venue_id)
        assert store is not None
        await pause_store(town.house.hub, store, "staff", "the oven is broken")
        out, err = await provider.run()
        assert out == []
        assert err.startswith("422 store_not_accepting")
        assert err.strip().endswith("Ada has 500 again")
        assert provider.points() == 500


async def test_a_provider_that_gets_no_answer_sends_the_same_order_until_it_has_one(dsn: str, tmp_path: Path) -> None:
    async with a_town(dsn, menu=replace(demo_menu(), location_id=LOCATION)) as town:
        provider = Provider(tmp_path, await a_counter(town))
        impatient = PROGRAM.replace('allow=["127.0.0.0/8"]', 'allow=["127.0.0.0/8"], timeout_s=2.0')
        (tmp_path / "loyalty.py").write_text(impatient, "utf-8")
        async with a_wire_that_loses_orders_answers(town.hub_url, for_s=3.0) as url:
            provider.environment["HUB_URL"] = url
            out, err = await provider.run()
        assert err == ""
        assert out[0].endswith("sending it again")
        assert "Ada has 0 left" in out[-1]
        assert len(await orders_of(town)) == 1
        assert provider.points() == 0


@asynccontextmanager
async def a_wire_that_loses_orders_answers(hub_url: str, for_s: float) -> AsyncIterator[str]:
    """A relay to the hub; for so long after the first order is sent, it hangs up where an order's answer would come."""
    host, port = hub_url.removeprefix("http://").split(":")
    lost_until: float | None = None

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hub_reader, hub_writer = await asyncio.open_connection(host, int(port))
        ordering = False

        async def ask() -> None:
            nonlocal ordering, lost_until
            while asked := await reader.read(65_536):
                if asked.startswith(b"POST /"):
                    ordering = asked.startswith(b"POST /api/orders HTTP")
                    lost_until = lost_until or (time.monotonic() + for_s if ordering else None)
                hub_writer.write(asked)
            hub_writer.close()

        asking = asyncio.create_task(ask())
        while answered := await hub_reader.read(65_536):
            if ordering and lost_until and time.monotonic() < lost_until:
                break
            writer.write(answered)
        asking.cancel()
        writer.close()
        hub_writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
