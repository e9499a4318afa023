"""An order's arithmetic as it is kept with it: read back, every number of it can be held against the rules anew."""

from typing import Final

import msgspec

from heard.domain.pricing.priced import Priced
from heard.protocols import typed

_encoder = msgspec.json.Encoder()


class Proof(msgspec.Struct, kw_only=True, frozen=True):
    """`tax_is_estimate` false: the tax is the POS's, spread over the lines as the hub's estimate was."""

    priced: Priced
    tax_is_estimate: bool


_proofs: Final = typed.decoder(Proof)


def encode_proof(priced: Priced, *, tax_is_estimate: bool) -> bytes:
    return _encoder.encode(Proof(priced=priced, tax_is_estimate=tax_is_estimate))


def decode_proof(kept: bytes) -> Proof:
    """What `encode_proof` kept."""
    return _proofs.decode(kept)
