"""Why a captured message does not hold: token, digest and body, every rule checked for itself.

A report may be pasted into a ticket: it holds neither the SharedId nor a key, token or whole digest.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from heard.domain.refusals import Refused
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols import strict_json
from heard.protocols.posnext import decode, menus
from heard.protocols.posnext.auth import KEY_CHARACTERS
from heard.protocols.posnext.causes import Check, Verdict, diagnose, fails, holds
from heard.protocols.posnext.recipe import (
    PART_NAMES,
    Facts,
    Kind,
    NoFacts,
    read_facts,
    right_recipe,
)
from heard.protocols.posnext.token_checks import check_token

_SHOWN_OF_EXPECTED = 8  # hex digits: enough to compare by eye, useless to forge with


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. `message` is the signed message with its parts named, empty where six parts are not signed."""

    checks: tuple[Check, ...]
    kind: Kind | None
    message: tuple[tuple[str, str], ...] = ()
    expected_begins: str = ""

    @property
    def holds(self) -> bool:
        return all(check.verdict is not Verdict.FAILS for check in self.checks)


# --- the payload signature --------------------------------------------------------------------------------


def check_digest(facts: Facts, header: str | None, scheme: SignatureScheme, shared_id: str) -> Check:
    """x-pch-digest of a body that has to be signed."""
    rule = "digest"
    if header is None:
        return fails(rule, "there is no x-pch-digest header")
    right = right_recipe(facts, scheme, shared_id)
    expected = right.sign()
    given = header.strip()
    if not given:
        return fails(rule, "the x-pch-digest header is empty")
    if given.isascii() and hmac.compare_digest(given.lower().encode(), expected.encode()):
        if given != expected:
            return Check(rule, Verdict.ADVICE, "it is the right one in upper case: accepted; write it in lower case")
        return holds(rule, "it signs this body")
    causes = diagnose(given, right)
    if causes:
        return fails(rule, "it does not sign this body; it is what these known mistakes give", *causes)
    return fails(rule, f"{_looks(given)}; no known mistake gives it: another SharedId, another body, or another fault")


def _looks(given: str) -> str:
    """What can be said of a wrong digest without repeating it: it may be anything, a secret too."""
    if len(given) == len("0" * 64) and all(one in "0123456789abcdefABCDEF" for one in given):
        return "it has the form of a digest and does not sign this body"
    return f"it has {len(given)} characters and not the form of a digest, which is 64 hex digits"


def message_parts(facts: Facts, scheme: SignatureScheme) -> tuple[tuple[str, str], ...]:
    """The signed message, each part with its name; nothing where the raw body is signed."""
    if scheme is SignatureScheme.BODY or facts.kind is Kind.MENU:
        return ()
    return tuple(zip(PART_NAMES, facts.parts, strict=True))


# --- the body ---------------------------------------------------------------------------------------------


def check_body(raw: bytes, kind: Kind | None, amounts: Amounts) -> tuple[Check, ...]:
    """JSON, members and sums, each for itself; `kind` None for what is no JSON object."""
    try:
        _decode(raw, kind, amounts)
    except Refused as refused:
        return tuple(_body_faults(refused))
    if kind is None:
        return (fails("body.json", "JSON, and no object"),)
    sums = () if kind is not Kind.ORDER else (holds("body.sums", "subtotal, discount_total and grand_total add up"),)
    return (
        holds("body.json", "well-formed, unambiguous JSON"),
        holds("body.fields", "every member that is needed, in its form"),
        *sums,
    )


def _decode(raw: bytes, kind: Kind | None, amounts: Amounts) -> None:
    match kind:
        case Kind.ORDER:
            decode.decode_order(raw, amounts)
        case Kind.ANSWER:
            decode.decode_answer(raw, amounts)
        case Kind.CANCEL:
            decode.decode_cancel(raw)
        case Kind.MENU if b'"menus"' in raw:
            menus.decode_menu(raw)
        case Kind.MENU:
            decode.decode_menu_request(raw)
        case None:
            strict_json.parse(raw)


