"""Tokens and payload signatures of posnext: what proves something, and that nothing else does."""

import base64
import contextlib
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import AT, SHARED_ID, a_connection, an_answer, an_order, answers, orders, schemes

from heard.domain.ids import LocationId, RequestUid
from heard.domain.money import Cents
from heard.domain.pos import PosCancel
from heard.domain.stores import SignatureScheme
from heard.protocols.posnext import auth, encode
from heard.protocols.posnext.auth import Claims, DigestRefused, TokenRefused
from lengths import examples

NOW_S = 1736965800
SHORTEST = "0123456789"
VECTOR = "aa1e8d62c3e7dfef204647fd61faa4195721308cf6f2543b5e67d53922a70540"
VECTOR_WITHOUT_ORDER_ID = "edc48a63e8b8caac90c6f3961804fd769cd8bba8a6cfdc6385b121376a5759c7"
DIGEST = SignatureScheme.DIGEST
BODY = SignatureScheme.BODY


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def a_token(claims: object, header: object = None, key: str = SHARED_ID, hashed: Any = hashlib.sha256) -> str:
    """Signed by hand, so that no library stands between the test and the bytes."""
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{part(claims)}"
    return f"{text}.{part(hmac.new(key.encode(), text.encode(), hashed).digest())}"


def good_claims(**changes: object) -> dict[str, object]:
    return {"iss": "par-ordering", "sub": "org-1", "iat": NOW_S, "exp": NOW_S + 300, "jti": "j", **changes}


def verify(
    token: str, *, keys: tuple[str, ...] = (SHARED_ID,), now: datetime = AT, org: str | None = "org-1"
) -> Claims:
    return auth.verify_token(f"Bearer {token}", keys, now, org)


def refused_rule(authorization: str | None, keys: tuple[str, ...] = (SHARED_ID,), org: str | None = "org-1") -> str:
    with pytest.raises(TokenRefused) as caught:
        auth.verify_token(authorization, keys, AT, org)
    return caught.value.rule


# --- tokens -----------------------------------------------------------------------------------------------


def test_the_hubs_token_carries_the_agreed_claims() -> None:
    token = auth.make_token(SHARED_ID, "org-1", AT + timedelta(milliseconds=999), "call-1")
    header, claims, _ = (base64.urlsafe_b64decode(text + "==") for text in token.split("."))
    assert json.loads(header) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(claims) == {
        "iss": "par-ordering",
        "sub": "org-1",
        "iat": NOW_S,
        "exp": NOW_S + 300,
        "jti": "call-1",
    }
    assert verify(token) == Claims(NOW_S + 300, "par-ordering", "org-1", None, "call-1")


def test_a_shared_id_of_ten_characters_is_enough() -> None:
    assert verify(auth.make_token(SHORTEST, "org-1", AT, "j"), keys=(SHORTEST,)).subject == "org-1"


def test_a_shorter_shared_id_neither_signs_nor_verifies() -> None:
    with pytest.raises(ValueError, match="10 characters"):
        auth.make_token(SHORTEST[:9], "org-1", AT, "j")
    for short in ("", SHORTEST[:9]):
        assert refused_rule(f"Bearer {a_token(good_claims(), key=short)}", (short,)) == "no_usable_key"
    assert refused_rule(f"Bearer {a_token(good_claims())}", ()) == "no_usable_key"


def test_two_shared_ids_are_valid_while_one_is_rotated() -> None:
    for key in ("old-secret-1", "new-secret-2"):
        token = auth.make_token(key, "org-1", AT, "j")
        assert verify(token, keys=("old-secret-1", "new-secret-2"))
    assert refused_rule(f"Bearer {a_token(good_claims())}", ("old-secret-1", "new-secret-2")) == "signature"


def test_a_token_counts_to_a_minute_past_its_end() -> None:
    token = auth.make_token(SHARED_ID, "org-1", AT, "j")
    verify(token, now=AT + timedelta(seconds=359))
    with pytest.raises(TokenRefused) as caught:
        verify(token, now=AT + timedelta(seconds=360))
    assert caught.value.rule == "expired"


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_from_more_than_a_minute_ahead_is_refused(name: str) -> None:
    assert verify(a_token(good_claims(**{name: NOW_S + 60})))
    assert refused_rule(f"Bearer {a_token(good_claims(**{name: NOW_S + 61}))}") == f"{name}_in_the_future"


