"""A menu's pictures, fetched by the hub and shown as its own: no browser of ours asks a strange host for anything.

A page says by a signature which addresses it shows, so that nobody has the hub fetch another one. What is fetched
passes the address guard, is no larger than a picture needs to be, and is one by its first bytes; it goes out as that
and as nothing else. What is none of it is shown as nothing.
"""

import asyncio
import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from heard import limits
from heard.console.menus_seen import picture_of
from heard.net.call import Answer, Call, Carrier
from heard.net.remembered import Remembered

PATH: Final = "/console/menus/picture"


@dataclass(frozen=True, slots=True)
class Picture:
    """`kind`: its media type, as its first bytes say."""

    kind: str
    raw: bytes


NOTHING: Final = Picture("image/gif", base64.b64decode(b"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"))
_FIRST: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Pictures:
    """One process's. What it fetched last is kept; also that an address has none."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._known: Remembered[str, Picture] = Remembered(limits.PICTURES_KEPT, limits.PICTURE_KEPT_S)
        self._turns = asyncio.Semaphore(limits.PICTURES_AT_ONCE)

    async def of(self, url: str) -> Picture:
        """What is at an address; NOTHING where that is no picture, or not to be had."""
        async with self._turns:
            return self._known.get(url) or self._known.put(url, await self._fetch(url))

    async def _fetch(self, url: str) -> Picture:
        headers = {"accept": "image/png, image/jpeg, image/webp, image/gif"}
        call = Call("GET", url, headers, None, limits.PICTURE_TIMEOUT_S, limits.PICTURE_BYTES_MAX)
        answer = await self._carrier.send(call)
        if not isinstance(answer, Answer) or answer.status != 200:
            return NOTHING
        kind = kind_of(answer.body)
        return NOTHING if kind is None else Picture(kind, answer.body)


def kind_of(raw: bytes) -> str | None:
    """The media type of a picture that every browser shows; None: it is none. A drawing (SVG) may hold scripts.

    >>> kind_of(b"<svg onload='x'>"), kind_of(NOTHING.raw)
    (None, 'image/gif')
    """
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for first, kind in _FIRST if raw.startswith(first)), None)


def path_of(address: str, form_key: str) -> str | None:
    """Where a page of a session finds a picture of a menu; None where its address leads nowhere."""
    url = picture_of(address)
    if url is None:
        return None
    named = base64.urlsafe_b64encode(url.encode()).decode()
    return f"{PATH}?{urlencode({'of': named, 'key': _signature(named, form_key)})}"


def read_url(named: str, key: str, form_key: str) -> str | None:
    """The address that a page of this session has shown; None for any other."""
    if not hmac.compare_digest(key.encode(), _signature(named, form_key).encode()):
        return None
    try:
        return base64.urlsafe_b64decode(named.encode()).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _signature(named: str, form_key: str) -> str:
    return hmac.digest(form_key.encode(), f"a picture: {named}".encode(), "sha256").hex()
