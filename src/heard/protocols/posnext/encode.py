"""Our words to posnext's exact bytes: the same value always gives the same bytes, and no amount passes a float."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import assert_never

import msgspec

from heard.domain.menu import model as menu_model
from heard.domain.menu.taxes import Rates
from heard.domain.money import Cents, decimal_from_cents
from heard.domain.order.content import Customer
from heard.domain.pos import PosAnswer, PosCancel, PosError, PosItem, PosOrder, PosPayment
from heard.domain.stores import Amounts
from heard.protocols.posnext import wire
from heard.protocols.posnext.echo import Echo, echoing
from heard.protocols.posnext.status import CANCEL_ORDER, Schedule, availability_word, kitchen_word, status_word

_ENCODER = msgspec.json.Encoder(decimal_format="number")

_Write = Callable[[Cents], wire.Amount]


def encode_order(order: PosOrder, amounts: Amounts) -> bytes:
    """The body of a validate or a submit. Times are cut to milliseconds."""
    write = _writer(amounts)
    totals = order.totals
    details = wire.OrderDetails(
        online_order_id=order.online_order_id,
        order_type=order.order_type.value,
        requested_at=_time(order.requested_at),
        customer=_customer(order.customer),
        notes=order.notes,
        menu_items=[_item(item, write) for item in order.items],
        subtotal=write(totals.subtotal),
        discount_total=write(totals.discount_total),
        tax=write(totals.tax),
        tip=write(totals.tip),
        fees=write(totals.fees),
        grand_total=write(totals.grand_total),
        payments=[_payment(payment, write) for payment in order.payments] or None,
    )
    schedule = Schedule.CURRENT if order.requested_at is None else Schedule.FUTURE
    return _ENCODER.encode(
        wire.OrderRequest(
            request_uid=order.request_uid,
            request_datetime=_instant(order.request_datetime),
            request_type=order.request_type.value,
            organization_id=order.organization_id,
            location_id=order.location_id,
            schedule_type=schedule.value,
            callback_url=order.callback_url,
            ttl=order.ttl_s,
            received_at=_time(order.received_at),
            completed_at=_time(order.completed_at),
            order_details=details,
        )
    )


def encode_answer(answer: PosAnswer, amounts: Amounts, echo: Echo | None = None) -> bytes:
    """The body of an answer or a callback. Members that the answer does not state are left out.

    With an `echo`, its request's order is told too: what nobody here knows is kept, and the answer's own members take
    the place of those that were sent.
    """
    own = _ENCODER.encode(_answer(answer, amounts))
    return own if echo is None else echoing(own, echo)


def encode_both(answer: PosAnswer, amounts: Amounts, echo: Echo) -> tuple[bytes, bytes]:
    """An answer's own members alone, to be kept; and with its request echoed, to be sent."""
    own = _ENCODER.encode(_answer(answer, amounts))
    return own, echoing(own, echo)


def _answer(answer: PosAnswer, amounts: Amounts) -> wire.OrderAnswer:
    return wire.OrderAnswer(
        status=status_word(answer.status),
        request_uid=answer.request_uid,
        request_datetime=_instant(answer.request_datetime),
        organization_id=answer.organization_id,
        location_id=answer.location_id,
        received_at=_time(answer.received_at),
        completed_at=_time(answer.completed_at),
        estimated_ready_at=_time(answer.estimated_ready_at),
        fulfillment_status=kitchen_word(answer.kitchen) if answer.kitchen is not None else None,
        order_details=_answer_details(answer, _writer(amounts)),
        errors=[_error(error) for error in answer.errors] or None,
    )


def encode_cancel(cancel: PosCancel) -> bytes:
    """The body that asks for an order to be taken back."""
    return _ENCODER.encode(
        wire.CancelRequest(
            request_uid=cancel.request_uid,
            request_datetime=_instant(cancel.request_datetime),
            request_type=CANCEL_ORDER,
            organization_id=cancel.organization_id,
            location_id=cancel.location_id,
            online_order_id=cancel.online_order_id,
            reason=cancel.reason,
        )
    )


def encode_menu_request(organization_id: str | None, location_id: str) -> bytes:
    """The body that asks for a location's menus."""
    return _ENCODER.encode(wire.MenuRequest(organization_id=organization_id, location_id=location_id))


