"""One call of a marketplace to its hub: with a token, tried again where that is safe, ended by an answer or an error.

Everything that Link lets a marketplace ask is safe to repeat. So whatever may have been carried out is asked again,
and where the time is up first, the error says that the outcome is unknown.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from heard import limits
from heard.clients.link.errors import (
    Forbidden,
    LinkError,
    RequestRefused,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
    refusal,
    unreadable,
)
from heard.clients.link.tokens import Token, Tokens
from heard.domain.refusals import Refused
from heard.domain.retry import full_jitter_s
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound

T = TypeVar("T")
BASE = "/link/v2"
_TRY_S_MIN = 0.1  # less is no try
_TRIED = (Unavailable, UnknownOutcome)
_SETTLES_NOTHING = (*_TRIED, Unauthorized, Forbidden)  # none of them says what became of an earlier try


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, by its path below `/link/v2`. `changes`: without an answer, it may have been carried out."""

    method: str
    path: str
    body: bytes | None = None
    success: tuple[int, ...] = (200,)
    etag: str | None = None
    answer_bytes_max: int = limits.CLIENT_ANSWER_BYTES_MAX
    try_s: float = limits.CLIENT_TRY_S

    @property
    def changes(self) -> bool:
        return self.method != "GET"


class Caller:
    """Calls one hub as one client."""

    def __init__(self, url: str, client: tuple[str, str], scopes: Sequence[str], outbound: Outbound) -> None:
        self.url = url
        self._outbound = outbound
        self._tokens = Tokens(url, client, scopes, outbound)

    async def close(self) -> None:
        await self._tokens.close()

    async def ask(self, ask: Ask, read: Callable[[Answer], T], within_s: float) -> T:
        """What `read` makes of a good answer. Raises LinkError."""
        ends = time.monotonic() + within_s
        failures, open_since = 0, None
        while True:
            try:
                return await self.once(ask, read, ends - time.monotonic())
            except LinkError as error:
                failures += 1
                delay_s = retry_delay_s(error, failures, limits.CLIENT_BACKOFF_CAP_S)
                if not isinstance(error, _TRIED) or time.monotonic() + delay_s + _TRY_S_MIN > ends:
                    if open_since is not None and isinstance(error, _SETTLES_NOTHING):
                        raise _still_unknown(open_since, error) from error
                    raise
                if isinstance(error, UnknownOutcome):
                    open_since = error
            await asyncio.sleep(delay_s)

    async def once(self, ask: Ask, read: Callable[[Answer], T], within_s: float) -> T:
        """One try; a token that is not taken any more is renewed once. Raises LinkError."""
        answer, request_id = await self._send(ask, within_s)
        if answer.status not in ask.success:
            raise refusal(answer, request_id, ask.changes)
        try:
            if len(answer.body) > limits.MENU_APART_BYTES_MIN:  # reading that much would hold up everything else
                return await asyncio.to_thread(read, answer)
            return read(answer)
        except Refused as refused:
            raise unreadable(refused, answer, request_id, ask.changes) from None

    async def _send(self, ask: Ask, within_s: float) -> tuple[Answer, str]:
        ends = time.monotonic() + within_s
        token = await self._token(within_s)
        answer, request_id = await self._send_with(token, ask, ends)
        if answer.status == 401:  # expired by another clock, or revoked
            self._tokens.drop(token)
            answer, request_id = await self._send_with(await self._token(ends - time.monotonic()), ask, ends)
        return answer, request_id

    async def _token(self, within_s: float) -> Token:
        try:
            async with asyncio.timeout(within_s):
                return await self._tokens.get()
        except TimeoutError:
            raise Unavailable("no token came in time", code="no_answer", retryable=True) from None

    async def _send_with(self, token: Token, ask: Ask, ends: float) -> tuple[Answer, str]:
        request_id = f"req_{secrets.token_hex(12)}"
        try_s = max(0.05, min(ask.try_s, ends - time.monotonic()))
        url = self.url + BASE + ask.path
        # The headers hold the token: no variable does.
        call = Call(ask.method, url, _headers(token, ask, request_id), ask.body, try_s, ask.answer_bytes_max)
        answer = await self._outbound.send(call)
        if isinstance(answer, NoAnswer):
            raise no_answer(answer, request_id, ask.changes)
        return answer, request_id


def _headers(token: Token, ask: Ask, request_id: str) -> dict[str, str]:
    named = {"authorization": f"Bearer {token.text}", "accept": "application/json", "x-request-id": request_id}
    if ask.body is not None:
        named["content-type"] = "application/json"
    return named if ask.etag is None else {**named, "if-none-match": ask.etag}


def no_answer(answer: NoAnswer, request_id: str, changes: bool) -> LinkError:
    """A call without an answer, as an error."""
    if answer.refused:
        return RequestRefused(answer.reason, code="address_refused")
    if not answer.sent:
        return Unavailable(answer.reason, code="unreachable", retryable=True)
    kind = UnknownOutcome if changes else Unavailable
    return kind(answer.reason, code="no_answer", retryable=True, request_id=request_id)


def retry_delay_s(error: LinkError, failures: int, cap_s: float) -> float:
    """Seconds until the next try: what the hub asks for and a little, or growing with jitter."""
    chance = random.random()  # noqa: S311 - spreads a crowd, hides nothing
    if error.retry_after_s is not None:
        return error.retry_after_s + chance * limits.CLIENT_BACKOFF_BASE_S
    return full_jitter_s(failures, chance, limits.CLIENT_BACKOFF_BASE_S, cap_s)


def _still_unknown(earlier: UnknownOutcome, last: LinkError) -> UnknownOutcome:
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
