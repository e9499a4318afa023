"""The gate of the Ordering API: which application calls, with which token. What a call needs stands in the table."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from heard.engine.hub import Hub
from heard.engine.ordering_access import Caller, let_in
from heard.http.ordering.envelope import check_version
from heard.net.answering import Handler
from heard.protocols.ordering.auth import stated_token
from heard.protocols.ordering.operations import Operation, Token

OrderingHandler = Callable[[Request, Caller], Awaitable[Response]]


def guarded(hub: Hub, operation: Operation, handler: OrderingHandler) -> Handler:
    """The handler behind the gate: it sees who asks, and nothing of a request that may not."""

    async def handle(request: Request) -> Response:
        check_version(request)
        headers = request.headers
        token = stated_token(headers.get("x-api-authorization"), headers.get("authorization"))
        caller = await let_in(hub, headers.get("application"), token)
        if operation.token is Token.NEEDED and operation.scope is not None:
            caller.require(operation.scope, "This call")
        return await handler(request, caller)

    return handle
