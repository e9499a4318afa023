"""What the admin API refuses: keys that may not, what another organization has, and whatever is not well said."""

import asyncio
import json
from typing import Any

import pytest

from asking import FORM, a_key, a_token, ask, ask_json, credentials, nothing_remains, problem_of, rows
from builders import ORGANIZATION
from heard import limits
from heard.bootstrap import open_house
from heard.domain.ids import OrganizationId
from heard.domain.order.model import Status
from heard.domain.order_types import OrderType
from heard.domain.refusals import Refused
from heard.engine.add_parties import add_marketplace
from heard.engine.admin_keys import add_key, authenticate_key, revoke_key
from heard.engine.pause_store import pause_store
from heard.engine.singular_points import add_point
from heard.net.problems import problem
from heard.protocols.admin.auth import SCOPES
from heard.protocols.admin.operation import Operation
from heard.protocols.admin.operations import OPERATIONS
from heard.protocols.credentials import hash_secret
from lengths import patience
from parties import Town, a_town

ADMIN = "/admin/v1"
ORDERS, STORES, MARKETPLACES = f"{ADMIN}/orders", f"{ADMIN}/stores", f"{ADMIN}/marketplaces"
WEBHOOKS, SINCE = f"{ADMIN}/webhooks", "2026-03-14T12:00:00Z"
BODIES: dict[str, dict[str, Any]] = {
    "accept_order": {"prep_time_min": 20},
    "reject_order": {"reason_code": "other"},
    "move_eta": {"ready_at": "2026-03-14T12:00:00Z"},
    "resolve_order": {"note": "rang the guest"},
    "cancel_order": {"reason_code": "other"},
    "try_order": {"marketplace": "nosh", "body": {}},
    "pause_store": {"reason": "water"},
    "connect_store": {"marketplace": "nosh"},
    "disconnect_store": {"marketplace": "nosh"},
    "set_rules": {"price_check": "accept"},
    "set_hours": {"serving_times": []},
    "add_point": {"name": "Counter", "order_types": ["takeout"]},
    "take_item_off": {"item_id": "FRIES", "minutes": 60},
    "put_item_back": {"item_id": "FRIES"},
    "set_taxes": {"per": "order"},
    "disable_endpoint": {"reason": "it moves"},
    "add_endpoint": {"marketplace": "nosh", "url": "https://nosh.example/more"},
    "rotate_endpoint_secret": {"keep_old_hours": 1},
    "resend_event": {},
    "replay": {"since": "2020-01-01T00:00:00Z"},
    "add_marketplace": {"name": "gobble", "webhook_url": "https://gobble.example/"},
    "rotate_secret": {"keep_old_hours": 1},
    "set_scopes": {"scopes": ["orders"]},
    "add_application": {"name": "app"},
    "rotate_application_secret": {"keep_old_hours": 1},
    "set_application_scopes": {"scopes": ["order"]},
    "set_provider": {"provider": "test"},
}


_THINGS = ("order", "venue", "marketplace", "endpoint", "event", "singular_point")


def body_of(operation: Operation) -> bytes | None:
    return json.dumps(BODIES[operation.name]).encode() if operation.request else None


async def call(town: Town, operation: Operation, key: str | None, **ids: str) -> Any:
    nobodys = {"order_id": "ord_1", "venue_id": "ven_1", "marketplace_id": "mkt_1", "application_id": "app_1"}
    nobodys |= {"endpoint_id": "whk_1", "event_id": "evt_1", "singular_point_id": "spt_1"}
    path = operation.path.format(**{**nobodys, **ids})
    path += {"count_replay": f"?since={SINCE}", "search": "?q=acme"}.get(operation.name, "")
    headers = {"content_type": "application/json"} if operation.request else {}
    return await ask(town, operation.method, path, body_of(operation), key, **headers)


def _serving(**changes: Any) -> dict[str, Any]:
    return {"days": ["mon"], "from": "08:00", "to": "22:00", **changes}


# --- who asks ---------------------------------------------------------------------------------------------


