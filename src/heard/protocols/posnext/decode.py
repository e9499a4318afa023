"""posnext's bytes to our words; menus are in menus.py. Whatever the bytes, only Refused escapes, naming the JSON path.

A request is held against every rule of wire.md 1.3; of an answer only the form is checked, its totals are the POS's.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_never

import msgspec

from heard import limits
from heard.domain.ids import LocationId, OrganizationId, PosOrderId, RequestUid
from heard.domain.money import MAX_CENTS, Cents, MoneyError, cents_from_decimal
from heard.domain.order.content import Customer
from heard.domain.pos import (
    ItemType,
    PosAnswer,
    PosCancel,
    PosError,
    PosItem,
    PosOrder,
    PosOrderType,
    PosPayment,
    PosTotals,
    RequestType,
)
from heard.domain.refusals import FieldError, Refused
from heard.domain.stores import Amounts
from heard.protocols import strict_json, typed
from heard.protocols.posnext import wire
from heard.protocols.posnext.rules import check_order
from heard.protocols.posnext.status import (
    CANCEL_ORDER,
    Schedule,
    read_kitchen_state,
    read_status,
    read_word,
)
from heard.protocols.strict_json import invalid_body

_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,12}))?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})"
)
_DETAILS = "$.order_details"


def decode_order(raw: bytes, amounts: Amounts) -> PosOrder:
    """A validate or a submit, as the POS gets it. Raises Refused: malformed_json, invalid_body, totals_mismatch."""
    order, _ = read_order(raw, amounts)
    check_order(order)
    return order


def read_order(raw: bytes, amounts: Amounts) -> tuple[PosOrder, Mapping[str, object]]:
    """An order that may yet break a rule, so that its signature can be verified first; and the JSON that it was.

    Raises Refused: malformed_json, invalid_body.
    """
    sent = strict_json.parse(raw)
    body = strict_json.shape(sent, wire.OrderRequest)
    assert isinstance(sent, dict)  # else it would have no such shape
    details = body.order_details
    order = PosOrder(
        request_uid=RequestUid(body.request_uid),
        request_type=read_word(RequestType, body.request_type, "$.request_type"),
        request_datetime=read_time(body.request_datetime, "$.request_datetime"),
        organization_id=OrganizationId(body.organization_id) if body.organization_id is not None else None,
        location_id=LocationId(body.location_id),
        online_order_id=details.online_order_id,
        order_type=read_word(PosOrderType, details.order_type, f"{_DETAILS}.order_type"),
        items=_items(details.menu_items, sent["order_details"]["menu_items"], f"{_DETAILS}.menu_items", amounts),
        totals=_order_totals(details, amounts),
        customer=_customer(details.customer),
        requested_at=_requested_at(body),
        notes=details.notes,
        payments=tuple(_payments(details.payments or [], amounts)),
        callback_url=body.callback_url,
        ttl_s=body.ttl,
        received_at=_time(body.received_at, "$.received_at"),
        completed_at=_time(body.completed_at, "$.completed_at"),
    )
    return order, sent


def decode_answer(raw: bytes, amounts: Amounts) -> PosAnswer:
    """An answer or a callback, as the hub gets it. Raises Refused: malformed_json, invalid_body.

    Sums are not re-added, and what is only shown (the items) is not held against the rules for orders.
    """
    body = strict_json.read(raw, wire.OrderAnswer)
    details = body.order_details or wire.AnswerDetails()
    kitchen = body.fulfillment_status
    return PosAnswer(
        status=read_status(body.status, "$.status"),
        request_uid=RequestUid(body.request_uid),
        request_datetime=read_time(body.request_datetime, "$.request_datetime"),
        organization_id=OrganizationId(body.organization_id) if body.organization_id is not None else None,
        location_id=LocationId(body.location_id),
        online_order_id=details.online_order_id,
        pos_order_id=PosOrderId(details.pos_order_id) if details.pos_order_id is not None else None,
        totals=_answer_totals(details, amounts),
        items=_items(details.menu_items, None, f"{_DETAILS}.menu_items", amounts) if details.menu_items else (),
        received_at=_time(body.received_at, "$.received_at"),
        completed_at=_time(body.completed_at, "$.completed_at"),
        estimated_ready_at=_time(body.estimated_ready_at, "$.estimated_ready_at"),
        kitchen=read_kitchen_state(kitchen, "$.fulfillment_status") if kitchen is not None else None,
        errors=tuple(_error(error) for error in body.errors or []),
    )


def decode_cancel(raw: bytes) -> tuple[PosCancel, Mapping[str, object]]:
    """The wish that an order be taken back, and the JSON that it was. Raises Refused: malformed_json, invalid_body."""
    sent = strict_json.parse(raw)
    body = strict_json.shape(sent, wire.CancelRequest)
    assert isinstance(sent, dict)  # else it would have no such shape
    if body.request_type != CANCEL_ORDER:
        raise _wrong("$.request_type", f"{body.request_type!r} is not {CANCEL_ORDER}", "unknown_word")
    cancel = PosCancel(
        request_uid=RequestUid(body.request_uid),
        request_datetime=read_time(body.request_datetime, "$.request_datetime"),
        organization_id=OrganizationId(body.organization_id) if body.organization_id is not None else None,
        location_id=LocationId(body.location_id),
        online_order_id=body.online_order_id,
        reason=body.reason,
    )
    return cancel, sent


def decode_menu_request(raw: bytes) -> tuple[OrganizationId | None, LocationId]:
    """Who asks for which location's menus. Raises Refused: malformed_json, invalid_body."""
    body = strict_json.read(raw, wire.MenuRequest)
    organization_id = OrganizationId(body.organization_id) if body.organization_id is not None else None
    return organization_id, LocationId(body.location_id)


