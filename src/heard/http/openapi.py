"""What the hub serves, told as OpenAPI 3.1 to whoever asks: no token is needed to read it."""

import json
from collections.abc import Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard.http.handlers import answered
from heard.http.ordering import is_below
from heard.http.ordering.envelope import answered as answered_in_envelope
from heard.protocols.admin.openapi import admin_document
from heard.protocols.link.openapi import link_document
from heard.protocols.openapi import Json
from heard.protocols.ordering.openapi import ordering_document

_DOCUMENTS: dict[str, Callable[[], Json]] = {
    "/link/v2/openapi.json": link_document,
    "/api/openapi.json": ordering_document,
    "/admin/v1/openapi.json": admin_document,
}


def routes() -> list[Route]:
    return [
        Route(path, (answered_in_envelope if is_below(path) else answered)(_tell, route=path), methods=["GET"])
        for path in _DOCUMENTS
    ]


async def _tell(request: Request) -> Response:
    return Response(_encoded(request.scope["path"]), 200, media_type="application/json")


@cache
def _encoded(path: str) -> bytes:
    return json.dumps(_DOCUMENTS[path](), ensure_ascii=False).encode()
