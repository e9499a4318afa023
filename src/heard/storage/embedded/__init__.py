"""PostgreSQL that comes along: found, initialised, started, shared between processes, stopped by the last one out."""

from heard.storage.embedded.binaries import Binaries, find_binaries
from heard.storage.embedded.errors import EmbeddedPostgresError
from heard.storage.embedded.launcher import EmbeddedPostgres, stop

__all__ = ["Binaries", "EmbeddedPostgres", "EmbeddedPostgresError", "find_binaries", "stop"]
