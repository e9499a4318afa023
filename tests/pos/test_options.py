"""The kit's settings mean the same however they are given, and a wrong one is told by the name it was given under."""

from typing import Any

import pytest

from heard.domain.stores import Amounts
from heard.pos import OptionError, StoreError
from heard.pos.options import read_options
from heard.pos.store import open_store
from pos.kits import SHARED_ID


def given(**options: Any) -> Any:
    return read_options({}, **({"shared_id": SHARED_ID} | options))


def test_a_word_or_a_number_may_come_as_text() -> None:
    options = given(amounts="decimal", at_once="3", answer_within_s=2, allow="127.0.0.0/8, 10.0.0.0/8")
    assert options.amounts is Amounts.DECIMAL
    assert (options.at_once, options.answer_within_s) == (3, 2.0)
    assert options.allow == ("127.0.0.0/8", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("amounts", "cents", "must be minor or decimal"),
        ("signature", "sha1", "must be digest or body"),
        ("answer_within_s", "soon", "must be a number of seconds"),
        ("answer_within_s", float("nan"), "must be above 0"),
        ("at_once", 2.5, "must be a whole number"),
        ("at_once", 0, "must be at least 1"),
        ("allow", ["127.0.0.1/8"], "must be networks such as 127.0.0.0/8"),
        ("allow", "localhost", "must be networks such as 127.0.0.0/8"),
        ("shared_id", b"SharedSecret-123", "must be text"),
        ("answer_within", 3, "there is no such setting; there are shared_id, store"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name(option: str, value: object, says: str) -> None:
    with pytest.raises(OptionError) as refused:
        given(**{option: value})
    assert str(refused.value).startswith(f"{option}: ")
    assert says in str(refused.value)


def test_a_wrong_variable_is_told_by_its_name() -> None:
    with pytest.raises(OptionError, match=r"^HEARD_POS_AMOUNTS: 'cents' must be minor or decimal$"):
        read_options({"HEARD_POS_SHARED_ID": SHARED_ID, "HEARD_POS_AMOUNTS": "cents"})


@pytest.mark.parametrize(
    "address",
    [
        "mysql://till:hunter2@db/kit",
        "postgres:/till:hunter2@db/kit",
        "postgresql:till:hunter2@db",
        "postgresql://till:hunter2@127.0.0.1:1/kit",
        "postgresql://till:hunter2@127.0.0.1:port/kit",
    ],
)
async def test_a_store_that_cannot_be_opened_tells_no_password(address: str) -> None:
    with pytest.raises(StoreError) as refused:
        await open_store(address)
    assert str(refused.value).startswith("HEARD_POS_STORE: ")
    assert "hunter2" not in str(refused.value)
