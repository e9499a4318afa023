"""Who sent it, and is it whole: posnext's JWT (wire.md 1.1) and its payload signature x-pch-digest (wire.md 1.2).

The clock and the keys are arguments. A verifier raises one error for any text whatever and says why to the log only.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, assert_never

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm

from heard import limits
from heard.domain.money import Cents
from heard.domain.pos import PosAnswer, PosCancel, PosOrder
from heard.domain.refusals import Refused
from heard.domain.stores import PosConnection, SignatureScheme
from heard.protocols import strict_json

DIGEST_HEADER: Final = "x-pch-digest"
ISSUER: Final = "par-ordering"

_ALGORITHM = "HS256"
KEY_CHARACTERS: Final = 10  # of the SharedId, for a digest
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TokenRefused(Exception):
    """A token that proves nothing. `rule` is for the log; the caller learns only that it was refused."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class DigestRefused(Exception):
    """A body that is not signed as agreed. `rule` is for the log; the caller learns only that it was refused."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Times are whole Unix seconds."""

    expires_at_s: int
    issuer: str | None
    subject: str | None
    organization_id: str | None
    token_id: str | None


# --- the token --------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")  # RFC 7515: three parts in base64url


class _SharedIdHmac(HMACAlgorithm):
    """posnext allows SharedIds of 10 characters, PyJWT warns below 32 bytes. Our own bound is in limits.py.

    PyJWT also looks whether an HMAC key is somebody's public key by mistake; a SharedId is never one, and the look
    would cost as much as the signature.
    """

    def check_key_length(self, key: bytes) -> str | None:
        return None

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


def _signer() -> jwt.PyJWS:
    """HS256 and nothing else: no other algorithm can be asked for, whatever a token's header says."""
    signer = jwt.PyJWS(algorithms=[])
    signer.register_algorithm(_ALGORITHM, _SharedIdHmac(HMACAlgorithm.SHA256))
    return signer


_JWS = _signer()


def make_token(shared_id: str, organization_id: str, now: datetime, jti: str) -> str:
    """A token for one call of ours. Our reading: iss, sub = organization, iat, exp, jti (wire.md 1.1)."""
    issued_at_s = _seconds(now)
    claims = {
        "iss": ISSUER,
        "sub": organization_id,
        "iat": issued_at_s,
        "exp": issued_at_s + limits.JWT_LIFETIME_S,
        "jti": jti,
    }
    return _JWS.encode(msgspec.json.encode(claims), _usable(shared_id), algorithm=_ALGORITHM)


def verify_token(
    authorization: str | None, shared_ids: Sequence[str], now: datetime, organization_id: str | None
) -> Claims:
    """The claims of an `Authorization` header's token, good under any of the SharedIds (two while one rotates).

    `organization_id` is the body's, None when there is no body. Raises TokenRefused, and nothing else, for any text.
    """
    token = _bearer(authorization)
    claims = _claims(_verified_payload(token, shared_ids))
    now_s = _seconds(now)
    expires_at_s = _moment(claims, "exp")
    if expires_at_s is None:
        raise TokenRefused("exp_missing")
    if expires_at_s <= now_s - limits.JWT_LEEWAY_S:
        raise TokenRefused("expired")
    for name in ("iat", "nbf"):
        begins_at_s = _moment(claims, name)
        if begins_at_s is not None and begins_at_s > now_s + limits.JWT_LEEWAY_S:
            raise TokenRefused(f"{name}_in_the_future")
    verified = Claims(
        expires_at_s=expires_at_s,
        issuer=_text(claims, "iss"),
        subject=_text(claims, "sub"),
        organization_id=_text(claims, "organization_id"),
        token_id=_text(claims, "jti"),
    )
    if organization_id is not None:
        for claimed in (verified.subject, verified.organization_id):
            if claimed is not None and claimed != organization_id:
                raise TokenRefused("organization_mismatch")
    return verified


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise TokenRefused("missing")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenRefused("no_bearer_token")
    if not token.isascii():
        raise TokenRefused("not_ascii")
    if "=" in token:  # RFC 7515 2: no padding. PyJWT would let it pass, and one token would have two spellings
        raise TokenRefused("padding")
    if len(token) > limits.JWT_CHARS_MAX:
        raise TokenRefused("too_long")
    if not _TOKEN.fullmatch(token):  # a lenient base64 reader drops what is none
        raise TokenRefused("malformed")
    return token


