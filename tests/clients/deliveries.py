"""Webhooks as a hub sends them, signed, to an ASGI app without a socket."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from heard.clients.webhooks import Event, verify_event
from heard.pos.testing import ask
from heard.protocols.webhooks.encode import headers_for

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER = "whsec_Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="


def a_body(order: str = "1", sequence: int = 1, kind: str = "order.ready", **data: Any) -> bytes:
    named = {"venue_id": "ven_1", "order_id": f"ord_{order}", "external_order_id": f"A-{order}", "status": "READY"}
    document = {"type": kind, "timestamp": "2026-03-14T12:00:00.000Z", "data": {**named, "sequence": sequence, **data}}
    return json.dumps(document).encode()


def a_store_body(kind: str, sequence: int, venue: str = "1") -> bytes:
    data = {"venue_id": f"ven_{venue}", "sequence": sequence, "by": "hub"}
    return json.dumps({"type": kind, "timestamp": "2026-03-14T12:00:00.000Z", "data": data}).encode()


def headers(event_id: str, body: bytes, *secrets: str, now: datetime | None = None) -> dict[str, str]:
    return headers_for(event_id, now or datetime.now(UTC), body, secrets or (SECRET,))


def an_event(event_id: str, body: bytes) -> Event:
    return verify_event(headers(event_id, body), body, SECRET)


async def deliver(app: Any, event_id: str, body: bytes, **changes: str) -> int:
    """One delivery; the status of its answer, which never says a word."""
    status, _, answer = await post(app, body, {**headers(event_id, body), **changes})
    assert answer == b""
    return status


async def post(
    app: Any, body: bytes, named: Mapping[str, str], path: str = "/webhooks", method: str = "POST"
) -> tuple[int, dict[str, str], bytes]:
    return await ask(app, method, path, body, named)
