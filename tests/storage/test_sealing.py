"""Secrets at rest: opened only with their key, only in their place, and never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.storage.sealing import Sealer, SealError, new_key

KEY = new_key()
SEALER = Sealer(KEY)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_secret_comes_back_whole(secret: str) -> None:
    assert SEALER.open(SEALER.seal(secret, "store 1"), "store 1") == secret


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    assert SEALER.seal("x", "store 1") != SEALER.seal("x", "store 1")


def test_another_key_another_place_and_changed_bytes_open_nothing() -> None:
    sealed = SEALER.seal("hush", "store 1")
    for sealer, bytes_, place in (
        (Sealer(new_key()), sealed, "store 1"),
        (SEALER, sealed, "store 2"),
        (SEALER, sealed[:-1] + bytes([sealed[-1] ^ 1]), "store 1"),
        (SEALER, sealed[:5], "store 1"),
        (SEALER, b"", "store 1"),
    ):
        with pytest.raises(SealError):
            sealer.open(bytes_, place)


@pytest.mark.parametrize("key", ["", "short", "!" * 44, KEY[:-4]], ids=["nothing", "short", "no base64", "cut"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(SealError):
        Sealer(key)


def test_the_key_does_not_show() -> None:
    assert KEY.strip("=") not in repr(SEALER)
