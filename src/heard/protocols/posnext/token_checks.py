"""A token held against each rule of wire.md 1.1 for itself, also after the first that fails: see diagnose.py.

The last word has auth.verify_token: a token that it refuses never passes here.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from heard import limits
from heard.domain.refusals import Refused
from heard.protocols import strict_json
from heard.protocols.posnext import auth
from heard.protocols.posnext.causes import Check, Found, Verdict, diagnose, fails, holds
from heard.protocols.posnext.recipe import seconds_of, token_recipe

_MS_FROM = 10**11  # seconds of the year 5138: whoever writes so much means milliseconds
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_MAX = seconds_of(datetime(9999, 1, 1, tzinfo=UTC))

_BEARER = Found("bearer_missing", "the token stands alone", "", "Authorization: Bearer <token>")
_SHARED_ID = Found(
    "shared_id_as_token",
    "the SharedId itself was sent: it is known to whoever saw this request",
    "",
    "make a token and sign it with the SharedId; then have the SharedId changed",
)
_PADDED = Found("padded", "base64 with its padding", "", "strip = from each of the three parts")
_STANDARD = Found("standard_base64", "base64 with + and /", "", "use base64url: - and _ in their place")
_NONE = Found("alg_none", "an unsigned token", "", 'sign it: {"alg": "HS256"}')
_RS256 = Found(
    "asymmetric",
    "a signature with a key pair; posnext knows one shared secret",
    "",
    'use {"alg": "HS256"} and SharedId',
)
_OTHER_HMAC = Found("other_hash", "an HMAC with another hash", "", 'use {"alg": "HS256"}')
_EXP_MS = Found("exp_in_ms", "milliseconds", "", "exp in whole seconds: divide by 1000")
_MS = Found("time_in_ms", "milliseconds", "", "whole seconds: divide by 1000")
_NO_EXP = Found("exp_missing", "a token without an end", "", f"exp = iat + {limits.JWT_LIFETIME_S}")
_NO_IAT = Found("iat_missing", "a token without a beginning", "", "iat = the seconds when it is made")


def check_token(
    authorization: str | None, shared_id: str, organization_id: str | None, now: datetime | None
) -> list[Check]:
    """Scheme, form, algorithm, signature, times and organization. `now` None: as of the token's own iat."""
    checks, token = _scheme(authorization, shared_id)
    if token is None:
        return checks
    header, claims = (_members(part) for part in (*token.split("."), "", "")[:2])
    checks += _form(token, header, claims)
    if header is not None:
        checks.append(_algorithm(header))
    if token.count(".") == 2:
        checks.append(_signature(token, shared_id))
    judged_at, named = (now, "") if now else _issued_at(claims or {})
    if claims is not None:
        checks += _times(claims, judged_at, named)
        checks.append(_organization(claims, organization_id))
    return _held_against_the_verifier(checks, authorization, shared_id, organization_id, judged_at)


def _held_against_the_verifier(
    checks: list[Check], authorization: str | None, shared_id: str, organization_id: str | None, at: datetime
) -> list[Check]:
    """Nothing passes here that would not pass there."""
    try:
        auth.verify_token(authorization, [shared_id], at, organization_id)
    except auth.TokenRefused as refused:
        if all(check.verdict is not Verdict.FAILS for check in checks):
            checks.append(fails("token.verifier", f"the verifier refuses it: {refused.rule}"))
    return checks


def _scheme(authorization: str | None, shared_id: str) -> tuple[list[Check], str | None]:
    rule = "token.scheme"
    if authorization is None:
        return [fails(rule, "there is no Authorization header")], None
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if shared_id in authorization and token.count(".") != 2:
        return [fails(rule, "the header holds the SharedId itself", (_SHARED_ID,))], None
    if not token and scheme.count(".") == 2:
        return [fails(rule, "the word Bearer is missing before the token", (_BEARER,))], scheme
    if scheme.lower() != "bearer":
        return [fails(rule, "the scheme is not Bearer", (_BEARER,))], token if token.count(".") == 2 else None
    if not token:
        return [fails(rule, "there is no token after Bearer")], None
    return [holds(rule, "Bearer")], token


def _form(token: str, header: Mapping[str, object] | None, claims: Mapping[str, object] | None) -> Iterator[Check]:
    rule = "token.form"
    parts = token.split(".")
    if len(token) > limits.JWT_CHARS_MAX:
        yield fails(rule, f"the token has more than {limits.JWT_CHARS_MAX} characters")
    elif len(parts) != 3:
        yield fails(rule, f"{len(parts)} parts between dots, not three: this is no signed JWT")
    elif "=" in token:
        yield fails(rule, "its parts are padded with =", (_PADDED,))
    elif "+" in token or "/" in token:
        yield fails(rule, "its parts are not base64url", (_STANDARD,))
    elif not all(_BASE64URL.fullmatch(part) for part in parts):
        yield fails(rule, "its parts hold characters that base64url does not have (quotes, blanks?)")
    elif header is None or claims is None:
        name = "header" if header is None else "claims"
        yield fails(rule, f"its {name} are no JSON object in base64url")
    else:
        yield holds(rule, "three parts in base64url, with JSON in the first two")


