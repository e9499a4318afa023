"""An order of the Ordering API as its application reads it back: where it stands, what was asked for, what it costs."""

from heard.domain.ids import OrderId
from heard.domain.order.model import Order
from heard.domain.pricing.priced import Priced
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.protocols.ordering.asked import AskedOrder
from heard.protocols.ordering.auth import ORDER
from heard.protocols.ordering.decode import decode_new_order
from heard.protocols.ordering.encode_orders import PlacedOrder
from heard.protocols.ordering.status import public_payment
from heard.protocols.proofs import decode_proof
from heard.storage import orders
from heard.storage.rows import OrderRef


async def read_placed(hub: Hub, caller: Caller, order_id: OrderId) -> PlacedOrder:
    """One of the application's orders. Raises Refused(unknown_order), also for another channel's order."""
    ref = OrderRef(caller.client.organization_id, order_id)
    async with hub.connection() as connection:
        order = await orders.read(connection, ref)
        kept = await orders.read_placed(connection, ref) if order is not None else None
    if order is None or kept is None or order.marketplace_id != caller.application_id:
        raise Refused(Code.UNKNOWN_ORDER, "There is no such order of yours.")
    raw, proof = kept
    return as_placed(caller, order, decode_new_order(raw), decode_proof(proof).priced)


def as_placed(caller: Caller, order: Order, asked: AskedOrder, priced: Priced) -> PlacedOrder:
    """An order as its application reads it; who ordered it is told to a token with the scope `order` alone."""
    return PlacedOrder(
        order=order,
        priced=priced,
        singular_point_id=asked.cart.singular_point_id,
        order_type=asked.cart.order_type,
        requested_at=order.requested_at,
        payment_status=public_payment(order.payment),
        customer=asked.customer if ORDER in caller.client.scopes else None,
    )
