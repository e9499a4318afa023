"""A store without a POS, run by what its staff type: real processes beside a running hub."""

from datetime import UTC, datetime, timedelta

from asking import a_token, ask_json, read_event
from heard.domain.order.model import Attention, Status
from heard.domain.stores import ConnectorKind
from heard.storage.sealing import new_key
from parties import a_town
from shell import Shell


def joined(dsn: str, shell: Shell) -> dict[str, str]:
    """Have the shell work on the database of the test's own, and the town with the shell's key."""
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    return {"HEARD_SECRET_KEY": key}


async def test_staff_take_an_order_from_pending_to_completed_by_typing(dsn: str, shell: Shell) -> None:
    settings = joined(dsn, shell)
    async with a_town(dsn, connector=ConnectorKind.MANUAL, settings=settings) as town:
        order_id = await town.send("A-1")
        [waiting] = (await shell.json("orders", "list", "--open"))["orders"]
        assert (waiting["order_id"], waiting["status"]) == (order_id, "awaiting_staff")
        assert (await shell.json("orders", "show", order_id))["allowed"] == ["accept", "reject", "cancel"]
        accepted = await shell.json("orders", "accept", order_id, "--prep-time", "20")
        assert (accepted["status"], accepted["ticket"]) == ("confirmed", "by_hand")
        assert (await shell.json("orders", "start", order_id))["status"] == "in_prep"
        at = (datetime.now(UTC) + timedelta(minutes=42)).replace(microsecond=0)
        moved = await shell.json("orders", "eta", order_id, "--at", at.isoformat())
        assert datetime.fromisoformat(moved["ready_at"]) == at
        assert (await shell.json("orders", "eta", order_id, "--minutes", "5"))["version"] == moved["version"] + 1
        status, out, err = await shell.run("orders", "ready", order_id)
        assert (status, out) == (0, f"{order_id} is ready.\n"), err
        assert (await shell.json("orders", "complete", order_id))["status"] == "completed"
        kinds = ("confirmed", "in_prep", "eta_updated", "eta_updated", "ready", "completed")
        assert await town.told(order_id, "order.completed") == [f"order.{kind}" for kind in kinds]
        rows = town.marketplace.ledger.rows("SELECT body FROM told ORDER BY sequence")
        assert [read_event(row["body"]).sequence for row in rows] == [1, 2, 3, 4, 5, 6]
        assert read_event(rows[0]["body"]).prep_time_min == 20


async def test_staff_reject_cancel_and_see_to_what_needs_them_by_typing(dsn: str, shell: Shell) -> None:
    settings = joined(dsn, shell)
    async with a_town(dsn, connector=ConnectorKind.MANUAL, settings=settings) as town:
        unwanted, wanted = await town.send("A-1"), await town.send("A-2")
        words = ("--reason", "item_unavailable", "--note", "out of buns")
        rejected = await shell.json("orders", "reject", unwanted, *words)
        assert (rejected["status"], rejected["reason_code"]) == ("rejected", "item_unavailable")
        await town.told(unwanted, "order.rejected")
        body = town.marketplace.ledger.rows("SELECT body FROM told")[0]["body"]
        assert (read_event(body).reason_code, read_event(body).reason) == ("item_unavailable", "out of buns")
        await shell.json("orders", "accept", wanted)
        wish = b'{"reason_code": "cancelled_by_guest"}'
        answer = await ask_json(town, f"/link/v2/orders/{wanted}/cancel", wish, await a_token(town))
        assert answer.status == 200
        assert (await town.order(wanted)).attention is Attention.TELL_KITCHEN
        found = (await shell.json("orders", "list", "--attention"))["orders"]
        assert [(one["order_id"], one["attention"]) for one in found] == [(wanted, "tell_kitchen")]
        await shell.json("orders", "resolve", wanted, "--note", "the kitchen knows")
        assert (await shell.json("orders", "list", "--attention"))["orders"] == []
        assert [row.note for row in await town.history(wanted)][-1] == "the kitchen knows"


async def test_what_makes_no_sense_is_refused_in_one_line_that_says_what_does(dsn: str, shell: Shell) -> None:
    settings = joined(dsn, shell)
    async with a_town(dsn, connector=ConnectorKind.MANUAL, settings=settings) as town:
        order_id = await town.send("A-1")
        one_line = {
            ("ready", order_id): f"{order_id} is awaiting_staff: ready is not possible. "
            "Allowed now: accept, reject, cancel.",
            ("resolve", order_id, "--note", "x"): f"{order_id} is awaiting_staff: resolve is not possible. "
            "Allowed now: accept, reject, cancel.",
            ("accept", "ord_none"): "There is no order 'ord_none'; see `heard orders list`.",
            ("eta", order_id): "give --minutes or --at, one of them",
            ("eta", order_id, "--at", "12:40"): "--at: '12:40' is no time with an offset such as 2026-03-14T12:40:00Z",
            ("resolve", order_id, "--note", " "): "--note: say what was done",
            (
                "reject",
                order_id,
                "--reason",
                "other",
                "--note",
                "x" * 501,
            ): "--note: at most 500 characters, these are 501",
        }
        for words, message in one_line.items():
            status, out, err = await shell.run("orders", *words)
            assert (status, out, err) == (1, "", f"heard: {message}\n")
        status, _, err = await shell.run("orders", "reject", order_id, "--reason", "bored")
        assert (status, "item-unavailable" in err) == (2, True)
        assert (await town.order(order_id)).status is Status.AWAITING_STAFF


async def test_a_store_without_a_pos_is_added_with_neither_address_nor_secret(dsn: str, shell: Shell) -> None:
    joined(dsn, shell)
    manual = ("stores", "add", "--organization", "acme", "--connector", "manual", "--location")
    added = await shell.json(*manual, "0043")
    [store] = (await shell.json("stores", "list"))["stores"]
    assert (store["venue_id"], store["connector"], store["pos"]) == (added["venue_id"], "manual", "none")
    assert {"pos_url", "menu_products", "amounts", "signature"} & set(store) == set()
    status, out, err = await shell.run(*manual, "0044")
    assert status == 0, err
    assert f"heard menus import {out.split()[-2]} menu.json" in out
    refused = {
        (*manual, "0045", "--pos-url", "https://pos.example"): "--connector manual: the store has no POS, so it takes "
        "no --pos-url",
        (*manual, "0045", "--shared-id-env", "X"): "--connector manual: the store has no POS, so it takes no "
        "--shared-id-env",
        ("stores", "add", "--organization", "acme", "--location", "0045"): "--pos-url: say where the POS is, or that "
        "there is none with --connector manual",
    }
    for words, message in refused.items():
        assert await shell.run(*words) == (1, "", f"heard: {message}\n")
    status, _, err = await shell.run("menus", "pull", added["venue_id"])
    assert status == 1
    assert "the store has no POS to fetch a menu from" in err
    assert len((await shell.json("stores", "list"))["stores"]) == 2
