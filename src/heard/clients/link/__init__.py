"""A marketplace's client of a hub, over Link: send orders, follow what becomes of them. `docs/guides/marketplace.md`.

`LinkClient` is for asyncio, `SyncLinkClient` the same for threads and scripts. What a hub sends to you is received with
`heard.clients.webhooks`.
"""

from heard.clients.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RequestRefused,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
)
from heard.clients.errors import HubError as LinkError
from heard.clients.link.client import LinkClient, NotModified
from heard.clients.link.orders import item, modifier, new_order
from heard.clients.link.sync import SyncLinkClient
from heard.domain.order.content import Customer
from heard.domain.order.content import Line as Item
from heard.domain.order.content import LineModifier as Modifier
from heard.domain.order.content import OrderContent as Order
from heard.domain.refusals import FieldError
from heard.protocols.link.answers import AcceptedOrder, Cancelled, Menu, OrderState, Pause, PublishedMenu, Store
from heard.protocols.link.events import EndpointEvent, Event, EventPage, MenuEvent, OrderEvent, StoreEvent
from heard.protocols.link.wire import MenuCategory, MenuGroup, MenuItem, MenuModifier

__all__ = [
    "AcceptedOrder",
    "Cancelled",
    "Conflict",
    "Customer",
    "EndpointEvent",
    "Event",
    "EventPage",
    "FieldError",
    "Forbidden",
    "Item",
    "LinkClient",
    "LinkError",
    "Menu",
    "MenuCategory",
    "MenuEvent",
    "MenuGroup",
    "MenuItem",
    "MenuModifier",
    "Modifier",
    "NotFound",
    "NotModified",
    "Order",
    "OrderEvent",
    "OrderState",
    "Pause",
    "PublishedMenu",
    "RequestRefused",
    "Store",
    "StoreEvent",
    "SyncLinkClient",
    "Unauthorized",
    "Unavailable",
    "UnknownOutcome",
    "item",
    "modifier",
    "new_order",
]
