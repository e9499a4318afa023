"""Link's cancel and its events: golden bytes, every reason of the closed list, nothing but refusals for garbage."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_content, an_order
from heard import limits
from heard.domain.order.commands import RequestCancel
from heard.domain.order.events import EventKind
from heard.domain.order.model import Order, Party, ReasonCode, Status
from heard.domain.refusals import Code, Refused
from heard.protocols.link import answers, decode, encode
from heard.protocols.link.events import OrderEvent, decode_event

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link" / "cancels"
WHY = {"reason_code": ReasonCode.STORE_CLOSED, "reason": "water in the kitchen"}
BY_STORE = an_order(status=Status.CANCELLED, sequence=2, cancelled_by=Party.STAFF, **WHY)
WISHED = an_order(status=Status.AWAITING_POS, cancel_wanted=ReasonCode.CANCELLED_BY_GUEST, reason="changed my mind")
MESSAGES: dict[str, Callable[[], bytes]] = {
    "cancelled": lambda: encode.encode_cancelled(BY_STORE),
    "cancelling": lambda: encode.encode_cancelled(WISHED),
    "event_cancelled_with_note": lambda: encode.encode_event(EventKind.CANCELLED, BY_STORE, NOW),
}


@pytest.mark.parametrize("name", list(MESSAGES))
def test_a_message_is_its_golden_file_to_the_byte(name: str) -> None:
    assert MESSAGES[name]() + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(MESSAGES)


TEXT = st.text('az"\\\n\x7f\u00e9\u4e16\U0001f354', max_size=limits.REASON_MAX)
VALUES = st.sampled_from(["other", "OTHER", "bored", ""]) | st.none() | st.integers() | st.lists(st.integers())


@given(reason_code=st.sampled_from(list(ReasonCode)), note=st.none() | TEXT)
def test_every_reason_and_note_is_read_as_it_was_meant(reason_code: ReasonCode, note: str | None) -> None:
    raw = json.dumps({"reason_code": reason_code} | ({} if note is None else {"note": note})).encode()
    assert len(raw) <= limits.SMALL_BODY_BYTES_MAX
    assert decode.decode_cancel(raw) == RequestCancel(Party.CHANNEL, reason_code, note or None)


@given(st.dictionaries(st.sampled_from(["reason_code", "note", "by"]), VALUES))
def test_anything_else_is_refused_or_a_reason_of_the_list(body: dict[str, object]) -> None:
    try:
        wish = decode.decode_cancel(json.dumps(body).encode())
    except Refused as refused:
        assert refused.code in (Code.INVALID_BODY, Code.MALFORMED_JSON)
    else:
        assert (wish.by, wish.reason_code) == (Party.CHANNEL, body["reason_code"])


def test_a_reason_that_is_none_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(Refused) as caught:
        decode.decode_cancel(b'{"reason_code": "bored"}')
    [error] = caught.value.errors
    assert error.path == "$.reason_code"
    assert all(reason_code in error.message for reason_code in ReasonCode)


@pytest.mark.parametrize("kind", [EventKind.REJECTED, EventKind.CANCELLED])
@pytest.mark.parametrize("reason_code", [*ReasonCode, None])
def test_an_end_is_always_told_with_a_reason_of_the_list(kind: EventKind, reason_code: ReasonCode | None) -> None:
    order = an_order(status=Status.REJECTED, reason_code=reason_code)
    event = decode_event("evt_1", encode.encode_event(kind, order, NOW))
    assert isinstance(event, OrderEvent)
    assert ReasonCode(event.reason_code or "") is (reason_code or ReasonCode.OTHER)


@pytest.mark.parametrize(("order", "reason"), [(BY_STORE, "water in the kitchen"), (WISHED, None)])
def test_an_order_is_read_with_why_it_ended_and_not_with_why_it_might(order: Order, reason: str | None) -> None:
    view = answers.read_order(encode.encode_order(order, a_content()))
    assert (view.reason, view.reason_code) == (reason, order.reason_code)
