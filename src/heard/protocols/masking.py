"""What was said in a call, fit to be shown: secrets and what is personal are masked, the shape stays to be seen.

Works on the text as it stands, JSON that breaks off in the middle included, in one pass, and never raises. Three nets,
one behind the other: what a member is called, what a text looks like, and what is known of the guest and the line.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from heard import limits
from heard.domain.order.content import OrderContent

_MASK = "•"
# Of what a masked text leaves standing: where its words end, and what makes a number or an address one.
_STAYS = re.compile(r"[^\s@.+-]")
_STAYS_QUOTED = re.compile(r"[^\s@.+\"-]")
# A member of which nothing is shown, whatever stands below it. Its name is held against these without case and signs.
_PRIVATE = re.compile(
    r"name|phone|mobile|fax|mail|address|street|(?<!capa)city|zip|postal|postcode|latitude|longitude|birth|contact|customer|guest"
    r"|recipient|courier|driver|notes?$|comments?$|instruction|remark|authorization|token|secret|password|passwd|digest"
    r"|signature|cookie|credential|apikey|sharedid|jwt|session|card|cvv|cvc|iban|^pan$|^pin$|^key$|^auth$|^lat$|^lng$"
)
# ... and what is none although it is called so: the things that were ordered have names, too.
_THINGS = re.compile(r"^(menuitems?|items?|lines?|modifiers?|modifiergroups?|products?|discounts?|taxes|fees)$")
_PUBLIC = re.compile(r"^(hostname|filename|typename|eventname|pathname)$")
_SIGNS = re.compile(r"[^a-z0-9]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)', re.DOTALL)
_STRUCTURE = frozenset("{}[]:,\n\t ")
_MEMBER = re.compile(r"\s*:")
_BARE = re.compile(r"[^\s,:\[\]{}\"]+")
_READER = json.JSONDecoder(strict=False)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Each begins only where a run of its characters does, so that no text makes the search slow.
_LOOKS = re.compile(
    r"(?P<scheme>\bbearer\s+)[^\s\"',;]+"  # a header's credentials
    r"|(?P<basic>\bbasic\s+)[A-Za-z0-9+/]{12,}={0,2}"
    r"|(?<![\w.+%-])[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"  # an address of electronic mail
    r"|(?<![\w-])[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"  # a JWT
    r"|\b(?:sk|pk|rk|whsec|hcs|hat|hak|hci)_[A-Za-z0-9_-]{8,}"  # a secret that says what it is
    r"|(?<![\w-])[A-Za-z0-9_+-]{40,}={0,2}"  # longer than any id of ours
    r"|\b[0-9a-fA-F]{32,}\b"  # a digest
    r"|\+\d(?:[\s().-]*\d){6,14}"  # a telephone number, with its country
    r"|\(?(?<!\d)\d{3}\)?[\s.-]{1,2}\d{3}[\s.-]\d{4}(?!\d)"  # ... and without
    r"|(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])",  # a card
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![\w.-])(?P<key>[A-Za-z][\w.-]*)[\"']?\s*[=:>]\s*")
_VALUE = re.compile(r"\"[^\"]*\"?|[^&;<>{}\n\"]+")
_LOOKED_MIN = 4  # a shorter text looks like nothing, and names nothing
_KNOWN_MAX = 16  # texts of one order that are looked for everywhere: the guest first, then what they wrote
_KNOWN_CHARACTERS_MAX = 200  # of a longer one no POS speaks; as a member it is masked by its name all the same
_WORD_MAX = 8  # a text as short may be a part of a word; a longer one is itself wherever it stands
_PART_MIN = 3  # of a name: who hides every `Al` shows nothing
_PHONE_DIGITS_MIN, _PHONE_DIGITS_MAX = 6, 20
_LOCAL_DIGITS = 7  # of a telephone number without its country and area


@dataclass(frozen=True, slots=True)
class Known:
    """What must not be shown wherever it stands, made of texts that are known."""

    pattern: re.Pattern[str] | None = field(repr=False)


NOTHING_KNOWN = Known(None)


def known_of(content: OrderContent, secrets: Iterable[str] = ()) -> Known:
    """The guest of an order and what they wrote, and the secrets of the line it goes over."""
    guest = content.customer
    texts = [*secrets, guest.name, guest.email]
    texts += [part for part in (guest.name or "").split() if len(part) >= _PART_MIN]
    notes = [content.notes, *(line.notes for line in content.lines)]
    texts += [note for note in notes if note and _PART_MIN <= len(note.strip()) <= _KNOWN_CHARACTERS_MAX]
    found = {text: _phrase(text) for text in texts if text and text.strip()}
    some = dict(list((_phone(guest.phone or "") | found).items())[:_KNOWN_MAX])
    longest_first = sorted(some, key=len, reverse=True)
    return Known(re.compile("|".join(some[text] for text in longest_first), re.IGNORECASE)) if some else NOTHING_KNOWN


def masked(
    raw: bytes, known: Known = NOTHING_KNOWN, *, cut: bool = False, bytes_max: int = limits.SAID_TEXT_MAX
) -> str:
    """Bytes as a text that may be shown; JSON on lines of its own members. `cut`: there was more behind them.
    `bytes_max`: so many of them are looked at.
    """
    if b"\0" in raw:
        return f"({len(raw)} bytes that are no text)"
    cut = cut or len(raw) > bytes_max
    text = _text(raw[:bytes_max], cut)
    if text.lstrip()[:1] in ("{", "["):
        masker = _Masker(text, known, cut)
        shown = "".join(masker.parts())
        laid_out = None if cut else _laid_out(shown, masker.deepest, 2 * bytes_max)
        return _found(shown, known) if laid_out is None else laid_out  # what is no JSON is looked through as a whole
    if cut:
        begins = len(text) - len(text.split()[-1]) if text.split() and not text[-1].isspace() else len(text)
        text = text[:begins] + _hidden(text[begins:])  # half a name is one, too
    return _CONTROLS.sub("", _plain(text, known))


def _text(raw: bytes, cut: bool) -> str:
    """UTF-8, and else bytes as Latin-1, which is what an old POS speaks."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if cut and error.reason == "unexpected end of data":  # the cut went through a character
            return raw[: error.start].decode()
        return raw.decode("latin-1")


