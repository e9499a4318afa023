"""The POS side's own OpenAPI document, turned against a kit that is really served: whatever the document allows gets an
answer that the document describes, and never a 5xx.
"""

import asyncio
import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from documents import LINE, every_call, tried
from heard.domain.money import Cents
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos import app
from heard.pos.testing import Hub
from heard.protocols.posnext import auth
from heard.protocols.posnext.decode import read_time
from heard.protocols.posnext.openapi import posnext_document
from pos.kits import SHARED_ID, ScriptedPos

DOCUMENT = posnext_document()
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A kit on a port of its own, in a thread of its own."""
    store = tmp_path_factory.mktemp("kit") / "kit.sqlite"
    ready, end = threading.Event(), threading.Event()
    found: list[str] = []

    async def run() -> None:
        kit = app(ScriptedPos(), shared_id=SHARED_ID, store=str(store))  # type: ignore[arg-type]
        with listening("127.0.0.1", 0) as bound:
            async with kit:
                await Hub(kit, SHARED_ID).know("main")
                serving = asyncio.create_task(serve(kit, bound))
                found.append(f"http://127.0.0.1:{bound.getsockname()[1]}")
                ready.set()
                while not end.is_set():
                    await asyncio.sleep(0.05)
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    end.set()
    thread.join(20)


@pytest.mark.filterwarnings("default")  # the tool's own
@every_call(DOCUMENT)
def test_whatever_the_document_allows_is_answered_as_it_says(call: str, address: str) -> None:
    """Half of the calls are signed as agreed, so that they get past the gate; the rest stay as they are."""

    def ask(case: Any) -> None:
        case.headers = dict(case.headers or {})
        if secrets.randbelow(4):
            _sign(case)
        response = case.call(base_url=address, session=LINE, timeout=20)
        case.validate_response(response, checks=CHECKS)

    tried(DOCUMENT, call, ask, 36)


def _sign(case: Any) -> None:
    token = auth.make_token(SHARED_ID, "demo", datetime.now(UTC), secrets.token_hex(8))
    case.headers["authorization"] = f"Bearer {token}"
    body = case.body
    if not isinstance(body, dict):
        return
    body["location_id"], body["organization_id"] = "demo-1", "demo"
    details = body.get("order_details")
    details = details if isinstance(details, dict) else {}
    if details and secrets.randbelow(2):
        _put_right(case.path, body, details)
    with contextlib.suppress(Exception):  # what cannot be signed stays unsigned: that is an answer too
        message = auth.digest_message(
            request_uid=body["request_uid"],
            location_id="demo-1",
            online_order_id=details.get("online_order_id") or body.get("online_order_id"),
            grand_total=Cents(details.get("grand_total") or details.get("total") or 0),
            subtotal=Cents(details.get("subtotal") or 0),
            request_datetime=read_time(body["request_datetime"], "$"),
        )
        case.headers[auth.DIGEST_HEADER] = auth.digest(SHARED_ID, message)


def _put_right(path: str, body: dict[str, Any], details: dict[str, Any]) -> None:
    """What a document cannot say: which item may stand where, and that everything adds up."""
    body |= {
        "request_type": "validate-order" if path.endswith("validate") else "place-order",
        "schedule_type": "current",
    }
    body["request_datetime"] = "2025-01-15T18:30:00.000Z"
    for name in ("ttl", "callback_url", "received_at", "completed_at"):
        body.pop(name, None)
    for name in ("requested_at", "payments", "discount_total", "tax", "tip", "fees", "total"):
        details.pop(name, None)
    items = details.get("menu_items")
    items = [item for item in items[:3] if isinstance(item, dict)] if isinstance(items, list) else []
    items = items or [{"id": "a", "name": "A"}]
    details["menu_items"] = items
    details["subtotal"] = details["grand_total"] = sum(_put_item_right(item, "Item") for item in items)


def _put_item_right(item: dict[str, Any], kind: str) -> int:
    below = item.get("menu_items")
    below = [child for child in below if isinstance(child, dict)] if isinstance(below, list) else []
    item |= {"item_type": kind, "quantity": 2, "price": 125, "menu_items": below}
    return 2 * (125 + sum(_put_item_right(child, "Modifier") for child in below))


def test_the_document_is_served_as_it_is_kept(address: str) -> None:
    answer = requests.get(f"{address}/openapi.json", timeout=20)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(posnext_document()))
