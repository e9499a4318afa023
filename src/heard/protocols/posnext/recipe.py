"""How a signature comes about, step by step, so that a debugger can do each step wrong: see mistakes.py, diagnose.py.

Signing and verifying in earnest is auth.py. Here a body is read as far as it can be, also when it breaks rules.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Final, assert_never

from heard.domain.money import Cents
from heard.domain.refusals import Refused
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols import strict_json
from heard.protocols.posnext import decode
from heard.protocols.posnext.auth import KEY_CHARACTERS
from heard.protocols.posnext.status import CANCEL_ORDER

PART_NAMES: Final = (
    "request_uid", "location_id", "online_order_id", "grand_total_cents", "subtotal_cents", "seconds",
)  # fmt: skip
UID, LOCATION, ORDER_ID, GRAND_TOTAL, SUBTOTAL, SECONDS = range(6)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OTHER_TIMES = ("received_at", "completed_at", "estimated_ready_at", "requested_at")
_OTHER_IDS = ("organization_id", "pos_order_id", "online_order_id", "request_uid", "location_id")


class Kind(StrEnum):
    """What a body is."""

    ORDER = "order"
    ANSWER = "answer"
    CANCEL = "cancel"
    MENU = "menu"


class Use(StrEnum):
    """What a recipe signs: a message of six parts, a raw body, or a token."""

    DIGEST = "digest"
    BODY = "body"
    TOKEN = "token"  # noqa: S105


class NoFacts(Exception):
    """A body that cannot be read far enough to sign it; the text says why."""


# --- what a body states -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What of a body is signed. None where the body does not state it. Not slotted: `rewritten` is kept once made."""

    kind: Kind
    amounts: Amounts
    raw: bytes = field(repr=False)
    request_uid: str | None = None
    location_id: str | None = None
    online_order_id: str | None = None
    grand_total: Cents | None = None
    subtotal: Cents | None = None
    moment: datetime | None = None
    organization_id: str | None = None
    time_text: str = ""
    total_texts: tuple[str, str] = ("", "")  # grand total and subtotal as the body writes them
    other_times: Mapping[str, datetime] = field(default_factory=dict)
    other_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """The six parts as they are signed: `0` for whatever is missing."""
        return (
            self.request_uid or "0",
            self.location_id or "0",
            self.online_order_id or "0",
            str(self.grand_total or 0),
            str(self.subtotal or 0),
            str(seconds_of(self.moment)) if self.moment else "0",
        )

    @property
    def missing(self) -> tuple[int, ...]:
        """The places of the parts that the body does not state."""
        stated = (
            self.request_uid, self.location_id, self.online_order_id, self.grand_total, self.subtotal, self.moment,
        )  # fmt: skip
        return tuple(place for place, value in enumerate(stated) if value is None)

    @cached_property
    def rewritten(self) -> tuple[tuple[str, bytes], ...]:
        """The same JSON as other programs write it, each with what differs; without the raw form itself."""
        return tuple(_rewritten(self.raw))


def seconds_of(moment: datetime) -> int:
    """Whole Unix seconds, fraction dropped, exactly."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def guess_kind(raw: bytes) -> Kind | None:
    """What a body is, from its members; None when they do not tell. Raises NoFacts for what is no JSON object."""
    body = _object(raw)
    if body.get("request_type") == CANCEL_ORDER:
        return Kind.CANCEL
    if "status" in body and "request_type" not in body:
        return Kind.ANSWER
    if "request_type" in body:
        return Kind.ORDER
    if "menus" in body or set(body) <= {"organization_id", "location_id"}:
        return Kind.MENU
    return None


def read_facts(raw: bytes, kind: Kind, amounts: Amounts) -> Facts:
    """What of a body is signed, read past whatever else is wrong in it. Raises NoFacts."""
    body = _object(raw)
    inner = body.get("order_details")
    details: Mapping[str, object] = inner if isinstance(inner, dict) else {}
    if kind is Kind.MENU:
        return Facts(
            kind, amounts, raw, location_id=_text(body, "location_id"), organization_id=_text(body, "organization_id")
        )
    all_ids = {name: _text(body, name) or _text(details, name) for name in _OTHER_IDS}
    grand_name = "grand_total" if details.get("grand_total") is not None else "total"
    times = {name: _other_time(body, details, name) for name in _OTHER_TIMES}
    return Facts(
        kind=kind,
        amounts=amounts,
        raw=raw,
        request_uid=_text(body, "request_uid"),
        location_id=_text(body, "location_id"),
        online_order_id=_text(body if kind is Kind.CANCEL else details, "online_order_id"),
        grand_total=_amount(details, grand_name, amounts),
        subtotal=_amount(details, "subtotal", amounts),
        moment=_moment(body),
        organization_id=_text(body, "organization_id"),
        time_text=_text(body, "request_datetime") or "",
        total_texts=(_plain(details.get(grand_name)), _plain(details.get("subtotal"))),
        other_times={name: time for name, time in times.items() if time is not None},
        other_ids={name: text for name, text in all_ids.items() if text},
    )


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        body = strict_json.parse(raw)
    except Refused as refused:
        raise NoFacts(refused.detail) from None
    if not isinstance(body, dict):
        raise NoFacts("The body is JSON, and no object.")
    return body


def _text(members: Mapping[str, object], name: str) -> str | None:
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise NoFacts(f"{name} is no text.")
    return value or None


def _amount(members: Mapping[str, object], name: str, amounts: Amounts) -> Cents | None:
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NoFacts(f"$.order_details.{name} is no number.")
    try:
        return decode.read_amount(value, f"$.order_details.{name}", amounts)
    except Refused as refused:
        raise NoFacts(refused.detail) from None


def _moment(body: Mapping[str, object]) -> datetime | None:
    text = _text(body, "request_datetime")
    if text is None:
        return None
    try:
        return decode.read_time(text, "$.request_datetime")
    except Refused as refused:
        raise NoFacts(refused.detail) from None


def _other_time(body: Mapping[str, object], details: Mapping[str, object], name: str) -> datetime | None:
    text = body.get(name, details.get(name))
    try:
        return decode.read_time(text, "$") if isinstance(text, str) else None
    except Refused:
        return None


def _plain(number: object) -> str:
    return "" if number is None else str(number)


# --- how it is signed -------------------------------------------------------------------------------------

Cut = Callable[[str], bytes]
Hashing = Callable[[bytes, bytes], bytes]
Spelling = Callable[[bytes], str]


def first_ten(secret: str) -> bytes:
    return secret[:KEY_CHARACTERS].encode()


def whole(secret: str) -> bytes:
    return secret.encode()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)


def in_hex(digest: bytes) -> str:
    return digest.hex()


def in_base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to sign, right or wrong. `text` stands in place of the joined parts. No secret shows in a repr."""

    use: Use
    facts: Facts
    secret: str = field(repr=False)
    parts: tuple[str, ...]
    cut: Cut = first_ten
    joined_by: str = "|"
    around: tuple[str, str] = ("", "")
    text: bytes | None = field(default=None, repr=False)
    encoding: str = "utf-8"
    hashing: Hashing = hmac_sha256
    spelling: Spelling = in_hex

    @property
    def message(self) -> bytes:
        """What is signed."""
        before, after = self.around
        if self.text is not None:
            return before.encode() + self.text + after.encode()
        return f"{before}{self.joined_by.join(self.parts)}{after}".encode(self.encoding, "replace")

    def sign(self) -> str:
        """The signature that comes of it."""
        return self.spelling(self.hashing(self.cut(self.secret), self.message))


