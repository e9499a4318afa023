"""The gate of Link: whose token it is, and whether it may. What a call needs stands in the table of operations."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from heard.engine.hub import Client, Hub
from heard.engine.link_tokens import authenticate
from heard.net.answering import Handler

LinkHandler = Callable[[Request, Client], Awaitable[Response]]


def guarded(hub: Hub, scope: str, handler: LinkHandler) -> Handler:
    """The handler behind the gate: it sees who asks, and nothing of a request that may not."""

    async def handle(request: Request) -> Response:
        return await handler(request, await authenticate(hub, request.headers.get("authorization"), scope))

    return handle
