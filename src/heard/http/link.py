"""Link's routes: one handler an operation, named as in protocols/link/operations.py."""

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.domain.ids import ExternalOrderId, OrderId
from heard.domain.refusals import FieldError
from heard.engine.accept_order import accept_order
from heard.engine.hub import Hub
from heard.engine.link_tokens import authenticate, issue_token
from heard.engine.read_order import find_order, read_order
from heard.net.answering import Handler, answered
from heard.net.bodies import read_body, read_json_body
from heard.protocols.link import encode
from heard.protocols.link.auth import OAuthRefused
from heard.protocols.link.forms import decode_token_form
from heard.protocols.link.operations import OPERATIONS
from heard.protocols.strict_json import invalid_body

log = structlog.get_logger()

_JSON = "application/json"


class LinkHandlers:
    """What each operation does. Every operation of the table has its method here, and none more."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def token(self, request: Request) -> Response:
        raw = await read_body(request, limits.TOKEN_FORM_BYTES_MAX)
        no_store = {"cache-control": "no-store", "pragma": "no-cache"}
        try:
            asked = decode_token_form(request.headers.get("content-type"), request.headers.get("authorization"), raw)
            token, scopes = await issue_token(self._hub, asked)
        except OAuthRefused as refused:
            log.info("token refused", error=refused.error)
            status = 401 if refused.error == "invalid_client" else 400
            headers = {**no_store, "www-authenticate": "Basic"} if status == 401 else no_store
            return Response(encode.encode_oauth_error(refused), status, headers, _JSON)
        return Response(encode.encode_token(token, limits.TOKEN_TTL_S, scopes), 200, no_store, _JSON)

    async def create_order(self, request: Request) -> Response:
        client = await authenticate(self._hub, request.headers.get("authorization"), "orders")
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        accepted = await accept_order(self._hub, client, raw)
        headers = {"location": f"/link/v2/orders/{accepted.order.order_id}"}
        status = 201 if accepted.created else 200
        return Response(encode.encode_accepted(accepted.order), status, headers, _JSON)

    async def read_order(self, request: Request) -> Response:
        client = await authenticate(self._hub, request.headers.get("authorization"), "orders")
        order, content = await read_order(self._hub, client, OrderId(request.path_params["order_id"]))
        return Response(encode.encode_order(order, content), 200, media_type=_JSON)

    async def find_orders(self, request: Request) -> Response:
        client = await authenticate(self._hub, request.headers.get("authorization"), "orders")
        number = request.query_params.get("external_order_id")
        if not number:
            raise invalid_body(FieldError("external_order_id", "missing", "name it in the query"))
        found = await find_order(self._hub, client, ExternalOrderId(number))
        return Response(encode.encode_order_list([found] if found else []), 200, media_type=_JSON)


def routes(hub: Hub) -> list[Route]:
    """The routes of the operations table."""
    handlers = LinkHandlers(hub)
    return [
        Route(operation.path, answered(_handler(handlers, operation.name)), methods=[operation.method])
        for operation in OPERATIONS
    ]


def _handler(handlers: LinkHandlers, name: str) -> Handler:
    handler: Handler = getattr(handlers, name)
    return handler
