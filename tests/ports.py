"""Ports that are kept for who is to listen there."""

import atexit
import socket
from contextlib import ExitStack

_kept = ExitStack()
atexit.register(_kept.close)


def keep_port(port: int = 0) -> int:
    """A port that nobody listens on, and that no connection of this machine is given before somebody does."""
    bound = _kept.enter_context(socket.socket())
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    kept: int = bound.getsockname()[1]
    return kept
