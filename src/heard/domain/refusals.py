"""Refusals: what we say no to from outside, each with a stable public code. Statuses are in net/problems.py.

A business no (a POS refuses an order) is a value in the order's history instead, and a bug is neither.
"""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The public, documented code of a refusal. Once published, a code keeps its meaning."""

    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_JSON = "malformed_json"
    UNSUPPORTED_VERSION = "unsupported_version"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_CLIENT = "invalid_client"
    INVALID_TOKEN = "invalid_token"  # noqa: S105
    INVALID_DIGEST = "invalid_digest"
    UNKNOWN_APPLICATION = "unknown_application"
    TOKEN_REQUIRED = "token_required"  # noqa: S105
    INSUFFICIENT_SCOPE = "insufficient_scope"
    ORGANIZATION_MISMATCH = "organization_mismatch"
    UNKNOWN_LOCATION = "unknown_location"
    UNKNOWN_ORDER = "unknown_order"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_MARKETPLACE = "unknown_marketplace"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    UNKNOWN_EVENT = "unknown_event"
    UNKNOWN_SINGULAR_POINT = "unknown_singular_point"
    UNKNOWN_PAYMENT = "unknown_payment"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_SLOW = "too_slow"
    REQUEST_UID_REUSED = "request_uid_reused"
    ORDER_CONFLICT = "order_conflict"
    ILLEGAL_TRANSITION = "illegal_transition"
    PRICE_CHANGED = "price_changed"
    PAYMENT_REUSED = "payment_reused"
    PAYMENT_EXPIRED = "payment_expired"
    PAYMENT_AMOUNT_MISMATCH = "payment_amount_mismatch"
    POS_TOTALS_DIFFER = "pos_totals_differ"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_BODY = "invalid_body"
    TOTALS_MISMATCH = "totals_mismatch"
    MENU_NOT_SYNCED = "menu_not_synced"
    ITEM_UNAVAILABLE = "item_unavailable"
    PRICE_MISMATCH = "price_mismatch"
    STORE_NOT_ACCEPTING = "store_not_accepting"
    DISCOUNT_EXCEEDS_SUBTOTAL = "discount_exceeds_subtotal"
    ORDER_TYPE_NOT_SERVED = "order_type_not_served"
    PICKUP_NOT_POSSIBLE = "pickup_not_possible"
    PAYMENTS_NOT_SET_UP = "payments_not_set_up"
    POS_REFUSED = "pos_refused"
    PAYMENT_DECLINED = "payment_declined"
    HEAD_TOO_LARGE = "head_too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    POS_UNAVAILABLE = "pos_unavailable"
    INTERNAL = "internal_error"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong place in a body. `path` is a JSON path such as `$.items[0].quantity`."""

    path: str
    code: str
    message: str


class Refused(Exception):
    """A request from outside that we do not carry out. Nothing of it remains.

    `current` and `allowed`: how what was asked about stands now, and what may be asked of it, where that is why.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *errors: FieldError,
        retry_after_s: int | None = None,
        current: str | None = None,
        allowed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.current = current
        self.allowed = allowed

    def __repr__(self) -> str:
        return f"Refused({self.code}: {self.detail}{''.join(f'; {e.path} {e.message}' for e in self.errors)})"
