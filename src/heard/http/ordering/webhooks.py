"""The Ordering API's handlers for webhooks: an application's own endpoints, and nobody else's."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.ids import id_from_uuid
from heard.domain.refusals import FieldError
from heard.engine import webhook_endpoints
from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller
from heard.http.ordering.envelope import JSON
from heard.http.ordering.gate import OrderingHandler
from heard.http.queries import once
from heard.net.bodies import read_json_body
from heard.protocols.bodies import page_size
from heard.protocols.ordering import decode, encode
from heard.protocols.strict_json import invalid_body


def handlers(hub: Hub) -> dict[str, OrderingHandler]:
    """Every handler by the name of its operation."""

    async def create(request: Request, caller: Caller) -> Response:
        url = decode.decode_webhook(await read_json_body(request, limits.SMALL_BODY_BYTES_MAX))
        made = await webhook_endpoints.add_own_endpoint(hub, caller.client, url)
        body = encode.encode_webhook_made(made.endpoint_id, url, made.secret)
        return Response(body, 201, {"cache-control": "no-store"}, JSON)

    async def list_(request: Request, caller: Caller) -> Response:
        count = page_size(once(request, "limit"), limits.PAGE_USUAL, limits.PAGE_MAX)
        rows = await webhook_endpoints.own_endpoints(hub, caller.client, count, _after(request))
        return Response(encode.encode_webhooks(rows, more=len(rows) == count), 200, media_type=JSON)

    async def delete(request: Request, caller: Caller) -> Response:
        endpoint_id = decode.endpoint_id_of(request.path_params["webhook_id"])
        gone = await webhook_endpoints.remove_own_endpoint(hub, caller.client, endpoint_id)
        return Response(encode.encode_webhook_gone(gone.endpoint_id, gone.url), 200, media_type=JSON)

    return {"create_webhook": create, "list_webhooks": list_, "delete_webhook": delete}


def _after(request: Request) -> str:
    """The last endpoint of the page before. Raises Refused(invalid_body)."""
    stated = once(request, "after")
    found = "" if stated is None else id_from_uuid("whk", stated)
    if found is None:
        raise invalid_body(FieldError("after", "not_a_uuid", "give the `next` of the page before"))
    return found
