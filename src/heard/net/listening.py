"""A socket to serve on, bound before anything is served. Apart from serving.py, since many ask for no server."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_BACKLOG = 2048


class CannotListen(Exception):
    """The address is taken, or none of ours; one line fit for an operator."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens already: its address is known (port 0), a taken port is one clear line, and whoever calls
    before the server is quite up waits for it. Raises CannotListen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: only then does asyncio send a short answer at once, where it would wait 40 ms for more to send.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            raise CannotListen(f"host, port: cannot listen on {host}:{port}: {error.strerror}") from None
        yield bound