def encode_menu(menu: menu_model.Menu) -> bytes:
    """The menu document. Prices are decimal major units, whatever the connection's amounts [doc]."""
    return _ENCODER.encode(
        wire.MenuDocument(
            location_id=menu.location_id,
            currency=menu.currency,
            version=menu.version,
            tax_rates={category: _rates(rates) for category, rates in menu.tax_rates} or None,
            menus=[
                wire.Section(id=section.id, name=section.name, products=[_product(p) for p in section.products])
                for section in menu.sections
            ],
        )
    )


def _writer(amounts: Amounts) -> _Write:
    match amounts:
        case Amounts.MINOR:
            return int
        case Amounts.DECIMAL:
            return decimal_from_cents
        case _:
            assert_never(amounts)


def _instant(moment: datetime) -> str:
    """yyyy-MM-ddTHH:mm:ss.fffZ, in UTC."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    at_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return at_utc.isoformat(timespec="milliseconds")[:-6] + "Z"  # without +00:00


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else _instant(moment)


def _customer(customer: Customer) -> wire.Customer | None:
    if customer == Customer():
        return None
    return wire.Customer(name=customer.name, phone=customer.phone, email=customer.email)


def _item(item: PosItem, write: _Write) -> wire.Item:
    return wire.Item(
        id=item.id,
        name=item.name,
        item_type=item.item_type.value,
        quantity=item.quantity,
        price=write(item.price),
        notes=item.notes,
        menu_items=[_item(below, write) for below in item.menu_items] or None,
    )


def _payment(payment: PosPayment, write: _Write) -> wire.Payment:
    return wire.Payment(type=payment.type, amount=write(payment.amount), reference=payment.reference)


def _answer_details(answer: PosAnswer, write: _Write) -> wire.AnswerDetails | None:
    totals = answer.totals
    details = wire.AnswerDetails(
        online_order_id=answer.online_order_id,
        pos_order_id=answer.pos_order_id,
        menu_items=[_item(item, write) for item in answer.items] or None,
        subtotal=write(totals.subtotal) if totals else None,
        discount_total=write(totals.discount_total) if totals else None,
        tax=write(totals.tax) if totals else None,
        tip=write(totals.tip) if totals else None,
        fees=write(totals.fees) if totals else None,
        grand_total=write(totals.grand_total) if totals else None,
    )
    return None if details == wire.AnswerDetails() else details


def _error(error: PosError) -> wire.AnswerError:
    return wire.AnswerError(code=error.code, message=error.message, path=error.path, retryable=error.retryable)


def _product(product: menu_model.Product) -> wire.Product:
    return wire.Product(
        id=product.id,
        name=product.name,
        price=decimal_from_cents(product.price),
        state=availability_word(product.availability),
        description=product.description,
        item_type=product.type.value,
        tax_category=product.tax_category,
        categories=list(product.categories) or None,
        image_url=product.image_url,
        modifier_groups=[_group(group) for group in product.groups] or None,
        components=[_component(component) for component in product.components] or None,
        prices=[_price_rule(rule) for rule in product.prices] or None,
    )


def _group(group: menu_model.ModifierGroup) -> wire.ModifierGroup:
    return wire.ModifierGroup(
        id=group.id,
        name=group.name,
        min_selected=group.min_selected,
        max_selected=group.max_selected,
        modifiers=[_modifier(modifier) for modifier in group.modifiers],
    )


def _modifier(modifier: menu_model.Modifier) -> wire.Modifier:
    return wire.Modifier(
        id=modifier.id,
        name=modifier.name,
        price=decimal_from_cents(modifier.price),
        state=availability_word(modifier.availability),
        modifier_groups=[_group(group) for group in modifier.groups] or None,
        prices=[_price_rule(rule) for rule in modifier.prices] or None,
    )


def _price_rule(rule: menu_model.PriceRule) -> wire.PriceRule:
    return wire.PriceRule(
        price_level_id=rule.price_level_id,
        name=rule.name,
        order_types=list(rule.order_types) or None,
        price=decimal_from_cents(rule.price),
    )


def _rates(rates: Rates) -> str | list[wire.TaxRate]:
    return rates if isinstance(rates, str) else [wire.TaxRate(name=name, rate=percent) for name, percent in rates]


def _component(component: menu_model.ComboComponent) -> wire.Component:
    return wire.Component(
        name=component.name,
        product_ids=list(component.product_ids),
        min_selected=component.min_selected,
        max_selected=component.max_selected,
    )
