"""The documentation's integration checklist, row by row; docs/reference/posnext-checklist.md names these tests.

A kit is served on a socket of its own and called as the hub calls it: bytes over HTTP, signatures made here by hand.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyreqwest.client import ClientBuilder

from builders import a_menu
from heard.net.listening import listening
from heard.net.serving import serve
from heard.pos import Errored, KitchenState, Location, Rejected
from heard.protocols.posnext import auth
from lengths import patience
from pos.kits import SHARED_ID, ScriptedPos, a_kit

AT = "2025-01-15T18:30:00.000Z"
SECONDS = 1736965800


@dataclass(frozen=True, slots=True)
class Heard:
    status: int
    headers: dict[str, str]
    body: Any

    def digest_holds(self) -> bool:
        """The answer's signature, put together by hand."""
        details = self.body.get("order_details", {})
        parts = [self.body["request_uid"], self.body["location_id"], details.get("online_order_id", 0)]
        parts += [details.get("grand_total", 0), details.get("subtotal", 0), SECONDS]
        return self.headers["x-pch-digest"] == by_hand("|".join(map(str, parts)))


def by_hand(message: str) -> str:
    return hmac.new(SHARED_ID[:10].encode(), message.encode(), hashlib.sha256).hexdigest()


def an_order(request_type: str, uid: str = "order-1", **changes: Any) -> dict[str, Any]:
    item = {"id": "BURGER", "name": "Burger", "item_type": "Item", "quantity": 1, "price": 1299}
    details = {"online_order_id": "OO-1", "order_type": "pickup", "menu_items": [item], "subtotal": 1299, "tax": 104}
    return {
        "request_uid": uid,
        "request_datetime": AT,
        "request_type": request_type,
        "organization_id": "demo",
        "location_id": "demo-1",
        "order_details": {**details, "grand_total": 1403},
        **changes,
    }


