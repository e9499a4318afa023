"""What carts cost, and orders, as the Ordering API's bytes. Every number is the pricing's own: none is made here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from heard.domain.ids import SingularPointId, uuid_of
from heard.domain.money import Cents
from heard.domain.order.model import Order
from heard.domain.order_types import OrderType
from heard.domain.pricing.priced import Priced, PricedComponent, PricedLine, PricedTax
from heard.protocols.ordering import wire_answers as wire
from heard.protocols.ordering.asked import AskedCustomer
from heard.protocols.ordering.decode import NON_INTEGRATED
from heard.protocols.ordering.encode import encode, order_code, time_text
from heard.protocols.statuses import public_status


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What there is to tell of an order besides its own row. `requested_at` None: as soon as possible. `customer` None:
    whoever asks is not told.
    """

    order: Order
    priced: Priced
    singular_point_id: SingularPointId
    order_type: OrderType
    requested_at: datetime | None
    payment_status: str
    customer: AskedCustomer | None


def encode_calculation(
    priced: Priced, *, tax_is_estimate: bool, differences: Sequence[tuple[str, Cents, Cents]] = ()
) -> bytes:
    """The answer to POST /api/orders/calculate. `differences`: places that the POS has otherwise, our number first."""
    calculation = wire.Calculation(
        currency=priced.currency.code,
        subtotal=priced.subtotal,
        discount_total=priced.discount_total,
        tax_total=priced.tax_total,
        tip=priced.tip,
        fees=priced.fees,
        total=priced.total,
        tax_is_estimate=tax_is_estimate,
        taxes=_taxes(priced.taxes),
        lines=_lines(priced),
        pos_differences=[wire.PosDifference(place=place, hub=hub, pos=pos) for place, hub, pos in differences],
    )
    return encode(wire.CalculationAnswer(data=wire.CalculationData(calculation=calculation)))


def encode_order(placed: PlacedOrder, status: int = 200) -> bytes:
    """The answer to POST /api/orders (201) and to GET /api/orders/{order_id}."""
    order, priced = placed.order, placed.priced
    discount = priced.discount_total
    view = wire.OrderView(
        id=uuid_of(order.order_id),
        code=order_code(order.order_id),
        status=public_status(order.status),
        sequence=order.sequence,
        venue_id=uuid_of(order.venue_id),
        singular_point_id=uuid_of(placed.singular_point_id),
        order_type=wire.OrderTypeAnswer(
            id=placed.order_type.value,
            pickup_asap=placed.requested_at is None,
            pickup_at=_optional_time(placed.requested_at),
        ),
        currency=priced.currency.code,
        subtotal=priced.subtotal,
        discount_total=discount,
        tax_total=priced.tax_total,
        tip=priced.tip,
        fees=priced.fees,
        total=priced.total,
        payment=wire.OrderPayment(status=placed.payment_status, amount=priced.total, currency=priced.currency.code),
        discounts=[wire.OrderDiscount(discount_amount=discount, origin_type=NON_INTEGRATED)] if discount else [],
        created_at=time_text(order.received_at),
        accept_by=time_text(order.accept_by),
        ready_at=_optional_time(order.ready_at),
        reason_code=order.reason_code,
        reason=order.reason if order.reason_code else None,  # not that of a cancel which is only wanted yet
        lines=_lines(priced),
        customer_info=_customer(placed.customer),
    )
    return encode(wire.OrderAnswer(code=status, data=wire.OrderData(order=view)))


def encode_payment(
    payment_hash: str, point: SingularPointId, amount: Cents, currency: str, expires_at: datetime, status: int = 201
) -> bytes:
    """The answer to POST /api/payments/initialize."""
    begun = wire.PaymentInit(
        payment_init_hash=payment_hash,
        singular_point_id=uuid_of(point),
        amount=amount,
        currency=currency,
        expires_at=time_text(expires_at),
    )
    return encode(wire.PaymentAnswer(code=status, data=wire.PaymentData(payment=begun)))


def rate_text(millionths: int) -> str:
    """A rate in percent, exactly and without needless zeros.

    >>> rate_text(82_500), rate_text(70_000), rate_text(1)
    ('8.25', '7', '0.0001')
    """
    whole, part = divmod(millionths, 10_000)
    return f"{whole}.{part:04}".rstrip("0").rstrip(".")


def _lines(priced: Priced) -> list[wire.LinePrice]:
    return [_line(one) for one in priced.lines]


def _line(line: PricedLine) -> wire.LinePrice:
    return wire.LinePrice(
        id=line.id,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        modifiers=line.modifiers,
        subtotal=line.subtotal,
        discount=line.discount,
        taxable=line.taxable,
        taxes=_taxes(line.taxes),
        total=line.total,
        components=[_component(one) for one in line.components],
    )


def _component(part: PricedComponent) -> wire.ComponentPrice:
    return wire.ComponentPrice(
        id=part.component.id,
        name=part.component.name,
        quantity=part.component.quantity,
        subtotal=part.subtotal,
        discount=part.discount,
        taxable=part.taxable,
        taxes=_taxes(part.taxes),
        total=part.total,
    )


def _taxes(taxes: Iterable[PricedTax]) -> list[wire.TaxView]:
    return [
        wire.TaxView(name=one.name, rate=rate_text(one.millionths), base=one.base, amount=one.amount) for one in taxes
    ]


def _customer(customer: AskedCustomer | None) -> wire.CustomerView | None:
    if customer is None:
        return None
    return wire.CustomerView(
        email=customer.email,
        first_name=customer.first_name,
        last_name=customer.last_name,
        phone_number=customer.phone_number,
    )


def _optional_time(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
