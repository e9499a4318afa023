"""The feed's cursor: a place in one marketplace's events as opaque text. Our reading: the documentation has no feed."""

import base64
import binascii
import hashlib
import struct
from typing import Final

from heard.domain.ids import MarketplaceId
from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body

Place = tuple[int, int]  # the transaction that wrote an event, and the event's number

BEGINNING: Final[Place] = (0, 0)
_PREFIX = "evc_"
_FORM = struct.Struct(">QQ4s")
_LENGTH = len(_PREFIX) + 27  # 20 bytes in base64
_NUMBER_MAX = 2**63 - 1  # what the database's numbers hold


def encode_cursor(place: Place, marketplace_id: MarketplaceId) -> str:
    """The cursor of a place, bound to whose feed it is."""
    packed = _FORM.pack(*place, _check(place, marketplace_id))
    return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode_cursor(text: str, marketplace_id: MarketplaceId) -> Place:
    """The place of a cursor. Raises Refused(invalid_body) for one that is broken, or of another's feed."""
    if len(text) != _LENGTH or not text.startswith(_PREFIX):
        raise _broken()
    try:
        raw = base64.b64decode(text.removeprefix(_PREFIX) + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _broken() from None
    *numbers, check = _FORM.unpack(raw)
    place = (numbers[0], numbers[1])
    if (
        max(place) > _NUMBER_MAX
        or check != _check(place, marketplace_id)
        or text != encode_cursor(place, marketplace_id)
    ):
        raise _broken()
    return place


def _check(place: Place, marketplace_id: MarketplaceId) -> bytes:
    """Against slips, not against forgers: a forged cursor leads nowhere but to one's own events."""
    return hashlib.sha256(f"{marketplace_id}|{place[0]}|{place[1]}".encode()).digest()[:4]


def _broken() -> Exception:
    return invalid_body(FieldError("after", "unknown_cursor", "give a `next` of your own feed, as it came, or nothing"))
