"""`heard menus`, as a person types it: pulled, listed, shown, compared and linted, in words and as JSON."""

import json

from test_command_line import a_pos, set_up

from builders import a_menu
from heard.protocols.posnext.encode import encode_menu
from menu_builders import repriced
from shell import Shell

FAULTY = b"""{"location_id": "L", "menus": [{"id": "M", "name": "Menu", "products": [
  {"id": "A", "name": "A", "price": 1.999, "state": "available"},
  {"id": "B", "name": "B", "price": 2.50, "state": "available", "item_type": "Thing"}]}]}"""


async def test_a_menus_versions_can_be_seen_and_compared(shell: Shell) -> None:
    shell.settings["HEARD_OUTBOUND_ALLOW"] = "127.0.0.0/8"
    async with a_pos() as (pos, pos_url, _):
        venue, _keys = await set_up(shell, pos_url, "http://127.0.0.1:9/webhooks")
        pos._menu_body, pos._etag = encode_menu(repriced(a_menu(), "BURGER", 1299)), '"dear"'
        pulled = await shell.json("menus", "pull", venue)
        assert (pulled["changed"], pulled["changes"], pulled["warnings"]) == (True, {"price": 1}, [])
    listed = await shell.json("menus", "list", venue)
    newest, oldest = listed["versions"]
    assert [(one["version"] == pulled["version"], one["current"]) for one in (newest, oldest)] == [
        (True, True),
        (False, False),
    ]
    page = await shell.json("menus", "list", venue, "--limit", "1")
    assert page["next"] == newest["version"]
    rest = await shell.json("menus", "list", venue, "--before", page["next"])
    assert [one["version"] for one in rest["versions"]] == [oldest["version"]]
    shown = await shell.json("menus", "show", venue, "--limit", "2")
    assert [(one["product_id"], one["price"]) for one in shown["products"]] == [("BURGER", 1299), ("FRIES", 349)]
    assert (shown["last_fetch"]["outcome"], shown["next"]) == ("kept", 2)
    before = await shell.json("menus", "show", venue, "--version", oldest["version"])
    assert before["products"][0]["price"] == 999
    differing = await shell.json("menus", "diff", venue)
    assert (differing["before"], differing["counts"]) == (oldest["version"], {"price": 1})
    (change,) = differing["changes"]
    assert (change["id"], change["before"], change["after"]) == ("BURGER", 999, 1299)
    for words, says in (
        (("show", venue), "12.99 USD"),
        (("diff", venue), "9.99 USD"),
        (("list", venue), "1 price"),
        (("lint", venue), "0 errors"),
    ):
        status, out, err = await shell.run("menus", *words)
        assert (status, err) == (0, "")
        assert says in out
    for words, says in (
        (("show", "ven_none"), "there is no store"),
        (("show", venue, "--version", "x"), "has no menu version 'x'"),
        (("lint", venue, "--file", "x"), "name a store, or a document"),
        (("lint", "--file", "missing.json"), "--file"),
    ):
        status, _, err = await shell.run("menus", *words)
        assert (status, len(err.splitlines())) == (1, 1), err
        assert says in err


async def test_a_document_is_linted_without_a_store(shell: Shell) -> None:
    (shell.folder / "faulty.json").write_bytes(FAULTY)
    (shell.folder / "good.json").write_bytes(encode_menu(a_menu()))
    status, out, _ = await shell.run("menus", "lint", "--file", "faulty.json", "--json")
    assert status == 1
    document = json.loads(out)
    at = "$.menus[0].products"
    assert [one["path"] for one in document["findings"]] == [f"{at}[0].price", f"{at}[1].item_type"]
    assert (document["errors"], document["warnings"], document["next"]) == (2, 0, None)
    status, out, _ = await shell.run("menus", "lint", "--file", "good.json")
    assert (status, out) == (0, "0 errors, 0 warnings\n")
    assert not (shell.folder / "postgres").exists()
