"""Whether what is mapped can be served: every location's menu, asked of the adapter and held against the checks."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from heard import limits
from heard.domain.menu.model import Menu
from heard.domain.refusals import FieldError, Refused
from heard.pos.calling import AdapterFailed, Caller
from heard.pos.menus import MenuUnreadable, read_back, written
from heard.pos.store import Mapped, Store


@dataclass(frozen=True, slots=True)
class Checked:
    """One mapping; no faults: it can be served."""

    mapped: Mapped
    products: int
    faults: tuple[str, ...]


async def check_locations(store: Store, adapter: object) -> list[Checked]:
    """Check every mapping, page by page."""
    caller, checked, after = Caller(adapter, 1), [], ("", "")
    try:
        while page := await store.locations(limits.PAGE_MAX, after):
            checked += [await _check(caller, mapped) for mapped in page]
            after = (page[-1].organization_id, page[-1].location_id)
    finally:
        caller.close()
    return checked


async def _check(caller: Caller, mapped: Mapped) -> Checked:
    try:
        menu: Menu = await caller.call("menu", mapped.own, Menu)
        raw, faults = await asyncio.to_thread(written, menu, mapped.location_id)
        await asyncio.to_thread(read_back, raw)
    except (AdapterFailed, MenuUnreadable) as error:
        read = error.__cause__.errors if isinstance(error.__cause__, Refused) else ()  # by `read_menu`, of a file
        return Checked(mapped, 0, _told(read) or (str(error),))
    return Checked(mapped, len(list(menu.products())), _told(faults))


def _told(faults: Iterable[FieldError]) -> tuple[str, ...]:
    return tuple(f"{one.path}: {one.message}" for one in faults)
