"""Link's bodies exactly as they stand on the wire: snake_case, amounts in whole cents, times ISO 8601 in UTC.

Members that a body may carry beyond these are ignored.
"""

from typing import Annotated

import msgspec

from heard import limits
from heard.domain.money import MAX_CENTS
from heard.protocols.bodies import Id, Note, PriceDifference, Word

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


class KeptOrder(NewOrder, kw_only=True, omit_defaults=True, frozen=True):
    """... as the hub keeps it. `discount_shares`: of each line in cents, where the hub itself priced the order."""

    discount_shares: list[Amount] = []


class CancelOrder(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /link/v2/orders/{order_id}/cancel."""

    reason_code: Word
    note: Note | None = None


class CancelAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The answer to a cancel. `cancelling`: it will be cancelled once the POS has said what became of its ticket."""

    order_id: str
    external_order_id: str
    status: str
    cancelling: bool


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
    price_differences: list[PriceDifference] = []


class OrderList(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    orders: list[OrderView]


class TokenForm(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The form of POST /link/v2/oauth/token, for OpenAPI; forms.py reads it. Without credentials, they are in Basic."""

    grant_type: str
    client_id: str = ""
    client_secret: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return f"TokenForm(client_id={self.client_id!r})"  # never the secret


class RevokeForm(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The form of POST /link/v2/oauth/revoke, for OpenAPI; forms.py reads it."""

    token: Annotated[str, msgspec.Meta(min_length=1)]
    token_type_hint: str = ""
    client_id: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        return f"RevokeForm(client_id={self.client_id!r})"  # neither the token nor the secret


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
    """What every event about a store or its menu carries, and what some do. `sequence` grows, with gaps."""

    venue_id: str
    sequence: int
    by: str | None = None
    reason: str | None = None
    until: str | None = None
    menu_url: str | None = None
    version: str | None = None


class StoreEvent(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A webhook's body about a store."""

    type: str
    timestamp: str
    data: StoreEventData


class EndpointEventData(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What an event about a webhook endpoint carries."""

    endpoint_id: str
    url: str
    reason: str


class EndpointEvent(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A webhook's body about another endpoint of the same marketplace."""

    type: str
    timestamp: str
    data: EndpointEventData


class FeedEvent(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An event in the feed: the webhook's body, with the webhook's id."""

    id: str
    type: str
    timestamp: str
    data: msgspec.Raw


class EventPage(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The answer to GET /link/v2/events."""

    events: list[FeedEvent]
    next: str


class PauseView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Who keeps a store from taking orders. `by`: hub, store, channel, or you."""

    by: str
    since: str
    reason: str | None = None
    until: str | None = None


class MenuView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Where a store's menu is, and which one it is now."""

    version: str
    url: str
    published_at: str


class StoreView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A store as a marketplace that is connected to it reads it. Without `menu`, there is none to order from."""

    venue_id: str
    name: str
    currency: str
    timezone: str
    open: bool
    pauses: list[PauseView]
    prep_time_min: int
    menu: MenuView | None = None


class StoreList(msgspec.Struct, kw_only=True, frozen=True):
    """A page of stores; `next` is what to pass as `after` for the page that follows, null when there is none."""

    stores: list[StoreView]
    next: str | None


class MenuModifier(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    state: str
    modifier_group_ids: list[str] = []


class MenuGroup(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """So many of these are chosen; without `max_selected`, as many as one likes."""

    id: str
    name: str
    min_selected: int
    max_selected: int | None = None
    modifiers: list[MenuModifier]


class MenuItem(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    price: int
    item_type: str
    state: str
    description: str | None = None
    tax_category: str | None = None
    image_url: str | None = None
    modifier_group_ids: list[str] = []


class MenuCategory(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    id: str
    name: str
    item_ids: list[str]


class MenuDocument(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """GET /link/v2/stores/{venue_id}/menu: each thing once, told apart by ids. Prices in whole cents."""

    venue_id: str
    version: str
    currency: str
    published_at: str
    categories: list[MenuCategory]
    items: list[MenuItem]
    modifier_groups: list[MenuGroup]
