"""Receiving what a hub sends: verified, each event once, none that is late. `docs/guides/marketplace.md`.

`verify_event` is a plain function for any framework; `WebhookReceiver` an ASGI app to serve, to mount, or to put in
front of another.
"""

from heard.clients.webhooks.receiver import WebhookReceiver
from heard.clients.webhooks.seen import MemorySeen, Seen, SqliteSeen
from heard.clients.webhooks.verifying import WebhookRefused, verify_event
from heard.protocols.link.events import EndpointEvent, Event, MenuEvent, OrderEvent, StoreEvent

__all__ = [
    "EndpointEvent",
    "Event",
    "MemorySeen",
    "MenuEvent",
    "OrderEvent",
    "Seen",
    "SqliteSeen",
    "StoreEvent",
    "WebhookReceiver",
    "WebhookRefused",
    "verify_event",
]
