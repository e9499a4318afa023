"""Link's handlers for access tokens."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.engine.hub import Hub
from heard.engine.link_tokens import issue_token
from heard.net.answering import Handler
from heard.net.bodies import read_body
from heard.protocols.link import encode
from heard.protocols.link.auth import OAuthRefused
from heard.protocols.link.forms import decode_token_form

log = structlog.get_logger()

_JSON = "application/json"


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler by the name of its operation."""

    async def token(request: Request) -> Response:
        raw = await read_body(request, limits.TOKEN_FORM_BYTES_MAX)
        no_store = {"cache-control": "no-store", "pragma": "no-cache"}
        try:
            asked = decode_token_form(request.headers.get("content-type"), request.headers.get("authorization"), raw)
            token, scopes = await issue_token(hub, asked)
        except OAuthRefused as refused:
            log.info("token refused", error=refused.error)
            status = 401 if refused.error == "invalid_client" else 400
            headers = {**no_store, "www-authenticate": "Basic"} if status == 401 else no_store
            return Response(encode.encode_oauth_error(refused), status, headers, _JSON)
        return Response(encode.encode_token(token, limits.TOKEN_TTL_S, scopes), 200, no_store, _JSON)

    return {"token": token}
