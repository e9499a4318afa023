"""The access token of one client: fetched when it is needed, once for all who wait, and renewed before its end."""

import asyncio
import copy
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from heard import limits
from heard.clients.link.errors import LinkError, RequestRefused, Unavailable, token_refusal, unreadable
from heard.domain.refusals import Refused
from heard.net.call import Call, NoAnswer
from heard.net.outbound import Outbound
from heard.protocols.link.decode import decode_token

_PATH = "/link/v2/oauth/token"


@dataclass(frozen=True, slots=True)
class Token:
    """Its text never shows: not in a repr, and so in no report of a fault that prints variables."""

    text: str = field(repr=False)
    until: float  # by the monotonic clock


class Tokens:
    """One client's tokens at one hub."""

    def __init__(self, url: str, client: tuple[str, str], scopes: Sequence[str], outbound: Outbound) -> None:
        self._url, self._client, self._scopes, self._outbound = url, client, tuple(scopes), outbound
        self._token: Token | None = None
        self._fetching: asyncio.Task[Token | LinkError] | None = None

    async def get(self) -> Token:
        """A token that is good for now. Raises LinkError."""
        if self._token is not None and time.monotonic() < self._token.until:
            return self._token
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        # Whoever stops waiting does not stop the others.
        outcome = await asyncio.shield(self._fetching)
        if isinstance(outcome, LinkError):
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

    def _fetched(self, task: asyncio.Task[Token | LinkError]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None and isinstance(outcome := task.result(), Token):
            self._token = outcome

    async def _fetch(self) -> Token | LinkError:
        begun = time.monotonic()
        request_id = f"req_{secrets.token_hex(12)}"
        form = {"grant_type": "client_credentials", "client_id": self._client[0], "client_secret": self._client[1]}
        if self._scopes:
            form["scope"] = " ".join(self._scopes)
        headers = {"content-type": "application/x-www-form-urlencoded", "x-request-id": request_id}
        call = Call(
            "POST", self._url + _PATH, headers, urlencode(form).encode(), limits.CLIENT_TRY_S, limits.BODY_BYTES_MAX
        )
        answer = await self._outbound.send(call)
        if isinstance(answer, NoAnswer):
            if answer.refused:
                return RequestRefused(answer.reason, code="address_refused")
            code = "no_answer" if answer.sent else "unreachable"
            return Unavailable(f"no token: {answer.reason}", code=code, retryable=True, request_id=request_id)
        if answer.status != 200:
            return token_refusal(answer, request_id)
        try:
            told = decode_token(answer.body)
        except Refused as refused:
            return unreadable(refused, answer, request_id, changes=False)
        early_s = min(limits.CLIENT_TOKEN_EARLY_S, told.expires_in / 10)
        return Token(told.access_token, begun + told.expires_in - early_s)
