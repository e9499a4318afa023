"""Link as OpenAPI 3.1, for whoever writes a marketplace's side: made from the operations and the wire structs."""

from collections.abc import Iterator
from typing import Final

from heard import __version__
from heard.domain.endpoints import EndpointEvent
from heard.domain.menu.model import Availability, ProductType
from heard.domain.order.content import FulfillmentType, PaymentMethod
from heard.domain.order.events import EventKind
from heard.domain.order.model import ReasonCode
from heard.domain.stores import StoreEvent
from heard.protocols.link import wire
from heard.protocols.link.operations import OPERATIONS, Operation
from heard.protocols.link.status import endpoint_event_type, event_type, store_event_type
from heard.protocols.openapi import About, Described, Header, Json, document
from heard.protocols.statuses import PUBLIC_STATUSES

_DESCRIPTION = """\
The calls that a marketplace makes to the hub. Bodies and rules are told in docs/reference/wire.md, section 2. Amounts
are whole cents, times ISO 8601 with Z or an offset. null counts as absent where a member may be left out, and members
that are not named are ignored."""

_STATUSES: Final = list(PUBLIC_STATUSES)
_WORDS: Final = {
    ("OrderAccepted", "status"): _STATUSES,
    ("OrderView", "status"): _STATUSES,
    ("OrderView", "reason_code"): [one.value for one in ReasonCode],
    ("Fulfillment", "type"): [one.value for one in FulfillmentType],
    ("Payment", "method"): [one.value for one in PaymentMethod],
    ("TokenForm", "grant_type"): ["client_credentials"],
    ("TokenAnswer", "token_type"): ["Bearer"],
    ("Event", "type"): [event_type(one) for one in EventKind],
    ("EventData", "status"): _STATUSES,
    ("EventData", "reason_code"): [one.value for one in ReasonCode],
    ("StoreEvent", "type"): [store_event_type(one) for one in StoreEvent],
    ("EndpointEvent", "type"): [endpoint_event_type(one) for one in EndpointEvent],
    ("CancelOrder", "reason_code"): [one.value for one in ReasonCode],
    ("CancelAnswer", "status"): _STATUSES,
    ("PauseView", "by"): ["hub", "store", "channel", "you"],
    ("MenuItem", "state"): [one.value for one in Availability],
    ("MenuModifier", "state"): [one.value for one in Availability],
    ("MenuItem", "item_type"): [one.value for one in ProductType],
    ("OAuthError", "error"): ["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type"],
}
_TIMES: Final = frozenset({"placed_at", "requested_at", "accept_by", "received_at", "ready_at", "timestamp"}) | {
    "since",
    "until",
    "published_at",
}
_SCOPES: Final = {
    "orders": "Send orders, read and cancel them",
    "menus": "Read the menus of the stores one is connected to",
    "stores": "Read these stores, pause and resume them",
    "events": "Read the feed of events",
}
_OAUTH: Final = "clientCredentials"
_BASIC: Final = "clientBasic"
_SECURITY: Final[dict[str, Json]] = {
    _OAUTH: {
        "type": "oauth2",
        "description": "Client credentials (RFC 6749, section 4.4); the token as Bearer on every call.",
        "flows": {"clientCredentials": {"tokenUrl": "/link/v2/oauth/token", "scopes": _SCOPES}},
    },
    _BASIC: {"type": "http", "scheme": "basic", "description": "Client id and secret; or both in the form."},
}
_SIGNED: Final = (
    Header("webhook-id", "The event's id, the same however often it is sent", required=True),
    Header("webhook-timestamp", "When this delivery was signed, in Unix seconds", required=True, pattern="^[0-9]+$"),
    Header("webhook-signature", "v1, and base64 of HMAC-SHA256 over id.timestamp.body; one or more", required=True),
)
_WEBHOOKS: Final = tuple(
    Described(
        name=name,
        method="POST",
        path="",
        summary=summary,
        request=request,
        response=None,
        answers={204: ()},
        headers=_SIGNED,
        ours=False,
        security=({},),
    )
    for name, summary, request in (
        ("order_event", "Something became of an order; any 2xx within 10 s acknowledges", wire.Event),
        ("store_event", "A store was connected, paused, or has another menu ...", wire.StoreEvent),
        ("endpoint_event", "Another webhook endpoint of the same marketplace was disabled", wire.EndpointEvent),
    )
)


def link_document() -> Json:
    """The hub's side."""
    about = About(
        title="Link, the hub's side",
        version=__version__,
        description=_DESCRIPTION,
        security=_SECURITY,
        words=_WORDS,
        times=_TIMES,
    )
    return document(about, [_described(call) for call in OPERATIONS], _WEBHOOKS)


def _described(call: Operation) -> Described:
    return Described(
        name=call.name,
        method=call.method,
        path=call.path,
        summary=call.summary,
        request=call.request,
        response=call.response,
        answers={status: tuple(_answer_headers(call, status)) for status in call.success},
        headers=(Header("if-none-match", "The ETag of what the caller has"),) if 304 in call.success else (),
        queries=call.queries,
        refusals=call.refusals,
        form=call.form,
        minds_body=call.body_bytes_max > 0,
        faults={} if call.form is None else {400: wire.OAuthError, 401: wire.OAuthError},
        security=({_BASIC: []}, {}) if call.scope is None else ({_OAUTH: [call.scope]},),
    )


def _answer_headers(call: Operation, status: int) -> Iterator[Header]:
    if call.name == "create_order" and status in (200, 201):
        yield Header("location", "Where the order can be read", required=True)
    if 304 in call.success:
        yield Header("etag", "Names this version; asked with if-none-match")
