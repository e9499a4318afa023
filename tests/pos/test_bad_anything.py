"""Anything at all: whatever a stranger sends, the kit does not fail, signs what it grants, explains what it refuses."""

import asyncio
import copy
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asking import problem_of
from heard import limits
from heard.domain.stores import Amounts, SignatureScheme
from heard.net.call import Answer
from heard.protocols.posnext import decode
from pos.kits import SHARED_ID, ScriptedPos
from pos.strangers import (
    ORDERS,
    SUBMIT,
    Stranger,
    a_cancel,
    a_modifier,
    a_served_kit,
    a_token,
    all_calls,
    an_item,
    an_order,
    hexed,
    parsed,
    part,
)

Sample = st.SearchStrategy[Any]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.integers(-2, 5),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["Item", "Discount", "Memo", "Modifier", "future", "place-order", "validate-order", "U-1", "0", ""]
    ),
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def samples(count: int, *strategies: Sample) -> list[tuple[Any, ...]]:
    """What Hypothesis would try, to be tried in one event loop."""
    found: list[tuple[Any, ...]] = []

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.tuples(*strategies))
    def collect(sample: tuple[Any, ...]) -> None:
        found.append(sample)

    collect()
    return found


def is_right(answer: Answer, *, head: bool = False) -> None:
    """No fault of ours; a yes is signed and can be read; a no is a problem that has its code and its id."""
    assert 200 <= answer.status < 500, (answer.status, answer.body)
    if answer.status < 300:
        assert answer.headers["x-pch-digest"] == hexed(SHARED_ID, answer.body)
        if b'"menus":' not in answer.body:
            decode.decode_answer(answer.body, Amounts.MINOR)
    elif answer.status != 304 and not head:
        problem_of(answer, answer.status, json.loads(answer.body)["code"])


def mutated(good: dict[str, Any], chance: random.Random, junk: list[Any]) -> bytes:
    """A good body with some places changed, put in, taken out or doubled; and then, perhaps, some bytes."""
    body: Any = copy.deepcopy(good)
    for value in junk:
        place, name = body, chance.choice(list(body))
        while isinstance(place[name], dict | list) and place[name] and chance.random() < 0.8:
            place = place[name]
            name = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        what = chance.random()
        if what < 0.6:
            place[name] = value
        elif what < 0.7 and isinstance(place, dict):
            place[str(value)[:20]] = place[name]
        elif what < 0.8 and isinstance(place, list):
            place.append(copy.deepcopy(place[name]))
        else:
            del place[name]
        if not body:
            break
    raw = bytearray(json.dumps(body).encode())
    if chance.random() < 0.25:
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def a_rich_order(number: int) -> dict[str, Any]:
    """One with every member there is."""
    at = "2026-01-16T18:30:00.000Z"
    order = an_order(f"U-{number}", schedule_type="future", callback_url="https://127.0.0.1:9/x", ttl=34_000_000)
    discount = a_modifier(item_type="Discount", price=100)
    details = {
        "requested_at": at,
        "customer": {"name": "Ada", "phone": "+1", "email": "a@b.example"},
        "notes": "n",
        "menu_items": [an_item(notes="n", menu_items=[a_modifier(), discount]), an_item(item_type="Memo", price=0)],
        "discount_total": 100,
        "tip": 50,
        "fees": 50,
        "payments": [{"type": "card", "amount": 1249, "reference": "r"}],
    }
    order["order_details"] |= details
    return order | {"received_at": at, "completed_at": at}


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
async def test_no_mutation_of_a_signed_body_makes_the_kit_fail_or_places_a_ticket_twice() -> None:
    pos = ScriptedPos()
    goods: list[Callable[[int], dict[str, Any]]] = [
        a_rich_order,
        lambda number: an_order(f"U-{number}", place=False),
        lambda number: a_cancel("U-0"),
        lambda number: {"organization_id": "demo", "location_id": "demo-1"},
    ]
    async with a_served_kit(pos, signature=SignatureScheme.BODY) as stranger:
        stranger.good(await stranger.submit(a_rich_order(0)))
        placed = {"U-0"}
        cases = samples(250, st.integers(0, 2**32), st.lists(JUNK, max_size=3))
        for number, (seed, junk) in enumerate(cases, 1):
            chance = random.Random(seed)
            kind = chance.choices(range(4), (6, 2, 2, 1))[0]
            raw = mutated(goods[kind](number), chance, junk)
            path = (SUBMIT, "/posnext/orders/validate", f"{ORDERS}/U-0/cancel", "/posnext/menus")[kind]
            answer = await stranger.call("POST", path, raw, digest=hexed(SHARED_ID, raw))
            is_right(answer)
            if answer.status == 200:
                again = await stranger.call("POST", path, raw, digest=hexed(SHARED_ID, raw))
                assert again.body == answer.body
                said = json.loads(answer.body)
                if kind == 0 and said["status"] == "placed":
                    placed.add(said["request_uid"])
                    is_right(await stranger.status(quote(said["request_uid"], safe="")))
        assert len(placed) > 5
        assert set(pos.tickets) == placed
        assert pos.calls["place"] == len(placed)


