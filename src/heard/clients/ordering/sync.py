"""The same client for threads and scripts: an event loop in a thread of its own runs the one there is."""

from collections.abc import Iterator, Sequence
from types import TracebackType

from heard import limits
from heard.clients.ordering.carts import Cart, Customer
from heard.clients.ordering.client import OrderingClient
from heard.clients.threads import LoopThread
from heard.protocols.ordering.answers import Order, Payment, Webhook
from heard.protocols.ordering.wire_answers import Calculation, MenuView, Venue, WebhookMade


class SyncOrderingClient:
    """OrderingClient without `await`: the same methods, arguments, answers and errors. Many threads may use one at
    once; use it with `with`, or close it. Ctrl-C, or whatever else ends a wait, ends the call as well.
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
    ) -> None:
        """As OrderingClient's."""
        self._client = OrderingClient(
            url,
            application_key,
            client_id,
            client_secret,
            allow=allow,
            scopes=scopes,
            timeout_s=timeout_s,
            retry=retry,
        )
        self._thread = LoopThread("heard-ordering", self._client.close)

    def __repr__(self) -> str:
        return f"Sync{self._client!r}"

    def __enter__(self) -> "SyncOrderingClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections and of the thread; calls under way in other threads end with CancelledError."""
        self._thread.close()

    # --- venues and menus -----------------------------------------------------------------------------------

    def venue(self, venue_id: str, *, nested: bool = True) -> Venue:
        return self._thread.run(self._client.venue(venue_id, nested=nested))

    def menus(self, venue_id: str, *, nested: bool = True) -> tuple[MenuView, ...]:
        return self._thread.run(self._client.menus(venue_id, nested=nested))

    # --- carts and orders -----------------------------------------------------------------------------------

    def calculate(self, cart: Cart, *, accurate_tax: bool = False) -> Calculation:
        return self._thread.run(self._client.calculate(cart, accurate_tax=accurate_tax))

    def initialize_payment(
        self, singular_point_id: str, amount: int, currency: str, payment_method: str | None = None
    ) -> Payment:
        return self._thread.run(self._client.initialize_payment(singular_point_id, amount, currency, payment_method))

    def create_order(
        self,
        cart: Cart,
        customer: Customer,
        payment_init_hash: str,
        *,
        accurate_tax: bool = False,
        is_reorder: bool = False,
    ) -> Order:
        made = self._client.create_order(
            cart, customer, payment_init_hash, accurate_tax=accurate_tax, is_reorder=is_reorder
        )
        return self._thread.run(made)

    def order(self, order_id: str) -> Order:
        return self._thread.run(self._client.order(order_id))

    # --- webhooks -------------------------------------------------------------------------------------------

    def add_webhook(self, url: str) -> WebhookMade:
        return self._thread.run(self._client.add_webhook(url))

    def webhooks(self) -> Iterator[Webhook]:
        return self._thread.each(self._client.webhooks())

    def remove_webhook(self, webhook_id: str) -> bool:
        return self._thread.run(self._client.remove_webhook(webhook_id))
