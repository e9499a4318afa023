"""An application's client of a hub, over the Ordering API: price carts, put discounts on them, pay and order.

`docs/guides/loyalty.md`. `OrderingClient` is for asyncio, `SyncOrderingClient` the same for threads and scripts. What a
hub sends to you is received with `heard.clients.webhooks`.
"""

from heard.clients.errors import (
    Conflict,
    Forbidden,
    NotFound,
    PaymentDeclined,
    RequestRefused,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
)
from heard.clients.errors import HubError as OrderingError
from heard.clients.ordering.carts import (
    Cart,
    Combo,
    Customer,
    Item,
    Modifier,
    apply_external_discount,
    combo,
    item,
    modifier,
    new_cart,
)
from heard.clients.ordering.client import OrderingClient
from heard.clients.ordering.sync import SyncOrderingClient
from heard.domain.order_types import OrderType
from heard.domain.refusals import FieldError
from heard.protocols.ordering.answers import Order, Payment, Webhook
from heard.protocols.ordering.wire_answers import Calculation, LinePrice, MenuView, TaxView, Venue, WebhookMade

__all__ = [
    "Calculation",
    "Cart",
    "Combo",
    "Conflict",
    "Customer",
    "FieldError",
    "Forbidden",
    "Item",
    "LinePrice",
    "MenuView",
    "Modifier",
    "NotFound",
    "Order",
    "OrderType",
    "OrderingClient",
    "OrderingError",
    "Payment",
    "PaymentDeclined",
    "RequestRefused",
    "SyncOrderingClient",
    "TaxView",
    "Unauthorized",
    "Unavailable",
    "UnknownOutcome",
    "Venue",
    "Webhook",
    "WebhookMade",
    "apply_external_discount",
    "combo",
    "item",
    "modifier",
    "new_cart",
]
