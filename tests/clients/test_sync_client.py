"""The client for threads: the same methods, many threads at once, and nothing left behind."""

import asyncio
import concurrent.futures
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import pytest

from clients.fake_hub import CLIENT, SECRET, FakeHub, Fault, a_fake_hub, an_event, problem, said
from heard.clients.link import LinkClient, Menu, NotModified, RequestRefused, SyncLinkClient, item, new_order
from lengths import patience

T = TypeVar("T")
PLACED = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def a_client(hub: FakeHub) -> SyncLinkClient:
    return SyncLinkClient(hub.url, CLIENT, SECRET, allow=["127.0.0.0/8"])


def send(client: SyncLinkClient, number: int) -> str:
    order = new_order(f"A-{number}", "ven_000", [item("BURGER", "Burger", 999)], placed_at=PLACED)
    return client.send_order(order).order_id


@asynccontextmanager
async def in_threads() -> AsyncIterator[Callable[..., Any]]:
    """Run plain functions in threads while the hub is served in this one."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:

        async def run(work: Callable[..., T], *given: object) -> T:
            return await asyncio.get_running_loop().run_in_executor(pool, work, *given)

        yield run


def test_both_faces_have_the_same_methods_with_the_same_arguments() -> None:
    def face(client: type) -> dict[str, list[tuple[str, object, object]]]:
        methods = {name: method for name, method in vars(client).items() if not name.startswith("_")}
        return {
            name: [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()]
            for name, method in methods.items()
        }

    assert face(SyncLinkClient) == face(LinkClient)


async def test_every_method_answers_as_its_twin_does() -> None:
    def script(hub: FakeHub) -> None:
        with a_client(hub) as client:
            assert send(client, 1) == "ord_A-1"
            assert [store.venue_id for store in client.stores()] == sorted(hub.stores)
            assert client.store("ven_000").open
            assert not client.pause_store("ven_000", "no couriers", 5).open
            assert client.resume_store("ven_000").open
            menu = client.menu("ven_000")
            assert isinstance(menu, Menu)
            assert isinstance(client.menu("ven_000", menu.etag), NotModified)
            assert client.cancel_order("ord_1", "other").cancelling
            assert len(client.events(limit=10).events) == 10
            followed = [event.id for event, _ in islice(client.follow_events(limit=7), 30)]
            assert followed == [event["id"] for event in hub.events]
            with pytest.raises(RequestRefused):
                client.send_order(new_order("A-2", "ven_000", [item("BURGER", "Burger", 999)]))

    async with a_fake_hub() as hub, in_threads() as run:
        hub.events = [an_event(number) for number in range(30)]
        open_ = {"order_id": "ord_1", "external_order_id": "A-1", "status": "PENDING", "cancelling": True}
        hub.cancels["ord_1"] = said(202, open_)
        hub.faults = []
        original = hub._order

        def refusing(body: dict[str, Any]) -> Any:
            return problem(422, "item_unavailable") if body["external_order_id"] == "A-2" else original(body)

        hub._order = refusing  # type: ignore[method-assign]
        await run(script, hub)


async def test_many_threads_share_one_client_and_its_token() -> None:
    async with a_fake_hub() as hub, in_threads() as run:
        client = await run(a_client, hub)
        sent = await asyncio.gather(*(run(send, client, number) for number in range(60)))
        assert sorted(sent) == sorted(f"ord_A-{number}" for number in range(60))
        assert hub.token_calls == 1
        await run(client.close)


async def test_a_client_that_is_closed_leaves_no_thread_and_says_so_when_it_is_asked() -> None:
    async with a_fake_hub() as hub, in_threads() as run:
        client = await run(a_client, hub)
        await run(send, client, 1)
        await asyncio.gather(*(run(client.close) for _ in range(3)))
        assert [thread for thread in threading.enumerate() if thread.name == "heard-link"] == []
        with pytest.raises(RuntimeError, match="closed"):
            await run(send, client, 2)
        with pytest.raises(RuntimeError, match="closed"):
            await run(lambda: list(client.stores()))


async def test_closing_ends_what_other_threads_wait_for() -> None:
    async with a_fake_hub() as hub, in_threads() as run:
        client = await run(a_client, hub)
        hub.faults = [Fault("/orders", None, slow_s=600)]
        waiting = asyncio.ensure_future(run(send, client, 1))
        following = asyncio.ensure_future(run(lambda: next(client.follow_events())))
        while len(hub.calls) < 3:
            await asyncio.sleep(0.02)
        async with patience():
            await run(client.close)
            for one in (waiting, following):
                with pytest.raises((concurrent.futures.CancelledError, asyncio.CancelledError)):
                    await one


async def test_a_follower_that_stops_half_way_leaves_nothing_running() -> None:
    def stop_half_way(client: SyncLinkClient) -> list[str]:
        seen = []
        for event, _ in client.follow_events(limit=5):
            seen.append(event.id)
            if len(seen) == 7:
                break
        return seen

    async with a_fake_hub() as hub, in_threads() as run:
        hub.events = [an_event(number) for number in range(30)]
        client = await run(a_client, hub)
        assert len(await run(stop_half_way, client)) == 7
        assert asyncio.all_tasks(client._thread.loop) == set()
        await run(client.close)


def test_its_secret_does_not_show() -> None:
    client = SyncLinkClient("https://hub.example", CLIENT, SECRET)
    assert repr(client) == "SyncLinkClient('https://hub.example', 'mkt_1')"
    client.close()


@pytest.mark.parametrize("name", ["link", "ordering"])
async def test_importing_a_client_brings_no_server_no_database_and_no_hub(name: str) -> None:
    program = f"import sys, heard.clients.{name}; print(*sorted(sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    loaded = set((await process.communicate())[0].decode().split())
    heavy = {"starlette", "uvicorn", "asyncpg", "structlog", "cyclopts", "rich", "cryptography", "jwt"}
    assert loaded & heavy == set()
    inside = {f"heard.{one}" for one in ("engine", "storage", "http", "work", "connectors", "config", "pos")}
    assert loaded & inside == set()
