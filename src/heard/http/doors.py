"""How much of each API may be under way in this process at once; what comes beyond that is refused at the door.

A door looks at the path alone: no token is verified, no body is read for a request that is refused. Why these bounds:
docs/why/overload.md.
"""

import itertools
import time
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.engine import metrics
from heard.http.handlers import API_OF
from heard.http.ordering.envelope import refusal_response, repeating
from heard.http.watch import HEALTH
from heard.net.answering import problem_response, request_id_of
from heard.net.connections import LET_WAIT

log = structlog.get_logger()

_BUSY: Final = "The hub has as much under way as it may. Send the same again a little later."
_numbers = itertools.count()


class Door:
    """What is under way of one API: requests that the hub is at, and the bytes of their bodies."""

    def __init__(self, api: str) -> None:
        self.api, self.requests, self.body_bytes = api, 0, 0
        self._shed, self._told_at = 0, 0.0
        metrics.requests_under_way.labels(api).set_function(lambda: self.requests)

    @property
    def is_full(self) -> bool:
        return self.requests >= limits.REQUESTS_MAX

    def refusal(self) -> Refused:
        """What somebody is told who does not come in: counted, and now and then logged."""
        metrics.shed.labels(self.api).inc()
        self._shed += 1
        now = time.monotonic()
        if now - self._told_at >= limits.SHED_LOG_S:
            log.warning("requests are shed", api=self.api, count=self._shed, under_way=self.requests)
            self._shed, self._told_at = 0, now
        # Not all of them may come back in the same second.
        return Refused(Code.UNAVAILABLE, _BUSY, retry_after_s=1 + next(_numbers) % limits.SHED_RETRY_S_MAX)


class Doors:
    """An app with a door for each API. Health has none: whoever looks after an overloaded process must see it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._doors = {api: Door(api) for api in {*API_OF.values(), "other"}}
        self._second, self._in_second = 0, 0  # how many were shed in the second that runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in HEALTH:
            await self._app(scope, receive, send)
            return
        door = self._doors[API_OF.get(path[1:].partition("/")[0], "other")]
        if door.is_full:
            self._hold_back(scope)
            await _refusal(door, Request(scope))(scope, receive, send)
            return
        visit = _Visit(door, receive, send)
        try:
            await self._app(scope, visit.receive, visit.send)
        finally:
            visit.leave()

    def _hold_back(self, scope: Scope) -> None:
        """To refuse is work as well. Who comes again at once, while very many are refused, is not listened to for a
        moment: otherwise the requests inside would never end.
        """
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > limits.SHED_PER_S_MAX and LET_WAIT in scope:
            scope[LET_WAIT](limits.SHED_PAUSE_S)


class _Visit:
    """One request inside. While it waits for its caller's bytes, or for a slow reader, it takes no place."""

    def __init__(self, door: Door, receive: Receive, send: Send) -> None:
        self._door, self._receive, self._send = door, receive, send
        self._inside, self._counted, self._body_bytes = True, True, 0
        door.requests += 1

    async def receive(self) -> Message:
        """Raises Refused when others took the place meanwhile, or all bodies together have grown too large."""
        door = self._door
        self._count(False)
        try:
            message = await self._receive()
        finally:
            self._count(self._inside)  # who has begun to answer, and goes on for long, has left
        came = len(message.get("body", b""))
        self._body_bytes += came
        door.body_bytes += came
        share = limits.BODIES_BYTES_MAX // max(1, limits.REQUESTS_MAX)  # who takes no more pays for nobody's long body
        too_much = door.body_bytes > limits.BODIES_BYTES_MAX and self._body_bytes > share
        if self._inside and (door.requests > limits.REQUESTS_MAX or too_much):
            raise door.refusal()
        return message

    async def send(self, message: Message) -> None:
        self.leave()
        await self._send(message)

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            self._count(False)
            self._door.body_bytes -= self._body_bytes

    def _count(self, counted: bool) -> None:
        self._door.requests += counted - self._counted
        self._counted = counted


def _refusal(door: Door, request: Request) -> Response:
    """In the words of the API that was asked."""
    metrics.requests.labels(door.api, "503").observe(0.0)
    request_id = request_id_of(request)
    if door.api == "ordering":
        return repeating(request, refusal_response(door.refusal(), request_id))
    return problem_response(door.refusal(), request_id)
