"""What operators type about what a store is out of, as real processes."""

from heard.storage.sealing import new_key
from parties import a_town
from shell import Shell


async def test_an_item_is_taken_off_listed_and_put_back(dsn: str, shell: Shell) -> None:
    settings = {"HEARD_SECRET_KEY": new_key()}
    shell.settings.update({"HEARD_DATABASE_URL": dsn, **settings})
    async with a_town(dsn, worker=False, settings=settings) as town:
        taken = await shell.json("items", "off", town.venue_id, "FRIES", "--minutes", "60")
        assert (taken["new"], taken["item"]["name"], taken["item"]["by"]) == (True, "Fries", "staff")
        assert await shell.json("items", "list", town.venue_id) == {"items": [taken["item"]], "next": None}
        _, out, _ = await shell.run("items", "off", town.venue_id, "CHEESE")
        assert out == f"Cheese is off the menu of {town.venue_id} until `heard items on {town.venue_id} CHEESE`.\n"
        _, out, _ = await shell.run("items", "list", town.venue_id)
        assert [line.split()[0] for line in out.splitlines()[2:]] == ["CHEESE", "FRIES"]
        assert "it is put back" in out
        assert "2 items off" in (await shell.run("stores", "show", town.venue_id))[1]
        assert await town.marketplace.send(town.content("A-1")) is None
        _, out, _ = await shell.run("items", "on", town.venue_id, "CHEESE")
        assert out == f"Cheese is back on the menu of {town.venue_id}.\n"
        await town.send("A-2")
        _, out, _ = await shell.run("items", "on", town.venue_id, "CHEESE")
        assert out == f"CHEESE was not off the menu of {town.venue_id}.\n"
        for words, told in (
            (("off", town.venue_id, "PIZZA"), "'PIZZA' is no product and no modifier of the menu in use"),
            (("off", town.venue_id, "x" * 5_000), "$.item_id"),
            (("off", "ven_none", "FRIES"), "There is no store 'ven_none'"),
            (("off", town.venue_id, "FRIES", "--minutes", "0"), "--minutes"),
            (("off", town.venue_id, "FRIES", "--minutes", "1.5"), "--minutes"),
            (("on", "ven_none", "FRIES"), "There is no store 'ven_none'"),
            (("list", "ven_none"), "There is no store 'ven_none'"),
        ):
            status, out, err = await shell.run("items", *words)
            assert (status != 0, told in out + err) == (True, True), out + err
        assert [one["item_id"] for one in (await shell.json("items", "list", town.venue_id))["items"]] == ["FRIES"]
