"""Keys of the admin API as operators make and revoke them, in processes beside a running hub."""

import asyncio

import pytest

from asking import ask
from heard import limits
from heard.storage.sealing import new_key
from lengths import patience
from parties import a_town
from shell import Shell

ORDERS = "/admin/v1/orders"


async def test_a_key_lets_in_until_it_is_revoked(dsn: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PASS_CACHE_S", 600.0)  # the hub hears of it, and does not only forget
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town:
        made = await shell.json("keys", "add", "dashboard", "--scopes", "orders,read", "--days", "90")
        assert made["key"].startswith("hak_")
        assert made["scopes"] == ["read", "orders"]
        assert (await ask(town, "GET", ORDERS, token=made["key"])).status == 200
        [row] = (await shell.json("keys", "list"))["keys"]
        assert (row["key_id"], row["good"], row["revoked_at"]) == (made["key_id"], True, None)
        assert row["expires_at"] is not None
        assert made["key"] not in str(row)
        status, out, err = await shell.run("keys", "revoke", "dashboard")
        assert (status, out, err) == (0, f"{made['key_id']} is revoked.\n", "")
        async with patience():
            while (await ask(town, "GET", ORDERS, token=made["key"])).status != 401:
                await asyncio.sleep(0.01)
        [row] = (await shell.json("keys", "list"))["keys"]
        assert (row["good"], row["revoked_at"] is None) == (False, False)


async def test_what_is_typed_wrongly_is_said_in_one_line(dsn: str, shell: Shell) -> None:
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": new_key()})
    for words, said in (
        (("add", "x", "--scopes", "read"), "there is no organization yet"),
        (("add", "x", "--scopes", "all", "--organization", "acme"), "'all' is no scope; there are read, orders"),
        (("add", "x", "--scopes", "", "--organization", "acme"), "name one scope at least"),
        (("add", "", "--scopes", "read", "--organization", "acme"), "NAME: from 1 to 64 characters"),
        (("revoke", "x"), "There is no key 'x' that is not revoked"),
    ):
        status, out, err = await shell.run("keys", *words)
        assert (status, out) == (1, "")
        assert err.startswith("heard: ")
        assert said in err
        assert err.count("\n") == 1
    assert (await shell.json("keys", "list")) == {"keys": [], "next": None}
