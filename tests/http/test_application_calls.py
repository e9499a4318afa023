"""Applications, as an operator steers them: beside marketplaces, and never taken for one."""

import json
from typing import Any

from asking import a_key, ask, ask_json, ask_token, credentials, problem_of
from builders import ORGANIZATION
from heard.engine.add_parties import add_application
from heard.net.call import Answer
from heard.storage.sealing import new_key
from parties import Town, a_town
from shell import Shell

ADMIN = "/admin/v1"
APPLICATIONS, MARKETPLACES = f"{ADMIN}/applications", f"{ADMIN}/marketplaces"
STEERED = (("rotate-secret", {}), ("revoke-tokens", None), ("disable", None), ("enable", None), ("scopes", None))


async def posted(town: Town, key: str, path: str, body: dict[str, Any] | None) -> Answer:
    if body is None and not path.endswith("scopes"):
        return await ask(town, "POST", path, token=key)
    scope = "order" if path.startswith(APPLICATIONS) else "orders"
    return await ask_json(town, path, json.dumps(body or {"scopes": [scope]}).encode(), key)


async def test_an_application_that_was_added_is_listed_among_applications_only(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key = await a_key(town)
        answer = await ask_json(town, APPLICATIONS, b'{"name": "loyalty"}', key)
        made = json.loads(answer.body)
        assert answer.status == 201
        assert answer.headers["cache-control"] == "no-store"
        assert made["client_id"] == made["application_id"]
        assert made["client_id"].startswith("app_")
        assert len(bytes.fromhex(made["application_key"])) == 16
        [listed] = json.loads((await ask(town, "GET", APPLICATIONS, token=key)).body)["applications"]
        assert listed == {
            "application_id": made["application_id"],
            "organization_id": ORGANIZATION,
            "name": "loyalty",
            "application_key": made["application_key"],
            "scopes": ["order", "webhooks-management"],
            "enabled": True,
            "stores": 0,
            "webhook_urls": [],
        }
        others = json.loads((await ask(town, "GET", MARKETPLACES, token=key)).body)["marketplaces"]
        assert [one["name"] for one in others] == ["nosh"]
        for path, body in ((APPLICATIONS, {"name": "nosh"}), (APPLICATIONS, {"name": "loyalty"})):
            problem_of(await ask_json(town, path, json.dumps(body).encode(), key), 409, "order_conflict")
        body = {"name": "loyalty", "webhook_url": "https://nosh.example/"}
        problem_of(await ask_json(town, MARKETPLACES, json.dumps(body).encode(), key), 409, "order_conflict")


async def test_what_is_done_to_marketplaces_cannot_be_done_to_an_application_nor_the_other_way_round(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key, hub = await a_key(town), town.house.hub
        made = await add_application(hub, ORGANIZATION, "loyalty")
        before = await hub.pool.fetch("SELECT * FROM marketplaces ORDER BY marketplace_id")
        client = credentials(town)["client_id"]
        for verb, body in STEERED:
            for path in (f"{MARKETPLACES}/{made.application_id}", f"{MARKETPLACES}/loyalty"):
                problem_of(await posted(town, key, f"{path}/{verb}", body), 404, "unknown_marketplace")
            for path in (f"{APPLICATIONS}/{client}", f"{APPLICATIONS}/nosh"):
                said = problem_of(await posted(town, key, f"{path}/{verb}", body), 404, "unknown_marketplace")
                assert "There is no application" in said["detail"]
        assert await hub.pool.fetch("SELECT * FROM marketplaces ORDER BY marketplace_id") == before
        for verb, body in STEERED:
            assert (await posted(town, key, f"{APPLICATIONS}/loyalty/{verb}", body)).status == 200, verb


async def test_an_applications_credentials_get_no_token_of_link(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        made = await add_application(town.house.hub, ORGANIZATION, "loyalty")
        own = {"client_id": made.application_id, "client_secret": made.client_secret}
        answer = await ask_token(town, grant_type="client_credentials", **own)
        assert (answer.status, json.loads(answer.body)) == (401, {"error": "invalid_client"})
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM access_tokens") == 0


async def test_a_scope_of_link_is_none_of_an_application(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await add_application(town.house.hub, ORGANIZATION, "loyalty")
        key = await a_key(town)
        answer = await ask_json(town, f"{APPLICATIONS}/loyalty/scopes", b'{"scopes": ["orders"]}', key)
        [error] = problem_of(answer, 422, "invalid_body")["errors"]
        assert error["message"] == "'orders' is no scope; there are order, webhooks-management"


async def test_an_application_is_added_connected_and_shut_out_by_commands(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town:
        made = await shell.json("applications", "add", "loyalty")
        assert (await shell.json("applications", "connect", "loyalty", town.venue_id))["new"] is True
        status, out, err = await shell.run("applications", "disable", "loyalty")
        assert (status, out, err) == (0, "loyalty is disabled.\n", "")
        [row] = (await shell.json("applications", "list"))["applications"]
        assert (row["application_key"], row["stores"], row["enabled"]) == (made["application_key"], 1, False)
        assert (await shell.json("applications", "scopes", "loyalty", "order"))["scopes"] == ["order"]
        assert (await shell.json("applications", "enable", "loyalty"))["new"] is True
        status, out, err = await shell.run("applications", "disable", "nosh")
        assert (status, out) == (1, "")
        assert "There is no application 'nosh'; see `heard applications list`." in err
