"""Tokens made wrongly by hand, told rule by rule; and captures of every form, read back."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import AT

from heard.protocols.posnext import auth
from heard.protocols.posnext.capture import NotReadable, read_message
from heard.protocols.posnext.causes import Check, Verdict
from heard.protocols.posnext.token_checks import check_token
from lengths import examples

ID = "SharedSecret-123"
NOW_S = 1736965800
ORG = "org-1"


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: object) -> dict[str, object]:
    made = {"iss": "par-ordering", "sub": ORG, "iat": NOW_S, "exp": NOW_S + 300, "jti": "j", **changes}
    return {name: value for name, value in made.items() if value is not None}


def token(said: object = None, *, key: str | bytes = ID, alg: str = "HS256", hashed: Any = hashlib.sha256) -> str:
    text = f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims() if said is None else said)}"
    key = key.encode() if isinstance(key, str) else key
    return f"{text}.{part(hmac.new(key, text.encode(), hashed).digest())}"


def checked(authorization: str | None, *, now: datetime | None = AT, shared_id: str = ID) -> dict[str, Check]:
    return {check.rule: check for check in check_token(authorization, shared_id, ORG, now)}


def failing(authorization: str | None, *, now: datetime | None = AT, shared_id: str = ID) -> dict[str, list[str]]:
    """The rules that fail, each with the first explanation's names."""
    found = checked(authorization, now=now, shared_id=shared_id)
    return {
        rule: [one.name for cause in check.causes[:1] for one in cause]
        for rule, check in found.items()
        if check.verdict is Verdict.FAILS
    }


def test_every_rule_of_a_good_token_holds() -> None:
    found = checked(f"Bearer {auth.make_token(ID, ORG, AT, 'j')}")
    assert {rule: check.verdict for rule, check in found.items()} == dict.fromkeys(
        (f"token.{rule}" for rule in ("scheme", "form", "algorithm", "signature", "exp", "iat", "organization")),
        Verdict.HOLDS,
    )


BASE64_ID = base64.b64encode(b"a secret of twenty b").decode()
_UNSIGNED = f"{part({'alg': 'none'})}.{part(claims())}."
_STANDARD = base64.b64encode(json.dumps(claims(jti="???>>>~~~")).encode()).decode().rstrip("=")


def standard_base64() -> str:
    text = f"{part({'alg': 'HS256'})}.{_STANDARD}"
    return f"{text}.{part(hmac.new(ID.encode(), text.encode(), 'sha256').digest())}"


WRONG = {
    "no header": (None, {"token.scheme": []}),
    "no Bearer": (token(), {"token.scheme": ["bearer_missing"]}),
    "another scheme": (f"JWT {token()}", {"token.scheme": ["bearer_missing"]}),
    "the SharedId": (f"Bearer {ID}", {"token.scheme": ["shared_id_as_token"]}),
    "ten characters": (f"Bearer {token(key=ID[:10])}", {"token.signature": ["ten_characters"]}),
    "a newline in the SharedId": (f"Bearer {token(key=ID + chr(10))}", {"token.signature": ["shared_id_with_blank"]}),
    "no key": (f"Bearer {token(key='')}", {"token.signature": ["empty_key"]}),
    "another key": (f"Bearer {token(key='something else')}", {"token.signature": []}),
    "SHA-512 under HS256": (f"Bearer {token(hashed=hashlib.sha512)}", {"token.signature": ["other_hash"]}),
    "HS512": (
        f"Bearer {token(alg='HS512', hashed=hashlib.sha512)}",
        {"token.algorithm": ["other_hash"], "token.signature": ["other_hash"]},
    ),
    "none": (f"Bearer {_UNSIGNED}", {"token.algorithm": ["alg_none"], "token.signature": []}),
    "padding": (f"Bearer {token()}=", {"token.form": ["padded"]}),
    "+ and /": (f"Bearer {standard_base64()}", {"token.form": ["standard_base64"]}),
    "two parts": (f"Bearer {token().rpartition('.')[0]}", {"token.form": []}),
    "expired": (f"Bearer {token(claims(iat=NOW_S - 700, exp=NOW_S - 400))}", {"token.exp": ["clock_skew"]}),
    "no exp": (f"Bearer {token(claims(exp=None))}", {"token.exp": ["exp_missing"]}),
    "iat ahead": (f"Bearer {token(claims(iat=NOW_S + 90))}", {"token.iat": ["clock_skew"]}),
    "iat in milliseconds": (f"Bearer {token(claims(iat=NOW_S * 1000))}", {"token.iat": ["time_in_ms"]}),
    "nbf ahead": (f"Bearer {token(claims(nbf=NOW_S + 61))}", {"token.nbf": ["clock_skew"]}),
    "exp as text": (f"Bearer {token(claims(exp=str(NOW_S)))}", {"token.exp": []}),
    "another organization": (f"Bearer {token(claims(sub='org-2'))}", {"token.organization": []}),
}


@pytest.mark.parametrize("made", WRONG)
def test_a_wrong_token_is_traced_to_its_mistake_and_refused_by_the_verifier(made: str) -> None:
    authorization, expected = WRONG[made]
    assert failing(authorization) == expected
    with pytest.raises(auth.TokenRefused):
        auth.verify_token(authorization, [ID], AT, ORG)


