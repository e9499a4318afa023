"""Secrets at rest: AES-256-GCM under the hub's key, each sealed to the place it belongs to."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
KEY_BYTES = 32


class SealError(Exception):
    """A key that is none, or a secret that this key did not seal; the text is fit for an operator."""


def new_key() -> str:
    """A fresh key, as text for HEARD_SECRET_KEY or a key file."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class Sealer:
    """Seals and opens secrets. The key never shows."""

    def __init__(self, key: str) -> None:
        try:
            raw = base64.b64decode(key.strip().replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            raise SealError("the secret key is not base64") from None
        if len(raw) != KEY_BYTES:
            raise SealError(f"the secret key holds {len(raw)} bytes, {KEY_BYTES} are needed")
        self._cipher = AESGCM(raw)

    def __repr__(self) -> str:
        return "Sealer(key hidden)"

    def seal(self, secret: str, place: str) -> bytes:
        """The secret encrypted. `place` (a kind and an id) must be named again to open it: no swapping of rows."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """The secret again. Raises SealError when key, place or bytes are not those it was sealed with."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealError(f"the secret of {place} was sealed with another key (see HEARD_SECRET_KEY)") from None