def _verified_payload(token: str, shared_ids: Sequence[str]) -> bytes:
    rule = "no_usable_key"
    for shared_id in shared_ids:
        if len(shared_id) < limits.SHARED_ID_LENGTH_MIN:
            continue
        try:
            payload: bytes = _JWS.decode(token, shared_id, algorithms=[_ALGORITHM])
        except jwt.InvalidSignatureError:
            rule = "signature"
        except jwt.InvalidAlgorithmError:
            raise TokenRefused("algorithm") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenRefused("malformed") from None
        else:
            return payload
    raise TokenRefused(rule)


def _claims(payload: bytes) -> Mapping[str, object]:
    try:
        claims = strict_json.parse(payload)
    except Refused:
        raise TokenRefused("claims_malformed") from None
    if not isinstance(claims, dict):
        raise TokenRefused("claims_malformed")
    return claims


def _moment(claims: Mapping[str, object], name: str) -> int | None:
    """Unix seconds, fraction dropped; None when not claimed."""
    match claims.get(name):
        case None if name not in claims:
            return None
        case bool():
            raise TokenRefused(f"{name}_malformed")
        case int(seconds):
            return seconds
        case Decimal() as seconds:
            return int(seconds)
        case _:
            raise TokenRefused(f"{name}_malformed")


def _text(claims: Mapping[str, object], name: str) -> str | None:
    value = claims.get(name)
    if name in claims and not isinstance(value, str):
        raise TokenRefused(f"{name}_malformed")
    return value if isinstance(value, str) else None


# --- the payload signature --------------------------------------------------------------------------------


def digest_message(
    *,
    request_uid: str,
    location_id: str,
    online_order_id: str | None,
    grand_total: Cents | None,
    subtotal: Cents | None,
    request_datetime: datetime,
) -> str:
    """The signed text of an order or an answer. A missing value is `0`; totals are cents, whatever the body's form."""
    return "|".join(
        (
            request_uid or "0",
            location_id or "0",
            online_order_id or "0",
            str(grand_total or 0),
            str(subtotal or 0),
            str(_seconds(request_datetime)),
        )
    )


def digest(shared_id: str, message: str) -> str:
    """HMAC-SHA256 in lower-case hex, keyed with the first 10 characters of the SharedId."""
    return _hex(_usable(shared_id)[:KEY_CHARACTERS], message.encode())


def body_digest(shared_id: str, raw: bytes) -> str:
    """The second scheme: HMAC-SHA256 over the raw body. Our reading: the client secret is the whole SharedId."""
    return _hex(_usable(shared_id), raw)


def sign_order(order: PosOrder, raw: bytes, connection: PosConnection) -> str:
    """The x-pch-digest of a request whose body is `raw`."""
    return _sign(_order_message(order), raw, connection.shared_id, connection.signature)


def sign_answer(answer: PosAnswer, raw: bytes, connection: PosConnection) -> str:
    """The x-pch-digest of an answer or a callback whose body is `raw`."""
    return _sign(_answer_message(answer), raw, connection.shared_id, connection.signature)


def sign_cancel(cancel: PosCancel, raw: bytes, connection: PosConnection) -> str:
    """The x-pch-digest of a cancel whose body is `raw`. It states no totals: they are 0."""
    return _sign(_cancel_message(cancel), raw, connection.shared_id, connection.signature)


def sign_body(raw: bytes, connection: PosConnection) -> str | None:
    """The x-pch-digest of a menu: signed in the BODY scheme only [ours]."""
    match connection.signature:
        case SignatureScheme.BODY:
            return body_digest(connection.shared_id, raw)
        case SignatureScheme.DIGEST:
            return None
        case _:
            assert_never(connection.signature)


