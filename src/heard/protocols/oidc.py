"""Signing in through somebody else, OpenID Connect: the way there, and what comes back. Pure; clock and keys are given.

Sources: OpenID Connect Core 1.0 (sections 3.1 and 3.1.3.7), Discovery 1.0 (section 4); RFC 7636 (PKCE). A provider is
believed as far as it proves: nothing of a token counts before its signature, whom it is for, and what it answers.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import jwt
from jwt.types import Options

from heard import limits
from heard.domain.refusals import Refused
from heard.protocols import strict_json

SCOPE: Final = "openid email profile"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")  # none that a shared secret would do for
_UNTIMED: Final[Options] = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class OidcRefused(Exception):
    """An answer of a provider that proves nobody. `rule` is for the log; who signs in learns only that it failed."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are at a provider. `issuer` exactly as it calls itself; `name`: as people call it."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider does what. `posts_secret`: it takes our secret in the body only."""

    authorization_url: str
    token_url: str
    keys_url: str
    posts_secret: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in, as this browser began it: what must come back, what must be in the token, PKCE's secret."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at a provider: `subject` never changes and is nobody else's. `names`: what they may be called
    here, the better one first.
    """

    issuer: str
    subject: str
    names: tuple[str, ...] = ()


# --- the provider ---------------------------------------------------------------------------------------------


def discovery_url(issuer: str) -> str:
    return issuer.rstrip("/") + _DISCOVERY


def read_provider(raw: bytes, issuer: str) -> Provider:
    """What a provider says of itself. Raises OidcRefused where it calls itself otherwise, or leads out of https."""
    said = _object(raw, "discovery")
    if said.get("issuer") != issuer:
        raise OidcRefused("discovery_of_another_issuer")
    there, token, keys = (_url(said, name, issuer) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
    ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Provider(there, token, keys, posts_secret=isinstance(ways, list) and "client_secret_basic" not in ways)


def _url(said: Mapping[str, Any], name: str, issuer: str) -> str:
    url = said.get(name)
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        raise OidcRefused(f"{name}_is_no_address") from None
    # Without TLS only where the issuer itself, whom the operator named, has none.
    if parts.scheme not in ("https", urlsplit(issuer).scheme) or not parts.hostname or not str(url).isprintable():
        raise OidcRefused(f"{name}_is_no_address")
    return str(url)


def read_keys(raw: bytes) -> list[Mapping[str, Any]]:
    """The keys that a provider signs with, those that we can use. Raises OidcRefused."""
    keys = _object(raw, "keys").get("keys")
    if not isinstance(keys, list):
        raise OidcRefused("keys_are_no_list")
    return [one for one in keys if isinstance(one, dict) and one.get("use", "sig") == "sig" and one.get("kty") != "oct"]


# --- the way there and back -----------------------------------------------------------------------------------


def authorization_url(provider: Provider, client: Client, attempt: Attempt, back_url: str) -> str:
    """Where a browser goes, so that the provider asks who sits at it."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": back_url,
        "scope": SCOPE,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in provider.authorization_url else "?"
    return f"{provider.authorization_url}{joint}{urlencode(asked)}"


def token_request(
    provider: Provider, client: Client, attempt: Attempt, code: str, back_url: str
) -> tuple[dict[str, str], bytes]:
    """Headers and body of the call that gives a code for a token."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back_url,
        "code_verifier": attempt.verifier,
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if provider.posts_secret:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    else:  # each part is form-encoded first: RFC 6749, 2.3.1
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers, urlencode(form).encode()


def id_token_of(raw: bytes) -> str:
    """The token that says who somebody is. Raises OidcRefused."""
    token = _object(raw, "token").get("id_token")
    if not isinstance(token, str) or len(token) > limits.OIDC_TOKEN_LENGTH_MAX:
        raise OidcRefused("no_id_token")
    return token


def key_id_of(token: str) -> str | None:
    """By which key a token says that it is signed; None where it names none. Raises OidcRefused."""
    return _key_id(_header(token))


def identity_of(
    token: str, keys: Sequence[Mapping[str, Any]], client: Client, attempt: Attempt, now: datetime
) -> Identity:
    """Whom a token proves to be there. Raises OidcRefused, and nothing else, for any text."""
    header = _header(token)
    claims = _signed(token, header, [one for one in keys if _key_id(header) in (None, one.get("kid"))])
    if claims.get("iss") != client.issuer:
        raise OidcRefused("iss_of_another")
    meant = claims.get("aud")
    audience = meant if isinstance(meant, list) else [meant]
    if client.client_id not in audience:
        raise OidcRefused("aud_of_another")
    if (len(audience) > 1 or "azp" in claims) and claims.get("azp") != client.client_id:
        raise OidcRefused("azp_of_another")
    _check_times(claims, now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
        raise OidcRefused("nonce_of_another_try")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= limits.OIDC_SUBJECT_MAX:  # as the standard bounds it
        raise OidcRefused("sub_missing")
    return Identity(client.issuer, subject, _names(claims))


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise OidcRefused("token_is_none") from None


def _key_id(header: Mapping[str, Any]) -> str | None:
    named = header.get("kid")
    return named if isinstance(named, str) else None


def _signed(token: str, header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    algorithm = header.get("alg")
    if algorithm not in _ALGORITHMS:
        raise OidcRefused("alg_not_taken")
    for key in keys[: limits.OIDC_KEYS_MAX]:
        if key.get("alg", algorithm) != algorithm:
            continue
        try:
            ours = jwt.PyJWK.from_dict(dict(key), algorithm)
            return dict(jwt.decode(token, ours, algorithms=[algorithm], options=_UNTIMED))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            continue  # of another kind, or not the one it is signed with
    raise OidcRefused("not_signed_by_them")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    now_s, leeway_s = now.timestamp(), limits.JWT_LEEWAY_S
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    for name, at in times.items():
        if at is not None and (isinstance(at, bool) or not isinstance(at, int | float)):
            raise OidcRefused(f"{name}_is_no_time")
    if times["exp"] is None or times["iat"] is None:
        raise OidcRefused("times_missing")
    if times["exp"] <= now_s - leeway_s:
        raise OidcRefused("expired")
    if max(times["iat"], times["nbf"] or 0) > now_s + leeway_s:
        raise OidcRefused("from_the_future")


def _names(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """An address counts only where the provider has seen that it is theirs."""
    given = [claims.get("email") if claims.get("email_verified") is True else None, claims.get("preferred_username")]
    return tuple(one for one in given if isinstance(one, str))


def _object(raw: bytes, what: str) -> Mapping[str, Any]:
    try:
        said = strict_json.parse(raw)
    except Refused:
        raise OidcRefused(f"{what}_cannot_be_read") from None
    if not isinstance(said, dict):
        raise OidcRefused(f"{what}_cannot_be_read")
    return said