def test_exp_is_required_and_iat_is_not() -> None:
    assert verify(a_token({"exp": NOW_S + 1})).subject is None
    assert refused_rule(f"Bearer {a_token({'sub': 'org-1'})}") == "exp_missing"


@pytest.mark.parametrize("value", [None, "1736966100", True, [], {}, 10**30])
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_that_is_no_number_is_refused(name: str, value: object) -> None:
    assert "malformed" in refused_rule(f"Bearer {a_token(good_claims(**{name: value}))}")


def test_times_may_have_a_fraction() -> None:
    assert verify(a_token(good_claims(exp=NOW_S + 0.5, iat=NOW_S - 0.5))).expires_at_s == NOW_S


@pytest.mark.parametrize("name", ["sub", "organization_id"])
def test_a_claimed_organization_must_be_the_bodys(name: str) -> None:
    token = a_token(good_claims(**{name: "org-2"}))
    assert refused_rule(f"Bearer {token}") == "organization_mismatch"
    assert verify(token, org=None)
    for wrong in (None, 7, ["org-1"]):
        assert refused_rule(f"Bearer {a_token(good_claims(**{name: wrong}))}") == f"{name}_malformed"


def test_unknown_claims_are_ignored() -> None:
    assert verify(a_token(good_claims(aud=["x"], scope="order", nested={"a": 1})))


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "HS512", "HS384", "RS256", "ES256", "hs256", "", None, 1, ["HS256"]]
)
def test_no_algorithm_but_hs256_is_accepted_even_when_signed_as_hs256(alg: object) -> None:
    assert refused_rule(f"Bearer {a_token(good_claims(), {'alg': alg, 'typ': 'JWT'})}") == "algorithm"


def test_tokens_of_other_algorithms_are_refused() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unsigned = f"{part({'alg': 'none'})}.{part(good_claims())}."
    signed_512 = a_token(good_claims(), {"alg": "HS512"}, hashed=hashlib.sha512)
    for token in (unsigned, signed_512, jwt.encode(good_claims(), private, algorithm="RS256")):
        assert refused_rule(f"Bearer {token}") == "algorithm"
    assert refused_rule(f"Bearer {part({'alg': 'HS256'})}.{part(good_claims())}.") == "signature"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic abc",
        "Bearer a",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer ...",
        "Bearer ???.???.???",
        "Bearer \ud800.a.b",
        "Bearer \u212a.\u00e4.\U0001f354",
        "Bearer a.b.c\x00",
        f"Bearer {a_token(good_claims())} ",
        f"Bearer {a_token(good_claims())}x",
        f"Bearer {a_token([1])}",
        f"Bearer {a_token(b'not json')}",
        "Bearer " + a_token(b'{"exp":1736966100,"exp":1}'),
        f"Bearer {a_token(b'[' * 5000)}",
        f"Bearer {a_token(good_claims(), b'[' * 5000)}",
        f"Bearer {a_token(good_claims(), [])}",
        f"Bearer {a_token(good_claims(), {'alg': 'HS256', 'crit': ['x'], 'x': 1})}",
        f"Bearer {a_token(good_claims(), {'alg': 'HS256', 'b64': False, 'crit': ['b64']})}",
        f"Bearer {a_token(good_claims(), {'alg': 'HS256', 'kid': 1})}",
        f"Bearer {a_token(good_claims(note='x' * 9000))}",
    ],
)
def test_whatever_else_is_sent_is_refused_with_the_one_error(authorization: str | None) -> None:
    assert refused_rule(authorization)


def test_a_token_has_one_spelling() -> None:
    assert refused_rule(f"Bearer {a_token(good_claims())}=") == "padding"


def test_the_scheme_is_case_insensitive() -> None:
    assert auth.verify_token(f"bEARER {a_token(good_claims())}", [SHARED_ID], AT, "org-1")


