"""One call of a channel to its hub: with a token, tried again where that is safe, ended by an answer or an error.

Nearly all that a hub lets a channel ask is safe to repeat. So whatever may have been carried out is asked again, unless
it says of itself that it must not be; and where the time is up first, the error says that the outcome is unknown.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from heard import limits
from heard.clients.dialect import Dialect
from heard.clients.errors import (
    Forbidden,
    HubError,
    RequestRefused,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
    refusal,
    unreadable,
)
from heard.clients.tokens import Token, Tokens
from heard.domain.refusals import Refused
from heard.domain.retry import full_jitter_s
from heard.net.call import Answer, Call, NoAnswer
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound

T = TypeVar("T")
_TRY_S_MIN = 0.1  # less is no try
_TRIED = (Unavailable, UnknownOutcome)
_SETTLES_NOTHING = (*_TRIED, Unauthorized, Forbidden)  # none of them says what became of an earlier try
_GUARDED = 'allow of the client, e.g. allow=["127.0.0.0/8"]'


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, by its path below the API's base.

    `reads`: it changes nothing, whatever its method. `repeats`: a second time does nothing that the first did not.
    """

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)  # a guest's data, and what pays for an order
    success: tuple[int, ...] = (200,)
    etag: str | None = None
    answer_bytes_max: int = limits.CLIENT_ANSWER_BYTES_MAX
    try_s: float = limits.CLIENT_TRY_S
    reads: bool = False
    repeats: bool = True

    @property
    def changes(self) -> bool:
        """Without an answer, it may have been carried out."""
        return self.method != "GET" and not self.reads


class Caller:
    """Calls one hub as one client, within `timeout_s` for each thing that is asked, with all its tries."""

    def __init__(
        self,
        url: str,
        dialect: Dialect,
        *,
        allow: Sequence[str],
        timeout_s: float,
        retry: bool,
        outbound: Outbound | None,
    ) -> None:
        """`outbound`: a way out that is shared, and closed by whoever made it."""
        self._url, self._dialect = url, dialect
        self._timeout_s, self._retry = timeout_s, retry
        self._own_outbound = outbound is None
        self._outbound = outbound or Outbound(AddressGuard(allow, _GUARDED))
        self._tokens = Tokens(url, dialect, self._outbound) if dialect.has_client else None

    async def close(self) -> None:
        if self._tokens is not None:
            await self._tokens.close()
        if self._own_outbound:
            await self._outbound.__aexit__(None, None, None)

    async def ask(self, ask: Ask, read: Callable[[Answer], T]) -> T:
        """What `read` makes of a good answer. Raises HubError."""
        if not self._retry:
            return await self.once(ask, read, self._timeout_s)
        ends = time.monotonic() + self._timeout_s
        failures, open_since = 0, None
        while True:
            try:
                return await self.once(ask, read, ends - time.monotonic())
            except HubError as error:
                failures += 1
                delay_s = retry_delay_s(error, failures, limits.CLIENT_BACKOFF_CAP_S)
                if not _tried_again(ask, error) or time.monotonic() + delay_s + _TRY_S_MIN > ends:
                    if open_since is not None and isinstance(error, _SETTLES_NOTHING):
                        raise _still_unknown(open_since, error) from error
                    raise
                if isinstance(error, UnknownOutcome):
                    open_since = error
            await asyncio.sleep(delay_s)

    async def once(self, ask: Ask, read: Callable[[Answer], T], within_s: float) -> T:
        """One try; a token that is not taken any more is renewed once. Raises HubError."""
        answer, request_id = await self._send(ask, within_s)
        if answer.status not in ask.success:
            raise _settled(ask, refusal(self._dialect.problem(answer), answer, request_id, ask.changes))
        try:
            if len(answer.body) > limits.MENU_APART_BYTES_MIN:  # reading that much would hold up everything else
                return await asyncio.to_thread(read, answer)
            return read(answer)
        except Refused as refused:
            raise _settled(ask, unreadable(refused, answer, request_id, ask.changes)) from None

    async def _send(self, ask: Ask, within_s: float) -> tuple[Answer, str]:
        ends = time.monotonic() + within_s
        if self._tokens is None:
            return await self._send_with(None, ask, ends)
        token = await self._token(self._tokens, within_s)
        answer, request_id = await self._send_with(token, ask, ends)
        if answer.status == 401:  # expired by another clock, or revoked
            self._tokens.drop(token)
            token = await self._token(self._tokens, ends - time.monotonic())
            answer, request_id = await self._send_with(token, ask, ends)
        return answer, request_id

    async def _token(self, tokens: Tokens, within_s: float) -> Token:
        try:
            async with asyncio.timeout(within_s):
                return await tokens.get()
        except TimeoutError:
            raise Unavailable("no token came in time", code="no_answer", retryable=True) from None

    async def _send_with(self, token: Token | None, ask: Ask, ends: float) -> tuple[Answer, str]:
        request_id = f"req_{secrets.token_hex(12)}"
        try_s = max(0.05, min(ask.try_s, ends - time.monotonic()))
        url = self._url + self._dialect.base + ask.path
        # The headers hold the token: no variable does.
        call = Call(ask.method, url, self._headers(token, ask, request_id), ask.body, try_s, ask.answer_bytes_max)
        answer = await self._outbound.send(call)
        if isinstance(answer, NoAnswer):
            raise _settled(ask, no_answer(answer, request_id, ask.changes))
        return answer, request_id

    def _headers(self, token: Token | None, ask: Ask, request_id: str) -> dict[str, str]:
        named = {"accept": "application/json", "x-request-id": request_id}
        if ask.body is not None:
            named["content-type"] = "application/json"
        if ask.etag is not None:
            named["if-none-match"] = ask.etag
        return named | self._dialect.headers(None if token is None else token.text)


