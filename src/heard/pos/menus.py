"""A location's menu as the hub gets it: PAR's location id, an ETag of the content, gzip for those who take it."""

import asyncio
import gzip
import hashlib
from dataclasses import dataclass, field, replace

import structlog

from heard import limits
from heard.domain.ids import LocationId
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu
from heard.domain.refusals import Code, Refused
from heard.pos.adapter import Location
from heard.pos.calling import AdapterFailed, Caller
from heard.protocols.posnext import encode

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MenuDocument:
    raw: bytes = field(repr=False)
    etag: str


async def menu_of(caller: Caller, own: Location, location_id: str) -> MenuDocument:
    """The menu that the adapter has now. Raises Refused(unavailable). Faults in it are told to its author's log."""
    try:
        async with asyncio.timeout(limits.MENU_CALL_TIMEOUT_S), caller.room(own) as place:
            menu = await place.call("menu", own, Menu)
    except (AdapterFailed, TimeoutError):
        raise Refused(Code.UNAVAILABLE, "The POS gives no menu now; its log says why.", retry_after_s=30) from None
    return await asyncio.to_thread(_document, replace(menu, location_id=LocationId(location_id)), own)


def zipped(raw: bytes) -> bytes:
    """The same bytes each time, whatever the hour."""
    return gzip.compress(raw, 6, mtime=0)


def _document(menu: Menu, own: Location) -> MenuDocument:
    for fault in check_menu(menu, menu.location_id)[: limits.FIELD_ERRORS_MAX]:
        log.error("the menu has a fault: hubs will not take it", location=own.location_id, path=fault.path,
                  why=fault.message)  # fmt: skip
    raw = encode.encode_menu(menu)
    return MenuDocument(raw, f'"{hashlib.sha256(raw).hexdigest()[:32]}"')
