"""The exact bytes of posnext, kept as files. A change here is a change of the wire."""

import base64
import hmac
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from posnext_builders import SHARED_ID
from posnext_golden import ANSWERS, CALLED, CALLS, CANCEL, MENU, ORDERS, as_http, bodies, digests

from builders import ORGANIZATION
from heard.domain.order.plan import PAYMENT_CALLS, Task
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols.posnext import auth, decode, encode, menus
from heard.protocols.posnext.capture import read_message
from heard.protocols.posnext.diagnose import Agreed, Captured, report
from heard.protocols.posnext.recipe import guess_kind

FILES = Path(__file__).parent.parent / "golden" / "posnext"
BODIES = bodies()
DIGESTS = json.loads((FILES / "digests.json").read_text("utf-8"))
VECTORS = json.loads((FILES / "vectors.json").read_text("utf-8"))


def read(name: str) -> bytes:
    return (FILES / name).read_bytes()


# --- bodies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_these_bytes(name: str) -> None:
    assert BODIES[name] == read(name)


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_read_from_these_bytes(name: str) -> None:
    order, amounts = ORDERS[name]
    assert decode.decode_order(read(name), amounts) == order


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_from_these_bytes(name: str) -> None:
    answer, amounts = ANSWERS[name]
    assert decode.decode_answer(read(name), amounts) == answer


def test_the_other_bodies_are_read_from_these_bytes() -> None:
    assert menus.decode_menu(read("menu.json")) == MENU
    assert decode.decode_cancel(read("cancel.json"))[0] == CANCEL
    assert decode.decode_menu_request(read("menu_request.json")) == ("org-1", "PAR-LOC-12345")
    assert decode.decode_menu_request(encode.encode_menu_request(None, "L")) == (None, "L")


def test_decimals_and_cents_are_the_same_amounts() -> None:
    pairs = [name for name in BODIES if name.endswith("_minor.json")]
    assert len(pairs) == 8

    def in_cents(value: object) -> object:
        match value:
            case dict():
                return {name: in_cents(inner) for name, inner in value.items()}
            case list():
                return [in_cents(inner) for inner in value]
            case Decimal():
                return int(value * 100)
            case _:
                return value

    for name in pairs:
        decimals = json.loads(read(name.replace("_minor", "_decimal")), parse_float=Decimal)
        assert in_cents(decimals) == json.loads(read(name))


def test_every_kind_of_message_has_a_file_and_every_file_is_held() -> None:
    kept = {file.name for file in FILES.glob("*.json")} - {"digests.json", "vectors.json"}
    assert kept == set(BODIES)
    kinds = (
        "validate submit cancel menu menu_request validated placed accepted rejected errored cancelled status callback"
    )
    assert [kind for kind in kinds.split() if not any(name.startswith(kind) for name in kept)] == []
    statuses = {json.loads(read(name))["status"] for name in ANSWERS}
    assert statuses == {"validated", "placed", "pending", "errored", "rejected", "cancelled"}
    schedules = {json.loads(read(name))["schedule_type"] for name in ORDERS}
    assert schedules == {"current", "future"}
    assert {file.name for file in (FILES / "http").iterdir()} == set(CALLS)


# --- their digests ----------------------------------------------------------------------------------------


def test_the_digests_are_kept_for_every_body_that_is_signed() -> None:
    assert digests() == DIGESTS
    assert set(BODIES) - set(DIGESTS) == {"menu_request.json"}
    assert {name for name, kept in DIGESTS.items() if set(kept) != {"digest", "body"}} == {"menu.json"}


@pytest.mark.parametrize("vector", VECTORS, ids=["with an order's id", "without"])
def test_the_documented_vectors_hold(vector: dict[str, str]) -> None:
    assert auth.digest(vector["shared_id"], vector["message"]) == vector["digest"]
    key, message = vector["shared_id"][:10].encode(), vector["message"].encode()
    assert hmac.new(key, message, "sha256").hexdigest() == vector["digest"]


def message_of(raw: bytes) -> str:
    """The documented message, by a reading of the body that shares nothing with ours."""
    body = json.loads(raw, parse_float=Decimal)
    details = body.get("order_details", {})
    totals = [details.get(name, 0) for name in ("grand_total", "subtotal")]
    cents = [int(total * 100) if isinstance(total, Decimal) else total for total in totals]
    seconds = int(datetime.fromisoformat(body["request_datetime"].replace("Z", "+00:00")).timestamp())
    order_id = details.get("online_order_id") or body.get("online_order_id") or "0"
    return f"{body['request_uid']}|{body['location_id']}|{order_id}|{cents[0]}|{cents[1]}|{seconds}"


@pytest.mark.parametrize("name", DIGESTS)
def test_a_kept_digest_is_what_plain_hmac_gives(name: str) -> None:
    raw = read(name)
    assert DIGESTS[name]["body"] == hmac.new(SHARED_ID.encode(), raw, "sha256").hexdigest()
    if "digest" in DIGESTS[name]:
        key, message = SHARED_ID[:10].encode(), message_of(raw).encode()
        assert DIGESTS[name]["digest"] == hmac.new(key, message, "sha256").hexdigest()


def test_the_placed_answer_signs_as_the_documents_first_vector() -> None:
    assert {DIGESTS[f"placed_{amounts}.json"]["digest"] for amounts in Amounts} == {VECTORS[0]["digest"]}


# --- whole requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_a_request_is_these_bytes(name: str) -> None:
    assert as_http(CALLS[name][0]) == read(f"http/{name}")


def test_every_call_of_the_connector_is_kept() -> None:
    others = {Task.DISPATCH, Task.EXPIRE, Task.LOSE, Task.GIVE_UP, *PAYMENT_CALLS}  # in the house, or a provider's
    kept = {name.partition(".")[0] for name in CALLS}
    assert [task for task in set(Task) - others if not any(name.startswith(task) for name in kept)] == []
    assert {"menus", "menus_if_changed", "submit_later"} <= kept


@pytest.mark.parametrize("name", CALLS)
def test_a_kept_request_carries_a_good_token_and_digest(name: str) -> None:
    _, store = CALLS[name]
    head, _, body = read(f"http/{name}").partition(b"\n\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    signed, _, signature = headers["authorization"].removeprefix("Bearer ").rpartition(".")
    mac = hmac.new(SHARED_ID.encode(), signed.encode(), "sha256").digest()
    assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    at_s = int(CALLED.timestamp())
    assert claims.pop("jti") in ("call_1", "callback_1")
    assert claims == {"iss": "par-ordering", "sub": ORGANIZATION, "iat": at_s, "exp": at_s + 300}
    if "x-pch-digest" in headers:
        in_body = store.pos.signature is SignatureScheme.BODY
        key, text = (SHARED_ID, body) if in_body else (SHARED_ID[:10], message_of(body).encode())
        assert headers["x-pch-digest"] == hmac.new(key.encode(), text, "sha256").hexdigest()
    else:
        assert name.startswith(("read_", "follow", "menus"))


@pytest.mark.parametrize("name", CALLS)
def test_the_debugger_finds_nothing_wrong_with_a_kept_request(name: str) -> None:
    _, store = CALLS[name]
    message = read_message(read(f"http/{name}"))
    captured = Captured(message.body, message.headers["authorization"], message.headers.get("x-pch-digest"))
    agreed = Agreed(store.pos.amounts, store.pos.signature, store.organization_id, CALLED)
    said = report(captured, guess_kind(message.body) if message.body else None, agreed, SHARED_ID)
    assert said.holds, said
