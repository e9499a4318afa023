"""Token requests of the Ordering API: client credentials as Basic, and a form or JSON that says what for.

Source: the Ordering API's documentation. That JSON is taken too is ours, as is that credentials come as Basic alone.
"""

from typing import Final

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
from heard.protocols.strict_json import parse

JSON: Final = "application/json"


def decode_token_request(media_type: str, authorization: str | None, raw: bytes) -> TokenRequest:
    """What an application asks for; `media_type` is a form's or JSON's.

    Raises OAuthRefused(invalid_request | unsupported_grant_type | invalid_client), Refused(malformed_json).
    """
    fields = read_form(raw) if media_type == FORM else _members(raw)
    check_grant(fields.get("grant_type"))
    if authorization is None:
        raise OAuthRefused("invalid_client")
    client_id, client_secret = check_credentials(*basic_credentials(authorization))
    return TokenRequest(client_id, client_secret, read_scope(fields.get("scope", "")))


def _members(raw: bytes) -> dict[str, str]:
    """The members of a JSON object that a token request has; null counts as absent."""
    value = parse(raw)
    if not isinstance(value, dict):
        raise OAuthRefused("invalid_request")
    found = {name: value[name] for name in ("grant_type", "scope") if value.get(name) is not None}
    if not all(isinstance(one, str) for one in found.values()):
        raise OAuthRefused("invalid_request")
    return found
