"""The one way out: every call to an address given by others is resolved, checked, and made to the checked address.

A client is built for each host and pinned to the address that passed; names are resolved anew after OUTBOUND_PIN_S.
Redirects are not followed and no proxy is asked, so that nothing can lead a call elsewhere.
"""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import BuilderError, PyreqwestError
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from heard import __version__, limits
from heard.net import tracing
from heard.net.call import Answer, Call, NoAnswer
from heard.net.guard import AddressGuard, AddressRefused
from heard.net.tracing import Kind

T = TypeVar("T")


@dataclass(slots=True)
class _Pinned:
    client: Client
    until: float


class Outbound:
    """Carries out calls. Use it as an async context manager; one for a process."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._pinned: OrderedDict[tuple[str, str, int], _Pinned] = OrderedDict()
        self._pinning: dict[tuple[str, str, int], asyncio.Task[_Pinned]] = {}

    async def __aenter__(self) -> "Outbound":
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._pinned:
            await self._pinned.popitem()[1].client.close()

    async def send(self, call: Call) -> Answer | NoAnswer:
        """Make a call. Whatever goes wrong is a NoAnswer with its reason; never raises for the other side's doing.

        Where it is traced, the other side may go on with the trace: its id and the span's go with the call.
        """
        with tracing.span(call.name or call.method, Kind.CLIENT) as span:
            answer = await _or_cancelled(self._send(call))
            span.note({"http.request.method": call.method, "server.address": urlsplit(call.url).hostname or ""})
            if isinstance(answer, NoAnswer):
                span.fail(answer.reason)
            else:
                span.note({"http.response.status_code": answer.status})
        return answer

    async def _send(self, call: Call) -> Answer | NoAnswer:
        try:
            client = await self._client(call.url)
        except AddressRefused as refused:
            return NoAnswer(f"the address is refused: {refused}", sent=False, refused=True)
        except (OSError, PyreqwestError, ValueError) as error:
            return NoAnswer(f"no connection: {_text(error)}", sent=False)
        try:
            request = _request(client, call)
        except ValueError:  # its text shows the value, which may be a secret
            return NoAnswer("the request cannot be made: a header holds what no header can", sent=False, refused=True)
        try:
            return await _exchange(request, call)
        except BuilderError as error:
            return NoAnswer(f"the request cannot be made: {_text(error)}", sent=False, refused=True)
        except (PyreqwestError, TimeoutError) as error:
            if _never_connected(error):
                return NoAnswer(f"no connection: {_text(error)}", sent=False)
            if isinstance(error, TimeoutError):
                return NoAnswer(f"no answer within {call.timeout_s:g} s", sent=True)
            return NoAnswer(f"the connection broke: {_text(error)}", sent=True)

    async def _client(self, url: str) -> Client:
        parsed = Url(url)
        host, port = parsed.host_str, parsed.port_or_known_default
        if parsed.scheme not in ("http", "https") or host is None or port is None:
            raise AddressRefused("only http and https addresses are called")
        key = (parsed.scheme, host, port)
        pinned = self._pinned.get(key)
        if pinned is None or pinned.until < time.monotonic():
            pinned = await self._pin_once(key)
        if key in self._pinned:  # a thousand others may have come meanwhile
            self._pinned.move_to_end(key)
        return pinned.client

    async def _pin_once(self, key: tuple[str, str, int]) -> _Pinned:
        """However many calls wait for a host: one looks it up and builds the client, which takes 5 ms."""
        if key not in self._pinning:
            self._pinning[key] = asyncio.create_task(self._pin(key))
            self._pinning[key].add_done_callback(lambda _: self._pinning.pop(key))
        return await asyncio.shield(self._pinning[key])

    async def _pin(self, key: tuple[str, str, int]) -> _Pinned:
        _, host, port = key
        bare = host.strip("[]")
        found = await asyncio.get_running_loop().getaddrinfo(bare, port, type=socket.SOCK_STREAM)
        address = self._guard.choose([str(entry[4][0]) for entry in found])
        builder = (
            ClientBuilder()
            .user_agent(f"heard/{__version__}")
            .no_proxy()
            .follow_redirects(False)
            .connect_timeout(timedelta(seconds=limits.CONNECT_TIMEOUT_S))
            .pool_idle_timeout(timedelta(seconds=limits.OUTBOUND_IDLE_S))
        )
        if bare != address:
            builder = builder.resolve(bare, address, port)
        # The old client is left to finish what it is at; it closes with its last request.
        pinned = _Pinned(builder.build(), time.monotonic() + limits.OUTBOUND_PIN_S)
        self._pinned[key] = pinned
        if len(self._pinned) > limits.OUTBOUND_HOSTS_MAX:
            self._pinned.popitem(last=False)
        return pinned


async def _or_cancelled(calling: Awaitable[T]) -> T:
    """What came of it, unless this task was told to end meanwhile.

    The client lets a cancellation fall where its answer is there already; whoever is to end would then go on for ever.
    """
    task = asyncio.current_task()
    assert task is not None  # this is a coroutine: it runs in a task
    told_before = task.cancelling()
    outcome = await calling
    if task.cancelling() > told_before:
        raise asyncio.CancelledError
    return outcome


def _request(client: Client, call: Call) -> RequestBuilder:
    request = client.request(call.method, call.url).timeout(timedelta(seconds=call.timeout_s))
    trace = tracing.current()
    request = request.headers(dict(call.headers) if trace is None else {"traceparent": trace, **call.headers})
    if not call.whole:  # else the status is not told before some 64 kB of the body are there
        request = request.streamed_read_buffer_limit(0)
    return request if call.body is None else request.body_bytes(call.body)


async def _exchange(request: RequestBuilder, call: Call) -> Answer | NoAnswer:
    async with asyncio.timeout(call.timeout_s + 1), request.build_streamed() as response:
        try:
            body = await _read(response, call.answer_bytes_max)
        except (PyreqwestError, TimeoutError):
            if call.whole:
                raise
            body = b""
        if body is None and call.whole:
            return NoAnswer(f"the answer is larger than {call.answer_bytes_max} bytes", sent=True)
        return Answer(response.status, _headers(response), body or b"")


def _headers(response: Response) -> dict[str, str]:
    """Header names in lower case. One whose bytes are no text counts as absent: nothing of ours is written so."""
    found: dict[str, str] = {}
    for name in response.headers.keys():  # noqa: SIM118 - iterating it decodes the values
        try:
            found[name.lower()] = response.headers[name]
        except ValueError:
            continue
    return found


async def _read(response: Response, bytes_max: int) -> bytes | None:
    body = bytearray()
    while (chunk := await response.body_reader.read_chunk()) is not None:
        body += bytes(chunk)
        if len(body) > bytes_max:
            return None
    return bytes(body)


def _never_connected(error: Exception) -> bool:
    """Whether the fault came before any byte could leave.

    The client calls an answer that does not come in time a ConnectTimeoutError too; taken at its word, a submit that
    the POS carried out would be sent again. Only the cause that its connector itself leaves is proof.
    """
    return any(cause.get("message") == "client error (Connect)" for cause in _causes(error))


def _causes(error: Exception) -> list[dict[str, str]]:
    details = getattr(error, "details", None)
    return details.get("causes") or [] if isinstance(details, dict) else []


def _text(error: Exception) -> str:
    """The innermost cause in few words; never the request's headers or body."""
    causes = _causes(error)
    if causes:
        return str(causes[-1].get("message", error))[: limits.REASON_MAX]
    return (str(error) or type(error).__name__)[: limits.REASON_MAX]