def verify_order(
    order: PosOrder, raw: bytes, header: str | None, shared_ids: Sequence[str], scheme: SignatureScheme
) -> None:
    """Raises DigestRefused, and nothing else, unless the header signs this order under one of the SharedIds."""
    message = _order_message(order)
    _verify(header, shared_ids, lambda shared_id: _sign(message, raw, shared_id, scheme))


def verify_answer(
    answer: PosAnswer, raw: bytes, header: str | None, shared_ids: Sequence[str], scheme: SignatureScheme
) -> None:
    """Raises DigestRefused, and nothing else, unless the header signs this answer under one of the SharedIds."""
    message = _answer_message(answer)
    _verify(header, shared_ids, lambda shared_id: _sign(message, raw, shared_id, scheme))


def verify_cancel(
    cancel: PosCancel, raw: bytes, header: str | None, shared_ids: Sequence[str], scheme: SignatureScheme
) -> None:
    """Raises DigestRefused, and nothing else, unless the header signs this cancel under one of the SharedIds."""
    message = _cancel_message(cancel)
    _verify(header, shared_ids, lambda shared_id: _sign(message, raw, shared_id, scheme))


def verify_body(raw: bytes, header: str | None, shared_ids: Sequence[str]) -> None:
    """The BODY scheme for what is no order, a menu. Raises DigestRefused, and nothing else."""
    _verify(header, shared_ids, lambda shared_id: body_digest(shared_id, raw))


def _order_message(order: PosOrder) -> str:
    return digest_message(
        request_uid=order.request_uid,
        location_id=order.location_id,
        online_order_id=order.online_order_id,
        grand_total=order.totals.grand_total,
        subtotal=order.totals.subtotal,
        request_datetime=order.request_datetime,
    )


def _answer_message(answer: PosAnswer) -> str:
    return digest_message(
        request_uid=answer.request_uid,
        location_id=answer.location_id,
        online_order_id=answer.online_order_id,
        grand_total=answer.totals.grand_total if answer.totals else None,
        subtotal=answer.totals.subtotal if answer.totals else None,
        request_datetime=answer.request_datetime,
    )


def _cancel_message(cancel: PosCancel) -> str:
    return digest_message(
        request_uid=cancel.request_uid,
        location_id=cancel.location_id,
        online_order_id=cancel.online_order_id,
        grand_total=None,
        subtotal=None,
        request_datetime=cancel.request_datetime,
    )


def _sign(message: str, raw: bytes, shared_id: str, scheme: SignatureScheme) -> str:
    match scheme:
        case SignatureScheme.DIGEST:
            return digest(shared_id, message)
        case SignatureScheme.BODY:
            return body_digest(shared_id, raw)
        case _:
            assert_never(scheme)


def _verify(header: str | None, shared_ids: Sequence[str], sign: Callable[[str], str]) -> None:
    """Every key is tried, also after a match, and compared in constant time."""
    if header is None:
        raise DigestRefused("missing")
    if not header.isascii():
        raise DigestRefused("not_ascii")
    usable = [shared_id for shared_id in shared_ids if len(shared_id) >= limits.SHARED_ID_LENGTH_MIN]
    if not usable:
        raise DigestRefused("no_usable_key")
    given = header.lower().encode("ascii")
    matches = [hmac.compare_digest(given, sign(shared_id).encode("ascii")) for shared_id in usable]
    if not any(matches):
        raise DigestRefused("mismatch")


def _hex(key: str, text: bytes) -> str:
    return hmac.digest(key.encode(), text, "sha256").hex()


def _usable(shared_id: str) -> str:
    """A short SharedId was to be refused when it was configured: reaching this is a bug of ours."""
    if len(shared_id) < limits.SHARED_ID_LENGTH_MIN:
        raise ValueError(f"a SharedId has at least {limits.SHARED_ID_LENGTH_MIN} characters")
    return shared_id


def _seconds(moment: datetime) -> int:
    """Unix seconds, fraction dropped, exactly."""
    return (moment - _EPOCH) // timedelta(seconds=1)
