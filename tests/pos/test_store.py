"""The kit's store, the same on a SQLite file and on PostgreSQL: kept once, fenced, newest news first, or 503."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from heard import limits
from heard.pos import Location, StoreError, app
from heard.pos.store import Key, Mapped, Store, open_store
from heard.pos.store.database import Statement
from heard.pos.store.keep import Final, NewRequest
from heard.pos.store.sqlite import SqliteDatabase
from heard.pos.testing import Hub, an_item, an_order
from lengths import patience
from pos.kits import SHARED_ID, ScriptedPos, a_kit

MAIN = Location("demo", "main")
LEASE_S = 60.0


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    return str(tmp_path / "kit.sqlite") if request.param == "sqlite" else request.getfixturevalue("dsn")


@pytest.fixture
async def store(where: str) -> AsyncIterator[Store]:
    async with opened(where) as one:
        yield one


@asynccontextmanager
async def opened(where: str) -> AsyncIterator[Store]:
    store = await open_store(where)
    try:
        yield store
    finally:
        await store.close()


def a_request(uid: str = "u-1", **changes: Any) -> NewRequest:
    request = NewRequest(Key("demo", "place-order", uid), b"hash", b"body", MAIN, "http://hub.example/callbacks")
    return replace(request, **changes)


def an_answer(answer: bytes = b"placed", number: str | None = "T1") -> Final:
    return Final(200, answer, answer, "placed", number)


async def run(store: Store, sql: str, *values: Any) -> Any:
    """A statement of the test's own, such as one that makes time pass."""
    if sql.startswith("SELECT"):
        return await store._database.read(sql, *values)
    return (await store._database.write(Statement(sql, values)))[0].changed


async def lease_ends(store: Store, uid: str = "u-1") -> None:
    await run(store, "UPDATE pos_requests SET lease_until = {now} - 1 WHERE request_uid = $1", uid)


async def test_a_request_is_begun_once_and_found_as_it_came(store: Store) -> None:
    assert await store.begin(a_request(), LEASE_S)
    assert not await store.begin(a_request(body=b"other"), LEASE_S)
    assert await store.begin(a_request(key=Key("demo", "validate-order", "u-1")), LEASE_S)
    found = await store.find(a_request().key)
    assert found is not None
    assert (found.body, found.body_hash, found.location, found.attempt) == (b"body", b"hash", MAIN, 1)
    assert (found.status, found.answer, found.pos_order_id) == (None, None, None)
    assert await store.find(Key("demo", "place-order", "u-2")) is None
    assert await store.find(Key("acme", "place-order", "u-1")) is None


async def test_only_the_newest_attempt_finishes_a_request_and_only_once(store: Store) -> None:
    key = a_request().key
    await store.begin(a_request(), LEASE_S)
    await lease_ends(store)
    (record,) = await store.take_over(LEASE_S)
    assert (record.key, record.attempt, record.body) == (key, 2, b"body")
    assert not await store.finish(key, 1, an_answer(b"from the dead"))
    assert not await store.renew(key, 1, LEASE_S)
    assert await store.renew(key, 2, LEASE_S)
    assert await store.finish(key, 2, an_answer())
    assert not await store.finish(key, 2, an_answer(b"another"))
    assert not await store.renew(key, 2, LEASE_S)
    found = await store.find(key)
    assert found is not None
    assert (found.status, found.answer, found.pos_order_id) == (200, b"placed", "T1")
    await lease_ends(store)
    assert await store.take_over(LEASE_S) == []


async def test_an_answer_that_came_with_its_request_is_kept_like_any_other(store: Store) -> None:
    assert await store.keep_answered(a_request(), an_answer())
    assert not await store.keep_answered(a_request(), an_answer(b"another"))
    assert not await store.begin(a_request(), LEASE_S)
    assert not await store.finish(a_request().key, 1, an_answer(b"another"))
    found = await store.find(a_request().key)
    assert found is not None
    assert found.answer == b"placed"


async def test_a_lease_that_is_renewed_is_not_taken_over(store: Store) -> None:
    await store.begin(a_request(), LEASE_S)
    assert await store.take_over(LEASE_S) == []
    await lease_ends(store)
    assert await store.renew(a_request().key, 1, LEASE_S)
    assert await store.take_over(LEASE_S) == []


async def test_two_processes_never_both_take_over_a_request(where: str) -> None:
    async with opened(where) as one, opened(where) as other:
        names = {f"u-{number}" for number in range(120)}
        await asyncio.gather(*(one.begin(a_request(name), -1.0) for name in names))
        rounds = [await asyncio.gather(*(store.take_over(LEASE_S) for store in (one, other) * 3)) for _ in range(2)]
        taken = [record.key.request_uid for looks in rounds for records in looks for record in records]
        assert len(taken) == len(set(taken))
        assert set(taken) == names


