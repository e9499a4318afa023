"""What a hub and a POS say to each other about an order, in our words; the bytes are protocols/posnext.

Source of the vocabulary: posnext's order request and response. Amounts are cents, times aware UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heard.domain.ids import LocationId, OrganizationId, PosOrderId, RequestUid
from heard.domain.money import Cents
from heard.domain.order.content import Customer


class RequestType(StrEnum):
    VALIDATE = "validate-order"
    PLACE = "place-order"


class PosOrderType(StrEnum):
    PICKUP = "pickup"
    DELIVERY = "delivery"
    DINE_IN = "dine_in"
    CURBSIDE = "curbside"
    CATERING = "catering"


class ItemType(StrEnum):
    """What a line of a POS order is."""

    ITEM = "Item"
    COMBO = "Combo"
    PROMOTION = "Promotion"
    MODIFIER = "Modifier"
    DISCOUNT = "Discount"
    MEMO = "Memo"


# The usual one first: that is how they are looked through.
MAIN_ITEM_TYPES = (ItemType.ITEM, ItemType.COMBO, ItemType.PROMOTION, ItemType.DISCOUNT, ItemType.MEMO)
CHILD_ITEM_TYPES = (ItemType.MODIFIER, ItemType.DISCOUNT, ItemType.MEMO)


@dataclass(frozen=True)  # no slots: of these there are many, and they would take half as long again to make
class PosItem:
    """One line or one of its children. `price` is for one unit; a Discount's is positive and subtracts.

    Our reading: a child counts once per unit of its parent, except a Discount, which is for its whole line.
    """

    id: str
    name: str
    item_type: ItemType
    quantity: int
    price: Cents
    notes: str | None = None
    menu_items: tuple["PosItem", ...] = ()

    def walk(self) -> Iterator["PosItem"]:
        """This item and all below it."""
        yield self
        for item in self.menu_items:
            yield from item.walk()


@dataclass(frozen=True, slots=True)
class PosPayment:
    type: str
    amount: Cents
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class PosTotals:
    """grand_total = subtotal - discount_total + tax + tip + fees, all in cents."""

    subtotal: Cents
    discount_total: Cents
    tax: Cents
    tip: Cents
    fees: Cents
    grand_total: Cents


@dataclass(frozen=True, slots=True)
class PosOrder:
    """A validate or a submit. `requested_at` set means schedule_type future."""

    request_uid: RequestUid
    request_type: RequestType
    request_datetime: datetime
    organization_id: OrganizationId | None
    location_id: LocationId
    online_order_id: str | None
    order_type: PosOrderType
    items: tuple[PosItem, ...]
    totals: PosTotals
    customer: Customer = Customer()
    requested_at: datetime | None = None
    notes: str | None = None
    payments: tuple[PosPayment, ...] = ()
    callback_url: str | None = None
    ttl_s: int | None = None
    received_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PosCancel:
    """The wish that a submitted order be taken back. `request_uid` is the submit's: an order is cancelled once.

    Our reading: the documentation has a status `cancelled` and no call that asks for it (wire.md 1.8).
    """

    request_uid: RequestUid
    request_datetime: datetime
    organization_id: OrganizationId | None
    location_id: LocationId
    online_order_id: str | None = None
    reason: str | None = None


class PosStatus(StrEnum):
    """The status word of an answer. All but PENDING end polling."""

    VALIDATED = "validated"
    PLACED = "placed"
    PENDING = "pending"
    ERRORED = "errored"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class KitchenState(StrEnum):
    """posnext's fulfillment_status: how far the kitchen is with a placed order."""

    IN_PREPARATION = "in_preparation"
    READY = "ready"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class PosError:
    code: str
    message: str
    path: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class PosAnswer:
    """What a POS says about one order, whether asked, polled or called back.

    `totals` and `items` are the POS's own; None where it did not state them.
    """

    status: PosStatus
    request_uid: RequestUid
    request_datetime: datetime
    organization_id: OrganizationId | None
    location_id: LocationId
    online_order_id: str | None = None
    pos_order_id: PosOrderId | None = None
    totals: PosTotals | None = None
    items: tuple[PosItem, ...] = ()
    received_at: datetime | None = None
    completed_at: datetime | None = None
    estimated_ready_at: datetime | None = None
    kitchen: KitchenState | None = None
    errors: tuple[PosError, ...] = ()
