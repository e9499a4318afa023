"""An application's client of a hub: one method a call of the Ordering API."""

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from urllib.parse import urlencode

from heard import limits
from heard.clients.address import hub_address
from heard.clients.calling import Ask, Caller, part
from heard.clients.errors import NotFound
from heard.clients.ordering import bodies
from heard.clients.ordering.carts import Cart, Customer
from heard.clients.ordering.dialect import BASE, OrderingDialect
from heard.net.outbound import Outbound
from heard.protocols.ordering import answers
from heard.protocols.ordering.answers import Order, Payment, Webhook
from heard.protocols.ordering.wire_answers import Calculation, MenuView, Venue, WebhookMade

_NESTED = "?" + urlencode({"view": "withNestedEntities"})


class OrderingClient:
    """One application at one hub, for one event loop. Use it with `async with`, one for a process; it is made for many
    calls at once.

    Every method raises OrderingError and its kinds, and tries again by itself, for at most `timeout_s`, what may be
    tried again: lost connections, time-outs, 429 and 503 with their Retry-After. An order is safe to send again: one
    payment has one order at most. What is not (`initialize_payment`, `add_webhook`) is not repeated where the first
    call may have been carried out.
    """

    def __init__(
        self,
        url: str,
        application_key: str,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        allow: Sequence[str] = (),
        scopes: Sequence[str] = (),
        timeout_s: float = limits.CLIENT_TIMEOUT_S,
        retry: bool = True,
        outbound: Outbound | None = None,
    ) -> None:
        """`url` is where the hub is, without a path of the API. `application_key` names the application and is no
        secret. `client_id` and `client_secret` get the token that discounts, a guest's data and webhooks need; without
        them the rest can be called. A hub at an address that is not public is only called if one of the networks in
        `allow` holds it: `["127.0.0.0/8"]` for one on this machine. `scopes`: what to ask the token for, else all that
        the client may. `retry` False: each call is made once, for those who have a queue of their own. `outbound`: a
        way out that is shared, and closed by whoever made it.
        """
        self.url = hub_address(url, BASE)
        if not application_key:
            raise ValueError("application_key: it is needed on every call")
        client = (client_id, client_secret) if client_id and client_secret else None
        if client is None and (client_id or client_secret):
            raise ValueError("client_id, client_secret: give both, or neither")
        self.application_key, self.timeout_s = application_key, timeout_s
        self._caller = Caller(
            self.url,
            OrderingDialect(application_key, client, scopes),
            allow=allow,
            timeout_s=timeout_s,
            retry=retry,
            outbound=outbound,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.application_key!r})"

    async def __aenter__(self) -> "OrderingClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._caller.close()

    # --- venues and menus -----------------------------------------------------------------------------------

    async def venue(self, venue_id: str, *, nested: bool = True) -> Venue:
        """A venue (by its UUID) as it is now, with the singular points that orders are placed to. Raises NotFound.

        `nested` False: its areas without their singular points.
        """
        ask = Ask("GET", f"/venues/{part(venue_id)}{_NESTED if nested else ''}")
        return await self._caller.ask(ask, lambda said: answers.read_venue(said.body))

    async def menus(self, venue_id: str, *, nested: bool = True) -> tuple[MenuView, ...]:
        """A venue's menus; `nested` False: without their categories. Raises NotFound."""
        ask = Ask(
            "GET",
            f"/venues/{part(venue_id)}/menus{_NESTED if nested else ''}",
            answer_bytes_max=limits.MENU_BYTES_MAX,
            try_s=limits.MENU_CALL_TIMEOUT_S,
        )
        return await self._caller.ask(ask, lambda said: answers.read_menus(said.body))

    # --- carts and orders -----------------------------------------------------------------------------------

    async def calculate(self, cart: Cart, *, accurate_tax: bool = False) -> Calculation:
        """What a cart costs, line by line, in whole cents. Nothing is kept.

        `accurate_tax`: the store's POS is asked for the taxes; else they are the hub's own, from the menu, and
        `tax_is_estimate` is True. Raises RequestRefused (`errors` say where), Conflict (`pos_totals_differ`),
        Unavailable (`pos_unavailable`), Unauthorized (a discount needs a client id and a secret).
        """
        body = bodies.calculate_body(cart, accurate_tax)
        ask = Ask("POST", "/orders/calculate", body, reads=True, try_s=limits.CLIENT_SLOW_TRY_S)
        return await self._caller.ask(ask, lambda said: answers.read_calculation(said.body))

    async def initialize_payment(
        self, singular_point_id: str, amount: int, currency: str, payment_method: str | None = None
    ) -> Payment:
        """Begin a payment of so many cents for one order there; no money moves yet.

        `payment_method`: the payment provider's own id of how the guest pays, where it needs one. Not repeated by
        itself after UnknownOutcome; it may be called again, since one that is never used takes no money and expires.
        """
        body = bodies.payment_body(singular_point_id, amount, currency, payment_method)
        ask = Ask("POST", "/payments/initialize", body, (200, 201), repeats=False)
        return await self._caller.ask(ask, lambda said: answers.read_payment(said.body))

    async def create_order(
        self,
        cart: Cart,
        customer: Customer,
        payment_init_hash: str,
        *,
        accurate_tax: bool = False,
        is_reorder: bool = False,
    ) -> Order:
        """Order what was calculated, paid by a payment of its total. The same order again is answered like the first
        time; keep what you send until it is answered. `accurate_tax`: as it was for `calculate`. Where the payment
        provider takes long, the order comes back with its payment `PENDING`; if that is declined, it is `REJECTED`.

        Raises PaymentDeclined, Conflict (`price_changed`: calculate again; `payment_amount_mismatch`,
        `payment_expired`: begin another payment; `payment_reused`: the payment belongs to another order),
        RequestRefused (`errors` say where), UnknownOutcome (send the very same again), Unavailable (it was not taken).
        """
        ask = Ask(
            "POST",
            "/orders",
            bodies.order_body(cart, customer, payment_init_hash, accurate_tax, is_reorder),
            (200, 201),
            try_s=limits.CLIENT_SLOW_TRY_S,
        )
        return await self._caller.ask(ask, lambda said: answers.read_order(said.body))

    async def order(self, order_id: str) -> Order:
        """An order (by its UUID) as it stands. Raises NotFound."""
        return await self._caller.ask(
            Ask("GET", f"/orders/{part(order_id)}"), lambda said: answers.read_order(said.body)
        )

    # --- webhooks -------------------------------------------------------------------------------------------

    async def add_webhook(self, url: str) -> WebhookMade:
        """Be told at an address what becomes of orders. Its `secret` is in this answer and never shown again; give it
        to `heard.clients.webhooks.WebhookReceiver`. Not repeated by itself: after UnknownOutcome, see `webhooks()`.
        """
        ask = Ask("POST", "/webhooks", bodies.webhook_body(url), (200, 201), repeats=False)
        return await self._caller.ask(ask, lambda said: answers.read_webhook_made(said.body))

    async def webhooks(self) -> AsyncIterator[Webhook]:
        """Everywhere you are told, page by page."""
        after: str | None = None
        while True:
            query = {"limit": limits.PAGE_USUAL, **({"after": after} if after else {})}
            ask = Ask("GET", f"/webhooks?{urlencode(query)}")
            page = await self._caller.ask(ask, lambda said: answers.read_webhooks(said.body))
            for webhook in page.webhooks:
                yield webhook
            if page.next is None or page.next == after:
                return
            after = page.next

    async def remove_webhook(self, webhook_id: str) -> bool:
        """Be told there no more. False: there is no such webhook, perhaps since an earlier try removed it."""
        try:
            await self._caller.ask(Ask("DELETE", f"/webhooks/{part(webhook_id)}"), lambda said: said.status)
        except NotFound:
            return False
        return True
