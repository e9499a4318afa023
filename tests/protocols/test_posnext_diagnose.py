"""Signatures made wrongly, by hand and each in its own way, and the debugger that must say how."""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from posnext_builders import AT, a_connection, an_answer, answers, order_json, orders, schemes

from heard import limits
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols.posnext import auth, encode
from heard.protocols.posnext.causes import Check, Verdict
from heard.protocols.posnext.diagnose import Agreed, Captured, Report, report
from heard.protocols.posnext.mistakes import MISTAKES
from heard.protocols.posnext.recipe import Kind, guess_kind

ID = "SharedSecret-123"
BASE64_ID = base64.b64encode(b"a secret of twenty b").decode()
MINOR, DECIMAL = Amounts.MINOR, Amounts.DECIMAL
DIGEST, BODY = SignatureScheme.DIGEST, SignatureScheme.BODY
VECTOR = "aa1e8d62c3e7dfef204647fd61faa4195721308cf6f2543b5e67d53922a70540"


def hm(key: str | bytes, text: str | bytes, name: str = "sha256") -> str:
    key, text = (one.encode() if isinstance(one, str) else one for one in (key, text))
    return hmac.new(key, text, name).hexdigest()


def an_order_body(**changes: Any) -> bytes:
    """1403 and 1299 as in the documented vectors; received a quarter of an hour and a bit later."""
    body = {**order_json(online_order_id="OO-1001"), "received_at": "2025-01-15T18:45:07.250Z", **changes}
    return json.dumps(body).encode()


def checked(
    raw: bytes,
    digest: str | None,
    scheme: SignatureScheme = DIGEST,
    *,
    amounts: Amounts = MINOR,
    shared_id: str = ID,
    kind: Kind | None = None,
) -> Report:
    captured = Captured(raw, None, digest, token_expected=False)
    return report(captured, kind or guess_kind(raw), Agreed(amounts, scheme), shared_id)


def check_of(said: Report, rule: str) -> Check:
    return next(check for check in said.checks if check.rule == rule)


def causes(said: Report, rule: str = "digest") -> list[list[str]]:
    check = check_of(said, rule)
    assert check.verdict is Verdict.FAILS
    return [[found.name for found in cause] for cause in check.causes]


# --- one mistake ------------------------------------------------------------------------------------------

UID, LOC, OO, T = "order-12345", "PAR-LOC-12345", "OO-1001", 1736965800
MESSAGE = f"{UID}|{LOC}|{OO}|1403|1299|{T}"
TEN = ID[:10]
NO_OO = f"{UID}|{LOC}|0|1403|1299|{T}"