async def test_an_order_is_found_by_its_uid_before_any_tickets_number_and_a_submit_before_a_validate(
    store: Store,
) -> None:
    for kind in ("validate-order", "place-order", "cancel-order"):
        await store.keep_answered(a_request(key=Key("demo", kind, "u-1")), an_answer(number=None))
    await store.keep_answered(a_request("u-2"), an_answer(number="u-1"))  # a POS may number as it likes
    await store.keep_answered(a_request("u-3"), an_answer(number="T3"))

    async def found(organization: str | None, ref: str) -> Key | None:
        record = await store.find_order(organization, ref)
        return record.key if record else None

    assert await found("demo", "u-1") == Key("demo", "place-order", "u-1")
    assert await found(None, "T3") == Key("demo", "place-order", "u-3")
    assert await found("acme", "T3") is None
    assert await found("demo", "nothing") is None


async def test_a_ticket_number_that_is_used_again_means_the_latest(store: Store) -> None:
    await store.keep_answered(a_request("yesterday"), an_answer())
    await run(store, "UPDATE pos_requests SET received_at = received_at - 86400")
    await store.keep_answered(a_request("today"), an_answer())
    await store.keep_answered(a_request("elsewhere", location=Location("demo", "other")), an_answer())
    found = await store.find_ticket(MAIN, "T1")
    assert found is not None
    assert found.key.request_uid == "today"
    assert await store.find_ticket(MAIN, "T2") is None


# --- callbacks --------------------------------------------------------------------------------------------


async def test_only_who_was_promised_an_answer_is_called_back(store: Store) -> None:
    for uid in ("asked-again", "promised"):
        await store.begin(a_request(uid), LEASE_S)
    await store.begin(a_request("has no address", callback_url=None), LEASE_S)
    assert await store.defer(a_request("promised").key)
    assert await store.defer(a_request("has no address").key)
    for uid in ("asked-again", "promised", "has no address"):
        assert await store.finish(a_request(uid).key, 1, an_answer())
    assert not await store.defer(a_request("asked-again").key)
    due = await store.due_callbacks(LEASE_S, 10)
    assert [(one.key.request_uid, one.body, one.attempts) for one in due] == [("promised", b"placed", 0)]
    assert due[0].url == "http://hub.example/callbacks"
    assert await store.due_callbacks(LEASE_S, 10) == [], "it is leased"


async def test_a_second_finish_queues_no_other_answer(store: Store) -> None:
    await store.begin(a_request(), LEASE_S)
    await store.defer(a_request().key)
    await store.finish(a_request().key, 1, an_answer())
    (due,) = await store.due_callbacks(LEASE_S, 10)
    await store.callback_heard(due)
    assert not await store.finish(a_request().key, 1, an_answer(b"another"))
    assert await store.due_callbacks(LEASE_S, 10) == []


async def answered(store: Store, request: NewRequest, answer: bytes) -> None:
    """Written down, then answered: as every submit is."""
    assert await store.begin(request, LEASE_S)
    assert await store.finish(request.key, 1, an_answer(answer))


async def test_newer_news_takes_the_place_of_what_was_not_heard_and_outlives_a_stale_hearing(store: Store) -> None:
    key = a_request().key
    await answered(store, a_request(), b"0")
    assert await store.report(key, b"0", b"1", b"1", "placed")
    (first,) = await store.due_callbacks(-1.0, 10)
    assert await store.report(key, b"1", b"2", b"2", "placed")  # within the same millisecond, as like as not
    await store.callback_failed(first, 1000.0)
    await store.callback_heard(first)
    (second,) = await store.due_callbacks(-1.0, 10)
    assert (second.body, second.attempts) == (b"2", 0)
    assert second.number > first.number
    await run(store, "UPDATE pos_callbacks SET number = number + 1000000000")  # the clock was put back
    (second,) = await store.due_callbacks(-1.0, 10)
    assert await store.report(key, b"2", b"3", b"3", "cancelled")
    await store.callback_heard(second)
    (third,) = await store.due_callbacks(LEASE_S, 10)
    assert third.body == b"3"
    await store.callback_failed(third, -1.0)
    (again,) = await store.due_callbacks(LEASE_S, 10)
    assert (again.body, again.attempts) == (b"3", 1)
    await store.callback_heard(again)
    assert await run(store, "SELECT 1 FROM pos_callbacks") == []
    found = await store.find(key)
    assert found is not None
    assert (found.answer, found.word) == (b"3", "cancelled")