class Caller:
    """Makes the hub's calls, one by one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = ClientBuilder().no_proxy().build()

    async def post(self, path: str, body: Any, **headers: str | None) -> Heard:
        raw = json.dumps(body).encode()
        details = body.get("order_details", {})
        parts = [body.get("request_uid", 0), body["location_id"], details.get("online_order_id", 0)]
        parts += [details.get("grand_total", 0), details.get("subtotal", 0), SECONDS]
        return await self._send("POST", path, raw, {"x-pch-digest": by_hand("|".join(map(str, parts))), **headers})

    async def get(self, path: str, **headers: str | None) -> Heard:
        return await self._send("GET", path, None, headers)

    async def _send(self, method: str, path: str, raw: bytes | None, headers: dict[str, str | None]) -> Heard:
        token = auth.make_token(SHARED_ID, "demo", datetime.now(UTC), "jti")
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json"} | headers
        request = self._client.request(method, self._url + path)
        request = request.headers({name: value for name, value in sent.items() if value is not None})
        response = await (request.body_bytes(raw) if raw is not None else request).build().send()
        body = bytes(await response.bytes())
        return Heard(
            response.status, {name.lower(): response.headers[name] for name in response.headers}, as_json(body)
        )


def as_json(body: bytes) -> Any:
    return json.loads(body) if body else None


@asynccontextmanager
async def a_served_kit(folder: Path, pos: ScriptedPos, **given: Any) -> AsyncIterator[Caller]:
    async with a_kit(pos, str(folder / "kit.sqlite"), **given) as (kit, _):
        with listening("127.0.0.1", 0) as bound:
            serving = asyncio.create_task(serve(kit, bound))
            yield Caller(f"http://127.0.0.1:{bound.getsockname()[1]}")
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("path", ["/posnext/order/validate", "/posnext/orders/validate"])
async def test_a_valid_order_is_validated_and_nothing_is_committed(tmp_path: Path, path: str) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        heard = await caller.post(path, an_order("validate-order"))
    assert (heard.status, heard.body["status"]) == (200, "validated")
    assert heard.digest_holds()
    assert "pos_order_id" not in heard.body["order_details"]
    assert heard.body["order_details"]["grand_total"] == 1403
    assert pos.tickets == {}


async def test_an_invalid_order_is_rejected_at_validate_with_its_reason(tmp_path: Path) -> None:
    pos = ScriptedPos()
    pos.validation = Rejected("item_unavailable", "Out of burgers", "$.order_details.menu_items[0]")
    async with a_served_kit(tmp_path, pos) as caller:
        heard = await caller.post("/posnext/order/validate", an_order("validate-order"))
    assert (heard.status, heard.body["status"]) == (200, "rejected")
    assert heard.digest_holds()
    assert heard.body["errors"][0]["code"] == "item_unavailable"
    assert heard.body["errors"][0]["path"] == "$.order_details.menu_items[0]"


@pytest.mark.parametrize("path", ["/posnext/order/submit", "/posnext/orders/submit"])
async def test_an_order_is_placed_with_its_number_and_final_prices(tmp_path: Path, path: str) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        heard = await caller.post(path, an_order("place-order"))
    assert (heard.status, heard.body["status"]) == (200, "placed")
    assert heard.digest_holds()
    assert heard.body["order_details"]["pos_order_id"] == "T1"
    assert heard.body["order_details"]["menu_items"][0]["price"] == 1299
    assert pos.tickets == {"order-1": "T1"}


async def test_a_slow_submit_is_202_and_polling_tells_the_outcome(tmp_path: Path) -> None:
    pos = ScriptedPos()
    pos.held.clear()
    async with a_served_kit(tmp_path, pos, answer_within_s=0.2) as caller:
        heard = await caller.post("/posnext/order/submit", an_order("place-order"))
        assert (heard.status, heard.body["status"]) == (202, "pending")
        assert heard.digest_holds()
        assert heard.headers["location"] == "/posnext/orders/order-1"
        polled = await caller.get(heard.headers["location"])
        assert (polled.status, polled.body["status"]) == (200, "pending")
        pos.held.set()
        async with patience():
            while polled.body["status"] == "pending":
                polled = await caller.get(heard.headers["location"])
    assert (polled.body["status"], polled.body["order_details"]["pos_order_id"]) == ("placed", "T1")
    assert polled.digest_holds()


@pytest.mark.parametrize("ref", ["order-1", "T1"])
async def test_an_order_can_be_read_by_request_uid_and_by_pos_order_id(tmp_path: Path, ref: str) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        await caller.post("/posnext/order/submit", an_order("place-order"))
        pos.kitchen = KitchenState.READY
        heard = await caller.get(f"/posnext/orders/{ref}")
    assert (heard.status, heard.body["status"], heard.body["fulfillment_status"]) == (200, "placed", "ready")
    assert heard.digest_holds()


async def test_a_location_s_menu_is_given_and_not_given_twice(tmp_path: Path) -> None:
    async with a_served_kit(tmp_path, ScriptedPos()) as caller:
        asked = {"organization_id": "demo", "location_id": "demo-1"}
        heard = await caller.post("/posnext/menus", asked)
        again = await caller.post("/posnext/menus", asked, **{"if-none-match": heard.headers["etag"]})
    assert heard.status == 200
    assert heard.body["location_id"] == "demo-1"
    names = [product["id"] for section in heard.body["menus"] for product in section["products"]]
    assert names == [product.id for product in a_menu().products()]
    assert (again.status, again.body) == (304, None)


@pytest.mark.parametrize("authorization", [None, "Bearer x.y.z", "Basic x"])
async def test_a_call_without_a_good_token_is_refused(tmp_path: Path, authorization: str | None) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        for path, body in (
            ("/posnext/order/validate", an_order("validate-order")),
            ("/posnext/order/submit", an_order("place-order")),
            ("/posnext/menus", {"location_id": "demo-1"}),
        ):
            heard = await caller.post(path, body, authorization=authorization)
            assert (heard.status, heard.body["code"]) == (401, "invalid_token")
        assert (await caller.get("/posnext/orders/order-1", authorization=authorization)).status == 401
    assert not pos.calls


@pytest.mark.parametrize("digest", [None, "0" * 64, by_hand("order-2|demo-1|OO-1|1403|1299|1736965800")])
async def test_a_signature_that_does_not_match_is_refused(tmp_path: Path, digest: str | None) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        for path, kind in (("/posnext/order/validate", "validate-order"), ("/posnext/order/submit", "place-order")):
            heard = await caller.post(path, an_order(kind), **{"x-pch-digest": digest})
            assert (heard.status, heard.body["code"]) == (401, "invalid_digest")
            assert heard.body["detail"] == "The digest is missing or wrong."
    assert not pos.calls


async def test_ids_are_mapped_both_ways_and_an_unmapped_one_never_reaches_the_pos(tmp_path: Path) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        heard = await caller.post("/posnext/order/submit", an_order("place-order"))
        elsewhere = await caller.post("/posnext/order/submit", an_order("place-order", "order-2", location_id="no-1"))
    assert pos.orders[0].location == Location("demo", "main")
    assert (heard.body["organization_id"], heard.body["location_id"]) == ("demo", "demo-1")
    assert (elsewhere.status, elsewhere.body["code"]) == (404, "unknown_location")
    assert pos.calls["place"] == 1


async def test_errors_of_the_pos_are_answers_and_errors_of_the_call_are_problems(tmp_path: Path) -> None:
    pos = ScriptedPos()
    pos.placing = Errored("printer_down", "The kitchen printer does not answer", retryable=True)
    async with a_served_kit(tmp_path, pos) as caller:
        errored = await caller.post("/posnext/order/submit", an_order("place-order"))
        pos.placing = RuntimeError("hush-hush")
        raised = await caller.post("/posnext/order/submit", an_order("place-order", "order-2"))
        broken = an_order("place-order", "order-3")
        broken["order_details"]["subtotal"] = broken["order_details"]["grand_total"] = 5
        mismatch = await caller.post("/posnext/order/submit", broken)
        unknown = await caller.get("/posnext/orders/nobody")
    assert (errored.status, errored.body["status"], errored.body["errors"][0]["code"]) == (
        200,
        "errored",
        "printer_down",
    )
    assert errored.body["errors"][0]["retryable"] is True
    assert errored.digest_holds()
    assert (raised.status, raised.body["status"]) == (200, "errored")
    assert "hush" not in json.dumps(raised.body)
    assert (mismatch.status, mismatch.body["code"]) == (422, "totals_mismatch")
    assert {error["path"] for error in mismatch.body["errors"]} == {
        "$.order_details.subtotal",
        "$.order_details.grand_total",
    }
    assert (unknown.status, unknown.body["code"]) == (404, "unknown_order")
    for problem in (mismatch, unknown):
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.body["request_id"] == problem.headers["x-request-id"]


async def test_a_repeat_gets_the_stored_answer_and_another_body_under_its_uid_is_refused(tmp_path: Path) -> None:
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        first = await caller.post("/posnext/order/submit", an_order("place-order"))
        again = await caller.post("/posnext/order/submit", an_order("place-order"))
        other = an_order("place-order")
        other["order_details"]["notes"] = "No onions"
        reused = await caller.post("/posnext/order/submit", other)
    assert (again.status, again.body) == (200, first.body)
    assert (reused.status, reused.body["code"]) == (409, "request_uid_reused")
    assert pos.calls["place"] == 1


async def test_what_nobody_here_knows_is_kept_and_echoed(tmp_path: Path) -> None:
    order = an_order("place-order", x_campaign={"id": 7})
    order["order_details"] |= {"x_table": "12b", "x_weight": 12.50}
    order["order_details"]["menu_items"][0]["x_colour"] = "red"
    async with a_served_kit(tmp_path, pos := ScriptedPos()) as caller:
        heard = await caller.post("/posnext/order/submit", order)
    assert heard.status == 200
    assert heard.body["x_campaign"] == {"id": 7}
    assert heard.body["order_details"]["x_table"] == "12b"
    assert heard.body["order_details"]["x_weight"] == 12.50
    assert heard.body["order_details"]["menu_items"][0]["x_colour"] == "red"
    assert pos.orders[0].sent["x_table"] == "12b"
