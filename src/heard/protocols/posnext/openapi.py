"""posnext as OpenAPI 3.1, for whoever writes the POS's side: made from the table of operations and the wire structs."""

from typing import Final

from heard import __version__
from heard.domain.menu.model import ProductType
from heard.domain.pos import ItemType, KitchenState, PosOrderType, PosStatus, RequestType
from heard.protocols.openapi import About, Described, Header, Json, document
from heard.protocols.posnext.auth import DIGEST_HEADER
from heard.protocols.posnext.operations import CALLBACK, OPERATIONS, SUBMIT, Host, Operation, Signed
from heard.protocols.posnext.status import CANCEL_ORDER, Schedule, kitchen_word, status_word

_DESCRIPTION = """\
The calls that a hub makes to a POS, and the callback that the POS may make to the hub. Bodies, tokens and signatures
are told in docs/reference/wire.md, section 1. Amounts of an order and its answer are whole cents or decimals, as the
store is set up; a menu's prices are decimals. null counts as absent, and members that are not named are ignored."""

_HEX: Final = "^[0-9a-fA-F]{64}$"
_ITEM_TYPES = [one.value for one in ItemType]
_WORDS: Final = {
    ("OrderRequest", "request_type"): [one.value for one in RequestType],
    ("OrderRequest", "schedule_type"): [one.value for one in Schedule],
    ("CancelRequest", "request_type"): [CANCEL_ORDER],
    ("OrderDetails", "order_type"): [one.value for one in PosOrderType],
    ("Item", "item_type"): _ITEM_TYPES,
    ("OrderAnswer", "status"): [status_word(one) for one in PosStatus],
    ("OrderAnswer", "fulfillment_status"): [kitchen_word(one) for one in KitchenState],
    ("Product", "item_type"): [one.value for one in ProductType],
}
_TIMES: Final = frozenset({"request_datetime", "received_at", "completed_at", "requested_at", "estimated_ready_at"})
_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "HS256 with the whole SharedId; exp is required, sub is the organization (wire.md 1.1).",
}
_SIGNED_REQUESTS = frozenset({Signed.REQUEST, Signed.BOTH})
_SIGNED_RESPONSES = frozenset({Signed.RESPONSE, Signed.BOTH, Signed.RESPONSE_IN_BODY_SCHEME})


def posnext_document() -> Json:
    """The POS's side; the callback hangs on the submit that asks for it."""
    about = About(
        title="posnext, the POS's side",
        version=__version__,
        description=_DESCRIPTION,
        security={"sharedIdToken": _TOKEN},
        words=_WORDS,
        times=_TIMES,
    )
    return document(about, [_described(call) for call in OPERATIONS if call.host is Host.POS])


def _described(call: Operation) -> Described:
    calls_back = (("ticket", "{$request.body#/callback_url}", _described(CALLBACK)),) if call is SUBMIT else ()
    return Described(
        name=call.name,
        method=call.method,
        path=call.path,
        summary=call.summary,
        request=call.request,
        response=call.response,
        answers={status: tuple(_answer_headers(call, status)) for status in call.success},
        headers=tuple(_request_headers(call)),
        aliases=call.aliases,
        calls_back=calls_back,
    )


def _request_headers(call: Operation) -> list[Header]:
    headers = []
    if call.signed in _SIGNED_REQUESTS:
        headers.append(Header(DIGEST_HEADER, "HMAC-SHA256 in hex (wire.md 1.2)", required=True, pattern=_HEX))
    if 304 in call.success:
        headers.append(Header("if-none-match", "The ETag of what the hub has"))
    return headers


def _answer_headers(call: Operation, status: int) -> list[Header]:
    headers = []
    if call.signed in _SIGNED_RESPONSES and status != 304:
        only_bodies = call.signed is Signed.RESPONSE_IN_BODY_SCHEME
        text = "HMAC-SHA256 in hex (wire.md 1.2)" + (", where bodies are signed" if only_bodies else "")
        headers.append(Header(DIGEST_HEADER, text, required=not only_bodies, pattern=_HEX))
    if status == 202:
        headers.append(Header("location", "Where the status can be read"))
    if 304 in call.success:
        headers.append(Header("etag", "Names this version; asked with if-none-match"))
    return headers
