"""The Ordering API's handler for payments: one begins, and its hash is good for one order."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.refusals import FieldError
from heard.engine.begin_payment import WantedPayment, begin_payment
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.engine.quote_cart import find_place
from heard.http.ordering.envelope import JSON
from heard.http.ordering.gate import OrderingHandler
from heard.net.bodies import read_json_body
from heard.protocols.ordering import decode, encode_orders
from heard.protocols.strict_json import invalid_body


def handlers(hub: Hub) -> dict[str, OrderingHandler]:
    """Every handler by the name of its operation."""

    async def initialize(request: Request, caller: Caller) -> Response:
        asked = decode.decode_payment(await read_json_body(request, limits.SMALL_BODY_BYTES_MAX))
        store, point = await find_place(hub, caller.application_id, asked.singular_point_id)
        if asked.currency != store.currency:
            text = f"the store sells in {store.currency}"
            raise invalid_body(FieldError("$.currency", "other_currency", text))
        payment = WantedPayment(
            organization_id=store.organization_id,
            marketplace_id=caller.application_id,
            venue_id=store.venue_id,
            singular_point_id=point.singular_point_id,
            amount=asked.amount,
            currency=asked.currency,
            menu_version=store.menu_version,
            payment_method=asked.payment_method,
        )
        begun = await begin_payment(hub, payment)
        body = encode_orders.encode_payment(
            begun.hash, asked.singular_point_id, asked.amount, asked.currency, begun.expires_at
        )
        return Response(body, 201, {"cache-control": "no-store"}, JSON)

    return {"initialize_payment": initialize}
