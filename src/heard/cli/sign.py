"""`heard sign`: the token and the digest of a body, as the hub would make them, with every part named."""

import secrets
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from heard import limits
from heard.cli.arguments import Json
from heard.cli.output import fail, print_json, printable
from heard.cli.running import read_shared_id
from heard.domain.pos import RequestType
from heard.domain.refusals import Refused
from heard.domain.stores import Amounts, SignatureScheme
from heard.protocols import strict_json
from heard.protocols.addresses import is_web_address
from heard.protocols.posnext import auth, decode, operations
from heard.protocols.posnext.causes import Check, Verdict
from heard.protocols.posnext.diagnose import check_body, is_signed, message_parts
from heard.protocols.posnext.recipe import Facts, Kind, NoFacts, guess_kind, read_facts, right_recipe

SHARED_ID_VARIABLE = "HEARD_POS_SHARED_ID"
UNUSABLE = 2  # the exit status for input that cannot be worked on

FileOrStdin = Annotated[str, Parameter(allow_leading_hyphen=True)]  # a lone - is stdin


def sign(
    body: FileOrStdin,
    /,
    *,
    shared_id_env: str | None = None,
    organization: str | None = None,
    amounts: Amounts = Amounts.MINOR,
    signature: SignatureScheme = SignatureScheme.DIGEST,
    kind: Kind | None = None,
    now: str | None = None,
    curl: str | None = None,
    json: Json = False,
) -> None:
    """Sign a posnext body: prints its token, its x-pch-digest, and the signed message with its parts named.

    The SharedId is read from the environment (HEARD_POS_SHARED_ID, or the variable that --shared-id-env names), or
    asked for. It is never an argument, and never printed.

    For example:

        heard sign submit.json
        heard sign submit.json --curl https://pos.example

    Parameters
    ----------
    body
        The file that holds the body, signed byte for byte; - reads stdin.
    shared_id_env
        The environment variable that holds the SharedId.
    organization
        The token's `sub`; the body's organization_id if none is given.
    amounts
        How the body writes amounts: whole cents (minor) or decimals (decimal).
    signature
        The documented digest, or HMAC over the body.
    kind
        What the body is; guessed from its members if it is not given.
    now
        When the token is made, such as 2025-01-15T18:30:00Z; this moment if it is not given.
    curl
        Print a curl command that sends the body there: the POS's address without /posnext, or a whole one.
    json
        Print one JSON document.

    """
    raw = read_input(body, limits.MENU_BYTES_MAX)
    found = kind or _kind(raw)
    try:
        facts = read_facts(raw, found, amounts)
    except NoFacts as error:
        raise fail(f"{body}: {error}", UNUSABLE) from None
    organization_id = organization or facts.organization_id
    if organization_id is None:
        raise fail("--organization: the body names no organization_id, and the token needs one", UNUSABLE)
    made_at = read_moment(now) or datetime.now(UTC)
    shared_id = read_shared_id(shared_id_env, SHARED_ID_VARIABLE, UNUSABLE)
    token = auth.make_token(shared_id, organization_id, made_at, f"call_{secrets.token_hex(8)}")
    signed = is_signed(facts, answer=False, scheme=signature)
    headers = {"authorization": f"Bearer {token}"}
    if signed:
        headers[auth.DIGEST_HEADER] = right_recipe(facts, signature, shared_id).sign()
    faults = [check for check in check_body(raw, found, amounts) if check.verdict is Verdict.FAILS]
    parts = message_parts(facts, signature) if signed else ()
    if curl is not None:
        _warn(faults)
        print(_curl_command(curl, body, raw, facts, headers))
    elif json:
        message = dict(parts) or None
        print_json({"kind": found, "headers": headers, "message": message, "faults": [one.says for one in faults]})
    else:
        _print(found, headers, parts, signature if signed else None)
        _warn(faults)


def read_input(name: str, bytes_max: int) -> bytes:
    """A file, or stdin for `-`; within bounds. Ends the process when it cannot be read."""
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(bytes_max + 1)
    except OSError as error:
        raise fail(f"{name}: {error.strerror}", UNUSABLE) from None
    if len(raw) > bytes_max:
        raise fail(f"{name}: more than {bytes_max} bytes", UNUSABLE)
    return raw


def kind_of(raw: bytes) -> Kind:
    """What a body is. Raises NoFacts for one that is no JSON object; ends the process when its members do not tell."""
    found = guess_kind(raw)
    if found is None:
        raise fail(f"--kind: the body has neither request_type nor status; say {', '.join(Kind)}", UNUSABLE)
    return found


def read_moment(text: str | None) -> datetime | None:
    """A time of the command line. Ends the process when it is none."""
    try:
        return None if text is None else decode.read_time(text, "--now")
    except Refused as refused:
        raise fail(refused.detail, UNUSABLE) from None


def print_message(parts: tuple[tuple[str, str], ...]) -> None:
    """The signed message, whole and in its parts."""
    print("\nSigned message")
    for name, text in parts:
        print(f"  {name:<20}{printable(text)}")
    print(f"  {'joined':<20}{printable('|'.join(text for _, text in parts))}")


def _kind(raw: bytes) -> Kind:
    try:
        return kind_of(raw)
    except NoFacts as error:
        raise fail(str(error), UNUSABLE) from None


def _print(
    kind: Kind, headers: dict[str, str], parts: tuple[tuple[str, str], ...], scheme: SignatureScheme | None
) -> None:
    for name, text in {"kind": kind.value, **headers}.items():
        print(f"{name + ':' if name != 'kind' else name:<16}{text}")
    if parts:
        print_message(parts)
        print(f"  {'key':<20}the first {auth.KEY_CHARACTERS} characters of the SharedId")
    elif scheme is SignatureScheme.BODY:
        print("\nSigned: the raw bytes of the body, with the whole SharedId")
    else:
        print("\nNo digest: a menu and its request carry none in this scheme; the token is enough")


def _warn(faults: list[Check]) -> None:
    for fault in faults:
        print(f"heard: signed, but the body will be refused: {printable(fault.says)}", file=sys.stderr)


def _curl_command(address: str, body: str, raw: bytes, facts: Facts, headers: dict[str, str]) -> str:
    if not is_web_address(address):
        raise fail(f"--curl: {address!r} is not an address such as https://pos.example", UNUSABLE)
    if not urlsplit(address).path.strip("/"):
        address = address.rstrip("/") + _path(raw, facts)
    words = ["curl", "-si", address]
    for name, text in {**headers, "content-type": "application/json", "accept": "application/json"}.items():
        words += ["-H", f"{name}: {text}"]
    words += ["--data-binary", f"@{body}"]
    return shlex.join(words)


def _path(raw: bytes, facts: Facts) -> str:
    """Where such a body belongs. An answer is the hub's to be given: only its receiver knows the address."""
    if facts.kind is Kind.ORDER:
        members = strict_json.parse(raw)
        validating = isinstance(members, dict) and members.get("request_type") == RequestType.VALIDATE
        return operations.VALIDATE.path if validating else operations.SUBMIT.path
    if facts.kind is Kind.CANCEL:
        return operations.CANCEL.path.format(order_id=facts.request_uid)
    if facts.kind is Kind.MENU:
        return operations.MENUS.path
    raise fail("--curl: an answer is sent to the callback_url of its request: give that whole address", UNUSABLE)