class _Masker:
    """One pass over JSON, or what begins like it: strings and bare words, each under the member that it belongs to."""

    def __init__(self, text: str, known: Known, cut: bool) -> None:
        self._source, self._known, self._cut = text, known, cut
        self._open = [("", False)]  # of each object and list that is open: the member it is under, and if it is private
        self._private = False  # the member that was named last
        self._named = ""
        self.deepest = 0

    def parts(self) -> Iterator[str]:
        text, at = self._source, 0
        while at < len(text):
            sign = text[at]
            if sign in _STRUCTURE:
                end = at + 1
                self._structure(sign)
                yield sign
            elif sign == '"':
                match = _STRING.match(text, at)
                end = match.end() if match else len(text)
                yield self._string(text[at:end], _MEMBER.match(text, end) is not None)
            elif (bare := _BARE.match(text, at)) is not None:
                end = bare.end()
                yield self._bare(bare[0], last=end == len(text))
            else:  # white space of another kind
                end = at + 1
                yield " "
            at = end

    def _structure(self, sign: str) -> None:
        if sign in "{[":
            under = self._named or (self._open[-1][0] if sign == "{" else "")
            self._open.append((under, self._open[-1][1] or self._private))
            self._named, self._private = "", False
            self.deepest = max(self.deepest, len(self._open))
        elif sign in "}]":
            if len(self._open) > 1:
                self._open.pop()
            self._named, self._private = "", False
        elif sign == ",":
            self._named, self._private = "", False

    def _string(self, token: str, is_member: bool) -> str:
        text = _unquoted(token)
        if is_member:
            named = _SIGNS.sub("", (text if text is not None else token).lower())
            a_thing = named == "name" and _THINGS.match(self._open[-1][0]) is not None
            self._named, self._private = named, _is_private(named) and not a_thing
            if text is None:
                return _quoted(_hidden(token.strip('"')))
            shown = _plain(text, self._known)
            return token if shown == text and _CONTROLS.search(token) is None else _quoted(shown)
        if text is None:  # it breaks off, or is written wrongly: half a name is one, too
            return _quoted(_hidden(token.strip('"')))
        if self._private or self._open[-1][1]:
            return _quoted(_hidden(text))
        shown = _plain(text, self._known)
        return token if shown == text and _CONTROLS.search(token) is None else _quoted(shown)

    def _bare(self, word: str, *, last: bool) -> str:
        if word in ("true", "false", "null"):
            return word
        if self._private or self._open[-1][1] or (last and self._cut):
            return _quoted(_hidden(word))
        shown = _plain(word, self._known)
        return word if shown == word and _CONTROLS.search(word) is None else _quoted(shown)


