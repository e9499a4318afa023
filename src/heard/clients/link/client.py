"""A marketplace's client of a hub: one method a call of Link."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from types import TracebackType
from urllib.parse import urlencode

import msgspec

from heard import limits
from heard.clients.address import hub_address
from heard.clients.calling import Ask, Caller, part
from heard.clients.link import feed
from heard.clients.link.dialect import BASE, LinkDialect
from heard.domain.order.content import OrderContent
from heard.net.call import Answer
from heard.net.outbound import Outbound
from heard.protocols import bodies
from heard.protocols.link import answers, wire
from heard.protocols.link.answers import AcceptedOrder, Cancelled, Menu, OrderState, Store
from heard.protocols.link.encode import encode_new_order
from heard.protocols.link.events import Event, EventPage, decode_event_page

_encoder = msgspec.json.Encoder()


class NotModified:
    """The menu is the one whose ETag was given."""

    def __repr__(self) -> str:
        return "NotModified()"


class LinkClient:
    """One client at one hub, for one event loop. Use it with `async with`, one for a process; it is made for many
    calls at once.

    Every method raises LinkError and its kinds, and tries again by itself, for at most `timeout_s`, what may be tried
    again: lost connections, time-outs, 429 and 503 with their Retry-After. All of Link's calls are safe to repeat.
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
        outbound: Outbound | None = None,
    ) -> None:
        """`url` is where the hub is, without a path of Link. A hub at an address that is not public is only called if
        one of the networks in `allow` holds it: `["127.0.0.0/8"]` for one on this machine. `scopes`: what to ask the
        token for, else all that the client may. `retry` False: each call is made once, for those who have a queue of
        their own. `outbound`: a way out that is shared, and closed by whoever made it.
        """
        self.url = hub_address(url, BASE)
        if not client_id or not client_secret:
            raise ValueError("client_id, client_secret: both are needed")
        self.client_id, self.timeout_s = client_id, timeout_s
        self._caller = Caller(
            self.url,
            LinkDialect((client_id, client_secret), scopes),
            allow=allow,
            timeout_s=timeout_s,
            retry=retry,
            outbound=outbound,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.client_id!r})"

    async def __aenter__(self) -> "LinkClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._caller.close()

    # --- orders ---------------------------------------------------------------------------------------------

    async def send_order(self, order: OrderContent) -> AcceptedOrder:
        """Send an order, new or sent before: the same order is answered like the first time.

        Raises RequestRefused (it is wrong, or the store does not take it: `errors` say where), Conflict (the number
        belongs to another order), UnknownOutcome (send the very same order again), Unavailable (it was not taken).
        """
        body = encode_new_order(order)
        return await self._caller.ask(
            Ask("POST", "/orders", body, (201, 200)), lambda said: answers.read_accepted(said.body)
        )

    async def order(self, order_id: str) -> OrderState:
        """An order as it stands. Raises NotFound."""
        return await self._caller.ask(
            Ask("GET", f"/orders/{part(order_id)}"), lambda said: answers.read_order(said.body)
        )

    async def find_order(self, external_order_id: str) -> OrderState | None:
        """The order with your own number, None when the hub has none."""
        path = "/orders?" + urlencode({"external_order_id": external_order_id})
        found = await self._caller.ask(Ask("GET", path), lambda said: answers.read_orders(said.body))
        return found[0] if found else None

    async def cancel_order(self, order_id: str, reason_code: str, note: str | None = None) -> Cancelled:
        """Cancel an order. `cancelling` True: it is not certain yet; `order.cancelled` or another event will tell.

        Raises Conflict when it is too late: `current` says how the order stands, `allowed` what may be asked of it.
        """
        body = _encoder.encode(wire.CancelOrder(reason_code=reason_code, note=note))
        ask = Ask("POST", f"/orders/{part(order_id)}/cancel", body, (200, 202))
        return await self._caller.ask(ask, lambda said: answers.read_cancelled(said.body))

    # --- stores and menus -----------------------------------------------------------------------------------

    async def stores(self) -> AsyncIterator[Store]:
        """Every store that is connected to you, page by page."""
        after: str | None = None
        while True:
            query = {"limit": limits.STORES_PAGE, **({"after": after} if after else {})}
            ask = Ask("GET", f"/stores?{urlencode(query)}")
            page = await self._caller.ask(ask, lambda said: answers.read_store_page(said.body))
            for store in page.stores:
                yield store
            if page.next is None or page.next == after:
                return
            after = page.next

    async def store(self, venue_id: str) -> Store:
        """A store as it stands. Raises NotFound."""
        return await self._caller.ask(Ask("GET", f"/stores/{part(venue_id)}"), _read_store)

    async def pause_store(self, venue_id: str, reason: str, minutes: int | None = None) -> Store:
        """Stop the store's orders on your side, for so many minutes or until you resume it. Raises NotFound."""
        body = _encoder.encode(bodies.PauseRequest(reason=reason, duration_minutes=minutes))
        return await self._caller.ask(Ask("POST", f"/stores/{part(venue_id)}/pause", body), _read_store)

    async def resume_store(self, venue_id: str) -> Store:
        """Lift your own pause; the store is open when nobody else holds one. Raises NotFound."""
        return await self._caller.ask(Ask("POST", f"/stores/{part(venue_id)}/resume", b"{}"), _read_store)

    async def menu(self, venue_id: str, etag: str | None = None) -> Menu | NotModified:
        """The store's menu; NotModified when it is still the one with this `etag`. Raises NotFound."""
        ask = Ask(
            "GET",
            f"/stores/{part(venue_id)}/menu",
            success=(200, 304) if etag is not None else (200,),
            etag=etag,
            answer_bytes_max=limits.MENU_BYTES_MAX,
            try_s=limits.MENU_CALL_TIMEOUT_S,
        )
        return await self._caller.ask(ask, _read_menu)

    # --- events ---------------------------------------------------------------------------------------------

    async def events(self, after: str | None = None, limit: int = limits.FEED_PAGE_MAX) -> EventPage:
        """What happened since a cursor; None: since the beginning. Reading destroys nothing."""
        return await feed.read_page(self._read_events, after, _page_size(limit))

    def follow_events(
        self,
        cursor: str | None = None,
        *,
        limit: int = limits.FEED_PAGE_MAX,
        every_s: float = limits.FEED_EVERY_S,
    ) -> AsyncGenerator[tuple[Event, str], None]:
        """Every event since a cursor, each with the cursor behind it, for ever: none twice, none left out.

        A hub that is gone is waited for, with growing pauses. Store the cursor together with what you did about the
        event, in one transaction, and start with it next time: then each event counts exactly once. `every_s`: how
        long to wait when nothing is new. Raises LinkError for what waiting does not mend, such as Unauthorized.
        """
        return feed.follow(self._read_events_once, cursor, _page_size(limit), every_s)

    async def _read_events(self, after: str | None, limit: int) -> EventPage:
        return await self._caller.ask(_feed_ask(after, limit), lambda said: decode_event_page(said.body))

    async def _read_events_once(self, after: str | None, limit: int) -> EventPage:
        ask = _feed_ask(after, limit)
        return await self._caller.once(ask, lambda said: decode_event_page(said.body), limits.CLIENT_TIMEOUT_S)


def _feed_ask(after: str | None, limit: int) -> Ask:
    query = {"limit": limit, **({"after": after} if after else {})}
    return Ask("GET", f"/events?{urlencode(query)}")


def _page_size(limit: int) -> int:
    if not 1 <= limit <= limits.FEED_PAGE_MAX:
        raise ValueError(f"limit: from 1 to {limits.FEED_PAGE_MAX}, not {limit}")
    return limit


def _read_store(answer: Answer) -> Store:
    return answers.read_store(answer.body)


def _read_menu(answer: Answer) -> Menu | NotModified:
    return NotModified() if answer.status == 304 else answers.read_menu(answer.body, answer.headers.get("etag"))