def right_recipe(facts: Facts, scheme: SignatureScheme, secret: str) -> Recipe:
    """How x-pch-digest is made when nothing goes wrong: the same as auth.sign_order and its kin."""
    match scheme:
        case SignatureScheme.DIGEST:
            return Recipe(Use.DIGEST, facts, secret, facts.parts)
        case SignatureScheme.BODY:
            return Recipe(Use.BODY, facts, secret, facts.parts, cut=whole, text=facts.raw)
        case _:
            assert_never(scheme)


def token_recipe(signing_input: str, secret: str) -> Recipe:
    """How a token's third part is made when nothing goes wrong."""
    facts = Facts(Kind.MENU, Amounts.MINOR, b"")
    text = signing_input.encode()
    return Recipe(Use.TOKEN, facts, secret, (), cut=whole, text=text, spelling=in_base64url)


# --- the same JSON, written otherwise -----------------------------------------------------------------------


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def _rewritten(raw: bytes) -> list[tuple[str, bytes]]:
    text = raw.decode()
    found: dict[bytes, str] = {raw: ""}
    for numbers, how in (("as they are", _Number), ("as floats", _python_number), ("as JavaScript's", _js_number)):
        value = json.loads(text, parse_int=_Number, parse_float=how)
        for spacing, comma, colon, indent in _SPACINGS:
            for keys_sorted in (False, True):
                for ascii_only in (False, True):
                    written = _write(value, _Form(comma, colon, indent, keys_sorted, ascii_only)).encode()
                    details = [
                        spacing,
                        "keys sorted" if keys_sorted else "",
                        "non-ASCII escaped" if ascii_only else "",
                        f"numbers {numbers}" if how is not _Number else "",
                    ]
                    found.setdefault(written, ", ".join(detail for detail in details if detail))
    return [(detail, written) for written, detail in found.items() if detail]


_SPACINGS = (
    ("compact, as JavaScript writes it", ",", ":", ""),
    ("a space after , and :, as Python writes it", ", ", ": ", ""),
    ("indented by 2", ",", ": ", "  "),
    ("indented by 4", ",", ": ", "    "),
    ("indented by a tab", ",", ": ", "\t"),
)


@dataclass(frozen=True, slots=True)
class _Form:
    comma: str
    colon: str
    indent: str
    keys_sorted: bool
    ascii_only: bool


def _write(value: object, form: _Form, depth: int = 0) -> str:
    match value:
        case _Number():
            return str(value)
        case dict(members):
            names = sorted(members) if form.keys_sorted else list(members)
            inner = [
                f"{json.dumps(name, ensure_ascii=form.ascii_only)}{form.colon}{_write(members[name], form, depth + 1)}"
                for name in names
            ]
            return _bracketed("{", inner, "}", form, depth)
        case list(elements):
            return _bracketed("[", [_write(one, form, depth + 1) for one in elements], "]", form, depth)
        case _:
            return json.dumps(value, ensure_ascii=form.ascii_only)


def _bracketed(opening: str, inner: list[str], closing: str, form: _Form, depth: int) -> str:
    if not form.indent or not inner:
        return opening + form.comma.join(inner) + closing
    line = "\n" + form.indent * (depth + 1)
    return f"{opening}{line}{(form.comma + line).join(inner)}\n{form.indent * depth}{closing}"


def _python_number(text: str) -> _Number:
    return _Number(repr(float(text)))


def _js_number(text: str) -> _Number:
    number = float(text)
    return _Number(int(number) if number.is_integer() else repr(number))
