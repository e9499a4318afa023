"""What staff type about an order that needs them, as real processes beside a running hub."""

import asyncio

from heard import limits
from heard.domain.order.model import Attention, Status, Ticket
from heard.engine.watch_pos import pos_failed
from heard.sandbox.pos import CancelMood, Pace
from heard.storage.sealing import new_key
from lengths import patience
from parties import a_town
from shell import Shell

STILL = Pace(start_s=60, cook_s=60, hand_over_s=60)


async def test_staff_cancel_an_order_and_find_those_that_need_a_person(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, pace=STILL, settings={"HEARD_SECRET_KEY": key}) as town:
        town.pos.cancel_mood = lambda _: CancelMood.UNSERVED
        fine, wanted = await town.send("A-1"), await town.send("A-2")
        await town.until(fine, Status.CONFIRMED)
        await town.until(wanted, Status.CONFIRMED)
        assert (await shell.json("orders", "list", "--attention"))["orders"] == []
        words = ("orders", "cancel", wanted, "--reason", "store_closed", "--note", "water in the kitchen")
        answer = await shell.json(*words)
        assert answer["cancelling"] is False
        cancelled = answer["order"]
        assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", "staff")
        assert (cancelled["reason_code"], cancelled["reason"]) == ("store_closed", "water in the kitchen")
        async with patience():
            while (await town.order(wanted)).attention is not Attention.CANCEL_AT_POS:
                await asyncio.sleep(0.02)
        found = (await shell.json("orders", "list", "--attention"))["orders"]
        assert [one["order_id"] for one in found] == [wanted]
        town.pos.cancel_mood = lambda _: CancelMood.WELL
        status, out, err = await shell.run("orders", "retry", wanted)
        assert status == 0, err
        assert "is worked on again" in out
        async with patience():
            while (await town.order(wanted)).ticket is not Ticket.CANCELLED:
                await asyncio.sleep(0.02)
        assert (await shell.json("orders", "list", "--attention"))["orders"] == []


async def test_what_cannot_be_cancelled_is_said_in_one_line(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, settings={"HEARD_SECRET_KEY": key}) as town:
        order_id = await town.send("A-1")
        await town.until(order_id, Status.COMPLETED)
        status, _, err = await shell.run("orders", "cancel", order_id)
        assert status == 1
        assert err == f"heard: {order_id} is completed: cancel is not possible. Allowed now: nothing.\n"
        status, _, err = await shell.run("orders", "cancel", "ord_none")
        assert status == 1
        assert "There is no order 'ord_none'" in err
        status, _, err = await shell.run("orders", "cancel", order_id, "--note", "x" * 501)
        assert status == 1
        assert err == "heard: --note: at most 500 characters, these are 501\n"


async def test_the_list_of_stores_shows_which_are_paused_and_how_their_pos_is(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, worker=False, settings={"HEARD_SECRET_KEY": key}) as town:
        hub, orders = town.house.hub, [await town.send("A-1"), await town.send("A-2")]
        [store] = (await shell.json("stores", "list"))["stores"]
        assert (store["open"], store["pauses"], store["pos"]) == (True, [], "well")
        known = await hub.store(town.venue_id)
        assert known is not None
        for number in range(limits.BREAKER_FAILURES):
            await pos_failed(hub, known, orders[number % 2], "no connection")
            await asyncio.sleep(limits.BREAKER_ROW_S / 4)
        [store] = (await shell.json("stores", "list"))["stores"]
        assert (store["open"], [one["held_by"] for one in store["pauses"]], store["pos"]) == (False, ["hub"], "gone")
        assert (store["pos_failures"], store["pos_last_fault"]) == (limits.BREAKER_FAILURES, "no connection")
        status, out, err = await shell.run("stores", "list")
        assert status == 0, err
        assert "gone" in out
