"""`heard orders try` and a sandbox store, as a developer types them."""

import io
import json
import sys
from pathlib import Path

import pytest

from asking import a_key, an_order_body, credentials
from heard.domain.ids import VenueId
from heard.storage.sealing import new_key
from parties import Town, a_town
from typed import Typist


def at_home(dsn: str, key: str, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key}, monkeypatch)


def written(town: Town, folder: Path, **changes: object) -> str:
    """A file with an order that has no number yet."""
    body = {name: value for name, value in an_order_body(town, **changes).items() if name != "external_order_id"}
    file = folder / "order.json"
    file.write_text(json.dumps(body))
    return str(file)


async def test_an_order_out_of_a_file_or_a_pipe_is_tried_out(
    dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = new_key()
    async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": key}) as town:
        typist, file = at_home(dsn, key, monkeypatch), written(town, tmp_path)
        words = ("orders", "try", town.venue_id, "--as", "nosh", "--file")
        status, out, err = await typist.types(*words, file)
        assert (status, out) == (1, "")
        assert err.startswith(f"heard: Store {town.venue_id} is no sandbox: no order is tried out there (`heard stores")
        status, out, err = await typist.types("stores", "set", town.venue_id, "--sandbox")
        assert (status, out) == (0, f"Changed sandbox of {town.venue_id}.\n"), err
        status, out, err = await typist.types(*words, file)
        assert status == 0, err
        assert out.startswith("TRY-")
        assert f"is at {town.venue_id}." in out
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(file).read_bytes())))
        abroad = {"HEARD_HUB_URL": town.hub_url, "HEARD_ADMIN_KEY": await a_key(town, "webhooks")}
        named = ("--as", credentials(town)["client_id"], "--file", "-", "--json")
        status, out, err = await Typist(abroad, monkeypatch).types("orders", "try", town.venue_id, *named)
        assert status == 0, err
        order = json.loads(out)
        assert (order["venue_id"], order["status"]) == (town.venue_id, "submitting")
        sql = "SELECT note FROM order_history WHERE step = 'receive' ORDER BY at LIMIT 9"
        notes = await town.house.hub.pool.fetch(sql)
        hands = [row["note"].rpartition(", by ")[2] for row in notes]
        assert hands == ["whoever runs the hub", "key a test"]


async def test_what_is_wrong_is_said_line_by_line(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = new_key()
    async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": key}) as town:
        typist = at_home(dsn, key, monkeypatch)
        await typist.types("stores", "set", town.venue_id, "--sandbox")
        words = ("orders", "try", town.venue_id, "--as", "nosh", "--file")
        file = Path(written(town, tmp_path, total=1))
        assert await typist.types(*words, str(file)) == (1, "", "heard: $.total: stated 1, computed 1149\n")
        for text, told in (
            ('{"items": []}', ["$.placed_at: is required", "$.fulfillment: is required", "$.items: must not be empty"]),
            ("{", [f"--file: {file}: The body is not JSON"]),
            ("[]", [f"--file: {file}: an order is a JSON object"]),
            ('{"tip": 1, "tip": 2}', [f"--file: {file}: The body is ambiguous"]),
            (" " * 70_000, [f"{file}: more than 65536 bytes"]),
        ):
            file.write_text(text)
            status, out, err = await typist.types(*words, str(file))
            assert (status != 0, out) == (True, ""), text
            lines = err.splitlines()
            for line in told:
                assert [one for one in lines if one.startswith(f"heard: {line}")], (line, err)
        assert (await typist.types(*words, "nowhere.json"))[2] == "heard: nowhere.json: No such file or directory\n"
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_a_store_is_added_as_a_sandbox_and_seen_as_one(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key()
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town:
        typist = at_home(dsn, key, monkeypatch)
        words = ("--organization", "acme", "--location", "T-1", "--connector", "manual", "--sandbox", "--json")
        status, out, err = await typist.types("stores", "add", *words)
        assert status == 0, err
        venue_id = VenueId(json.loads(out)["venue_id"])
        store = await town.house.hub.store(venue_id)
        assert store is not None
        assert store.rules.sandbox
        shown = json.loads((await typist.types("stores", "show", venue_id, "--json"))[1])
        assert shown["rules"]["sandbox"] is True
        assert "sandbox            yes" in (await typist.types("stores", "show", venue_id))[1]
        assert "sandbox            no" in (await typist.types("stores", "show", town.venue_id))[1]
        rows = (await typist.types("stores", "list"))[1].splitlines()
        assert "Sandbox" in rows[1]
        assert [line.endswith("yes") for line in rows[2:]] == [venue_id in line for line in rows[2:]]
        listed = json.loads((await typist.types("stores", "list", "--json"))[1])["stores"]
        assert {one["venue_id"]: one["rules"]["sandbox"] for one in listed} == {venue_id: True, town.venue_id: False}