def _body_faults(refused: Refused) -> Iterator[Check]:
    if not refused.errors:
        yield fails("body.json", refused.detail)
        return
    yield holds("body.json", "well-formed, unambiguous JSON")
    sums = all(error.code == "mismatch" for error in refused.errors)
    if sums:
        yield holds("body.fields", "every member that is needed, in its form")
    for error in refused.errors:
        yield fails("body.sums" if sums else "body.fields", f"{error.path}: {error.message}")


# --- all of it --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Captured:
    """A message as it was caught. `answer` True: an HTTP answer, which carries no token, as does a body alone."""

    body: bytes = field(repr=False)
    authorization: str | None = field(repr=False)
    digest: str | None = field(repr=False)
    answer: bool = False
    token_expected: bool = True


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the two sides agreed on, and when the message is judged: None for the time that its token names itself."""

    amounts: Amounts
    signature: SignatureScheme
    organization_id: str | None = None
    now: datetime | None = None


def report(captured: Captured, kind: Kind | None, agreed: Agreed, shared_id: str) -> Report:
    """Every check of a captured message; `kind` None for a body that is none. No word of it holds the SharedId."""
    facts, unread = _facts(captured.body, kind, agreed)
    organization_id = agreed.organization_id or (facts.organization_id if facts else None)
    checks: list[Check] = []
    if captured.token_expected and not captured.answer:
        checks += check_token(captured.authorization, shared_id, organization_id, agreed.now)
    else:
        checks.append(Check("token", Verdict.SKIPPED, "an answer carries none" if captured.answer else "none is given"))
    signed = facts if facts and is_signed(facts, captured.answer, agreed.signature) else None
    if signed:
        checks.append(check_digest(signed, captured.digest, agreed.signature, shared_id))
    elif facts:
        checks.append(Check("digest", Verdict.SKIPPED, "a menu and its request carry none in this scheme"))
    elif captured.body:
        checks.append(fails("digest", f"what is signed cannot be read: {unread}"))
    else:
        checks.append(Check("digest", Verdict.SKIPPED, "there is no body"))
    if captured.body:
        checks += check_body(captured.body, kind, agreed.amounts)
    expected = right_recipe(signed, agreed.signature, shared_id).sign() if signed else ""
    message = message_parts(signed, agreed.signature) if signed else ()
    return _without(shared_id, Report(tuple(checks), kind, message, expected[:_SHOWN_OF_EXPECTED]))


def _facts(raw: bytes, kind: Kind | None, agreed: Agreed) -> tuple[Facts | None, str]:
    """Read as agreed, else with the other form of amounts: the body's own check tells that they are not as agreed.

    The raw body is signed whatever it is.
    """
    if not raw:
        return None, ""
    said: list[str] = []
    for amounts in (agreed.amounts, *(other for other in Amounts if other is not agreed.amounts)):
        try:
            return read_facts(raw, kind or Kind.MENU, amounts), ""
        except NoFacts as error:
            said.append(str(error))
    if agreed.signature is SignatureScheme.BODY:
        return Facts(kind or Kind.ORDER, agreed.amounts, raw), ""
    return None, said[0]


def is_signed(facts: Facts, answer: bool, scheme: SignatureScheme) -> bool:
    """Of menus only the document is signed, and only in the BODY scheme."""
    if facts.kind is not Kind.MENU:
        return True
    return scheme is SignatureScheme.BODY and (answer or b'"menus"' in facts.raw)


def _without(shared_id: str, said: Report) -> Report:
    """Nothing of the SharedId in any text, should a message have carried it where it does not belong."""
    spellings = (shared_id, repr(shared_id)[1:-1], shared_id[:KEY_CHARACTERS])

    def clean(text: str) -> str:
        for spelling in spellings:
            text = text.replace(spelling, "[SharedId]")
        return text

    checks = tuple(replace(check, says=clean(check.says)) for check in said.checks)
    return replace(said, checks=checks, message=tuple((name, clean(text)) for name, text in said.message))
