"""Standard Webhooks: signatures that others can check, and one refusal for everything else."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders import NOW
from heard.protocols.webhooks.auth import WebhookRefused, new_endpoint_secret, sign, verify
from heard.protocols.webhooks.encode import headers_for

SECRET = new_endpoint_secret(bytes(range(32)))
OTHER = new_endpoint_secret(bytes(range(1, 33)))
BODY = b'{"type":"order.ready"}'
HEADERS = headers_for("evt_1", NOW, BODY, [SECRET])


def test_the_signature_is_the_one_the_standard_describes() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    message = b"evt_1." + str(int(NOW.timestamp())).encode() + b"." + BODY
    wanted = "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    assert HEADERS["webhook-signature"] == wanted


def test_the_signature_is_the_one_that_was_published() -> None:
    """The example that the makers of the scheme publish, so that implementations agree with more than themselves."""
    secret, webhook_id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    body = b'{"test": 2432232314}'
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign([secret], webhook_id, 1614265330, body) == signature
    headers = {"webhook-id": webhook_id, "webhook-timestamp": "1614265330", "webhook-signature": signature}
    assert verify(headers, body, [secret], datetime.fromtimestamp(1614265330, UTC)).id == webhook_id


def test_a_good_signature_is_found_among_others() -> None:
    good = HEADERS["webhook-signature"]
    for signatures in (f"v1a,abc v1,!!! {good}", f"{good} v2,abc", f"  {good} "):
        assert verify({**HEADERS, "webhook-signature": signatures}, BODY, [OTHER, SECRET], NOW).id == "evt_1"
    with pytest.raises(WebhookRefused):
        verify({**HEADERS, "webhook-signature": "v1,AAAA " * 1000 + good}, BODY, [SECRET], NOW)


def test_a_delivery_verifies_whatever_the_case_of_its_header_names() -> None:
    verified = verify({name.upper(): value for name, value in HEADERS.items()}, BODY, [SECRET], NOW)
    assert (verified.id, verified.timestamp) == ("evt_1", int(NOW.timestamp()))


def test_while_a_secret_rotates_both_sign_and_either_verifies() -> None:
    headers = headers_for("evt_1", NOW, BODY, [SECRET, OTHER])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, OTHER):
        verify(headers, BODY, [secret], NOW)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"webhook-id": "evt_2"}, BODY),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, BODY),
        ({}, BODY + b" "),
        ({"webhook-signature": sign([OTHER], "evt_1", int(NOW.timestamp()), BODY)}, BODY),
        ({"webhook-signature": HEADERS["webhook-signature"].replace("v1,", "v2,")}, BODY),
        ({"webhook-signature": "v1,!!!"}, BODY),
        ({"webhook-signature": "v1,é"}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-timestamp": "-1"}, BODY),
        ({"webhook-timestamp": "1" * 40}, BODY),
        ({"webhook-timestamp": "²"}, BODY),
        ({"webhook-id": "\ud800"}, BODY),
    ],
)
def test_anything_else_is_refused(change: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verify({**HEADERS, **change}, body, [SECRET], NOW)


@pytest.mark.parametrize("apart_s", [-301, 301])
def test_a_delivery_from_another_time_is_refused(apart_s: int) -> None:
    with pytest.raises(WebhookRefused):
        verify(HEADERS, BODY, [SECRET], NOW + timedelta(seconds=apart_s))
    verify(HEADERS, BODY, [SECRET], NOW + timedelta(seconds=apart_s * 0.9))


def test_no_secret_verifies_nothing() -> None:
    with pytest.raises(WebhookRefused):
        verify(HEADERS, BODY, [], NOW)


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()))
def test_garbage_is_refused_and_nothing_else(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookRefused):
        verify(headers, BODY, [SECRET], NOW)


@given(st.sampled_from(sorted(HEADERS)), st.text() | st.integers().map(str), st.binary(max_size=20))
def test_one_odd_header_or_another_body_is_refused_and_nothing_else(name: str, value: str, body: bytes) -> None:
    assume(value != HEADERS[name] and name != "content-type")
    with pytest.raises(WebhookRefused):
        verify({**HEADERS, name: value}, BODY, [SECRET], NOW)
    with pytest.raises(WebhookRefused):
        verify(HEADERS, body, [SECRET], NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "plain"])
def test_a_secret_that_is_none_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        sign([secret], "evt_1", 1, BODY)


def test_a_secret_has_24_to_64_bytes() -> None:
    for size in (23, 65):
        with pytest.raises(ValueError, match="24 to 64"):
            new_endpoint_secret(bytes(size))
