"""Stripe's PaymentIntents through its `stripe` package: what stands in docs.stripe.com/api as of 2026, and no more.

An intent is made, then confirmed: making it holds no money, and the same key gives the same intent. Whatever comes of
the other calls, the intent itself is read, and its status decides. Calls go out the hub's one way (net/outbound.py).
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import stripe

from heard import __version__, limits
from heard.net.call import Answer, Call, Carrier
from heard.payments.contract import Authorized, Charge, Declined, Done, Made, NoOutcome, Record, Refused

API: Final = "https://api.stripe.com"
# Of what the package would send these are all that say something about the call.
_HEADERS: Final = frozenset({"authorization", "content-type", "idempotency-key", "stripe-version"})
_HELD: Final = ("requires_capture", "succeeded")
# Currencies that Stripe counts in whole units; it counts ISK and UGX in cents. Source: docs.stripe.com/currencies.
_WHOLE: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())


class StripeProvider:
    """One organization's account. Its key never shows. `url`: where Stripe is, or what stands in for it."""

    def __init__(self, carrier: Carrier, secret: str, url: str | None = None) -> None:
        self._carrier, self._secret, self._url = carrier, secret, (url or API).rstrip("/")

    async def authorize(
        self, charge: Charge, key: str, record: Record, *, ended: bool
    ) -> Authorized | Declined | NoOutcome:
        client = self._client(record)
        units = _units(charge)
        if charge.method is None or units is None:
            return Declined("no payment method was given" if charge.method is None else "no such amount can be paid")
        wish: Any = {
            "amount": units,
            "currency": charge.currency.lower(),
            "payment_method": charge.method,
            "payment_method_types": ["card"],
            "capture_method": "manual",
            "metadata": {"payment_id": charge.payment_id, "organization_id": charge.organization_id},
        }
        try:
            made = await client.v1.payment_intents.create_async(wish, {"idempotency_key": f"{key}:create"})
        except stripe.StripeError as error:
            # A fault that is told again under the same key stays one: no intent was made, and none will be.
            return Declined(_said(error)) if _is_final(error) or _is_told_again(error) else _unknown(error)
        if ended:
            return await self._looked_at(client, made.id, key)
        confirm = _told(
            lambda again: client.v1.payment_intents.confirm_async(
                made.id, {}, {"idempotency_key": f"{key}:confirm{again}"}
            )
        )
        intent = await _intent(client, made.id, confirm, {"requires_capture"}, unmoved="requires_confirmation")
        if isinstance(intent, NoOutcome):
            return intent
        if isinstance(intent, Refused):
            return await self._ended(client, made.id, intent.reason, key)
        if intent.status in _HELD:
            return Authorized(made.id)
        return await self._ended(client, made.id, _why_unpaid(intent), key)

    async def capture(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        client = self._client(record)
        capture = _told(
            lambda again: client.v1.payment_intents.capture_async(ref, {}, {"idempotency_key": f"{key}{again}"}),
            refusals=True,
        )
        return _ended_as(await _intent(client, ref, capture, {"succeeded"}, unmoved="requires_capture"), "succeeded")

    async def void(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        client = self._client(record)
        cancel = _told(
            lambda again: client.v1.payment_intents.cancel_async(ref, {}, {"idempotency_key": f"{key}{again}"}),
            refusals=True,
        )
        return _ended_as(await _intent(client, ref, cancel, {"canceled"}, unmoved="requires_capture"), "canceled")

    async def refund(self, charge: Charge, ref: str, key: str, record: Record) -> Done | Refused | NoOutcome:
        """Stripe gives back no more than was taken, whatever the key."""
        client = self._client(record)
        wish: Any = {"payment_intent": ref}
        for again in ("", _another()):
            try:
                made = await client.v1.refunds.create_async(wish, {"idempotency_key": f"{key}{again}"})
            except stripe.StripeError as error:
                if error.code == "charge_already_refunded":
                    return Done()
                if _is_told_again(error, refusals=True):
                    continue
                return Refused(_said(error)) if _is_final(error) else _unknown(error)
            failed = made.status in ("failed", "canceled")
            return Refused(f"the refund is {made.status} at Stripe") if failed else Done()
        return NoOutcome("Stripe repeats a fault of its own")

    async def _looked_at(
        self, client: stripe.StripeClient, intent_id: str, key: str
    ) -> Authorized | Declined | NoOutcome:
        """What became of an intent that nobody waits for any more: held, or ended before it is."""
        try:
            intent = await client.v1.payment_intents.retrieve_async(intent_id)
        except stripe.StripeError as error:
            return _unknown(error)
        if intent.status in _HELD:
            return Authorized(intent_id)
        return await self._ended(client, intent_id, "the order had ended", key)

    async def _ended(
        self, client: stripe.StripeClient, intent_id: str, why: str, key: str
    ) -> Authorized | Declined | NoOutcome:
        """An intent that its guest could still pay is ended, so that nothing is ever held under it."""
        cancel = _told(
            lambda again: client.v1.payment_intents.cancel_async(
                intent_id, {}, {"idempotency_key": f"{key}:end{again}"}
            )
        )
        intent = await _intent(client, intent_id, cancel, {"canceled"}, unmoved="requires_payment_method")
        if isinstance(intent, NoOutcome):
            return intent
        if isinstance(intent, Refused) or intent.status != "canceled":
            return NoOutcome("an intent that is not paid does not end at Stripe")
        return Declined(why)

    def _client(self, record: Record) -> stripe.StripeClient:
        """Made anew for each step, with nothing shared: it only holds the key, and what was called."""
        through = _Through(self._carrier, record)
        return stripe.StripeClient(
            self._secret, base_addresses={"api": self._url}, max_network_retries=0, http_client=through
        )


class _Through(stripe.HTTPClient):
    """The package's calls, made by the hub's own carrier: its guard, its bounds, and no second HTTP library."""

    name = "heard"

    def __init__(self, carrier: Carrier, record: Record) -> None:
        super().__init__()
        self._carrier, self._record = carrier, record

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        sent = {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}
        sent["user-agent"] = f"heard/{__version__}"
        body = post_data.encode() if isinstance(post_data, str) else post_data
        call = Call(method.upper(), url, sent, body, limits.PAYMENT_CALL_TIMEOUT_S, limits.PAYMENT_ANSWER_BYTES_MAX)
        begun = time.perf_counter()
        answer = await self._carrier.send(call)
        ms, path = (time.perf_counter() - begun) * 1000, "/" + url.split("://", 1)[-1].partition("/")[2]
        path = path.partition("?")[0]
        if not isinstance(answer, Answer):
            self._record.made.append(Made(call.method, path, None, ms, answer.reason))
            raise stripe.APIConnectionError(answer.reason)  # type: ignore[no-untyped-call]
        self._record.made.append(Made(call.method, path, answer.status, ms))
        return answer.body, answer.status, answer.headers


def _told(ask: Callable[[str], Awaitable[Any]], *, refusals: bool = False) -> Callable[[], Awaitable[Any]]:
    """A call that is made a second time under another key where the first only has an old fault told again, or, with
    `refusals`, an old no: what was refused may be taken by now.

    What it is about can happen once only, whatever the key: an intent is confirmed, captured or canceled once.
    """

    async def call() -> Any:
        try:
            return await ask("")
        except stripe.StripeError as error:
            if not _is_told_again(error, refusals=refusals):
                raise
        return await ask(_another())

    return call


async def _intent(
    client: stripe.StripeClient,
    intent_id: str,
    call: Callable[[], Awaitable[Any]],
    wanted: set[str],
    *,
    unmoved: str,
) -> Any:
    """The intent as it stands after a call about it; NoOutcome while that is not known, Refused if it does not move."""
    intent, fault = None, None
    try:
        intent = await call()
    except stripe.StripeError as error:
        fault = error
    if intent is None or intent.status not in wanted:
        with suppress(stripe.StripeError):  # then the call's own fault is what there is to say
            intent = await client.v1.payment_intents.retrieve_async(intent_id)
    if intent is None:
        return _unknown(fault)
    if intent.status == unmoved and fault is not None and _is_final(fault):
        return Refused(_said(fault))
    return _unknown(fault) if intent.status in (unmoved, "processing") else intent


def _ended_as(intent: Any, status: str) -> Done | Refused | NoOutcome:
    if isinstance(intent, NoOutcome | Refused):
        return intent
    return Done() if intent.status == status else Refused(f"the payment is {intent.status} at Stripe")


def _why_unpaid(intent: Any) -> str:
    """Our reading: a guest whose bank must be asked first cannot pay here."""
    if intent.status == "requires_action":
        return "the guest's bank asks for more than this hub can"
    told = getattr(intent, "last_payment_error", None)
    return str(getattr(told, "message", None) or "the card was declined")[: limits.REASON_MAX]


def _is_final(error: stripe.StripeError) -> bool:
    """A no that stays one. What another call in the same moment, too many calls or our own key bring about is none."""
    status = error.http_status or 0
    passing = status in (401, 403, 408, 409, 425, 429) or isinstance(error, stripe.IdempotencyError)
    return 400 <= status < 500 and not passing


def _is_told_again(error: stripe.StripeError, *, refusals: bool = False) -> bool:
    """A fault of Stripe's own, or a refusal, that it keeps under the key and tells each time."""
    headers = error.headers or {}
    return (error.http_status or 0) >= (400 if refusals else 500) and headers.get("idempotent-replayed") == "true"


def _another() -> str:
    """What makes a key another one, each time: under one that is used twice the next fault would be kept too."""
    return f":{secrets.token_hex(8)}"


def _unknown(error: stripe.StripeError | None) -> NoOutcome:
    headers = (error.headers if error is not None else None) or {}
    asked = str(headers.get("retry-after", ""))
    wait_s = min(float(asked), limits.RETRY_AFTER_S_MAX) if asked.isascii() and asked.isdigit() else None
    return NoOutcome(_said(error) if error is not None else "no answer", wait_s)


def _said(error: stripe.StripeError) -> str:
    """Stripe's words for people. Its words about a wrong key show a part of the key, so they are not repeated."""
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return "Stripe does not take the secret key"
    if isinstance(error, stripe.APIConnectionError):
        return str(error)[: limits.REASON_MAX]
    if isinstance(error, stripe.CardError) or error.code:
        return str(error.user_message or error.code)[: limits.REASON_MAX]
    return f"Stripe answered {error.http_status or 'nothing that is an answer'}"


def _units(charge: Charge) -> int | None:
    """Stripe counts in a currency's smallest coin: cents of USD, whole yen of JPY. None: it has no coin so small."""
    units, rest = divmod(charge.amount, 100 if charge.currency in _WHOLE else 1)
    return None if rest else units
