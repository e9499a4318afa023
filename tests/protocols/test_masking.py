"""What is shown of a call: nothing of the guest, no secret, the rest as it was; whatever bytes there are."""

import json
import string
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from builders import SHARED_ID, a_content, a_line
from heard import limits
from heard.domain.order.content import Customer, OrderContent
from heard.protocols.link.encode import encode_content
from heard.protocols.masking import known_of, masked
from lengths import examples

# What our own words and those of the builders have in them is no guest's name here: nobody could tell them apart.
_PLAIN = ("name", "burger", "cheese", "order")
LETTERS = string.ascii_letters + "éßøżЖ李"
PARTS = st.text(LETTERS, min_size=3, max_size=12).filter(lambda text: text.lower() not in _PLAIN)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(" ".join)
PHONES = st.text(string.digits, min_size=7, max_size=15).map("+{}".format)
EMAILS = st.builds("{}@{}.example".format, st.text(string.ascii_lowercase, min_size=3, max_size=9), PARTS)
GUESTS = st.builds(Customer, NAMES, PHONES, EMAILS)


def of(guest: Customer, **changes: Any) -> OrderContent:
    return a_content(customer=guest, **changes)


def survivors(shown: str, guest: Customer, *secrets: str) -> list[str]:
    """Which of a guest's texts a person could still read."""
    texts = (guest.name, guest.phone, guest.email, *secrets)
    lowered = shown.casefold()
    return [text for text in texts if text and text.casefold() in lowered]


@given(GUESTS, st.text(LETTERS + " ", min_size=3, max_size=60).filter(str.strip))
def test_an_order_as_it_is_kept_shows_nothing_of_its_guest_and_all_of_its_items(guest: Customer, note: str) -> None:
    content = of(guest, notes=note, lines=(a_line(notes=note),))
    shown = masked(encode_content(content))
    body = json.loads(shown)
    assert survivors(shown, guest) == []
    assert not set(body["notes"]) & set(LETTERS)
    assert not set(body["items"][0]["notes"]) & set(LETTERS)
    item = body["items"][0]
    if not known_of(content).pattern.search("Burger Cheese"):  # type: ignore[union-attr]
        assert (item["name"], item["modifiers"][0]["name"]) == ("Burger", "Cheese")
    assert (body["total"], body["currency"]) == (content.totals.total, "USD")
    assert len(body["customer"]["name"]) == len(guest.name or ""), "its length is still to be seen"


_FORMS = st.sampled_from(
    [
        '{{"errors":[{{"message":"{0} ({1}) is barred, ask {2}; key {3}"}}]}}',
        '{{"said":{{"by":"{0}","{2}":1,"at":"{1}","with":"{3}"}}}}',
        "Traceback: {0} / {1} / {2} / {3}",
        "<p>{0}</p><b>{1}</b>{2} {3}",
        "who={0}&p={1}&m={2}&s={3}",
        '{{"broken": "{0}", {1} {2}, {3}',
        '["{0}", "{1}", "{2}", "{3}"',
        "{{{0} {1} {2} {3}}}",
        '"{0}" "{1}" "{2}" "{3}"',
    ]
)


@given(GUESTS, _FORMS, st.booleans())
def test_what_a_pos_says_of_the_guest_in_its_own_words_is_masked_too(guest: Customer, form: str, escaped: bool) -> None:
    texts = [guest.name, guest.phone, guest.email, SHARED_ID]
    if escaped:
        texts = [json.dumps(text)[1:-1] for text in texts]
    assume(not escaped or form.startswith('{"errors"'))
    known = known_of(of(guest), (SHARED_ID,))
    assert survivors(masked(form.format(*texts).encode(), known), guest, SHARED_ID) == []


@given(GUESTS, st.integers(0, 400))
def test_a_text_that_breaks_off_shows_no_half_of_a_name_either(guest: Customer, at: int) -> None:
    whole = json.dumps({"message": f"for {guest.name}, {guest.email}", "customer": {"name": guest.name}}).encode()
    for raw in (whole, f"for {guest.name} and {guest.email} and others".encode()):
        shown = masked(raw[:at], known_of(of(guest)), cut=True)
        for part in (guest.name or "").split():
            assert part.casefold() not in shown.casefold()
        assert survivors(shown, guest) == []


