"""An echo is text put into text: whatever stands in either, what comes out is the answer with its request's order."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from heard.protocols.posnext import wire
from heard.protocols.posnext.echo import Echo, echo_of, echoing

texts = st.text(max_size=8) | st.sampled_from(['"order_details":{', '\\"order_details":{', "}", ",", "{}"])
scalars = st.none() | st.booleans() | st.integers(-9, 9) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
known = sorted(wire.OrderRequest.__struct_fields__ + wire.OrderAnswer.__struct_fields__ + ("reason",))
known_details = sorted(wire.AnswerDetails.__struct_fields__)
bodies = st.dictionaries(texts | st.sampled_from(known), values, max_size=4)
details = st.dictionaries(texts | st.sampled_from(known_details), values, max_size=4)
answers = st.builds(
    wire.OrderAnswer,
    status=texts,
    request_uid=texts,
    request_datetime=texts,
    location_id=texts,
    received_at=st.none() | texts,
    order_details=st.none()
    | st.builds(wire.AnswerDetails, online_order_id=st.none() | texts, subtotal=st.none() | st.integers(0, 9)),
    errors=st.none() | st.lists(st.builds(wire.AnswerError, code=texts, message=texts), max_size=2),
)


def stated(struct: Any) -> dict[str, object]:
    return dict(json.loads(msgspec.json.encode(struct)))


@given(answers, bodies, st.none() | details)
def test_an_answer_says_its_requests_order_and_what_nobody_knows_and_its_own_word_counts(
    answer: wire.OrderAnswer, body: dict[str, object], ordered: dict[str, object] | None
) -> None:
    sent = body | ({} if ordered is None else {"order_details": ordered})
    expected = {name: value for name, value in sent.items() if name not in {*known, "online_order_id"}} | stated(answer)
    if isinstance(sent.get("order_details"), dict) and sent.get("request_type") != "cancel-order":
        told = {
            name: value
            for name, value in sent["order_details"].items()  # type: ignore[attr-defined]
            if name == "menu_items" or name not in known_details
        }
        expected["order_details"] = told | (stated(answer.order_details) if answer.order_details else {})
    assert json.loads(echoing(msgspec.json.encode(answer), echo_of(sent))) == expected


@given(answers)
def test_without_an_echo_an_answer_is_as_it_is_kept(answer: wire.OrderAnswer) -> None:
    own = msgspec.json.encode(answer)
    assert echoing(own, Echo()) == own


def test_what_came_first_stands_first() -> None:
    own = b'{"status":"x","order_details":{"subtotal":1},"errors":[]}'
    assert echoing(own, echo_of({"extra": 1.5, "order_details": {"menu_items": [], "subtotal": 9}})) == (
        b'{"extra":1.5,"status":"x","order_details":{"menu_items":[],"subtotal":1},"errors":[]}'
    )
