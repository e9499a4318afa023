"""A webhook receiver as an ASGI app: verifies, drops what was seen and what is late, answers once it is handled.

What it promises is at least once: an event whose `handle` raised, or did not end, is sent again by the hub. Each is
handled at most once where `seen` and `handle` share a transaction (SqliteSeen with a connection).
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from heard import limits
from heard.clients.webhooks.seen import MemorySeen, Seen
from heard.clients.webhooks.verifying import WebhookRefused, verify_event
from heard.domain.refusals import Code, Refused
from heard.net.bodies import read_body
from heard.protocols.link.events import Event
from heard.protocols.webhooks.auth import sign

log = logging.getLogger("heard.clients.webhooks")

Handle = Callable[[Event], Awaitable[None] | None]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_TAKEN, _NOT_GENUINE, _NOT_HERE, _ONLY_POST, _TOO_SLOW, _TOO_LARGE, _FAILED = 204, 401, 404, 405, 408, 413, 500
_BODY_FAULTS: Final = {Code.TOO_SLOW: _TOO_SLOW, Code.BODY_TOO_LARGE: _TOO_LARGE}


class WebhookReceiver:
    """Hands every event to `handle`, once, those about one order in their order.

    A delivery is answered 204 when `handle` has returned, or had before; 401 when it is not the hub's, without a word
    of why (the log says it); 500 when `handle` raised, and then it comes again. A hub waits ten seconds: what takes
    longer is better written down by `handle` and done afterwards.
    """

    def __init__(
        self,
        secrets: str | Sequence[str],
        handle: Handle,
        *,
        seen: Seen | None = None,
        path: str | None = None,
        otherwise: App | None = None,
        body_bytes_max: int = limits.BODY_BYTES_MAX,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`secrets`: the endpoint's, two while one is replaced. `handle` may be `async` or plain; a plain one holds up
        the event loop. `seen` None: in memory. `path`: serve only this one, and leave all others to the app
        `otherwise`. Raises ValueError for a secret that is none.
        """
        self._secrets = (secrets,) if isinstance(secrets, str) else tuple(secrets)
        if not self._secrets:
            raise ValueError("secrets: give at least one, such as whsec_...")
        if otherwise is not None and path is None:
            raise ValueError("path: say which is the receiver's, and which of the app behind it")
        sign(self._secrets, "probe", 0, b"")  # one that is none fails here, not at the first event
        self._handle, self._seen = handle, seen or MemorySeen()
        self._path, self._otherwise = path, otherwise
        self._body_bytes_max, self._clock = body_bytes_max, clock

    def __repr__(self) -> str:
        return f"WebhookReceiver(path={self._path!r})"  # never the secrets

    async def take(self, event: Event) -> bool:
        """Hand over an event from anywhere, such as the feed; False when it was seen before or is late. Raises what
        `handle` raises.
        """
        async with self._seen.turn(event) as news:
            if news:
                outcome = self._handle(event)
                if inspect.isawaitable(outcome):
                    await outcome
        return news

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and self._path in (None, scope["path"])
        if not ours and self._otherwise is not None:
            await self._otherwise(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            status = await self._receive(Request(scope, receive)) if ours else _NOT_HERE
            await _answer(send, status)
        else:
            raise RuntimeError(f"a webhook receiver serves http, not {scope['type']}")

    async def _receive(self, request: Request) -> int:
        if request.method != "POST":
            return _ONLY_POST
        try:
            body = await read_body(request, self._body_bytes_max)
            event = verify_event(request.headers, body, self._secrets, self._clock())
        except Refused as refused:
            return _BODY_FAULTS[refused.code]
        except ClientDisconnect:
            return _TOO_SLOW  # nobody hears it
        except WebhookRefused as refused:
            log.warning("a webhook was refused: %s", refused.rule)
            return _NOT_GENUINE
        try:
            news = await self.take(event)
        except Exception:
            log.exception("%s (%s) could not be handled, and will be sent again", event.type, event.id)
            return _FAILED
        log.debug("%s (%s) was %s", event.type, event.id, "handled" if news else "seen before, or is late")
        return _TAKEN


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0")] if status != _TAKEN else []
    if status == _ONLY_POST:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _live(receive: Receive, send: Send) -> None:
    """A server's start and stop: there is nothing to do at either."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
