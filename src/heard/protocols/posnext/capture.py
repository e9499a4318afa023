"""A message as somebody caught it, read back: a raw HTTP request or answer, as `curl -i` prints one, or a bare body.

Read leniently where it does not matter (line ends, a missing start line) and strictly where a signature hangs on it.
"""

import re
from dataclasses import dataclass, field

from heard import limits
from heard.protocols.posnext.auth import DIGEST_HEADER

_REQUEST = re.compile(r"[A-Z]{3,10} (?P<target>\S+)(?: HTTP/[0-9.]+)?")
_STATUS = re.compile(r"HTTP/[0-9.]+ (?P<status>[0-9]{3})(?: .*)?")
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>.*?)[ \t]*")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SIGNING = ("authorization", DIGEST_HEADER)


class NotReadable(Exception):
    """What was caught is no message that can be checked; the text says what to give instead."""


@dataclass(frozen=True, slots=True)
class Message:
    """`start` is empty when there was none; header names are in lower case. `doubt`: why the body may be another."""

    start: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    doubt: str = ""

    @property
    def status(self) -> int | None:
        """Of an answer; None for a request, and when there is no start line."""
        match = _STATUS.fullmatch(self.start)
        return int(match["status"]) if match else None

    @property
    def is_request(self) -> bool:
        return _REQUEST.fullmatch(self.start) is not None


def read_message(raw: bytes) -> Message:
    """One HTTP message with its body as it was sent. Raises NotReadable."""
    if raw.lstrip()[:1] in (b"{", b"["):
        return Message("", {}, raw)
    head, body = _split(raw)
    while _is_interim(head):  # `curl -i` prints 100 Continue before the answer
        head, body = _split(body)
    start, headers = _read_head(head)
    sent, doubt = _body(headers, body)
    return Message(start, headers, sent, doubt)


def _split(raw: bytes) -> tuple[str, bytes]:
    end = _HEAD_END.search(raw)
    head, body = (raw[: end.start()], raw[end.end() :]) if end else (raw.rstrip(b"\r\n"), b"")
    if len(head) > limits.CAPTURE_HEAD_BYTES_MAX:
        raise NotReadable(f"the headers have more than {limits.CAPTURE_HEAD_BYTES_MAX} bytes")
    return head.decode("latin-1"), body


def _is_interim(head: str) -> bool:
    match = _STATUS.fullmatch(head.splitlines()[0].strip()) if head else None
    return match is not None and match["status"].startswith("1")


def _read_head(head: str) -> tuple[str, dict[str, str]]:
    lines = re.split(r"\r?\n", head)
    start = lines[0].strip()
    if _REQUEST.fullmatch(start) or _STATUS.fullmatch(start):
        lines = lines[1:]
    else:
        start = ""
    headers: dict[str, str] = {}
    for number, line in enumerate(lines, 2 if start else 1):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise NotReadable(f"line {number} is no header such as `x-pch-digest: da9c...`; a blank line ends them")
        name = match["name"].lower()
        if name in headers and name in _SIGNING:
            raise NotReadable(f"line {number}: {name} stands there twice; which one counts is anyone's guess")
        headers[name] = match["value"]
    return start, headers


def _body(headers: dict[str, str], body: bytes) -> tuple[bytes, str]:
    """Cut to its length, since what saves a capture may add a line end; and what of it is not as it was sent."""
    if "chunked" in headers.get("transfer-encoding", "").lower() and re.match(rb"[0-9A-Fa-f]+\r?\n", body):
        raise NotReadable("the body is still in chunks: capture it as `curl -i` prints it, or give it with --body")
    if headers.get("content-encoding", "identity").lower() not in ("", "identity") and body[:1] not in (b"{", b"["):
        raise NotReadable("the body is compressed: decompress it, and give it with --body")
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit() or len(length) > 12:
        return body, ""
    if len(body) >= int(length) and not body[int(length) :].strip(b"\r\n"):
        return body[: int(length)], ""
    return body, f"content-length is {length}, and the body here has {len(body)} bytes: it is not as it was sent"
