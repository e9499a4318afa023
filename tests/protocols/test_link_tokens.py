"""Token requests and credentials: RFC 6749's words, and one way in at a time."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heard.domain.refusals import Refused
from heard.protocols import credentials as auth
from heard.protocols.credentials import TokenRequest
from heard.protocols.link.decode import decode_token
from heard.protocols.link.encode import encode_oauth_error, encode_token
from heard.protocols.link.forms import decode_revoke_form, decode_token_form

FORM = "application/x-www-form-urlencoded"
GOOD = b"grant_type=client_credentials&client_id=mkt_1&client_secret=s3cret&scope=orders+events"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_credentials_come_in_the_body_or_as_basic() -> None:
    wanted = TokenRequest("mkt_1", "s3cret", ("orders", "events"))
    assert decode_token_form(FORM, None, GOOD) == wanted
    bare = b"grant_type=client_credentials&scope=orders+events"
    assert decode_token_form(f"{FORM}; charset=utf-8", basic("mkt_1:s3cret"), bare) == wanted


def test_basic_credentials_are_percent_decoded() -> None:
    asked = decode_token_form(FORM, basic("mkt%5F1:s%3A%2B+x"), b"grant_type=client_credentials")
    assert (asked.client_id, asked.client_secret) == ("mkt_1", "s:+ x")


@pytest.mark.parametrize(
    ("content_type", "authorization", "raw", "error"),
    [
        ("application/json", None, GOOD, "invalid_request"),
        (None, None, GOOD, "invalid_request"),
        (FORM, None, b"", "invalid_request"),
        (FORM, None, b"client_id=a&client_secret=b", "invalid_request"),
        (FORM, None, b"grant_type=password&client_id=a&client_secret=b", "unsupported_grant_type"),
        (FORM, None, GOOD + b"&client_id=other", "invalid_request"),
        (FORM, None, b"grant_type=client_credentials&client_id=%ff&client_secret=b", "invalid_request"),
        (FORM, None, b"grant_type=client_credentials&client_id=a%00&client_secret=b", "invalid_request"),
        (FORM, None, b"\xff", "invalid_request"),
        (FORM, basic("mkt_1:s3cret"), GOOD, "invalid_request"),
        (FORM, basic("mkt_1:s3cret"), b"grant_type=client_credentials&client_id=mkt_2", "invalid_client"),
        (FORM, "Bearer x", b"grant_type=client_credentials", "invalid_client"),
        (FORM, "Basic !", b"grant_type=client_credentials", "invalid_client"),
        (FORM, basic("mkt_1"), b"grant_type=client_credentials", "invalid_client"),
        (FORM, None, b"grant_type=client_credentials", "invalid_client"),
    ],
)
def test_what_is_wrong_is_said_in_the_standards_words(
    content_type: str | None, authorization: str | None, raw: bytes, error: str
) -> None:
    with pytest.raises(auth.OAuthRefused) as caught:
        decode_token_form(content_type, authorization, raw)
    assert caught.value.error == error


@given(st.none() | st.text(), st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else(authorization: str | None, raw: bytes) -> None:
    try:
        decode_token_form(FORM, authorization, raw)
    except auth.OAuthRefused as refused:
        assert refused.error in ("invalid_request", "unsupported_grant_type", "invalid_client")


def test_a_secret_does_not_show() -> None:
    assert "s3cret" not in repr(decode_token_form(FORM, None, GOOD))


def test_a_token_answer_does_not_show_its_token() -> None:
    answer = decode_token(encode_token("hat_s3cret", 3600, ["orders"]))
    assert (answer.access_token, answer.token_type, answer.scope) == ("hat_s3cret", "Bearer", "orders")
    assert "s3cret" not in repr(answer)


def test_a_token_that_is_not_granted_is_told_in_one_word() -> None:
    assert encode_oauth_error(auth.OAuthRefused("invalid_scope")) == b'{"error":"invalid_scope"}'


def test_secrets_are_recognisable_long_and_kept_as_hashes() -> None:
    secret = auth.new_secret("hcs", bytes(range(32)))
    assert secret.startswith("hcs_")
    assert len(secret) >= 40
    kept = auth.hash_secret(secret)
    assert auth.matching_hash(secret, [None, kept]) == kept
    assert auth.matching_hash(secret + "x", [None, kept]) is None
    with pytest.raises(ValueError, match="32 bytes"):
        auth.new_secret("hcs", b"short")


def test_of_two_secrets_it_is_told_which_was_meant() -> None:
    new, old = auth.hash_secret("new"), auth.hash_secret("old")
    assert auth.matching_hash("new", (new, old)) == new
    assert auth.matching_hash("old", (new, old)) == old
    assert auth.matching_hash("old", (new, None)) is None
    assert auth.matching_hash("other", (new, old)) is None
    assert auth.matching_hash("", (None, None)) is None


def test_whoever_asks_costs_the_same_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right or wrong, with one secret or two, known or not: how long it takes tells nothing."""
    known, counts = auth.hash_secret("known"), []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        counts[-1] += (len(one), len(other)) == (32, 32)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    for secret in ("known", "wrong", ""):
        for hashes in ((known, None), (None, known), (known, known), (None, None)):
            counts.append(0)
            auth.matching_hash(secret, hashes)
    assert set(counts) == {2}


REVOKE = b"token=hat_1&client_id=mkt_1&client_secret=s3cret"


@pytest.mark.parametrize(
    ("content_type", "authorization", "raw", "error"),
    [
        ("application/json", None, REVOKE, "invalid_request"),
        (FORM, None, b"client_id=mkt_1&client_secret=s3cret", "invalid_request"),
        (FORM, None, b"token=&client_id=mkt_1&client_secret=s3cret", "invalid_request"),
        (FORM, None, REVOKE + b"&token=hat_2", "invalid_request"),
        (FORM, basic("mkt_1:s3cret"), REVOKE, "invalid_request"),
        (FORM, None, b"token=hat_1", "invalid_client"),
        (FORM, "Bearer hat_1", b"token=hat_1", "invalid_client"),
    ],
)
def test_a_revocation_that_does_not_hold_is_refused(
    content_type: str, authorization: str | None, raw: bytes, error: str
) -> None:
    with pytest.raises(auth.OAuthRefused) as caught:
        decode_revoke_form(content_type, authorization, raw)
    assert caught.value.error == error


def test_a_revocation_names_its_token_and_shows_neither_it_nor_the_secret() -> None:
    for asked in (
        decode_revoke_form(FORM, None, REVOKE + b"&token_type_hint=whatever"),
        decode_revoke_form(FORM, basic("mkt_1:s3cret"), b"token=hat_1&client_id=mkt_1"),
    ):
        assert (asked.client_id, asked.client_secret, asked.token) == ("mkt_1", "s3cret", "hat_1")
        assert "hat_1" not in repr(asked)
        assert "s3cret" not in repr(asked)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic x", "Bearer " + "x" * 300])
def test_no_bearer_token_is_no_token(header: str | None) -> None:
    with pytest.raises(Refused):
        auth.bearer_token(header)
    assert auth.bearer_token("bearer  abc ") == "abc"
