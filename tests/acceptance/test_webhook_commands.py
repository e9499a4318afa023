"""What operators type about webhooks, as real processes beside a running hub."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from starlette.responses import Response

from heard.domain.order.model import Status
from heard.protocols.webhooks.auth import verify
from heard.storage.sealing import new_key
from lengths import patience
from parties import a_town
from receivers import GOOD, a_receiver, deliveries_of, listen_at
from shell import Shell


async def test_a_dead_letter_is_found_shown_and_sent_again(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    answers = {"now": Response(status_code=410)}
    async with (
        a_receiver(lambda _: answers["now"]) as receiver,
        a_town(dsn, settings={"HEARD_SECRET_KEY": key}) as town,
    ):
        await listen_at(town, receiver)
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        await deliveries_of(town, order_id, "dead")
        dead = (await shell.json("webhooks", "list", "--dead"))["deliveries"]
        assert {one["order_id"] for one in dead} == {order_id}
        first = dead[-1]
        assert (first["type"], first["attempts"]) == ("order.confirmed", 1)
        assert first["last_error"] == "the endpoint answered 410"
        shown = await shell.json("webhooks", "show", first["event_id"])
        assert shown["event"]["body"]["data"]["order_id"] == order_id
        [attempt] = shown["attempts"]
        assert (attempt["status"], attempt["endpoint_id"]) == (410, first["endpoint_id"])
        assert attempt["ms"] > 0
        [endpoint] = (await shell.json("webhooks", "endpoints", "nosh"))["endpoints"]
        assert "410" in endpoint["disabled_why"]
        assert (endpoint["due"], endpoint["dead"]) == (0, len(dead))
        status, _, err = await shell.run("webhooks", "replay", "--since", "2020-01-01")
        assert status == 1
        assert "No endpoint is enabled" in err
        answers["now"] = GOOD
        assert (await shell.json("webhooks", "enable", endpoint["endpoint_id"], "--resend"))["resent"] == len(dead)
        await deliveries_of(town, order_id, "delivered")
        assert [one.id for one in receiver.heard].count(first["event_id"]) == 2
        assert (await shell.json("webhooks", "resend", first["event_id"]))["resent"] == 1
        async with patience():
            while [one.id for one in receiver.heard].count(first["event_id"]) < 3:
                await asyncio.sleep(0.05)
        counted = await shell.json("webhooks", "replay", "--since", "2020-01-01", "--all", "--dry-run")
        assert counted == {"count": 4, "endpoints": {endpoint["endpoint_id"]: 4}}
        status, out, err = await shell.run(
            "webhooks", "replay", "--since", "2020-01-01", "--all", "--marketplace", "nosh"
        )
        assert (status, out) == (0, "4 events go out again.\n")
        assert err == "4 of 4 are due\n"
        for words in (["list"], ["list", "--delivered", "--limit", "2"], ["show", first["event_id"]], ["endpoints"]):
            status, out, err = await shell.run("webhooks", *words)
            assert status == 0, err
            assert endpoint["endpoint_id"] in out


async def test_endpoints_are_added_rotated_disabled_and_removed(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_receiver(lambda _: GOOD) as receiver, a_town(dsn, settings={"HEARD_SECRET_KEY": key}) as town:
        made = await shell.json("webhooks", "add", "nosh", receiver.url)
        rotated = await shell.json("webhooks", "rotate-secret", made["endpoint_id"], "--keep-old-hours", "2")
        assert rotated["old_secret_until"] > datetime.now(UTC).isoformat()
        await town.send("A-1")
        for one in await receiver.until("order.completed"):
            for secret in (made["webhook_secret"], rotated["webhook_secret"]):
                verify(one.headers, one.body, [secret], datetime.now(UTC))
        status, out, _ = await shell.run("webhooks", "disable", made["endpoint_id"], "--reason", "they asked")
        assert (status, out) == (0, f"{made['endpoint_id']} is disabled.\n")
        await town.told(await town.send("A-2"), "order.completed")
        assert "they asked" in (await shell.run("webhooks", "endpoints"))[1]
        assert len(receiver.heard) == 4
        status, _, err = await shell.run("webhooks", "remove", made["endpoint_id"])
        assert status == 0, err
        assert len((await shell.json("webhooks", "endpoints"))["endpoints"]) == 1
        page = await shell.json("webhooks", "list", "--limit", "3")
        rest = await shell.json("webhooks", "list", "--limit", "500", "--before", page["next"])
        ids = [(one["event_id"], one["endpoint_id"]) for one in page["deliveries"] + rest["deliveries"]]
        assert len(ids) == len(set(ids)) == await town.house.hub.pool.fetchval("SELECT count(*) FROM deliveries")
        assert ids == sorted(ids, reverse=True)
        assert "whsec_" not in json.dumps(page)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "nobody", "https://x.example/"), "There is no marketplace 'nobody'"),
        (("add", "nosh", "ftp://x.example/"), "is not an address"),
        (("enable", "whk_none"), "There is no webhook endpoint 'whk_none'"),
        (("rotate-secret", "whk_none"), "There is no webhook endpoint 'whk_none'"),
        (("show", "evt_none"), "There is no event 'evt_none'"),
        (("resend", "evt_none"), "There is no event 'evt_none'"),
        (("list", "--dead", "--due"), "give one of --dead"),
        (("replay", "--since", "2026-01-02", "--until", "2026-01-01"), "--until: must be later"),
        (("replay", "--since", "2026-01-02", "--endpoint", "x", "--marketplace", "y"), "not both"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    dsn: str, shell: Shell, words: tuple[str, ...], said: str
) -> None:
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": new_key()})
    status, out, err = await shell.run("webhooks", *words)
    assert (status, out) == (1, "")
    assert err.startswith("heard: ")
    assert err.count("\n") == 1
    assert said in err