def no_answer(answer: NoAnswer, request_id: str, changes: bool) -> HubError:
    """A call without an answer, as an error."""
    if answer.refused:
        return RequestRefused(answer.reason, code="address_refused")
    if not answer.sent:
        return Unavailable(answer.reason, code="unreachable", retryable=True)
    kind = UnknownOutcome if changes else Unavailable
    return kind(answer.reason, code="no_answer", retryable=True, request_id=request_id)


def retry_delay_s(error: HubError, failures: int, cap_s: float) -> float:
    """Seconds until the next try: what the hub asks for and a little, or growing with jitter."""
    chance = random.random()  # noqa: S311 - spreads a crowd, hides nothing
    if error.retry_after_s is not None:
        return error.retry_after_s + chance * limits.CLIENT_BACKOFF_BASE_S
    return full_jitter_s(failures, chance, limits.CLIENT_BACKOFF_BASE_S, cap_s)


def part(text: str) -> str:
    """One segment of a path. Raises ValueError for what would name another path."""
    if not text or text in (".", ".."):
        raise ValueError(f"{text!r} is no id")
    return quote(text, safe="")


def _tried_again(ask: Ask, error: HubError) -> bool:
    return isinstance(error, _TRIED) and (ask.repeats or not isinstance(error, UnknownOutcome))


def _settled(ask: Ask, error: HubError) -> HubError:
    """The error as it is meant for this ask: what must not be repeated does not say that it may be."""
    if isinstance(error, UnknownOutcome) and not ask.repeats:
        error.retryable = False
    return error


def _still_unknown(earlier: UnknownOutcome, last: HubError) -> UnknownOutcome:
    if isinstance(last, UnknownOutcome):
        return last
    return UnknownOutcome(
        f"{earlier.detail}; when asked again: {last}",
        code=earlier.code,
        status=earlier.status,
        retryable=True,
        request_id=earlier.request_id,
        retry_after_s=last.retry_after_s,
    )
