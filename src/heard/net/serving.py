"""Serving an ASGI app on a socket that is bound already, and ending it without cutting off requests under way."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import structlog
import uvicorn

from heard import limits
from heard.domain.refusals import Code, Refused
from heard.net.answering import new_request_id
from heard.net.connections import Connection
from heard.net.problems import problem

log = structlog.get_logger()

_ENDS: Final = Refused(Code.UNAVAILABLE, "The server ends, and the request did not.")


def spare_the_collector() -> None:
    """For a process that serves or works: what is there at the start stays, the rest is freed by counting references.

    The cyclic collector would walk over every decoded order time and again, and find nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(limits.GC_THRESHOLD, 50, 100)


def allow_many_connections() -> None:
    """Each connection is an open file; many systems give a process 1,024 unless it asks for more."""
    try:
        import resource
    except ImportError:  # Windows has none, and no such bound either
        return
    wanted = 2 * limits.CONNECTIONS_MAX  # the other half for the database, calls out, and those that are refused
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Server(uvicorn.Server):
    """uvicorn without hands on the process's signals: whoever runs it decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(app: Any, finish_s: float = limits.SHUTDOWN_S) -> Server:
    """A server for an ASGI app, quiet: the app keeps its own log. `finish_s`: for requests under way, at its end."""
    return Server(
        uvicorn.Config(
            _answered_to_the_end(app),
            interface="asgi3",
            http=Connection,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=finish_s,  # type: ignore[arg-type]  # it waits for any number of seconds
        )
    )


def _answered_to_the_end(app: Any) -> Any:
    """The app; what the server breaks off, since it ends and will not wait longer, is answered too: try again."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            log.warning("a request was cut off: the server ends", path=scope["path"])
            status, headers, body = problem(_ENDS, new_request_id())
            headers |= {"content-length": str(len(body)), "connection": "close"}
            named = [(name.encode(), value.encode()) for name, value in headers.items()]
            with suppress(RuntimeError):  # its answer had begun
                await send({"type": "http.response.start", "status": status, "headers": named})
                await send({"type": "http.response.body", "body": body})

    return served


async def serve(app: object, bound: socket.socket, finish_s: float = limits.SHUTDOWN_S) -> None:
    """Serve an app on a bound socket until cancelled, then let requests under way end, for so long."""
    server = make_server(app, finish_s)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
