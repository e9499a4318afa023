"""The demo's loyalty program: what its guests wish can be had, and no crash and no fault loses or doubles an order."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from clients.counters import Counter, a_counter
from clients.fake_hub import CLIENT, SECRET, Fault
from clients.fake_ordering import KEY, POINT, FakeOrderingHub, a_fake_ordering_hub, fault
from heard.clients.ordering import Customer, OrderingClient, item, new_cart
from heard.clients.ordering.bodies import calculate_body
from heard.domain.cart import Filled, fill
from heard.domain.menu.price_book import book_of
from heard.domain.money import Cents, currency
from heard.domain.payments import PaymentState
from heard.domain.pricing.cart import PricingRules
from heard.domain.pricing.price import price
from heard.protocols.ordering.decode import decode_calculate
from heard.sandbox.demo import demo_menu
from heard.sandbox.ledger import Ledger, loyalty_ledger
from heard.sandbox.loyalty import SandboxLoyalty, Wish, random_wish
from heard.sandbox.marketplace import HubUnreachable
from lengths import patience
from parties import a_town

WHSEC = "whsec_" + "A" * 44


def a_wish(number: str = "CRUMBS-1", point: str = POINT) -> Wish:
    return Wish(number, new_cart(point, 6, [item("BURGER", quantity=2)]), Customer("ada@guests.example"), 10)


@asynccontextmanager
async def a_program(hub: FakeOrderingHub, ledger: Ledger) -> AsyncIterator[SandboxLoyalty]:
    async with OrderingClient(hub.url, KEY, CLIENT, SECRET, allow=["127.0.0.0/8"], retry=False) as client:
        yield SandboxLoyalty(client, WHSEC, ledger)


def wishes(ledger: Ledger) -> list[sqlite3.Row]:
    return ledger.rows("SELECT * FROM wishes")


@pytest.mark.parametrize("seed", range(200))
def test_a_random_wish_can_be_had_and_discounted(seed: int) -> None:
    menu = demo_menu()
    wish = random_wish(menu, POINT, f"CRUMBS-{seed}", random.Random(seed))
    asked = decode_calculate(calculate_body(wish.cart, accurate_tax=False))
    filled = fill(asked.wanted, book_of(menu, "1"), currency("USD"))
    assert isinstance(filled, Filled), filled
    subtotal = price(filled.cart, PricingRules()).subtotal
    off = Cents(subtotal * wish.percent // 100)
    assert 0 < off < subtotal
    discounted = price(filled.cart._replace(discount=off), PricingRules())
    assert sum(line.discount for line in discounted.lines) == off


@pytest.mark.parametrize(
    "broken",
    [
        Fault("/calculate", None, done=True),
        Fault("/initialize", None, done=True),
        Fault("/api/orders$", None),
        Fault("/api/orders$", None, done=True),
        Fault("/api/orders$", fault(503, "unavailable", retryable=True), done=True),
        Fault("/oauth/tokens", None),
    ],
    ids=lambda broken: f"{broken.where} {broken.said and broken.said.status} {broken.done}",
)
async def test_a_program_that_dies_at_any_call_has_each_order_once(tmp_path: Path, broken: Fault) -> None:
    """It is begun anew over the same file, as after a kill."""
    async with a_fake_ordering_hub() as hub:
        hub.faults = [broken]
        ledger = loyalty_ledger(tmp_path / "loyalty.sqlite")
        async with a_program(hub, ledger) as program:
            with pytest.raises(HubUnreachable):
                await program.send(a_wish())
        ledger.close()
        ledger = loyalty_ledger(tmp_path / "loyalty.sqlite")
        async with a_program(hub, ledger) as program:
            assert await program.resend() == 1
            assert await program.resend() == 0
        [row] = wishes(ledger)
        assert [row["order_id"]] == list(hub.orders)
        [body] = hub.orders.values()
        assert body["discounts"] == [{"discount_amount": 200, "origin_type": "non_integrated"}]
        assert body["payment_info"]["payment_init_hash"] == row["payment_init_hash"]
        assert hub.payments[row["payment_init_hash"]]["amount"] == row["amount"] == 1800
        ledger.close()


@pytest.mark.parametrize("code", ["price_changed", "payment_amount_mismatch", "payment_expired"])
async def test_what_costs_something_else_by_now_is_paid_anew(code: str) -> None:
    async with a_fake_ordering_hub() as hub:
        ledger = loyalty_ledger(None)
        async with a_program(hub, ledger) as program:
            hub.faults = [Fault("/api/orders$", fault(409, code))]
            with pytest.raises(HubUnreachable, match=code):
                await program.send(a_wish())
            await program.resend()
        assert len(hub.payments) == 2
        assert list(hub.orders) == [list(hub.payments)[1]] == [wishes(ledger)[0]["order_id"]]
        ledger.close()


@pytest.mark.parametrize(("status", "code"), [(402, "payment_declined"), (422, "item_unavailable")])
async def test_what_is_refused_for_good_is_not_sent_again(status: int, code: str) -> None:
    async with a_fake_ordering_hub() as hub:
        ledger = loyalty_ledger(None)
        async with a_program(hub, ledger) as program:
            hub.faults = [Fault("/api/orders$", fault(status, code))]
            assert await program.send(a_wish()) is None
            assert await program.resend() == 0
        assert code in wishes(ledger)[0]["refused"]
        assert hub.orders == {}
        ledger.close()


async def test_its_orders_reach_a_hubs_pos_and_their_money_is_kept(dsn: str) -> None:
    async with a_town(dsn) as town:
        counter: Counter = await a_counter(town)
        ledger = loyalty_ledger(None)
        async with counter.client(retry=False) as client:
            program = SandboxLoyalty(client, WHSEC, ledger)
            order_id = await program.send(a_wish(point=counter.point))
            assert order_id is not None
            assert await program.send(a_wish(point=counter.point)) == order_id  # the same number again
        total = wishes(ledger)[0]["amount"]
        async with patience():
            while (await counter.money(order_id))[0] is not PaymentState.CAPTURED:
                await asyncio.sleep(0.02)
        assert await counter.money(order_id) == (PaymentState.CAPTURED, 0, total)
        ledger.close()
