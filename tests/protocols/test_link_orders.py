"""Link's orders: golden bytes, round trips, every check with its JSON path, and nothing but refusals for garbage."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_content, a_line, an_order
from heard import limits
from heard.domain.ids import ExternalOrderId, ModifierId, ProductId, VenueId
from heard.domain.money import Cents
from heard.domain.order.content import (
    Customer,
    Fulfillment,
    FulfillmentType,
    Line,
    LineModifier,
    OrderContent,
    PaymentMethod,
    Totals,
)
from heard.domain.order.events import EventKind
from heard.domain.order.model import ReasonCode, Status
from heard.domain.refusals import Code, Refused
from heard.protocols.link import decode, encode
from heard.protocols.link.status import event_type, public_status, read_public_status

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link"
CONFIRMED = an_order(
    status=Status.CONFIRMED, sequence=1, confirmed_at=NOW, ready_at=NOW + timedelta(minutes=12, seconds=1)
)


def a_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode.encode_new_order(a_content(tax=85, tip=200)))
    return {**body, **changes}


def decoded(body: dict[str, Any]) -> OrderContent:
    return decode.decode_new_order(json.dumps(body).encode())


def refusal(body: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        decoded(body)
    return caught.value


MESSAGES: dict[str, Callable[[], bytes]] = {
    "new_order": lambda: encode.encode_new_order(a_content(discount=100, tax=85, tip=200, delivery_fee=299)),
    "accepted": lambda: encode.encode_accepted(an_order()),
    "order": lambda: encode.encode_order(CONFIRMED, a_content()),
    "order_list": lambda: encode.encode_order_list([(an_order(), a_content())]),
    "token": lambda: encode.encode_token("hat_example", 3600, ["orders", "events"]),
    "event_confirmed": lambda: encode.encode_event(EventKind.CONFIRMED, CONFIRMED, NOW),
    "event_rejected": lambda: encode.encode_event(
        EventKind.REJECTED,
        an_order(status=Status.FAILED, sequence=1, reason_code=ReasonCode.POS_REFUSED, reason="printer down"),
        NOW,
    ),
    "event_in_prep": lambda: encode.encode_event(EventKind.IN_PREP, replace(CONFIRMED, status=Status.IN_PREP), NOW),
    "event_ready": lambda: encode.encode_event(EventKind.READY, replace(CONFIRMED, status=Status.READY), NOW),
    "event_completed": lambda: encode.encode_event(
        EventKind.COMPLETED, replace(CONFIRMED, status=Status.COMPLETED), NOW
    ),
    "event_eta_updated": lambda: encode.encode_event(EventKind.ETA_UPDATED, CONFIRMED, NOW),
    "event_cancelled": lambda: encode.encode_event(
        EventKind.CANCELLED,
        an_order(status=Status.CANCELLED, sequence=1, reason_code=ReasonCode.CANCELLED_BY_GUEST),
        NOW,
    ),
}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_is_written_as_it_was_agreed(name: str) -> None:
    assert MESSAGES[name]() + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MESSAGES)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
IDS = st.text("abcXYZ-09.", min_size=1, max_size=12)
CENTS = st.integers(0, 50_000).map(Cents)
MODIFIERS = st.recursive(
    st.builds(LineModifier, IDS.map(ModifierId), TEXT, st.integers(1, 3), CENTS),
    lambda below: st.builds(
        LineModifier,
        IDS.map(ModifierId),
        TEXT,
        st.integers(1, 3),
        CENTS,
        st.lists(below, max_size=2).map(tuple),
    ),
    max_leaves=4,
)
LINES = st.builds(
    Line,
    IDS.map(ProductId),
    TEXT,
    st.integers(1, 9),
    CENTS,
    st.none() | TEXT,
    st.lists(MODIFIERS, max_size=2).map(tuple),
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def contents(draw: st.DrawFn) -> OrderContent:
    lines = tuple(draw(st.lists(LINES, min_size=1, max_size=4)))
    subtotal = Cents(sum(line.subtotal for line in lines))
    discount = Cents(draw(st.integers(0, subtotal)))
    tax, tip, fee = (draw(CENTS) for _ in range(3))
    return OrderContent(
        external_order_id=ExternalOrderId(draw(IDS)),
        venue_id=VenueId(draw(IDS)),
        placed_at=draw(TIMES),
        fulfillment=Fulfillment(draw(st.sampled_from(FulfillmentType)), draw(st.none() | TIMES)),
        customer=Customer(draw(st.none() | TEXT), draw(st.none() | TEXT), draw(st.none() | TEXT)),
        lines=lines,
        totals=Totals(subtotal, discount, tax, tip, fee, Cents(subtotal - discount + tax + tip + fee)),
        currency="USD",
        payment=draw(st.sampled_from(PaymentMethod)),
        notes=draw(st.none() | TEXT),
    )


@given(contents())
def test_an_order_comes_through_its_bytes_unchanged(content: OrderContent) -> None:
    assert decode.decode_new_order(encode.encode_new_order(content)) == content
    assert decode.decode_content(encode.encode_content(content)) == content


@given(contents())
def test_the_same_content_in_other_words_has_the_same_hash(content: OrderContent) -> None:
    body = json.loads(encode.encode_new_order(content))
    reworded = json.dumps(dict(reversed(body.items())), indent=3, ensure_ascii=True).encode()
    assert decode.content_hash(decode.decode_new_order(reworded)) == decode.content_hash(content)


@pytest.mark.parametrize(
    "change",
    [
        {"notes": "other"},
        {"currency": "EUR"},
        {"payment": PaymentMethod.CASH},
        {"customer": Customer("Eve")},
        {"fulfillment": Fulfillment(FulfillmentType.DELIVERY)},
        {"placed_at": NOW + timedelta(microseconds=1)},
        {"lines": (a_line(quantity=2),)},
        {"venue_id": VenueId("ven_2")},
    ],
)
def test_any_other_content_has_another_hash(change: dict[str, Any]) -> None:
    content = a_content()
    assert decode.content_hash(replace(content, **change)) != decode.content_hash(content)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"external_order_id": ""}, "$.external_order_id"),
        ({"external_order_id": "x" * (limits.ID_MAX + 1)}, "$.external_order_id"),
        ({"venue_id": 7}, "$.venue_id"),
        ({"placed_at": "yesterday"}, "$.placed_at"),
        ({"placed_at": "2026-03-14T12:00:00"}, "$.placed_at"),
        ({"items": []}, "$.items"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 0, "unit_price": 1}]}, "$.items[0].quantity"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": True, "unit_price": 1}]}, "$.items[0].quantity"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": 1.5}]}, "$.items[0].unit_price"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": -1}]}, "$.items[0].unit_price"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": "5"}]}, "$.items[0].unit_price"),
        ({"subtotal": 10**12}, "$.subtotal"),
        ({"total": None}, "$.total"),
        ({"currency": "usd"}, "$.currency"),
        ({"currency": "KWD"}, "$.currency"),
        ({"currency": "JPY"}, "$.items[0].unit_price"),
        ({"payment": {"method": "barter"}}, "$.payment.method"),
        ({"payment": {}}, "$.payment"),
        ({"fulfillment": {"type": "teleport"}}, "$.fulfillment.type"),
        ({"fulfillment": {"type": "pickup", "asap": False}}, "$.fulfillment.requested_at"),
        (
            {"fulfillment": {"type": "pickup", "asap": True, "requested_at": "2026-03-14T12:00:00Z"}},
            "$.fulfillment.requested_at",
        ),
        ({"notes": "x" * (limits.TEXT_MAX + 1)}, "$.notes"),
    ],
)
def test_a_fault_is_refused_by_its_path(change: dict[str, Any], path: str) -> None:
    refused = refusal(a_body(**change))
    assert refused.code is Code.INVALID_BODY
    assert path in [error.path for error in refused.errors]


def test_every_fault_of_a_body_is_told_at_once() -> None:
    refused = refusal(a_body(placed_at="never", currency="XXX", payment={"method": "barter"}))
    assert {error.path for error in refused.errors} == {"$.placed_at", "$.currency", "$.payment.method"}


def test_modifiers_nest_only_so_deep() -> None:
    modifier: dict[str, Any] = {"modifier_id": "M", "name": "m"}
    for _ in range(limits.MODIFIER_DEPTH_MAX):
        modifier = {"modifier_id": "M", "name": "m", "modifiers": [modifier]}
    item = {"item_id": "A", "name": "a", "quantity": 1, "unit_price": 1, "modifiers": [modifier]}
    assert refusal(a_body(items=[item])).errors[0].code == "too_deep"


def test_totals_that_do_not_add_up_are_refused_with_both_numbers() -> None:
    refused = refusal(a_body(subtotal=1148, total=1433))
    assert refused.code is Code.TOTALS_MISMATCH
    assert [(error.path, error.message) for error in refused.errors] == [
        ("$.subtotal", "stated 1148, computed 1149"),
    ]
    refused = refusal(a_body(total=1))
    assert [(error.path, error.message) for error in refused.errors] == [("$.total", "stated 1, computed 1434")]


def test_a_discount_beyond_the_subtotal_is_refused() -> None:
    assert refusal(a_body(discount=2000, total=0)).code is Code.DISCOUNT_EXCEEDS_SUBTOTAL


def test_omitted_amounts_are_nothing() -> None:
    body = a_body()
    for name in ("tax", "tip"):
        del body[name]
    body["total"] = body["subtotal"]
    assert decoded(body).totals.tax == 0


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else(raw: bytes) -> None:
    for read in (decode.decode_new_order, decode.decode_accepted, decode.decode_event, decode.decode_order_view):
        with pytest.raises(Refused):
            read(raw)


ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.just([]) | st.just({})


@given(st.data())
def test_a_body_with_anything_in_the_wrong_place_is_taken_or_refused(data: st.DataObject) -> None:
    body = a_body()
    place: Any = body
    for _ in range(data.draw(st.integers(0, 3))):
        below = list(place if isinstance(place, dict) else range(len(place)))
        inner = place[data.draw(st.sampled_from(below))] if below else None
        if not isinstance(inner, dict | list):
            break
        place = inner
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    if keys:
        place[data.draw(st.sampled_from(keys))] = data.draw(ODD)
    try:
        decoded(body)
    except Refused as refused:
        assert refused.code in (
            Code.INVALID_BODY,
            Code.TOTALS_MISMATCH,
            Code.DISCOUNT_EXCEEDS_SUBTOTAL,
            Code.MALFORMED_JSON,
        )


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_public_word(status: Status) -> None:
    assert read_public_status(public_status(status)) == public_status(status)


def test_the_documentations_other_names_are_understood() -> None:
    assert read_public_status("INIT") == "PENDING"
    assert read_public_status("SENT") == "CONFIRMED"
    with pytest.raises(Refused):
        read_public_status("COOKING")


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_event_can_be_read_by_a_marketplace(kind: EventKind) -> None:
    event = decode.decode_event(encode.encode_event(kind, CONFIRMED, NOW))
    assert event.type == event_type(kind)
    assert (event.order_id, event.sequence, event.timestamp) == (CONFIRMED.order_id, 1, NOW)


def test_prep_time_is_rounded_up_to_whole_minutes() -> None:
    assert encode.prep_time_min(CONFIRMED) == 13
    assert encode.prep_time_min(an_order()) is None
