"""OAuth client credentials, whatever protocol they are for: what secrets look like, how they come and are compared.

Source: RFC 6749, sections 2.3.1 and 4.4; RFC 6750, Bearer tokens. Formats are our reading. Only hashes are stored.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from heard import limits
from heard.domain.refusals import Code, Refused

FORM = "application/x-www-form-urlencoded"
_CHANCE_BYTES_MIN = 32
_TOKEN_LENGTH_MAX = 256
_FIELDS_MAX = 20
_NO_HASH = bytes(32)  # of no secret that anybody can find


class OAuthRefused(Exception):
    """A token request that is not granted. `error` is RFC 6749's word, which is all the caller learns."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A client's wish for a token; an empty scope asks for all it may have."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: tuple[str, ...] = ()


def new_secret(kind: str, chance: bytes) -> str:
    """`hcs_...` (client secret) or `hat_...` (access token): recognisable where it must not be."""
    _check_chance(chance)
    return f"{kind}_{base64.urlsafe_b64encode(chance).decode().rstrip('=')}"


def new_hex_token(chance: bytes) -> str:
    """An access token of the Ordering API: 64 hexadecimal digits, as documented."""
    _check_chance(chance)
    return chance.hex()


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


def read_form(raw: bytes) -> dict[str, str]:
    """The fields of a form, each once. Raises OAuthRefused(invalid_request)."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError:
        raise OAuthRefused("invalid_request") from None
    form = dict(pairs)
    if len(form) != len(pairs) or any("\0" in value for value in form.values()):
        raise OAuthRefused("invalid_request")  # a parameter twice, or no text
    return form


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Client id and secret of an Authorization header, each percent-decoded. Raises OAuthRefused(invalid_client)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthRefused("invalid_client")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise OAuthRefused("invalid_client") from None
    client_id, _, client_secret = text.partition(":")
    client_id, client_secret = unquote_plus(client_id), unquote_plus(client_secret)
    if "\0" in client_id:
        raise OAuthRefused("invalid_client")
    return client_id, client_secret


def check_credentials(client_id: str, client_secret: str) -> tuple[str, str]:
    """Both, if they can be anybody's. Raises OAuthRefused(invalid_client)."""
    if not client_id or not client_secret or len(client_id) > limits.ID_MAX:
        raise OAuthRefused("invalid_client")
    return client_id, client_secret


def check_grant(grant_type: str | None) -> None:
    """There is one kind of grant. Raises OAuthRefused(invalid_request | unsupported_grant_type)."""
    if not grant_type:
        raise OAuthRefused("invalid_request")
    if grant_type != "client_credentials":
        raise OAuthRefused("unsupported_grant_type")


def read_scope(text: str) -> tuple[str, ...]:
    """The words of a scope, each once."""
    return tuple(dict.fromkeys(text.split()))


def _check_chance(chance: bytes) -> None:
    if len(chance) < _CHANCE_BYTES_MIN:
        raise ValueError(f"a secret needs {_CHANCE_BYTES_MIN} bytes of chance, got {len(chance)}")
