"""What tells one request of an application from another."""

import hashlib

import msgspec

from heard.protocols.ordering.asked import AskedOrder

_encoder = msgspec.json.Encoder(order="deterministic")


def order_hash(asked: AskedOrder) -> bytes:
    """SHA-256 of what was asked for.

    Our reading: "the same" means the same content; other white space, key order or an omitted default is no other.
    """
    return hashlib.sha256(_encoder.encode(asked)).digest()
