"""A worker is killed at every await of a paid order: money is kept for a confirmed order, once, and for no other.

The other party is the built-in provider, whose books commit by themselves: what they say in the end is what counts.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from heard.domain.ids import OrderId, PaymentId, paid_order_id
from heard.domain.order.commands import RequestCancel
from heard.domain.order.model import Party, ReasonCode, Status
from heard.domain.payments import PaymentState
from heard.engine.act_on_order import act_on_order
from heard.sandbox.pos import Mood, Pace
from heard.storage.sealing import new_key
from lengths import PATIENCE_S, patience
from parties import Town, a_town
from paying import AT_REST, EVERYWHERE, begun, books, until_paid, use_test_provider

_PROGRAM = Path(__file__).with_name("dying_payer.py")
_PACE = Pace(slow_s=0.2, start_s=600, cook_s=600, hand_over_s=600)
_POINTS_MAX = 120
P = PaymentState
KEPT = {Status.CONFIRMED, Status.IN_PREP, Status.READY, Status.COMPLETED}


class Payers:
    """A town whose worker runs as a process of its own, to be killed."""

    def __init__(self, town: Town, dsn: str, key: str) -> None:
        self.town = town
        self._process: asyncio.subprocess.Process | None = None
        self._last_words: asyncio.Task[bytes] | None = None
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEARD_")}
        self._environment = {
            **clean,
            "HEARD_DATABASE_URL": dsn,
            "HEARD_SECRET_KEY": key,
            "HEARD_OUTBOUND_ALLOW": "127.0.0.0/8",
            "HEARD_WORK_LEASE_S": "0.3",
            "HEARD_WORK_POLL_S": "0.1",
            "HEARD_LOG_LEVEL": "error",
        }

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(_PROGRAM), env=self._environment, stdin=pipe, stdout=pipe
        )

    async def close(self) -> None:
        """Its workers end with it: it kills the one that there is when nobody speaks to it any more."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._last_words is not None:
            self._last_words.cancel()
        await asyncio.wait_for(self._process.wait(), PATIENCE_S)

    def order(self, payment_id: PaymentId, amount: int, **dying: object) -> None:
        """Have a worker take an order in, and die of it where it is told to."""
        assert self._process is not None
        assert self._process.stdin is not None
        errand = {"payment_id": payment_id, "venue_id": self.town.venue_id, "amount": amount, **dying}
        self._process.stdin.write(msgspec.json.encode(errand) + b"\n")

    async def all_rest(self, order_id: OrderId, cancelled: bool) -> None:
        async with patience():
            while not await self.rests(order_id, cancelled):
                await asyncio.sleep(0.02)

    async def died_at(self, order_id: OrderId, cancelled: bool) -> str | None:
        """Where the worker died, or None when it brought the order's payment to rest."""
        assert self._process is not None
        assert self._process.stdout is not None
        if self._last_words is None:
            self._last_words = asyncio.create_task(self._process.stdout.readline())
        async with patience():
            while not await self.rests(order_id, cancelled):
                done, _ = await asyncio.wait([self._last_words], timeout=0.03)
                if done:
                    words, self._last_words = self._last_words.result(), None
                    return words.decode().strip()
        return None

    async def rests(self, order_id: OrderId, cancelled: bool) -> bool:
        """Whether nothing more is to be done about the payment. `cancelled`: the guest cancels once it was captured."""
        sql = "SELECT status, payment FROM orders WHERE order_id = $1"
        row = await self.town.house.hub.pool.fetchrow(sql, order_id)
        if row is None or row["payment"] not in AT_REST:
            return False
        if cancelled and row["payment"] == P.CAPTURED:
            if Status(row["status"]) in KEPT:
                await act_on_order(self.town.house.hub, order_id, RequestCancel(Party.STAFF, ReasonCode.OTHER))
            return False
        return Status(row["status"]) not in (Status.SUBMITTING, Status.UNKNOWN)

    async def check(self, order_id: OrderId, amount: int, ends: PaymentState) -> None:
        order = await until_paid(self.town, order_id)
        story = [f"{line.step} {line.note or ''}" for line in await self.town.history(order_id)]
        assert order.payment is ends, story
        held, taken, given_back = await books(self.town, order_id)
        if order.status in KEPT:
            assert (held, taken, given_back) == (0, amount, 0), story
            assert len(self.town.tickets(order_id)) == 1, story
        else:
            assert (held, taken - given_back) == (0, 0), story
        assert order.attention is None, story


