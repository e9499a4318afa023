"""A server on port 0 that speaks the calls of Stripe which the provider makes, and keeps keys as Stripe does.

A key is good for one path with one body: the first answer to it is told again, a fault of its own included, with the
header idempotent-replayed; another body under it is an idempotency_error. The payment method says how an intent goes.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from heard.net.listening import listening
from heard.net.serving import serve

SECRET = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
_DECLINES = {"pm_card_chargeDeclined": "Your card was declined.", "pm_no_funds": "Your card has insufficient funds."}


class StandIn:
    """Its intents and refunds, and how often each of them was really carried out.

    `trouble`: by a word of the path, what goes wrong with its next calls, one for each: `cut` (the connection, nothing
    done), `unheard` (done, and no answer), `hang`, `fault` (a 500 that is kept under the key), `refused` (a 400
    that is), `passing` (a 500 that is not), `busy` (429 with Retry-After), `locked` (409), or nothing (an empty word).
    """

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.done: Counter[str] = Counter()
        self.trouble: dict[str, list[str]] = {}
        self.headers: list[dict[str, str]] = []
        self._kept: dict[str, tuple[str, str, int, Any]] = {}
        self.app = Starlette(
            routes=[
                Route("/v1/payment_intents", self._serve, methods=["POST"]),
                Route("/v1/payment_intents/{intent}", self._serve, methods=["GET"]),
                Route("/v1/payment_intents/{intent}/{action}", self._serve, methods=["POST"]),
                Route("/v1/refunds", self._serve, methods=["POST"]),
            ]
        )

    @property
    def held(self) -> int:
        return sum(one["amount"] for one in self.intents.values() if one["status"] == "requires_capture")

    @property
    def kept(self) -> int:
        taken = sum(one["amount_received"] for one in self.intents.values())
        return int(taken - sum(one["amount"] for one in self.refunds.values()))

    async def _serve(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        path, key = request.url.path, request.headers.get("idempotency-key", "")
        self.headers.append(dict(request.headers))
        if request.headers.get("authorization") != f"Bearer {SECRET}":
            return _error(401, "invalid_request_error", "Invalid API Key provided: sk_t****")
        trouble = self._next_trouble(path)
        if trouble in ("cut", "hang", "passing", "busy", "locked"):
            return await self._without_doing(trouble)
        body = json.dumps([path, form])
        known = self._kept.get(key) if key else None
        if known is not None and known[0] != body:
            return _error(400, "idempotency_error", "Keys for idempotent requests can only be used with the same ...")
        if known is not None:
            return JSONResponse(known[3], known[2], {"idempotent-replayed": "true"})
        status, answer = _FAULTS.get(trouble or "", (0, None))
        if answer is None:
            status, answer = self._carry_out(path, form, request.path_params)
        if key and request.method == "POST":
            self._kept[key] = (body, path, status, answer)
        if trouble == "unheard":
            raise ConnectionResetError
        return JSONResponse(answer, status)

    def _next_trouble(self, path: str) -> str | None:
        word = path.rpartition("/")[2]
        name = "read" if word.startswith("pi_") else word
        return self.trouble[name].pop(0) if self.trouble.get(name) else None

    async def _without_doing(self, trouble: str) -> Response:
        if trouble == "cut":
            raise ConnectionResetError
        if trouble == "hang":
            await asyncio.sleep(1)
        if trouble == "busy":
            return _error(429, "rate_limit_error", "Too many requests", retry_after="7")
        if trouble == "locked":
            return _error(409, "invalid_request_error", "This object cannot be accessed right now", code="lock_timeout")
        return _error(503, "api_error", "Try again")

    def _carry_out(self, path: str, form: dict[str, str], named: dict[str, str]) -> tuple[int, Any]:
        if path == "/v1/refunds":
            return self._refund(form["payment_intent"])
        if "intent" not in named:
            return self._create(form)
        intent = self.intents.get(named["intent"])
        if intent is None:
            return 404, _fault("invalid_request_error", "No such payment_intent", "resource_missing")
        match named.get("action"):
            case None:
                return 200, intent
            case "confirm":
                return self._confirm(intent)
            case "capture":
                return self._capture(intent)
            case _:
                return self._cancel(intent)

    def _create(self, form: dict[str, str]) -> tuple[int, Any]:
        assert form["capture_method"] == "manual"
        assert form["metadata[payment_id]"]
        if form["payment_method"] == "pm_unknown":
            return 400, _fault("invalid_request_error", "No such PaymentMethod: 'pm_unknown'", "resource_missing")
        intent = {
            "id": f"pi_{len(self.intents) + 1}",
            "object": "payment_intent",
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "status": "requires_confirmation",
            "payment_method": form["payment_method"],
            "last_payment_error": None,
        }
        self.intents[intent["id"]] = intent
        self.done["create"] += 1
        return 200, dict(intent)

    def _confirm(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["status"] != "requires_confirmation":
            return _unexpected(intent)
        method = intent["payment_method"]
        if method in _DECLINES:
            fault = _fault("card_error", _DECLINES[method], "card_declined")
            intent |= {"status": "requires_payment_method", "last_payment_error": fault["error"]}
            return 402, fault
        intent["status"] = "requires_action" if method == "pm_bank_asks" else "requires_capture"
        self.done["confirm"] += 1
        return 200, dict(intent)

    def _capture(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["payment_method"] == "pm_expires":
            intent["status"] = "canceled"
        if intent["status"] != "requires_capture":
            return _unexpected(intent)
        intent |= {"status": "succeeded", "amount_received": intent["amount"]}
        self.done["capture"] += 1
        return 200, dict(intent)

    def _cancel(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["status"] in ("succeeded", "canceled"):
            return _unexpected(intent)
        intent["status"] = "canceled"
        self.done["cancel"] += 1
        return 200, dict(intent)

    def _refund(self, intent_id: str) -> tuple[int, Any]:
        intent = self.intents[intent_id]
        if any(one["payment_intent"] == intent_id for one in self.refunds.values()):
            text = "Charge has already been refunded."
            return 400, _fault("invalid_request_error", text, "charge_already_refunded")
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": intent["amount_received"],
            "payment_intent": intent_id,
            "status": "succeeded",
        }
        self.refunds[str(refund["id"])] = refund
        self.done["refund"] += 1
        return 200, refund


def _unexpected(intent: dict[str, Any]) -> tuple[int, Any]:
    text = f"This PaymentIntent could not be moved because it has a status of {intent['status']}."
    return 400, _fault("invalid_request_error", text, "payment_intent_unexpected_state")


def _fault(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, **({"code": code} if code else {})}}


_FAULTS = {
    "fault": (500, _fault("api_error", "An unknown error occurred")),
    "refused": (400, _fault("invalid_request_error", "Your account cannot do this now", "account_invalid")),
}


def _error(status: int, kind: str, message: str, *, code: str | None = None, retry_after: str = "") -> Response:
    headers = {"retry-after": retry_after} if retry_after else None
    return JSONResponse(_fault(kind, message, code), status, headers)


@asynccontextmanager
async def a_stand_in() -> AsyncIterator[tuple[StandIn, str]]:
    """It and its address."""
    stand_in = StandIn()
    with listening("127.0.0.1", 0) as bound:
        serving = asyncio.create_task(serve(stand_in.app, bound))
        try:
            yield stand_in, f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
