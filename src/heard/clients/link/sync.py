"""The same client for threads and scripts: an event loop in a thread of its own runs the one there is."""

from collections.abc import Iterator, Sequence
from types import TracebackType

from heard import limits
from heard.clients.link.client import LinkClient, NotModified
from heard.clients.threads import LoopThread
from heard.domain.order.content import OrderContent
from heard.protocols.link.answers import AcceptedOrder, Cancelled, Menu, OrderState, Store
from heard.protocols.link.events import Event, EventPage


class SyncLinkClient:
    """LinkClient without `await`: the same methods, arguments, answers and errors. Many threads may use one at once;
    use it with `with`, or close it. Ctrl-C, or whatever else ends a wait, ends the call as well.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        allow: Sequence[str] = (),
        scopes: Sequence[str] = (),
        timeout_s: float = limits.CLIENT_TIMEOUT_S,
        retry: bool = True,
    ) -> None:
        """As LinkClient's."""
        self._client = LinkClient(
            url, client_id, client_secret, allow=allow, scopes=scopes, timeout_s=timeout_s, retry=retry
        )
        self._thread = LoopThread("heard-link", self._client.close)

    def __repr__(self) -> str:
        return f"Sync{self._client!r}"

    def __enter__(self) -> "SyncLinkClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections and of the thread; calls under way in other threads end with CancelledError."""
        self._thread.close()

    # --- orders ---------------------------------------------------------------------------------------------

    def send_order(self, order: OrderContent) -> AcceptedOrder:
        return self._thread.run(self._client.send_order(order))

    def order(self, order_id: str) -> OrderState:
        return self._thread.run(self._client.order(order_id))

    def find_order(self, external_order_id: str) -> OrderState | None:
        return self._thread.run(self._client.find_order(external_order_id))

    def cancel_order(self, order_id: str, reason_code: str, note: str | None = None) -> Cancelled:
        return self._thread.run(self._client.cancel_order(order_id, reason_code, note))

    # --- stores and menus -----------------------------------------------------------------------------------

    def stores(self) -> Iterator[Store]:
        return self._thread.each(self._client.stores())

    def store(self, venue_id: str) -> Store:
        return self._thread.run(self._client.store(venue_id))

    def pause_store(self, venue_id: str, reason: str, minutes: int | None = None) -> Store:
        return self._thread.run(self._client.pause_store(venue_id, reason, minutes))

    def resume_store(self, venue_id: str) -> Store:
        return self._thread.run(self._client.resume_store(venue_id))

    def menu(self, venue_id: str, etag: str | None = None) -> Menu | NotModified:
        return self._thread.run(self._client.menu(venue_id, etag))

    # --- events ---------------------------------------------------------------------------------------------

    def events(self, after: str | None = None, limit: int = limits.FEED_PAGE_MAX) -> EventPage:
        return self._thread.run(self._client.events(after, limit))

    def follow_events(
        self,
        cursor: str | None = None,
        *,
        limit: int = limits.FEED_PAGE_MAX,
        every_s: float = limits.FEED_EVERY_S,
    ) -> Iterator[tuple[Event, str]]:
        return self._thread.each(self._client.follow_events(cursor, limit=limit, every_s=every_s))
