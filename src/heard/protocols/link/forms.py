"""The forms of token requests and revocations, with credentials in the body or as Basic.

Source: RFC 6749, sections 2.3.1 and 4.4; RFC 7009, section 2.1.
"""

from dataclasses import dataclass, field

from heard.protocols.credentials import (
    FORM,
    OAuthRefused,
    TokenRequest,
    basic_credentials,
    check_credentials,
    check_grant,
    read_form,
    read_scope,
)


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """A client's wish that a token be good no more. `token_type_hint` is not needed: there is one type."""

    client_id: str
    client_secret: str = field(repr=False)
    token: str = field(repr=False)


def decode_token_form(content_type: str | None, authorization: str | None, raw: bytes) -> TokenRequest:
    """What a client asks for. Raises OAuthRefused(invalid_request | unsupported_grant_type | invalid_client)."""
    form = _form(content_type, raw)
    check_grant(form.get("grant_type"))
    client_id, client_secret = _credentials(authorization, form)
    return TokenRequest(client_id, client_secret, read_scope(form.get("scope", "")))


def decode_revoke_form(content_type: str | None, authorization: str | None, raw: bytes) -> RevokeRequest:
    """Which token is to be revoked, and by whom. Raises OAuthRefused(invalid_request | invalid_client)."""
    form = _form(content_type, raw)
    token = form.get("token")
    if not token:
        raise OAuthRefused("invalid_request")
    client_id, client_secret = _credentials(authorization, form)
    return RevokeRequest(client_id, client_secret, token)


def _form(content_type: str | None, raw: bytes) -> dict[str, str]:
    if (content_type or "").split(";")[0].strip().lower() != FORM:
        raise OAuthRefused("invalid_request")
    return read_form(raw)


def _credentials(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    if authorization is None:
        return check_credentials(form.get("client_id", ""), form.get("client_secret", ""))
    if "client_secret" in form:
        raise OAuthRefused("invalid_request")  # one way of authenticating at a time
    client_id, client_secret = basic_credentials(authorization)
    if "client_id" in form and form["client_id"] != client_id:
        raise OAuthRefused("invalid_client")
    return check_credentials(client_id, client_secret)
