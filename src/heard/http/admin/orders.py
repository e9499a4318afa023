"""The admin API's handlers for orders."""

from starlette.responses import Response

from heard.domain.ids import OrderId
from heard.domain.order.model import Status
from heard.engine import oversee
from heard.engine.hub import Hub
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire
from heard.storage.order_pages import Wanted


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        query, count = asked.query, decode.page_size(asked.query)
        wanted = Wanted(
            decode.optional_status(query),
            decode.flag(query, "attention"),
            query.get("venue_id"),
            query.get("marketplace_id"),
            query.get("external_order_id"),
        )
        found = await oversee.orders_page(hub, asked.organization_id, wanted, count, query.get("after"))
        last = found[-1].order_id if len(found) == count else None
        return answer(wire.OrderPage(orders=[encode.order_view(order) for order in found], next=last))

    async def read(asked: Asked) -> Response:
        order_id = OrderId(asked.path["order_id"])
        return answer(encode.order_detail(*await oversee.order_with_history(hub, asked.organization_id, order_id)))

    async def cancel(asked: Asked) -> Response:
        reason_code, note = decode.decode_cancel(asked.body)
        order_id = OrderId(asked.path["order_id"])
        order = await oversee.cancel_for_staff(hub, asked.organization_id, order_id, reason_code, note)
        cancelling = order.status is not Status.CANCELLED
        body = wire.OrderCancelled(order=encode.order_view(order), cancelling=cancelling)
        return answer(body, 202 if cancelling else 200)

    async def retry(asked: Asked) -> Response:
        order = await oversee.retry_for_staff(hub, asked.organization_id, OrderId(asked.path["order_id"]))
        return answer(encode.order_view(order))

    return {"list_orders": list_, "read_order": read, "cancel_order": cancel, "retry_order": retry}