@asynccontextmanager
async def the_payers(dsn: str, mood: Mood) -> AsyncIterator[Payers]:
    key = new_key()
    settings = {"HEARD_SECRET_KEY": key}
    async with a_town(dsn, mood=lambda _: mood, pace=_PACE, callbacks=False, worker=False, settings=settings) as town:
        await use_test_provider(town)
        payers = Payers(town, dsn, key)
        await payers.start()
        try:
            yield payers
        finally:
            await payers.close()


async def die_everywhere(
    payers: Payers, amount: int, ends: PaymentState, deaths_max: int, within: str = "", cancelled: bool = False
) -> list[str]:
    """Each worker first finishes what the one before it left, then dies at the next place; where they died."""
    places: list[str] = []
    orders: list[tuple[PaymentId, OrderId]] = []
    while True:
        if orders:  # what a worker died of is taken in again, as a client does that heard no answer
            payers.order(orders[-1][0], amount, fresh=True)
            await payers.all_rest(orders[-1][1], cancelled)
        if len(places) == deaths_max:
            break
        payment_id = (await begun(payers.town, amount)).payment_id
        payers.order(payment_id, amount, spared=places, within=within, fresh=not orders)
        orders.append((payment_id, paid_order_id(payment_id)))
        place = await payers.died_at(orders[-1][1], cancelled)
        if place is None:
            break
        assert place, "it died, but not where it was to"
        places.append(place)
    for _, order_id in orders:
        await payers.check(order_id, amount, ends)
    return places


async def test_a_worker_killed_at_every_await_of_a_paid_order_takes_the_money_once(dsn: str) -> None:
    async with the_payers(dsn, Mood.WELL) as payers:
        places = await die_everywhere(payers, 1403, P.CAPTURED, _POINTS_MAX, "_pay:")
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    for part in (" authorize:", " capture:", "find_account:", "_change:"):
        assert any(part in place for place in places), f"no worker died in {part} {places}"


_MOODS: dict[str, tuple[int, Mood, PaymentState, str, bool]] = {
    "while it is written down": (1403, Mood.WELL, P.CAPTURED, "_change_held:", False),
    "the POS refuses": (1403, Mood.REFUSE, P.VOIDED, " void:", False),
    "declined": (900_01, Mood.WELL, P.DECLINED, " authorize:", False),
    "authorized without an answer": (900_02, Mood.WELL, P.CAPTURED, " authorize:", False),
    "captured without an answer": (900_12, Mood.WELL, P.CAPTURED, " capture:", False),
    "cancelled": (1403, Mood.WELL, P.REFUNDED, " refund:", True),
    "voided without an answer": (900_22, Mood.REFUSE, P.VOIDED, " void:", False),
}


@pytest.mark.parametrize("name", _MOODS)
async def test_a_worker_killed_in_a_call_to_the_provider_keeps_no_money_wrongly(dsn: str, name: str) -> None:
    amount, mood, ends, within, cancelled = _MOODS[name]
    async with the_payers(dsn, mood) as payers:
        places = await die_everywhere(payers, amount, ends, 2, within, cancelled)
    assert len(places) == 2, f"there must be awaits in{within} {places}"


@pytest.mark.skipif(EVERYWHERE not in os.environ, reason=f"takes minutes: make crash-payments, or {EVERYWHERE}=1")
@pytest.mark.parametrize("name", _MOODS)
async def test_a_worker_killed_at_every_await_of_any_road_keeps_no_money_wrongly(dsn: str, name: str) -> None:
    amount, mood, ends, within, cancelled = _MOODS[name]
    async with the_payers(dsn, mood) as payers:
        places = await die_everywhere(payers, amount, ends, _POINTS_MAX, f"_pay:|{within}", cancelled)
    assert len(places) < _POINTS_MAX, "there was no end of new places"
    assert any(within in place for place in places), f"there must be awaits in{within} {places}"
    print(f"{name}: killed at {len(places)} places")  # noqa: T201 - read by who ran it
