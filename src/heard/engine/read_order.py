"""Orders read: by their marketplace, by our id or by its own number; and what was ordered, by whoever works on one."""

from collections.abc import Sequence

from heard.domain.ids import ExternalOrderId, OrderId
from heard.domain.menu.index import PriceDifference
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.refusals import Code, Refused
from heard.engine.batching import Batcher
from heard.engine.hub import Client, Hub
from heard.protocols.link.decode import decode_content, decode_differences
from heard.storage import orders
from heard.storage.rows import OrderRef

OrderRead = tuple[Order, OrderContent, tuple[PriceDifference, ...]]


async def read_order(hub: Hub, client: Client, order_id: OrderId) -> OrderRead:
    """One of the client's orders. Raises Refused(unknown_order), also for another marketplace's order."""
    ref = OrderRef(client.organization_id, order_id)
    async with hub.connection() as connection:
        order = await orders.read(connection, ref)
        if order is None or order.marketplace_id != client.marketplace_id:
            raise Refused(Code.UNKNOWN_ORDER, f"There is no order {order_id!r} of yours.")
        content, differences, _ = await orders.read_body(connection, ref)
    return order, decode_content(content), decode_differences(differences)


async def find_order(hub: Hub, client: Client, external_order_id: ExternalOrderId) -> OrderRead | None:
    """The client's order with its own number, or None."""
    async with hub.connection() as connection:
        key = await orders.find_key(connection, client.organization_id, client.marketplace_id, external_order_id)
    return await read_order(hub, client, key.order_id) if key.order_id else None


async def read_content(hub: Hub, ref: OrderRef) -> tuple[OrderContent, str]:
    """What was ordered, and the version of the menu it was ordered from. Those who ask at once share a query."""
    known = hub.contents.get(ref.order_id)
    if known is not None:
        return known
    batcher: Batcher[OrderRef, tuple[bytes, str]] = hub.batcher(_read_contents, _itself)
    content, version = await batcher.ask(ref)
    return decode_content(content), version


async def _read_contents(hub: Hub, refs: Sequence[OrderRef]) -> list[tuple[bytes, str]]:
    async with hub.connection() as connection:
        found = await orders.read_contents(connection, refs)
    return [found[ref] for ref in refs]  # written with the order, in one statement


def _itself(ref: OrderRef) -> OrderRef:
    return ref
