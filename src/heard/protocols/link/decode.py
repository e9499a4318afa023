"""Link's bytes as our words. What does not hold is refused, naming every JSON path that is wrong."""

import hashlib
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from heard import limits
from heard.domain.ids import ExternalOrderId, ModifierId, ProductId, VenueId
from heard.domain.menu.index import PriceDifference
from heard.domain.money import Cents, Currency, MoneyError, currency
from heard.domain.order.commands import CHANNEL, RequestCancel
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
from heard.domain.order.model import ReasonCode
from heard.domain.refusals import Code, FieldError, Refused
from heard.protocols import bodies, typed
from heard.protocols.link import wire
from heard.protocols.strict_json import invalid_body, read
from heard.protocols.times import read_time

W = TypeVar("W", bound=StrEnum)


def decode_new_order(raw: bytes) -> OrderContent:
    """A marketplace's new order, its sums re-added.

    Raises Refused: malformed_json, invalid_body, discount_exceeds_subtotal, totals_mismatch (showing both numbers).
    """
    body = read(raw, wire.NewOrder)
    content = _Checked(body).content()
    _check_sums(content)
    return content


def decode_content(raw: bytes) -> OrderContent:
    """What `encode_content` kept."""
    kept = read(raw, wire.KeptOrder)
    shares = tuple(map(Cents, kept.discount_shares))
    return replace(content_of(kept), discount_shares=shares) if shares else content_of(kept)


def content_of(body: wire.NewOrder) -> OrderContent:
    """What was ordered, out of an order that is read back. Raises Refused(invalid_body)."""
    return _Checked(body).content()


def decode_differences(kept: str | None) -> tuple[PriceDifference, ...]:
    """What `encode_differences` kept."""
    if kept is None:
        return ()
    found = typed.decode(kept, list[bodies.PriceDifference])
    return tuple(PriceDifference(one.path, Cents(one.menu), Cents(one.order)) for one in found)


def content_hash(kept: bytes) -> bytes:
    """SHA-256 of what was ordered, as it is kept (encode.encode_content).

    Our reading: "the same body" means the same content; other white space, key order or an omitted default is no
    other order.
    """
    return hashlib.sha256(kept).digest()


def decode_cancel(raw: bytes) -> RequestCancel:
    """A marketplace's wish to cancel. Raises Refused(malformed_json | invalid_body)."""
    body = read(raw, wire.CancelOrder)
    try:
        reason_code = ReasonCode(body.reason_code)
    except ValueError:
        text = f"{body.reason_code[:40]!r} is none of {', '.join(ReasonCode)}"
        raise invalid_body(FieldError("$.reason_code", "unknown_value", text)) from None
    return RequestCancel(CHANNEL, reason_code, body.note or None)


def decode_token(raw: bytes) -> wire.TokenAnswer:
    """The hub's answer to a token request, for a marketplace."""
    return read(raw, wire.TokenAnswer)


