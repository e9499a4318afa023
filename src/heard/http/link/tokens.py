"""Link's handlers for access tokens: given out, and ended before their time."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.engine.hub import Hub
from heard.engine.link_tokens import issue_token, revoke_token
from heard.net.answering import Handler
from heard.net.bodies import read_body
from heard.protocols.credentials import OAuthRefused
from heard.protocols.link import encode
from heard.protocols.link.forms import decode_revoke_form, decode_token_form

log = structlog.get_logger()

_JSON = "application/json"
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler by the name of its operation."""

    async def token(request: Request) -> Response:
        raw = await read_body(request, limits.TOKEN_FORM_BYTES_MAX)
        try:
            asked = decode_token_form(request.headers.get("content-type"), request.headers.get("authorization"), raw)
            token, scopes = await issue_token(hub, asked)
        except OAuthRefused as refused:
            return _refused(refused)
        return Response(encode.encode_token(token, limits.TOKEN_TTL_S, scopes), 200, _NO_STORE, _JSON)

    async def revoke(request: Request) -> Response:
        raw = await read_body(request, limits.TOKEN_FORM_BYTES_MAX)
        try:
            asked = decode_revoke_form(request.headers.get("content-type"), request.headers.get("authorization"), raw)
            await revoke_token(hub, asked)
        except OAuthRefused as refused:
            return _refused(refused)
        return Response(b"", 200, _NO_STORE)

    return {"token": token, "revoke_token": revoke}


def _refused(refused: OAuthRefused) -> Response:
    """A no in RFC 6749's words, with the challenge that its section 5.2 asks for."""
    log.info("token refused", error=refused.error)
    status = 401 if refused.error == "invalid_client" else 400
    headers = {**_NO_STORE, "www-authenticate": 'Basic realm="link"'} if status == 401 else _NO_STORE
    return Response(encode.encode_oauth_error(refused), status, headers, _JSON)
