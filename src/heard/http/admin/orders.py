"""The admin API's handlers for orders."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from heard.domain.ids import OrderId, VenueId
from heard.domain.order import commands as c
from heard.domain.order.lifecycle import DEADLINE_RUNS
from heard.domain.order.model import Order, Status
from heard.domain.refusals import FieldError
from heard.engine import oversee
from heard.engine.act_on_order import act_on_order
from heard.engine.hub import Hub
from heard.engine.try_order import try_order
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, encode_orders, wire, wire_orders
from heard.protocols.strict_json import invalid_body
from heard.storage.order_pages import Wanted


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        query, count = asked.query, decode.page_size(asked.query)
        wanted = Wanted(
            _statuses(decode.optional_word(query, "status", Status), decode.flag(query, "open")),
            decode.flag(query, "attention"),
            query.get("venue_id"),
            query.get("marketplace_id"),
            query.get("external_order_id"),
        )
        found = await oversee.orders_page(hub, asked.organization_id, wanted, count, query.get("after"))
        last = found[-1].order_id if len(found) == count else None
        return answer(wire.OrderPage(orders=[encode.order_view(order) for order in found], next=last))

    async def read(asked: Asked) -> Response:
        found = await oversee.whole_order(hub, asked.organization_id, OrderId(asked.path["order_id"]))
        return answer(_whole(found))

    async def act(asked: Asked, command: c.StaffCommand) -> Order:
        changed = await act_on_order(
            hub,
            OrderId(asked.path["order_id"]),
            command,
            version=asked.body.version if asked.body is not None else decode.seen_version(asked.query),
            organization_id=asked.organization_id,
            acting=asked.holder.acting,
        )
        return changed.order

    def acts(command_of: Callable[[Any], c.StaffCommand]) -> AdminHandler:
        """Staff's act on an order, read from the body; answered with the order as it is then."""

        async def handle(asked: Asked) -> Response:
            return answer(encode.order_view(await act(asked, command_of(asked.body))))

        return handle

    async def eta(asked: Asked) -> Response:
        return answer(encode.order_view(await act(asked, decode.decode_eta(asked.body, await hub.now()))))

    async def cancel(asked: Asked) -> Response:
        order = await act(asked, decode.decode_cancel(asked.body))
        cancelling = order.status is not Status.CANCELLED
        body = wire.OrderCancelled(order=encode.order_view(order), cancelling=cancelling)
        return answer(body, 202 if cancelling else 200)

    return {
        "list_orders": list_,
        "read_order": read,
        "accept_order": acts(decode.decode_accept),
        "reject_order": acts(decode.decode_reject),
        "start_order": acts(lambda _: c.StartOrder()),
        "move_eta": eta,
        "finish_order": acts(lambda _: c.FinishOrder()),
        "complete_order": acts(lambda _: c.CompleteOrder()),
        "resolve_order": acts(lambda body: c.ResolveAttention(body.note)),
        "cancel_order": cancel,
        "retry_order": acts(lambda _: c.Unpark(c.STAFF)),
        "try_order": _trying(hub),
    }


def _trying(hub: Hub) -> AdminHandler:
    async def try_(asked: Asked) -> Response:
        """Answered with the status that the marketplace would see."""
        store = await oversee.store_of(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        tried = await try_order(hub, store, asked.body.marketplace, asked.body.body, asked.holder.acting)
        return answer(encode.order_view(tried.order), 201 if tried.created else 200)

    return try_


def _whole(found: oversee.WholeOrder) -> wire_orders.OrderDetail:
    return encode_orders.order_detail(
        found.order,
        allowed=found.allowed,
        content=found.content,
        price_differences=found.price_differences,
        history=found.history,
        exchanges=found.exchanges,
        proof=found.proof,
        events=found.events,
        planned=found.planned,
        names=found.names,
    )


def _statuses(status: Status | None, is_open: bool) -> frozenset[Status]:
    """Where an order may stand. Raises Refused(invalid_body) for two filters of one thing."""
    if status is not None and is_open:
        raise invalid_body(FieldError("open", "contradiction", "give status or open, not both"))
    return frozenset({status}) if status is not None else DEADLINE_RUNS if is_open else frozenset()
