"""The Ordering API's handlers for carts and orders: what they cost, placed, read."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.ids import ExternalOrderId, OrderId, uuid_of
from heard.domain.order.content import Customer
from heard.domain.order.model import Order
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.engine.place_order import (
    Placed,
    Ready,
    check_order,
    content_of,
    content_of_cart,
    place_order,
    refuse_if_declined,
    wait_for_payment,
)
from heard.engine.quote_cart import Quote, quote_cart, with_pos
from heard.engine.read_placed import as_placed, read_placed
from heard.http.ordering import pos_prices
from heard.http.ordering.envelope import JSON
from heard.http.ordering.gate import OrderingHandler
from heard.net.bodies import read_json_body
from heard.net.call import Carrier
from heard.protocols.ordering import decode, encode_orders
from heard.protocols.ordering.encode_orders import PlacedOrder

_NOT_KEPT = {"cache-control": "no-store"}


def handlers(hub: Hub, carrier: Carrier) -> dict[str, OrderingHandler]:
    """Every handler by the name of its operation. `carrier`: the way to a store's POS, for its own prices."""

    async def calculate(request: Request, caller: Caller) -> Response:
        asked = decode.decode_calculate(await read_json_body(request, limits.BODY_BYTES_MAX))
        quote = await quote_cart(hub, caller, asked)
        if asked.accurate_tax:
            order = await _nobodys(hub, quote, caller)
            content = content_of_cart(quote, order, Customer())
            quote = with_pos(quote, await pos_prices.ask_pos(hub, carrier, quote, content, order))
        body = encode_orders.encode_calculation(
            quote.priced, tax_is_estimate=quote.tax_is_estimate, differences=quote.differing
        )
        return Response(body, 200, _NOT_KEPT, JSON)

    async def create(request: Request, caller: Caller) -> Response:
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        asked = decode.decode_new_order(raw)
        ready = await check_order(hub, caller, asked)
        agreed = ready if isinstance(ready, Placed) else await _agreed(ready, caller)
        placed = agreed if isinstance(agreed, Placed) else await place_order(hub, agreed, raw)
        order = await wait_for_payment(hub, placed.order)
        refuse_if_declined(order)
        if isinstance(agreed, Placed) or not placed.created:
            return answer(await read_placed(hub, caller, order.order_id), 200)
        return answer(as_placed(caller, order, asked, agreed.quote.priced), 201)

    async def _agreed(ready: Ready, caller: Caller) -> Ready:
        """With the POS's own numbers, where they are asked for.

        The question has ids of its own: those of the order are for what is sent to the POS once it is paid for.
        """
        if not ready.asked.cart.accurate_tax:
            return ready
        order = replace(await _nobodys(hub, ready.quote, caller), requested_at=ready.order.requested_at)
        content = content_of(ready.asked, ready.quote, order)
        computed = await pos_prices.ask_pos(hub, carrier, ready.quote, content, order)
        return ready.at(with_pos(ready.quote, computed))

    async def read(request: Request, caller: Caller) -> Response:
        order_id = decode.order_id_of(request.path_params["order_id"])
        return answer(await read_placed(hub, caller, order_id), 200)

    def answer(placed: PlacedOrder, status: int) -> Response:
        location = {"location": f"/api/orders/{uuid_of(placed.order.order_id)}"} if status == 201 else {}
        return Response(encode_orders.encode_order(placed, status), status, {**_NOT_KEPT, **location}, JSON)

    return {"calculate_order": calculate, "create_order": create, "read_order": read}


async def _nobodys(hub: Hub, quote: Quote, caller: Caller) -> Order:
    """An order that nobody has placed, for a POS that is only asked what it would cost."""
    now = await hub.now()
    return Order(
        organization_id=quote.store.organization_id,
        order_id=OrderId(hub.new_id("ord", now)),
        venue_id=quote.store.venue_id,
        marketplace_id=caller.application_id,
        external_order_id=ExternalOrderId("quote"),
        currency=quote.store.currency,
        total=quote.totals.total,
        received_at=now,
        accept_by=pos_prices.accept_by(now),
        validate_at=now,
    )