async def test_no_call_is_let_in_without_a_key_that_may(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        revoked = await add_key(hub, ORGANIZATION, "revoked", list(SCOPES))
        await revoke_key(hub, revoked.key_id)
        expired = await a_key(town)
        await hub.pool.execute(
            "UPDATE admin_keys SET expires_at = business_now() - interval '1 s' WHERE key_hash = $1",
            hash_secret(expired),
        )
        links = await a_token(town, "orders menus stores events")
        details = set()
        for operation in OPERATIONS:
            for key in (None, "hak_wrong", revoked.key, expired, links):
                answer = await call(town, operation, key)
                details.add(problem_of(answer, 401, "invalid_token")["detail"])
            others = " ".join(scope for scope in SCOPES if scope != operation.scope)
            problem_of(await call(town, operation, await a_key(town, others)), 403, "insufficient_scope")
        assert len(details) == 1
        assert (await ask(town, "GET", "/link/v2/orders/ord_1", token=await a_key(town))).status == 401
        assert await nothing_remains(town)


async def test_another_organizations_things_are_as_unknown_as_what_never_was(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, client = await town.send("A-1"), credentials(town)["client_id"]
        known = await town.house.hub.store(town.venue_id)
        assert known is not None
        await pause_store(town.house.hub, known, "staff", "water")
        told = await town.house.hub.pool.fetchrow("SELECT event_id, endpoint_id FROM deliveries LIMIT 1")
        assert told is not None
        before, foreign = await rows(town), await a_key(town, of="another")
        point = await add_point(town.house.hub, known, "Counter", [OrderType.TAKEOUT])
        ids = {"order_id": order_id, "venue_id": town.venue_id, "marketplace_id": client, **dict(told)}
        ids["singular_point_id"] = point.singular_point_id
        for operation in OPERATIONS:
            if "{" in operation.path:
                theirs = await call(town, operation, foreign, **ids)
                nobodys = await call(town, operation, foreign)
                code = json.loads(theirs.body)["code"]
                assert code in [f"unknown_{one}" for one in _THINGS]
                problem_of(theirs, 404, code)
                problem_of(nobodys, 404, code)
            elif operation.name == "count_replay":
                problem_of(await call(town, operation, foreign), 409, "order_conflict")  # they have no endpoint
            elif operation.method == "GET":
                body = json.loads((await call(town, operation, foreign)).body)
                assert body.pop("organization_id", "another") == "another"
                assert [value for value in body.values() if value] == [], operation.name
        named = await ask(town, "POST", f"{MARKETPLACES}/nosh/disable", token=foreign)
        problem_of(named, 404, "unknown_marketplace")
        cursor = await ask(town, "GET", f"{ORDERS}?after={order_id}", token=foreign)
        problem_of(cursor, 422, "invalid_body")
        found = await ask(town, "GET", f"{ORDERS}?external_order_id=A-1", token=foreign)
        assert json.loads(found.body)["orders"] == []
        assert await rows(town) == before
        assert (await town.order(order_id)).status is Status.SUBMITTING
        assert (await ask(town, "GET", "/link/v2/orders/ord_1", token=await a_token(town))).status == 404


async def test_a_store_is_connected_to_no_marketplace_of_another_organization(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, foreign, key = town.house.hub, OrganizationId("another"), await a_key(town)
        made = await add_marketplace(hub, foreign, "gobble", "https://gobble.example/", await hub.now())
        for name in ("gobble", made.marketplace_id):
            for action in ("connect", "disconnect"):
                body = json.dumps({"marketplace": name}).encode()
                answer = await ask_json(town, f"{STORES}/{town.venue_id}/{action}", body, key)
                problem_of(answer, 404, "unknown_marketplace")
        assert await hub.pool.fetchval("SELECT count(*) FROM connections") == 1


async def test_a_revoked_key_is_refused_at_once_by_another_process(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASS_CACHE_S", 600.0)  # it hears of it, and does not only forget
    async with a_town(dsn, worker=False, pulled=False) as town, open_house(town.house.config) as other:
        made = await add_key(town.house.hub, ORGANIZATION, "console", ["read"])
        async with patience():
            while not town.house.hub.keys._hears:
                await asyncio.sleep(0.01)
        assert (await ask(town, "GET", ORDERS, token=made.key)).status == 200
        assert town.house.hub.keys._known.get(hash_secret(made.key)) is not None
        assert await revoke_key(other.hub, "console") == made.key_id
        async with patience():
            while (await ask(town, "GET", ORDERS, token=made.key)).status != 401:
                await asyncio.sleep(0.01)


async def test_a_key_ends_by_business_time_and_does_not_show(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        made = await add_key(hub, ORGANIZATION, "console", ["admin", "read", "read"], days=2)
        assert made.scopes == ("read", "admin")
        assert made.key not in repr(made)
        assert (await authenticate_key(hub, f"Bearer {made.key}", "read")).key_id == made.key_id
        hub.forget(made.key_id)
        await hub.pool.execute("UPDATE clock SET \"offset\" = interval '2 days'")
        with pytest.raises(Refused):
            await authenticate_key(hub, f"Bearer {made.key}", "read")
        stored = await hub.pool.fetchrow("SELECT * FROM admin_keys")
        assert made.key.encode() not in stored["key_hash"]
        for scopes, days in (((), None), (("everything",), None), (("read",), 0), (("read",), 4_000)):
            with pytest.raises(Refused) as refused:
                await add_key(hub, ORGANIZATION, "x", scopes, days)
            assert problem(refused.value, "req_1")[0] == 422


async def test_of_two_keys_with_one_name_neither_is_revoked_by_it(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        made = [await add_key(hub, ORGANIZATION, "console", ["read"]) for _ in range(2)]
        with pytest.raises(Refused, match="name it by its id"):
            await revoke_key(hub, "console")
        await revoke_key(hub, made[0].key_id)
        with pytest.raises(Refused, match="not revoked"):
            await revoke_key(hub, made[0].key_id)
        assert (await ask(town, "GET", ORDERS, token=made[1].key)).status == 200


# --- what is said -----------------------------------------------------------------------------------------


async def test_a_body_that_does_not_hold_is_refused_and_changes_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, client, key = await town.send("A-1"), credentials(town)["client_id"], await a_key(town)
        before = await rows(town)
        for operation in OPERATIONS:
            if operation.request is None:
                continue
            path = operation.path.format(
                order_id=order_id,
                venue_id=town.venue_id,
                marketplace_id=client,
                application_id="app_1",
                endpoint_id="whk_1",
                event_id="evt_1",
                singular_point_id="spt_1",
            )
            for body, status, code in (
                (b"", 400, "malformed_json"),
                (b"{", 400, "malformed_json"),
                (b'{"a": 1, "a": 2}', 400, "malformed_json"),
                (b"[" * 10_000, 400, "malformed_json"),
                (b"null", 422, "invalid_body"),
                (b"[]", 422, "invalid_body"),
                (b'"x"', 422, "invalid_body"),
                (b" " * (limits.ADMIN_BYTES_MAX + 1), 413, "body_too_large"),
            ):
                problem_of(await ask_json(town, path, body, key), status, code)
            for media_type in ("text/plain", FORM, ""):
                answer = await ask(town, "POST", path, body_of(operation), key, content_type=media_type)
                problem_of(answer, 415, "unsupported_media_type")
        assert await rows(town) == before
        assert (await town.order(order_id)).status is Status.SUBMITTING


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        (f"{ORDERS}/ORDER/accept", {"prep_time_min": 1441}, "$.prep_time_min"),
        (f"{ORDERS}/ORDER/accept", {"prep_time_min": 1, "ready_at": "2026-03-14T12:00:00Z"}, "$.ready_at"),
        (f"{ORDERS}/ORDER/accept", {"version": 0}, "$.version"),
        (f"{ORDERS}/ORDER/reject", {}, "$.reason_code"),
        (f"{ORDERS}/ORDER/reject", {"reason_code": "bored"}, "$.reason_code"),
        (f"{ORDERS}/ORDER/eta", {}, "$"),
        (f"{ORDERS}/ORDER/eta", {"ready_at": "2026-03-14T12:00:00Z", "ahead_min": 5}, "$"),
        (f"{ORDERS}/ORDER/eta", {"ahead_min": 0}, "$.ahead_min"),
        (f"{ORDERS}/ORDER/eta", {"ready_at": "soon"}, "$.ready_at"),
        (f"{ORDERS}/ORDER/eta", {"ready_at": "2026-03-14T12:00:00"}, "$.ready_at"),
        (f"{ORDERS}/ORDER/eta", {"ready_at": "0001-01-01T00:00:00+14:00"}, "$.ready_at"),
        (f"{ORDERS}/ORDER/eta", {"ready_at": "2020-03-14T12:00:00Z"}, "$.ready_at"),
        (f"{ORDERS}/ORDER/resolve", {"note": ""}, "$.note"),
        (f"{ORDERS}/ORDER/cancel", {"reason_code": "bored"}, "$.reason_code"),
        (f"{ORDERS}/ORDER/cancel", {"reason_code": 1}, "$.reason_code"),
        (f"{ORDERS}/ORDER/cancel", {"note": "x" * 501}, "$.note"),
        (f"{STORES}/VENUE/pause", {"reason": " "}, "$.reason"),
        (f"{STORES}/VENUE/pause", {"reason": "x" * 501}, "$.reason"),
        (f"{STORES}/VENUE/pause", {"reason": "x", "duration_minutes": 0}, "$.duration_minutes"),
        (f"{STORES}/VENUE/pause", {"reason": "x", "duration_minutes": 10_081}, "$.duration_minutes"),
        (f"{STORES}/VENUE/connect", {"marketplace": ""}, "$.marketplace"),
        (f"{STORES}/VENUE/disconnect", {}, "$.marketplace"),
        (f"{STORES}/VENUE/rules", {}, "$"),
        (f"{STORES}/VENUE/rules", {"price_check": "haggle"}, "$.price_check"),
        (f"{STORES}/VENUE/rules", {"accept_within_s": 9}, "$.accept_within_s"),
        (f"{STORES}/VENUE/rules", {"validate_first": "no"}, "$.validate_first"),
        (f"{STORES}/VENUE/rules", {"total_tolerance": -1}, "$.total_tolerance"),
        (f"{STORES}/VENUE/rules", {"total_tolerance": 10**12}, "$.total_tolerance"),
        (f"{STORES}/VENUE/rules", {"menu_every_min": 0}, "$.menu_every_min"),
        (f"{STORES}/VENUE/rules", {"prices_include_tax": "yes"}, "$.prices_include_tax"),
        (f"{STORES}/VENUE/rules", {"sandbox": "yes"}, "$.sandbox"),
        (f"{STORES}/VENUE/tries", {"marketplace": "nosh"}, "$.body"),
        (f"{STORES}/VENUE/tries", {"marketplace": "nosh", "body": []}, "$.body"),
        (f"{STORES}/VENUE/tries", {"marketplace": "", "body": {}}, "$.marketplace"),
        (f"{STORES}/VENUE/tries", {"marketplace": "nosh", "body": {"items": []}}, "$.placed_at"),
        (f"{STORES}/VENUE/hours", {}, "$.serving_times"),
        (f"{STORES}/VENUE/hours", {"serving_times": [_serving(days=[])]}, "$.serving_times[0].days"),
        (f"{STORES}/VENUE/hours", {"serving_times": [_serving(), _serving(days=["someday"])]}, "$.serving_times[1]"),
        (f"{STORES}/VENUE/hours", {"serving_times": [_serving(to="25:00")]}, "$.serving_times[0]"),
        (f"{STORES}/VENUE/hours", {"serving_times": [_serving(to="noon")]}, "$.serving_times[0].to"),
        (f"{STORES}/VENUE/hours", {"serving_times": [_serving()] * 51}, "$.serving_times"),
        (f"{STORES}/VENUE/items/off", {"item_id": "PIZZA"}, "$.item_id"),
        (f"{STORES}/VENUE/items/off", {"item_id": "FRIES", "minutes": 0}, "$.minutes"),
        (f"{STORES}/VENUE/items/on", {}, "$.item_id"),
        (f"{STORES}/VENUE/items/on", {"item_id": "x" * 129}, "$.item_id"),
        (f"{ADMIN}/taxes", {}, "$"),
        (f"{ADMIN}/taxes", {"per": "guest"}, "$.per"),
        (f"{ADMIN}/taxes", {"rounding": "down"}, "$.rounding"),
        (f"{STORES}/VENUE/points", {"name": "", "order_types": ["takeout"]}, "$.name"),
        (f"{STORES}/VENUE/points", {"name": "Counter", "order_types": []}, "$.order_types"),
        (f"{STORES}/VENUE/points", {"name": "Counter", "order_types": ["takeout", "drone"]}, "$.order_types[1]"),
        (f"{WEBHOOKS}/endpoints", {"marketplace": "nosh"}, "$.url"),
        (f"{WEBHOOKS}/endpoints", {"marketplace": "nosh", "url": "nosh.example"}, "$.url"),
        (f"{WEBHOOKS}/endpoints/ENDPOINT/rotate-secret", {"keep_old_hours": 721}, "$.keep_old_hours"),
        (f"{WEBHOOKS}/events/EVENT/resend", {"endpoint_id": ""}, "$.endpoint_id"),
        (f"{WEBHOOKS}/replay", {}, "$.since"),
        (f"{WEBHOOKS}/replay", {"since": "yesterday"}, "$.since"),
        (f"{WEBHOOKS}/replay", {"since": "2026-03-14T12:00:00"}, "$.since"),
        (f"{WEBHOOKS}/replay", {"since": SINCE, "until": SINCE}, "$.until"),
        (f"{WEBHOOKS}/replay", {"since": SINCE, "dead_since": SINCE, "everything": True}, "$.dead_since"),
        (f"{WEBHOOKS}/replay", {"since": SINCE, "endpoint_id": "whk_1", "marketplace": "nosh"}, "$.marketplace"),
        (MARKETPLACES, {"name": "x"}, "$.webhook_url"),
        (MARKETPLACES, {"name": "", "webhook_url": "https://x.example/"}, "$.name"),
        (MARKETPLACES, {"name": "x", "webhook_url": "ftp://x.example/"}, "$.webhook_url"),
        (MARKETPLACES, {"name": "x", "webhook_url": "https://[/"}, "$.webhook_url"),
        (MARKETPLACES, {"name": "x", "webhook_url": "https://u:p@x.example/"}, "$.webhook_url"),
        (MARKETPLACES, {"name": "x", "webhook_url": "https://x.example:99999/"}, "$.webhook_url"),
        (f"{MARKETPLACES}/CLIENT/rotate-secret", {"keep_old_hours": -1}, "$.keep_old_hours"),
        (f"{MARKETPLACES}/CLIENT/rotate-secret", {"keep_old_hours": 721}, "$.keep_old_hours"),
        (f"{MARKETPLACES}/CLIENT/rotate-secret", {"keep_old_hours": 1.5}, "$.keep_old_hours"),
        (f"{MARKETPLACES}/CLIENT/scopes", {"scopes": []}, "$.scopes"),
        (f"{MARKETPLACES}/CLIENT/scopes", {"scopes": ["admin"]}, "$.scopes"),
        (f"{MARKETPLACES}/CLIENT/scopes", {"scopes": "orders"}, "$.scopes"),
    ],
)
async def test_each_error_names_the_member_that_is_wrong(dsn: str, path: str, body: Any, wrong: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id = await town.send("A-1")
        path = path.replace("ORDER", order_id).replace("CLIENT", credentials(town)["client_id"])
        path = path.replace("VENUE", town.venue_id)
        document = problem_of(
            await ask_json(town, path, json.dumps(body).encode(), await a_key(town)), 422, "invalid_body"
        )
        assert document["errors"][0]["path"] == wrong
        assert (await town.order(order_id)).status is Status.SUBMITTING
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM marketplaces") == 1


async def test_a_query_that_does_not_hold_is_refused_and_filters_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key = await a_key(town)
        for query, wrong in (
            ("limit=0", "limit"),
            ("limit=501", "limit"),
            ("limit=-1", "limit"),
            ("limit=1e2", "limit"),
            ("limit=", "limit"),
            ("limit=%D9%A3", "limit"),
            ("limit=99999999999999999999", "limit"),
            ("limit=1&limit=2", "limit"),
            ("venue=ven_1", "venue"),
            ("status=PENDING", "status"),
            ("status=received&open=true", "open"),
            ("open=1", "open"),
            ("attention=yes", "attention"),
            ("after=ord_none", "after"),
            ("venue_id=%00", "venue_id"),
        ):
            document = problem_of(await ask(town, "GET", f"{ORDERS}?{query}", token=key), 422, "invalid_body")
            assert document["errors"][0]["path"] == wrong, query
        problem_of(await ask(town, "GET", f"{ORDERS}/ord_1?limit=1", token=key), 404, "unknown_order")


async def test_what_is_asked_of_webhooks_wrongly_is_refused_and_shows_nothing(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key = await a_key(town)
        for path, wrong in (
            ("deliveries?state=lost", "state"),
            ("deliveries?state=DUE", "state"),
            ("deliveries?state=due&state=dead", "state"),
            ("deliveries?state=", "state"),
            ("deliveries?after=", "after"),
            (f"deliveries?after={'x' * 129}", "after"),
            ("deliveries?endpoint=whk_1", "endpoint"),
            ("endpoints?marketplace=", "marketplace"),
            ("replay", "since"),
            ("replay?since=now", "since"),
            ("replay?since=2026-03-14T12:00:00Z&until=2026-03-14T11:00:00Z", "until"),
            ("replay?since=2026-03-14T12:00:00Z&everything=yes", "everything"),
            ("replay?since=2026-03-14T12:00:00Z&dead_since=0", "dead_since"),
            ("replay?since=2026-03-14T12:00:00Z&endpoint_id=whk_1&marketplace=nosh", "marketplace"),
        ):
            answer = await ask(town, "GET", f"{WEBHOOKS}/{path}", token=key)
            assert problem_of(answer, 422, "invalid_body")["errors"][0]["path"] == wrong, path
        for path, code in (
            ("endpoints?marketplace=gobble", "unknown_marketplace"),
            (f"replay?since={SINCE}&marketplace=gobble", "unknown_marketplace"),
            (f"replay?since={SINCE}&endpoint_id=whk_1", "unknown_endpoint"),
        ):
            problem_of(await ask(town, "GET", f"{WEBHOOKS}/{path}", token=key), 404, code)
        unknown = await ask(town, "GET", f"{WEBHOOKS}/deliveries?after=evt_none", token=key)
        assert json.loads(unknown.body) == {"deliveries": [], "next": None}  # a place that nothing comes after


async def test_what_an_orders_state_does_not_allow_is_said_with_the_state_and_what_it_allows(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id, key = await town.send("A-1"), await a_key(town)
        await town.until(order_id, Status.COMPLETED)
        for action in ("cancel", "retry", "start", "ready", "complete", "accept", "reject"):
            body = json.dumps(BODIES.get(f"{action}_order", {})).encode()
            path = f"{ORDERS}/{order_id}/{action}"
            document = problem_of(await ask_json(town, path, body, key), 409, "illegal_transition")
            assert (document["current"], document["allowed"]) == ("completed", [])
        assert (await town.order(order_id)).status is Status.COMPLETED


async def test_who_acts_on_an_order_that_has_changed_since_is_told_how_it_stands(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        order_id, key = await town.send("A-1"), await a_key(town)
        version = (await town.order(order_id)).version
        for action, body in (("cancel", {}), ("reject", {"reason_code": "other"})):
            stale = json.dumps({**body, "version": version + 1}).encode()
            answer = await ask_json(town, f"{ORDERS}/{order_id}/{action}", stale, key)
            document = problem_of(answer, 409, "order_conflict")
            assert document["current"] == "submitting"
            assert "cancel" in document["allowed"]
        assert (await town.order(order_id)).version == version
        seen = json.dumps({"version": version}).encode()
        assert (await ask_json(town, f"{ORDERS}/{order_id}/cancel", seen, key)).status == 200


async def test_a_wrong_method_is_told_which_are_served(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await ask(town, "DELETE", MARKETPLACES, token=await a_key(town))
        problem_of(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, POST"
