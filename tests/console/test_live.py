"""The live board's streams: everybody hears of every change, whoever is slow begins anew, whoever leaves is gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from builders import ORGANIZATION
from heard import limits
from heard.console.gate import SESSION
from heard.console.live import Board, Boards
from heard.domain.ids import OrderId
from heard.domain.order import commands as c
from heard.domain.stores import ConnectorKind
from heard.engine.act_on_order import act_on_order
from heard.engine.metrics import REGISTRY
from heard.storage import board as storage_board
from lengths import patience
from parties import Town, a_town
from visiting import a_guest

MANUAL = ConnectorKind.MANUAL
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def told(updates: AsyncIterator[str]) -> dict[str, Any]:
    """The next thing that is told."""
    async with patience():
        while not (update := await anext(updates)):
            pass
    known: dict[str, Any] = json.loads(update)
    return known


async def told_of(updates: AsyncIterator[str], order_id: OrderId) -> dict[str, Any]:
    """The next thing that is told of an order."""
    while True:
        for one in (await told(updates))["cards"]:
            if one["id"] == order_id:
                return dict(one)


@asynccontextmanager
async def a_board(town: Town) -> AsyncIterator[Board]:
    board = Boards(town.house.hub).of(ORGANIZATION)
    yield board
    async with patience():
        while board._looking is not None and not board._looking.done():
            await asyncio.sleep(0.02)


async def open_stream(town: Town) -> Streams:
    guest = await a_guest(town)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(town.hub_url.rpartition(":")[2]))
    lines = (
        "GET /console/board/updates HTTP/1.1",
        "host: hub",
        "accept: text/event-stream",
        f"cookie: {SESSION}={guest.cookies[SESSION]}",
    )
    writer.write("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
    async with patience():
        await reader.readuntil(b"data: ")
    return reader, writer


def served_boards(town: Town) -> Boards:
    boards = town.house.hub.readiness._at_stop[0].__self__  # type: ignore[attr-defined]
    assert isinstance(boards, Boards)
    return boards


async def test_what_a_page_finds_first_is_told_to_those_who_watch(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BOARD_KEPT_S", 0.0)
    async with a_town(dsn, connector=MANUAL) as town, a_board(town) as board, aclosing(board.watch()) as updates:
        assert (await told(updates))["whole"] is True
        monkeypatch.setattr(limits, "BOARD_LOOK_S", 1000.0)
        await asyncio.sleep(0.5)  # whoever looks by themselves does so for the last time
        order_id = await town.send("L-1")
        for command in (c.AcceptOrder(), c.StartOrder()):
            await act_on_order(town.house.hub, order_id, command)
            await board.look()
        assert [(await told_of(updates, order_id))["column"] for _ in range(2)] == ["accepted", "in_prep"]
        assert board._looking is not None
        board._looking.cancel()


async def test_a_reader_who_does_not_keep_up_gets_the_whole_board_and_nothing_older_afterwards(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOARD_BEHIND_MAX", 2)
    monkeypatch.setattr(limits, "BOARD_KEPT_S", 0.0)
    async with a_town(dsn, connector=MANUAL) as town, a_board(town) as board, aclosing(board.watch()) as updates:
        await told(updates)
        order_id = await town.send("S-1")
        for command in (c.AcceptOrder(), c.StartOrder(), c.FinishOrder()):
            await act_on_order(town.house.hub, order_id, command)
            await board.look()
        seen = []
        while not seen or seen[-1]["column"] != "ready":
            seen.append(await told_of(updates, order_id))
        revisions = [one["revision"] for one in seen]
        assert revisions == sorted(revisions)
        await act_on_order(town.house.hub, order_id, c.CompleteOrder())
        assert (await told(updates))["gone"] == [order_id]


async def test_what_was_read_is_forgotten_when_nobody_watches(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BOARD_KEPT_S", 0.0)
    async with a_town(dsn, connector=MANUAL) as town:
        async with a_board(town) as board:
            order_id = await town.send("F-1")
            async with aclosing(board.watch()) as updates:
                await told_of(updates, order_id)
                assert [ref.order_id for ref in board._ordered] == [order_id]
            await board.look()
        assert (board.watchers, board._look.cards, board._ordered) == (0, {}, {})


async def test_a_database_that_does_not_answer_is_told_and_so_is_its_return(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECOVER_S", 0.05)
    monkeypatch.setattr(limits, "BOARD_KEPT_S", 0.0)
    async with a_town(dsn, connector=MANUAL) as town, a_board(town) as board, aclosing(board.watch()) as updates:
        await told(updates)
        refresh, faults = board._refresh, [asyncpg.CannotConnectNowError("starting"), ValueError("a fault of ours")]

        async def fails() -> str | None:
            if faults:
                raise faults.pop(0)
            return await refresh()

        monkeypatch.setattr(board, "_refresh", fails)
        assert "database" in (await told(updates))["trouble"]
        assert "fault of ours" in (await told(updates))["trouble"]
        assert (await told(updates))["trouble"] is None
        faults.append(OSError("away"))
        async with aclosing(board.watch()) as others:  # who comes meanwhile waits for the whole board
            first = await told(others)
            while first["trouble"]:
                first = await told(others)
            assert first["whole"] is True
        order_id = await town.send("D-1")
        assert (await told_of(updates, order_id))["column"] == "new"


async def test_a_tab_that_is_closed_leaves_no_watcher_and_takes_no_place_at_the_door(dsn: str) -> None:
    def under_way() -> float | None:
        return REGISTRY.get_sample_value("heard_requests_under_way", {"api": "console"})

    async with a_town(dsn, connector=MANUAL) as town:
        (_, writer), boards = await open_stream(town), served_boards(town)
        assert (boards.watchers, under_way()) == (1, 0.0)
        writer.close()
        async with patience():
            while boards.watchers:
                await asyncio.sleep(0.02)
        assert under_way() == 0.0


async def test_streams_end_by_themselves_when_the_hub_is_stopped(dsn: str) -> None:
    async with a_town(dsn, connector=MANUAL) as town:
        (reader, writer), boards = await open_stream(town), served_boards(town)
        await town.stop_hub()
        async with patience():
            rest = await reader.read()
        assert b"The hub is being stopped." in rest
        assert rest.endswith(b"0\r\n\r\n"), "it was cut off"
        assert boards.watchers == 0
        writer.close()


async def test_more_boards_than_one_process_bears_are_refused_and_more_cards_than_anybody_reads_are_counted(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BOARD_CARDS_MAX", 2)
    async with a_town(dsn, connector=MANUAL) as town:
        sent = [await town.send(f"M-{number}") for number in range(4)]
        guest = await a_guest(town)
        assert [order_id in guest.page for order_id in sent] == [False, False, True, True]
        assert "And 2 more orders" in guest.text
        monkeypatch.setattr(limits, "BOARD_WATCHERS_MAX", 0)
        answer = await guest.get("/console/board/updates", accept="text/event-stream")
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")


async def test_boards_that_come_back_at_once_share_a_look(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BOARD_LOOK_S", 1000.0)
    looks, standing = 0, storage_board.standing

    async def counted(*asked: Any) -> Any:
        nonlocal looks
        looks += 1
        return await standing(*asked)

    monkeypatch.setattr(storage_board, "standing", counted)
    async with a_town(dsn, connector=MANUAL) as town, a_board(town) as board, AsyncExitStack() as stack:
        order_id = await town.send("A-1")
        boards = [await stack.enter_async_context(aclosing(board.watch())) for _ in range(50)]
        heard = await asyncio.gather(*map(told, boards))
        assert {one["whole"] for one in heard} == {True}
        assert {card["id"] for one in heard for card in one["cards"]} == {order_id}
        assert looks <= 3
        assert board._looking is not None
        board._looking.cancel()


async def test_a_fault_of_ours_is_told_and_ends_no_stream(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECOVER_S", 0.05)
    async with a_town(dsn, connector=MANUAL) as town, a_board(town) as board:
        order_id = await town.send("A-1")
        with monkeypatch.context() as broken:
            broken.setattr("heard.console.live.card", None)
            async with aclosing(board.watch()) as updates:
                assert "a fault of ours" in (await told(updates))["trouble"]
                broken.undo()
                assert (await told_of(updates, order_id))["column"] == "new"