@given(st.text(max_size=60) | st.none(), st.booleans())
def test_only_token_refused_escapes_from_garbage(text: str | None, bearer: bool) -> None:
    refused_rule(f"Bearer {text}" if bearer else text)


@given(st.integers(0, 300), st.text(max_size=3))
@settings(max_examples=examples(500))
def test_a_damaged_token_is_refused(place: int, damage: str) -> None:
    token = a_token(good_claims())
    damaged = token[:place] + damage + token[place + len(damage) :]
    if damaged != token:
        refused_rule(f"Bearer {damaged}")


@given(
    st.dictionaries(
        st.sampled_from(["exp", "iat", "nbf", "sub", "iss", "jti"]), st.integers() | st.text() | st.floats()
    )
)
def test_only_token_refused_escapes_from_signed_nonsense(claims: dict[str, object]) -> None:
    with contextlib.suppress(TokenRefused):
        verify(a_token(claims))


# --- payload signatures -----------------------------------------------------------------------------------


def test_the_published_digest_vectors_hold() -> None:
    assert auth.sign_order(an_order(), b"", a_connection()) == VECTOR
    assert auth.sign_order(an_order(online_order_id=None), b"", a_connection()) == VECTOR_WITHOUT_ORDER_ID
    assert auth.sign_answer(an_answer(), b"", a_connection()) == VECTOR


def test_the_signed_message_is_the_documented_one() -> None:
    message = auth.digest_message(
        request_uid="order-12345",
        location_id="PAR-LOC-12345",
        online_order_id="OO-1001",
        grand_total=Cents(1403),
        subtotal=Cents(1299),
        request_datetime=AT,
    )
    assert message == "order-12345|PAR-LOC-12345|OO-1001|1403|1299|1736965800"
    assert auth.digest(SHARED_ID, message) == VECTOR


def test_missing_totals_and_order_id_sign_as_zero() -> None:
    answer = an_answer(totals=None, online_order_id=None)
    message = "order-12345|PAR-LOC-12345|0|0|0|1736965800"
    assert auth.sign_answer(answer, b"", a_connection()) == auth.digest(SHARED_ID, message)


def test_the_fraction_of_a_second_is_dropped() -> None:
    late = an_order(request_datetime=AT + timedelta(microseconds=999_999))
    assert auth.sign_order(late, b"", a_connection()) == VECTOR


def test_the_key_of_a_digest_is_ten_characters_and_of_a_body_the_whole_shared_id() -> None:
    raw = b'{"a":1}'
    assert auth.body_digest(SHARED_ID, raw) == hmac.new(SHARED_ID.encode(), raw, "sha256").hexdigest()
    assert auth.digest(SHARED_ID, "m") == hmac.new(SHARED_ID[:10].encode(), b"m", "sha256").hexdigest()
    assert auth.digest("ÄÖÜäöüß-12345", "m") == hmac.new("ÄÖÜäöüß-12".encode(), b"m", "sha256").hexdigest()


def digest_rule(header: str | None, keys: tuple[str, ...] = (SHARED_ID,), scheme: SignatureScheme = DIGEST) -> str:
    with pytest.raises(DigestRefused) as caught:
        auth.verify_order(an_order(), b"{}", header, keys, scheme)
    with pytest.raises(DigestRefused):
        auth.verify_answer(an_answer(), b"{}", header, keys, scheme)
    return caught.value.rule


def test_upper_case_hex_is_accepted() -> None:
    for header in (VECTOR, VECTOR.upper()):
        auth.verify_order(an_order(), b"", header, [SHARED_ID], DIGEST)
        auth.verify_answer(an_answer(), b"", header, [SHARED_ID], DIGEST)


@pytest.mark.parametrize("key", [SHARED_ID, SHARED_ID[:9], SHARED_ID[:11], "", "SharedSecreT"[:10][::-1]])
def test_a_key_of_another_length_is_refused(key: str) -> None:
    message = b"order-12345|PAR-LOC-12345|OO-1001|1403|1299|1736965800"
    assert digest_rule(hmac.new(key.encode(), message, "sha256").hexdigest()) == "mismatch"


