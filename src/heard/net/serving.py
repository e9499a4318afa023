"""Serving an ASGI app on a socket that is bound already, and ending it without cutting off requests under way."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from heard import limits
from heard.net.connections import Connection


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


def make_server(app: object) -> Server:
    """A server for an ASGI app, quiet: the app keeps its own log."""
    return Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            interface="asgi3",
            http=Connection,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )


async def serve(app: object, bound: socket.socket) -> None:
    """Serve an app on a bound socket until cancelled, then let requests under way end."""
    server = make_server(app)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
