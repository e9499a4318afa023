"""Link's bodies exactly as they stand on the wire: snake_case, amounts in whole cents, times ISO 8601 in UTC.

Members that a body may carry beyond these are ignored.
"""

from typing import Annotated, Any

import msgspec

from heard import limits
from heard.domain.money import MAX_CENTS

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_MAX)]
Word = Annotated[str, msgspec.Meta(max_length=limits.WORD_MAX)]  # one of few, or a time
Text = Annotated[str, msgspec.Meta(max_length=limits.TEXT_MAX)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=MAX_CENTS)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=limits.QUANTITY_MAX)]


class Modifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    modifier_id: Id
    name: Text
    quantity: Quantity = 1
    unit_price: Amount = 0
    modifiers: list["Modifier"] = []


class Item(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    item_id: Id
    name: Text
    quantity: Quantity
    unit_price: Amount
    notes: Text | None = None
    modifiers: list[Modifier] = []


class Fulfillment(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    type: Word
    asap: bool | None = None
    requested_at: Word | None = None


class Customer(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None


class Payment(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    method: Word


class NewOrder(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /link/v2/orders."""

    external_order_id: Id
    venue_id: Id
    placed_at: Word
    fulfillment: Fulfillment
    items: Annotated[list[Item], msgspec.Meta(min_length=1, max_length=limits.ORDER_LINES_MAX)]
    subtotal: Amount
    total: Amount
    currency: Word
    payment: Payment
    customer: Customer = Customer()
    discount: Amount = 0
    tax: Amount = 0
    tip: Amount = 0
    delivery_fee: Amount = 0
    notes: Text | None = None


class OrderAccepted(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The answer to a new order, and to the same one sent again."""

    order_id: str
    external_order_id: str
    status: str
    accept_by: str


class OrderView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An order as its marketplace reads it: where it stands, and what was ordered."""

    order_id: str
    external_order_id: str
    venue_id: str
    status: str
    sequence: int
    accept_by: str
    received_at: str
    order: NewOrder
    prep_time_min: int | None = None
    ready_at: str | None = None
    reason_code: str | None = None
    reason: str | None = None


class OrderList(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    orders: list[OrderView]


class TokenAnswer(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """RFC 6749's answer to client credentials."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str

    def __repr__(self) -> str:
        return f"TokenAnswer(expires_in={self.expires_in}, scope={self.scope!r})"  # never the token


class OAuthError(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    error: str


class EventData(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What every order event carries, and what some do."""

    venue_id: str
    order_id: str
    external_order_id: str
    status: str
    sequence: int
    prep_time_min: int | None = None
    ready_at: str | None = None
    reason_code: str | None = None
    reason: str | None = None
    by: str | None = None


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A webhook's body."""

    type: str
    timestamp: str
    data: EventData


class StoreEventData(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What an event about a store carries."""

    venue_id: str
    by: str | None = None
    reason: str | None = None


class StoreEvent(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A webhook's body about a store."""

    type: str
    timestamp: str
    data: StoreEventData


# --- stores, cancels, menus, the feed ---------------------------------------------------------------------


class PauseView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Who holds a store paused: `hub`, `store`, `channel` (another one) or `you`."""

    by: str
    reason: str
    since: str
    until: str | None = None


class MenuRef(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The menu that is published for a store."""

    version: str
    url: str
    published_at: str


class StoreView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A store as a marketplace reads it. Without a menu, none is published."""

    venue_id: str
    name: str
    currency: str
    timezone: str
    open: bool
    pauses: list[PauseView]
    prep_time_min: int
    menu: MenuRef | None = None


class StoreList(msgspec.Struct, kw_only=True, frozen=True):
    """A page of stores; `next` is what to pass as `after`, none on the last page."""

    stores: list[StoreView]
    next: str | None = None


class PauseRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /link/v2/stores/{venue_id}/pause."""

    reason: Text
    duration_minutes: Annotated[int, msgspec.Meta(ge=1)] | None = None


class CancelRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /link/v2/orders/{order_id}/cancel."""

    reason_code: Word
    note: Text | None = None


class CancelAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """How a cancelled order stands; `cancelling` while its outcome at the POS is open."""

    order_id: str
    external_order_id: str
    status: str
    cancelling: bool


class MenuEventData(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What an event about a menu carries; only a published one has an address and a version."""

    venue_id: str
    menu_url: str | None = None
    version: str | None = None


class EndpointEventData(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What is told in the feed when a webhook endpoint was disabled."""

    endpoint_id: str
    url: str
    reason: str


class EventView(msgspec.Struct, kw_only=True, frozen=True):
    """An event in the feed: a webhook's body, and the id that the webhook has in its headers."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


class EventPage(msgspec.Struct, kw_only=True, frozen=True):
    """A page of the feed; `next` is what to pass as `after`, also when nothing is new."""

    events: list[EventView]
    next: str


class MenuCategory(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    item_ids: list[str] = []


class MenuItem(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    state: str
    description: str | None = None
    item_type: str = "Item"
    tax_category: str | None = None
    image_url: str | None = None
    modifier_group_ids: list[str] = []


class MenuModifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    state: str
    modifier_group_ids: list[str] = []


class MenuModifierGroup(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    min_selected: int = 0
    max_selected: int | None = None
    modifiers: list[MenuModifier] = []


class MenuDocument(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """GET /link/v2/stores/{venue_id}/menu. Each object stands once and is referred to by its id."""

    venue_id: str
    version: str
    currency: str
    published_at: str
    categories: list[MenuCategory]
    items: list[MenuItem]
    modifier_groups: list[MenuModifierGroup] = []
