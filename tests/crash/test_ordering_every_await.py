"""A hub is killed at every await of a paid order's receipt over HTTP. Its client hears nothing, and sends it again.

Then there is one order, and its money is kept if it is confirmed, once, and given back if it is not.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from builders import ORGANIZATION
from counter import ORDERS, TOTAL, Counter, a_counter
from heard.domain.ids import OrderId, SingularPointId, id_from_uuid, paid_order_id
from heard.domain.money import Cents
from heard.domain.order.model import Status
from heard.domain.payments import PaymentState
from heard.engine.begin_payment import WantedPayment, begin_payment
from heard.net.call import Answer, Call, NoAnswer
from heard.sandbox.pos import Mood, Pace
from heard.storage.sealing import new_key
from lengths import PATIENCE_S, patience
from parties import Town, a_town
from paying import EVERYWHERE, books, until_paid

_PROGRAM = Path(__file__).with_name("dying_counter.py")
_PACE = Pace(slow_s=0.2, start_s=600, cook_s=600, hand_over_s=600)
_POINTS_MAX = 40
# The call itself and what writes its order down; what a worker does then is killed in test_payment_every_await.py.
# Of the database's driver, what it does once for each kind of statement is passed over.
_RECEIPT = r"^(?!.*(_get_statement|release|_change_held|_change_locked|_read_contents):)"


class Hubs:
    """A town whose hub runs as a process of its own, to be killed."""

    def __init__(self, town: Town, counter: Counter, port: int, process: asyncio.subprocess.Process) -> None:
        self.town, self.counter, self._port, self._process = town, counter, port, process
        self._last_words: asyncio.Task[bytes] | None = None

    def start(self, spared: list[str], within: str) -> None:
        """A new hub; the one before, should it live, is killed."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode({"port": self._port, "spared": spared, "within": within}) + b"\n")

    async def payment(self) -> tuple[str, OrderId]:
        """A payment begun, and the order that it will pay for. No hub that may be dead is asked for it."""
        point = SingularPointId(id_from_uuid("spt", self.counter.point) or "")
        application_id = self.counter.app.made.application_id
        wanted = WantedPayment(ORGANIZATION, application_id, self.town.venue_id, point, Cents(TOTAL), "USD")
        begun = await begin_payment(self.town.house.hub, wanted)
        return begun.hash, paid_order_id(begun.payment_id)

    async def send(self, payment: str, request_id: str) -> Answer | NoAnswer:
        body = json.dumps(self.counter.order(payment)).encode()
        headers = {
            "application": self.counter.app.made.application_key,
            "x-api-authorization": f"Bearer {self.counter.token}",
            "content-type": "application/json",
            "x-request-id": request_id,
        }
        return await self.town.house.outbound.send(
            Call("POST", self.town.hub_url + ORDERS, headers, body, 20.0, 1 << 20)
        )

    async def answered(self, payment: str) -> Answer:
        """Sent again and again, as a client does that hears nothing."""
        async with patience():
            while not isinstance(answer := await self.send(payment, "again"), Answer):
                await asyncio.sleep(0.03)
        return answer

    async def doomed(self, payment: str) -> str | None:
        """Send an order that its hub may die of; where it died, or None where it answered."""
        assert self._process.stdout is not None
        if self._last_words is None:
            self._last_words = asyncio.create_task(self._process.stdout.readline())
        async with patience():
            while not isinstance(answer := await self.send(payment, "doomed"), Answer):
                done, _ = await asyncio.wait([self._last_words], timeout=0.03)
                if done:
                    words, self._last_words = self._last_words.result(), None
                    return words.decode().strip()
        assert answer.status == 201, answer.body
        return None

    async def check(self, order_id: OrderId, ends: PaymentState) -> None:
        order = await until_paid(self.town, order_id, ends)
        story = [f"{line.step} {line.note or ''}" for line in await self.town.history(order_id)]
        confirmed = order.status is Status.CONFIRMED
        assert confirmed is (ends is PaymentState.CAPTURED), story
        assert await books(self.town, order_id) == (0, TOTAL if confirmed else 0, 0), story
        assert len(self.town.tickets(order_id)) == confirmed, story
        assert order.attention is None, story


@asynccontextmanager
async def the_hubs(dsn: str, mood: Mood) -> AsyncIterator[Hubs]:
    key = new_key()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
    environment = {
        **clean,
        "HEARD_DATABASE_URL": dsn,
        "HEARD_SECRET_KEY": key,
        "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
        "HEARD_WORK_LEASE_S": "0.3",
        "HEARD_WORK_POLL_S": "0.1",
        "HEARD_LOG_LEVEL": "error",
    }
    settings = {"HEARD_SECRET_KEY": key}
    async with a_town(dsn, mood=lambda _: mood, pace=_PACE, callbacks=False, worker=False, settings=settings) as town:
        counter = await a_counter(town)
        port, pipe = await town.stop_hub(), asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(_PROGRAM), env=environment, stdin=pipe, stdout=pipe
        )
        hubs = Hubs(town, counter, port, process)
        try:
            yield hubs
        finally:
            assert process.stdin is not None
            process.stdin.close()
            if hubs._last_words is not None:
                hubs._last_words.cancel()
            await asyncio.wait_for(process.wait(), PATIENCE_S)


async def die_everywhere(hubs: Hubs, ends: PaymentState, deaths_max: int, within: str) -> list[str]:
    """Each hub first answers what the one before it died of, then dies at the next place; where they died."""
    places: list[str] = []
    orders: list[OrderId] = []
    hubs.start(places, within)
    while len(places) < deaths_max:
        payment, order_id = await hubs.payment()
        orders.append(order_id)
        place = await hubs.doomed(payment)
        if place is None:
            break
        assert place, "it died, but not where it was to"
        places.append(place)
        hubs.start(places, within)
        first, again = await hubs.answered(payment), await hubs.answered(payment)
        assert first.status in (200, 201), first.body
        assert again.status == 200, again.body
        assert id_from_uuid("ord", json.loads(again.body)["data"]["order"]["id"]) == order_id
    for order_id in orders:
        await hubs.check(order_id, ends)
    assert await hubs.town.house.hub.pool.fetchval("SELECT count(*) FROM orders") == len(orders)
    return places


async def test_a_hub_killed_at_every_await_of_a_paid_orders_receipt_keeps_one_order_and_takes_its_money_once(
    dsn: str,
) -> None:
    async with the_hubs(dsn, Mood.WELL) as hubs:
        places = await die_everywhere(hubs, PaymentState.CAPTURED, _POINTS_MAX, _RECEIPT)
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    for part in ("find_payment:", "look_up:", "_take_all_in:", "wait_for_payment:"):
        assert any(part in place for place in places), f"no hub died in {part} {places}"


async def test_a_hub_killed_while_an_order_is_written_down_that_its_pos_refuses_keeps_no_money(dsn: str) -> None:
    async with the_hubs(dsn, Mood.REFUSE) as hubs:
        places = await die_everywhere(hubs, PaymentState.VOIDED, 3, "_take_all_in:|wait_for_payment:")
    assert len(places) == 3


@pytest.mark.skipif(EVERYWHERE not in os.environ, reason=f"takes a minute: make crash-payments, or {EVERYWHERE}=1")
async def test_a_hub_killed_at_every_await_of_an_order_that_its_pos_refuses_keeps_no_money(dsn: str) -> None:
    async with the_hubs(dsn, Mood.REFUSE) as hubs:
        places = await die_everywhere(hubs, PaymentState.VOIDED, _POINTS_MAX, _RECEIPT)
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    print(f"killed at {len(places)} places")  # noqa: T201 - read by who ran it
