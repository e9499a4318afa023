"""Orders, written by a marketplace: the totals follow from the lines, so that they always add up."""

from collections.abc import Sequence
from datetime import UTC, datetime

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


def new_order(
    external_order_id: str,
    venue_id: str,
    items: Sequence[Line],
    *,
    currency: str = "USD",
    fulfillment: str = "pickup",
    requested_at: datetime | None = None,
    placed_at: datetime | None = None,
    customer: Customer = Customer(),
    payment: str = "prepaid",
    discount: int = 0,
    tax: int = 0,
    tip: int = 0,
    delivery_fee: int = 0,
    notes: str | None = None,
) -> OrderContent:
    """An order. Amounts are whole cents, times need a zone.

    `external_order_id` is your own number: the same again, with the same content, is the same order. Keep what you
    send until it is answered, `placed_at` included: that is part of the content. `fulfillment` is `pickup`, `delivery`
    or `dine_in`, `payment` `prepaid` or `cash`; `requested_at` None means as soon as possible. Raises ValueError for
    another word, or a time without a zone.
    """
    placed_at = placed_at or datetime.now(UTC)
    for name, at in (("placed_at", placed_at), ("requested_at", requested_at)):
        if at is not None and at.tzinfo is None:
            raise ValueError(f"{name}: give it a zone, such as datetime.now(UTC)")
    subtotal = sum(item.subtotal for item in items)
    totals = Totals(
        subtotal=Cents(subtotal),
        discount=Cents(discount),
        tax=Cents(tax),
        tip=Cents(tip),
        delivery_fee=Cents(delivery_fee),
        total=Cents(subtotal - discount + tax + tip + delivery_fee),
    )
    return OrderContent(
        external_order_id=ExternalOrderId(external_order_id),
        venue_id=VenueId(venue_id),
        placed_at=placed_at,
        fulfillment=Fulfillment(FulfillmentType(fulfillment), requested_at),
        customer=customer,
        lines=tuple(items),
        totals=totals,
        currency=currency,
        payment=PaymentMethod(payment),
        notes=notes,
    )


def item(
    item_id: str,
    name: str,
    unit_price: int,
    *,
    quantity: int = 1,
    modifiers: Sequence[LineModifier] = (),
    notes: str | None = None,
) -> Line:
    """A line of an order; the price is cents for one, without its modifiers."""
    return Line(ProductId(item_id), name, quantity, Cents(unit_price), notes, tuple(modifiers))


def modifier(
    modifier_id: str, name: str, unit_price: int = 0, *, quantity: int = 1, modifiers: Sequence[LineModifier] = ()
) -> LineModifier:
    """A choice on a line; it counts once for each of what it hangs on."""
    return LineModifier(ModifierId(modifier_id), name, quantity, Cents(unit_price), tuple(modifiers))