@pytest.mark.parametrize(
    "secret",
    [
        "Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJwYXIifQ.c2lnbmF0dXJlLW9mLWl0",
        "hcs_8s7df6s8d7f6s8d7f6s8d7f6",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "9f86d081884c7d659a2feaa0c55ad015",
        "sk_live_51H8sd7fs8d7fs8df",
        "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtdG8tYmUtb25l",
        "4242 4242 4242 4242",
        "+44 20 7946 0958",
        "(555) 010-4477",
        "somebody.else@mail.example",
    ],
)
@pytest.mark.parametrize("form", ['{{"m": "it was {0}!"}}', "it was {0} then", '{{"m": "{0}', '{{"{0}": 1}}'])
def test_what_looks_like_a_secret_or_a_number_is_masked_wherever_it_stands(secret: str, form: str) -> None:
    shown = masked(form.format(secret).encode())
    assert secret not in shown
    assert secret.removeprefix("Bearer ") not in shown
    assert "•" in shown


SECRETS = "Authorization x-pch-digest client_secret accessToken password api_key sharedId Set-Cookie card cvv"
PERSONAL = (
    "first_name phoneNumber e-mail delivery_address street postal_code special_instructions customer guest birthday"
)


@pytest.mark.parametrize("member", f"{SECRETS} {PERSONAL}".split())
def test_what_a_member_of_such_a_name_holds_is_masked(member: str) -> None:
    for value in ("plain", 12345, {"a": ["plain", {"b": 12345}]}):
        shown = masked(json.dumps({member: value, "status": "placed"}).encode())
        assert "plain" not in shown
        assert "12345" not in shown
        assert '"placed"' in shown
    assert "plain" not in masked(f"status=placed&{member}=plain".encode())
    assert "plain" not in masked(f"{member}: plain\nstatus: placed".encode())
    assert "plain" not in masked(json.dumps({"m": json.dumps({member: "plain"})}).encode())


def test_what_a_person_needs_to_find_the_fault_stays() -> None:
    said = {
        "status": "rejected",
        "request_uid": "sub_01kdvdna000000000000000000",
        "request_datetime": "2026-03-14T12:00:00.000Z",
        "location_id": "LOC-1",
        "order_details": {"menu_items": [{"id": "B", "name": "Basic burger, +2 sauces", "price": 999, "quantity": 2}]},
        "subtotal": 19.90,
        "callback_url": "http://127.0.0.1:8000/posnext/callbacks/ven_01kk0000000000000000000001",
        "errors": [{"code": "price_mismatch", "message": "expected 19.90, got 18.00", "path": "$.order_details"}],
    }
    shown = masked(json.dumps(said).encode(), known_of(a_content()))
    assert json.loads(shown) == said
    assert len(shown.splitlines()) > len(said), "a member a line"
    assert masked(b'{"a": 1.10, "a": 2}') == '{\n  "a": 1.10,\n  "a": 2\n}', "numbers and doubles as they were written"


_JSON = st.recursive(
    st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.binary(max_size=3_000) | st.text().map(str.encode) | _JSON.map(lambda value: json.dumps(value).encode()))
@example(b"\xff\xfe")
@example(b'{"a": "\\ud800"}')
@example(b'"' + b"\\" * 101)
@example(b'{"name":' * 40)
@settings(max_examples=examples(300))
def test_whatever_bytes_there_are_it_never_raises_and_says_no_more_than_there_was(raw: bytes) -> None:
    shown = masked(raw, known_of(a_content()))
    shown.encode()  # no half of a surrogate pair, nothing that cannot be sent
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in shown)
    assert len(shown) <= 2 * limits.SAID_TEXT_MAX


def test_of_a_long_body_the_beginning_is_shown_and_of_one_that_is_no_text_its_length() -> None:
    long = json.dumps({"lines": ["x" * 10] * 50_000}).encode()
    assert len(masked(long)) <= limits.SAID_TEXT_MAX + 100
    assert len(masked(b"[" * 30 + b"[]," * 2_000 + b"1" + b"]" * 30)) <= 2 * limits.SAID_TEXT_MAX
    assert masked(b"PK\0\1") == "(4 bytes that are no text)"
    assert masked(b"") == ""
    assert masked("Zoé rang".encode("latin-1"), known_of(of(Customer("Zoé")))) == "••• rang"
    cut_within = ("é" * limits.SAID_TEXT_MAX).encode()[: limits.SAID_TEXT_MAX - 1]
    assert "Ã" not in masked(cut_within, cut=True), "a character that the cut went through makes no other text"