def _algorithm(header: Mapping[str, object]) -> Check:
    rule, alg = "token.algorithm", header.get("alg")
    if alg == "HS256":
        return holds(rule, "HS256")
    name = alg[: limits.WORD_MAX] if isinstance(alg, str) else ""
    causes = {"none": _NONE, "hs": _OTHER_HMAC, "rs": _RS256, "es": _RS256, "ps": _RS256, "ed": _RS256}
    cause = causes.get(name.lower()) or causes.get(name.lower()[:2])
    says = f"the token's header says {name}, not HS256" if name else "the token's header names no algorithm"
    return fails(rule, says, *([(cause,)] if cause else []))


def _signature(token: str, shared_id: str) -> Check:
    rule = "token.signature"
    signing_input, _, given = token.rpartition(".")
    right = token_recipe(signing_input, shared_id)
    if not given:
        return fails(rule, "the third part is empty: the token is not signed")
    if given.rstrip("=").replace("+", "-").replace("/", "_") == right.sign():
        return holds(rule, "signed with the whole SharedId")
    causes = diagnose(given, right)
    if causes:
        return fails(rule, "it is not signed with the whole SharedId; it is what these known mistakes give", *causes)
    return fails(rule, "it is not signed with this SharedId, nor is it a known mistake: another SharedId?")


def _times(claims: Mapping[str, object], at: datetime, named: str) -> Iterator[Check]:
    now_s, leeway_s = seconds_of(at), limits.JWT_LEEWAY_S
    when = f"{at:%Y-%m-%dT%H:%M:%SZ}{named}"
    exp = _seconds(claims, "exp")
    if exp is None:
        how = "is missing" if "exp" not in claims else "is no number"
        yield fails("token.exp", f"exp {how}", *([(_NO_EXP,)] if "exp" not in claims else []))
    elif exp >= _MS_FROM:
        says = "exp is in milliseconds: accepted, and the token never ends"
        yield Check("token.exp", Verdict.ADVICE, says, ((_EXP_MS,),))
    elif exp <= now_s - leeway_s:
        yield fails("token.exp", f"expired {now_s - exp} s before {when}", (_skew(now_s - leeway_s - exp + 1),))
    else:
        yield holds("token.exp", f"ends {exp - now_s} s after {when}")
    for name in ("iat", "nbf"):
        begins = _seconds(claims, name)
        if begins is None and name in claims:
            yield fails(f"token.{name}", f"{name} is no number")
        elif begins is None and name == "iat":
            yield Check("token.iat", Verdict.ADVICE, "iat is missing: accepted; claim it", ((_NO_IAT,),))
        elif begins is not None and begins >= _MS_FROM:
            yield fails(f"token.{name}", f"{name} is in milliseconds", (_MS,))
        elif begins is not None and begins > now_s + leeway_s:
            ahead = begins - now_s
            yield fails(f"token.{name}", f"{name} lies {ahead} s after {when}", (_skew(ahead - leeway_s),))
        elif begins is not None:
            yield holds(f"token.{name}", f"not after {when}")


def _skew(seconds: int) -> Found:
    return Found(
        "clock_skew",
        f"{seconds} s too much, with the {limits.JWT_LEEWAY_S} s that are allowed: clocks differ, or it was sent late",
        "",
        "set both clocks by NTP, and make a new token for every call; also for a repeated one",
    )


def _organization(claims: Mapping[str, object], organization_id: str | None) -> Check:
    rule = "token.organization"
    for name in ("sub", "organization_id"):
        claimed = claims.get(name)
        if name in claims and not isinstance(claimed, str):
            return fails(rule, f"{name} is no text")
        if claimed is not None and organization_id is not None and claimed != organization_id:
            return fails(rule, f"{name} is {claimed!r}, and the organization is {organization_id!r}")
    if organization_id is None:
        return Check(rule, Verdict.SKIPPED, "the body names no organization; give it with --organization")
    return holds(rule, "the claims do not contradict the organization")


def _issued_at(claims: Mapping[str, object]) -> tuple[datetime, str]:
    """When the token says that it was made, and how that is known; without iat, as early as it may have been."""
    issued, exp, named = _seconds(claims, "iat"), _seconds(claims, "exp"), " (its own iat)"
    if issued is None and exp is not None:
        issued, named = exp - limits.JWT_LIFETIME_S, " (its exp less a lifetime)"
    if issued is not None and issued >= _MS_FROM:
        issued //= 1000
    if issued is None or not 0 <= issued < _SECONDS_MAX:
        return _EPOCH, " (it names no time)"
    return _EPOCH + timedelta(seconds=issued), named


def _seconds(claims: Mapping[str, object], name: str) -> int | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value)


def _members(part: str) -> Mapping[str, object] | None:
    text = part.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        value = strict_json.parse(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (Refused, binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None
