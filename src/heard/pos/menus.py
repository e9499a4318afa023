"""A location's menu as the hub gets it: PAR's location id, an ETag of the content, gzip for those who take it.

What no hub could read never leaves: its author finds it in the log and in `heard pos map check`.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import structlog

from heard import limits
from heard.domain.ids import LocationId
from heard.domain.menu.lint import check_menu
from heard.domain.menu.model import Menu, Modifier, Product
from heard.domain.refusals import Code, FieldError, Refused
from heard.net.remembered import Remembered
from heard.pos.adapter import Location
from heard.pos.calling import AdapterFailed, Caller
from heard.protocols.posnext import encode
from heard.protocols.posnext.menus import decode_menu

log = structlog.get_logger()

_NO_MENU = "The POS gives no menu now; its log says why."


class MenuUnreadable(Exception):
    """A menu that no hub could read; one line that names the place."""


@dataclass(frozen=True, slots=True)
class MenuDocument:
    raw: bytes = field(repr=False)
    etag: str


class Menus:
    """One kit's menus. A document that was once read back is not read again."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._good: Remembered[str, bool] = Remembered(limits.LOCATION_CACHE_MAX, limits.MENU_CACHE_S)

    async def of(self, own: Location, location_id: str) -> MenuDocument:
        """The menu that the adapter has now. Raises Refused(unavailable). Its faults are told to its author's log."""
        try:
            async with asyncio.timeout(limits.MENU_CALL_TIMEOUT_S), self._caller.room(own):
                menu = await self._caller.call("menu", own, Menu, hurried=True)
            return await asyncio.to_thread(self._document, menu, location_id, own)
        except MenuUnreadable as error:
            log.error("the menu is none that a hub could read", location=own.location_id, why=str(error))
        except (AdapterFailed, TimeoutError):
            pass  # the adapter's own log says it, or its silence does
        raise Refused(Code.UNAVAILABLE, _NO_MENU, retry_after_s=30)

    def _document(self, menu: Menu, location_id: str, own: Location) -> MenuDocument:
        raw, faults = written(menu, location_id)
        for fault in faults[: limits.FIELD_ERRORS_MAX]:
            log.error("the menu has a fault: hubs will not take it", location=own.location_id, path=fault.path,
                      why=fault.message)  # fmt: skip
        mark = hashlib.sha256(raw).hexdigest()[:32]
        if self._good.get(mark) is None:
            read_back(raw)
            self._good.put(mark, value=True)
        return MenuDocument(raw, f'"{mark}"')


def written(menu: Menu, location_id: str) -> tuple[bytes, tuple[FieldError, ...]]:
    """The document, and what a hub that can read it would still not take. Raises MenuUnreadable."""
    try:
        for path, price in _prices(menu):
            if type(price) is not int:
                raise MenuUnreadable(f"{path}.price: {price!r} is not whole cents")
        menu = replace(menu, location_id=LocationId(location_id))
        return encode.encode_menu(menu), check_menu(menu, menu.location_id)
    except (AttributeError, TypeError, ValueError, AssertionError, ArithmeticError, RecursionError) as error:
        raise MenuUnreadable(f"it is not made of heard.pos's own values: {error}") from error


def read_back(raw: bytes) -> None:
    """Whether a hub can read it. Raises MenuUnreadable."""
    try:
        decode_menu(raw)
    except Refused as refused:
        raise MenuUnreadable(refused.detail) from None


def _prices(menu: Menu) -> Iterator[tuple[str, object]]:
    for place, section in enumerate(menu.sections):
        for number, product in enumerate(section.products):
            path = f"$.menus[{place}].products[{number}]"
            yield path, product.price
            yield from _rule_prices(path, product)
            for modifier in product.modifiers():
                where = f"{path}: modifier {modifier.id!r}"
                yield where, modifier.price
                yield from _rule_prices(where, modifier)


def _rule_prices(path: str, priced: Product | Modifier) -> Iterator[tuple[str, object]]:
    for place, rule in enumerate(priced.prices):
        yield f"{path}.prices[{place}]", rule.price


def zipped(raw: bytes) -> bytes:
    """The same bytes each time, whatever the hour."""
    return gzip.compress(raw, 6, mtime=0)
