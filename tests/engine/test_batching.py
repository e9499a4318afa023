"""Wishes carried out together: none waits for company, none pays for another's fault."""

import asyncio
from collections.abc import Sequence

import pytest

from heard import limits
from heard.engine.batching import Batcher
from heard.storage.faults import UNREACHABLE
from lengths import patience


class Works:
    """Work that takes until it is let go, and notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, wishes: Sequence[str]) -> list[str | Exception]:
        self.batches.append(list(wishes))
        await self.gate.wait()
        if "cut" in wishes:
            raise UNREACHABLE[0]("gone")
        if "poison" in wishes:
            raise ValueError("poison")
        return [KeyError(wish) if wish.startswith("no") else wish.upper() for wish in wishes]


def a_batcher(works: Works) -> Batcher[str, str]:
    return Batcher(works, lambda wish: wish.partition(":")[0])


async def test_the_first_goes_at_once_and_who_comes_meanwhile_goes_together() -> None:
    works = Works()
    batcher = a_batcher(works)
    works.gate.clear()
    asked = [asyncio.create_task(batcher.ask(f"w{number}")) for number in range(20)]
    await asyncio.sleep(0.01)
    before = sum(map(len, works.batches))
    works.gate.set()
    assert await asyncio.gather(*asked) == [f"W{number}" for number in range(20)]
    assert sum(map(len, works.batches)) == 20
    assert before > 0
    assert len(works.batches) <= limits.BATCH_WRITERS + 1


async def test_what_is_refused_to_one_is_refused_to_no_other() -> None:
    batcher = a_batcher(Works())
    outcomes = await asyncio.gather(*(batcher.ask(wish) for wish in ("a", "no", "b")), return_exceptions=True)
    assert [outcomes[0], outcomes[2]] == ["A", "B"]
    assert isinstance(outcomes[1], KeyError)


async def test_a_batch_that_fails_is_carried_out_one_by_one_so_that_only_the_faulty_one_fails() -> None:
    works = Works()
    batcher = a_batcher(works)
    outcomes = await asyncio.gather(*(batcher.ask(wish) for wish in ("a", "poison", "b")), return_exceptions=True)
    assert [outcomes[0], outcomes[2]] == ["A", "B"]
    assert isinstance(outcomes[1], ValueError)


async def test_a_database_out_of_reach_is_told_to_all_and_nothing_is_tried_again() -> None:
    works = Works()
    batcher = a_batcher(works)
    works.gate.clear()
    asked = [asyncio.create_task(batcher.ask(wish)) for wish in ("a", "b", "cut", "c", "d")]
    await asyncio.sleep(0.01)
    works.gate.set()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    cut = next(batch for batch in works.batches if "cut" in batch)
    assert {wish for batch in works.batches for wish in batch} == {"a", "b", "cut", "c", "d"}
    assert sum(map(len, works.batches)) == 5
    assert sum(isinstance(outcome, UNREACHABLE) for outcome in outcomes) == len(cut)


async def test_two_wishes_about_one_thing_are_never_in_one_batch_and_keep_their_order() -> None:
    works = Works()
    batcher = a_batcher(works)
    wishes = ["x:1", "x:2", "y:1", "x:3"]
    assert await asyncio.gather(*(batcher.ask(wish) for wish in wishes)) == [wish.upper() for wish in wishes]
    for batch in works.batches:
        about = [wish.partition(":")[0] for wish in batch]
        assert len(set(about)) == len(about)
    of_x = [wish for batch in works.batches for wish in batch if wish.startswith("x")]
    assert of_x == ["x:1", "x:2", "x:3"]


async def test_who_asks_as_the_last_writers_end_is_not_forgotten() -> None:
    async def work(wishes: Sequence[str]) -> list[str | Exception]:
        await asyncio.sleep(0)  # so that both writers end in the same turn of the loop
        return list(wishes)

    batcher: Batcher[str, str] = Batcher(work, lambda _: "one thing")

    async def ask_often(name: str, times: int) -> None:
        for number in range(times):
            assert await batcher.ask(f"{name}{number}") == f"{name}{number}"

    async with patience():
        await asyncio.gather(ask_often("a", 2), ask_often("b", 1))


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    works = Works()
    batcher = a_batcher(works)
    works.gate.clear()
    asked = [asyncio.create_task(batcher.ask(wish)) for wish in ("a", "b")]
    await asyncio.sleep(0.01)
    asked[0].cancel()
    works.gate.set()
    assert await asked[1] == "B"
    with pytest.raises(asyncio.CancelledError):
        await asked[0]


async def test_no_batch_is_larger_than_its_bound() -> None:
    works = Works()
    batcher = a_batcher(works)
    await asyncio.gather(*(batcher.ask(f"w{number}") for number in range(3 * limits.BATCH_MAX)))
    assert max(map(len, works.batches)) <= limits.BATCH_MAX


async def test_who_waits_too_long_for_a_batch_is_told_so_at_once_and_nothing_comes_of_it() -> None:
    works = Works()
    batcher = a_batcher(works)
    works.gate.clear()
    under_way = []
    for number in range(limits.BATCH_WRITERS):
        under_way.append(asyncio.create_task(batcher.ask(f"w{number}")))
        await asyncio.sleep(0.01)
    hasty = asyncio.create_task(batcher.ask("hasty", 0.02))
    patient = asyncio.create_task(batcher.ask("patient", 60.0))
    with pytest.raises(TimeoutError):  # while those before it are still under way
        await hasty
    assert batcher.waiting == 2
    works.gate.set()
    assert await asyncio.gather(patient, *under_way) == ["PATIENT", *(f"W{n}" for n in range(limits.BATCH_WRITERS))]
    assert not any("hasty" in batch for batch in works.batches)
