"""Guests of the demo who change their minds: what they call off is cancelled, once, and there is something to mend."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from structlog.testing import CapturingLogger

from heard.bootstrap import open_house, serve_hub
from heard.domain.order.model import Party, ReasonCode, Status
from heard.domain.pos import PosCancel, PosPayment
from heard.net.listening import listening
from heard.sandbox.demo import every_road, is_called_off, locked_at_first
from heard.sandbox.pos import CancelMood, Mood, Pace
from lengths import patience
from parties import QUICK, Town, a_town
from protocols.posnext_builders import an_order

STILL = Pace(slow_s=0.3, start_s=60, cook_s=60, hand_over_s=60, silence_s=1.5)
NUMBER, OTHER = "NOSH-1A1FFABD9E7-784X", "NOSH-1A1FFABD9E7-784F"


@asynccontextmanager
async def calling_off(town: Town) -> AsyncIterator[None]:
    """The marketplace cancels what is called off, as the demo's does."""
    running = asyncio.create_task(town.marketplace.call_off())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def answered(town: Town) -> sqlite3.Row:
    """Wait until the hub has answered the one cancel there is."""
    async with patience():
        while not (rows := town.marketplace.ledger.rows("SELECT * FROM called_off WHERE answer IS NOT NULL")):
            await asyncio.sleep(0.02)
    [row] = rows
    return row


async def test_what_a_guest_calls_off_is_cancelled_as_soon_as_it_is_confirmed_and_nothing_else_is(dsn: str) -> None:
    async with a_town(dsn, pace=STILL) as town, calling_off(town):
        town.marketplace.is_called_off = is_called_off
        kept, order_id = await town.send(OTHER), await town.send(NUMBER)
        assert await town.told(order_id, "order.cancelled") == ["order.confirmed", "order.cancelled"]
        order = await town.order(order_id)
        assert (order.cancelled_by, order.reason_code) == (Party.CHANNEL, ReasonCode.CANCELLED_BY_GUEST)
        row = await answered(town)
        assert (row["external_order_id"], row["order_id"], row["answer"]) == (NUMBER, order_id, "CANCELLED")
        assert (await town.until(kept, Status.CONFIRMED)).cancelled_by is None


async def test_a_hub_that_is_gone_is_asked_again_when_it_is_back(dsn: str, said: CapturingLogger) -> None:
    async with a_town(dsn, pace=STILL) as town:
        town.marketplace.is_called_off = is_called_off
        order_id = await town.send(NUMBER)
        await town.told(order_id, "order.confirmed")
        port = await town.stop_hub()
        async with calling_off(town):
            async with patience():
                while not any("will be cancelled again" in str(call) for call in said.calls):
                    await asyncio.sleep(0.02)
            assert (await town.order(order_id)).status is Status.CONFIRMED
            async with open_house(town.house.config, public_url=town.hub_url) as house:
                with listening("127.0.0.1", port) as bound:
                    town.serving = asyncio.create_task(serve_hub(house, bound))
                    await answered(town)
                    assert (await town.order(order_id)).cancelled_by is Party.CHANNEL
                    await town.stop_hub()


async def test_what_is_called_off_too_late_is_cooked_and_asked_for_once(dsn: str) -> None:
    async with a_town(dsn, pace=QUICK) as town:
        town.marketplace.is_called_off = is_called_off
        order_id = await town.send(NUMBER)
        await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        async with calling_off(town):
            assert "409" in (await answered(town))["answer"]
        assert (await town.order(order_id)).status is Status.COMPLETED


def moods(number: str) -> set[Mood]:
    """How the demo's POS treats orders with this number."""
    order = an_order()
    paid = (PosPayment("prepaid", order.totals.grand_total, number),)
    return {every_road(replace(order, online_order_id=f"ord_{lot}", payments=paid)) for lot in range(300)}


def test_an_order_that_is_called_off_goes_well_until_then_and_others_go_every_road() -> None:
    assert moods(NUMBER) == {Mood.WELL}
    assert moods(OTHER) == set(Mood) - {Mood.FAIL}


def test_the_till_is_locked_for_what_a_guest_calls_off_and_for_nothing_else() -> None:
    order = an_order()
    cancel = PosCancel(order.request_uid, order.request_datetime, order.organization_id, order.location_id)
    assert locked_at_first(cancel) is CancelMood.WELL
    locked = {reason for reason in ReasonCode if locked_at_first(replace(cancel, reason=reason)) is CancelMood.LOCKED}
    assert locked == {ReasonCode.CANCELLED_BY_GUEST}