# --- values -----------------------------------------------------------------------------------------------


def read_time(text: str, path: str) -> datetime:
    """Aware UTC; a fraction beyond microseconds is dropped, never rounded up. Raises Refused(invalid_body)."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _wrong(path, "must be a time with a zone, such as 2026-01-15T18:30:00.000Z")
    fraction = (match["fraction"] or "0")[:6].ljust(6, "0")
    zone = "+00:00" if match["zone"] == "Z" else match["zone"]
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time']}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(path, f"{text} is no time of any calendar") from None
    if moment.year < 1970:
        raise _wrong(path, f"{text} is before 1970")
    return moment


def read_amount(value: wire.Amount, path: str, amounts: Amounts) -> Cents:
    """Cents of an amount that may not be negative. Raises Refused(invalid_body)."""
    if amounts is Amounts.MINOR:
        cents = _minor(value, path)
    elif amounts is Amounts.DECIMAL:
        cents = _decimal(value, path)
    else:
        assert_never(amounts)
    if cents < 0:
        raise _wrong(path, "must not be negative", "negative")
    if cents > MAX_CENTS:
        raise _wrong(path, "the amount is too large")
    return cents


def _minor(value: wire.Amount, path: str) -> Cents:
    if isinstance(value, Decimal):
        raise _wrong(path, "must be whole cents: this connection's amounts are `minor`")
    return Cents(value)


def _decimal(value: wire.Amount, path: str) -> Cents:
    if isinstance(value, int):
        return Cents(value * 100)
    if value.as_tuple().exponent > 0:  # type: ignore[operator]  # strict_json lets finite numbers through only
        raise _wrong(path, "must be written without an exponent")
    try:
        return cents_from_decimal(value)
    except MoneyError as error:
        raise _wrong(path, str(error)) from None


def _optional_amount(value: wire.Amount | None, path: str, amounts: Amounts) -> Cents:
    return Cents(0) if value is None else read_amount(value, path, amounts)


def _time(text: str | None, path: str) -> datetime | None:
    return None if text is None else read_time(text, path)


def _wrong(path: str, message: str, code: str = "invalid") -> Refused:
    return invalid_body(FieldError(path, code, message))


# --- orders and answers -----------------------------------------------------------------------------------


def _requested_at(body: wire.OrderRequest) -> datetime | None:
    """Our reading: schedule_type and requested_at must agree; an order cooked at the wrong hour helps nobody."""
    path = f"{_DETAILS}.requested_at"
    word = Schedule.CURRENT.value if body.schedule_type is None else body.schedule_type
    schedule = read_word(Schedule, word, "$.schedule_type")
    requested_at = _time(body.order_details.requested_at, path)
    match schedule:
        case Schedule.CURRENT if requested_at is not None:
            raise _wrong(path, "is for orders whose schedule_type is `future`")
        case Schedule.FUTURE if requested_at is None:
            raise _wrong(path, "is required when schedule_type is `future`", "missing")
        case _:
            return requested_at


def _customer(customer: wire.Customer | None) -> Customer:
    return Customer() if customer is None else Customer(customer.name, customer.phone, customer.email)


def _payments(payments: list[wire.Payment], amounts: Amounts) -> Iterator[PosPayment]:
    for place, payment in enumerate(payments):
        path = f"{_DETAILS}.payments[{place}].amount"
        yield PosPayment(payment.type, read_amount(payment.amount, path, amounts), payment.reference)


def _error(error: wire.AnswerError) -> PosError:
    return PosError(error.code, (error.message or "")[: limits.TEXT_MAX], error.path, bool(error.retryable))


def _order_totals(details: wire.OrderDetails, amounts: Amounts) -> PosTotals:
    grand_total = _grand_total(details, amounts)
    if grand_total is None:
        raise _wrong(f"{_DETAILS}.grand_total", "is required", "missing")
    return _totals(details, details.subtotal, grand_total, amounts)


def _answer_totals(details: wire.AnswerDetails, amounts: Amounts) -> PosTotals | None:
    """None when neither is stated. Our reading: one of the two alone cannot be relied on."""
    grand_total = _grand_total(details, amounts)
    if details.subtotal is None and grand_total is None:
        return None
    if details.subtotal is None:
        raise _wrong(f"{_DETAILS}.subtotal", "is required beside grand_total", "missing")
    if grand_total is None:
        raise _wrong(f"{_DETAILS}.grand_total", "is required beside subtotal", "missing")
    return _totals(details, details.subtotal, grand_total, amounts)


def _grand_total(details: wire.OrderDetails | wire.AnswerDetails, amounts: Amounts) -> Cents | None:
    """`total` is another name for `grand_total`; both present and different is refused [ours]."""
    stated = [
        read_amount(value, f"{_DETAILS}.{name}", amounts)
        for name, value in (("grand_total", details.grand_total), ("total", details.total))
        if value is not None
    ]
    if len(set(stated)) > 1:
        raise _wrong(f"{_DETAILS}.total", f"is {stated[1]} cents and grand_total {stated[0]}", "contradiction")
    return stated[0] if stated else None


def _totals(
    details: wire.OrderDetails | wire.AnswerDetails, subtotal: wire.Amount, grand_total: Cents, amounts: Amounts
) -> PosTotals:
    return PosTotals(
        subtotal=read_amount(subtotal, f"{_DETAILS}.subtotal", amounts),
        discount_total=_optional_amount(details.discount_total, f"{_DETAILS}.discount_total", amounts),
        tax=_optional_amount(details.tax, f"{_DETAILS}.tax", amounts),
        tip=_optional_amount(details.tip, f"{_DETAILS}.tip", amounts),
        fees=_optional_amount(details.fees, f"{_DETAILS}.fees", amounts),
        grand_total=grand_total,
    )


def _items(items: list[wire.Item], sent: object, path: str, amounts: Amounts) -> tuple[PosItem, ...]:
    """Main lines with what hangs on them, counted before they are read. `sent` is the JSON that `items` were."""
    if len(items) > limits.ORDER_LINES_MAX:
        raise _wrong(path, f"more than {limits.ORDER_LINES_MAX} lines", "too_many")
    for place, item in enumerate(items):
        if item.menu_items and _count_below(item, f"{path}[{place}]", 0) > limits.MODIFIERS_PER_LINE_MAX:
            raise _wrong(f"{path}[{place}].menu_items", f"more than {limits.MODIFIERS_PER_LINE_MAX} below", "too_many")
    quick = _quick_items(sent) if amounts is Amounts.MINOR else None
    if quick is not None:
        return quick
    return tuple(_item(item, f"{path}[{place}]", amounts) for place, item in enumerate(items))


def _count_below(item: wire.Item, path: str, depth: int) -> int:
    if depth > limits.MODIFIER_DEPTH_MAX:
        raise _wrong(path, f"nested deeper than {limits.MODIFIER_DEPTH_MAX}", "too_deep")
    count = 0
    for place, child in enumerate(item.menu_items or ()):
        count += 1
        if child.menu_items or depth == limits.MODIFIER_DEPTH_MAX:
            count += _count_below(child, f"{path}.menu_items[{place}]", depth + 1)
    return count


def _quick_items(sent: object) -> tuple[PosItem, ...] | None:
    """Items whose JSON has the very shape of our words; None: read them one by one, which also names what is wrong."""
    try:
        items = typed.convert(sent, tuple[PosItem, ...])
    except msgspec.ValidationError:
        return None
    return items if _in_bounds(items) else None


def _in_bounds(items: tuple[PosItem, ...]) -> bool:
    for item in items:
        if not 0 <= item.price <= MAX_CENTS or (item.menu_items and not _in_bounds(item.menu_items)):
            return False
    return True


def _item(item: wire.Item, path: str, amounts: Amounts) -> PosItem:
    return PosItem(
        id=item.id,
        name=item.name,
        item_type=read_word(ItemType, item.item_type, f"{path}.item_type"),
        quantity=item.quantity,
        price=read_amount(item.price, f"{path}.price", amounts),
        notes=item.notes,
        menu_items=tuple(
            _item(child, f"{path}.menu_items[{place}]", amounts) for place, child in enumerate(item.menu_items or ())
        ),
    )