async def test_news_of_an_answer_that_is_another_by_now_changes_nothing(store: Store) -> None:
    key = a_request().key
    await store.begin(a_request(), LEASE_S)
    assert not await store.report(key, b"", b"early", b"early", "placed")
    await store.finish(key, 1, an_answer(b"0"))
    assert await store.report(key, b"0", b"1", b"1", "placed")
    assert not await store.report(key, b"0", b"late", b"late", "placed")
    found = await store.find(key)
    assert found is not None
    assert found.answer == b"1"
    assert [one.body for one in await store.due_callbacks(LEASE_S, 10)] == [b"1"]


async def test_a_validate_and_a_submit_under_one_uid_are_called_back_each(store: Store) -> None:
    for kind in ("validate-order", "place-order"):
        request = a_request(key=Key("demo", kind, "u-1"))
        await store.begin(request, LEASE_S)
        await store.defer(request.key)
        await store.finish(request.key, 1, an_answer(kind.encode(), None))
    due = await store.due_callbacks(LEASE_S, 10)
    assert {(one.key.request_type, one.body) for one in due} == {
        ("validate-order", b"validate-order"),
        ("place-order", b"place-order"),
    }
    await store.callback_heard(due[0])
    assert len(await run(store, "SELECT 1 FROM pos_callbacks")) == 1


async def test_two_processes_never_both_bring_a_callback(where: str) -> None:
    async with opened(where) as one, opened(where) as other:
        for number in range(40):
            await answered(one, a_request(f"u-{number}"), b"0")
            await one.report(a_request(f"u-{number}").key, b"0", b"1", b"1", "placed")
        rounds = [
            await asyncio.gather(*(store.due_callbacks(LEASE_S, 10) for store in (one, other) * 2)) for _ in range(2)
        ]
        brought = [due.key.request_uid for looks in rounds for found in looks for due in found]
        assert len(brought) == len(set(brought)) == 40


# --- old requests and whose id is whose -------------------------------------------------------------------


async def test_old_answers_are_forgotten_and_open_requests_never(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FORGET_BATCH_MAX", 3)
    for number in range(5):
        await store.keep_answered(a_request(f"old-{number}"), an_answer())
    await store.begin(a_request("old but open"), LEASE_S)
    await run(store, "UPDATE pos_requests SET received_at = received_at - 100")
    await store.keep_answered(a_request("young"), an_answer())
    assert [await store.forget(50.0) for _ in range(3)] == [3, 2, 0]
    rows = await run(store, "SELECT request_uid FROM pos_requests ORDER BY request_uid")
    assert [row["request_uid"] for row in rows] == ["old but open", "young"]


async def test_locations_are_mapped_over_and_listed_page_by_page(store: Store) -> None:
    names = [(f"org-{number // 4}", f"loc-{number % 4}") for number in range(11)]
    for organization, location in reversed(names):
        assert await store.add_location(Mapped(organization, location, Location(organization, location)))
    assert not await store.add_location(Mapped("org-0", "loc-0", Location("org-0", "loc-0")))
    assert await store.add_location(Mapped("org-0", "loc-0", Location("org-0", "moved")))
    assert await store.own_location("org-0", "loc-0") == Location("org-0", "moved")
    listed: list[tuple[str, str]] = []
    while page := await store.locations(4, listed[-1] if listed else ("", "")):
        assert len(page) <= 4
        listed += [(one.organization_id, one.location_id) for one in page]
    assert listed == names
    assert await store.remove_location("org-0", "loc-0")
    assert not await store.remove_location("org-0", "loc-0")
    assert await store.own_location("org-0", "loc-0") is None


# --- many at once, and what goes wrong --------------------------------------------------------------------


async def test_what_many_wrote_at_once_is_all_there_after_a_restart(where: str) -> None:
    async with opened(where) as store:
        assert all(await asyncio.gather(*(store.begin(a_request(f"u-{number}"), LEASE_S) for number in range(500))))
        keys = [a_request(f"u-{number}").key for number in range(500)]
        assert all(await asyncio.gather(*(store.finish(key, 1, an_answer()) for key in keys)))
    async with opened(where) as store:
        found = [await store.find(key) for key in keys]
        assert all(record is not None and record.answer == b"placed" for record in found)


async def test_a_statement_that_fails_in_a_batch_fails_alone_and_whole(store: Store) -> None:
    good = [store.begin(a_request(f"u-{number}"), LEASE_S) for number in range(20)]
    half_made = store._database.write(
        Statement("INSERT INTO pos_locations VALUES ('a', 'b', 'c', 'd')"),
        Statement("INSERT INTO pos_locations VALUES ('a', NULL, 'c', 'd')"),
    )
    outcomes = await asyncio.gather(*good[:10], half_made, *good[10:], return_exceptions=True)
    assert isinstance(outcomes.pop(10), sqlite3.IntegrityError | asyncpg.NotNullViolationError)
    assert outcomes == [True] * 20
    assert await store.locations(10) == []


async def test_a_value_that_no_database_takes_ends_neither_the_batch_nor_the_store(store: Store) -> None:
    outcomes = await asyncio.gather(
        store.begin(a_request("u-1"), LEASE_S),
        store.begin(a_request("u-2", callback_url="\ud800"), LEASE_S),
        store.begin(a_request("u-3"), LEASE_S),
        return_exceptions=True,
    )
    assert outcomes[0] is outcomes[2] is True
    assert isinstance(outcomes[1], Exception)
    assert await store.begin(a_request("u-4"), LEASE_S)


async def test_a_store_that_cannot_be_opened_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and long enough to be seen as none. " * 40)
    for where in (str(tmp_path / "no" / "such" / "folder"), str(tmp_path / "text"), "postgresql://:x@127.0.0.1:9/x"):
        with pytest.raises(StoreError, match=r"^HEARD_POS_STORE: [^\n]+$"):
            await open_store(where)


async def test_a_kit_whose_store_is_closed_says_503_and_leaves_nothing_half_done(where: str) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, where) as (kit, hub):
        before = await hub.submit(an_order(an_item("BURGER", 999)))
        assert before.status == 200
        await kit.store.close()
        order = an_order(an_item("BURGER", 999))
        for heard in (await hub.submit(order), await hub.validate(order), await hub.status(order.request_uid)):
            assert (heard.status, heard.json["code"]) == (503, "unavailable")
            assert int(heard.headers["retry-after"]) > 0
    assert pos.calls["place"] == 1
    async with a_kit(pos, where) as (_, hub):
        assert (await hub.status(order.request_uid)).status == 404
        assert (await hub.submit(order)).status == 200


