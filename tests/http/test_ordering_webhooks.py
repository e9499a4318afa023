"""Webhooks of an application: its own, and nobody else's; and what becomes of its orders is really sent there."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import ORGANIZATION, a_content
from heard import limits
from heard.domain.channels import ChannelKind
from heard.domain.ids import EndpointId, id_from_uuid
from heard.engine.accept_order import accept_order
from heard.engine.add_parties import connect_store
from heard.engine.hub import Client
from heard.engine.webhook_endpoints import disable_endpoint
from heard.protocols.link.encode import encode_new_order
from heard.protocols.webhooks.auth import verify
from ordering import WEBHOOKS, App, an_app, data_of, paths_of, refusal_of
from parties import a_town
from receivers import GOOD, a_receiver

URL = "https://app.example/heard"


async def made(app: App, token: str, url: str = URL) -> dict[str, Any]:
    answer = await app.ask("POST", WEBHOOKS, {"url": url}, token)
    assert answer.headers["cache-control"] == "no-store"
    webhook: dict[str, Any] = data_of(answer, 201)["webhook"]
    return webhook


async def listed(app: App, token: str, query: str = "") -> Any:
    return data_of(await app.ask("GET", WEBHOOKS + query, token=token))


async def test_a_webhook_is_made_listed_without_its_secret_and_deleted(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token("webhooks-management")
        webhook = await made(app, token)
        assert set(webhook) == {"id", "url", "secret"}
        assert webhook["secret"].startswith("whsec_")
        [one] = (await listed(app, token))["webhooks"]
        assert set(one) == {"id", "url", "enabled", "created_at"}
        assert (one["id"], one["url"], one["enabled"]) == (webhook["id"], URL, True)
        endpoint_id = EndpointId(id_from_uuid("whk", webhook["id"]) or "")
        await disable_endpoint(town.house.hub, app.made.organization_id, endpoint_id, "it fails")
        assert (await listed(app, token))["webhooks"][0]["enabled"] is False
        gone = data_of(await app.ask("DELETE", f"{WEBHOOKS}/{webhook['id'].upper()}", token=token))["webhook"]
        assert gone == {"id": webhook["id"], "url": URL}
        assert await listed(app, token) == {"webhooks": [], "next": None}
        refusal_of(await app.ask("DELETE", f"{WEBHOOKS}/{webhook['id']}", token=token), 404, "unknown_endpoint")


async def test_webhooks_are_listed_a_page_at_a_time_and_there_are_so_many_at_most(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        ids = [(await made(app, token))["id"] for _ in range(limits.ENDPOINTS_PER_MARKETPLACE_MAX)]
        error = refusal_of(await app.ask("POST", WEBHOOKS, {"url": URL}, token), 409, "order_conflict")
        assert paths_of(error) == [("$.url", "too_many")]
        seen, query = [], "?limit=3"
        while query:
            page = await listed(app, token, query)
            seen += [one["id"] for one in page["webhooks"]]
            query = f"?limit=3&after={page['next']}" if page["next"] else ""
        assert seen == sorted(ids)
        wrong = (("?limit=0", "limit"), ("?limit=x", "limit"), ("?after=1", "after"), ("?limit=1&limit=2", "limit"))
        for bad, path in wrong:
            error = refusal_of(await app.ask("GET", WEBHOOKS + bad, token=token), 422, "invalid_body")
            assert [one for one, _ in paths_of(error)] == [path]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.url"),
        ({"url": ""}, "$.url"),
        ({"url": 1}, "$.url"),
        ({"url": "app.example/heard"}, "$.url"),
        ({"url": "ftp://app.example/"}, "$.url"),
        ({"url": "https://me:secret@app.example/"}, "$.url"),
        ({"url": "https://app.example/" + "x" * 2_000}, "$.url"),
        ({"url": "https://app.example/#part"}, "$.url"),
    ],
)
async def test_what_is_no_address_is_refused_by_its_path(dsn: str, body: dict[str, Any], path: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app = await an_app(town)
        token = await app.token()
        error = refusal_of(await app.ask("POST", WEBHOOKS, body, token), 422, "invalid_body")
        assert [one for one, _ in paths_of(error)] == [path]
        assert (await listed(app, token))["webhooks"] == []


async def test_another_applications_webhook_is_as_unknown_as_none(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        app, other = await an_app(town), await an_app(town, "kiosk")
        token, others = await app.token(), await other.token()
        webhook = await made(app, token)
        assert (await listed(other, others))["webhooks"] == []
        links = await town.house.hub.pool.fetchval("SELECT endpoint_id FROM endpoints ORDER BY endpoint_id LIMIT 1")
        assert links.startswith("whk_")
        details = set()
        for named in (webhook["id"], "00000000-0000-0000-0000-000000000000"):
            answer = await other.ask("DELETE", f"{WEBHOOKS}/{named}", token=others)
            details.add(refusal_of(answer, 404, "unknown_endpoint")["message"])
        assert details == {"You have no such webhook."}
        refusal_of(await other.ask("DELETE", f"{WEBHOOKS}/{links}", token=others), 404, "unknown_endpoint")
        assert len((await listed(app, token))["webhooks"]) == 1
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM endpoints WHERE disabled_at IS NULL") == 2


async def test_an_application_is_told_where_it_reads_the_menu_and_a_marketplace_where_that_one_does(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn, introduced=True) as town:
        app = await an_app(town, connected=False)
        await made(app, await app.token(), receiver.url)
        await connect_store(town.house.hub, town.venue_id, app.made.application_id)
        [heard] = [one for one in await receiver.until("menu.published") if one.type == "menu.published"]
        url = json.loads(heard.body)["data"]["menu_url"]
        assert url.startswith(town.hub_url)
        assert data_of(await app.ask("GET", url.removeprefix(town.hub_url)))["menus"]
        sql = "SELECT body FROM events WHERE kind = 'menu_published' AND marketplace_id <> $1"
        others = await town.house.hub.pool.fetch(sql, app.made.application_id)
        paths = {json.loads(row["body"])["data"]["menu_url"] for row in others}
        assert paths == {f"{town.hub_url}/link/v2/stores/{town.venue_id}/menu"}


async def test_what_becomes_of_an_applications_order_is_sent_to_it_signed_and_to_nobody_else(dsn: str) -> None:
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn) as town:
        app = await an_app(town)
        webhook = await made(app, await app.token(), receiver.url)
        order = a_content("A-1", venue_id=town.venue_id, placed_at=datetime.now(UTC))
        client = Client(ORGANIZATION, app.made.application_id, frozenset(), ChannelKind.APPLICATION)
        accepted = await accept_order(town.house.hub, client, encode_new_order(order))
        heard = [one for one in await receiver.until("order.ready") if one.type.startswith("order.")]
        assert [one.type for one in heard][:2] == ["order.confirmed", "order.in_prep"]
        for one in heard:
            assert verify(one.headers, one.body, [webhook["secret"]], datetime.now(UTC)).id == one.id
            assert json.loads(one.body)["data"]["order_id"] == accepted.order.order_id
        about = "SELECT count(*) AS told FROM told WHERE order_id IS NOT NULL"
        assert town.marketplace.ledger.rows(about)[0]["told"] == 0
