"""What each test would pay for, and none is about: the world's certificates, and PostgreSQL's own types."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from receivers import a_self_signed

_FIRST_OWN_OID = 16_384  # types before it are PostgreSQL's, and the same in every database


@contextmanager
def few_authorities(folder: Path) -> Iterator[None]:
    """One certificate authority, which nobody uses, for this process and all that it starts.

    No test calls anybody out there, and each client for HTTP would read a hundred and fifty of them: 10 ms.
    """
    folder.mkdir()
    _, certificate = a_self_signed("nobody.test")
    (folder / "one.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(folder / "one.pem"))
        patched.setenv("SSL_CERT_DIR", str(folder))
        yield


@contextmanager
def known_types() -> Iterator[None]:
    """What a connection to PostgreSQL has found out of its built-in types is known to the next one.

    Each asks for the arrays that it meets, 7 ms a time; here are tens of thousands of connections, in a hub a few.
    """
    asked = asyncpg.Connection._introspect_types
    known: dict[frozenset[int], Any] = {}

    async def introspect(self: Any, oids: Any, timeout: float | None) -> Any:  # noqa: ASYNC109 - asyncpg's own words
        wanted = frozenset(oids)
        if wanted not in known:
            found, statement = await asked(self, oids, timeout)
            if any(one["oid"] >= _FIRST_OWN_OID for one in found):
                return found, statement
            known[wanted] = found
        return known[wanted], SimpleNamespace(name="known")  # no statement was prepared for it

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asyncpg.Connection, "_introspect_types", introspect)
        yield
