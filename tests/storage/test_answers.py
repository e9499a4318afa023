"""Answers as they are kept: the same bytes come back, the beginning of long ones; none of the release before."""

import zlib

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, ORGANIZATION
from heard import limits
from heard.domain.ids import OrderId
from heard.storage.answers import Said, pack, unpack
from heard.storage.exchanges import read_exchanges
from heard.storage.rows import OrderRef

MAX = limits.ANSWER_KEPT_BYTES_MAX


@given(st.binary(min_size=1, max_size=2_000) | st.binary(min_size=1, max_size=20).map(lambda some: some * 400))
def test_an_answer_comes_back_as_it_was(body: bytes) -> None:
    kept = pack(body)
    assert unpack(kept) == Said(body[:MAX], len(body) > MAX)


def test_of_a_long_answer_the_beginning_is_kept_and_that_there_was_more() -> None:
    body = b"0123456789" * 100_000
    kept = pack(body)
    assert kept is not None
    assert len(kept) < 1_000, "compressed"
    assert unpack(kept) == Said(body[:MAX], True)
    assert unpack(pack(b"x" * MAX)) == Said(b"x" * MAX, False)


def test_nothing_that_was_said_is_nothing() -> None:
    assert pack(None) is pack(b"") is unpack(None) is unpack(b"") is None


@pytest.mark.parametrize("kept", [b"\x09abc", b"\x01not zlib", b"\xff", b"\x01" + zlib.compress(b"abc")[:-1][:3]])
def test_what_we_never_wrote_is_nothing_or_little_and_no_fault(kept: bytes) -> None:
    assert unpack(kept) in (None, Said(b""))


def test_a_bomb_in_the_column_takes_no_memory() -> None:
    said = unpack(b"\x01" + zlib.compress(b"\0" * 50_000_000))
    assert said is not None
    assert len(said.body) == MAX


async def test_what_the_release_before_writes_is_read(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    order_id = OrderId("ord_01kk0000000000000000000001")
    await connection.execute("INSERT INTO organizations (organization_id) VALUES ($1)", ORGANIZATION)
    await connection.execute(
        "INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms,"
        " error) VALUES ($1, 'exc_01kk0000000000000000000009', $2, $3, 'out', 'pos', 'POST', '/', 200, 1.5, NULL)",
        ORGANIZATION,
        order_id,
        NOW,
    )
    (found,) = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
    assert (found.status, found.answer, found.verdict, found.request_id, found.event_id) == (
        200,
        None,
        None,
        None,
        None,
    )
    await connection.close()


async def test_of_many_exchanges_the_first_and_the_newest_come_with_what_was_answered(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    order_id = OrderId("ord_01kk0000000000000000000001")
    await connection.execute("INSERT INTO organizations (organization_id) VALUES ($1)", ORGANIZATION)
    await connection.execute(
        "INSERT INTO exchanges (organization_id, exchange_id, order_id, at, direction, peer, method, path, status, ms,"
        " answer) SELECT $1, 'exc_01kk' || to_char(n, 'FM0000'), $2, $3::timestamptz + n * interval '1 s', 'out',"
        " 'pos', 'GET', '/', 200, 1, $4 FROM generate_series(1, 100) AS n",
        ORGANIZATION,
        order_id,
        NOW,
        pack(b"{}"),
    )
    found = await read_exchanges(connection, OrderRef(ORGANIZATION, order_id))
    told = [number for number, one in enumerate(found) if one.answer == b"{}"]
    assert len(found) == 100
    assert told == [*range(limits.EXCHANGES_TOLD_FIRST), *range(100 - limits.EXCHANGES_TOLD_NEWEST, 100)]
    await connection.close()
