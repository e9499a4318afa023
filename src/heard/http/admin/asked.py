"""The gate of the admin API: who asks, whether the key may, what exactly is asked. A handler sees what came through."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from heard.domain.ids import OrganizationId
from heard.engine.admin_keys import authenticate_key
from heard.engine.hub import Hub, KeyHolder
from heard.net.answering import Handler
from heard.net.bodies import read_json_body
from heard.protocols.admin.decode import decode_query
from heard.protocols.admin.encode import encode
from heard.protocols.admin.operation import Operation
from heard.protocols.strict_json import read

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was let in. `body` is of the operation's `request`, None where it has none."""

    holder: KeyHolder
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    @property
    def organization_id(self) -> OrganizationId | None:
        """The key's own: nothing of another one is there for whoever asks. None: all there are."""
        return self.holder.organization_id


AdminHandler = Callable[[Asked], Awaitable[Response]]


def guarded(hub: Hub, operation: Operation[Any], handler: AdminHandler, known: KeyHolder | None = None) -> Handler:
    """The handler behind the gate. What changes something is logged with the key that did it.

    `known`: who asks, whatever the request says, where no stranger's request can come.
    """

    async def handle(request: Request) -> Response:
        holder = known or await authenticate_key(hub, request.headers.get("authorization"), operation.scope)
        query = decode_query(request.query_params.multi_items(), operation.queries)
        body: Any = None
        if operation.request is not None:
            body = read(await read_json_body(request, operation.body_bytes_max), operation.request)
        response = await handler(Asked(holder, request.path_params, query, body))
        if operation.method != "GET":
            log.info("changed by an operator", call=operation.name, key_id=holder.key_id, path=request.scope["path"])
        return response

    return handle


def answer(body: msgspec.Struct, status: int = 200, *, secret: bool = False) -> Response:
    """A good answer. One with a secret in it is kept by no cache on its way."""
    headers = {"cache-control": "no-store"} if secret else None
    return Response(encode(body), status, headers, "application/json")
