"""What a channel of the demo was told by webhooks, kept in its ledger: each event once, as it came."""

import time

import msgspec

from heard.clients.webhooks import Event, OrderEvent
from heard.protocols.link.encode import time_text
from heard.sandbox.ledger import Ledger


def keep_event(ledger: Ledger, event: Event) -> None:
    """Write down what was told."""
    body = msgspec.json.encode({"type": event.type, "timestamp": time_text(event.timestamp), "data": dict(event.data)})
    order_id = number = status = sequence = None
    if isinstance(event, OrderEvent):
        order_id, number, status, sequence = event.order_id, event.external_order_id, event.status, event.sequence
    sql = "INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    ledger.write(sql, event.id, order_id, number, event.type, status, sequence, body, time.time())