def test_a_decoded_shared_id_is_told() -> None:
    made = token(key=base64.b64decode(BASE64_ID))
    assert failing(f"Bearer {made}", shared_id=BASE64_ID) == {"token.signature": ["decoded_shared_id"]}


def test_a_token_of_a_key_pair_is_told() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    found = failing(f"Bearer {jwt.encode(claims(), private, algorithm='RS256')}")
    assert found["token.algorithm"] == ["asymmetric"]


def test_what_is_accepted_and_could_be_better_is_advice() -> None:
    for said, rule, name in (
        (claims(exp=NOW_S * 1000), "token.exp", "exp_in_ms"),
        (claims(iat=None), "token.iat", "iat_missing"),
    ):
        found = checked(f"Bearer {token(said)}")
        assert (found[rule].verdict, found[rule].causes[0][0].name) == (Verdict.ADVICE, name)
        assert failing(f"Bearer {token(said)}") == {}
        auth.verify_token(f"Bearer {token(said)}", [ID], AT, ORG)


def test_an_expired_token_says_by_how_much_the_clocks_differ() -> None:
    check = checked(f"Bearer {token()}", now=AT + timedelta(seconds=375))["token.exp"]
    assert check.says == "expired 75 s before 2025-01-15T18:36:15Z"
    assert check.causes[0][0].what.startswith("16 s too much, with the 60 s")
    assert not failing(f"Bearer {token()}", now=AT + timedelta(seconds=375 - 16))


def test_an_old_capture_is_judged_at_its_own_time() -> None:
    assert failing(f"Bearer {token()}", now=None) == {}
    assert failing(f"Bearer {token(claims(iat=None))}", now=None) == {}
    assert failing(f"Bearer {token(claims(exp=NOW_S - 60))}", now=None) == {"token.exp": ["clock_skew"]}


@given(
    st.dictionaries(
        st.sampled_from(["exp", "iat", "nbf", "sub", "organization_id"]),
        st.integers(NOW_S - 1000, NOW_S + 1000) | st.sampled_from([ORG, "x", None, True, 1.5, 10**13, -1, [], {}]),
    ),
    st.sampled_from(["HS256", "HS512", "none"]),
    st.sampled_from([ID, ID[:10]]),
    st.sampled_from(["Bearer ", "bearer ", "", "Bearer  ", "Token "]),
)
@settings(max_examples=examples(300), deadline=None)
def test_the_checks_hold_exactly_when_the_verifier_accepts(
    said: dict[str, Any], alg: str, key: str, scheme: str
) -> None:
    authorization = scheme + token({"exp": NOW_S + 300, **said}, key=key, alg=alg)
    try:
        auth.verify_token(authorization, [ID], AT, ORG)
    except auth.TokenRefused:
        assert failing(authorization)
    else:
        assert not failing(authorization)


@given(st.text(max_size=80), st.booleans())
def test_any_text_gives_checks_that_hold_only_what_verifies(text: str, bearer: bool) -> None:
    assert failing(f"Bearer {text}" if bearer else text)


# --- captures ---------------------------------------------------------------------------------------------

BODY = b'{"location_id":"L"}'


def test_a_request_is_read_with_either_line_end_and_with_or_without_its_start_line() -> None:
    for end in ("\r\n", "\n"):
        for start in (f"POST /posnext/menus HTTP/1.1{end}", f"POST /posnext/menus{end}", ""):
            raw = f"{start}Authorization:Bearer x{end}X-PCH-Digest:  y {end}{end}".encode() + BODY
            message = read_message(raw)
            assert (message.headers, message.body) == ({"authorization": "Bearer x", "x-pch-digest": "y"}, BODY)
            assert (message.is_request, message.status) == (bool(start), None)


def test_an_answer_as_curl_prints_it_is_read_past_100_continue() -> None:
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2 202\r\nx-pch-digest: y\r\ncontent-length: 19\r\n\r\n" + BODY + b"\n"
    message = read_message(raw)
    assert (message.status, message.headers["x-pch-digest"], message.body) == (202, "y", BODY)
    assert not message.doubt


def test_a_body_alone_and_a_head_alone_are_read() -> None:
    assert read_message(BODY + b"\n").body == BODY + b"\n"
    assert read_message(b"GET /posnext/orders/x HTTP/1.1\r\nhost: y\r\n").body == b""


def test_a_body_that_is_not_as_long_as_it_was_is_doubted() -> None:
    for length in (len(BODY) + 1, len(BODY) - 1):
        message = read_message(f"content-length: {length}\n\n".encode() + BODY)
        assert (message.body, bool(message.doubt)) == (BODY, True)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"hello\n\nworld", "line 1 is no header"),
        (b"POST / HTTP/1.1\nauthorization: a\nAuthorization: b\n\n{}", "line 3: authorization stands there twice"),
        (b"transfer-encoding: chunked\n\n13\r\n" + BODY, "still in chunks"),
        (b"content-encoding: gzip\n\n\x1f\x8b", "compressed"),
        (b"a: " + b"x" * 70_000, "more than"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(raw: bytes, says: str) -> None:
    with pytest.raises(NotReadable, match=says):
        read_message(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_not_readable(raw: bytes) -> None:
    try:
        message = read_message(raw)
    except NotReadable:
        return
    assert isinstance(message.body, bytes)
