"""The commands people type, as real processes on a data folder of their own."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from builders import LOCATION, SHARED_ID, a_content, a_menu
from heard.domain.ids import VenueId
from heard.domain.stores import PosConnection
from heard.net.guard import AddressGuard
from heard.net.listening import listening
from heard.net.outbound import Outbound
from heard.net.serving import serve
from heard.sandbox.ledger import marketplace_ledger, pos_ledger
from heard.sandbox.marketplace import SandboxMarketplace
from heard.sandbox.pos import SandboxPos
from lengths import patience
from parties import QUICK, cooking
from shell import Shell

A_KIT = {"HEARD_POS_SHARED_ID": SHARED_ID}


async def test_one_demo_order_is_played_to_ready_and_printed(shell: Shell) -> None:
    status, out, err = await shell.run("demo", "--once", "--json", "--data", str(shell.folder))
    assert status == 0, err
    document = json.loads(out)
    assert set(document) == {"order_id", "final_status", "menu_products", "steps", "exchanges"}
    assert document["final_status"] == "ready"
    assert document["menu_products"] >= 60
    assert [step["status"] for step in document["steps"]][-3:] == ["confirmed", "in_prep", "ready"]
    assert all(set(step) == {"at_ms", "step", "status"} for step in document["steps"])
    assert all(set(x) == {"direction", "method", "path", "status", "ms"} for x in document["exchanges"])
    calls = [(x["direction"], x["path"].split("/ven_")[0], x["status"]) for x in document["exchanges"]]
    for expected in (
        ("in", "/link/v2/orders", 201),
        ("out", "/posnext/order/validate", 200),
        ("out", "/posnext/order/submit", 200),
        ("out", "/webhooks", 204),
        ("in", "/posnext/callbacks", 204),
    ):
        assert expected in calls


async def test_a_loyalty_order_is_discounted_paid_and_played_to_ready(shell: Shell) -> None:
    status, out, err = await shell.run("demo", "--once", "--loyalty", "--json", "--data", str(shell.folder))
    assert status == 0, err
    document = json.loads(out)
    assert (document["final_status"], document["payment"]) == ("ready", "captured")
    calls = [(x["direction"], x["path"].split("/ven_")[0], x["status"]) for x in document["exchanges"]]
    for expected in (
        ("in", "/api/orders", 201),
        ("out", "/test/authorize", 200),
        ("out", "/posnext/order/validate", 200),
        ("out", "/posnext/order/submit", 200),
        ("out", "/test/capture", 200),
        ("out", "/webhooks", 204),
    ):
        assert expected in calls
    shown = await shell.json("orders", "show", document["order_id"])
    totals = shown["ordered"]
    assert totals["discount"] > 0
    assert (
        totals["total"] == document["total"] == totals["subtotal"] - totals["discount"] + totals["tax"] + totals["tip"]
    )


async def test_a_second_demo_goes_on_with_the_orders_of_the_first(shell: Shell) -> None:
    demo = await shell.start("demo", "--rate", "5", "--data", str(shell.folder))
    assert demo.stdout is not None
    async with patience():
        while b"-> confirmed" not in (line := await demo.stdout.readline()):
            assert line, await demo.stderr.read()  # type: ignore[union-attr]
    demo.send_signal(signal.SIGINT)
    async with patience():
        await demo.communicate()
    assert demo.returncode == 0
    before = (await shell.json("orders", "list"))["orders"]
    assert before
    status, _, err = await shell.run("demo", "--once", "--data", str(shell.folder))
    assert status == 0, err
    after = {order["order_id"] for order in (await shell.json("orders", "list", "--limit", "500"))["orders"]}
    assert {order["order_id"] for order in before} < after


@asynccontextmanager
async def a_pos() -> AsyncIterator[tuple[SandboxPos, str, Outbound]]:
    with listening("127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with Outbound(AddressGuard(["127.0.0.0/8"])) as outbound:
            pos = SandboxPos(PosConnection(url, SHARED_ID), a_menu(), pos_ledger(None), outbound, pace=QUICK)
            async with cooking(pos, bound):
                yield pos, url, outbound


@asynccontextmanager
async def a_worker(shell: Shell, together: bool) -> AsyncIterator[None]:
    """`heard work` beside the hub, unless the hub works itself."""
    worker = None if together else await shell.start("work")
    try:
        yield
    finally:
        if worker is not None:
            worker.send_signal(signal.SIGTERM)
            await worker.communicate()
            assert worker.returncode == 0


async def set_up(shell: Shell, pos_url: str, webhook_url: str) -> tuple[str, dict[str, str]]:
    """A store and a marketplace, by the commands a newcomer types."""
    shell.settings["ACME_SHARED_ID"] = SHARED_ID
    place = ("--organization", "acme", "--location", LOCATION, "--pos-url", pos_url)
    venue = (await shell.json("stores", "add", *place, "--shared-id-env", "ACME_SHARED_ID"))["venue_id"]
    keys = await shell.json("marketplaces", "add", "nosh", "--webhook-url", webhook_url)
    connected = await shell.json("stores", "connect", venue, "nosh")
    assert connected["connected"]
    pulled = await shell.json("menus", "pull", venue)
    assert pulled["products"] == 3
    return venue, keys


@pytest.mark.parametrize("together", [True, False], ids=["one process", "serve and work apart"])
async def test_a_hub_for_parties_of_ones_own_is_set_up_by_commands_and_carries_an_order(
    shell: Shell, together: bool
) -> None:
    shell.settings.update(HEARD_OUTBOUND_ALLOW="127.0.0.0/8", HEARD_WORK_POLL_S="0.2")
    with listening("127.0.0.1", 0) as hub_socket, listening("127.0.0.1", 0) as webhook_socket:
        port = str(hub_socket.getsockname()[1])
        webhook_url = f"http://127.0.0.1:{webhook_socket.getsockname()[1]}/webhooks"
        shell.settings["HEARD_HTTP_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        hub_socket.close()
        words = ("--with-worker", "--port", port) if together else ("--port", port)
        async with a_pos() as (pos, pos_url, outbound), shell.hub(*words) as hub_url, a_worker(shell, together):
            venue, keys = await set_up(shell, pos_url, webhook_url)
            secrets = (keys["client_id"], keys["client_secret"], keys["webhook_secret"])
            marketplace = SandboxMarketplace(hub_url, *secrets, marketplace_ledger(None), outbound)
            receiver = asyncio.create_task(serve(marketplace.app, webhook_socket))
            content = a_content("A-1", venue_id=VenueId(venue), placed_at=datetime.now(UTC))
            order_id = await marketplace.send(content)
            assert order_id is not None
            await until_told(marketplace, order_id, "order.ready")
            shown = await shell.json("orders", "show", order_id)
            assert shown["order"]["status"] in ("ready", "completed")
            assert shown["order"]["total"] == content.totals.total
            assert [line["step"] for line in shown["history"]][:2] == ["receive", "dispatch"]
            assert [row["venue_id"] for row in (await shell.json("stores", "list"))["stores"]] == [venue]
            assert len(pos.ledger.rows("SELECT * FROM tickets")) == 1
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)
            marketplace.ledger.close()
    listed = await shell.json("orders", "list")  # the hub is stopped now
    assert [order["order_id"] for order in listed["orders"]] == [order_id]
    migrations = (await shell.json("db", "status"))["migrations"]
    assert all(one["applied_at"] and one["checksum_ok"] and one["closed_at"] for one in migrations)
    parts = (await shell.json("db", "partitions"))["partitions"]
    assert {one["table"] for one in parts} == {"orders", "order_bodies", "order_history", "events", "exchanges"}
    assert not any(one["over"] for one in parts)
    assert (await shell.json("db", "retain", "--dry-run"))["dropped"] == []


async def until_told(marketplace: SandboxMarketplace, order_id: str, kind: str) -> None:
    async with patience():
        while not marketplace.ledger.row("SELECT 1 FROM told WHERE order_id = ? AND type = ?", order_id, kind):
            await asyncio.sleep(0.05)


async def test_no_secret_is_printed_or_stored_in_clear(shell: Shell) -> None:
    shell.settings["HEARD_OUTBOUND_ALLOW"] = "127.0.0.0/8"
    async with a_pos() as (_, pos_url, _outbound):
        _, keys = await set_up(shell, pos_url, "http://127.0.0.1:9/webhooks")
    stored = b"".join(path.read_bytes() for path in (shell.folder / "postgres").rglob("*") if path.is_file())
    for secret in (SHARED_ID, keys["client_secret"], keys["webhook_secret"]):
        assert secret.encode() not in stored
        assert secret not in (await shell.run("config", "show"))[1]
    assert (shell.folder / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("settings", "words", "says"),
    [
        ({"HEARD_HTTP_PORT": "http"}, ("serve",), "http.port (HEARD_HTTP_PORT)"),
        ({"HEARD_WORK_LEASE_S": "-1"}, ("work",), "work.lease_s (HEARD_WORK_LEASE_S)"),
        ({"HEARD_SECRET_KEY": "short"}, ("serve",), "HEARD_SECRET_KEY"),
        ({"HEARD_DATABASE_URL": "mysql://x"}, ("serve",), "HEARD_DATABASE_URL"),
        ({"HEARD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, ("serve",), "HEARD_DATABASE_URL"),
        ({"HEARD_CONFIG": "missing.toml"}, ("serve",), "HEARD_CONFIG"),
        ({"HEARD_OUTBOUND_ALLOW": "everything"}, ("work",), "outbound.allow"),
        ({}, ("orders", "show", "ord_none"), "There is no order"),
        ({}, ("menus", "pull", "ven_none"), "there is no store"),
        ({}, ("marketplaces", "add", "x", "--webhook-url", "ftp://x"), "--webhook-url"),
        ({}, ("marketplaces", "add", "x", "--webhook-url", "http://x.example"), "there is no organization yet"),
        ({}, ("stores", "add", "--organization", "a", "--location", "b", "--pos-url", "http://x.example"), "SharedId"),
        ({}, ("demo", "--json"), "--once"),
        ({}, ("demo", "--loyalty"), "--once"),
        ({"HEARD_POS_SHARED_ID": ""}, ("pos", "serve", "bistro:Bistro"), "HEARD_POS_SHARED_ID"),
        (A_KIT, ("pos", "serve", "bistro"), "such as bistro:Bistro"),
        (A_KIT, ("pos", "serve", "nobodys_till:Till"), "no module 'nobodys_till'"),
        (A_KIT, ("pos", "serve", "bistro:Bistro", "--allow", "localhost"), "allow: 'localhost' must be networks"),
        (A_KIT, ("pos", "serve", "bistro:Bistro", "--at-once", "0"), "at_once"),
        (A_KIT, ("pos", "map", "check", "nobodys_till:Till"), "no module 'nobodys_till'"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(
    shell: Shell, settings: dict[str, str], words: tuple[str, ...], says: str
) -> None:
    shell.settings.update(settings)
    status, _, err = await shell.run(*words)
    assert status == 1
    assert says in err
    assert len(err.strip().splitlines()) == 1, err


def test_a_fault_on_a_terminal_is_told_without_the_values_that_were_at_hand() -> None:
    program = (
        "import structlog; from heard.cli.running import set_up_log; set_up_log('info')\n"
        "try:\n  shared_id = '-'.join(('never', 'shown')); 1 / 0\n"
        "except Exception:\n  structlog.get_logger().exception('a fault')\n"
    )
    screen, terminal = pty.openpty()
    subprocess.run([sys.executable, "-c", program], stderr=terminal, check=True)
    shown = os.read(screen, 1 << 16)
    assert b"ZeroDivisionError" in shown
    assert b"never-shown" not in shown


async def test_a_taken_port_is_said_in_one_line(shell: Shell) -> None:
    with listening("127.0.0.1", 0) as bound:
        bound.listen()
        status, _, err = await shell.run("serve", "--port", str(bound.getsockname()[1]))
    assert status == 1
    assert "host, port: cannot listen" in err
    assert len(err.strip().splitlines()) == 1


async def test_a_key_that_did_not_seal_what_is_there_stops_the_start(shell: Shell) -> None:
    shell.settings["HEARD_OUTBOUND_ALLOW"] = "127.0.0.0/8"
    async with a_pos() as (_, pos_url, _outbound):
        await set_up(shell, pos_url, "http://127.0.0.1:9/webhooks")
    (shell.folder / "secret.key").unlink()
    status, _, err = await shell.run("serve", "--port", "0")
    assert status == 1
    assert "HEARD_SECRET_KEY" in err
    assert len(err.strip().splitlines()) == 1


async def test_help_shows_every_command_with_examples(shell: Shell) -> None:
    status, out, _ = await shell.run("--help")
    assert status == 0
    nouns = "demo serve work orders stores marketplaces menus keys sign verify db config bench"
    assert [noun for noun in nouns.split() if noun not in out] == []
    _, out, _ = await shell.run("serve", "--help")
    assert "heard serve --with-worker --port 8080" in out
