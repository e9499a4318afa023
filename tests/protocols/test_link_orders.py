"""Link's orders: golden bytes, round trips, every check with its JSON path, and nothing but refusals for garbage."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_content, a_line, an_order
from heard import limits
from heard.domain.ids import ExternalOrderId, ModifierId, ProductId, VenueId
from heard.domain.menu.index import PriceDifference
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
from heard.domain.order.model import Party, ReasonCode, Status
from heard.domain.refusals import Code, Refused
from heard.protocols.link import answers, decode, encode, events
from heard.protocols.link.events import OrderEvent, decode_event
from heard.protocols.link.status import canceller, event_type
from heard.protocols.statuses import public_status, read_public_status

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link"
CONFIRMED = an_order(
    status=Status.CONFIRMED, sequence=1, confirmed_at=NOW, ready_at=NOW + timedelta(minutes=12, seconds=1)
)


def a_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode.encode_new_order(a_content(tax=85, tip=200)))
    return {**body, **changes}


def decoded(body: dict[str, Any]) -> OrderContent:
    return decode.decode_new_order(json.dumps(body).encode())


def hashed(content: OrderContent) -> bytes:
    return decode.content_hash(encode.encode_content(content))


def refusal(body: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        decoded(body)
    return caught.value


def read_event(raw: bytes) -> events.Event:
    return decode_event("evt_1", raw)


READERS: tuple[Callable[[bytes], object], ...] = (
    decode.decode_new_order,
    decode.decode_token,
    answers.read_accepted,
    answers.read_order,
    answers.read_orders,
    answers.read_cancelled,
    answers.read_store,
    answers.read_store_page,
    lambda raw: answers.read_menu(raw, None),
    read_event,
    events.decode_event_page,
)
MESSAGES: dict[str, Callable[[], bytes]] = {
    "new_order": lambda: encode.encode_new_order(a_content(discount=100, tax=85, tip=200, delivery_fee=299)),
    "accepted": lambda: encode.encode_accepted(an_order()),
    "order": lambda: encode.encode_order(CONFIRMED, a_content()),
    "order_other_price": lambda: encode.encode_order(
        an_order(), a_content(), (PriceDifference("$.items[0].unit_price", Cents(1099), Cents(999)),)
    ),
    "order_list": lambda: encode.encode_order_list([(an_order(), a_content(), ())]),
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
        an_order(
            status=Status.CANCELLED,
            sequence=1,
            reason_code=ReasonCode.CANCELLED_BY_GUEST,
            cancelled_by=Party.CHANNEL,
        ),
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


@given(contents(), st.lists(CENTS, min_size=1))
def test_the_shares_of_a_discount_are_kept_and_no_marketplace_can_name_them(
    content: OrderContent, shares: list[Cents]
) -> None:
    priced = replace(content, discount_shares=tuple(shares))
    kept = encode.encode_content(priced)
    assert decode.decode_content(kept) == priced
    assert decode.decode_new_order(kept) == content


def backwards(value: Any) -> Any:
    """The same JSON with the members of every object in the other order."""
    if isinstance(value, dict):
        return {name: backwards(below) for name, below in reversed(value.items())}
    return [backwards(below) for below in value] if isinstance(value, list) else value


@given(contents())
def test_the_same_content_in_other_words_has_the_same_hash(content: OrderContent) -> None:
    body = json.loads(encode.encode_new_order(content))
    reworded = json.dumps(backwards(body), indent=3, ensure_ascii=True).encode()
    assert hashed(decode.decode_new_order(reworded)) == hashed(content)


@given(contents(), contents())
def test_only_the_same_content_has_the_same_hash(one: OrderContent, other: OrderContent) -> None:
    assert (hashed(one) == hashed(other)) == (one == other)


def test_an_omitted_default_and_another_offset_are_the_same_content() -> None:
    body = a_body(placed_at="2026-03-14T13:00:00+01:00", discount=0, notes=None)
    del body["fulfillment"]["asap"]
    assert hashed(decoded(body)) == hashed(decoded(a_body()))


CHANGES: list[dict[str, Any]] = [
    {"external_order_id": ExternalOrderId("X-2")},
    {"venue_id": VenueId("ven_2")},
    {"placed_at": NOW + timedelta(microseconds=1)},
    {"fulfillment": Fulfillment(FulfillmentType.DELIVERY)},
    {"fulfillment": Fulfillment(FulfillmentType.PICKUP, NOW)},
    {"customer": Customer("Eve", "+15550100", "ada@guests.example")},
    {"customer": Customer("Ada", None, "ada@guests.example")},
    {"customer": Customer("Ada", "+15550100", "")},
    {"lines": (a_line(product_id=ProductId("FRIES")),)},
    {"lines": (a_line(name="Cheeseburger"),)},
    {"lines": (a_line(quantity=2),)},
    {"lines": (a_line(unit_price=Cents(998)),)},
    {"lines": (a_line(notes="well done"),)},
    {"lines": (a_line(modifiers=()),)},
    {"lines": (a_line(modifiers=(LineModifier(ModifierId("CHEESE"), "Cheese", 2, Cents(150)),)),)},
    {"lines": (a_line(), a_line())},
    *({"totals": replace(a_content().totals, **{part.name: Cents(7)})} for part in fields(Totals)),
    {"currency": "EUR"},
    {"payment": PaymentMethod.CASH},
    {"notes": ""},
    {"discount_shares": (Cents(7),)},
]


def test_every_member_of_an_order_is_among_the_changes() -> None:
    assert {name for change in CHANGES for name in change} == {member.name for member in fields(OrderContent)}


@pytest.mark.parametrize(
    "change",
    [
        *CHANGES,
        {"notes": "other"},
    ],
)
def test_any_other_content_has_another_hash(change: dict[str, Any]) -> None:
    content = a_content()
    assert hashed(replace(content, **change)) != hashed(content)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"external_order_id": ""}, "$.external_order_id"),
        ({"external_order_id": "x" * (limits.ID_MAX + 1)}, "$.external_order_id"),
        ({"venue_id": 7}, "$.venue_id"),
        ({"placed_at": "yesterday"}, "$.placed_at"),
        ({"placed_at": "2026-03-14T12:00:00"}, "$.placed_at"),
        ({"placed_at": "2026-03-14x12:00:00Z"}, "$.placed_at"),
        ({"placed_at": "2026-02-30T12:00:00Z"}, "$.placed_at"),
        ({"placed_at": "2026-03-14T12:00:00+24:00"}, "$.placed_at"),
        ({"placed_at": "1999-12-31T23:59:59Z"}, "$.placed_at"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "$.placed_at"),
        ({"placed_at": "9999-12-31T23:59:59-14:00"}, "$.placed_at"),
        ({"fulfillment": {"type": "pickup", "requested_at": "0001-01-01T00:00:00Z"}}, "$.fulfillment.requested_at"),
        ({"fulfillment": {"type": "pickup", "requested_at": ""}}, "$.fulfillment.requested_at"),
        ({"items": []}, "$.items"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 0, "unit_price": 1}]}, "$.items[0].quantity"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": True, "unit_price": 1}]}, "$.items[0].quantity"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": 1.5}]}, "$.items[0].unit_price"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": 12.0}]}, "$.items[0].unit_price"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": -1}]}, "$.items[0].unit_price"),
        ({"items": [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": "5"}]}, "$.items[0].unit_price"),
        ({"subtotal": 10**12}, "$.subtotal"),
        ({"total": None}, "$.total"),
        ({"currency": "usd"}, "$.currency"),
        ({"currency": "KWD"}, "$.currency"),
        ({"currency": "x" * 1000}, "$.currency"),
        ({"currency": "JPY"}, "$.items[0].unit_price"),
        ({"payment": {"method": "barter"}}, "$.payment.method"),
        ({"payment": {}}, "$.payment.method"),
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


def test_every_value_of_the_wrong_kind_is_told_at_once() -> None:
    items = [
        {"item_id": "", "name": "a", "quantity": 0, "unit_price": 1.5},
        {"item_id": "A", "name": "a", "quantity": 1, "unit_price": 1, "modifiers": [{"modifier_id": 7, "name": None}]},
    ]
    assert {error.path for error in refusal(a_body(items=items, tip=True, total=None)).errors} == {
        "$.items[0].item_id",
        "$.items[0].quantity",
        "$.items[0].unit_price",
        "$.items[1].modifiers[0].modifier_id",
        "$.items[1].modifiers[0].name",
        "$.tip",
        "$.total",
    }


@pytest.mark.parametrize(("currency", "price"), [("USD", None), ("JPY", 1)])
def test_what_is_told_of_a_body_full_of_faults_is_bounded(currency: str, price: int | None) -> None:
    items = [{"item_id": "A", "name": "a", "quantity": 1, "unit_price": price}] * limits.ORDER_LINES_MAX
    assert len(refusal(a_body(items=items, currency=currency)).errors) == limits.FIELD_ERRORS_MAX


def test_a_line_has_only_so_many_modifiers() -> None:
    modifiers = [{"modifier_id": "M", "name": "m"}] * (limits.MODIFIERS_PER_LINE_MAX + 1)
    item = {"item_id": "A", "name": "a", "quantity": 1, "unit_price": 1, "modifiers": modifiers}
    assert [(error.path, error.code) for error in refusal(a_body(items=[item])).errors] == [
        ("$.items[0].modifiers", "too_many")
    ]


def test_an_order_has_only_so_many_lines() -> None:
    item = {"item_id": "A", "name": "a", "quantity": 1, "unit_price": 0}
    whole = {"tax": 0, "tip": 0, "subtotal": 0, "total": 0}
    most = [item] * limits.ORDER_LINES_MAX
    assert len(decoded(a_body(items=most, **whole)).lines) == limits.ORDER_LINES_MAX
    assert refusal(a_body(items=[*most, item], **whole)).errors[0].path == "$.items"


@pytest.mark.parametrize("text", ["2026-03-14T12:00:00.5Z", "2026-03-14T12:00Z", "2026-03-14T07:00:00.500-05:00"])
def test_a_time_is_read_with_any_offset(text: str) -> None:
    assert decode.read_time(text, "$") in (NOW, NOW + timedelta(seconds=0.5))


def test_amounts_of_a_currency_without_decimals_are_multiples_of_its_step() -> None:
    item = {"item_id": "A", "name": "a", "quantity": 1, "unit_price": 50_000}
    body = a_body(items=[item], currency="JPY", subtotal=50_000, tax=0, tip=0, total=50_000)
    assert decoded(body).totals.total == 50_000
    refused = refusal({**body, "tax": 50, "total": 50_050})
    assert {(error.path, error.code) for error in refused.errors} == {
        ("$.tax", "not_payable"),
        ("$.total", "not_payable"),
    }


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
    both = refusal(a_body(subtotal=1148, total=1))
    assert [error.path for error in both.errors] == ["$.subtotal", "$.total"]
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
    for read in READERS:
        with pytest.raises(Refused):
            read(raw)


@given(st.sampled_from(sorted(MESSAGES)), st.integers(0, 2_000), st.binary(min_size=1, max_size=4))
def test_damaged_messages_are_read_or_refused_and_nothing_else(name: str, place: int, damage: bytes) -> None:
    raw = MESSAGES[name]()
    damaged = raw[: place % len(raw)] + damage + raw[place % len(raw) + len(damage) :]
    for read in READERS:
        with contextlib.suppress(Refused):
            read(damaged)


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


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.RECEIVED, "PENDING"),
        (Status.SCHEDULED, "PENDING"),
        (Status.SUBMITTING, "PENDING"),
        (Status.UNKNOWN, "PENDING"),
        (Status.AWAITING_POS, "PENDING"),
        (Status.CONFIRMED, "CONFIRMED"),
        (Status.IN_PREP, "IN_PREP"),
        (Status.READY, "READY"),
        (Status.COMPLETED, "COMPLETED"),
        (Status.REJECTED, "REJECTED"),
        (Status.FAILED, "REJECTED"),
        (Status.CANCELLED, "CANCELLED"),
    ],
)
def test_a_marketplace_sees_links_word_for_where_an_order_stands(status: Status, word: str) -> None:
    assert public_status(status) == word


def test_a_marketplace_reads_the_documentations_other_names_as_the_one() -> None:
    accepted = encode.encode_accepted(an_order())
    assert answers.read_accepted(accepted.replace(b"PENDING", b"INIT")) == answers.read_accepted(accepted)
    view = encode.encode_order(CONFIRMED, a_content())
    assert answers.read_order(view.replace(b"CONFIRMED", b"SENT")) == answers.read_order(view)


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_event_can_be_read_by_a_marketplace(kind: EventKind) -> None:
    event = decode_event("evt_1", encode.encode_event(kind, CONFIRMED, NOW))
    assert isinstance(event, OrderEvent)
    assert (event.id, event.type) == ("evt_1", event_type(kind))
    assert (event.order_id, event.sequence, event.timestamp) == (CONFIRMED.order_id, 1, NOW)


def test_prep_time_is_rounded_up_to_whole_minutes() -> None:
    assert encode.prep_time_min(CONFIRMED) == 13
    assert encode.prep_time_min(an_order()) is None


def test_who_cancelled_is_said_in_words_a_marketplace_knows() -> None:
    assert {party: canceller(party) for party in Party} == {
        Party.HUB: "hub",
        Party.POS: "pos",
        Party.CHANNEL: "channel",
        Party.STAFF: "store",
        Party.PROVIDER: "hub",
    }