OF_AN_ORDER = {
    "the whole SharedId as key": (hm(ID, MESSAGE), "whole_shared_id"),
    "the last ten characters": (hm(ID[-10:], MESSAGE), "last_ten"),
    "eleven characters": (hm(ID[:11], MESSAGE), "other_length"),
    "no key loaded": (hm("", MESSAGE), "empty_key"),
    "a quoted SharedId": (hm(f'"{ID}"'[:10], MESSAGE), "shared_id_with_blank"),
    "decimals": (hm(TEN, f"{UID}|{LOC}|{OO}|14.03|12.99|{T}"), "decimals"),
    "cents times a hundred": (hm(TEN, f"{UID}|{LOC}|{OO}|140300|129900|{T}"), "times_hundred"),
    "received_at": (hm(TEN, f"{UID}|{LOC}|{OO}|1403|1299|{T + 907}"), "other_time"),
    "milliseconds": (hm(TEN, f"{MESSAGE}000"), "not_seconds"),
    "the text of the time": (hm(TEN, MESSAGE.replace(str(T), "2025-01-15T18:30:00.000Z")), "not_seconds"),
    "New York's clock": (hm(TEN, MESSAGE.replace(str(T), str(T + 5 * 3600))), "local_time"),
    "Kathmandu's clock": (hm(TEN, MESSAGE.replace(str(T), str(T - 20700))), "local_time"),
    "the body": (hm(ID, an_order_body()), "body_instead_of_message"),
    "the body with ten characters": (hm(TEN, an_order_body()), "body_instead_of_message"),
    "base64": (base64.b64encode(bytes.fromhex(VECTOR)).decode(), "other_spelling"),
    "base64 of hex": (base64.b64encode(VECTOR.encode()).decode(), "other_spelling"),
    "dashes between bytes": ("-".join(VECTOR[at : at + 2].upper() for at in range(0, 64, 2)), "other_spelling"),
    "sha256= before it": (f"sha256={VECTOR}", "other_spelling"),
    "commas": (hm(TEN, MESSAGE.replace("|", ",")), "other_separator"),
    "no pipes": (hm(TEN, MESSAGE.replace("|", "")), "other_separator"),
    "a pipe at the end": (hm(TEN, f"{MESSAGE}|"), "other_separator"),
    "swapped totals": (hm(TEN, f"{UID}|{LOC}|{OO}|1299|1403|{T}"), "swapped_totals"),
    "swapped ids": (hm(TEN, f"{LOC}|{UID}|{OO}|1403|1299|{T}"), "other_order"),
    "SHA-1": (hm(TEN, MESSAGE, "sha1"), "other_hash"),
    "SHA-512": (hm(TEN, MESSAGE, "sha512"), "other_hash"),
    "MD5": (hm(TEN, MESSAGE, "md5"), "other_hash"),
    "a hash without a key": (hashlib.sha256(MESSAGE.encode()).hexdigest(), "hash_without_hmac"),
    "a hash of key and message": (hashlib.sha256((TEN + MESSAGE).encode()).hexdigest(), "hash_without_hmac"),
    "swapped arguments": (hm(MESSAGE, TEN), "arguments_swapped"),
    "echo's newline": (hm(TEN, f"{MESSAGE}\n"), "line_end"),
    "no totals": (hm(TEN, f"{UID}|{LOC}|{OO}|0|0|{T}"), "zero_for_a_value"),
    "no online_order_id": (hm(TEN, NO_OO), "zero_for_a_value"),
    "five parts": (hm(TEN, f"{UID}|{LOC}|1403|1299|{T}"), "left_out"),
    "lower case": (hm(TEN, f"{UID}|{LOC.lower()}|oo-1001|1403|1299|{T}"), "case_of_ids"),
}


@pytest.mark.parametrize("made", OF_AN_ORDER)
def test_a_wrong_digest_of_an_order_is_traced_to_its_mistake(made: str) -> None:
    digest, mistake = OF_AN_ORDER[made]
    said = checked(an_order_body(), digest)
    assert not said.holds
    assert causes(said) == [[mistake]]


WITHOUT = json.dumps(order_json()).encode()


@pytest.mark.parametrize("text", ["", "null", "None", "undefined"])
def test_what_is_missing_and_not_zero_is_told(text: str) -> None:
    assert causes(checked(WITHOUT, hm(TEN, NO_OO.replace("|0|", f"|{text}|")))) == [["missing_not_zero"]]


def test_what_is_missing_and_left_out_is_told() -> None:
    assert causes(checked(WITHOUT, hm(TEN, NO_OO.replace("|0|", "|")))) == [["left_out"]]


def test_a_decoded_shared_id_is_told() -> None:
    for key in (base64.b64decode(BASE64_ID)[:10], base64.b64decode(BASE64_ID)):
        assert causes(checked(an_order_body(), hm(key, MESSAGE), shared_id=BASE64_ID)) == [["decoded_shared_id"]]
    as_hex = "0123456789abcdef0123456789abcdef"
    key = bytes.fromhex(as_hex)[:10]
    assert causes(checked(an_order_body(), hm(key, MESSAGE), shared_id=as_hex)) == [["decoded_shared_id"]]


def test_cents_that_went_through_a_float_are_told() -> None:
    """1.15 * 100 is 114.99999999999999."""
    line = {"id": "b", "name": "B", "item_type": "Item", "quantity": 1, "price": 1.15}
    raw = json.dumps(order_json(menu_items=[line], subtotal=1.15, tax=0, grand_total=1.15)).encode()
    digest = hm(TEN, f"{UID}|{LOC}|0|{int(1.15 * 100)}|{int(1.15 * 100)}|{T}")
    said = checked(raw, digest, amounts=DECIMAL)
    assert causes(said) == [["binary_cents"]]
    assert check_of(said, "digest").causes[0][0].detail == "truncated: 114 and 114"


