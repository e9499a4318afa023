"""Link's handlers for orders."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.ids import ExternalOrderId, OrderId
from heard.domain.refusals import FieldError
from heard.engine.accept_order import accept_order
from heard.engine.cancel_order import cancel_order, cancel_status
from heard.engine.hub import Client, Hub
from heard.engine.read_order import find_order, read_order
from heard.http.link.gate import LinkHandler
from heard.http.queries import once
from heard.net.bodies import read_json_body
from heard.protocols.link import encode
from heard.protocols.strict_json import invalid_body

_JSON = "application/json"


def handlers(hub: Hub) -> dict[str, LinkHandler]:
    """Every handler by the name of its operation."""

    async def create(request: Request, client: Client) -> Response:
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        accepted = await accept_order(hub, client, raw)
        headers = {"location": f"/link/v2/orders/{accepted.order.order_id}"}
        status = 201 if accepted.created else 200
        return Response(encode.encode_accepted(accepted.order), status, headers, _JSON)

    async def read(request: Request, client: Client) -> Response:
        found = await read_order(hub, client, OrderId(request.path_params["order_id"]))
        return Response(encode.encode_order(*found), 200, media_type=_JSON)

    async def find(request: Request, client: Client) -> Response:
        number = once(request, "external_order_id")
        if not number:
            raise invalid_body(FieldError("external_order_id", "missing", "name it in the query"))
        found = await find_order(hub, client, ExternalOrderId(number))
        return Response(encode.encode_order_list([found] if found else []), 200, media_type=_JSON)

    async def cancel(request: Request, client: Client) -> Response:
        raw = await read_json_body(request, limits.SMALL_BODY_BYTES_MAX)
        order = await cancel_order(hub, client, OrderId(request.path_params["order_id"]), raw)
        return Response(encode.encode_cancelled(order), cancel_status(order), media_type=_JSON)

    return {"create_order": create, "read_order": read, "find_orders": find, "cancel_order": cancel}
