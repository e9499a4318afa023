"""What was ordered, in our words: written once at receipt, never changed. Where the order stands is in model.py."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heard.domain.ids import ExternalOrderId, ModifierId, ProductId, VenueId
from heard.domain.money import Cents


class FulfillmentType(StrEnum):
    """How the guest gets the food."""

    PICKUP = "pickup"
    DELIVERY = "delivery"
    DINE_IN = "dine_in"


class PaymentMethod(StrEnum):
    """PREPAID: the channel holds the money. CASH: the guest pays at the store."""

    PREPAID = "prepaid"
    CASH = "cash"


@dataclass(frozen=True, slots=True)
class Fulfillment:
    type: FulfillmentType
    requested_at: datetime | None = None  # None: as soon as possible


@dataclass(frozen=True, slots=True)
class Customer:
    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class LineModifier:
    """A choice on a line; counts once per unit of what it hangs on, times its own quantity."""

    modifier_id: ModifierId
    name: str
    quantity: int
    unit_price: Cents
    modifiers: tuple["LineModifier", ...] = ()

    @property
    def price(self) -> Cents:
        """Cents for one unit of the parent, nested choices included."""
        return Cents(self.quantity * (self.unit_price + sum(m.price for m in self.modifiers)))

    def walk(self) -> Iterator["LineModifier"]:
        """This choice and all below it."""
        yield self
        for modifier in self.modifiers:
            yield from modifier.walk()


@dataclass(frozen=True, slots=True)
class Line:
    product_id: ProductId
    name: str
    quantity: int
    unit_price: Cents
    notes: str | None = None
    modifiers: tuple[LineModifier, ...] = ()

    @property
    def subtotal(self) -> Cents:
        """Cents of the whole line before any discount."""
        return Cents(self.quantity * (self.unit_price + sum(m.price for m in self.modifiers)))


@dataclass(frozen=True, slots=True)
class Totals:
    """Cents, as the channel stated them. total = subtotal - discount + tax + tip + delivery_fee."""

    subtotal: Cents
    discount: Cents
    tax: Cents
    tip: Cents
    delivery_fee: Cents
    total: Cents


@dataclass(frozen=True, slots=True)
class OrderContent:
    external_order_id: ExternalOrderId
    venue_id: VenueId
    placed_at: datetime
    fulfillment: Fulfillment
    customer: Customer
    lines: tuple[Line, ...]
    totals: Totals
    currency: str
    payment: PaymentMethod
    notes: str | None = None
    discount_shares: tuple[Cents, ...] = ()  # of each line, where the hub priced the order; else it is spread when sent