def test_amounts_that_are_set_wrongly_are_told_on_both_sides() -> None:
    right = hm(TEN, MESSAGE)
    said = checked(an_order_body(), right, amounts=DECIMAL)
    assert causes(said) == [["taken_for_decimals"]]
    raw = json.dumps(order_json(online_order_id=OO, subtotal=12.99, tax=1.04, grand_total=14.03)).encode()
    said = checked(raw, right, amounts=MINOR)
    assert check_of(said, "digest").verdict is Verdict.HOLDS
    assert "amounts are `minor`" in check_of(said, "body.fields").says


def test_decimals_are_known_in_every_way_of_writing_them() -> None:
    line = {"id": "b", "name": "B", "item_type": "Item", "quantity": 1, "price": 12.5}
    raw = json.dumps(order_json(menu_items=[line], subtotal=12.50, tax=1.5, grand_total=14.00)).encode()
    for totals in ("14.00|12.50", "14.0|12.5", "14|12.5"):
        assert causes(checked(raw, hm(TEN, f"{UID}|{LOC}|0|{totals}|{T}"), amounts=DECIMAL)) == [["decimals"]]


def test_another_id_in_an_answers_message_is_told() -> None:
    raw = encode.encode_answer(an_answer(), MINOR)
    said = checked(raw, hm(TEN, MESSAGE.replace(OO, "T-42")))
    assert causes(said) == [["other_id"]]
    assert check_of(said, "digest").causes[0][0].detail == "pos_order_id where online_order_id belongs"


# --- the body scheme --------------------------------------------------------------------------------------

