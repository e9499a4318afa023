"""The Ordering API's handler for access tokens."""

from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.engine.ordering_access import find_application, issue_token
from heard.http.ordering.envelope import JSON, check_version
from heard.net.answering import Handler
from heard.net.bodies import media_type_of, read_body, read_json_body
from heard.protocols.credentials import FORM, OAuthRefused
from heard.protocols.ordering import tokens
from heard.protocols.ordering.auth import SCOPES
from heard.protocols.ordering.encode import encode_token

_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_WHY = {
    Code.INVALID_REQUEST: "Send grant_type=client_credentials once, and scope, as a form or as JSON.",
    Code.UNSUPPORTED_GRANT_TYPE: "The grant_type must be client_credentials.",
    Code.INVALID_SCOPE: f"The scope must be one or more of {', '.join(SCOPES)} that the client may have.",
    Code.INVALID_CLIENT: "Send this application's own client id and secret as Basic, in the header Authorization.",
}


def handlers(hub: Hub) -> dict[str, Handler]:
    """Every handler by the name of its operation."""

    async def create(request: Request) -> Response:
        check_version(request)
        application = await find_application(hub, request.headers.get("application"))
        media_type, most = media_type_of(request), limits.TOKEN_FORM_BYTES_MAX
        if media_type == FORM:
            raw = await read_body(request, most)
        elif media_type == tokens.JSON:
            raw = await read_json_body(request, most)
        else:
            text = f"Send {FORM} or {tokens.JSON}, not {media_type[:80] or 'nothing'}."
            raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, text)
        try:
            asked = tokens.decode_token_request(media_type, request.headers.get("authorization"), raw)
            token, scopes = await issue_token(hub, application, asked)
        except OAuthRefused as refused:
            code = Code(refused.error)
            raise Refused(code, _WHY[code]) from None
        return Response(encode_token(token, limits.ORDERING_TOKEN_TTL_S, scopes), 200, _NO_STORE, JSON)

    return {"create_token": create}
