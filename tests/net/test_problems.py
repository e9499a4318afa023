"""The one table of refusals: every code has its status, and says no more than it should."""

import json
from pathlib import Path

import pytest

from heard.domain.refusals import Code, FieldError, Refused
from heard.net.problems import problem, retryable

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "problems"

STATUSES = {
    400: {
        Code.MALFORMED_REQUEST,
        Code.MALFORMED_JSON,
        Code.UNSUPPORTED_VERSION,
        Code.INVALID_REQUEST,
        Code.INVALID_SCOPE,
        Code.UNSUPPORTED_GRANT_TYPE,
    },
    401: {Code.INVALID_CLIENT, Code.INVALID_TOKEN, Code.INVALID_DIGEST, Code.UNKNOWN_APPLICATION, Code.TOKEN_REQUIRED},
    402: {Code.PAYMENT_DECLINED},
    403: {Code.INSUFFICIENT_SCOPE, Code.ORGANIZATION_MISMATCH},
    404: {
        Code.UNKNOWN_LOCATION,
        Code.UNKNOWN_ORDER,
        Code.UNKNOWN_VENUE,
        Code.UNKNOWN_MARKETPLACE,
        Code.UNKNOWN_ENDPOINT,
        Code.UNKNOWN_EVENT,
        Code.UNKNOWN_SINGULAR_POINT,
        Code.UNKNOWN_PAYMENT,
        Code.NOT_FOUND,
    },
    405: {Code.METHOD_NOT_ALLOWED},
    408: {Code.TOO_SLOW},
    409: {
        Code.REQUEST_UID_REUSED,
        Code.ORDER_CONFLICT,
        Code.ILLEGAL_TRANSITION,
        Code.PRICE_CHANGED,
        Code.PAYMENT_REUSED,
        Code.PAYMENT_EXPIRED,
        Code.PAYMENT_AMOUNT_MISMATCH,
        Code.POS_TOTALS_DIFFER,
    },
    413: {Code.BODY_TOO_LARGE},
    415: {Code.UNSUPPORTED_MEDIA_TYPE},
    422: {
        Code.INVALID_BODY,
        Code.TOTALS_MISMATCH,
        Code.MENU_NOT_SYNCED,
        Code.ITEM_UNAVAILABLE,
        Code.PRICE_MISMATCH,
        Code.STORE_NOT_ACCEPTING,
        Code.DISCOUNT_EXCEEDS_SUBTOTAL,
        Code.ORDER_TYPE_NOT_SERVED,
        Code.PICKUP_NOT_POSSIBLE,
        Code.PAYMENTS_NOT_SET_UP,
        Code.POS_REFUSED,
    },
    431: {Code.HEAD_TOO_LARGE},
    429: {Code.RATE_LIMITED},
    500: {Code.INTERNAL},
    503: {Code.UNAVAILABLE, Code.POS_UNAVAILABLE},
}


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_documented_status(code: Code) -> None:
    status, headers, body = problem(Refused(code, "why", FieldError("$.a", "b", "c")), "req_1")
    assert code in STATUSES[status]
    document = json.loads(body)
    assert set(document) == {"type", "title", "status", "detail", "code", "retryable", "request_id", "errors"}
    assert (document["status"], document["code"], document["request_id"]) == (status, code, "req_1")
    assert document["retryable"] is retryable(code)
    assert headers["content-type"] == "application/problem+json"
    assert ("retry-after" in headers) == (status in (429, 503))


def test_what_cannot_be_asked_now_says_how_it_stands_and_what_can() -> None:
    refused = Refused(Code.ILLEGAL_TRANSITION, "too late", current="READY", allowed=("complete",))
    document = json.loads(problem(refused, "req_1")[2])
    assert (document["current"], document["allowed"]) == ("READY", ["complete"])


@pytest.mark.parametrize("code", [Code.INVALID_TOKEN, Code.INVALID_DIGEST])
def test_who_cannot_prove_who_they_are_learns_nothing_of_why(code: Code) -> None:
    first = problem(Refused(code, "the key was short", FieldError("$.x", "y", "z")), "r")
    second = problem(Refused(code, "expired"), "r")
    assert first == second
    assert b"short" not in first[2]


def test_the_errors_name_their_places() -> None:
    errors = (FieldError("$.total", "mismatch", "stated 1, computed 2"),)
    document = json.loads(problem(Refused(Code.TOTALS_MISMATCH, "x", *errors), "r")[2])
    assert document["errors"] == [{"path": "$.total", "code": "mismatch", "message": "stated 1, computed 2"}]


def test_a_problem_is_written_as_it_was_agreed() -> None:
    errors = (
        FieldError("$.subtotal", "mismatch", "stated 1148, computed 1149"),
        FieldError("$.total", "mismatch", "stated 1433, computed 1434"),
    )
    refused = Refused(Code.TOTALS_MISMATCH, "$.subtotal: stated 1148, computed 1149", *errors)
    assert problem(refused, "req_1")[2] + b"\n" == (GOLDEN / "totals_mismatch.json").read_bytes()


def test_who_has_no_token_is_told_which_kind_is_wanted() -> None:
    assert problem(Refused(Code.INVALID_TOKEN, "x"), "r")[1]["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in problem(Refused(Code.INSUFFICIENT_SCOPE, "x"), "r")[1]


def test_a_caller_is_told_how_long_to_wait() -> None:
    assert problem(Refused(Code.UNAVAILABLE, "x", retry_after_s=7), "r")[1]["retry-after"] == "7"
