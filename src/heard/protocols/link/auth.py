"""Link's client credentials: what secrets and tokens look like, and how they are compared. Only hashes are stored.

Source: RFC 6749, client credentials grant; RFC 6750, Bearer tokens. Formats and scopes are our reading.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from heard.domain.refusals import Code, Refused

SCOPES: Final = ("orders", "menus", "stores", "events")
_CHANCE_BYTES_MIN = 32
_TOKEN_LENGTH_MAX = 256
_NO_HASH = bytes(32)  # of no secret that anybody can find


class OAuthRefused(Exception):
    """A token request that is not granted. `error` is RFC 6749's word, which is all the caller learns."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def new_secret(kind: str, chance: bytes) -> str:
    """`hcs_...` (client secret) or `hat_...` (access token): recognisable where it must not be."""
    if len(chance) < _CHANCE_BYTES_MIN:
        raise ValueError(f"a secret needs {_CHANCE_BYTES_MIN} bytes of chance, got {len(chance)}")
    return f"{kind}_{base64.urlsafe_b64encode(chance).decode().rstrip('=')}"


def hash_secret(secret: str) -> bytes:
    """SHA-256: enough for what is random, and quick enough for every call."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matching_hash(secret: str, hashes: Sequence[bytes | None]) -> bytes | None:
    """Which of these hashes is a secret's, if any, in constant time: all are compared, and one that is missing costs as
    much as one that is there.
    """
    own, found = hash_secret(secret), None
    for one in hashes:
        if hmac.compare_digest(own, one or _NO_HASH) and one is not None:
            found = one
    return found


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header. Raises Refused(invalid_token)."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LENGTH_MAX:
        raise Refused(Code.INVALID_TOKEN, "no Bearer token in the Authorization header")
    return token
