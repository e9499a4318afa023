"""Waiting with one timer for all: each waits its own time, and what it waits for goes on."""

import asyncio

import pytest

from heard.pos.patience import Patience

LONG_S, SHORT_S = 60.0, 0.05


async def test_what_is_done_in_time_ends_the_wait() -> None:
    patience = Patience(LONG_S)
    awaited = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(patience.wait(awaited))
    await asyncio.sleep(0)
    assert not waiting.done()
    awaited.set_result(1)
    async with asyncio.timeout(10):
        await waiting


async def test_what_is_done_already_is_not_waited_for() -> None:
    awaited = asyncio.get_running_loop().create_future()
    awaited.set_exception(ValueError("its own"))
    await Patience(LONG_S).wait(awaited)
    assert isinstance(awaited.exception(), ValueError)


async def test_each_of_many_waits_its_own_time_and_what_it_waited_for_goes_on() -> None:
    loop = asyncio.get_running_loop()
    patience, never, ended = Patience(SHORT_S), loop.create_future(), list[tuple[int, float]]()

    async def wait(number: int) -> None:
        begun = loop.time()
        await patience.wait(never)
        ended.append((number, loop.time() - begun))

    async with asyncio.timeout(30), asyncio.TaskGroup() as waiting:
        for number in range(5):
            waiting.create_task(wait(number))
            await asyncio.sleep(SHORT_S / 3)
    assert [number for number, _ in ended] == list(range(5))
    assert all(waited_s >= SHORT_S - 0.002 for _, waited_s in ended)
    assert not never.done()


async def test_who_gives_up_leaves_what_it_waited_for_and_the_others_waiting() -> None:
    patience, awaited = Patience(LONG_S), asyncio.get_running_loop().create_future()
    first, second = (asyncio.create_task(patience.wait(awaited)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not awaited.done()
    assert not second.done()
    awaited.set_result(None)
    async with asyncio.timeout(10):
        await second


async def test_the_timer_goes_on_for_whoever_comes_after_it_had_nobody_left() -> None:
    patience, never = Patience(SHORT_S), asyncio.get_running_loop().create_future()
    for _ in range(3):
        async with asyncio.timeout(30):
            await patience.wait(never)
        await asyncio.sleep(SHORT_S)
    assert not patience._waiting
