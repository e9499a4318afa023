"""A marketplace cancels one of its orders: at once, when the outcome at the POS is known, or too late."""

import time
from datetime import datetime

from heard.domain.ids import OrderId
from heard.domain.order.by_hand import allowed_to_channel
from heard.domain.order.model import Order, Status
from heard.domain.refusals import Code, Refused
from heard.engine.change_order import change_order
from heard.engine.hub import Client, Hub
from heard.net import tracing
from heard.protocols.link.decode import decode_cancel
from heard.protocols.statuses import public_status
from heard.storage import orders
from heard.storage.rows import Exchange, OrderRef

_PATH = "/link/v2/orders/{order_id}/cancel"


async def cancel_order(hub: Hub, client: Client, order_id: OrderId, raw: bytes) -> Order:
    """Cancel an order of the client's; the order as it stands then: cancelled, or to be.

    A repeat, and a cancel that comes too late, change nothing and are recorded. Raises Refused: unknown_order, also for
    another marketplace's order; illegal_transition for one that is ready or has ended otherwise.
    """
    begun = time.perf_counter()
    command = decode_cancel(raw)
    async with hub.connection() as connection:
        order = await orders.read(connection, OrderRef(client.organization_id, order_id))
    if order is None or order.marketplace_id != client.marketplace_id:
        raise Refused(Code.UNKNOWN_ORDER, f"There is no order {order_id!r} of yours.")
    store = await hub.store(order.venue_id)
    assert store is not None  # an order's store is never deleted

    request_id = tracing.request_id()  # the change is written for many, by a task of nobody's

    def asked(after: Order, at: datetime) -> Exchange:
        ms = (time.perf_counter() - begun) * 1000
        path = _PATH.format(order_id=order_id)
        return Exchange(at, "in", "channel", "POST", path, cancel_status(after), ms, request_id=request_id)

    after = (await change_order(hub, store, order_id, [command], record=asked, announce=True)).order
    if cancel_status(after) == 409:
        current = public_status(after.status)
        text = f"The order is {current}: it can be cancelled only until it is READY, and not once it has ended."
        raise Refused(Code.ILLEGAL_TRANSITION, text, current=current, allowed=allowed_to_channel(after))
    return after


def cancel_status(order: Order) -> int:
    """200: it is cancelled, now or before. 202: it will be, once its POS has said what became of it. 409: too late."""
    if order.status is Status.CANCELLED:
        return 200
    return 202 if order.cancel_wanted is not None else 409
