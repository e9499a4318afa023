"""An order of the Ordering API as its application reads it back: where it stands, what was asked for, what it costs."""

from dataclasses import dataclass

from heard.domain.ids import OrderId
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.protocols.link.decode import decode_content
from heard.protocols.ordering.asked import AskedOrder
from heard.protocols.ordering.decode import decode_new_order
from heard.storage import orders
from heard.storage.rows import OrderRef


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """`proof` is its arithmetic, as it was kept."""

    order: Order
    content: OrderContent
    asked: AskedOrder
    proof: bytes


async def read_placed(hub: Hub, caller: Caller, order_id: OrderId) -> PlacedOrder:
    """One of the application's orders. Raises Refused(unknown_order), also for another channel's order."""
    ref = OrderRef(caller.client.organization_id, order_id)
    async with hub.connection() as connection:
        order = await orders.read(connection, ref)
        kept = await orders.read_placed(connection, ref) if order is not None else None
    if order is None or kept is None or order.marketplace_id != caller.application_id:
        raise Refused(Code.UNKNOWN_ORDER, "There is no such order of yours.")
    content, raw, proof = kept
    return PlacedOrder(order, decode_content(content), decode_new_order(raw), proof)
