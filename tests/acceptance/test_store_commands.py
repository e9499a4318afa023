"""What operators type about stores and their menus, as real processes beside a running hub."""

import asyncio
import json
from pathlib import Path

from asking import a_token, ask_json, problem_of
from builders import a_line, a_menu
from heard.domain.ids import ProductId
from heard.domain.money import Cents
from heard.domain.order.content import Line
from heard.net.call import Answer
from heard.protocols.link.encode import encode_new_order
from heard.protocols.posnext.encode import encode_menu
from heard.storage.sealing import new_key
from lengths import patience
from menu_builders import repriced
from parties import Town, a_town
from shell import Shell


def set_up(shell: Shell, dsn: str) -> dict[str, str]:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    return {"HEARD_SECRET_KEY": key}


def fries(cents: int) -> Line:
    return a_line(product_id=ProductId("FRIES"), name="Fries", unit_price=Cents(cents), modifiers=())


async def post(town: Town, number: str, *lines: Line) -> Answer:
    body = encode_new_order(town.content(number, *lines))
    return await ask_json(town, "/link/v2/orders", body, await a_token(town))


async def test_staff_pause_a_store_and_let_it_go_on(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, settings=settings) as town:
        said = await shell.json("stores", "pause", town.venue_id, "--reason", "a flood", "--minutes", "90")
        assert (said["open"], [one["held_by"] for one in said["pauses"]]) == (False, ["staff"])
        problem_of(await post(town, "A-1"), 422, "store_not_accepting")
        shown = await shell.json("stores", "show", town.venue_id)
        assert [(one["held_by"], one["reason"]) for one in shown["pauses"]] == [("staff", "a flood")]
        status, out, err = await shell.run("stores", "resume", town.venue_id)
        assert status == 0, err
        assert "takes orders" in out
        assert (await shell.json("stores", "resume", town.venue_id))["open"] is True
        await town.send("A-2")
        await town.told_of_store("store.paused", "store.resumed")


async def test_what_cannot_be_is_said_in_one_line(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, worker=False, pulled=False, settings=settings) as town:
        for words, told in (
            (("stores", "pause", town.venue_id, "--reason", " "), "--reason: say why"),
            (("stores", "pause", "ven_none", "--reason", "x"), "There is no store 'ven_none'"),
            (("stores", "set", town.venue_id), "name what is to change"),
            (("stores", "set", "ven_none", "--price-check", "accept"), "There is no store 'ven_none'"),
            (("stores", "disconnect", town.venue_id, "nobody"), "has no marketplace 'nobody'"),
            (("menus", "publish", "ven_none"), "There is no store 'ven_none'"),
            (("menus", "import", town.venue_id, "nowhere.json"), "FILE: nowhere.json: No such file"),
        ):
            status, _, err = await shell.run(*words)
            assert status == 1
            assert err.startswith("heard: "), err
            assert told in err
            assert err.count("\n") == 1
        for minutes in ("0", "-1", "10081", "x", "1.5", "1e2", "nan"):
            status, _, err = await shell.run("stores", "pause", town.venue_id, "--reason", "x", "--minutes", minutes)
            assert status != 0
            assert "--minutes" in err
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM store_pauses") == 0


async def test_a_marketplace_is_disconnected_and_connected_again(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, settings=settings) as town:
        assert (await shell.json("stores", "disconnect", town.venue_id, "nosh"))["new"] is True
        problem_of(await post(town, "A-1"), 404, "unknown_venue")
        assert (await shell.json("stores", "disconnect", town.venue_id, "nosh"))["new"] is False
        assert (await shell.json("stores", "connect", town.venue_id, "nosh"))["new"] is True
        await town.send("A-1")
        await town.told_of_store("store.disconnected", "store.connected", "store.resumed", "menu.published")


async def test_a_stores_rules_are_changed_and_shown_with_the_orders_they_let_in(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, worker=False, settings=settings) as town:
        problem_of(await post(town, "A-1", fries(299)), 422, "price_mismatch")
        words = ("--price-check", "accept", "--prep-time-min", "25", "--no-validate-first")
        rules = (await shell.json("stores", "set", town.venue_id, *words))["rules"]
        assert (rules["price_check"], rules["prep_time_min"], rules["validate_first"]) == ("accept", 25, False)
        assert (await shell.json("stores", "show", town.venue_id))["rules"] == rules
        async with patience():
            while (answer := await post(town, "A-1", fries(299))).status != 201:  # another process has changed them
                await asyncio.sleep(0.2)
        order_id = json.loads(answer.body)["order_id"]
        shown = await shell.json("orders", "show", order_id)
        assert shown["price_differences"] == [{"path": "$.items[0].unit_price", "menu": 349, "order": 299}]
        _, out, _ = await shell.run("orders", "show", order_id)
        assert "price $.items[0].unit_price: 2.99 USD, on the menu 3.49 USD" in out
        _, out, _ = await shell.run("stores", "show", town.venue_id)
        assert "accept" in out
        assert "25 min" in out


async def test_a_menu_is_imported_from_a_file_withdrawn_and_published(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, settings=settings, pulled=False) as town:
        file = Path(shell.folder / "menu.json")
        file.write_bytes(encode_menu(repriced(a_menu(), "FRIES", 399)))
        kept = await shell.json("menus", "import", town.venue_id, str(file))
        assert (kept["products"], kept["changed"]) == (3, True)
        assert (await post(town, "A-1", fries(399))).status == 201
        assert (await shell.json("menus", "unpublish", town.venue_id))["new"] is True
        problem_of(await post(town, "A-2", fries(399)), 422, "menu_not_synced")
        published = await shell.json("menus", "publish", town.venue_id)
        assert (published["version"], published["new"]) == (kept["version"], True)
        assert (await shell.json("menus", "import", town.venue_id, str(file)))["changed"] is False
        file.write_text('{"location_id":"ELSEWHERE","menus":[]}')
        status, out, err = await shell.run("menus", "import", town.venue_id, str(file))
        assert status == 1
        assert "$.location_id" in out
        assert "the menu is not taken over" in err
        assert (await shell.json("menus", "list", town.venue_id))["versions"][0]["version"] == kept["version"]
        await town.told_of_store("menu.published", "menu.unpublished", "menu.published")
