"""What is kept of an order beside its content: a hash that tells one request from another, and its arithmetic."""

import hashlib
from typing import Final

import msgspec

from heard.domain.pricing.priced import Priced
from heard.protocols.ordering.asked import AskedOrder

_encoder = msgspec.json.Encoder(order="deterministic")


class Proof(msgspec.Struct, kw_only=True, frozen=True):
    """An order's arithmetic as it was done. `tax_is_estimate` false: the tax is the POS's, spread over the lines."""

    priced: Priced
    tax_is_estimate: bool


_proofs: Final = msgspec.json.Decoder(Proof)


def order_hash(asked: AskedOrder) -> bytes:
    """SHA-256 of what was asked for.

    Our reading: "the same" means the same content; other white space, key order or an omitted default is no other.
    """
    return hashlib.sha256(_encoder.encode(asked)).digest()


def encode_proof(priced: Priced, *, tax_is_estimate: bool) -> bytes:
    return _encoder.encode(Proof(priced=priced, tax_is_estimate=tax_is_estimate))


def decode_proof(kept: bytes) -> Proof:
    """What `encode_proof` kept."""
    return _proofs.decode(kept)
