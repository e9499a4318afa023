"""The forms of token requests and revocations, with credentials in the body or as Basic.

Source: RFC 6749, sections 2.3.1 and 4.4; RFC 7009, section 2.1.
"""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

from heard import limits
from heard.protocols.link.auth import OAuthRefused

_FORM = "application/x-www-form-urlencoded"
_FIELDS_MAX = 20


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A client's wish for a token; an empty scope asks for all it may have."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """A client's wish that a token be good no more. `token_type_hint` is not needed: there is one type."""

    client_id: str
    client_secret: str = field(repr=False)
    token: str = field(repr=False)


def decode_token_form(content_type: str | None, authorization: str | None, raw: bytes) -> TokenRequest:
    """What a client asks for. Raises OAuthRefused(invalid_request | unsupported_grant_type | invalid_client)."""
    form = _form(content_type, raw)
    grant = form.get("grant_type")
    if not grant:
        raise OAuthRefused("invalid_request")
    if grant != "client_credentials":
        raise OAuthRefused("unsupported_grant_type")
    client_id, client_secret = _credentials(authorization, form)
    return TokenRequest(client_id, client_secret, tuple(dict.fromkeys(form.get("scope", "").split())))


def decode_revoke_form(content_type: str | None, authorization: str | None, raw: bytes) -> RevokeRequest:
    """Which token is to be revoked, and by whom. Raises OAuthRefused(invalid_request | invalid_client)."""
    form = _form(content_type, raw)
    token = form.get("token")
    if not token:
        raise OAuthRefused("invalid_request")
    client_id, client_secret = _credentials(authorization, form)
    return RevokeRequest(client_id, client_secret, token)


def _form(content_type: str | None, raw: bytes) -> dict[str, str]:
    if (content_type or "").split(";")[0].strip().lower() != _FORM:
        raise OAuthRefused("invalid_request")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError:
        raise OAuthRefused("invalid_request") from None
    form = dict(pairs)
    if len(form) != len(pairs) or any("\0" in value for value in form.values()):
        raise OAuthRefused("invalid_request")  # a parameter twice, or no text
    return form


def _credentials(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    client_id, client_secret = _stated_credentials(authorization, form)
    if not client_id or not client_secret or len(client_id) > limits.ID_MAX:
        raise OAuthRefused("invalid_client")
    return client_id, client_secret


def _stated_credentials(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    in_body = "client_id" in form or "client_secret" in form
    if authorization is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    if "client_secret" in form:
        raise OAuthRefused("invalid_request")  # one way of authenticating at a time
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthRefused("invalid_client")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise OAuthRefused("invalid_client") from None
    client_id, _, client_secret = text.partition(":")
    client_id, client_secret = unquote_plus(client_id), unquote_plus(client_secret)
    if "\0" in client_id or (in_body and form["client_id"] != client_id):
        raise OAuthRefused("invalid_client")
    return client_id, client_secret
