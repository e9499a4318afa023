"""Standard Webhooks signatures: `v1,<base64 HMAC-SHA256>` over `id.timestamp.body`. Several while a secret rotates.

Source: the Standard Webhooks specification. One error for any text whatever; nothing is accepted by default.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_PREFIX = "whsec_"
_SECRET_BYTES_MIN, _SECRET_BYTES_MAX = 24, 64
_TIMESTAMP_DIGITS_MAX = 12
_SIGNATURES_MAX = 16  # a rotation has two


class WebhookRefused(Exception):
    """A delivery that is not what it claims. `rule` is for the log."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A delivery that was signed as agreed: its id (the same over all deliveries) and its Unix seconds."""

    id: str
    timestamp: int


def new_endpoint_secret(chance: bytes) -> str:
    """`whsec_` and the base64 of 24 to 64 random bytes."""
    if not _SECRET_BYTES_MIN <= len(chance) <= _SECRET_BYTES_MAX:
        raise ValueError(f"a webhook secret has {_SECRET_BYTES_MIN} to {_SECRET_BYTES_MAX} bytes, got {len(chance)}")
    return _PREFIX + base64.b64encode(chance).decode()


def sign(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature for each secret. Raises ValueError for a secret that is none."""
    message = _message(webhook_id, timestamp, body)
    return " ".join(f"v1,{base64.b64encode(_mac(_key(secret), message)).decode()}" for secret in secrets)


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime, tolerance_s: int = 300
) -> VerifiedWebhook:
    """The id and time of a genuine, recent delivery. Header names in any case.

    Raises WebhookRefused and nothing else, whatever was sent; ValueError for a secret of ours that is none.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    webhook_id = lower.get("webhook-id", "")
    text, signatures = lower.get("webhook-timestamp", ""), lower.get("webhook-signature", "")
    if not webhook_id or not text or not signatures:
        raise WebhookRefused("webhook-id, webhook-timestamp or webhook-signature is missing")
    if not (text.isascii() and text.isdigit() and len(text) <= _TIMESTAMP_DIGITS_MAX):
        raise WebhookRefused("webhook-timestamp is not in Unix seconds")
    timestamp = int(text)
    if abs(now.timestamp() - timestamp) > tolerance_s:
        raise WebhookRefused("webhook-timestamp is too far from now")
    try:
        message = _message(webhook_id, timestamp, body)
    except UnicodeEncodeError:
        raise WebhookRefused("webhook-id is not text") from None
    wanted = [_mac(_key(secret), message) for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing about which secret fits.
    matches = [hmac.compare_digest(right, given) for right in wanted for given in _given(signatures)]
    if not any(matches):
        raise WebhookRefused("no signature fits")
    return VerifiedWebhook(webhook_id, timestamp)


def _given(signatures: str) -> list[bytes]:
    found: list[bytes] = []
    for part in signatures.split(" ")[:_SIGNATURES_MAX]:
        version, _, encoded = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def _message(webhook_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook secret is whsec_ and base64") from None
    if not _SECRET_BYTES_MIN <= len(key) <= _SECRET_BYTES_MAX:
        raise ValueError(f"a webhook secret holds {_SECRET_BYTES_MIN} to {_SECRET_BYTES_MAX} bytes")
    return key