HEADERS = (
    "authorization x-pch-digest content-type content-length transfer-encoding x-request-id if-none-match"
    " accept-encoding expect connection upgrade host content-encoding x-x"
).split()
WORDS = "0 -1 5 1e9 99999999999999999999 chunked gzip 100-continue close Bearer upgrade h2c application/json ".split(
    " "
)
VALUES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(str.encode),
    st.sampled_from([*map(str.encode, WORDS), b"Bearer ..", b"x" * 9000, f"Bearer {a_token()}".encode()]),
)
METHODS = st.sampled_from(
    ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "get", "X" * 40]
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is promised and does not come is not waited for."""
    monkeypatch.setattr(limits, "HEAD_WITHIN_S", 0.15)
    monkeypatch.setattr(limits, "BODY_WITHIN_S", 0.1)


async def all_are_right(stranger: Stranger, raws: list[bytes]) -> None:
    """Each on a connection of its own, some at a time, since many are waited for in vain."""
    for begin in range(0, len(raws), 20):
        some = raws[begin : begin + 20]
        for raw, received in zip(some, await asyncio.gather(*map(stranger.exchange, some)), strict=True):
            if received and not received.startswith(b"HTTP/1.1 100 "):
                is_right(parsed(received), head=raw.startswith(b"HEAD "))


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.usefixtures("impatient")
async def test_no_mutation_of_a_requests_head_makes_the_kit_fail() -> None:
    pos = ScriptedPos()
    pairs = st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=3)
    async with a_served_kit(pos, signature=SignatureScheme.BODY) as stranger:
        stranger.good(await stranger.submit(an_order("U-0")))
        calls, raws = all_calls("U-0"), []
        for seed, method, odd, paths in samples(300, st.integers(0, 2**32), METHODS, pairs, st.text(max_size=20)):
            chance = random.Random(seed)
            usual, path, body = chance.choice(calls)
            if chance.random() < 0.3:
                path = chance.choice(["/", "/posnext/", f"{ORDERS}/", path]) + quote(paths, safe="/%")
            raw = b"" if body is None else json.dumps(body).encode()
            headers: list[tuple[str, bytes]] = [
                ("authorization", f"Bearer {a_token()}".encode()),
                ("content-type", b"application/json"),
                ("x-pch-digest", hexed(SHARED_ID, raw).encode()),
                ("content-length", str(len(raw)).encode()),
            ]
            for header in odd:
                if chance.random() < 0.6:
                    headers = [one for one in headers if one[0] != header[0]]
                headers.insert(chance.randrange(len(headers) + 1), header)
            lines = [f"{method if chance.random() < 0.3 else usual} {path} HTTP/1.1".encode(), b"host: kit"]
            lines += [name.encode() + b": " + value for name, value in headers]
            raws.append(b"\r\n".join(lines) + b"\r\n\r\n" + raw)
        await all_are_right(stranger, raws)
        assert pos.calls["place"] == 1


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.usefixtures("impatient")
async def test_no_bytes_make_the_kit_fail() -> None:
    """Bytes of chance, and a good request with some of its bytes changed or cut off."""
    pos = ScriptedPos()
    async with a_served_kit(pos, signature=SignatureScheme.BODY) as stranger:
        body = json.dumps(an_order("U-0")).encode()
        lines = (
            f"POST {SUBMIT} HTTP/1.1",
            "host: kit",
            f"authorization: Bearer {a_token()}",
            "content-type: application/json",
            f"x-pch-digest: {hexed(SHARED_ID, body)}",
            f"content-length: {len(body)}",
        )
        good = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body
        raws = []
        for seed, junk in samples(150, st.integers(0, 2**32), st.binary(max_size=200)):
            chance = random.Random(seed)
            raw = bytearray(good)
            for _ in range(chance.randint(1, 5)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            raws.append(bytes(raw) if chance.random() < 0.8 else bytes(raw[: chance.randrange(len(raw))]) + junk)
            if chance.random() < 0.3:
                raws.append(junk + b"\r\n\r\n")
        await all_are_right(stranger, raws)
        assert set(pos.tickets) <= {"U-0"}  # nothing else was signed
        stranger.good(await stranger.submit(an_order("U-0")))
        assert pos.calls["place"] == 1


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
async def test_no_claims_make_the_kit_fail() -> None:
    """Tokens that are signed with the right secret and say anything at all."""
    claims = st.dictionaries(
        st.sampled_from(["iss", "sub", "iat", "exp", "nbf", "jti", "organization_id", "aud"]), JUNK
    )
    async with a_served_kit(ScriptedPos(), signature=SignatureScheme.BODY) as stranger:
        stranger.good(await stranger.submit(an_order("U-0")))
        for said, junk, head in samples(
            150, claims, st.binary(max_size=60), st.dictionaries(st.text(max_size=4), JUNK)
        ):
            for token in (a_token(**said), a_token(payload=junk), a_token(header={"alg": "HS256"} | head), part(junk)):
                is_right(await stranger.call("GET", f"{ORDERS}/U-0", token=token))