class _Checked:
    """One body being checked: every fault is collected, then told at once."""

    def __init__(self, body: wire.NewOrder) -> None:
        self._body = body
        self._errors: list[FieldError] = []
        self._currency = self._read_currency()

    def content(self) -> OrderContent:
        body = self._body
        placed_at = self._time(body.placed_at, "$.placed_at")
        fulfillment = self._fulfillment()
        payment = self._word(PaymentMethod, body.payment.method, "$.payment.method")
        lines = tuple(self._line(item, f"$.items[{place}]") for place, item in enumerate(body.items))
        for name in ("subtotal", "discount", "tax", "tip", "delivery_fee", "total"):
            self._payable(getattr(body, name), f"$.{name}")
        if self._errors or placed_at is None or fulfillment is None or payment is None:
            raise invalid_body(*self._errors[: limits.FIELD_ERRORS_MAX])
        return OrderContent(
            external_order_id=ExternalOrderId(body.external_order_id),
            venue_id=VenueId(body.venue_id),
            placed_at=placed_at,
            fulfillment=fulfillment,
            customer=Customer(body.customer.name, body.customer.phone, body.customer.email),
            lines=lines,
            totals=Totals(
                subtotal=Cents(body.subtotal),
                discount=Cents(body.discount),
                tax=Cents(body.tax),
                tip=Cents(body.tip),
                delivery_fee=Cents(body.delivery_fee),
                total=Cents(body.total),
            ),
            currency=body.currency,
            payment=payment,
            notes=body.notes,
        )

    def _fault(self, path: str, code: str, message: str) -> None:
        self._errors.append(FieldError(path, code, message))

    def _read_currency(self) -> Currency | None:
        try:
            return currency(self._body.currency)
        except MoneyError as error:
            self._fault("$.currency", "unknown_currency", str(error))
            return None

    def _payable(self, cents: int, path: str) -> None:
        """Our reading: every amount is a multiple of the currency's smallest payable step."""
        if self._currency and cents % self._currency.step:
            self._fault(path, "not_payable", f"{cents} is no multiple of {self._currency.step} ({self._currency.code})")

    def _time(self, text: str, path: str) -> datetime | None:
        try:
            return read_time(text, path)
        except Refused as refused:
            self._errors.extend(refused.errors)
            return None

    def _word(self, words: type[W], word: str, path: str) -> W | None:
        try:
            return words(word)
        except ValueError:
            self._fault(path, "unknown_value", f"{word[:40]!r} is none of {', '.join(words)}")
            return None

    def _fulfillment(self) -> Fulfillment | None:
        wanted, path = self._body.fulfillment, "$.fulfillment"
        kind = self._word(FulfillmentType, wanted.type, f"{path}.type")
        at = self._time(wanted.requested_at, f"{path}.requested_at") if wanted.requested_at is not None else None
        asap = wanted.asap if wanted.asap is not None else wanted.requested_at is None
        if asap and wanted.requested_at is not None:
            self._fault(f"{path}.requested_at", "contradiction", "an order that is asap has no requested_at")
        if not asap and wanted.requested_at is None:
            self._fault(f"{path}.requested_at", "missing", "an order that is not asap needs requested_at")
        return Fulfillment(kind, at) if kind else None

    def _line(self, item: wire.Item, path: str) -> Line:
        self._payable(item.unit_price, f"{path}.unit_price")
        modifiers = self._modifiers(item.modifiers, f"{path}.modifiers", 1)
        count = sum(1 for top in modifiers for _ in top.walk())
        if count > limits.MODIFIERS_PER_LINE_MAX:
            self._fault(f"{path}.modifiers", "too_many", f"at most {limits.MODIFIERS_PER_LINE_MAX} on one line")
        return Line(ProductId(item.item_id), item.name, item.quantity, Cents(item.unit_price), item.notes, modifiers)

    def _modifiers(self, found: list[wire.Modifier], path: str, depth: int) -> tuple[LineModifier, ...]:
        if found and depth > limits.MODIFIER_DEPTH_MAX:
            self._fault(path, "too_deep", f"modifiers nest at most {limits.MODIFIER_DEPTH_MAX} deep")
            return ()
        return tuple(self._modifier(modifier, f"{path}[{place}]", depth) for place, modifier in enumerate(found))

    def _modifier(self, modifier: wire.Modifier, path: str, depth: int) -> LineModifier:
        self._payable(modifier.unit_price, f"{path}.unit_price")
        return LineModifier(
            ModifierId(modifier.modifier_id),
            modifier.name,
            modifier.quantity,
            Cents(modifier.unit_price),
            self._modifiers(modifier.modifiers, f"{path}.modifiers", depth + 1),
        )


def _check_sums(content: OrderContent) -> None:
    totals = content.totals
    lines = sum(line.subtotal for line in content.lines)
    if totals.discount > totals.subtotal:
        text = f"the discount {totals.discount} is more than the subtotal {totals.subtotal}"
        error = FieldError("$.discount", "exceeds_subtotal", text)
        raise Refused(Code.DISCOUNT_EXCEEDS_SUBTOTAL, text, error)
    whole = totals.subtotal - totals.discount + totals.tax + totals.tip + totals.delivery_fee
    errors = [
        FieldError(path, "mismatch", f"stated {stated}, computed {computed}")
        for path, stated, computed in (("$.subtotal", totals.subtotal, lines), ("$.total", totals.total, whole))
        if stated != computed
    ]
    if errors:
        raise Refused(Code.TOTALS_MISMATCH, f"{errors[0].path}: {errors[0].message}", *errors)