def _plain(text: str, known: Known) -> str:
    """A text that stands for itself, without what is known, what says what it is, and what looks like it."""
    if len(text) < _LOOKED_MIN and known.pattern is None:
        return text
    return _found(_without_named(text), known)


def _found(text: str, known: Known) -> str:
    if known.pattern is not None:
        text = known.pattern.sub(lambda match: _hidden(match[0]), text)
    return _LOOKS.sub(_looked, text)


def _looked(match: re.Match[str]) -> str:
    scheme = match["scheme"] or match["basic"] or ""
    return scheme + _hidden(match[0][len(scheme) :])


def _without_named(text: str) -> str:
    """`phone: 555 0100`, `name=Ada`, `<email>ada@...`: in a text that is no JSON, or a JSON text within one."""
    parts, at = [], 0
    match = _NAMED.search(text)
    while match is not None:
        end = match.end()
        value = _VALUE.match(text, end) if _is_private(_SIGNS.sub("", match["key"].lower())) else None
        if value is not None:
            parts += [text[at:end], _STAYS_QUOTED.sub(_MASK, value[0])]
            at = end = value.end()
        match = _NAMED.search(text, end)
    return "".join([*parts, text[at:]]) if parts else text


def _is_private(named: str) -> bool:
    return _PRIVATE.search(named) is not None and _PUBLIC.match(named) is None


def _hidden(text: str) -> str:
    return _STAYS.sub(_MASK, text)


def _phrase(text: str) -> str:
    """A text as a pattern: with any white space where it has some; a short one is no part of a longer word."""
    words = text.split()
    inner = r"\s+".join(re.escape(word) for word in words)
    short = len(text) <= _WORD_MAX
    before = r"(?<![^\W_])" if short and words[0][0].isascii() and words[0][0].isalnum() else ""
    behind = r"(?![^\W_])" if short and words[-1][-1].isascii() and words[-1][-1].isalnum() else ""
    return f"{before}{inner}{behind}"


def _phone(text: str) -> dict[str, str]:
    """A telephone number as patterns: as it may be spelled, with its country and without."""
    digits = re.sub(r"[^0-9]", "", text)
    if _PHONE_DIGITS_MIN <= len(digits) <= _PHONE_DIGITS_MAX:
        return {some: r"[\s().\-/]*".join(some) for some in (digits, digits[-_LOCAL_DIGITS:])}
    return {text: _phrase(text)} if text.strip() else {}


def _unquoted(token: str) -> str | None:
    """What a JSON string says; None when it is none, or not whole."""
    if "\\" not in token:
        return token[1:-1] if len(token) > 1 and token[-1] == '"' else None
    try:
        text = _READER.decode(token)
    except ValueError:
        return None
    return text if isinstance(text, str) else None


def _quoted(text: str) -> str:
    return json.dumps(_CONTROLS.sub("", text).encode("utf-8", "replace").decode(), ensure_ascii=False)


def _laid_out(shown: str, deepest: int, most: int) -> str | None:
    """With its members on lines of their own; None where it is no JSON that a person could read so."""
    if deepest > limits.JSON_DEPTH_MAX:
        return None
    try:
        laid_out = msgspec.json.format(shown, indent=2)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return laid_out if len(laid_out) <= most else None  # indents may be most of it
