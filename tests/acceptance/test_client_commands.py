"""What operators type about a marketplace's OAuth client, as real processes beside a running hub: it obeys at once."""

import asyncio
import json

import pytest

from asking import a_token, ask, ask_token, credentials
from heard import limits
from heard.storage.sealing import new_key
from lengths import patience
from parties import Town, a_town
from shell import Shell

GRANT = {"grant_type": "client_credentials"}


async def until_status(town: Town, token: str, status: int) -> None:
    async with patience():
        while (await ask(town, "GET", "/link/v2/orders/ord_1", token=token)).status != status:
            await asyncio.sleep(0.01)


async def test_a_client_is_steered_while_the_hub_runs(dsn: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASS_CACHE_S", 600.0)  # the hub hears of it, and does not only forget
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    settings = {"HEARD_SECRET_KEY": key}
    async with a_town(dsn, worker=False, pulled=False, settings=settings) as town:
        own, token = credentials(town), await a_token(town)
        while not town.house.hub.tokens._hears:
            await asyncio.sleep(0.01)
        await until_status(town, token, 404)
        assert (await shell.json("marketplaces", "revoke-tokens", "nosh"))["revoked"] == 1
        await until_status(town, token, 401)

        rotated = await shell.json("marketplaces", "rotate-secret", own["client_id"], "--keep-old-hours", "1")
        assert rotated["client_id"] == own["client_id"]
        new = {**own, "client_secret": rotated["client_secret"]}
        for form in (own, new):
            assert (await ask_token(town, **GRANT, **form)).status == 200

        assert (await shell.json("marketplaces", "scopes", "nosh", "menus, orders"))["scopes"] == ["orders", "menus"]
        answer = await ask_token(town, **GRANT, **new)
        assert json.loads(answer.body)["scope"] == "orders menus"

        token = json.loads(answer.body)["access_token"]
        await until_status(town, token, 404)
        status, out, err = await shell.run("marketplaces", "disable", "nosh")
        assert (status, out, err) == (0, "nosh is disabled.\n", "")
        await until_status(town, token, 401)
        [row] = (await shell.json("marketplaces", "list"))["marketplaces"]
        assert (row["enabled"], row["scopes"]) == (False, ["orders", "menus"])
        assert not any("secret" in name and "until" not in name for name in row)
        assert (await shell.json("marketplaces", "enable", "nosh"))["new"] is True
        assert (await ask_token(town, **GRANT, **new)).status == 200


async def test_what_is_typed_wrongly_is_said_in_one_line(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}):
        for words, said in (
            (("disable", "gobble"), "There is no marketplace 'gobble'; see `heard marketplaces list`."),
            (("scopes", "nosh", "orders,admin"), "'admin' is no scope; there are orders, menus, stores, events"),
            (("scopes", "nosh", ","), "name one scope at least"),
        ):
            status, out, err = await shell.run("marketplaces", *words)
            assert (status, out) == (1, "")
            assert err.startswith("heard: ")
            assert said in err
            assert err.count("\n") == 1
