"""A menu over a socket: once for a version, 304 for those who have it, packed for those who take it."""

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from asking import a_token, ask, ask_raw, problem_of
from heard.bench.menu import make_menu
from heard.domain.ids import LocationId
from heard.protocols.posnext.encode import encode_menu
from heard.protocols.posnext.menus import decode_menu
from heard.work.menus import pull_menu
from menu_builders import repriced
from menu_documents import a_full_menu
from parties import Town, a_town

T = TypeVar("T")


def menu_at(town: Town) -> str:
    return f"/link/v2/stores/{town.venue_id}/menu"


async def test_a_menu_is_served_whole(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        answer = await ask(town, "GET", menu_at(town), token=await a_token(town, "menus"), accept_encoding="identity")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["vary"] == "accept-encoding"
        told = json.loads(answer.body)
        assert answer.headers["etag"] == f'"{told["version"]}"'
        assert told["venue_id"] == town.venue_id
        assert told["currency"] == "USD"
        assert [one["id"] for one in told["items"]] == ["BURGER", "FRIES", "COLA", "WATER", "MEAL"]


async def test_who_has_the_version_is_answered_in_304_however_they_say_so(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        token = await a_token(town, "menus")
        version = await town.house.hub.pool.fetchval("SELECT menu_version FROM stores")
        for header in (f'"{version}"', f'W/"{version}"', f'"old", "{version}-gzip"', "*"):
            answer = await ask(town, "GET", menu_at(town), token=token, if_none_match=header)
            assert (answer.status, answer.body) == (304, b""), header
            assert version in answer.headers["etag"]
        for header in ('"old"', version, f'"{version[:-1]}"', ""):
            assert (await ask(town, "GET", menu_at(town), token=token, if_none_match=header)).status == 200, header


async def test_a_changed_menu_has_another_tag_and_the_same_one_the_same_bytes(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        hub, token = town.house.hub, await a_token(town, "menus")
        store = await hub.store(town.venue_id)
        assert store is not None
        first = await ask(town, "GET", menu_at(town), token=token)
        town.pos._menu_body, town.pos._etag = encode_menu(repriced(a_full_menu(), "FRIES", 399)), '"2"'
        await pull_menu(hub, town.house.outbound, store)
        second = await ask(town, "GET", menu_at(town), token=token, if_none_match=first.headers["etag"])
        assert second.status == 200
        assert second.headers["etag"] != first.headers["etag"]
        town.pos._menu_body, town.pos._etag = encode_menu(a_full_menu()), '"3"'
        await pull_menu(hub, town.house.outbound, store)
        hub._written_menus.clear()
        third = await ask(town, "GET", menu_at(town), token=token)
        assert (third.headers["etag"], third.body) == (first.headers["etag"], first.body)


async def test_the_same_menu_comes_packed_or_plain_each_under_its_own_tag(dsn: str) -> None:
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        token = await a_token(town, "menus")
        raw = {}
        for coding in ("identity", "gzip"):
            raw[coding] = await _raw(town, token, coding)
        head, _, body = raw["gzip"].partition(b"\r\n\r\n")
        plain_head, _, plain = raw["identity"].partition(b"\r\n\r\n")
        assert b"content-encoding: gzip" in head.lower()
        assert b"content-encoding" not in plain_head.lower()
        assert gzip.decompress(body) == plain
        assert _etag(head) != _etag(plain_head)


async def test_a_store_without_a_menu_has_none_to_give(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask(town, "GET", menu_at(town), token=await a_token(town, "menus"))
        assert problem_of(answer, 422, "menu_not_synced")["retryable"] is True


@pytest.mark.parametrize("apart", [False, True])
async def test_a_menu_that_many_ask_for_at_once_is_written_once(
    dsn: str, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    if apart:
        monkeypatch.setattr("heard.limits.MENU_APART_PACKED_BYTES_MIN", 0)
    async with a_town(dsn, worker=False, menu=a_full_menu()) as town:
        hub, token = town.house.hub, await a_token(town, "menus")
        version = await hub.pool.fetchval("SELECT menu_version FROM stores")
        answers = await asyncio.gather(*(ask(town, "GET", menu_at(town), token=token) for _ in range(8)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        store = await hub.store(town.venue_id)
        assert store is not None
        kept_at = await hub.pool.fetchval("SELECT kept_at FROM menus")
        both = await asyncio.gather(*(hub.link_menu(store, version, kept_at) for _ in range(3)))
        assert all(one is both[0] for one in both)


async def test_a_long_menu_does_not_hold_up_the_loop(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, token = town.house.hub, await a_token(town, "menus")
        body = make_menu(5_000).replace(b'"location_id":"bench"', b'"location_id":"LOC-1"')
        assert decode_menu(body).location_id == LocationId("LOC-1")
        town.pos._menu_body, town.pos._etag = body, '"long"'
        store = await hub.store(town.venue_id)
        assert store is not None
        kept = await pull_menu(hub, town.house.outbound, store)
        kept_at = await hub.pool.fetchval("SELECT kept_at FROM menus WHERE version = $1", kept.version)
        begun = time.perf_counter()
        menu, stall_ms = await _watched(hub.link_menu(store, kept.version, kept_at))
        took_ms = (time.perf_counter() - begun) * 1000
        assert stall_ms < took_ms / 2, "some 5 ms of a second on a quiet machine"
        told = json.loads(menu.unpacked)
        assert len(told["items"]) == 5_000
        assert len(told["modifier_groups"]) > 4_000
        raw = await _raw(town, token, "gzip")
        assert raw.partition(b"\r\n\r\n")[2] == menu.packed


async def _watched(work: Awaitable[T]) -> tuple[T, float]:
    """What comes of it, and the longest time that the loop was held up."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    done = asyncio.Event()
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    found = await work
    done.set()
    await ticking
    return found, longest * 1000


async def _raw(town: Town, token: str, coding: str) -> bytes:
    """The answer as it is on the wire."""
    lines = f"GET {menu_at(town)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\naccept-encoding: {coding}"
    return await ask_raw(town, f"{lines}\r\nconnection: close\r\n\r\n".encode())


def _etag(head: bytes) -> bytes:
    [found] = [line for line in head.lower().split(b"\r\n") if line.startswith(b"etag:")]
    return found
