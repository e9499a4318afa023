"""The access token of one client: fetched when it is needed, once for all who wait, and renewed before its end."""

import asyncio
import copy
import secrets
import time
from dataclasses import dataclass, field

from heard import limits
from heard.clients.dialect import Dialect
from heard.clients.errors import HubError, RequestRefused, Unavailable, unreadable
from heard.domain.refusals import Refused
from heard.net.call import Carrier, NoAnswer


@dataclass(frozen=True, slots=True)
class Token:
    """Its text never shows: not in a repr, and so in no report of a fault that prints variables."""

    text: str = field(repr=False)
    until: float  # by the monotonic clock


class Tokens:
    """One client's tokens at one hub."""

    def __init__(self, url: str, dialect: Dialect, carrier: Carrier) -> None:
        self._url, self._dialect, self._carrier = url, dialect, carrier
        self._token: Token | None = None
        self._fetching: asyncio.Task[Token | HubError] | None = None

    async def get(self) -> Token:
        """A token that is good for now. Raises HubError."""
        if self._token is not None and time.monotonic() < self._token.until:
            return self._token
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        # Whoever stops waiting does not stop the others.
        outcome = await asyncio.shield(self._fetching)
        if isinstance(outcome, HubError):
            raise copy.copy(outcome)  # each who waits has a traceback of its own
        return outcome

    def drop(self, token: Token) -> None:
        """This token was not taken. Another one, fetched meanwhile, stays."""
        if self._token is token:
            self._token = None

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _fetched(self, task: asyncio.Task[Token | HubError]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None and isinstance(outcome := task.result(), Token):
            self._token = outcome

    async def _fetch(self) -> Token | HubError:
        begun = time.monotonic()
        request_id = f"req_{secrets.token_hex(12)}"
        answer = await self._carrier.send(self._dialect.token_call(self._url, request_id))
        if isinstance(answer, NoAnswer):
            if answer.refused:
                return RequestRefused(answer.reason, code="address_refused")
            code = "no_answer" if answer.sent else "unreachable"
            return Unavailable(f"no token: {answer.reason}", code=code, retryable=True, request_id=request_id)
        if answer.status != 200:
            return self._dialect.token_refusal(answer, request_id)
        try:
            text, expires_in_s = self._dialect.read_token(answer.body)
        except Refused as refused:
            return unreadable(refused, answer, request_id, changes=False)
        early_s = min(limits.CLIENT_TOKEN_EARLY_S, expires_in_s / 10)
        return Token(text, begun + expires_in_s - early_s)
