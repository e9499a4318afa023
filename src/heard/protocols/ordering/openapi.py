"""The Ordering API as OpenAPI 3.1, for whoever writes an application: made from the operations and the wire structs."""

from typing import Final

from heard import __version__
from heard.protocols.openapi import About, Described, Header, Json, document
from heard.protocols.ordering import wire_answers
from heard.protocols.ordering.auth import ORDER, WEBHOOKS
from heard.protocols.ordering.operations import OPERATIONS, Operation, Token

_DESCRIPTION = """\
The calls that an application makes to the hub. Bodies and rules are told in docs/reference/wire.md, section 3. Amounts
are whole cents of any currency, ids of ours are UUIDs. null counts as absent where a member may be left out, and
members that are not named are ignored. Every answer stands in an envelope: `status`, `code`, and `data` or `error`."""

_WORDS: Final = {
    ("TokenForm", "grant_type"): ["client_credentials"],
    ("OAuthToken", "token_type"): ["bearer"],
    ("Refusal", "status"): ["ERROR"],
}
_TIMES: Final = frozenset({"created_at"})
_SCOPES: Final = {
    ORDER: "Send external discounts, read whole orders",
    WEBHOOKS: "Say where one is told what becomes of orders",
}
_APPLICATION: Final = "application"
_OAUTH: Final = "clientCredentials"
_OWN_HEADER: Final = "accessToken"
_BASIC: Final = "clientBasic"
_SECURITY: Final[dict[str, Json]] = {
    _APPLICATION: {
        "type": "apiKey",
        "in": "header",
        "name": "Application",
        "description": "The application's key, on every call. It is public.",
    },
    _OWN_HEADER: {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Authorization",
        "description": "Bearer, and an access token of the application's own.",
    },
    _OAUTH: {
        "type": "oauth2",
        "description": "The same token in Authorization, where X-API-Authorization is not sent.",
        "flows": {"clientCredentials": {"tokenUrl": "/api/oauth/tokens", "scopes": _SCOPES}},
    },
    _BASIC: {"type": "http", "scheme": "basic", "description": "Client id and secret, for a token."},
}
_SENT: Final = (
    Header("x-request-id", "Repeated in the answer; without one the hub makes one"),
    Header("api-version", "Any from 4.0 to 5.x; repeated in the answer", pattern=r"^[45](\.[0-9]{1,4}){0,3}$"),
)


def ordering_document() -> Json:
    """The hub's side."""
    about = About(
        title="The Ordering API",
        version=__version__,
        description=_DESCRIPTION,
        security=_SECURITY,
        words=_WORDS,
        times=_TIMES,
    )
    return document(about, [_described(call) for call in OPERATIONS])


def _described(call: Operation) -> Described:
    conditional = (Header("if-none-match", "The ETag of what the caller has"),) if 304 in call.success else ()
    tagged = (Header("etag", "Names this version; asked with if-none-match"),) if 304 in call.success else ()
    of_a_form = (401, 415) if call.form is not None else ()
    return Described(
        name=call.name,
        method=call.method,
        path=call.path,
        summary=call.summary,
        request=call.request,
        response=call.response,
        answers=dict.fromkeys(call.success, tagged),
        headers=(*_SENT, *conditional),
        queries=call.queries,
        refusals=(400, *of_a_form, *call.refusals),  # 400: a version that is not spoken
        form=call.form,
        form_or_json=True,
        minds_body=call.body_bytes_max > 0,
        refusal=wire_answers.Refusal,
        security=_security(call),
    )


def _security(call: Operation) -> tuple[dict[str, list[str]], ...]:
    application: dict[str, list[str]] = {_APPLICATION: []}
    if call.form is not None:
        return (application | {_BASIC: []},)
    scopes = [call.scope] if call.scope else []
    with_token = (application | {_OWN_HEADER: scopes}, application | {_OAUTH: scopes})
    match call.token:
        case Token.NONE:
            return (application,)
        case Token.TAKEN:
            return (application, *with_token)
        case Token.NEEDED:
            return with_token
