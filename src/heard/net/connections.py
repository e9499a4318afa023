"""A stranger's connection, held to bounds that uvicorn leaves open: how large a request's head is, how slow it comes.

What is no HTTP is told as a problem like every other fault, and a wish for another protocol (Java's clients ask for
h2c with each first call) is passed over, as RFC 9110 allows, instead of losing the body.
"""

import asyncio
from typing import Any, Final

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.net.answering import new_request_id
from heard.net.problems import problem

log = structlog.get_logger()

LET_WAIT: Final = "heard.let_wait"
_NO_HTTP: Final = Refused(Code.MALFORMED_REQUEST, "That is no HTTP request.")
_TOO_LARGE: Final = Refused(
    Code.HEAD_TOO_LARGE, f"The path and the headers may have at most {limits.HEAD_BYTES_MAX} bytes."
)
_TOO_MANY: Final = Refused(Code.UNAVAILABLE, f"More than {limits.CONNECTIONS_MAX} connections are open.")
_TOO_SLOW: Final = Refused(Code.TOO_SLOW, f"The headers must come within {limits.HEAD_WITHIN_S:g} s.")


class Connection(HttpToolsProtocol):
    """uvicorn's HTTP protocol within bounds. A head is the request line and the headers."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = True
        self._head_bytes = 0
        self._fault = _NO_HTTP
        self._refused = False
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    # --- bytes as they come ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > limits.CONNECTIONS_MAX:
            self._refuse(_TOO_MANY)
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(limits.READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
            if self._late is None:
                self._expect_head()
        try:
            self.parser.feed_data(data)
            if self._in_head and self._head_bytes > limits.HEAD_BYTES_MAX:
                self._refuse(_TOO_LARGE)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._fault)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """The same request as if it had not asked for another protocol."""
        if self.parser.get_method() == b"CONNECT":
            self._refuse(_NO_HTTP)
            return
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        for name, value in self.headers:
            if name == b"connection":
                lines += [b"connection: close"] if b"close" in value.lower() else []
            elif name != b"upgrade":
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    # --- what the parser found ------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value.rstrip(b" \t"))  # RFC 9110 5.5: white space around it is none of the value

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        self._forget_timer()
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > limits.HEAD_BYTES_MAX:
            self._fault = _TOO_LARGE
            raise ValueError("the head is too large")  # ends the parsing
        self.scope[LET_WAIT] = self.let_wait  # type: ignore[typeddict-unknown-key]  # ASGI lets servers add their own
        super().on_headers_complete()

    def let_wait(self, seconds: float) -> None:
        """Read nothing more of this caller for so long. An app finds this in the scope, under LET_WAIT."""
        if not self.transport.is_closing():
            self.transport.pause_reading()
            self.loop.call_later(seconds, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()
        if self._late is not None:  # what was left of a refused body has come
            self._forget_timer()
            self._expect_head()

    def on_response_complete(self) -> None:
        """An answer is out. One that did not wait for the request's body is a refusal: the caller is to read it.

        Many clients send a head and its body one after the other, and then the next request: what is left of a small
        body is read and thrown away. Otherwise the caller reads why, and the connection ends.
        """
        unread = self.cycle.more_body and not self.pipeline
        super().on_response_complete()
        if not unread or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self.cycle.body.clear()
        if self._rest_is_small():
            self._late = self.loop.call_later(limits.LINGER_S, self._let_go)
        else:
            self._let_go()

    def _rest_is_small(self) -> bool:
        """Whether the body that nobody wants ends soon; of whoever waits for leave to send it, none may ever come."""
        declared = [value for name, value in self.headers if name == b"content-length"]
        small = len(declared) == 1 and int(declared[0]) <= limits.UNREAD_BODY_BYTES_MAX
        return small and not self.expect_100_continue

    def _let_go(self) -> None:
        self._forget_timer()
        self._refused = True
        if not self.transport.is_closing():
            self._part()

    def _should_upgrade(self) -> bool:
        return True  # so that nothing is answered before _go_on_without_upgrade

    # --- refusals -------------------------------------------------------------------------------------------

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(limits.HEAD_WITHIN_S, self._too_late)

    def _forget_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        if self._head_bytes:
            self._refuse(_TOO_SLOW)
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, refused: Refused) -> None:
        self._forget_timer()
        self._refused = True
        if self.transport.is_closing() or self._owes_an_answer():
            return
        request_id = new_request_id()
        log.info("refused", request_id=request_id, code=refused.code, why=refused.detail)
        status, headers, body = problem(refused, request_id)
        headers |= {"content-length": str(len(body)), "connection": "close", "x-request-id": request_id}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + lines.encode("ascii") + b"\r\n" + body)
        self._part()

    def _owes_an_answer(self) -> bool:
        """Whether what is wrong came after a whole request that waits for its answer: that comes first, and is all."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            return False
        if not cycle.more_body or cycle.response_started:
            cycle.keep_alive = False
            return True
        cycle.disconnected = True  # it is in the body of this very request: nobody waits for that any more
        cycle.message_event.set()
        return False

    def _part(self) -> None:
        """Say goodbye before the connection is closed: what still comes would reset it, and the refusal be lost."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(limits.LINGER_S, self.transport.close)
