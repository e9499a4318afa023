"""Orders tried out over the admin API: as their marketplace would send them, and answered as it would be answered."""

import json
from typing import Any

from asking import a_key, an_order_body, ask, ask_json, credentials, problem_of, rows
from builders import ORGANIZATION
from heard.domain.ids import OrderId
from heard.domain.order.model import Status
from heard.engine.add_parties import add_application, connect_store
from heard.net.call import Answer
from heard.sandbox.pos import Mood
from parties import Town, a_town
from trying import a_kitchen, is_sandbox


async def tried(town: Town, key: str, body: object, venue_id: str | None = None, marketplace: str = "nosh") -> Answer:
    path = f"/admin/v1/stores/{venue_id or town.venue_id}/tries"
    return await ask_json(town, path, json.dumps({"marketplace": marketplace, "body": body}).encode(), key)


def order_of(answer: Answer, status: int = 201) -> dict[str, Any]:
    assert answer.status == status, answer.body
    order: dict[str, Any] = json.loads(answer.body)
    return order


async def test_an_order_is_taken_by_a_sandbox_for_a_key_and_its_history_says_so(dsn: str) -> None:
    async with a_town(dsn, mood=lambda _: Mood.REFUSE) as town, a_kitchen(town) as kitchen:
        key, sent = await a_key(town, "webhooks"), an_order_body(town, "A-1", venue_id="ven_of_another_store")
        order = order_of(await tried(town, key, sent, kitchen.venue_id, credentials(town)["client_id"]))
        assert (order["venue_id"], order["external_order_id"]) == (kitchen.venue_id, "A-1")
        order_id = OrderId(order["order_id"])
        await town.until(order_id, Status.COMPLETED)
        assert "order.confirmed" in await town.told(order_id, "order.completed"), "the marketplace is told as of any"
        assert kitchen.has_ticket(order_id)
        seen = json.loads((await ask(town, "GET", f"/admin/v1/orders/{order_id}", token=await a_key(town))).body)
        assert seen["history"][0]["note"] == "edited and sent to try it out, by key a test"
        [came] = [one for one in seen["exchanges"] if (one["direction"], one["peer"]) == ("in", "channel")]
        assert (came["path"], came["status"]) == (f"/admin/v1/stores/{kitchen.venue_id}/tries", 201)
        assert json.loads(came["request"])["venue_id"] == kitchen.venue_id


async def test_a_body_without_a_number_gets_one_that_is_free_and_one_with_a_number_keeps_it(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, body = await a_key(town, "webhooks"), an_order_body(town)
        await is_sandbox(town)
        numberless = {name: value for name, value in body.items() if name not in ("external_order_id", "venue_id")}
        numbers = [
            order_of(await tried(town, key, one))["external_order_id"]
            for one in (numberless, numberless, {**numberless, "external_order_id": None})
        ]
        assert len(set(numbers)) == 3
        assert all(one.startswith("TRY-") and len(one) == 20 for one in numbers)
        first = order_of(await tried(town, key, {**body, "external_order_id": "MINE-1"}))
        assert first["external_order_id"] == "MINE-1"
        again = order_of(await tried(town, key, {**body, "external_order_id": "MINE-1"}), 200)
        assert again["order_id"] == first["order_id"]
        other = await tried(town, key, {**body, "external_order_id": "MINE-1", "notes": "other"})
        assert problem_of(other, 409, "order_conflict")["errors"][0]["path"] == "$.external_order_id"


async def test_it_is_refused_as_its_marketplace_would_be(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, body = await a_key(town, "webhooks"), an_order_body(town)
        await is_sandbox(town)
        before = await rows(town)
        items = [{**body["items"][0], "unit_price": 998}]
        cheaper = {"items": items, "subtotal": 1148, "total": 1148}
        for changes, status, code, path in (
            ({"total": 1}, 422, "totals_mismatch", "$.total"),
            ({"discount": 5_000}, 422, "discount_exceeds_subtotal", "$.discount"),
            (cheaper, 422, "price_mismatch", "$.items[0].unit_price"),
            ({"items": [{**body["items"][0], "item_id": "X"}]}, 422, "item_unavailable", "$.items[0].item_id"),
            ({"tip": 0.5}, 422, "invalid_body", "$.tip"),
            ({"customer": []}, 422, "invalid_body", "$.customer"),
            ({"currency": "EUR"}, 422, "invalid_body", "$.currency"),
        ):
            problem = problem_of(await tried(town, key, {**body, **changes}), status, code)
            assert problem["errors"][0]["path"] == path, changes
        many = problem_of(await tried(town, key, {}), 422, "invalid_body")["errors"]
        assert {"$.placed_at", "$.items", "$.total"} <= {one["path"] for one in many}
        assert await rows(town) == before


async def test_nothing_goes_to_a_store_that_is_no_sandbox_nor_as_somebody_who_sends_it_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub, key, body = town.house.hub, await a_key(town, "webhooks"), an_order_body(town)
        app = await add_application(hub, ORGANIZATION, "loyalty")
        await connect_store(hub, town.venue_id, app.application_id)
        before = await rows(town)
        refused = problem_of(await tried(town, key, body), 409, "order_conflict")
        assert refused["errors"][0]["code"] == "no_sandbox"
        await is_sandbox(town)
        problem_of(await tried(town, key, body, marketplace="loyalty"), 404, "unknown_marketplace")
        problem_of(await tried(town, key, body, marketplace="gobble"), 404, "unknown_marketplace")
        problem_of(await tried(town, key, body, "ven_none"), 404, "unknown_venue")
        problem_of(await tried(town, await a_key(town, of="other"), body), 404, "unknown_venue")
        everything_else = "read orders stores menus admin"
        problem_of(await tried(town, await a_key(town, everything_else), body), 403, "insufficient_scope")
        await hub.pool.execute("DELETE FROM connections WHERE marketplace_id <> $1", app.application_id)
        assert problem_of(await tried(town, key, body), 404, "unknown_venue")["errors"][0]["path"] == "$.venue_id"
        await is_sandbox(town, False)
        problem_of(await tried(town, key, body), 409, "order_conflict")
        assert await rows(town) == before


async def test_a_store_that_has_just_ceased_to_be_a_sandbox_gets_nothing_by_any_process(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        key, body = await a_key(town, "webhooks"), an_order_body(town)
        await is_sandbox(town)
        order_of(await tried(town, key, body))
        known = await town.house.hub.store(town.venue_id)
        assert known is not None
        await town.house.hub.pool.execute("UPDATE stores SET sandbox = false")  # as another process does it
        assert known.rules.sandbox
        for number in ("A-1", "A-2"):  # what was sent before is not even repeated
            answer = await tried(town, key, {**body, "external_order_id": number})
            assert problem_of(answer, 409, "order_conflict")["errors"][0]["code"] == "no_sandbox"