BODY_JSON = {**order_json(notes="Zoë – 2×"), "a": [1.5, 2.0, {"z": 1, "b": {}}]}
SENT = json.dumps(BODY_JSON, ensure_ascii=False, separators=(", ", ":")).encode()  # as none of the known writers
REWRITTEN = {
    "Python's default": json.dumps(BODY_JSON),
    "Python's, UTF-8": json.dumps(BODY_JSON, ensure_ascii=False),
    "JavaScript's": json.dumps(BODY_JSON, ensure_ascii=False, separators=(",", ":")).replace("2.0", "2"),
    "compact and ASCII": json.dumps(BODY_JSON, separators=(",", ":")),
    "sorted": json.dumps(BODY_JSON, sort_keys=True),
    "sorted and compact": json.dumps(BODY_JSON, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    "indented by two": json.dumps(BODY_JSON, indent=2, ensure_ascii=False),
    "indented by four and sorted": json.dumps(BODY_JSON, indent=4, sort_keys=True),
}


@pytest.mark.parametrize("how", REWRITTEN)
def test_a_body_that_was_written_anew_is_told(how: str) -> None:
    assert causes(checked(SENT, hm(ID, REWRITTEN[how]), BODY))[0] == ["rewritten_body"]


OF_A_BODY = {
    "ten characters": (hm(TEN, SENT), "ten_characters"),
    "the message": (hm(TEN, NO_OO), "message_instead_of_body"),
    "the message with the whole SharedId": (hm(ID, NO_OO), "message_instead_of_body"),
    "a newline after it": (hm(ID, SENT + b"\n"), "line_end"),
    "SharedId with a newline": (hm(f"{ID}\n", SENT), "shared_id_with_blank"),
    "base64": (base64.b64encode(bytes.fromhex(hm(ID, SENT))).decode(), "other_spelling"),
    "SHA-1": (hm(ID, SENT, "sha1"), "other_hash"),
}


@pytest.mark.parametrize("made", OF_A_BODY)
def test_a_wrong_digest_of_a_body_is_traced_to_its_mistake(made: str) -> None:
    digest, mistake = OF_A_BODY[made]
    assert causes(checked(SENT, digest, BODY)) == [[mistake]]


def test_a_line_end_that_the_capture_has_and_the_sender_had_not_is_told() -> None:
    assert causes(checked(SENT + b"\n", hm(ID, SENT), BODY)) == [["line_end"]]


# --- two mistakes -----------------------------------------------------------------------------------------

PAIRS = {
    "whole key and decimals": (hm(ID, f"{UID}|{LOC}|{OO}|14.03|12.99|{T}"), {"whole_shared_id", "decimals"}),
    "whole key and milliseconds": (hm(ID, f"{MESSAGE}000"), {"whole_shared_id", "not_seconds"}),
    "whole key with its newline": (hm(f"{ID}\n", MESSAGE), {"shared_id_with_blank", "whole_shared_id"}),
    "swapped totals and base64": (
        base64.b64encode(bytes.fromhex(hm(TEN, f"{UID}|{LOC}|{OO}|1299|1403|{T}"))).decode(),
        {"swapped_totals", "other_spelling"},
    ),
    "SHA-1 and New York": (hm(TEN, MESSAGE.replace(str(T), str(T + 18000)), "sha1"), {"other_hash", "local_time"}),
    "commas and received_at": (
        hm(TEN, MESSAGE.replace("|", ",").replace(str(T), str(T + 907))),
        {"other_separator", "other_time"},
    ),
    "the body, written anew": (
        hm(ID, json.dumps(json.loads(an_order_body()), separators=(",", ":"))),
        {"body_instead_of_message", "rewritten_body"},
    ),
}


@pytest.mark.parametrize("made", PAIRS)
def test_two_mistakes_made_together_are_both_named(made: str) -> None:
    digest, mistakes = PAIRS[made]
    assert mistakes in [set(cause) for cause in causes(checked(an_order_body(), digest))]


def test_what_is_tried_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    digest, _ = PAIRS["commas and received_at"]
    monkeypatch.setattr(limits, "DIAGNOSES_MAX", 150)
    assert causes(checked(an_order_body(), digest)) == []
    monkeypatch.setattr(limits, "DIAGNOSES_MAX", 50_000)
    monkeypatch.setattr(limits, "DIAGNOSE_HASHED_BYTES_MAX", 0)
    assert causes(checked(SENT, hm(f"{ID}\n", SENT), BODY)) == []


# --- no mistake -------------------------------------------------------------------------------------------


@given(orders(), answers(), schemes, st.sampled_from(Amounts), st.booleans())
@settings(max_examples=60)
def test_a_right_signature_is_found_right_and_no_mistake_is_told(
    order: Any, answer: Any, scheme: SignatureScheme, amounts: Amounts, upper: bool
) -> None:
    connection = a_connection(signature=scheme, amounts=amounts)
    raw_order, raw_answer = encode.encode_order(order, amounts), encode.encode_answer(answer, amounts)
    for raw, digest in (
        (raw_order, auth.sign_order(order, raw_order, connection)),
        (raw_answer, auth.sign_answer(answer, raw_answer, connection)),
    ):
        check = check_of(checked(raw, digest.upper() if upper else digest, scheme, amounts=amounts), "digest")
        assert check.verdict is (Verdict.ADVICE if upper else Verdict.HOLDS)
        assert check.causes == ()


@given(st.binary(min_size=32, max_size=32), schemes)
@settings(max_examples=10, deadline=None)
def test_a_random_digest_is_no_known_mistake(digest: bytes, scheme: SignatureScheme) -> None:
    assert causes(checked(an_order_body(), digest.hex(), scheme)) == []


@given(orders(), schemes, st.text(max_size=80))
@settings(max_examples=10, deadline=None)
def test_whatever_stands_in_the_header_is_told_as_wrong(order: Any, scheme: SignatureScheme, header: str) -> None:
    assert causes(checked(encode.encode_order(order, MINOR), header, scheme)) == []


def test_a_missing_and_an_empty_header_are_told() -> None:
    for header in (None, "", " "):
        assert causes(checked(an_order_body(), header)) == []


def test_every_mistake_has_a_name_of_its_own_an_explanation_and_a_fix() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
    assert all(mistake.what and mistake.fix and mistake.uses for mistake in MISTAKES)
    seeded = {name for _, name in (*OF_AN_ORDER.values(), *OF_A_BODY.values())}
    elsewhere = {"missing_not_zero", "decoded_shared_id", "binary_cents", "taken_for_decimals", "other_id"}
    assert {mistake.name for mistake in MISTAKES} - seeded - elsewhere == {"rewritten_body", "other_encoding"}


def test_a_message_in_another_encoding_is_told() -> None:
    raw = an_order_body(location_id="Café")
    assert causes(checked(raw, hm(TEN, MESSAGE.replace(LOC, "Café").encode("latin-1")))) == [["other_encoding"]]


# --- the body's own rules ---------------------------------------------------------------------------------


def test_sums_and_members_are_checked_beside_the_digest() -> None:
    raw = an_order_body(order_details={**order_json()["order_details"], "online_order_id": OO, "tax": 103})
    said = checked(raw, VECTOR)
    assert [(check.rule, check.verdict.value) for check in said.checks] == [
        ("token", "skipped"),
        ("digest", "holds"),
        ("body.json", "holds"),
        ("body.fields", "holds"),
        ("body.sums", "fails"),
    ]
    assert "stated 1403 cents, added up 1402" in check_of(said, "body.sums").says
    said = checked(an_order_body(order_details={"online_order_id": OO, "subtotal": 1299, "grand_total": 1403}), VECTOR)
    assert check_of(said, "digest").verdict is Verdict.HOLDS
    assert "menu_items" in " ".join(check.says for check in said.checks if check.rule == "body.fields")


def test_a_body_that_is_no_json_is_told_and_still_verified_where_its_bytes_are_signed() -> None:
    raw = b'{"status": "placed",}'
    for scheme, digest, verdict in ((BODY, hm(ID, raw), Verdict.HOLDS), (DIGEST, VECTOR, Verdict.FAILS)):
        said = report(Captured(raw, None, digest, token_expected=False), None, Agreed(MINOR, scheme), ID)
        assert check_of(said, "digest").verdict is verdict
        assert check_of(said, "body.json").verdict is Verdict.FAILS
    said = report(Captured(b"[]", None, None, answer=True), None, Agreed(MINOR, DIGEST), ID)
    assert check_of(said, "body.json").says == "JSON, and no object"


def test_a_menu_carries_a_digest_in_the_body_scheme_only() -> None:
    asked, menu = b'{"location_id":"L"}', b'{"location_id":"L","menus":[]}'
    for raw, scheme, verdict in (
        (asked, DIGEST, Verdict.SKIPPED),
        (asked, BODY, Verdict.SKIPPED),
        (menu, DIGEST, Verdict.SKIPPED),
        (menu, BODY, Verdict.HOLDS),
    ):
        assert check_of(checked(raw, hm(ID, menu), scheme), "digest").verdict is verdict


def test_the_kind_of_a_body_is_told_by_its_members() -> None:
    kinds = {
        an_order_body(): Kind.ORDER,
        b'{"request_type":"cancel-order"}': Kind.CANCEL,
        b'{"status":"placed","request_uid":"x"}': Kind.ANSWER,
        b'{"menus":[]}': Kind.MENU,
        b'{"organization_id":"o","location_id":"l"}': Kind.MENU,
        b'{"hello":1}': None,
    }
    assert {raw: guess_kind(raw) for raw in kinds} == kinds


@given(st.binary(max_size=60), st.sampled_from(Kind), schemes)
@settings(max_examples=60)
def test_any_bytes_give_a_report(raw: bytes, kind: Kind, scheme: SignatureScheme) -> None:
    assert checked(raw, None, scheme, kind=kind).checks


def token_for(subject: str) -> str:
    """Of a sender who took the SharedId for the organization's name."""
    return auth.make_token(subject, subject, AT, "j")


# --- what may be pasted in a ticket -----------------------------------------------------------------------


@pytest.mark.parametrize("made", OF_AN_ORDER)
def test_no_report_holds_the_shared_id_a_key_or_a_whole_digest(made: str) -> None:
    text = str(asdict(checked(an_order_body(), OF_AN_ORDER[made][0])))
    for secret in (ID, TEN, ID[-10:], VECTOR, OF_AN_ORDER[made][0]):
        assert secret not in text


def test_a_shared_id_that_was_sent_is_not_repeated() -> None:
    raw = an_order_body(request_uid=ID, location_id=f"at {ID}")
    said = checked(raw, ID)
    assert said.message[0] == ("request_uid", "[SharedId]")
    assert TEN not in str(asdict(said))
    odd = 'it\'s \\ a "secret"'
    said = checked(an_order_body(request_type=odd), odd, shared_id=odd, kind=Kind.ORDER)
    assert "'[SharedId]' is none of validate-order" in check_of(said, "body.fields").says
    as_claim = report(Captured(b"", f"Bearer {token_for(odd)}", None), None, Agreed(MINOR, DIGEST, "org-1"), odd)
    assert check_of(as_claim, "token.organization").verdict is Verdict.FAILS
    assert "secret" not in str(asdict(as_claim))


def test_a_capture_prints_without_what_it_carries() -> None:
    captured = Captured(an_order_body(), f"Bearer {ID}", VECTOR)
    assert ID not in repr(captured)
    assert UID not in repr(captured)
