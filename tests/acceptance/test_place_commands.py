"""What operators type about where and when a store is ordered from, as real processes."""

from builders import ORGANIZATION
from heard.storage.sealing import new_key
from parties import a_town
from shell import Shell


def set_up(shell: Shell, dsn: str) -> dict[str, str]:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    return {"HEARD_SECRET_KEY": key}


async def test_points_are_added_listed_and_removed(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, worker=False, pulled=False, settings=settings) as town:
        kinds = ("--order-type", "takeout", "--order-type", "dine-in-pickup")
        made = await shell.json("points", "add", town.venue_id, "--name", "Counter", *kinds)
        assert made["order_types"] == ["dine_in_pickup", "takeout"]
        assert (made["venue_id"], made["organization_id"]) == (town.venue_id, ORGANIZATION)
        assert await shell.json("points", "list", town.venue_id) == {"points": [made], "next": None}
        _, out, _ = await shell.run("points", "list")
        assert made["uuid"] in out
        gone = await shell.json("points", "remove", made["singular_point_id"])
        assert gone == {"singular_point_id": made["singular_point_id"], "removed": True}
        named = ("--name", "X", "--order-type")
        for words, told in (
            (("points", "remove", made["singular_point_id"]), "There is no singular point"),
            (("points", "add", town.venue_id, *named, "drone"), "--order-type: 'drone' is none of"),
            (("points", "add", "ven_none", *named, "takeout"), "There is no store 'ven_none'"),
        ):
            status, _, err = await shell.run(*words)
            assert (status, told in err, err.count("\n")) == (1, True, 1), err


async def test_a_stores_hours_and_its_prices_are_set_and_shown(dsn: str, shell: Shell) -> None:
    settings = set_up(shell, dsn)
    async with a_town(dsn, worker=False, pulled=False, settings=settings) as town:
        times = ("mon-fri=08:00-22:00", "sat,sun=10:00-02:00")
        said = await shell.json("stores", "hours", town.venue_id, *times)
        assert said["serving_times"] == [
            {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "22:00"},
            {"days": ["sat", "sun"], "from": "10:00", "to": "02:00"},
        ]
        changed = await shell.json("stores", "set", town.venue_id, "--prices-include-tax")
        assert changed["rules"]["prices_include_tax"] is True
        status, out, err = await shell.run("stores", "show", town.venue_id)
        assert status == 0, err
        assert "mon,tue,wed,thu,fri 08:00-22:00; sat,sun 10:00-02:00" in out
        assert "with the tax in them" in out
        assert "rounded half up, per line" in out
        rounded = await shell.json("stores", "taxes", "--rounding", "half-even")
        assert rounded == {"organization_id": ORGANIZATION, "taxes": {"rounding": "half_even", "per": "line"}}
        (listed,) = (await shell.json("stores", "list"))["stores"]
        assert listed["taxes"] == rounded["taxes"]
        status, _, err = await shell.run("stores", "taxes", "--per", "order", "--organization", "nobody")
        assert (status, "there is no organization 'nobody'" in err) == (1, True)
        over_the_week = await shell.json("stores", "hours", town.venue_id, "sat-mon=10:00-24:00")
        assert over_the_week["serving_times"] == [{"days": ["mon", "sat", "sun"], "from": "10:00", "to": "00:00"}]
        assert (await shell.json("stores", "hours", town.venue_id, "--always"))["serving_times"] == []
        for words in ((), ("mon-fri",), ("mon=8-22",), ("someday=08:00-09:00",), ("mon=08:00-09:00", "--always")):
            status, _, err = await shell.run("stores", "hours", town.venue_id, *words)
            assert (status, err.count("\n")) == (1, 1), err
