"""A hub that speaks the Ordering API's agreed shapes over a real socket and fails on demand, as fake_hub.py does."""

import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from clients.fake_hub import AT, CLIENT, SECRET, FakeHub, Said, said

KEY = "00ff" * 8
VENUE, POINT = "018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"


def ok(data: object, status: int = 200) -> Said:
    return said(status, {"status": "OK", "code": status, "data": data})


def fault(
    status: int, code: str, *, retryable: bool = False, headers: dict[str, str] | None = None, **more: Any
) -> Said:
    error = {"code": code, "message": f"because of {code}", "errors": [], "retryable": retryable, **more}
    told = said(status, {"status": "ERROR", "code": status, "error": error})
    return Said(status, told.body, {**told.headers, "x-request-id": "req_hub", **(headers or {})})


class FakeOrderingHub(FakeHub):
    """Besides the other's: `heard` are headers and body of every call that got through, by its path."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.payments: dict[str, dict[str, Any]] = {}
        self.webhooks = [a_webhook(number) for number in range(250)]

    async def _do(self, scope: dict[str, Any], body: bytes) -> Said:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"].removeprefix("/api")
        self.heard.append((path, headers, body))
        if headers.get("application") != KEY:
            return fault(401, "unknown_application")
        if path == "/oauth/tokens":
            return self._hex_token(headers, body)
        token = headers.get("x-api-authorization")
        if token is not None and self.tokens.get(token.removeprefix("Bearer "), 0.0) < time.monotonic():
            return fault(401, "invalid_token")
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        return self._ordering(scope["method"], path, query, json.loads(body or b"{}"), token is not None)

    def _hex_token(self, headers: dict[str, str], body: bytes) -> Said:
        self.token_calls += 1
        self.forms.append(dict(parse_qsl(body.decode())))
        if headers.get("authorization") != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode():
            return fault(401, "invalid_client")
        token = secrets.token_hex(32)
        self.tokens[token] = time.monotonic() + self.token_life_s
        told = {"access_token": token, "token_type": "bearer", "scope": "order", "expires_in": int(self.token_life_s)}
        return ok({"oauth_token": told})

    def _ordering(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], known: bool) -> Said:
        match method, path.strip("/").split("/"):
            case "POST", ["orders", "calculate"] if body.get("discounts") and not known:
                return fault(401, "token_required")
            case "POST", ["orders", "calculate"]:
                return ok({"calculation": a_calculation(body)})
            case "POST", ["payments", "initialize"]:
                made = {**body, "payment_init_hash": secrets.token_hex(16), "expires_at": AT}
                self.payments[made["payment_init_hash"]] = made
                return ok({"payment": made}, 201)
            case "POST", ["orders"]:
                return self._paid_order(body)
            case "GET", ["orders", order_id] if order_id in self.orders:
                return ok({"order": an_order_view(order_id)})
            case "GET", ["venues", venue_id] if venue_id == VENUE:
                return ok({"venue": a_venue(nested="view" in query)})
            case "GET", ["venues", venue_id, "menus"] if venue_id == VENUE:
                return ok({"menus": [a_menu_view(nested="view" in query)]})
            case "GET", ["webhooks"]:
                left = [one for one in self.webhooks if one["id"] > query.get("after", "")]
                page = left[: int(query["limit"])]
                return ok({"webhooks": page, "next": page[-1]["id"] if len(left) > len(page) else None})
            case "POST", ["webhooks"]:
                self.webhooks.append({**a_webhook(len(self.webhooks)), "url": body["url"]})
                return ok({"webhook": {**self.webhooks[-1], "secret": "whsec_never_seen"}}, 201)
            case "DELETE", ["webhooks", webhook_id]:
                gone = [one for one in self.webhooks if one["id"] == webhook_id]
                self.webhooks = [one for one in self.webhooks if one["id"] != webhook_id]
                return ok({"webhook": gone[0]}) if gone else fault(404, "unknown_endpoint")
            case _:
                return fault(404, "unknown_order")

    def _paid_order(self, body: dict[str, Any]) -> Said:
        payment = body["payment_info"]["payment_init_hash"]
        if payment not in self.payments:
            return fault(404, "unknown_payment")
        known = self.orders.get(payment)
        if known is not None and known != body:
            return fault(409, "payment_reused")
        self.orders[payment] = body
        return ok({"order": an_order_view(payment)}, 200 if known else 201)


def a_webhook(number: int) -> dict[str, Any]:
    return {"id": f"whk-{number:04}", "url": f"https://app.example/{number}", "enabled": True, "created_at": AT}


def a_calculation(body: dict[str, Any]) -> dict[str, Any]:
    """Everything costs 10.00."""
    count = sum(one["quantity"] for one in body.get("menu_items", []) + body.get("combo_meals", []))
    off = sum(one["discount_amount"] for one in body.get("discounts", []))
    sums = {"subtotal": 1000 * count, "discount_total": off, "tax_total": 0, "tip": body.get("tip", 0), "fees": 0}
    total = 1000 * count - off + sums["tip"]
    estimate = not body.get("calculate_accurate_tax", False)
    return {"currency": "USD", **sums, "total": total, "tax_is_estimate": estimate, "taxes": [], "lines": []}


def an_order_view(payment: str) -> dict[str, Any]:
    amounts = {"subtotal": 1000, "discount_total": 100, "tax_total": 80, "tip": 0, "fees": 0, "total": 980}
    return {
        "id": payment,
        "code": "ZEKUQ",
        "status": "PENDING",
        "sequence": 0,
        "venue_id": VENUE,
        "singular_point_id": POINT,
        "order_type": {"id": 6, "pickup_asap": True},
        "currency": "USD",
        **amounts,
        "payment": {"status": "AUTHORIZED", "amount": 980, "currency": "USD"},
        "discounts": [{"discount_amount": 100, "origin_type": "non_integrated"}],
        "created_at": AT,
        "accept_by": AT,
        "customer_info": {"email": "ada@guests.example"},
    }


def a_venue(nested: bool) -> dict[str, Any]:
    takeout = {"type_id": 6, "name": "takeout"}
    point = {"id": POINT, "name": "Counter"}
    area = {"id": POINT, "name": "Counter", "singular_point_id": POINT, "order_types": [takeout]}
    return {
        "id": VENUE,
        "uuid": VENUE,
        "name": "Acme One",
        "code": "ACME1",
        "currency": {"code": "USD"},
        "timezone": {"name": "America/New_York", "offset": "-05:00"},
        "is_open": True,
        "pickup_time": 15,
        "order_types": [takeout],
        "serving_times": [],
        "areas": [{**area, "singular_points": [point]} if nested else area],
    }


def a_menu_view(nested: bool) -> dict[str, Any]:
    menu = {"id": "M1", "name": "All day", "order_types": [6], "serving_times": []}
    burger = {"id": "BURGER", "name": "Burger", "price": 1000, "is_available": True}
    category = {"id": "C1", "name": "Mains", "items": [burger], "combos": []}
    return {**menu, "categories": [category]} if nested else menu


@asynccontextmanager
async def a_fake_ordering_hub() -> AsyncIterator[FakeOrderingHub]:
    hub = FakeOrderingHub()
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
