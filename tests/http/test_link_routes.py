"""The table of Link's operations and its handlers are the same list, and what each answers when all is well."""

import base64
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from asking import FORM, a_token, an_order_body, ask, ask_json, ask_token, credentials
from heard import limits
from heard.domain.order.model import Status
from heard.http.link import handlers, routes
from heard.protocols.link.operations import OPERATIONS
from parties import Town, a_town

ORDERS = "/link/v2/orders"
TOKEN = "/link/v2/oauth/token"


async def test_every_operation_has_its_handler_and_every_handler_its_operation(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        assert set(handlers(town.house.hub)) == {operation.name for operation in OPERATIONS}


def test_no_two_operations_share_a_method_and_a_path() -> None:
    places = [(operation.method, operation.path) for operation in OPERATIONS]
    assert len(places) == len(set(places))


async def test_every_operation_is_routed_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        routed = [(method, route.path) for route in routes(town.house.hub) for method in route.methods or ()]
        assert sorted(place for place in routed if place[0] != "HEAD") == sorted(
            (operation.method, operation.path) for operation in OPERATIONS
        )


async def test_what_asks_for_a_scope_is_refused_without_a_token_and_with_one_of_another_scope(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        other = await a_token(town, "events")
        for operation in OPERATIONS:
            if operation.scope is not None and operation.scope != "events":
                path = operation.path.format(order_id="ord_1", venue_id="ven_1")
                assert (await ask(town, operation.method, path)).status == 401, operation.name
                assert (await ask(town, operation.method, path, token=other)).status == 403, operation.name


async def test_a_new_order_is_answered_with_its_id_its_place_and_its_deadline(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        before = await town.house.hub.now()
        answer = await ask_json(town, ORDERS, json.dumps(an_order_body(town)).encode(), await a_token(town))
        assert (answer.status, answer.headers["content-type"]) == (201, "application/json")
        body = json.loads(answer.body)
        assert set(body) == {"order_id", "external_order_id", "status", "accept_by"}
        assert (body["external_order_id"], body["status"]) == ("A-1", "PENDING")
        assert body["order_id"].startswith("ord_")
        assert answer.headers["location"] == f"{ORDERS}/{body['order_id']}"
        left = datetime.fromisoformat(body["accept_by"]) - before
        assert timedelta(seconds=659) <= left <= timedelta(seconds=670)


async def test_an_order_is_read_at_its_location_as_it_was_sent(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, sent = await a_token(town), an_order_body(town, notes="Ring twice. \u00e9\u4e16 \U0001f354")
        location = await _sent(town, token, sent)
        answer = await ask(town, "GET", location, token=token)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        view = json.loads(answer.body)
        order = view.pop("order")
        assert set(view) == set("order_id external_order_id venue_id status sequence accept_by received_at".split())
        assert (view["status"], view["sequence"], view["venue_id"]) == ("PENDING", 0, town.venue_id)
        assert order.pop("fulfillment") == {"type": "pickup", "asap": True}
        assert datetime.fromisoformat(order.pop("placed_at")) == datetime.fromisoformat(sent["placed_at"])
        assert order == {name: sent[name] for name in order}


async def test_a_ready_order_says_when(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.READY, Status.COMPLETED)
        view = json.loads((await ask(town, "GET", f"{ORDERS}/{order_id}", token=await a_token(town))).body)
        assert view["status"] in ("READY", "COMPLETED")
        assert isinstance(view["prep_time_min"], int)
        assert datetime.fromisoformat(view["ready_at"]).tzinfo is not None


async def test_an_order_is_found_by_the_marketplaces_own_number(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        token, number = await a_token(town), "A/1 & \u4e16?=#"
        location = await _sent(town, token, an_order_body(town, number))
        found = await ask(town, "GET", f"{ORDERS}?{urlencode({'external_order_id': number})}", token=token)
        assert found.status == 200
        assert [one["order_id"] for one in json.loads(found.body)["orders"]] == [location.rpartition("/")[2]]
        unknown = await ask(town, "GET", f"{ORDERS}?external_order_id=A-2", token=token)
        assert (unknown.status, json.loads(unknown.body)) == (200, {"orders": []})


async def test_a_token_is_given_for_credentials_in_the_body_and_as_basic(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        own = credentials(town)
        basic = base64.b64encode(":".join(own.values()).encode()).decode()
        for answer in (
            await ask_token(town, grant_type="client_credentials", **own),
            await ask_token(town, f"Basic {basic}", grant_type="client_credentials"),
            await ask_token(town, f"basic {basic}", grant_type="client_credentials", client_id=own["client_id"]),
        ):
            body = json.loads(answer.body)
            assert answer.status == 200
            assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
            assert (body["token_type"], body["expires_in"]) == ("Bearer", limits.TOKEN_TTL_S)
            assert answer.headers["cache-control"] == "no-store"
        narrow = await ask_token(town, grant_type="client_credentials", scope="orders orders menus", **own)
        assert json.loads(narrow.body)["scope"] == "orders menus"


async def test_a_token_request_is_refused_in_the_words_of_rfc_6749(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        own, grant = credentials(town), {"grant_type": "client_credentials"}
        wrong = {**own, "client_secret": "hcs_no"}
        basic = base64.b64encode(":".join(own.values()).encode()).decode()
        bad = base64.b64encode(b"mkt_x:\xff").decode()
        refused = [
            (await ask_token(town, **own), 400, "invalid_request"),
            (await ask_token(town, grant_type="", **own), 400, "invalid_request"),
            (await ask_token(town, grant_type="password", **own), 400, "unsupported_grant_type"),
            (await ask_token(town, **grant, scope="everything", **own), 400, "invalid_scope"),
            (await ask_token(town, **grant, scope="orders admin", **own), 400, "invalid_scope"),
            (await ask_token(town, **grant), 401, "invalid_client"),
            (await ask_token(town, **grant, **wrong), 401, "invalid_client"),
            (await ask_token(town, **grant, **{**own, "client_id": "mkt_nobody"}), 401, "invalid_client"),
            (await ask_token(town, **grant, **{**own, "client_id": "x" * 200}), 401, "invalid_client"),
            (await ask_token(town, f"Basic {basic}x", **grant), 401, "invalid_client"),
            (await ask_token(town, f"Basic {bad}", **grant), 401, "invalid_client"),
            (await ask_token(town, "Basic !", **grant), 401, "invalid_client"),
            (await ask_token(town, "Bearer x", **grant), 401, "invalid_client"),
            (await ask_token(town, f"Basic {basic}", **grant, **own), 400, "invalid_request"),
            (await ask_token(town, **grant, **{**own, "client_id": "a\0b"}), 400, "invalid_request"),
        ]
        for raw in (b"", b"\xff", b"grant_type=client_credentials&grant_type=x", b"%FF=%FF", b"&" * 500, b"{}"):
            answer = await ask(town, "POST", TOKEN, raw, content_type=FORM)
            refused.append((answer, 400, "invalid_request"))
        good = b"grant_type=client_credentials"
        refused += [(await ask_json(town, TOKEN, good), 400, "invalid_request")]
        refused += [(await ask(town, "POST", TOKEN, good), 400, "invalid_request")]
        for number, (answer, status, error) in enumerate(refused):
            assert (answer.status, json.loads(answer.body)) == (status, {"error": error}), number
            assert answer.headers["cache-control"] == "no-store"
            assert ("www-authenticate" in answer.headers) == (status == 401)
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM access_tokens") == 0


async def _sent(town: Town, token: str, body: dict[str, object]) -> str:
    answer = await ask_json(town, ORDERS, json.dumps(body).encode(), token)
    assert answer.status == 201, answer.body
    return answer.headers["location"]
