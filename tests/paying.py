"""How tests put paid orders into a hub, below any wire: a payment that was begun, and the order that it pays for."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from builders import MARKETPLACE, ORGANIZATION, a_content
from heard.domain.ids import ExchangeId, ExternalOrderId, OrderId, SingularPointId, VenueId, paid_order_id, uuid_of
from heard.domain.money import Cents
from heard.domain.order.decide import Moment, receive
from heard.domain.order.model import Order
from heard.domain.payments import PaymentState, ProviderKind
from heard.engine.begin_payment import Begun, WantedPayment, begin_payment
from heard.engine.hub import ORDER_WORK, WORK_CHANNEL, Hub
from heard.engine.payment_provider import set_provider
from heard.protocols.link.encode import encode_content
from heard.storage import orders
from heard.storage.rows import Exchange
from lengths import patience

if TYPE_CHECKING:
    from parties import Town  # a program that only takes orders in need not import a whole town

POINT = SingularPointId("spt_01kk0000000000000000000001")
_LINE = 1149  # what the builders' one line comes to; the tip makes the total what a test wants
AT_REST = {PaymentState.CAPTURED, PaymentState.DECLINED, PaymentState.VOIDED, PaymentState.REFUNDED}
AT_REST |= {PaymentState.DROPPED, PaymentState.UNCAPTURED}
EVERYWHERE = "CRASH_EVERYWHERE"  # set: processes are killed at every await of every road, not of the most important


async def begun(town: "Town", amount: int, currency: str = "USD", method: str | None = None) -> Begun:
    hub = town.house.hub
    wanted = WantedPayment(
        ORGANIZATION,
        await hub.pool.fetchval("SELECT marketplace_id FROM marketplaces LIMIT 1") or MARKETPLACE,
        town.venue_id,
        POINT,
        Cents(amount),
        currency,
        payment_method=method,
    )
    return await begin_payment(hub, wanted)


async def use_test_provider(town: "Town") -> None:
    await set_provider(town.house.hub, ORGANIZATION, ProviderKind.TEST, None, None)


async def pay_and_order(town: "Town", amount: int, **payment: Any) -> OrderId:
    """A payment begun, and its order on disk with the payment due; the worker goes on from there."""
    begun_now = await begun(town, amount, **payment)
    return await take_in(town.house.hub, town.venue_id, begun_now, amount)


async def take_in(hub: Hub, venue_id: VenueId, payment: Begun, amount: int, number: str | None = None) -> OrderId:
    """Write the order of a payment down, as it is accepted; twice is once."""
    store = await hub.store(venue_id)
    assert store is not None
    order_id = paid_order_id(payment.payment_id)
    async with hub.connection() as connection:
        now = await connection.fetchval("SELECT business_now()")
        version = await connection.fetchval("SELECT version FROM menus ORDER BY version LIMIT 1")
        marketplace_id = await connection.fetchval("SELECT marketplace_id FROM marketplaces LIMIT 1")
        external = ExternalOrderId(number or uuid_of(order_id))
        content = a_content(external, tip=amount - _LINE, venue_id=venue_id, placed_at=datetime.now(UTC))
        order = Order(
            organization_id=ORGANIZATION,
            order_id=order_id,
            venue_id=venue_id,
            marketplace_id=marketplace_id,
            external_order_id=external,
            currency="USD",
            total=Cents(amount),
            received_at=now,
            accept_by=now + timedelta(seconds=store.rules.accept_within_s),
            payment=PaymentState.DUE,
        )
        row = orders.NewOrder(
            receive(order, Moment(now, hub.chance(), store.rules, store.connector)),
            b"digest",
            encode_content(content),
            b"{}",
            version,
            None,
            now,
            ExchangeId(hub.new_id("exc", now)),
            Exchange(now, "in", "channel", "POST", "/api/orders", 201, 1.0),
        )
        await orders.accept(connection, [row], (WORK_CHANNEL, ORDER_WORK))
    hub.wake(ORDER_WORK)
    return order_id


async def until_paid(town: "Town", order_id: OrderId, *states: PaymentState) -> Order:
    """Wait until the payment stands at one of these; without any, until nothing is to be done about it."""
    async with patience():
        while True:
            order = await town.order(order_id)
            if order.payment in (states or AT_REST):
                return order
            await asyncio.sleep(0.02)


async def books(town: "Town", order_id: OrderId) -> tuple[int, int, int]:
    """What the test provider holds for an order, what it took and what it gave back, in cents."""
    row = await town.house.hub.pool.fetchrow(
        "SELECT held, taken, given_back FROM test_charges WHERE charge_id = $1", order_id.replace("ord_", "test_")
    )
    return tuple(row) if row is not None else (0, 0, 0)
