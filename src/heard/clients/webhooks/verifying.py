"""A delivery's headers and body as the event they carry, if they are a hub's own. One exception for every refusal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from heard.domain.refusals import Refused
from heard.protocols.link.events import Event, decode_event
from heard.protocols.webhooks.auth import WebhookRefused, verify

__all__ = ["WebhookRefused", "verify_event"]


def verify_event(
    headers: Mapping[str, str], body: bytes, secrets: str | Sequence[str], now: datetime | None = None
) -> Event:
    """The event of a delivery: signed with one of the secrets, within five minutes of `now`.

    `body` are the bytes as they came, not decoded and encoded again. Names of headers may be in any case. `secrets`:
    two while one is replaced by the other. Raises WebhookRefused, whatever was sent: answer 401, and nothing more. Its
    `rule` is for your log. Raises ValueError for a secret of yours that is none.
    """
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    verified = verify(headers, body, known, now or datetime.now(UTC))
    try:
        return decode_event(verified.id, body)
    except Refused as refused:
        raise WebhookRefused(f"signed, but not as agreed: {refused.detail}") from None
