"""The known ways to sign wrongly, in one written table. Each changes one step of a recipe, so that two can be combined.

A mistake that changes nothing for a body at hand (its times are equal, nothing is missing) signs like the right way.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import combinations
from typing import Final

from heard import limits
from heard.domain.stores import Amounts
from heard.protocols.posnext.auth import KEY_CHARACTERS
from heard.protocols.posnext.recipe import (
    GRAND_TOTAL,
    LOCATION,
    ORDER_ID,
    PART_NAMES,
    SECONDS,
    SUBTOTAL,
    UID,
    Cut,
    Hashing,
    Recipe,
    Spelling,
    Use,
    first_ten,
    hmac_sha256,
    in_hex,
    seconds_of,
    whole,
)

Variant = tuple[str, Recipe]  # what exactly was done, and the recipe that does it


@dataclass(frozen=True, slots=True)
class Mistake:
    """`what` went wrong and how to `fix` it; `vary` gives every recipe that goes wrong in this way.

    `of_parts`: it changes the six parts, and so nothing where something else is signed.
    """

    name: str
    what: str
    fix: str
    vary: Callable[[Recipe], Iterator[Variant]]
    uses: frozenset[Use] = frozenset(Use)
    of_parts: bool = False

    def applies(self, recipe: Recipe) -> bool:
        return recipe.use in self.uses and not (self.of_parts and recipe.text is not None)


# --- the secret and the key -------------------------------------------------------------------------------


def _secrets(recipe: Recipe) -> Iterator[Variant]:
    secret = recipe.secret
    if secret != secret.strip():
        yield (
            "signed without the blank that the SharedId given here begins or ends with",
            replace(recipe, secret=secret.strip()),
        )
    for detail, before, after in (
        ("a newline at the end", "", "\n"),
        ("CR LF at the end", "", "\r\n"),
        ("a space at the end", "", " "),
        ("a space at the beginning", " ", ""),
        ("in double quotes", '"', '"'),
        ("in single quotes", "'", "'"),
    ):
        yield detail, replace(recipe, secret=f"{before}{secret}{after}")


def _key(cut: Cut) -> Callable[[Recipe], Iterator[Variant]]:
    return lambda recipe: iter([("", replace(recipe, cut=cut))])


def _last_ten(secret: str) -> bytes:
    return secret[-KEY_CHARACTERS:].encode()


def _other_length(recipe: Recipe) -> Iterator[Variant]:
    for length in (8, 9, 11, 12, 16, 32):
        if length < len(recipe.secret):
            yield f"{length} characters", replace(recipe, cut=_beginning(length))


def _beginning(length: int) -> Cut:
    return lambda secret: secret[:length].encode()


def _decoded(recipe: Recipe) -> Iterator[Variant]:
    for name, decoder in (("base64", _from_base64), ("hex", bytes.fromhex)):
        try:
            key = decoder(recipe.secret)
        except (ValueError, binascii.Error):
            continue
        yield f"the first ten bytes of the {name}-decoded SharedId", replace(recipe, cut=_fixed(key[:KEY_CHARACTERS]))
        yield f"the whole {name}-decoded SharedId", replace(recipe, cut=_fixed(key))


def _from_base64(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


def _fixed(key: bytes) -> Cut:
    return lambda _: key


# --- the hash and its spelling ----------------------------------------------------------------------------


def _other_hash(recipe: Recipe) -> Iterator[Variant]:
    for name in ("sha1", "sha512", "md5", "sha384", "sha224", "sha3_256"):
        yield f"HMAC-{name.upper()}", replace(recipe, hashing=_hmac(name))


def _hmac(name: str) -> Hashing:
    return lambda key, message: hmac.digest(key, message, name)


def _plain_hash(recipe: Recipe) -> Iterator[Variant]:
    sha = hashlib.sha256
    yield "SHA-256 of the message, without any key", replace(recipe, hashing=lambda _, text: sha(text).digest())
    yield "SHA-256 of key and message", replace(recipe, hashing=lambda key, text: sha(key + text).digest())
    yield "SHA-256 of message and key", replace(recipe, hashing=lambda key, text: sha(text + key).digest())


def _arguments_swapped(recipe: Recipe) -> Iterator[Variant]:
    yield "", replace(recipe, hashing=lambda key, message: hmac_sha256(message, key))


def _spelled(recipe: Recipe) -> Iterator[Variant]:
    spellings: tuple[tuple[str, Spelling], ...] = (
        ("hex", in_hex),
        ("base64", lambda digest: base64.b64encode(digest).decode()),
        ("base64 without its padding", lambda digest: base64.b64encode(digest).rstrip(b"=").decode()),
        ("base64url", lambda digest: base64.urlsafe_b64encode(digest).decode()),
        ("base64url without its padding", lambda digest: base64.urlsafe_b64encode(digest).rstrip(b"=").decode()),
        ("base64 of the hex text", lambda digest: base64.b64encode(digest.hex().encode()).decode()),
        ("base64url of the hex text", lambda digest: base64.urlsafe_b64encode(digest.hex().encode()).decode()),
        ("hex with a dash between bytes", lambda digest: digest.hex("-")),
        ("hex with a colon between bytes", lambda digest: digest.hex(":")),
        ("hex after sha256=", lambda digest: f"sha256={digest.hex()}"),
        ("hex after 0x", lambda digest: f"0x{digest.hex()}"),
        ("hex in quotes", lambda digest: f'"{digest.hex()}"'),
    )
    for detail, spelling in spellings:
        yield detail, replace(recipe, spelling=spelling)


# --- what is signed ---------------------------------------------------------------------------------------


def _body(recipe: Recipe) -> Iterator[Variant]:
    yield "with the whole SharedId", replace(recipe, text=recipe.facts.raw, cut=whole)
    yield "with its first ten characters", replace(recipe, text=recipe.facts.raw, cut=first_ten)


def _message(recipe: Recipe) -> Iterator[Variant]:
    yield "with the first ten characters of the SharedId", replace(recipe, text=None, cut=first_ten)
    yield "with the whole SharedId", replace(recipe, text=None, cut=whole)


def _rewritten(recipe: Recipe) -> Iterator[Variant]:
    if recipe.text is not None and len(recipe.facts.raw) <= limits.BODY_BYTES_MAX:
        for detail, text in recipe.facts.rewritten:
            yield detail, replace(recipe, text=text)


def _line_end(recipe: Recipe) -> Iterator[Variant]:
    for detail, end in (("a newline", "\n"), ("CR LF", "\r\n"), ("a NUL", "\0")):
        before, after = recipe.around
        yield f"{detail} after it", replace(recipe, around=(before, after + end))
    if recipe.text is not None and recipe.text != recipe.text.rstrip():
        yield "without the line end that the body here has", replace(recipe, text=recipe.text.rstrip())


def _other_encoding(recipe: Recipe) -> Iterator[Variant]:
    for encoding in ("latin-1", "utf-16-le", "utf-16", "ascii"):
        yield encoding, replace(recipe, encoding=encoding)


# --- its parts --------------------------------------------------------------------------------------------


def _with(recipe: Recipe, *values: tuple[int, str]) -> Recipe:
    parts = list(recipe.parts)
    for place, value in values:
        parts[place] = value
    return replace(recipe, parts=tuple(parts))


def _totals(recipe: Recipe, grand_total: str, subtotal: str) -> Recipe:
    return _with(recipe, (GRAND_TOTAL, grand_total), (SUBTOTAL, subtotal))


def _decimals(recipe: Recipe) -> Iterator[Variant]:
    both = [Decimal(cents or 0).scaleb(-2) for cents in (recipe.facts.grand_total, recipe.facts.subtotal)]
    two = [f"{amount:.2f}" for amount in both]
    yield f"{two[0]} and {two[1]}", _totals(recipe, two[0], two[1])
    short = [f"{amount.normalize():f}" for amount in both]
    if not _taken_as_they_are(recipe):
        yield f"{short[0]} and {short[1]}", _totals(recipe, short[0], short[1])
    point = [text if "." in text else f"{text}.0" for text in short]
    yield f"{point[0]} and {point[1]}", _totals(recipe, point[0], point[1])
    grand_total, subtotal = (text or "0" for text in recipe.facts.total_texts)
    if "." in grand_total + subtotal:
        yield f"{grand_total} and {subtotal}, as the body has them", _totals(recipe, grand_total, subtotal)


def _taken_as_they_are(recipe: Recipe) -> bool:
    """Decimals are agreed on, and the body has whole numbers."""
    return recipe.facts.amounts is Amounts.DECIMAL and "." not in "".join(recipe.facts.total_texts)


def _taken_for_decimals(recipe: Recipe) -> Iterator[Variant]:
    if _taken_as_they_are(recipe):
        grand_total, subtotal = (text or "0" for text in recipe.facts.total_texts)
        yield f"{grand_total} and {subtotal}", _totals(recipe, grand_total, subtotal)


def _times_hundred(recipe: Recipe) -> Iterator[Variant]:
    if recipe.facts.amounts is Amounts.MINOR:
        grand_total, subtotal = (str((cents or 0) * 100) for cents in (recipe.facts.grand_total, recipe.facts.subtotal))
        yield f"{grand_total} and {subtotal}", _totals(recipe, grand_total, subtotal)


def _truncated(recipe: Recipe) -> Iterator[Variant]:
    """As `(int)(1.15 * 100)` gives 114. No float holds money here: this is how others came to their cents."""
    for detail, convert in (("truncated", int), ("rounded up", lambda product: -int(-product // 1))):
        both = [
            str(convert(cents / 100 * 100)) if cents is not None else "0"
            for cents in (recipe.facts.grand_total, recipe.facts.subtotal)
        ]
        yield f"{detail}: {both[0]} and {both[1]}", _totals(recipe, both[0], both[1])


def _other_time(recipe: Recipe) -> Iterator[Variant]:
    for name, moment in recipe.facts.other_times.items():
        yield name, _with(recipe, (SECONDS, str(seconds_of(moment))))


def _not_seconds(recipe: Recipe) -> Iterator[Variant]:
    moment = recipe.facts.moment
    if moment is None:
        return
    seconds, ms = seconds_of(moment), moment.microsecond // 1000
    yield "milliseconds", _with(recipe, (SECONDS, str(seconds * 1000 + ms)))
    yield "milliseconds, the fraction dropped", _with(recipe, (SECONDS, str(seconds * 1000)))
    yield "microseconds", _with(recipe, (SECONDS, str(seconds * 1_000_000 + moment.microsecond)))
    yield "seconds with a fraction", _with(recipe, (SECONDS, f"{seconds}.{ms:03d}"))
    exact = Decimal(seconds) + Decimal(moment.microsecond).scaleb(-6)
    yield "seconds with a fraction", _with(recipe, (SECONDS, f"{exact.normalize():f}"))
    yield "seconds with a fraction", _with(recipe, (SECONDS, f"{seconds}.0"))
    yield "seconds, rounded up", _with(recipe, (SECONDS, str(seconds + 1)))
    yield "the text of the time", _with(recipe, (SECONDS, recipe.facts.time_text))
    yield "the date and time as digits", _with(recipe, (SECONDS, f"{moment:%Y%m%d%H%M%S}"))


_ZONES: Final = tuple(timedelta(minutes=15 * quarters) for quarters in range(-14 * 4, 14 * 4 + 1) if quarters)


def _local_time(recipe: Recipe) -> Iterator[Variant]:
    if recipe.facts.moment is None:
        return
    for offset in _ZONES:
        sign, minutes = ("-" if offset < timedelta() else "+"), abs(offset) // timedelta(minutes=1)
        # the wall clock's reading of UTC taken for a time of the zone UTC+offset: so many seconds earlier
        moment = recipe.facts.moment - offset
        yield (
            f"as if the time were one of UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}",
            _with(recipe, (SECONDS, str(seconds_of(moment)))),
        )


def _zero(recipe: Recipe) -> Iterator[Variant]:
    stated = [place for place in range(len(PART_NAMES)) if place not in recipe.facts.missing]
    for place in stated:
        yield f"0 for {PART_NAMES[place]}", _with(recipe, (place, "0"))
    yield "0 for both totals", _totals(recipe, "0", "0")


def _other_id(recipe: Recipe) -> Iterator[Variant]:
    for place in (UID, LOCATION, ORDER_ID):
        for name, text in recipe.facts.other_ids.items():
            if name != PART_NAMES[place]:
                yield f"{name} where {PART_NAMES[place]} belongs", _with(recipe, (place, text))


def _case_of_ids(recipe: Recipe) -> Iterator[Variant]:
    for detail, change in (("lower case", str.lower), ("upper case", str.upper)):
        yield (
            f"ids in {detail}",
            _with(recipe, *((place, change(recipe.parts[place])) for place in (UID, LOCATION, ORDER_ID))),
        )


def _for_missing(recipe: Recipe) -> Iterator[Variant]:
    missing = recipe.facts.missing
    sets = [missing] if missing else []
    if len(missing) > 1:
        sets += [(place,) for place in missing]
    for places in sets:
        names = ", ".join(PART_NAMES[place] for place in places)
        for text in ("", "null", "None", "undefined", "nil", "NULL", "-1"):
            detail = f"{text or 'nothing between the pipes'} for {names}"
            yield detail, _with(recipe, *((place, text) for place in places))


def _swapped_totals(recipe: Recipe) -> Iterator[Variant]:
    yield "", _with(recipe, (GRAND_TOTAL, recipe.parts[SUBTOTAL]), (SUBTOTAL, recipe.parts[GRAND_TOTAL]))


def _other_order(recipe: Recipe) -> Iterator[Variant]:
    for one, other in combinations(range(len(PART_NAMES)), 2):
        if (one, other) != (GRAND_TOTAL, SUBTOTAL):
            swapped = _with(recipe, (one, recipe.parts[other]), (other, recipe.parts[one]))
            yield f"{PART_NAMES[one]} and {PART_NAMES[other]} in each other's place", swapped


def _left_out(recipe: Recipe) -> Iterator[Variant]:
    missing = recipe.facts.missing
    sets = [missing] if missing else []
    sets += [(place,) for place in range(len(PART_NAMES)) if (place,) != missing]
    for places in sets:
        kept = tuple(part for place, part in enumerate(recipe.parts) if place not in places)
        yield f"without {', '.join(PART_NAMES[place] for place in places)}", replace(recipe, parts=kept)


def _joined(recipe: Recipe) -> Iterator[Variant]:
    separators = {
        "": "nothing", ",": "a comma", ":": "a colon", ";": "a semicolon", "-": "a dash", "_": "an underscore",
        ".": "a dot", "||": "two pipes", " | ": "a pipe between blanks", " ": "a blank", "\n": "a newline",
        "&": "an ampersand", "/": "a slash", "\t": "a tab",
    }  # fmt: skip
    for separator, name in separators.items():
        yield f"{name} between the parts", replace(recipe, joined_by=separator)
    before, after = recipe.around
    yield "a pipe at the end", replace(recipe, around=(before, f"|{after}"))
    yield "a pipe at the beginning", replace(recipe, around=(f"|{before}", after))
    yield "a pipe at both ends", replace(recipe, around=(f"|{before}", f"|{after}"))


_TEN = "the first ten characters of the SharedId: shared_id[:10]"

# In the order in which two are combined: what sets values, then what moves or drops them.
MISTAKES: Final = (
    Mistake(
        "body_instead_of_message",
        "the raw body was signed, not the message of six parts",
        "sign request_uid|location_id|online_order_id|grand_total_cents|subtotal_cents|seconds; or, if both sides mean"
        " the body, set the connection to `--signature body`",
        _body,
        frozenset({Use.DIGEST}),
    ),
    Mistake(
        "message_instead_of_body",
        "the message of six parts was signed, not the raw body",
        "sign the raw bytes of the body; or, if both sides mean the message, set the connection to"
        " `--signature digest`",
        _message,
        frozenset({Use.BODY}),
    ),
    Mistake(
        "shared_id_with_blank",
        "the SharedId was used with more around it than belongs to it",
        "strip the SharedId when it is read: shared_id.strip(), and no quotes in the environment",
        _secrets,
    ),
    Mistake("whole_shared_id", "the key is the whole SharedId", f"key = {_TEN}", _key(whole), frozenset({Use.DIGEST})),
    Mistake(
        "ten_characters",
        "the key is only the first ten characters of the SharedId",
        "key = the whole SharedId; ten characters are for the digest of six parts alone",
        _key(first_ten),
        frozenset({Use.BODY, Use.TOKEN}),
    ),
    Mistake("last_ten", "the key is the last ten characters of the SharedId", f"key = {_TEN}", _key(_last_ten)),
    Mistake("other_length", "the SharedId was cut at another place", f"the digest's key is {_TEN}", _other_length),
    Mistake(
        "decoded_shared_id",
        "the SharedId was decoded before it was used as the key",
        "use the SharedId's own characters in UTF-8: it is text, neither base64 nor hex",
        _decoded,
    ),
    Mistake("empty_key", "the key is empty", "the SharedId was not loaded: look where it is read", _key(_fixed(b""))),
    Mistake("other_hash", "another hash than SHA-256", "use HMAC-SHA256", _other_hash),
    Mistake("hash_without_hmac", "a plain hash, no HMAC", "use HMAC-SHA256 with the key, not sha256()", _plain_hash),
    Mistake(
        "arguments_swapped",
        "key and message changed places",
        "hmac(key, message): look up which argument comes first in your language",
        _arguments_swapped,
    ),
    Mistake(
        "other_spelling",
        "right bytes, written otherwise",
        "x-pch-digest: 64 hex digits in lower case and nothing else; a token's signature: base64url without padding",
        _spelled,
    ),
    Mistake(
        "rewritten_body",
        "the JSON was written anew, and its bytes changed",
        "sign the bytes that are sent, and verify the bytes as received, before any parser",
        _rewritten,
        frozenset({Use.DIGEST, Use.BODY}),
    ),
    Mistake(
        "line_end",
        "a line end more or less than belongs to it",
        "sign without a newline: `printf %s`, not `echo`; send and keep the body as it is",
        _line_end,
    ),
    Mistake(
        "other_encoding", "the message was not in UTF-8", "encode the message in UTF-8", _other_encoding, of_parts=True
    ),
    Mistake(
        "decimals",
        "the totals are decimals, not cents",
        "sign whole cents, converted in decimal arithmetic: 12.99 is 1299",
        _decimals,
        of_parts=True,
    ),
    Mistake(
        "taken_for_decimals",
        "the totals were signed as the body has them, and it has no decimals: are they cents?",
        "if they are, verify with `--amounts minor`; if 14 means 14.00, sign 1400",
        _taken_for_decimals,
        of_parts=True,
    ),
    Mistake(
        "times_hundred",
        "the totals were multiplied by 100 although they are cents",
        "take the body's totals as they are; or, if the body has decimals, `--amounts decimal`",
        _times_hundred,
        of_parts=True,
    ),
    Mistake(
        "binary_cents",
        "the cents went through a binary floating-point number: 1.15 * 100 is 114.99...",
        "use decimal arithmetic: int(Decimal(text) * 100), or round(amount * 100)",
        _truncated,
        of_parts=True,
    ),
    Mistake("other_time", "the seconds are another time's", "take request_datetime", _other_time, of_parts=True),
    Mistake(
        "not_seconds",
        "the time is not in whole Unix seconds",
        "floor(Unix time) in seconds",
        _not_seconds,
        of_parts=True,
    ),
    Mistake(
        "local_time",
        "request_datetime was read in a local time zone",
        "read it as UTC: the Z at its end says so",
        _local_time,
        of_parts=True,
    ),
    Mistake(
        "zero_for_a_value", "0 stands for a value that the body has", "sign the body's values", _zero, of_parts=True
    ),
    Mistake(
        "other_id",
        "an id stands in another's place",
        "sign the ids of the body, each in its place",
        _other_id,
        of_parts=True,
    ),
    Mistake(
        "case_of_ids", "the ids were changed", "sign ids exactly as they stand in the body", _case_of_ids, of_parts=True
    ),
    Mistake(
        "missing_not_zero",
        "what is missing is not 0",
        "write 0 for whatever the body lacks",
        _for_missing,
        of_parts=True,
    ),
    Mistake(
        "swapped_totals",
        "subtotal and grand total changed places",
        "first grand_total, then subtotal",
        _swapped_totals,
        of_parts=True,
    ),
    Mistake("other_order", "the parts are in another order", f"{'|'.join(PART_NAMES)}", _other_order, of_parts=True),
    Mistake("left_out", "a part is left out", "six parts, with 0 for whatever is missing", _left_out, of_parts=True),
    Mistake("other_separator", "the parts are not joined by single pipes", "'|'.join(parts)", _joined, of_parts=True),
)
