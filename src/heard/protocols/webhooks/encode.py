"""The headers of one webhook delivery."""

from collections.abc import Sequence
from datetime import datetime

from heard.protocols.webhooks.auth import sign


def headers_for(webhook_id: str, now: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Headers of a delivery made now. The id stays the same over all deliveries of an event; the time does not."""
    timestamp = int(now.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, webhook_id, timestamp, body),
    }