@pytest.mark.parametrize(("grand_total", "subtotal"), [(1402, 1299), (1403, 1298), (14, 12), (1403, 0), (1299, 1403)])
def test_other_cents_are_refused(grand_total: int, subtotal: int) -> None:
    message = f"order-12345|PAR-LOC-12345|OO-1001|{grand_total}|{subtotal}|1736965800"
    assert digest_rule(auth.digest(SHARED_ID, message)) == "mismatch"


def test_a_missing_header_is_refused_in_every_scheme() -> None:
    for scheme in SignatureScheme:
        assert digest_rule(None, scheme=scheme) == "missing"
        assert digest_rule("", scheme=scheme) == "mismatch"


@pytest.mark.parametrize("header", ["ä", "\ud800", "\u212a" * 64, VECTOR + "\u00a0", "\x00"])
def test_what_is_not_ascii_is_refused(header: str) -> None:
    assert digest_rule(header) in ("not_ascii", "mismatch")


def test_without_a_usable_key_nothing_verifies() -> None:
    for keys in ((), ("",), (SHORTEST[:9],)):
        for scheme in SignatureScheme:
            assert digest_rule(hmac.new(b"", b"{}", "sha256").hexdigest(), keys, scheme) == "no_usable_key"


def test_either_of_two_shared_ids_verifies_a_digest() -> None:
    auth.verify_order(an_order(), b"", VECTOR, ["another-secret", SHARED_ID], DIGEST)
    auth.verify_order(an_order(), b"", VECTOR, [SHARED_ID, "another-secret"], DIGEST)
    assert digest_rule(VECTOR, ("another-secret", "and-one-more")) == "mismatch"


def test_no_scheme_falls_back_to_the_other() -> None:
    body = auth.body_digest(SHARED_ID, b"{}")
    auth.verify_order(an_order(), b"{}", body, [SHARED_ID], BODY)
    assert digest_rule(body, scheme=DIGEST) == "mismatch"
    assert digest_rule(VECTOR, scheme=BODY) == "mismatch"


def test_a_menu_is_signed_in_the_body_scheme_only() -> None:
    assert auth.sign_body(b"{}", a_connection()) is None
    signed = auth.sign_body(b"{}", a_connection(signature=BODY))
    auth.verify_body(b"{}", signed, [SHARED_ID])
    with pytest.raises(DigestRefused):
        auth.verify_body(b"{} ", signed, [SHARED_ID])


@given(st.text(max_size=70) | st.none(), schemes)
def test_only_digest_refused_escapes_from_garbage(header: str | None, scheme: SignatureScheme) -> None:
    digest_rule(header, scheme=scheme)


@given(orders(), answers(), schemes, st.binary(max_size=20))
def test_what_is_signed_verifies_and_what_is_changed_does_not(order: Any, answer: Any, scheme: Any, raw: bytes) -> None:
    connection = a_connection(signature=scheme)
    for value, sign, check in (
        (order, auth.sign_order, auth.verify_order),
        (answer, auth.sign_answer, auth.verify_answer),
    ):
        header = sign(value, raw, connection)
        check(value, raw, header, [SHARED_ID], scheme)
        changed = replace(value, request_uid=f"{value.request_uid}x")
        with pytest.raises(DigestRefused):
            check(changed, raw + b" ", header, [SHARED_ID], scheme)


def test_a_cancel_is_signed_with_no_totals() -> None:
    cancel = PosCancel(RequestUid("order-12345"), AT, None, LocationId("PAR-LOC-12345"), "OO-1001")
    raw = encode.encode_cancel(cancel)
    header = auth.sign_cancel(cancel, raw, a_connection())
    assert header == auth.digest(SHARED_ID, "order-12345|PAR-LOC-12345|OO-1001|0|0|1736965800")
    auth.verify_cancel(cancel, raw, header, [SHARED_ID], SignatureScheme.DIGEST)
    for other in (replace(cancel, online_order_id=None), replace(cancel, location_id=LocationId("elsewhere"))):
        with pytest.raises(auth.DigestRefused):
            auth.verify_cancel(other, raw, header, [SHARED_ID], SignatureScheme.DIGEST)
    with pytest.raises(auth.DigestRefused):
        auth.verify_cancel(cancel, raw, header, [SHARED_ID], SignatureScheme.BODY)
