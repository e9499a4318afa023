"""ONE table from public code to status, title and whether to try again; and refusals as RFC 9457 problems.

The Ordering API says the same in its own envelope (http/ordering/envelope.py).
"""

from dataclasses import dataclass

import msgspec

from heard.domain.refusals import Code, FieldError, Refused

_TABLE: dict[Code, tuple[int, str, bool]] = {
    Code.MALFORMED_REQUEST: (400, "It is no HTTP request", False),
    Code.MALFORMED_JSON: (400, "The body is not well-formed JSON", False),
    Code.UNSUPPORTED_VERSION: (400, "The version is not spoken here", False),
    Code.INVALID_REQUEST: (400, "It is no token request", False),
    Code.INVALID_SCOPE: (400, "The client may not have that scope", False),
    Code.UNSUPPORTED_GRANT_TYPE: (400, "There is no such grant", False),
    Code.INVALID_CLIENT: (401, "The client's credentials are not valid", False),
    Code.INVALID_TOKEN: (401, "The token is not valid", False),
    Code.INVALID_DIGEST: (401, "The digest is not valid", False),
    Code.UNKNOWN_APPLICATION: (401, "There is no such application", False),
    Code.TOKEN_REQUIRED: (401, "This needs an access token", False),
    Code.PAYMENT_DECLINED: (402, "The payment was declined", False),
    Code.INSUFFICIENT_SCOPE: (403, "The token does not allow this", False),
    Code.ORGANIZATION_MISMATCH: (403, "The organization is another one", False),
    Code.UNKNOWN_LOCATION: (404, "There is no such location", False),
    Code.UNKNOWN_ORDER: (404, "There is no such order", False),
    Code.UNKNOWN_VENUE: (404, "There is no such venue", False),
    Code.UNKNOWN_MARKETPLACE: (404, "There is no such marketplace", False),
    Code.UNKNOWN_ENDPOINT: (404, "There is no such webhook endpoint", False),
    Code.UNKNOWN_EVENT: (404, "There is no such event", False),
    Code.UNKNOWN_SINGULAR_POINT: (404, "There is no such singular point", False),
    Code.UNKNOWN_PAYMENT: (404, "There is no such payment", False),
    Code.NOT_FOUND: (404, "Nothing is served here", False),
    Code.METHOD_NOT_ALLOWED: (405, "The method is not served here", False),
    Code.TOO_SLOW: (408, "The request did not come to its end", True),
    Code.REQUEST_UID_REUSED: (409, "The request_uid was used for another request", False),
    Code.ORDER_CONFLICT: (409, "It contradicts what is there", False),
    Code.ILLEGAL_TRANSITION: (409, "The order's state does not allow this", False),
    Code.PRICE_CHANGED: (409, "A price has changed", False),
    Code.PAYMENT_REUSED: (409, "The payment was used for another order", False),
    Code.PAYMENT_EXPIRED: (409, "The payment was begun too long ago", False),
    Code.PAYMENT_AMOUNT_MISMATCH: (409, "The payment is of another amount", False),
    Code.POS_TOTALS_DIFFER: (409, "The POS computes other totals", False),
    Code.BODY_TOO_LARGE: (413, "The body is too large", False),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "The media type is not supported", False),
    Code.INVALID_BODY: (422, "The body does not say what is needed", False),
    Code.TOTALS_MISMATCH: (422, "The totals do not add up", False),
    Code.MENU_NOT_SYNCED: (422, "The store's menu is not known yet", True),
    Code.ITEM_UNAVAILABLE: (422, "An item cannot be had", False),
    Code.PRICE_MISMATCH: (422, "A price is not the menu's", False),
    Code.STORE_NOT_ACCEPTING: (422, "The store takes no orders now", True),
    Code.DISCOUNT_EXCEEDS_SUBTOTAL: (422, "The discount is more than the subtotal", False),
    Code.ORDER_TYPE_NOT_SERVED: (422, "The order type is not served there", False),
    Code.PICKUP_NOT_POSSIBLE: (422, "It cannot be picked up then", False),
    Code.PAYMENTS_NOT_SET_UP: (422, "No payment can be begun here", False),
    Code.POS_REFUSED: (422, "The POS refuses the order", False),
    Code.HEAD_TOO_LARGE: (431, "The path or the headers are too large", False),
    Code.RATE_LIMITED: (429, "Too many requests", True),
    Code.UNAVAILABLE: (503, "It cannot be served now", True),
    Code.POS_UNAVAILABLE: (503, "The POS does not answer", True),
    Code.INTERNAL: (500, "The server failed", True),
}
_SAYS_NO_MORE = {  # whoever cannot prove who they are learns nothing of why
    Code.INVALID_TOKEN: "The token is missing, wrong or expired.",
    Code.INVALID_DIGEST: "The digest is missing or wrong.",
}
_CHALLENGES = {
    Code.INVALID_TOKEN: "Bearer",
    Code.TOKEN_REQUIRED: "Bearer",
    Code.INVALID_CLIENT: 'Basic realm="ordering"',
}
_RETRY_AFTER_S = 5
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Told:
    """What of a refusal is told to whoever is refused, in whatever form."""

    status: int
    title: str
    retryable: bool
    detail: str
    errors: tuple[FieldError, ...]
    headers: dict[str, str]


class _Problem(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    errors: tuple[FieldError, ...]
    current: str | None = None
    allowed: tuple[str, ...] | None = None


def retryable(code: Code) -> bool:
    """Whether the same request may go better another time."""
    return _TABLE[code][2]


def problem(refused: Refused, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a refusal. `type` is stable: /problems/CODE (our reading)."""
    told = tell(refused)
    document = _Problem(
        type=f"/problems/{refused.code}",
        title=told.title,
        status=told.status,
        detail=told.detail,
        code=refused.code,
        retryable=told.retryable,
        request_id=request_id,
        errors=told.errors,
        current=refused.current,
        allowed=refused.allowed if refused.current is not None else None,
    )
    return told.status, {"content-type": "application/problem+json"} | told.headers, _encoder.encode(document)


def tell(refused: Refused) -> Told:
    """What is told of a refusal, and the headers that go with it."""
    status, title, retryable = _TABLE[refused.code]
    silent = _SAYS_NO_MORE.get(refused.code)
    headers = {}
    if refused.code in _CHALLENGES:
        headers["www-authenticate"] = _CHALLENGES[refused.code]
    if status in (429, 503) or refused.retry_after_s is not None:
        headers["retry-after"] = str(refused.retry_after_s or _RETRY_AFTER_S)
    return Told(status, title, retryable, silent or refused.detail, () if silent else refused.errors, headers)
