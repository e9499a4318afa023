"""Ids: ours sort by time and are of one form; the uids of an order's requests follow from its id."""

import string
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.ids import (
    OrderId,
    PaymentId,
    RequestUid,
    id_from_uuid,
    make_id,
    order_id_of,
    paid_order_id,
    payment_id_of,
    submit_uid,
    uuid_of,
    validate_uid,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECONDS = st.integers(0, 4_000_000_000_000)
CHANCE = st.binary(min_size=10, max_size=10)
LETTERS = set(string.digits + string.ascii_lowercase) - set("ilou")


def at(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


@given(MILLISECONDS, CHANCE)
def test_an_id_is_its_prefix_and_26_letters_that_cannot_be_misread(milliseconds: int, chance: bytes) -> None:
    prefix, _, tail = make_id("ord", at(milliseconds), chance).partition("_")
    assert prefix == "ord"
    assert len(tail) == 26
    assert set(tail) <= LETTERS


@given(MILLISECONDS, st.integers(2, 10**9), CHANCE, CHANCE)
def test_ids_sort_by_time_whatever_their_chance(earlier: int, apart: int, one: bytes, other: bytes) -> None:
    assert make_id("ord", at(earlier), one) < make_id("ord", at(earlier + apart), other)


@given(MILLISECONDS, CHANCE, CHANCE)
def test_ids_of_one_moment_differ_by_their_chance_and_sort_by_it(milliseconds: int, one: bytes, other: bytes) -> None:
    first, second = make_id("ord", at(milliseconds), one), make_id("ord", at(milliseconds), other)
    assert (first < second, first == second) == (one < other, one == other)


@pytest.mark.parametrize("length", [0, 9, 11])
def test_an_id_needs_its_ten_bytes_of_chance(length: int) -> None:
    with pytest.raises(ValueError, match="10 bytes of chance"):
        make_id("ord", EPOCH, bytes(length))


@given(MILLISECONDS, CHANCE)
def test_the_uid_of_a_submit_leads_back_to_its_order(milliseconds: int, chance: bytes) -> None:
    order_id = OrderId(make_id("ord", at(milliseconds), chance))
    assert order_id_of(submit_uid(order_id)) == order_id
    assert submit_uid(order_id) == submit_uid(order_id)


@given(MILLISECONDS, CHANCE)
def test_a_validate_is_another_request_than_the_submit_and_no_submit(milliseconds: int, chance: bytes) -> None:
    order_id = OrderId(make_id("ord", at(milliseconds), chance))
    assert validate_uid(order_id) != submit_uid(order_id)
    assert validate_uid(order_id).removeprefix("val_") == order_id.removeprefix("ord_")
    assert order_id_of(validate_uid(order_id)) is None


@pytest.mark.parametrize("uid", ["", "sub", "sub_", "_x", "ord_01", "val_01", "SUB_01", "6f1c-77"])
def test_a_uid_that_we_never_gave_a_submit_belongs_to_no_order(uid: str) -> None:
    assert order_id_of(RequestUid(uid)) is None


@given(MILLISECONDS, CHANCE)
def test_an_id_and_its_uuid_are_one_number(milliseconds: int, chance: bytes) -> None:
    order_id = make_id("ord", at(milliseconds), chance)
    assert UUID(uuid_of(order_id)).int & (1 << 80) - 1 == int.from_bytes(chance, "big")
    assert id_from_uuid("ord", uuid_of(order_id)) == order_id
    assert id_from_uuid("ord", uuid_of(order_id).upper()) == order_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ord_01kdvdna000000000000000000",
        "{019b7760-b800-0000-0000-000000000000}",
        "019b7760b80000000000000000000000",
        "019b7760-b800-0000-0000-00000000000g",
    ],
)
def test_what_is_no_uuid_names_nothing(text: str) -> None:
    assert id_from_uuid("ord", text) is None


@given(MILLISECONDS, CHANCE)
def test_a_payment_pays_for_one_order_only(milliseconds: int, chance: bytes) -> None:
    payment_id = PaymentId(make_id("pay", at(milliseconds), chance))
    assert paid_order_id(payment_id) == make_id("ord", at(milliseconds), chance)
    assert payment_id_of(paid_order_id(payment_id)) == payment_id