async def test_a_kit_whose_store_is_not_there_says_503_until_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    pos = ScriptedPos()
    with pytest.raises(StoreError):
        async with a_kit(pos, str(folder / "kit.sqlite")):
            pass
    kit = app(pos, shared_id=SHARED_ID, store=str(folder / "kit.sqlite"))
    hub = Hub(kit, SHARED_ID)
    order = an_order(an_item("BURGER", 999))
    refused = await hub.submit(order)
    assert (refused.status, refused.json["code"]) == (503, "unavailable")
    folder.mkdir()
    await hub.know("main")
    assert (await hub.submit(order)).status == 200
    await kit.close()


async def test_a_full_disk_is_told_as_503_and_forgotten_when_there_is_room(tmp_path: Path) -> None:
    pos = ScriptedPos()
    async with a_kit(pos, str(tmp_path / "kit.sqlite")) as (kit, hub):
        database = kit.store._database
        assert isinstance(database, SqliteDatabase)
        pages = database._writer.execute("PRAGMA page_count").fetchone()[0]
        database._writer.execute(f"PRAGMA max_page_count = {pages}")
        placed, refused = [], None
        for _ in range(200):
            order = an_order(an_item("BURGER", 999))
            heard = await hub.submit(order)
            if heard.status == 503:
                refused = heard
                break
            placed.append(order)
            assert heard.status in (200, 202)
        assert refused is not None, "the disk was never full"
        assert refused.json["code"] == "unavailable"
        assert int(refused.headers["retry-after"]) > 0
        assert order.request_uid not in pos.tickets, "what was refused left a ticket"
        assert set(pos.tickets) == {one.request_uid for one in placed}
        database._writer.execute("PRAGMA max_page_count = 100000")
        assert (await hub.submit(order)).status == 200
        assert len(pos.tickets) == len(placed) + 1


async def test_a_disk_that_fills_up_while_a_ticket_is_made_is_no_reason_to_say_that_nothing_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KIT_LEASE_S", 0.3)
    monkeypatch.setattr(limits, "KIT_LOOK_S", 0.05)
    pos = ScriptedPos()
    async with a_kit(pos, str(tmp_path / "kit.sqlite")) as (kit, hub):
        database = kit.store._database
        assert isinstance(database, SqliteDatabase)
        pos.held.clear()
        order = an_order(an_item("BURGER", 999))
        asked = asyncio.create_task(hub.submit(order))
        while not pos.calls["place"]:
            await asyncio.sleep(0.01)
        database._writer.execute("PRAGMA query_only = ON")  # no write goes through any more
        pos.held.set()
        heard = await asked
        assert heard.status == 202, "a problem would say that nothing was done"
        assert (await hub.status(order.request_uid)).json["status"] == "pending"
        database._writer.execute("PRAGMA query_only = OFF")
        async with patience():
            while (heard := await hub.status(order.request_uid)).json["status"] == "pending":
                await asyncio.sleep(0.05)
        assert heard.json["order_details"]["pos_order_id"] == pos.tickets[order.request_uid]
    assert (pos.calls["place"], len(pos.tickets)) == (1, 1)
