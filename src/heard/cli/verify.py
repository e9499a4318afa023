"""`heard verify`: a captured request or answer, held against every rule; a wrong signature is traced to its mistake."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from heard import limits
from heard.cli.arguments import Json
from heard.cli.output import console, fail, print_json, printable
from heard.cli.running import read_shared_id
from heard.cli.sign import SHARED_ID_VARIABLE, UNUSABLE, FileOrStdin, kind_of, print_message, read_input, read_moment
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols.posnext.auth import DIGEST_HEADER
from heard.protocols.posnext.capture import Message, NotReadable, read_message
from heard.protocols.posnext.causes import Check, Found, Verdict
from heard.protocols.posnext.diagnose import Agreed, Captured, Report, report
from heard.protocols.posnext.recipe import Kind, NoFacts

_CAPTURE_BYTES_MAX = limits.MENU_BYTES_MAX + limits.CAPTURE_HEAD_BYTES_MAX
_STYLES = {Verdict.HOLDS: "green", Verdict.FAILS: "bold red", Verdict.SKIPPED: "dim", Verdict.ADVICE: "yellow"}


def verify(
    request: FileOrStdin | None = None,
    /,
    *,
    body: str | None = None,
    authorization: str | None = None,
    digest: str | None = None,
    shared_id_env: str | None = None,
    organization: str | None = None,
    amounts: Amounts = Amounts.MINOR,
    signature: SignatureScheme = SignatureScheme.DIGEST,
    kind: Kind | None = None,
    now: str | None = None,
    at_receipt: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Say of a captured posnext request or answer which rule holds and which fails, and why.

    A token or digest that fails is compared with what the known mistakes would have given, alone and in pairs; the one
    that was made is named, with the line to change. The output holds neither SharedId, key, token nor a whole digest.
    Exit status: 0 all holds, 1 something fails, 2 the input cannot be read.

    For example:

        heard verify request.txt
        curl -si ... | heard verify -
        heard verify --body submit.json --digest da9cfe27...

    Parameters
    ----------
    request
        A raw HTTP request or answer: start line (may be absent), headers, a blank line, the body; - reads stdin.
    body
        The file that holds the body alone, in place of a whole message.
    authorization
        The value of the Authorization header, where the message has none. Others on this machine can read arguments:
        a token that still counts belongs in the file.
    digest
        The value of the x-pch-digest header, where the message has none.
    shared_id_env
        The environment variable that holds the SharedId; HEARD_POS_SHARED_ID if none is named.
    organization
        The organization that must have sent it; the body's if none is given.
    amounts
        How the body writes amounts: whole cents (minor) or decimals (decimal).
    signature
        The documented digest, or HMAC over the body.
    kind
        What the body is; guessed from its members if it is not given.
    now
        When it arrived, such as 2025-01-15T18:30:00Z, or `now`.
    at_receipt
        Judge the token as of its own iat, so that an old capture is not only expired: so it is done without --now.
    json
        Print one JSON document: {"holds": ..., "checks": [...], "message": {...}}.

    """
    if (request is None) == (body is None):
        raise fail("give either a captured message (a file, or - for stdin) or --body FILE", UNUSABLE)
    if now is not None and at_receipt:
        raise fail("--now and --at-receipt: give one of the two", UNUSABLE)
    judged_at = datetime.now(UTC) if now == "now" else read_moment(now)
    message = _read(request, body)
    found = kind or _kind(message.body)
    captured = _captured(message, found, authorization, digest, whole=request is not None)
    shared_id = read_shared_id(shared_id_env, SHARED_ID_VARIABLE, UNUSABLE)
    said = report(captured, found, Agreed(amounts, signature, organization, judged_at), shared_id)
    if json:
        print_json(_document(said, message.doubt))
    else:
        _print(said, message.doubt)
    if not said.holds:
        raise SystemExit(1)


def _read(request: str | None, body: str | None) -> Message:
    if body is not None:
        return Message("", {}, read_input(body, limits.MENU_BYTES_MAX))
    assert request is not None  # one of the two was asked for
    raw = read_input(request, _CAPTURE_BYTES_MAX)
    if not raw.strip():
        raise fail(f"{request}: there is nothing in it", UNUSABLE)
    try:
        return read_message(raw)
    except NotReadable as error:
        raise fail(f"{request}: {error}", UNUSABLE) from None


def _kind(body: bytes) -> Kind | None:
    """None for no body, and for one that is no JSON object: its check says so."""
    try:
        return kind_of(body) if body else None
    except NoFacts:
        return None


def _captured(
    message: Message, kind: Kind | None, authorization: str | None, digest: str | None, *, whole: bool
) -> Captured:
    """Without a start line, an answer is told by its body and by the token that it lacks."""
    token = authorization or message.headers.get("authorization")
    unsaid = not message.start and token is None
    answer = message.status is not None or (unsaid and whole and kind is Kind.ANSWER)
    expected = token is not None or message.is_request or (bool(message.headers) and not answer)
    return Captured(message.body, token, digest or message.headers.get(DIGEST_HEADER), answer, expected)


def _document(said: Report, doubt: str) -> dict[str, object]:
    return {
        "holds": said.holds,
        "kind": said.kind,
        "checks": [asdict(check) for check in said.checks],
        "message": dict(said.message) or None,
        "expected_digest_begins": said.expected_begins or None,
        "doubt": doubt or None,
    }


def _print(said: Report, doubt: str) -> None:
    width = max(len(check.rule) for check in said.checks) + 2
    for check in said.checks:
        word = Text(f"{check.verdict:<9}", _STYLES[check.verdict])
        console.print(Text(f"{check.rule:<{width}}") + word + Text(printable(check.says)))
        _print_causes(check, " " * (width + 9))
    if said.message:
        print_message(said.message)
    if said.expected_begins:
        print(f"{'' if said.message else chr(10)}  {'its digest begins':<20}{said.expected_begins}...")
    if doubt:
        print(f"\n{printable(doubt)}")


def _print_causes(check: Check, margin: str) -> None:
    for number, cause in enumerate(check.causes):
        if number:
            print(f"{margin}or")
        if len(cause) > 1:
            print(f"{margin}both of these together:")
        for found in cause:
            console.print(Text(f"{margin}{_told(found)}"))
            print(f"{margin}  -> {found.fix}")


def _told(found: Found) -> str:
    return f"{found.name}: {found.what}" + (f" ({printable(found.detail)})" if found.detail else "")
